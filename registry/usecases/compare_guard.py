"""Hold the database beside the guard: what is behind is a backup, and then nothing that is numbered is issued."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from registry.store import channel, log, witness
from registry.store.channel import EPOCH
from registry.store.guard import GuardBroken, GuardMissing, Mark, of_log, of_received, of_sent, of_witness
from registry.usecases.deliver_message import ChannelBehind
from registry.usecases.extend_log import LogBehind, check_not_behind

Marks = Mapping[str, Mark]


BEHIND = (LogBehind, ChannelBehind, GuardMissing, GuardBroken)
"""What keeps a node from issuing: its database is a backup, or whether it is one cannot be told."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One mark beside what the database holds of the same thing."""

    what: str
    marked: int
    held: int
    behind: bool


def compare(tx: Session, marks: Marks, witness_name: str) -> list[Standing]:
    """Return each mark beside what is held; a witness key that was replaced has no say any more, and is left out."""
    found = []
    for what, mark in marks.items():
        held = _held(tx, what, mark, witness_name)
        if held is not None:
            found.append(Standing(what, mark.number, *held))
    return found


def check_caught_up(tx: Session, marks: Marks, origin: str) -> None:
    """Check that what was signed of the log, and every message that was sent, stands here.

    A number that is given by a backup was given before. Raises `LogBehind`, `ChannelBehind`.
    """
    check_not_behind(tx, marks.get(of_log(origin)))
    for what, mark in marks.items():
        match what.split(" "):
            case ["sent", epoch, "to", peer] if mark.number:
                if channel.sent_digest(tx, peer, int(epoch), mark.number) != mark.digest:
                    raise ChannelBehind(peer, channel.sent(tx, peer).seq, mark.number)
            case _:
                pass


def marks_of(tx: Session, origin: str, witness_name: str) -> dict[str, Mark]:
    """Return the marks that this database would have left, for a guard that is begun anew."""
    marks = {}
    head = log.head(tx)
    if head is not None:
        marks[of_log(origin)] = Mark(head.size, head.root.hex())
    for cosigned in witness.heads(tx):
        marks[of_witness(witness_name, cosigned.origin)] = Mark(cosigned.size, cosigned.root.hex())
    for peer in channel.peers(tx):
        for what, position in ((of_sent, channel.sent(tx, peer)), (of_received, channel.received(tx, peer))):
            marks[what(peer, EPOCH)] = Mark(position.seq, position.digest)
    return marks


def _held(tx: Session, what: str, mark: Mark, witness_name: str) -> tuple[int, bool] | None:
    """Return the newest number that is held of a thing, and whether what the mark names does not stand here."""
    match what.split(" "):
        case ["log", _]:
            size, _ = log.root_of(log.head(tx))
            signed = log.checkpoint(tx, mark.number)
            return size, mark.number > 0 and (signed is None or signed.root.hex() != mark.digest)
        case ["witness", name, "of", origin] if name == witness_name:
            size, root = witness.root_of(witness.head(tx, origin))
            return size, size < mark.number or (size == mark.number and root.hex() != mark.digest)
        case ["sent", epoch, "to", peer]:
            known = channel.sent_digest(tx, peer, int(epoch), mark.number)
            return channel.sent(tx, peer).seq, mark.number > 0 and known != mark.digest
        case ["received", epoch, "from", peer]:
            known = channel.received_digest(tx, peer, int(epoch), mark.number)
            return channel.received(tx, peer).seq, mark.number > 0 and known != mark.digest
        case _:
            return None
