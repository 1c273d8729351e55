"""Ask whether what was issued outside has its act and its registration, as both were made, and the reverse."""

from sqlalchemy import select

from registry.core.certificate.outside import Outside
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.certificates import CertificateRow, Source
from registry.store.registrations import Registration
from registry.usecases.certificate.register_certificate import told
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable


def check_registrations(survey: Survey) -> None:
    """Check certificates that were issued outside, and what is known beside them."""
    query = of(
        Registration,
        *(CertificateRow.source, CertificateRow.digest, CertificateRow.presented_in),
        *(
            readable(CertificateRow.registered_on).label("registered_on"),
            readable(CertificateRow.due_on).label("due_on"),
        ),
        *(Act.digest.label("digest_"), Act.to.label("to_"), Act.kind.label("kind_")),
        readable(Act.private).label("private_"),
        (Act.at == CertificateRow.recorded_at).label("at_once"),
    )
    query = query.outerjoin(CertificateRow, CertificateRow.id == Registration.certificate)
    query = query.outerjoin(Act, Act.id == CertificateRow.act).order_by(Registration.certificate)
    for row, beside in survey.rows(Registration, query):
        where = f"registration of {row.certificate}"
        expected = (Kind.CERTIFICATE_ISSUED, beside.digest, beside.presented_in, True)
        if beside.source != Source.OUTSIDE or (beside.kind_, beside.digest_, beside.to_, beside.at_once) != expected:
            survey.say(where, "it is of no certificate that was registered, with its act")
        elif (read_object(beside.private_) or {}).get("issued_outside") != told(
            row, Outside(beside.registered_on, beside.due_on)
        ):
            survey.say(where, "it is not what its act says")
    kept = select(Registration.certificate).where(Registration.certificate == CertificateRow.id).exists()
    unknown = select(CertificateRow.id).where(CertificateRow.source == Source.OUTSIDE, ~kept)
    for named in survey.tx.scalars(unknown.order_by(CertificateRow.id)):
        survey.say(f"certificate {named}", "it was issued outside, and its registration is not here")
