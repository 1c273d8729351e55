"""Ask whether what issuing leaves behind agrees: applications, who played which part, numbers and indices."""

from sqlalchemy import case, func, select

from registry.core.application.lifecycle import Part
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.applications import Application, ApplicationPerson
from registry.store.certificates import CertificateRow, Source
from registry.store.parties import Organisation
from registry.store.registrations import Registration
from registry.store.serials import NumberCounter
from registry.store.status_indices import StatusIndex
from registry.usecases.fsck.survey_rows import Survey

_DONE_BY = {
    Part.APPLICANT: (
        Kind.APPLICATION_DRAFTED,
        Kind.APPLICATION_CHANGED,
        Kind.APPLICATION_SUBMITTED,
        Kind.APPLICATION_WITHDRAWN,
        Kind.APPLICATION_ACCEPTED,
        Kind.APPLICATION_OBJECTED,
    ),
    Part.EXAMINER: (
        Kind.APPLICATION_TAKEN_UP,
        Kind.APPLICATION_SENT_BACK,
        Kind.APPLICATION_REFUSED,
        Kind.APPLICATION_DRAFT_OFFERED,
    ),
}


def check_issuing(survey: Survey) -> None:
    """Check what issuing leaves behind."""
    _applications(survey)
    _parts(survey)
    _numbers(survey)
    _indices(survey)


def _applications(survey: Survey) -> None:
    """Ask whether each issued application has its certificate, signed by who plays that part, and the reverse."""
    part = select(ApplicationPerson.part).where(
        ApplicationPerson.application == CertificateRow.application,
        ApplicationPerson.person == CertificateRow.signatory,
    )
    body = select(Organisation.did).where(Organisation.id == Application.body)
    query = (
        select(
            func.coalesce(Application.id, CertificateRow.application).label("id"),
            Application.state,
            CertificateRow.id.label("certificate"),
            part.scalar_subquery().label("part"),
            Application.organisation == CertificateRow.organisation,
            Application.principal == CertificateRow.principal,
            body.scalar_subquery() == CertificateRow.body,
            Application.changed_at == CertificateRow.recorded_at,
        )
        .outerjoin_from(Application, CertificateRow, CertificateRow.application == Application.id, full=True)
        .where((Application.state == "issued") | CertificateRow.application.is_not(None))
        .order_by("id")
    )
    for row in survey.stream(query):
        where = f"application {row.id}"
        if row.state != "issued" or row.certificate is None:
            survey.say(where, "it is issued without a certificate, or the reverse")
        elif not all(row[4:]):
            survey.say(where, f"its organisation, principal, body or time is not that of {row.certificate}")
        if row.certificate is not None and row.part != "signatory":
            survey.say(where, "who signed does not play that part")


def _parts(survey: Survey) -> None:
    """Ask whether who plays which part in an application is what the acts say: the rule of three different people."""
    said = [(kind, part.value) for part, kinds in _DONE_BY.items() for kind in kinds]
    done = (
        select(Act.subject, Act.person, case(dict(said), value=Act.kind).label("part"))
        .where(Act.kind.in_([kind for kind, _ in said]), Act.person.is_not(None))
        .distinct()
        .subquery()
    )
    same = (ApplicationPerson.application == done.c.subject) & (ApplicationPerson.person == done.c.person)
    by_signing = done.c.part.is_(None) & (ApplicationPerson.part == Part.SIGNATORY)
    query = (
        select(func.coalesce(ApplicationPerson.application, done.c.subject).label("application"))
        .outerjoin_from(done, ApplicationPerson, same, full=True)
        .where(done.c.part.is_distinct_from(ApplicationPerson.part), ~by_signing)
        .distinct()
        .order_by("application")
    )
    for row in survey.stream(query):
        survey.say(f"application {row.application}", "who plays which part is not what the acts on it say")


def _numbers(survey: Survey) -> None:
    """Ask whether each number that was allotted is a certificate's; a restore leaves some unused for ever."""
    restored = survey.tx.scalar(select(Act.id).where(Act.kind == Kind.LOG_RECOVERED).limit(1)) is not None
    ahead = Registration.serial > func.coalesce(NumberCounter.last, 0)  # the counter has not come to it yet
    counted = (
        select(CertificateRow.body, CertificateRow.year, func.count().label("issued"))
        .outerjoin(Registration, Registration.certificate == CertificateRow.id)
        .outerjoin(
            NumberCounter, (NumberCounter.body == CertificateRow.body) & (NumberCounter.year == CertificateRow.year)
        )
        .where(CertificateRow.source != Source.DELIVERED, ahead.is_not(True))
        .group_by(CertificateRow.body, CertificateRow.year)
        .subquery()
    )
    query = select(
        func.coalesce(NumberCounter.body, counted.c.body).label("body"),
        func.coalesce(NumberCounter.year, counted.c.year).label("year"),
        func.coalesce(NumberCounter.last, 0).label("last"),
        func.coalesce(counted.c.issued, 0).label("issued"),
    ).outerjoin_from(
        NumberCounter,
        counted,
        (counted.c.body == NumberCounter.body) & (counted.c.year == NumberCounter.year),
        full=True,
    )
    for row in survey.stream(query.order_by("body", "year")):
        if row.last < row.issued or (row.last > row.issued and not restored):
            survey.say(f"numbers of {row.body} in {row.year}", "a number was allotted and not used, or the reverse")


def _indices(survey: Survey) -> None:
    """Ask whether each drawn index of a status list is a certificate's, and the reverse."""
    own = select(CertificateRow.status_list.label("list"), CertificateRow.status_index.label("index"))
    own = own.where(CertificateRow.source != Source.DELIVERED)
    drawn = select(StatusIndex.list, StatusIndex.index)
    for one, other, what in (
        (own, drawn, "it is a certificate's, and was not drawn"),
        (drawn, own, "it was drawn, and is no certificate's"),
    ):
        for row in survey.stream(select(one.except_(other).subquery()).order_by("list", "index")):
            survey.say(f"status index {row.list}/{row.index}", what)
