"""Ask whether what each node said of how fresh its word is was signed by it, and what the columns say of that."""

from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.trust.freshness import Freshness
from registry.store.freshness import FreshnessRow
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.survey_rows import Survey, of


def check_freshness(survey: Survey, own: str, adopted: Adopted) -> None:
    """Check the newest statement of every node, and the one by which everything had come."""
    for row, _ in survey.rows(FreshnessRow, of(FreshnessRow).order_by(FreshnessRow.node)):
        where = f"freshness of {row.node}"
        said = _read(survey, where, row.text, adopted)
        if said is not None:
            last = said.last(own)
            derived = {"epoch": last.epoch, "seq": last.seq, "digest": last.digest}
            survey.differ(where, row, {"node": said.issuer, "as_of": said.as_of, **derived})
        met = None if row.met is None else _read(survey, where, row.met, adopted)
        if said is not None and met is not None and not _precedes(met, said, own):
            survey.say(where, "the statement before it is of another node, or not older")


def _precedes(met: Freshness, said: Freshness, own: str) -> bool:
    """Tell whether everything had come by a statement before another, or by this one, where nothing was sent."""
    is_it = met == said and said.last(own).seq == 0
    return met.issuer == said.issuer and (met.as_of < said.as_of or is_it)


def _read(survey: Survey, where: str, text: str, adopted: Adopted) -> Freshness | None:
    try:
        envelope = Envelope.parse(text, Typ.FRESHNESS)
        said = Freshness.parse(envelope.payload)
    except RegistryError as refusal:
        survey.say(where, str(refusal))
        return None
    if (wrong := adopted.signed(envelope)) is not None:
        survey.say(where, wrong)
    return said
