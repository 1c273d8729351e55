"""Ask whether what stands here of months is what was signed, and what comparisons say follows from it.

Statements of ours are in their acts and in our messages, those of a peer in its messages. That a comparison is missing
whose act is missing, too, is no damage: the worker makes it again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import func, select

from registry.core.channel.message import Message, MessageKind
from registry.core.channel.reconciliation import Side, Statement, StatementPart, compare
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.messages import MessageIn, MessageOut
from registry.store.reconciliations import MonthStatement, Reconciliation
from registry.store.tasks import Task, TaskKind
from registry.usecases.channel.settle_months import compared, stated, subject_of
from registry.usecases.fsck.check_epochs import branches
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable

Key = tuple[str, str, str, str]
"""Peer, month, side, and who says it."""


def check_months(survey: Survey, own: str) -> None:
    """Check statements of months of this node, called `own`, and of its peers, and what they say when compared."""
    _compared(survey, own, _stated(survey, own))
    for kind, acts, what in (
        (Kind.MONTH_STATED, MonthStatement.act, "it stated a month, and the statement is not here"),
        (Kind.MONTH_COMPARED, Reconciliation.act, "it compared a month, and the comparison is not here"),
    ):
        gone = ~select(acts).where(acts == Act.id).exists()
        for act in survey.tx.scalars(select(Act.id).where(Act.kind == kind, gone).order_by(Act.id)):
            survey.say(f"act {act}", what)


def _stated(survey: Survey, own: str) -> Mapping[Key, Sequence[StatementPart]]:
    """Ask whether each statement is in its act or message; returns the parts of each, in order."""
    carried = dict(_carried(survey))
    query = of(
        MonthStatement,
        *(
            Act.kind.label("kind_"),
            Act.digest.label("digest_"),
            readable(Act.at).label("at_"),
            Act.subject.label("subject_"),
        ),
        readable(Act.private).label("private_"),
    )
    query = query.outerjoin(Act, Act.id == MonthStatement.act)
    order = (MonthStatement.peer, MonthStatement.month, MonthStatement.side, MonthStatement.by, MonthStatement.part)
    found: dict[Key, list[StatementPart]] = {}
    for row, act in survey.rows(MonthStatement, query.order_by(*order), batch=20):
        where = f"statement of a month {row.digest}"
        try:
            part = StatementPart.parse(row.body)
        except RegistryError as refusal:
            survey.say(where, str(refusal))
            continue
        survey.differ(
            where,
            row,
            {"month": part.month.encode(), "side": part.side, "part": part.part, "digest": part.digest},
            "it says",
        )
        if row.act is not None:
            said = (Kind.MONTH_STATED, part.digest, row.stated_at, row.peer, stated(part, row.peer))
            if (act.kind_, act.digest_, act.at_, act.subject_, read_object(act.private_)) != said or row.by != own:
                survey.say(where, "it is not what its act says")
        elif carried.get(part.digest) != (row.by, own if row.by == row.peer else row.peer, row.stated_at):
            survey.say(where, "it has no act, and no message carries it so")
        found.setdefault((row.peer, row.month, row.side, row.by), []).append(part)
    return found


def _carried(survey: Survey) -> Iterator[tuple[str, tuple[str, str, datetime]]]:
    """Give the statements that messages carry: by digest, from whom, to whom, and when."""
    for table in (MessageIn, MessageOut):
        query = select(table.envelope).where(table.kind == MessageKind.RECONCILIATION)
        for text in survey.tx.scalars(query.execution_options(yield_per=20)):
            with suppress(RegistryError):  # whoever checks the channel says so
                message = Message.parse(Envelope.parse(text, Typ.MESSAGE).payload)
                yield StatementPart.parse(message.body).digest, (message.from_, message.to, message.issued_at)
    for message, carried in branches(survey):
        if message.kind is MessageKind.RECONCILIATION:
            yield str(carried.digest), (message.from_, message.to, message.issued_at)


def _compared(survey: Survey, own: str, parts: Mapping[Key, Sequence[StatementPart]]) -> None:
    """Ask whether each comparison follows from its statements, as its act says, and was shown to a person."""
    query = of(
        Reconciliation,
        *(Act.kind.label("kind_"), readable(Act.at).label("at_"), Act.subject.label("subject_")),
        readable(Act.private).label("private_"),
    )
    query = query.outerjoin(Act, Act.id == Reconciliation.act)
    for row, act in survey.rows(Reconciliation, query.order_by(Reconciliation.id), batch=20):
        where = f"comparison of {row.month} of {row.issuer} with {row.peer}"
        sides = [parts.get((row.peer, row.month, side, by), ()) for side, by in _sides(row, own)]
        issued, delivered = map(Statement.of, sides)
        if issued is None or delivered is None:
            survey.say(where, "the statements that were compared are not here")
            continue
        found = [each.encode() for each in compare(issued, delivered)]
        survey.differ(where, row, {"found": {"differences": found}}, "the statements say")
        digests = {each[0].side.value: [part.digest for part in each] for each in sides}
        said = compared(row.month, row.issuer, row.peer, digests, len(found))
        if (act.kind_, act.at_, act.subject_, read_object(act.private_)) != (
            Kind.MONTH_COMPARED,
            row.at,
            row.peer,
            said,
        ):
            survey.say(where, "it is not what its act says")
        shown = select(func.count()).where(
            Task.kind == TaskKind.RECONCILIATION_DIFFERS, Task.subject == subject_of(row.month, row.issuer, row.peer)
        )
        if found and not survey.tx.scalar(shown):
            survey.say(where, "it found differences, and nobody was asked to look")


def _sides(row: Reconciliation, own: str) -> Sequence[tuple[str, str]]:
    """Return who says what of the direction of a comparison."""
    other = row.peer if row.issuer == own else own
    return (Side.ISSUED, row.issuer), (Side.DELIVERED, other)
