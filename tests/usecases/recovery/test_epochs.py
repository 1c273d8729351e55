"""After a fork two people at each end begin a new epoch: what was lost comes back, and the rest is sent anew."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from registry.api.issuer import receiver_of
from registry.core.channel.epoch import EpochBegun
from registry.core.channel.message import (
    EpochNotAgreed,
    EpochOver,
    Message,
    MessageFork,
    MessageKind,
    NotAddressedHere,
    Position,
)
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.errors import Refused
from registry.core.tlog.entry import Kind
from registry.store import certificates, channel, tasks
from registry.store.certificates import CertificateRow, Source
from registry.store.epochs import ChannelEpoch, Direction
from registry.store.tasks import TaskKind
from registry.usecases.channel import follow_epoch
from registry.usecases.channel.accept_message import accept
from registry.usecases.channel.deliver_message import GRACE
from registry.usecases.channel.follow_epoch import EpochEndDiffers, EpochNotOffered, EpochNotProposed
from registry.usecases.party.confirm_proposal import SameOperator
from registry.usecases.recovery import begin_epoch
from registry.usecases.recovery.begin_epoch import EpochNotNeeded
from registry.usecases.recovery.recall_messages import Recalled
from registry.usecases.recovery.recover_contents import RecalledNotOurs
from tests.kit import Corridor, Country
from tests.usecases.channel.test_accept_message import follow, sealed
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.parted import REASON, Parted, agree_to, begin, lose, offer, part, part_ways, waiting
from tests.usecases.recovery.restored import (
    Backup,
    behind,
    carry,
    fetched_from,
    make,
    recalled_after,
    recovered,
    send,
)
from tests.usecases.recovery.test_recover_log import agree
from tests.usecases.recovery.test_recover_messages import restoring


@pytest.fixture
def parted(corridor: Corridor) -> Parted:
    return part_ways(corridor)


def open_kinds(country: Country) -> list[str]:
    with country.node.database.read() as tx:
        return [each.kind for each in tasks.open_tasks(tx)]


def row_of(country: Country, id: str) -> CertificateRow | None:
    with country.node.database.read() as tx:
        return certificates.certificate(tx, id)


def test_a_fork_is_an_alarm_until_two_people_on_each_side_begin_an_epoch_and_then_nothing_is_lost(
    parted: Parted,
) -> None:
    by, uz = parted.by, parted.uz
    assert (row_of(by, parted.lost.id), row_of(uz, parted.later.id)) == (None, None)
    assert open_kinds(uz) == [TaskKind.CHANNEL_FORK]
    row, astray = begin(by, uz)
    make(by, uz)
    assert waiting(by, uz) == [], "the log has not numbered the act of it yet"
    assert (row.epoch, row.ended_seq, len(row.branch), astray) == (2, 1, 1, [])
    back = row_of(by, parted.lost.id)
    assert back is not None
    assert (back.source, back.digest) == (Source.RECOVERED, parted.lost.digest)
    offer(by, uz)
    assert open_kinds(uz) == [TaskKind.CHANNEL_FORK, TaskKind.EPOCH_OFFERED]
    followed = agree_to(uz, by)
    assert (followed.direction, followed.begun) == (Direction.RECEIVED, row.begun)
    assert open_kinds(uz) == []
    agree(parted.corridor)
    assert waiting(by, uz) == []
    for country in (by, uz):
        assert {parted.lost.id, parted.later.id} <= {each.id for each in rows(country)}
    (begun,), (agreed,) = by.acts(Kind.EPOCH_BEGUN), uz.acts(Kind.EPOCH_FOLLOWED)
    assert (begun.to, begun.digest, begun.private["reason"]) == ("UZ", row.begun.digest, REASON)
    assert agreed.private == {
        "direction": "received",
        "peer": by.did,
        "epoch": 2,
        "ended_seq": 1,
        "reason": REASON,
        "ended_digest": row.ended_digest,
        "proposed_by": uz.people["operator"].person,
    }
    by.issued()
    agree(parted.corridor)


def rows(country: Country) -> list[CertificateRow]:
    with country.node.database.read() as tx:
        return list(tx.query(CertificateRow))


def test_a_proof_that_went_astray_is_sent_anew(corridor: Corridor) -> None:
    """The certificate is in the part that both hold, and its proof was the message that forked."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    slow = by.issued()
    by.sequence()
    corridor.clock.forward(GRACE)
    send(by, uz)
    backup = Backup.take(corridor.forge, by)
    by.issued()
    by.sequence()
    corridor.clock.forward(GRACE)
    send(by, uz)
    lose(corridor, backup, most=7)
    backup.drop()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    forked = waiting(by, uz)[0]
    assert Message.parse(Envelope.parse(forked, Typ.MESSAGE).payload).kind is MessageKind.CERTIFICATE_LOGGED
    assert isinstance(uz.take(forked), MessageFork)
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    carry(by, uz)
    held = row_of(uz, slow.id)
    assert held is not None
    assert held.proof is not None


