"""The bundle that customs carries offline."""

from dataclasses import replace
from datetime import timedelta

import pytest

from registry.core.certificate.clarification import Clarification
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.identifiers import Digest
from registry.core.tlog.entry import Kind
from registry.core.trust.freshness import CLOCK_SKEW
from registry.core.verification.beside import Beside
from registry.core.verification.bundle import Bundle, open_bundle
from registry.usecases.trust.sign_for_body import read
from registry.usecases.verification import export_bundle
from tests.kit import Corridor, Country
from tests.usecases.recovery.restored import Backup, carry, recovered


def export(country: Country) -> Envelope:
    with country.tx() as tx:
        return export_bundle.export(
            tx,
            country.node.pins,
            country.node.keyring.node,
            did=country.did,
            env="demo",
            country=country.code,
            by=country.people["officer"].actor,
            at=country.clock(),
            draw=country.node.draw,
        )


def test_a_bundle_carries_what_was_delivered_and_what_changed(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    first, second = by.issued(), by.issued()
    by.deliver(uz)
    corridor.clock.forward(timedelta(days=1))
    third = by.issued()
    change = by.annulled(first)
    by.deliver(uz)
    envelope = export(uz)
    bundle = Bundle.parse(Envelope.parse(envelope.text, Typ.BUNDLE).payload)
    assert envelope.signer == uz.did
    assert bundle.changes == (change.envelope,)
    digests = [bytes.fromhex(row.digest)[:16] for row in (first, second, third)]
    earlier, later = bundle.delivered
    assert {earlier.digests[:16], earlier.digests[16:]} == set(digests[:2])
    assert (later.digests, later.logged) == (digests[2], True)
    assert bundle.stale_after - bundle.made_at == timedelta(hours=24)


def test_a_bundle_carries_how_certificates_are_to_be_read(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued, other = by.issued(), by.issued()
    by.deliver(uz)
    mended = by.clarified(issued)
    by.deliver(uz)
    opened = open_bundle(export(uz).text, uz.node.pins)
    assert opened.bundle.clarifications == (mended.envelope,)
    said = Clarification.parse(Envelope.parse(mended.envelope, Typ.CLARIFICATION).payload)
    assert opened.beside(read(issued), Digest(issued.digest)).clarifications == [said]
    assert opened.beside(read(other), Digest(other.digest)) == Beside([], [])
    corridor.clock.forward(timedelta(days=400))
    assert Bundle.parse(export(uz).payload).clarifications == ()


def test_a_bundle_whose_clarification_its_body_did_not_sign_shows_none(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    mended = by.clarified(issued)
    by.deliver(uz)
    bundle = Bundle.parse(export(uz).payload)
    said = Envelope.parse(mended.envelope, Typ.CLARIFICATION).payload
    forged = replace(bundle, clarifications=(seal(said, Typ.CLARIFICATION, uz.signer).text,))
    opened = open_bundle(seal(forged.encode(), Typ.BUNDLE, uz.node.keyring.node).text, uz.node.pins)
    assert opened.beside(read(issued), Digest(issued.digest)).clarifications == []


def test_bundles_are_numbered_without_a_gap_and_each_is_an_act(corridor: Corridor) -> None:
    uz = corridor.uz
    bundles = [export(uz) for _ in range(3)]
    assert [Bundle.parse(envelope.payload).sequence for envelope in bundles] == [1, 2, 3]
    assert [act.private["digest"] for act in uz.acts(Kind.BUNDLE_MADE)].count(bundles[2].digest) == 1


def test_bundles_go_on_being_numbered_where_a_restored_backup_had_fewer(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    backup = Backup.take(corridor.forge, uz)
    try:
        last = [open_bundle(export(uz).text, uz.node.pins).bundle.sequence for _ in range(3)][-1]
        carry(uz, by)
        backup.restore()
        recovered(uz, by)
        again = open_bundle(export(uz).text, uz.node.pins, newest={uz.did: last})
    finally:
        backup.drop()
    assert again.bundle.sequence == last + 1


def test_what_expired_is_not_carried(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    corridor.clock.forward(timedelta(days=400))
    bundle = Bundle.parse(export(uz).payload)
    assert (bundle.delivered, bundle.changes) == ((), ())
    assert len(bundle.lists) == 2


def test_a_node_whose_clock_is_behind_what_it_heard_makes_no_bundle_that_no_device_would_believe(
    corridor: Corridor,
) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    uz.hears(by.states(), by)
    corridor.clock.forward(-CLOCK_SKEW)
    export(uz)
    corridor.clock.forward(-timedelta(seconds=1))
    with pytest.raises(export_bundle.ClockBehind, match="set the clock right") as refused:
        export(uz)
    assert refused.value.node == by.did
