"""Customs that found a certificate good is told when it no longer holds for that day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from registry.api.issuer import issuer_of, receiver_of
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.store import tasks
from registry.store.certificates import CertificateRow
from registry.store.parties import Role
from registry.store.tasks import Task, TaskKind
from registry.usecases.certificate import change_status
from registry.usecases.channel.accept_message import accept
from registry.usecases.verification.verify_certificate import Question, Verification, ask, ask_all
from tests.kit import Corridor, Country, waits_for_a_lock
from tests.usecases.application.test_relate_certificate import duplicate


def told(country: Country) -> list[Task]:
    with country.node.database.read() as tx:
        return list(tasks.open_tasks(tx, TaskKind.ANNULLED_AFTER_USE))


def test_customs_that_passed_a_certificate_is_told_of_its_annulment_once(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    looks = [uz.shown(Presentation(issued.envelope)) for _ in range(2)]
    assert {look.verdict.indication for look in looks} == {Indication.TOTAL_PASSED}
    change = by.annulled(issued)
    by.deliver(uz)
    (task,) = told(uz)
    officer = uz.people["officer"]
    assert (task.role, task.organisation) == (Role.CUSTOMS, officer.organisation)
    assert task.detail == {
        "certificate": issued.id,
        "digest": issued.digest,
        "status": change.status,
        "effective_from": f"{change.effective_from.isoformat()}+03:00",
        "verifications": [look.id for look in looks],
    }


def test_who_never_found_it_good_or_only_for_an_earlier_day_is_not_told(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    unseen, refused, earlier = by.issued(), by.issued(), by.issued()
    by.deliver(uz)
    last = refused.issued_on + timedelta(days=400)
    assert uz.shown(Presentation(refused.envelope), last).verdict.indication is Indication.TOTAL_FAILED
    assert uz.shown(Presentation(earlier.envelope)).verdict.indication is Indication.TOTAL_PASSED
    corridor.clock.forward(timedelta(days=1))
    by.annulled(unseen)
    by.annulled(refused)
    next_day = (earlier.issued_on + timedelta(days=1)).isoformat() + "+03:00"
    read = by.proposed(earlier, day=next_day).id
    with by.tx() as tx:
        change_status.confirm(tx, earlier.id, read, issuer_of(by.node), **by.by("second_signatory"))
    by.deliver(uz)
    assert told(uz) == []


def test_an_annulment_waits_for_the_verdict_that_is_being_given_and_tells_of_it(corridor: Corridor) -> None:
    uz = corridor.uz
    issued, message = annulment_on_its_way(corridor)
    with ThreadPoolExecutor(1) as pool:
        with uz.tx() as tx:
            (look,) = in_bulk(tx, uz, Question(number=issued.number))
            taken = pool.submit(uz.take, message)
            waits_for_a_lock(uz)
        assert taken.result()
    (task,) = told(uz)
    assert task.detail["verifications"] == [look.id]


@pytest.mark.parametrize("by_what", ["number", "file"])
def test_an_annulment_waits_for_one_verdict_too(corridor: Corridor, by_what: str) -> None:
    uz = corridor.uz
    issued, message = annulment_on_its_way(corridor)
    question = Question(shown=issued.envelope) if by_what == "file" else Question(number=issued.number)
    with ThreadPoolExecutor(1) as pool:
        with uz.tx() as tx:
            look = ask(tx, question, uz.beliefs(), env="demo", country=uz.code, **uz.by("officer"))
            taken = pool.submit(uz.take, message)
            waits_for_a_lock(uz)
        assert taken.result()
    (task,) = told(uz)
    assert task.detail["verifications"] == [look.id]


def test_a_verdict_waits_for_the_annulment_that_is_being_taken(corridor: Corridor) -> None:
    uz = corridor.uz
    issued, message = annulment_on_its_way(corridor)
    with ThreadPoolExecutor(1) as pool:
        with uz.tx() as tx:
            accept(tx, message, receiver_of(uz.node), uz.beliefs(), at=uz.clock(), draw=uz.node.draw)
            asked = pool.submit(uz.asks, issued.number)
            waits_for_a_lock(uz)
        verdict = asked.result().verdict
    assert (verdict.indication, verdict.decisive.code if verdict.decisive else None) == (
        Indication.TOTAL_FAILED,
        "annulled",
    )
    assert told(uz) == []


def test_the_annulment_of_an_original_waits_for_the_verdict_on_its_duplicate(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    original = by.issued()
    lost = by.issue(duplicate(by, original))
    by.deliver(uz)
    by.annulled(original)
    by.sequence()
    (message,) = by.messages(uz)
    with ThreadPoolExecutor(1) as pool:
        with uz.tx() as tx:
            looks = in_bulk(tx, uz, Question(number=lost.number), Question(shown=lost.envelope))
            taken = pool.submit(uz.take, message)
            waits_for_a_lock(uz)
        assert taken.result()
    (task,) = told(uz)
    assert task.detail["certificate"] == lost.id
    assert task.detail["verifications"] == [look.id for look in looks]


def annulment_on_its_way(corridor: Corridor) -> tuple[CertificateRow, str]:
    """Return a certificate that was delivered, and the message with its annulment, which was not."""
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    by.annulled(issued)
    by.sequence()
    (message,) = by.messages(uz)
    return issued, message


def in_bulk(tx: Session, country: Country, *questions: Question) -> list[Verification]:
    answers = ask_all(tx, questions, country.beliefs(), env="demo", country=country.code, **country.by("officer"))
    found = [answer for answer in answers if isinstance(answer, Verification)]
    assert [each.verdict.indication for each in found] == [Indication.TOTAL_PASSED] * len(questions)
    return found
