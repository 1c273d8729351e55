"""A country whose database is restored from a backup, and what the other one gives it back; the guard stays."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from registry.cli.duties import Courier
from registry.cli.recover import _remember as remember
from registry.core.channel.message import Position
from registry.core.channel.recall import Recall
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.tlog.checkpoint import Checkpoint
from registry.peer.client import Peer
from registry.store import channel, mirror
from registry.store.acts import Actor
from registry.store.database import OWNER
from registry.store.guard import Mark, of_received
from registry.usecases.channel import deliver_message
from registry.usecases.channel.accept_message import Receiver
from registry.usecases.recovery.compare_guard import Standing, compare
from registry.usecases.recovery.recall_messages import Recalled, recall
from registry.usecases.recovery.recover_log import Copy, read_copy, read_cosigned
from registry.usecases.recovery.recover_node import Fetched, Recovered, recover, witnesses_of
from registry.usecases.tlog.witness_checkpoint import NothingWitnessed, cosigned_note
from tests.kit import Country, Forge
from tests.usecases.fsck.lived import mirror as mirror_of

NOBODY = "http://127.0.0.1:1"


@dataclass
class Backup:
    """A copy of a country's database, as it was."""

    forge: Forge
    country: Country
    name: str

    @classmethod
    def take(cls, forge: Forge, country: Country, mark: str = "backup") -> "Backup":
        backup = cls(forge, country, f"{country.database}_{mark}")
        country.node.database.close()
        forge.admin(f'CREATE DATABASE "{backup.name}" TEMPLATE "{country.database}" OWNER {OWNER}')
        return backup

    def restore(self) -> None:
        """Put the copy where the database was; it can be restored again."""
        self.country.node.database.close()
        name = self.country.database
        self.forge.admin(
            f'DROP DATABASE "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE "{self.name}" OWNER {OWNER}'
        )

    def drop(self) -> None:
        self.forge.admin(f'DROP DATABASE "{self.name}" WITH (FORCE)')


def make(home: Country, abroad: Country) -> None:
    """Make messages as the courier does, the guard included."""
    while Courier(home.node, abroad.did, Peer.at(NOBODY)).make():
        pass


def send(home: Country, abroad: Country, most: int = 10_000) -> None:
    """Make messages and deliver them, both guards included."""
    make(home, abroad)
    with home.node.database.read() as tx:
        waiting = channel.unacknowledged(tx, abroad.did, most)
    for message in waiting:
        receipt = abroad.take(message.envelope)
        abroad.node.guard.advance(of_received(home.did, message.epoch), Mark(message.seq, message.digest))
        with home.tx() as tx:
            deliver_message.keep_receipt(
                tx, message, receipt, home.beliefs(), by=Actor(home.did), at=home.clock(), draw=home.node.draw
            )


def carry(home: Country, abroad: Country) -> None:
    """Number everything, have it cosigned and published, deliver and mirror it."""
    home.sequence()
    home.witnessed(abroad)
    send(home, abroad)
    mirror_of(home, abroad)


def standings(country: Country) -> list[Standing]:
    with country.node.database.read() as tx:
        return compare(tx, country.node.guard.marks(), country.node.keyring.witness.vkey.name)


def behind(country: Country) -> list[str]:
    """Return what is behind the guard, but for what the witness cosigned."""
    return [each.what for each in standings(country) if each.behind and not each.what.startswith("witness")]


def copy_of(home: Country, abroad: Country) -> tuple[Copy | None, Sequence[bytes]]:
    """Return the mirror of our log that the other country serves."""
    with abroad.node.database.read() as tx:
        head = mirror.head(tx, home.node.keyring.log.vkey.name)
    if head is None:
        return None, ()
    with home.node.database.read() as tx:
        copy = read_copy(tx, head.note, home.did, home.beliefs(), at=home.clock())
    with abroad.node.database.read() as tx:
        wanted = max(0, copy.checkpoint.size - copy.known)
        return copy, mirror.entries(tx, copy.checkpoint.origin, copy.known, wanted)


def cosigned_of(home: Country, abroad: Country) -> list[Checkpoint]:
    """Return what the other country's witness says that it cosigned."""
    own = home.node.keyring.log.vkey
    keys = witnesses_of(home.beliefs(), home.code)[abroad.did]
    with suppress(NothingWitnessed), abroad.node.database.read() as tx:
        return [read_cosigned(cosigned_note(tx, sha256(own.name.encode()).hexdigest()), own, keys)]
    return []


def recalled_from(home: Country, abroad: Country, of: Country) -> list[Recalled]:
    """Ask the other country for messages from where this one stands."""
    with home.node.database.read() as tx:
        position = channel.acknowledged(tx, abroad.did) if of is home else channel.received(tx, abroad.did)
    found = recalled_after(home, abroad, of, position)
    while later := recalled_after(home, abroad, of, position := Position.start(position.epoch + 1)):
        found += later
    return found


def recalled_after(home: Country, abroad: Country, of: Country, after: Position) -> list[Recalled]:
    """Ask the other country for the messages of an epoch after a place."""
    first, found, more = after.next_seq, list[Recalled](), True
    while more:
        request = Recall(home.node.settings.env, home.did, abroad.did, of.did, first, home.clock(), after.epoch)
        signed = seal(request.encode(), Typ.RECALL, home.node.keyring.node).text
        with abroad.node.database.read() as tx:
            here = receiver(abroad)
            page = recall(tx, signed, of.did, after.epoch, first, here, abroad.beliefs(), at=abroad.clock())
        found += page.messages
        first, more = first + len(page.messages), page.more
    return found


def receiver(country: Country) -> Receiver:
    settings = country.node.settings
    return Receiver(settings.did, settings.env, settings.country, country.node.keyring.node)


def fetched_from(home: Country, abroad: Country) -> Fetched:
    copy, entries = copy_of(home, abroad)
    sent, received = recalled_from(home, abroad, home), recalled_from(home, abroad, abroad)
    return Fetched(copy, entries, cosigned_of(home, abroad), {abroad.did: sent}, {abroad.did: received})


def recovered(home: Country, abroad: Country, give_up: int = 0, fetched: Fetched | None = None) -> Recovered:
    """Recover a country from the other one, and let its guard know."""
    fetched = fetched or fetched_from(home, abroad)
    marks, beliefs = home.node.guard.marks(), home.beliefs()
    with home.tx() as tx:
        done = recover(tx, fetched, receiver(home), marks, beliefs, give_up=give_up, **home.by("operator"))
    for what, mark in done.marks.items():
        remember(home.node.guard, what, mark)
    return done


def digest_of(message: str) -> str:
    return Envelope.parse(message, Typ.MESSAGE).digest
