"""An importing country restored knows again what its own receipts say that it knew, whatever is revoked since."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from registry.core.trust.trust_list import SignerStatus
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verify import verify
from registry.store.certificates import CertificateRow
from registry.store.tasks import Task
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.take_certificate import Here
from registry.usecases.trust.publish_trust_list import Ending
from tests.kit import Corridor, Country, list_signers, sign_list
from tests.outside import issued_outside, registered
from tests.usecases.fsck.lived import found, mirror
from tests.usecases.recovery.restored import Backup, carry, recovered, send
from tests.usecases.trust.test_agreements_over_time import adopt, shorter
from tests.usecases.trust.test_keys_over_time import ask, draft, rotated
from tests.usecases.verification.test_export_bundle import export

HOUR = timedelta(hours=1)


def revoke(corridor: Corridor, since: datetime) -> str:
    """Let Minsk's key be revoked from an instant, by a list that both countries adopt; return the list."""
    by = corridor.by
    ending = Ending(by.signer.kid, SignerStatus.REVOKED, since, "stolen")
    text = sign_list(draft(by, None, ending), list_signers(corridor.forge, "BY"))
    for country in (by, corridor.uz):
        country.adopts(text)
        with country.tx() as tx:
            judge_again(tx, Here(country.did, "demo", country.code), country.beliefs(), at=country.clock())
    return text


def told(country: Country) -> Sequence[tuple[str, str]]:
    """Return what waits for people: kinds and subjects of open tasks."""
    with country.node.database.read() as tx:
        rows = tx.execute(select(Task.kind, Task.subject).where(Task.closed_at.is_(None)))
        return sorted((row.kind, row.subject) for row in rows)


def annul(by: Country, row: CertificateRow) -> CertificateRow:
    by.annulled(row)
    return row


def clarify(by: Country, row: CertificateRow) -> CertificateRow:
    by.clarified(row)
    return row


WHAT: dict[str, Callable[[Country, CertificateRow], CertificateRow]] = {
    "a certificate": lambda by, _: by.issued(),
    "an annulment": annul,
    "a clarification": clarify,
}


@pytest.mark.parametrize("what", WHAT)
def test_what_was_accepted_comes_back_though_its_key_is_revoked_from_before(corridor: Corridor, what: str) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    row = by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, uz)
    corridor.clock.forward(HOUR)
    stolen = corridor.clock()
    corridor.clock.forward(HOUR)
    row = WHAT[what](by, row)
    carry(by, uz)
    corridor.clock.forward(HOUR)
    newest = revoke(corridor, stolen)
    uz.hears(by.states(), by)
    before, tasks = ask(uz, row.number), told(uz)
    backup.restore()
    backup.drop()
    uz.adopts(newest)
    recovered(uz, by)
    mirror(by, uz)
    corridor.clock.forward(HOUR)
    uz.hears(by.states(), by)
    assert ask(uz, row.number) == before
    assert told(uz) == tasks
    assert found(uz) == []


def test_what_came_without_a_proof_and_its_proof_come_back_though_the_key_is_revoked_since(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, uz)
    corridor.clock.forward(HOUR)
    stolen = corridor.clock()
    corridor.clock.forward(HOUR)
    row = by.issued()
    by.sequence()
    corridor.clock.forward(timedelta(seconds=10))
    send(by, uz)
    carry(by, uz)
    newest = revoke(corridor, stolen)
    before = ask(uz, row.number)
    assert before[1] != "not-delivered"
    backup.restore()
    backup.drop()
    uz.adopts(newest)
    recovered(uz, by)
    assert ask(uz, row.number) == before
    with uz.node.database.read() as tx:
        held = tx.get(CertificateRow, row.id)
        assert held is not None
        assert held.proof is not None


def test_what_a_signer_signed_that_only_a_newer_list_knows_comes_back_before_that_list(
    corridor: Corridor, tmp_path: Path
) -> None:
    uz = corridor.uz
    _ = corridor.by.node.guard, uz.node.guard
    by, material = rotated(corridor, tmp_path / "keys")
    corridor.opened["BY"] = by
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, uz)
    corridor.clock.forward(HOUR)
    newest = sign_list(draft(by, material, overlap=timedelta(0)), list_signers(corridor.forge, "BY"))
    for country in (by, uz):
        country.adopts(newest)
    corridor.clock.forward(HOUR)
    row = by.issued()
    carry(by, uz)
    uz.hears(by.states(), by)
    before = ask(uz, row.number)
    backup.restore()
    backup.drop()
    recovered(uz, by)
    assert ask(uz, row.number) != before
    uz.adopts(newest)
    mirror(by, uz)
    corridor.clock.forward(HOUR)
    uz.hears(by.states(), by)
    assert ask(uz, row.number) == before
    assert found(uz) == []


def test_what_was_said_before_a_key_was_revoked_counts_after_a_restore(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    row = by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, uz)
    by.annulled(row)
    by.sequence()
    by.witnessed(uz)
    send(by, uz)
    corridor.clock.forward(HOUR)
    newest = revoke(corridor, corridor.clock())
    assert ask(uz, row.number)[1] == "annulled"
    corridor.clock.forward(HOUR)
    backup.restore()
    backup.drop()
    uz.adopts(newest)
    recovered(uz, by)
    assert ask(uz, row.number)[1] == "annulled"
    device = open_bundle(export(uz).text, uz.node.pins)
    shown = verify(Presentation(row.envelope), device.trusted, device.read, at=uz.clock())
    assert shown.decisive is not None
    assert shown.decisive.code == "annulled"
    assert found(uz) == []


@pytest.mark.parametrize("first", ["adopted", "recovered"])
def test_an_agreement_supersedes_from_when_it_was_adopted_before_the_restore(corridor: Corridor, first: str) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, uz)
    adopt(corridor, (uz,), title="Второе соглашение", **shorter())
    uz.sequence()
    uz.witnessed(by)
    mirror(uz, by)
    corridor.clock.forward(timedelta(days=1) + HOUR)
    late = by.issued()
    carry(by, uz)
    before = uz.believes().adopted
    shown = Presentation(late.envelope)
    judged = uz.shown(shown).verdict.decisive
    assert judged is not None
    assert judged.code == "agreement-superseded"
    backup.restore()
    backup.drop()
    if first == "recovered":
        recovered(uz, by)
    adopt(corridor, (uz,), title="Второе соглашение", **shorter())
    if first == "adopted":
        recovered(uz, by)
    device = open_bundle(export(uz).text, uz.node.pins)
    offline = verify(shown, device.trusted, device.read, at=uz.clock())
    for decisive in (uz.shown(shown).verdict.decisive, offline.decisive):
        assert decisive is not None
        assert decisive.code == "agreement-superseded"
    assert uz.believes().adopted == before


def test_a_restored_issuer_registers_what_its_body_signed_under_the_newer_agreement(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    _ = by.node.guard, uz.node.guard
    by.issued()
    carry(by, uz)
    backup = Backup.take(corridor.forge, by)
    adopt(corridor, title="Второе соглашение", **shorter())
    corridor.clock.forward(HOUR)
    signed = issued_outside(by, 900)
    carry(by, uz)
    corridor.clock.forward(HOUR)
    backup.restore()
    backup.drop()
    adopt(corridor, (by,), title="Второе соглашение", **shorter())
    recovered(by, uz)
    assert registered(by, signed).certificate.number
