"""Ask whether each epoch of the channel is what two people agreed to, or what a message that came back says."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from sqlalchemy import select

from registry.core.canonical import Json
from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import Message, MessageKind, Position, position_after
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.tlog.entry import Kind
from registry.store.acts import Act
from registry.store.epochs import ChannelEpoch, Direction
from registry.store.messages import MessageIn, MessageOut
from registry.usecases.channel.follow_epoch import said
from registry.usecases.channel.read_carried import Carried, read_carried
from registry.usecases.fsck.check_adopted import Adopted
from registry.usecases.fsck.survey_rows import Found, Survey, of, read_object, readable

_ACTS = {Direction.SENT: Kind.EPOCH_BEGUN, Direction.RECEIVED: Kind.EPOCH_FOLLOWED}


def check_epochs(survey: Survey, adopted: Adopted) -> None:
    """Check every epoch after the first of a direction, and that each act of one has it."""
    carried = dict(_carried(survey))
    query = of(
        ChannelEpoch,
        *(Act.kind.label("kind_"), Act.subject.label("subject_"), Act.person.label("person_")),
        *(readable(Act.at).label("at_"), readable(Act.private).label("private_")),
    )
    query = query.outerjoin(Act, Act.id == ChannelEpoch.act)
    order = (ChannelEpoch.direction, ChannelEpoch.peer, ChannelEpoch.epoch)
    for row, act in survey.rows(ChannelEpoch, query.order_by(*order), batch=20):
        where = f"epoch {row.epoch} {row.direction} {row.peer}"
        if row.act is not None:
            if not _is_acted(row, act):
                survey.say(where, "it is not what its act says")
        elif carried.get((row.direction, row.peer, row.epoch)) != (row.begun, row.begun_at):
            survey.say(where, "it has no act, and no message begins it so")
        elif not _is_branch(row, adopted):
            survey.say(where, "what the peer held in place of ours is not what this node signed beyond its end")
    gone = ~select(ChannelEpoch.act).where(ChannelEpoch.act == Act.id).exists()
    for lost in survey.tx.scalars(select(Act.id).where(Act.kind.in_(_ACTS.values()), gone).order_by(Act.id)):
        survey.say(f"act {lost}", "two people agreed to an epoch, and the epoch is not here")


def _is_branch(row: ChannelEpoch, adopted: Adopted) -> bool:
    """Tell whether the branch of an epoch that came back is of our messages to the peer, one after the other."""
    position: Position | None = None
    for text in row.branch:
        try:
            envelope = Envelope.parse(text, Typ.MESSAGE)
            message = Message.parse(envelope.payload)
            message.check_follows(position or Position(row.epoch - 1, message.seq - 1, message.previous))
        except RegistryError:
            return False
        ours = envelope.signer == message.from_ and message.to == row.peer and adopted.signed(envelope) is None
        if not ours or message.seq <= row.ended_seq:
            return False
        position = position_after(envelope, message)
    return True


def branches(survey: Survey) -> Iterator[tuple[Message, Carried]]:
    """Give the messages of ours that a peer held in place of others, with what they carry.

    One that cannot be read is not what the act of its epoch says.
    """
    for texts in survey.tx.scalars(select(ChannelEpoch.branch).order_by(ChannelEpoch.peer, ChannelEpoch.epoch)):
        for text in texts:
            with suppress(RegistryError):
                message = Message.parse(Envelope.parse(text, Typ.MESSAGE).payload)
                yield message, read_carried(message)


def _carried(survey: Survey) -> Iterator[tuple[tuple[str, str, int], tuple[EpochBegun, datetime]]]:
    """Give the epochs that messages begin: by direction, peer and number, what they say and when."""
    for direction, table in ((Direction.SENT, MessageOut), (Direction.RECEIVED, MessageIn)):
        for text in survey.tx.scalars(select(table.envelope).where(table.kind == MessageKind.EPOCH_BEGUN)):
            with suppress(RegistryError):  # whoever checks the channel says so
                message = Message.parse(Envelope.parse(text, Typ.MESSAGE).payload)
                peer = message.to if direction is Direction.SENT else message.from_
                yield (direction.value, peer, message.epoch), (EpochBegun.of(message), message.issued_at)


def _is_acted(row: ChannelEpoch, act: Found) -> bool:
    """Tell whether an epoch is what its act says, and was confirmed by who did it."""
    try:
        digests: list[Json] = [Envelope.parse(each, Typ.MESSAGE).digest for each in row.branch]
        told: Mapping[str, Json] = said(Direction(row.direction), row.peer, row.begun)
    except (RegistryError, ValueError):
        return False
    wanted = {**told, "proposed_by": row.proposed_by}
    if row.direction == Direction.SENT:
        wanted["branch"] = digests
    private = {name: value for name, value in (read_object(act.private_) or {}).items() if name != "astray"}
    if (act.kind_, act.subject_, act.person_, act.at_) != (
        _ACTS[Direction(row.direction)],
        row.peer,
        row.confirmed_by,
        row.begun_at,
    ):
        return False
    return private == wanted and (row.direction == Direction.SENT or not row.branch)
