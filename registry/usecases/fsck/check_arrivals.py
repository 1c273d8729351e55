"""Ask whether what was delivered is numbered without a gap, and stands at the time that a signed receipt says.

No act says when a certificate came, but our own receipt for the message that brought it does. What could not be judged
when it came is taken by an adoption, which is an act; what came back after a restore is numbered anew by that act.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from registry.core.certificate.outside import Outside
from registry.core.channel.receipt import Outcome
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.arrivals import Arrival
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.usecases.fsck.survey_rows import Survey, of, readable


@dataclass(frozen=True, slots=True)
class Came:
    """When a message came, what our receipt says became of it, and what it said of a registration."""

    at: datetime
    outcome: str
    outside: Outside | None


Brought = Mapping[object, Sequence[Came]]
"""What came, by the digest of what a message brought."""
ADOPTED = (Kind.TRUST_PUBLISHED, Kind.TRUST_ADOPTED, Kind.AGREEMENT_ADOPTED)
RESTORED = (*ADOPTED, Kind.LOG_RECOVERED)


def check_arrivals(survey: Survey, brought: Brought) -> None:
    """Check what stands here as delivered against the messages that brought it."""
    _delivered(survey, brought)
    _numbered(survey, brought)


def _delivered(survey: Survey, brought: Brought) -> None:
    """Ask when each delivered certificate was recorded: then its message came, or it was taken by an adoption."""
    adopted = _times(survey, ADOPTED)
    recorded = select(
        *(CertificateRow.id, CertificateRow.digest, readable(CertificateRow.recorded_at).label("at")),
        *(
            readable(CertificateRow.registered_on).label("registered_on"),
            readable(CertificateRow.due_on).label("due_on"),
        ),
    )
    for row in survey.stream(recorded.where(CertificateRow.source == Source.DELIVERED).order_by(CertificateRow.id)):
        came = brought.get(row.digest, ())
        later = [each.at for each in came if each.outcome != Outcome.ACCEPTED]
        if came and not _stands(row.at, [each.at for each in came], later, adopted):
            survey.say(f"certificate {row.id}", _OTHERWISE.format("recorded"))
        if came and (row.registered_on, row.due_on) not in [_dates(each.outside) for each in came]:
            survey.say(f"certificate {row.id}", "when it was registered is not what the message that brought it says")


def _numbered(survey: Survey, brought: Brought) -> None:
    """Ask whether each delivery, and what was said of it later, was numbered, without a gap, and when.

    What was not is what customs that follow have missed.
    """
    restored = _times(survey, RESTORED)
    query = of(
        Arrival,
        CertificateRow.source.label("source"),
        StatusChangeRow.certificate.label("changed"),
        ClarificationRow.certificate.label("clarified"),
        CertificateRow.digest.label("digest"),
    )
    query = query.outerjoin(CertificateRow, CertificateRow.id == Arrival.certificate)
    query = query.outerjoin(StatusChangeRow, StatusChangeRow.digest == Arrival.change)
    query = query.outerjoin(ClarificationRow, ClarificationRow.digest == Arrival.clarification)
    due = 1
    for row, beside in survey.rows(Arrival, query.order_by(Arrival.seq)):
        if row.seq != due:
            survey.say(f"arrival {row.seq}", "it stands after a gap")
        due = row.seq + 1
        said_of = beside.changed if row.change else beside.clarified if row.clarification else row.certificate
        if beside.source != Source.DELIVERED or said_of != row.certificate:
            survey.say(f"arrival {row.seq}", "its certificate was not delivered, or what was said is of another")
        came = [each.at for each in brought.get(row.change or row.clarification or beside.digest, ())]
        if came and not (row.came_at in {*came, row.at} and _stands(row.at, came, came, restored)):
            survey.say(f"arrival {row.seq}", _OTHERWISE.format("numbered"))
    delivered = select(CertificateRow.id).where(CertificateRow.source == Source.DELIVERED)
    brought_by = select(Arrival.seq).where(
        Arrival.certificate == CertificateRow.id, Arrival.change.is_(None), Arrival.clarification.is_(None)
    )
    for named in survey.tx.scalars(delivered.where(~brought_by.exists()).order_by(CertificateRow.id)):
        survey.say(f"certificate {named}", "it was delivered, and is no arrival")
    for what, table, named_by in (
        ("change of status", StatusChangeRow, Arrival.change),
        ("clarification", ClarificationRow, Arrival.clarification),
    ):
        told = select(Arrival.seq).where(named_by == table.digest)
        unheard = select(table.digest).where(table.certificate.in_(delivered), ~told.exists())
        for digest in survey.tx.scalars(unheard.order_by(table.digest)):
            survey.say(f"{what} {digest}", "it was delivered, and is no arrival")


def _dates(outside: Outside | None) -> tuple[date | None, date | None]:
    return (None, None) if outside is None else (outside.registered_on, outside.due_on)


_OTHERWISE = "it was {} at another time than our receipt says that its message came, and no adoption took it then"


def _stands(at: datetime, came: Collection[datetime], later: Collection[datetime], acted: Sequence[datetime]) -> bool:
    """Tell whether a time is that of a message, or of an act after one that did not settle it."""
    if at in came:
        return True
    place = bisect_left(acted, at)
    return place < len(acted) and acted[place] == at and any(since <= at for since in later)


def _times(survey: Survey, kinds: Sequence[Kind]) -> Sequence[datetime]:
    return sorted(survey.tx.scalars(select(readable(Act.at)).where(Act.kind.in_(kinds)).distinct()))
