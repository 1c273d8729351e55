"""Two countries whose channel forked: one lost what it sent last, and sent another message of the same number."""

from dataclasses import dataclass, replace
from typing import Any

from registry.core.channel.message import EpochNotAgreed, MessageFork
from registry.store import channel
from registry.store.certificates import CertificateRow
from registry.store.epochs import ChannelEpoch
from registry.usecases.channel import follow_epoch
from registry.usecases.recovery import begin_epoch
from registry.usecases.recovery.begin_epoch import Parting
from tests.kit import Corridor, Country
from tests.usecases.recovery.restored import Backup, carry, fetched_from, make, recalled_after, recovered
from tests.usecases.recovery.test_recover_messages import restoring

REASON = "Восстановлено из копии от 20 ноября; узел соседа не отвечал."


@dataclass
class Parted:
    """Minsk lost what it sent last, went on without it, and sent another message of the same number."""

    corridor: Corridor
    lost: CertificateRow
    later: CertificateRow

    @property
    def by(self) -> Country:
        return self.corridor.by

    @property
    def uz(self) -> Country:
        return self.corridor.uz


def lose(corridor: Corridor, backup: Backup, most: int = 1) -> None:
    """Restore Minsk, whose peer does not say which messages it has: they are given up."""
    by, uz = corridor.by, corridor.uz
    backup.restore()
    recovered(by, uz, give_up=most, fetched=replace(fetched_from(by, uz), sent={uz.did: ()}))


def waiting(country: Country, to: Country) -> list[str]:
    with country.node.database.read() as tx:
        return [each.envelope for each in channel.unacknowledged(tx, to.did, 100)]


def part_ways(corridor: Corridor) -> Parted:
    """Let Minsk lose what it sent last, go on without it, and send another message of the same number."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    lost = by.issued()
    carry(by, uz)
    lose(corridor, backup)
    backup.drop()
    later = by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    (forked,) = waiting(by, uz)
    assert isinstance(uz.take(forked), MessageFork)
    return Parted(corridor, lost, later)


def part(home: Country, abroad: Country) -> Parting:
    """Lay what was sent beside what the other country gives back of it."""
    with home.node.database.read() as tx:
        after = channel.acknowledged(tx, abroad.did)
        return begin_epoch.part(restoring(home)(tx), abroad.did, recalled_after(home, abroad, home, after))


def begin(home: Country, abroad: Country) -> tuple[ChannelEpoch, Any]:
    """Begin an epoch by two people."""
    parting = part(home, abroad)
    with home.tx() as tx:
        begin_epoch.propose(tx, abroad.did, parting, REASON, **home.by("operator"))
    with home.tx() as tx:
        run, by = restoring(home)(tx), home.people["second_operator"]
        return begin_epoch.confirm(run, abroad.did, abroad.code, parting, by=by)


def agree_to(home: Country, abroad: Country) -> ChannelEpoch:
    """Follow an epoch by two people."""
    with home.tx() as tx:
        follow_epoch.propose(tx, abroad.did, **home.by("operator"))
    with home.tx() as tx:
        return follow_epoch.confirm(tx, abroad.did, **home.by("second_operator"))


def offer(home: Country, abroad: Country) -> None:
    """Number what is to be sent, and let the other country see the first message."""
    home.sequence()
    home.witnessed(abroad)
    make(home, abroad)
    assert isinstance(abroad.take(waiting(home, abroad)[0]), EpochNotAgreed)
