"""Customs that found a certificate good is told when its key turns out to have been a thief's by then."""

from datetime import timedelta
from pathlib import Path

from registry.core.trust.trust_list import SignerStatus
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.store import tasks
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.take_certificate import Here
from registry.usecases.trust.publish_trust_list import Ending
from tests.kit import Corridor, Country
from tests.usecases.trust.test_keys_over_time import draft, kid_of, publish, rotated
from tests.usecases.verification.test_verify_held import asks, named

HOUR = timedelta(hours=1)


def told(country: Country) -> list[Task]:
    with country.tx() as tx:
        judge_again(tx, Here(country.did, "demo", country.code), country.beliefs(), at=country.clock())
        return list(tasks.open_tasks(tx, TaskKind.SIGNER_REVOKED_AFTER_USE))


def revoke(corridor: Corridor, ago: timedelta) -> None:
    by = corridor.by
    ending = Ending(by.signer.kid, SignerStatus.REVOKED, corridor.clock() - ago, "украден")
    publish(corridor, draft(by, None, ending))


def test_customs_is_told_once_of_what_a_revoked_key_signed_and_the_log_did_not_hold_before(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    before = by.issued()
    by.deliver(uz)
    corridor.clock.forward(2 * HOUR)
    used, unused = by.issued(), by.issued()
    by.deliver(uz)
    uz.hears(by.states(), by)
    looks = [uz.shown(Presentation(each.envelope)) for each in (before, used, used)]
    assert {look.verdict.indication for look in looks} == {Indication.TOTAL_PASSED}
    assert told(uz) == []
    corridor.clock.forward(HOUR)
    revoke(corridor, 2 * HOUR)
    (task,) = told(uz)
    officer = uz.people["officer"]
    assert (task.role, task.organisation) == (Role.CUSTOMS, officer.organisation)
    assert task.detail == {
        "certificate": used.id,
        "digest": used.digest,
        "kid": by.signer.kid,
        "verifications": [look.id for look in looks[1:]],
    }
    assert unused.id not in str(task.detail)
    assert len(told(uz)) == 1, "every adoption looks again, and tells no one twice"
    with uz.tx() as tx:
        tasks.close_tasks(tx, TaskKind.SIGNER_REVOKED_AFTER_USE, [task.subject], at=uz.clock())
    assert told(uz) == []


def test_who_found_it_bad_or_only_holds_it_is_not_told(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    corridor.clock.forward(2 * HOUR)
    bad, held = by.issued(), by.issued()
    by.deliver(uz)
    uz.hears(by.states(), by)
    last = bad.issued_on + timedelta(days=400)
    assert uz.shown(Presentation(bad.envelope), last).verdict.indication is Indication.TOTAL_FAILED
    asks(uz, named(held))
    corridor.clock.forward(HOUR)
    revoke(corridor, 2 * HOUR)
    assert told(uz) == []


def test_what_another_key_of_the_body_signed_is_left_alone(corridor: Corridor, tmp_path: Path) -> None:
    uz = corridor.uz
    by, material = rotated(corridor, tmp_path / "keys")
    publish(corridor, draft(by, material))
    issued = corridor.by.issued()
    corridor.by.deliver(uz)
    uz.hears(corridor.by.states(), corridor.by)
    assert uz.shown(Presentation(issued.envelope)).verdict.indication is Indication.TOTAL_PASSED
    corridor.clock.forward(HOUR)
    kids = {each.kid for body in draft(by, material).bodies for each in body.signers}
    (next_,) = {kid for kid in kids if kid.startswith(by.signer.kid.partition("#")[0])} - {kid_of(issued.envelope)}
    publish(corridor, draft(by, material, Ending(next_, SignerStatus.REVOKED, corridor.clock(), "украден")))
    assert told(uz) == []
