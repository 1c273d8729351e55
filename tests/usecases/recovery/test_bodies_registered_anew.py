"""A certificate that came back is its body's by what was signed, whenever the body is registered here."""

import pytest
from sqlalchemy import select

from registry.core.verification.verdict import Indication
from registry.store import certificates
from registry.store.certificate_search import Conditions, Scope, page
from registry.store.certificates import CertificateRow, Source
from registry.store.parties import Organisation
from tests.kit import Corridor
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.restored import Backup, behind, carry, recovered


@pytest.fixture
def back(corridor: Corridor) -> CertificateRow:
    """Restore Minsk from a backup of before its body was registered, recover, and register the body again."""
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    issued = by.issued()
    carry(by, uz)
    backup.restore()
    backup.drop()
    named(corridor, "bcci", "none")
    recovered(by, uz)
    named(corridor, "none", "bcci")
    carry(by, uz)
    with by.node.database.read() as tx:
        row = certificates.certificate(tx, issued.id)
    assert row is not None
    assert row.source == Source.RECOVERED
    return row


def named(corridor: Corridor, code: str, other: str) -> None:
    with corridor.forge.breaking(corridor.by) as tx:
        (row,) = tx.scalars(select(Organisation).where(Organisation.code == code))
        row.code, row.did = other, str(row.did).removesuffix(code) + other


def test_its_body_finds_it_and_annuls_it(corridor: Corridor, back: CertificateRow) -> None:
    by, uz = corridor.by, corridor.uz
    signatory = by.people["signatory"]
    assert signatory.did == back.body
    with by.node.database.read() as tx:
        seen = certificates.seen_by(tx, back.id, signatory.organisation)
        rows = page(tx, Scope(organisation=signatory.organisation), Conditions(), after=None, limit=10).rows
    assert seen is not None
    assert [row.id for row in rows] == [back.id]
    by.clarified(back)
    by.annulled(back)
    carry(by, uz)
    uz.hears(by.states(), by)
    assert uz.asks(back.number).verdict.indication is Indication.TOTAL_FAILED
    assert (behind(by), found(by)) == ([], [])


def test_its_body_replaces_it(corridor: Corridor, back: CertificateRow) -> None:
    by, uz = corridor.by, corridor.uz
    by.replaced(back)
    carry(by, uz)
    uz.hears(by.states(), by)
    assert uz.asks(back.number).verdict.indication is Indication.TOTAL_FAILED


def test_no_other_body_sees_it(corridor: Corridor, back: CertificateRow) -> None:
    by = corridor.by
    others = {who.organisation for who in by.people.values()} - {by.people["signatory"].organisation}
    with by.node.database.read() as tx:
        holding = {back.organisation, back.principal}
        assert {of for of in others if certificates.seen_by(tx, back.id, of) is not None} <= holding
