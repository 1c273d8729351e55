"""Ask whether messages out and in are what was signed, numbered and chained, each with its receipt.

When a receipt came here nobody signed. A message that is missing at the end is told by what it carried: a certificate
or change that no message brought, one of ours that the log holds and no message took, and by the guard.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import select

from registry.core.certificate.outside import Outside
from registry.core.channel.message import FIRST, GENESIS, Message, MessageKind
from registry.core.channel.receipt import Outcome, Receipt
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.entry import Kind, Leaf, MalformedLeaf
from registry.core.tlog.note import Note
from registry.core.tlog.proof import TlogProof
from registry.store.acts import Act
from registry.store.certificates import CertificateRow, Source, StatusChangeRow
from registry.store.channel import stands
from registry.store.checkpoints import LogPublished
from registry.store.clarifications import ClarificationRow
from registry.store.log import LogEntry, LogRecovered
from registry.store.messages import MessageIn, MessageOut
from registry.store.reconciliations import MonthStatement
from registry.usecases.channel.read_carried import SAYS, Carried, read_carried
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.check_arrivals import Brought, Came, check_arrivals
from registry.usecases.fsck.check_epochs import branches
from registry.usecases.fsck.check_open import check_open
from registry.usecases.fsck.survey_rows import Survey, of, read_object, readable

LATE = timedelta(minutes=10)
"""So long after an act the message that carries it is missing, not late."""


_TABLES: Mapping[str, type[StatusChangeRow] | type[ClarificationRow]] = {
    "change of status": StatusChangeRow,
    "clarification": ClarificationRow,
}
_BY_PEER = MonthStatement.by == MonthStatement.peer
_BESIDE = {MessageKind.CERTIFICATE_STATUS, MessageKind.CERTIFICATE_CLARIFIED}


def check_channel(survey: Survey, adopted: Adopted, at: datetime) -> None:
    """Check both directions of the channel, as of a moment."""
    _taken_back(survey, {**_sent(survey, adopted), **_branched(survey)})
    _unsent(survey, adopted, at)
    check_arrivals(survey, _received(survey, adopted))
    for kind, messages, what in (
        (Kind.MESSAGE_REFUSED, MessageIn.id, "it refused a message that is not here"),
        (Kind.RECEIPT_REFUSED, MessageOut.id, "it is about a message that is not here"),
    ):
        gone = ~select(messages).where(messages == Act.subject).exists()
        lost = select(Act.id).where(Act.kind == kind, gone, ~Act.subject.startswith("fork ")).order_by(Act.id)
        for act in survey.tx.scalars(lost):
            survey.say(f"act {act}", what)


def _sent(survey: Survey, adopted: Adopted) -> Mapping[object, Outside | None]:
    """Ask whether messages are contiguous and chained, carry what the log holds, and receipts answer them in order.

    Returns what those carried whose act is lost, by its digest: they were taken back after a restore.
    """
    taken_back: dict[object, Outside | None] = {}
    query = of(
        MessageOut,
        LogEntry.index.label("numbered"),
        LogRecovered.leaf.label("recovered"),
        Act.kind.label("kind_"),
        Act.digest.label("digest_"),
        Act.to.label("to_"),
    )
    query = query.outerjoin(Act, Act.id == MessageOut.act).outerjoin(LogEntry, LogEntry.act == MessageOut.act)
    query = query.outerjoin(LogRecovered, LogRecovered.index == MessageOut.log_index)
    covering = select(LogPublished.note).where(LogPublished.size > MessageOut.log_index).order_by(LogPublished.size)
    query = query.add_columns(covering.limit(1).scalar_subquery().label("published"))
    unpublished = list(_unpublished(survey))
    rows = survey.rows(MessageOut, query.order_by(MessageOut.to, MessageOut.epoch, MessageOut.seq), batch=100)
    for (to, _epoch), chain in groupby(rows, key=lambda each: (each[0].to, each[0].epoch)):
        number, previous, unanswered = FIRST, GENESIS, False
        node = adopted.beliefs().node(to)
        for row, act in chain:
            where = f"message {row.seq} to {to}"
            message = _link(survey, where, row, (number, previous), adopted, ("to", "made_at"))
            number, previous = row.seq + 1, row.digest
            if row.receipt is None:
                unanswered = True
                survey.differ(where, row, {"outcome": None, "receipted_at": None}, "a message without a receipt has")
            elif unanswered:
                survey.say(where, "it has a receipt, and one before it has none")
            if message is None:
                continue
            try:
                carried = read_carried(message)
            except RegistryError as refusal:
                survey.say(where, str(refusal))
                continue
            survey.differ(where, row, {"pending": carried.pending})
            says = (SAYS[message.kind], carried.digest, None if node is None else node.country)
            if row.act is None:
                taken_back.setdefault(carried.digest, carried.outside)
                holds = row.log_index is None or _read_leaf(act.recovered) == says
            else:
                holds = (act.kind_, act.digest_, act.to_, act.numbered) == (*says, row.log_index)
            if not holds:
                survey.say(where, "it does not carry what the log holds at its index")
            wrong = None if carried.proof is None else _differs(carried.proof, row, act.published, unpublished)
            if wrong is not None:
                survey.say(where, f"its proof {wrong}")
    return taken_back


def _unpublished(survey: Survey) -> Iterator[range]:
    """Give the sizes of checkpoints that were published and that a restore lost, as the act of recovering says."""
    recovered = select(readable(Act.private)).where(Act.kind == Kind.LOG_RECOVERED).order_by(Act.id)
    for private in survey.tx.scalars(recovered):
        match read_object(private):
            case {"published": int(since), "size": int(until)}:
                yield range(since + 1, until + 1)
            case _:
                pass


def _differs(text: str, row: MessageOut, published: str | None, unpublished: Sequence[range]) -> str | None:
    """Return how a proof that was sent is not against the first published checkpoint that covers its entry.

    That one is kept for ever (formats 11, `logged_by`): who deletes it, or slips another before it, is found by this.
    """
    try:
        proof = TlogProof.parse(text)
        against = Note.parse(proof.checkpoint_note)
        size = Checkpoint.parse(against.text).size
    except RegistryError as refusal:
        return f"is none: {refusal}"
    if proof.index != row.log_index:
        return "is of another entry"
    if published is not None and published.startswith(f"{against.text}\n"):
        return None
    if any(size in lost for lost in unpublished):
        return None
    return f"is against the checkpoint of {size}, which is not here as the first published that covers its entry"


def _branched(survey: Survey) -> Mapping[object, Outside | None]:
    """Return what messages carried that a peer held in place of ours, by its digest."""
    return {carried.digest: carried.outside for _, carried in branches(survey)}


def _taken_back(survey: Survey, carried: Mapping[object, Outside | None]) -> None:
    """Ask whether what stands here as our own, without its act, came back in a message of ours."""
    certificates = of(CertificateRow).where(CertificateRow.source == Source.RECOVERED).order_by(CertificateRow.id)
    for row, _ in survey.rows(CertificateRow, certificates, counted=False):
        if row.digest not in carried:
            survey.say(f"certificate {row.id}", "it has no act, and no message that was taken back carries it")
        elif row.outside != carried[row.digest]:
            survey.say(f"certificate {row.id}", "when it was registered is not what the message that carried it says")
    for what, table in _TABLES.items():
        said = select(table.digest).join(CertificateRow, CertificateRow.id == table.certificate)
        own = said.where(table.act.is_(None), CertificateRow.source != Source.DELIVERED)
        for digest in survey.tx.scalars(own.order_by(table.digest)):
            if digest not in carried:
                survey.say(f"{what} {digest}", "it has no act, and no message that was taken back carries it")


def _unsent(survey: Survey, adopted: Adopted, at: datetime) -> None:
    """Ask whether what the log holds for another country was sent: all of it but what is too new."""
    carried = select(MessageOut.act).where(MessageOut.act == Act.id, stands()).exists()
    query = select(Act.id, Act.to).join(LogEntry, LogEntry.act == Act.id).order_by(LogEntry.index)
    wanted = Act.kind.in_(set(SAYS.values())) & Act.to.in_(adopted.newest().keys())
    for act in survey.stream(query.where(wanted, Act.at < at - LATE, ~carried)):
        survey.say(f"act {act.id}", f"the log holds it for {act.to}, and no message carries it")


def _received(survey: Survey, adopted: Adopted) -> Brought:
    """Ask whether messages are contiguous and chained, and brought all that stands here as delivered.

    Returns what they brought, and when.
    """
    certificates = select(CertificateRow.digest).where(CertificateRow.source == Source.DELIVERED)
    delivered = set(survey.tx.scalars(certificates))
    beside: dict[str, set[str]] = {}
    for what, table in _TABLES.items():
        said = select(table.digest).join(CertificateRow, CertificateRow.id == table.certificate)
        beside[what] = set(survey.tx.scalars(said.where(CertificateRow.source == Source.DELIVERED)))
    beside["statement of a month"] = set(survey.tx.scalars(select(MonthStatement.digest).where(_BY_PEER)))
    known = delivered.union(*beside.values())
    brought: dict[object, list[Came]] = {}
    query = of(MessageIn).order_by(MessageIn.from_, MessageIn.epoch, MessageIn.seq)
    rows = (row for row, _ in survey.rows(MessageIn, query, batch=100))
    for (sender, _epoch), chain in groupby(rows, key=lambda row: (row.from_, row.epoch)):
        number, previous = FIRST, GENESIS
        for row in chain:
            where = f"message {row.seq} from {sender}"
            message = _link(survey, where, row, (number, previous), adopted, ("from_",))
            number, previous = row.seq + 1, row.digest
            if message is None:
                continue
            try:
                carried = read_carried(message)
            except RegistryError:
                carried = Carried(None, None)  # it was refused for that, if it came so
            is_open = row.outcome != Outcome.ACCEPTED or message.kind in _BESIDE
            if row.certificate != carried.certificate and not (row.certificate is None and is_open):
                survey.differ(where, row, {"certificate": carried.certificate})
            if row.waits_for is not None or row.set_aside_at is not None:
                check_open(survey, where, row, message, adopted.beliefs())
            if message.kind in {MessageKind.CERTIFICATE_LOGGED, MessageKind.EPOCH_BEGUN}:
                continue
            brought.setdefault(carried.digest, []).append(Came(row.received_at, row.outcome, carried.outside))
            if row.outcome == Outcome.ACCEPTED and carried.digest not in known:
                survey.say(where, "it was accepted, and what it carried is not here")
    for digest in sorted(delivered - brought.keys()):
        survey.say(f"certificate with the digest {digest}", "it was delivered, and no message brought it")
    for what, digests in beside.items():
        for digest in sorted(digests - brought.keys()):
            survey.say(f"{what} {digest}", "it was delivered, and no message brought it")
    return brought


def _link(
    survey: Survey,
    where: str,
    row: MessageOut | MessageIn,
    after: tuple[int, str],
    adopted: Adopted,
    ends: Sequence[str],
) -> Message | None:
    """Check one message of a chain and its receipt, and return it; None where it cannot be read."""
    try:
        envelope = Envelope.parse(row.envelope, Typ.MESSAGE)
        message = Message.parse(envelope.payload)
    except RegistryError as refusal:
        survey.say(where, str(refusal))
        return None
    signed: dict[str, object] = {
        "digest": envelope.digest,
        "id": message.id,
        "epoch": message.epoch,
        "seq": message.seq,
        "kind": message.kind,
    }
    said = {"to": message.to, "from_": message.from_, "made_at": message.issued_at}
    survey.differ(where, row, signed | {name: said[name] for name in ends})
    if (message.seq, message.previous) != after:
        survey.say(where, "it does not continue the chain of messages")
    wrong = adopted.signed(envelope) if envelope.signer == message.from_ else "it is not signed by who sent it"
    if wrong is not None:
        survey.say(where, wrong)
    if row.receipt is not None:
        _answer(survey, where, row, row.receipt, (envelope, message), adopted)
    return message


def _answer(
    survey: Survey,
    where: str,
    row: MessageOut | MessageIn,
    text: str,
    answered: tuple[Envelope, Message],
    adopted: Adopted,
) -> None:
    try:
        envelope = Envelope.parse(text, Typ.RECEIPT)
        receipt = Receipt.parse(envelope.payload)
        receipt.check_answers(*answered, envelope.signer)
    except RegistryError as refusal:
        survey.say(where, f"its receipt: {refusal}")
        return
    wrong = adopted.signed(envelope)
    if wrong is not None:
        survey.say(where, f"its receipt: {wrong}")
    derived: dict[str, object] = {"outcome": receipt.outcome}
    if isinstance(row, MessageIn):
        derived["received_at"] = receipt.received_at
    survey.differ(where, row, derived, "its receipt says")


def _read_leaf(leaf: bytes | None) -> tuple[Kind, str | None, str | None] | None:
    """Read of what a recovered leaf is; None where it is not here, or none."""
    try:
        read = None if leaf is None else Leaf.parse(leaf)
    except MalformedLeaf:
        return None
    return None if read is None else (read.kind, read.digest, read.to)