def test_one_person_begins_or_follows_no_epoch(parted: Parted) -> None:
    by, uz = parted.by, parted.uz
    parting = part(by, uz)
    for who in ("signatory", "auditor"):
        with by.refuses(Refused) as refused:
            begin_epoch.propose(refused.tx, uz.did, parting, REASON, **by.by(who))
    with by.refuses(EpochNotProposed) as unproposed:
        run = restoring(by)(unproposed.tx)
        begin_epoch.confirm(run, uz.did, "UZ", parting, by=by.people["operator"])
    with by.tx() as tx:
        begin_epoch.propose(tx, uz.did, parting, REASON, **by.by("operator"))
    with by.refuses(SameOperator) as same:
        begin_epoch.confirm(restoring(by)(same.tx), uz.did, "UZ", parting, by=by.people["operator"])
    assert str(same.value) == "whoever proposed it cannot confirm it: another operator does"
    with by.refuses(Refused) as refused:
        begin_epoch.confirm(restoring(by)(refused.tx), uz.did, "UZ", parting, by=by.people["auditor"])
    other = replace(parting, ended=Position(1, 0, "0" * 64))
    with by.refuses(EpochNotProposed) as unproposed:
        run = restoring(by)(unproposed.tx)
        begin_epoch.confirm(run, uz.did, "UZ", other, by=by.people["second_operator"])
    assert "propose it" in str(unproposed.value)
    begin(by, uz)
    with uz.refuses(EpochNotOffered) as early:
        follow_epoch.propose(early.tx, by.did, **uz.by("operator"))
    assert "begin it first" in str(early.value)
    offer(by, uz)
    with uz.refuses(EpochNotProposed) as unproposed:
        follow_epoch.confirm(unproposed.tx, by.did, **uz.by("operator"))
    with uz.refuses(Refused) as refused:
        follow_epoch.propose(refused.tx, by.did, **uz.by("officer"))
    with uz.tx() as tx:
        follow_epoch.propose(tx, by.did, **uz.by("operator"))
    with uz.refuses(SameOperator) as same:
        follow_epoch.confirm(same.tx, by.did, **uz.by("operator"))
    with uz.refuses(Refused) as refused:
        follow_epoch.confirm(refused.tx, by.did, **uz.by("officer"))
    with uz.tx() as tx:
        follow_epoch.confirm(tx, by.did, **uz.by("second_operator"))
    with uz.refuses(EpochNotOffered) as again:
        follow_epoch.confirm(again.tx, by.did, **uz.by("second_operator"))


