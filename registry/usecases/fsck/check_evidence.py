"""Ask whether evidence files are what their digests say, and were attached to products by the acts that say so."""

from hashlib import sha256

from sqlalchemy import select

from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.products import EvidenceFile, ProductEvidence
from registry.usecases.application.keep_product import MAGIC
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable

_MAGIC = {media_type.value: magic for media_type, magic in MAGIC.items()}


def check_evidence(survey: Survey) -> None:
    """Rehash each evidence file, one at a time, and ask whether each was attached by its act."""
    for file, _ in survey.rows(EvidenceFile, of(EvidenceFile).order_by(EvidenceFile.sha256), batch=1):
        where = f"evidence file {file.sha256}"
        survey.differ(where, file, {"sha256": sha256(file.content).hexdigest()}, "its content says")
        if not file.content.startswith(_MAGIC.get(file.media_type, b"\0")):
            survey.say(where, "its first bytes are not those of its media type")
    _attached(survey)


def _attached(survey: Survey) -> None:
    """Ask whether each file of a product was attached by its act, and the reverse."""
    query = of(
        ProductEvidence,
        EvidenceFile.media_type,
        Act.id.label("act"),
        Act.person.label("person_"),
        readable(Act.at).label("at_"),
        readable(Act.private).label("private_"),
    )
    ours = (Act.private["product"].astext == ProductEvidence.product) & (
        Act.private["sha256"].astext == ProductEvidence.sha256
    )
    query = query.outerjoin(EvidenceFile, EvidenceFile.sha256 == ProductEvidence.sha256)
    query = query.outerjoin(Act, ours & (Act.kind == Kind.EVIDENCE_KEPT))
    for row, beside in survey.rows(ProductEvidence, query.order_by(ProductEvidence.product, ProductEvidence.sha256)):
        where = f"evidence {row.sha256} of product {row.product}"
        said = {"product": row.product, "sha256": row.sha256, "name": row.name, "media_type": beside.media_type}
        if read_object(beside.private_) != said:
            survey.say(where, "its name or media type is not what its act says, or there is none")
        else:
            survey.differ(where, row, {"added_at": beside.at_, "added_by": beside.person_}, "its act says")
    kept = select(ProductEvidence.product).where(ours).exists()
    for act in survey.tx.scalars(select(Act.id).where(Act.kind == Kind.EVIDENCE_KEPT, ~kept).order_by(Act.id)):
        survey.say(f"act {act}", "it kept evidence of a product that is not here")
