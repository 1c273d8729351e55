"""Re-derive everything from what was signed, and say where log, acts and tables do not agree.

Nothing here changes anything, and it needs public keys only. One inconsistency is one line; an empty answer means that
all questions were asked. What nobody signed, and no act repeats, each part names at its beginning, and what it cannot
find, with the reason. What persons are asked to do (`task`) is derived from the rest; only what evidence of a split
asks of them is looked at, since nothing asks for it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from registry.core.identifiers import node_did
from registry.core.tlog.note import VerifierKey
from registry.store.replies import Reply
from registry.usecases.fsck.check_adopted import check_adopted
from registry.usecases.fsck.check_certificates import check_certificates
from registry.usecases.fsck.check_channel import check_channel
from registry.usecases.fsck.check_epochs import check_epochs
from registry.usecases.fsck.check_evidence import check_evidence
from registry.usecases.fsck.check_freshness import check_freshness
from registry.usecases.fsck.check_guard import check_guard
from registry.usecases.fsck.check_issuing import check_issuing
from registry.usecases.fsck.check_log import check_log
from registry.usecases.fsck.check_mirror import check_mirrors, check_witness
from registry.usecases.fsck.check_months import check_months
from registry.usecases.fsck.check_parties import check_parties
from registry.usecases.fsck.check_registrations import check_registrations
from registry.usecases.fsck.check_tiles import check_tiles
from registry.usecases.fsck.check_tokens import check_tokens
from registry.usecases.fsck.survey_rows import Discrepancy, Survey, Tell, of
from registry.usecases.recovery.compare_guard import Marks
from registry.usecases.trust.believe_peers import Pins


@dataclass(frozen=True, slots=True)
class Anchors:
    """What is believed without asking the database: the public keys of this node, and the pinned roots."""

    log: VerifierKey
    witness: VerifierKey
    pins: Pins


@dataclass(frozen=True, slots=True)
class Report:
    """How many rows of what were checked, and every discrepancy."""

    checked: Mapping[str, int]
    discrepancies: Sequence[Discrepancy]


def check(
    tx: Session,
    anchors: Anchors,
    *,
    at: datetime,
    marks: Marks | None = None,
    tiles: Path | None = None,
    tell: Tell = lambda _what, _count: None,
) -> Report:
    """Check this database, in a transaction that sees one moment (`Database.snapshot`), as of `at`.

    `marks` are those of the guard, read before the transaction began; `tiles` is a folder with the log's static files.
    """
    survey = Survey(tx, tell)
    adopted = check_adopted(survey, anchors.pins)
    check_log(survey, anchors.log, adopted)
    check_witness(survey, anchors.witness, anchors.log, adopted)
    check_mirrors(survey, adopted, at)
    check_certificates(survey, adopted)
    check_issuing(survey)
    check_registrations(survey)
    own = node_did(anchors.log.name.removesuffix("/log"))
    check_channel(survey, adopted, at)
    check_epochs(survey, adopted)
    check_months(survey, own)
    check_freshness(survey, own, adopted)
    check_parties(survey)
    check_evidence(survey)
    check_tokens(survey)
    _replies(survey)
    if marks is not None:
        check_guard(survey, marks, anchors.witness)
    if tiles is not None:
        check_tiles(survey, tiles, anchors.log, adopted)
    return Report(dict(survey.checked), survey.found)


def _replies(survey: Survey) -> None:
    for row, _ in survey.rows(Reply, of(Reply).where(Reply.status.is_(None)).order_by(Reply.person, Reply.key)):
        survey.say(f"reply {row.key} of {row.person}", "a key is reserved and nothing was answered")