def test_an_epoch_goes_on_where_the_peer_holds_nothing_else(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    with pytest.raises(EpochNotNeeded, match="after number 0"):
        part(by, uz)
    by.issued()
    carry(by, uz)
    by.issued()
    by.sequence()
    by.witnessed(uz)
    make(by, uz)
    (second,) = waiting(by, uz)
    uz.take(second)
    with pytest.raises(EpochNotNeeded, match="after number 2"):
        part(by, uz)


def test_what_is_not_signed_here_parts_nothing(parted: Parted) -> None:
    by, uz = parted.by, parted.uz
    with by.node.database.read() as tx:
        after = channel.acknowledged(tx, uz.did)
    (theirs,) = recalled_after(by, uz, by, after)
    message = Message.parse(Envelope.parse(theirs.message, Typ.MESSAGE).payload)
    forged = seal(message.encode(), Typ.MESSAGE, uz.node.keyring.node).text
    with by.node.database.read() as tx, pytest.raises(NotAddressedHere, match="not signed by it"):
        begin_epoch.part(restoring(by)(tx), uz.did, [Recalled(forged, None)])


def test_only_what_two_people_agreed_to_is_taken(parted: Parted) -> None:
    by, uz = parted.by, parted.uz
    begin(by, uz)
    offer(by, uz)
    first = Message.parse(Envelope.parse(waiting(by, uz)[0], Typ.MESSAGE).payload)
    begun = EpochBegun.of(first)
    agree_to(uz, by)
    told = sealed(replace(first, body=replace(begun, reason="иначе").encode()), by.node.keyring.node)
    answer = uz.take(told)
    assert isinstance(answer, EpochNotAgreed)
    assert "epoch 2" in str(answer)
    for seq in (3, 4):
        over = follow(by, uz, {}, epoch=1, seq=seq, previous="1" * 64)
        with uz.refuses(EpochOver) as refused:
            take(refused, uz, sealed(over, by.node.keyring.node))
        assert str(refused.value) == "epoch 1 of this channel is over: messages are taken in epoch 2"
    late = replace(first, epoch=4, body=replace(begun, ended=replace(begun.ended, epoch=3)).encode())
    assert isinstance(uz.take(sealed(late, by.node.keyring.node)), EpochNotAgreed)
    early = follow(by, uz, {}, epoch=3, seq=2)
    with uz.refuses(EpochNotAgreed) as unmet:
        take(unmet, uz, sealed(early, by.node.keyring.node))
    send(by, uz)
    over = replace(first, epoch=2, seq=1, body=replace(begun, reason="позже").encode())
    assert isinstance(uz.take(sealed(over, by.node.keyring.node)), MessageFork)


def take(refused: Any, country: Country, message: str) -> None:

    accept(
        refused.tx, message, receiver_of(country.node), country.beliefs(), at=country.clock(), draw=country.node.draw
    )


def test_another_offer_takes_the_place_of_the_one_before(parted: Parted) -> None:
    by, uz = parted.by, parted.uz
    begin(by, uz)
    offer(by, uz)
    first = Message.parse(Envelope.parse(waiting(by, uz)[0], Typ.MESSAGE).payload)
    with uz.tx() as tx:
        follow_epoch.propose(tx, by.did, **uz.by("operator"))
    ended = Position(1, 1, "ab" * 32)
    uz.take(sealed(replace(first, body=EpochBegun(ended, "другое").encode()), by.node.keyring.node))
    assert open_kinds(uz) == [TaskKind.CHANNEL_FORK, TaskKind.EPOCH_OFFERED]
    with uz.refuses(EpochEndDiffers) as differs:
        follow_epoch.confirm(differs.tx, by.did, **uz.by("second_operator"))
    assert "ended at message 1" in str(differs.value)
    uz.take(waiting(by, uz)[0])
    with uz.tx() as tx:
        follow_epoch.confirm(tx, by.did, **uz.by("second_operator"))


@pytest.mark.parametrize("who", ["BY", "UZ"])
def test_a_restored_node_gets_its_epochs_back_with_its_messages(parted: Parted, who: str) -> None:
    by, uz = parted.by, parted.uz
    home, abroad = (by, uz) if who == "BY" else (uz, by)
    carry(uz, by)
    backup = Backup.take(parted.corridor.forge, home)
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    by.issued()
    carry(by, uz)
    carry(uz, by)
    backup.restore()
    assert behind(home) != []
    recovered(home, abroad)
    assert behind(home) == []
    with home.node.database.read() as tx:
        (row,) = tx.query(ChannelEpoch)
    assert (row.epoch, row.act, row.proposed_by, len(row.branch)) == (2, None, None, 1 if home is by else 0)
    assert found(home) == []
    make(by, uz)
    with parted.corridor.forge.breaking(home) as tx:
        tx.execute(text("UPDATE channel_epoch SET reason = 'другое'"))
    assert any("no message begins it so" in line for line in found(home))
    with parted.corridor.forge.breaking(home) as tx:
        tx.execute(text("UPDATE channel_epoch SET reason = :said"), {"said": REASON})
    by.issued()
    by.sequence()
    if home is by:
        by.witnessed(uz)
        send(by, uz)
        assert waiting(by, uz) == []
        assert found(by) == found(uz) == []
    backup.drop()


def test_an_epoch_that_does_not_follow_on_what_is_here_does_not_come_back(parted: Parted) -> None:
    by, uz = parted.by, parted.uz
    backup = Backup.take(parted.corridor.forge, by, "begins")
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    carry(by, uz)
    backup.restore()
    fetched = fetched_from(by, uz)
    sent = [each for each in fetched.sent[uz.did] if kind_of(each.message) is MessageKind.EPOCH_BEGUN]
    with by.node.database.read() as tx:
        position = channel.sent(tx, uz.did)
    assert position.epoch == 1
    first = Message.parse(Envelope.parse(sent[0].message, Typ.MESSAGE).payload)
    begun = EpochBegun.of(first)
    for body, epoch in (
        (replace(begun, ended=replace(begun.ended, seq=1, digest="ab" * 32)), 2),
        (replace(begun, ended=replace(begun.ended, epoch=2)), 3),
    ):
        forged = sealed(replace(first, epoch=epoch, body=body.encode()), by.node.keyring.node)
        with by.refuses(RecalledNotOurs) as refused:
            restoring(by)(refused.tx).take_sent(uz.did, [Recalled(forged, None)])
        assert "does not follow" in str(refused.value)
    backup.drop()


def kind_of(message: str) -> MessageKind:
    return Message.parse(Envelope.parse(message, Typ.MESSAGE).payload).kind


def test_what_clashes_with_what_was_done_since_is_named(corridor: Corridor) -> None:
    """A database was put back together with its guard, so that a number was given twice: the scandal is not hidden."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.approved()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    guard = by.node.settings.guard_path.read_bytes()
    first = by.issued()
    by.annulled(first)
    carry(by, uz)
    backup.restore()
    by.node.settings.guard_path.write_bytes(guard)
    second = by.issued()
    assert (second.number, second.digest != first.digest) == (first.number, True)
    by.sequence()
    make(by, uz)
    row, astray = begin(by, uz)
    assert len(row.branch) == 2
    assert [*astray] == [Envelope.parse(each, Typ.MESSAGE).digest for each in row.branch]
    (act,) = by.acts(Kind.EPOCH_BEGUN)
    assert act.private["astray"] == [*astray]
    backup.drop()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("ended_seq", "0"), ("ended_digest", f"'{'ab' * 32}'"), ("reason", "'другое'"), ("branch", "ARRAY['x']")),
        *(("peer", "'did:web:kz.registry.example'"), ("epoch", "3"), ("begun_at", "begun_at + interval '1 s'")),
        *(
            ("proposed_by", "(SELECT id FROM person WHERE id NOT IN (proposed_by, confirmed_by) LIMIT 1)"),
            ("act", "(SELECT id FROM act WHERE id <> channel_epoch.act LIMIT 1)"),
        ),
        ("direction", "CASE direction WHEN 'sent' THEN 'received' ELSE 'sent' END"),
    ],
)
def test_an_epoch_that_is_not_what_was_agreed_is_found(parted: Parted, column: str, value: str) -> None:
    by, uz = parted.by, parted.uz
    begin(by, uz)
    offer(by, uz)
    agree_to(uz, by)
    carry(by, uz)
    for country in (by, uz):
        with parted.corridor.forge.breaking(country) as tx:
            tx.execute(text(f"UPDATE channel_epoch SET {column} = {value}"))  # noqa: S608  of the table above
        assert any(line.startswith("epoch ") for line in found(country))


def test_an_epoch_that_was_deleted_is_found(parted: Parted) -> None:
    by, uz = parted.by, parted.uz
    begin(by, uz)
    with parted.corridor.forge.breaking(by) as tx:
        tx.execute(text("DELETE FROM channel_epoch"))
    assert any("the epoch is not here" in line for line in found(by))
