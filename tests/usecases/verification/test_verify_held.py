"""An importer gets the full verdict on what they hold, and learns nothing of what is another's, nor by counting up."""

from datetime import timedelta
from typing import Any

import pytest

from registry.core.envelope.jose import Envelope, Typ
from registry.core.tlog.entry import Kind
from registry.core.verification.verdict import Indication
from registry.store import tasks
from registry.store.certificates import CertificateRow
from registry.store.tasks import TaskKind
from registry.usecases.party import grant_mandate
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.sign_for_body import CertificateNotFound
from registry.usecases.verification import verify_certificate, verify_held
from registry.usecases.verification.read_number import NumberNotLatin
from registry.usecases.verification.verify_certificate import Question, Verification
from registry.usecases.verification.verify_held import PER_MINUTE, TooManyVerifications
from tests.kit import AT, Corridor, Country

UNREAD = Question(shown=f"a.b.{'c' * 86}")


def asks(country: Country, question: Question, who: str = "importer", principal: str | None = None) -> Verification:
    beliefs = country.beliefs()
    with country.tx() as tx:
        how: dict[str, Any] = {"env": "demo", "country": country.code, "principal": principal}
        return verify_held.verify_held(tx, question, beliefs, **how, **country.by(who))


def is_refused(country: Country, question: Question, who: str = "importer", principal: str | None = None) -> None:
    """Check that a certificate is not there for who asks, and that nothing is kept of the question."""
    beliefs = country.beliefs()
    with country.refuses(CertificateNotFound) as refused:
        how: dict[str, Any] = {"env": "demo", "country": country.code, "principal": principal}
        verify_held.verify_held(refused.tx, question, beliefs, **how, **country.by(who))


def named(row: CertificateRow) -> Question:
    return Question(number=row.number.lower(), id=row.id)


def test_the_consignee_asks_by_number_and_id_and_the_verdict_is_kept(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    is_refused(uz, named(issued))
    by.deliver(uz)
    answer = asks(uz, named(issued))
    assert answer.verdict.indication is Indication.TOTAL_PASSED
    assert answer.certificate is not None
    (act,) = uz.acts(Kind.VERIFICATION_MADE)
    assert (act.subject, act.person) == (issued.id, uz.people["importer"].person)
    assert act.private["holder"] == uz.people["importer"].organisation


def test_a_number_in_other_letters_is_refused_before_anyone_looks_whose_it_is(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    for id in (issued.id, "https://by.registry.example/certificates/bcci/2026/x"):
        question = Question(number=f"В{issued.number[1:]}", id=id)
        with uz.refuses(NumberNotLatin) as refused:
            how: dict[str, Any] = {"env": "demo", "country": "UZ", "principal": None}
            verify_held.verify_held(refused.tx, question, uz.beliefs(), **how, **uz.by("importer"))
        assert "В (CYRILLIC CAPITAL LETTER VE)" in str(refused.value)


def test_what_is_anothers_is_not_there(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    is_refused(uz, named(issued), who="other_importer")
    is_refused(uz, Question(number=issued.number))
    is_refused(uz, Question(number=issued.number, id="https://by.registry.example/certificates/bcci/2026/x"))
    is_refused(uz, Question(number="BYUZ6101000002", id=issued.id))
    is_refused(uz, named(issued), principal="0" * 32)
    elsewhere = uz.by("importer")
    with uz.refuses(CertificateNotFound) as refused:
        verify_held.verify_held(
            refused.tx, named(issued), uz.beliefs(), principal=None, env="demo", country="KZ", **elsewhere
        )


def test_whoever_has_the_file_holds_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    answer = asks(uz, Question(shown=issued.envelope), who="other_importer")
    assert answer.verdict.indication is Indication.TOTAL_PASSED
    assert answer.certificate is not None
    assert asks(uz, UNREAD).certificate is None


def test_a_forged_file_with_anothers_id_shows_nothing_of_the_true_one(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    first, second = by.issued(), by.issued()
    by.deliver(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.get_one(CertificateRow, first.id).digest = second.digest[::-1]
    answer = asks(uz, Question(shown=first.envelope), who="other_importer")
    assert Envelope.parse(first.envelope, Typ.CERTIFICATE).digest == first.digest
    assert answer.verdict.indication is Indication.TOTAL_FAILED
    assert answer.certificate is None
    assert uz.acts(Kind.VERIFICATION_MADE)[0].subject is None


def test_an_agent_asks_for_the_importer_whose_mandate_it_has(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    importer, agent = uz.people["importer"].organisation, uz.people["other_importer"].organisation
    is_refused(uz, named(issued), who="other_importer", principal=importer)
    operator = uz.by("operator") | {"by": uz.people["operator"].actor}
    with uz.tx() as tx:
        granted = grant_mandate.grant(
            tx, principal=importer, agent=agent, schemes=["origin-st1"], until=AT.date(), today=AT.date(), **operator
        )
    answer = asks(uz, named(issued), who="other_importer", principal=importer)
    assert answer.verdict.indication is Indication.TOTAL_PASSED
    (act,) = uz.acts(Kind.VERIFICATION_MADE)
    assert (act.organisation, act.private["holder"]) == (agent, importer)
    corridor.clock.forward(timedelta(days=1))
    is_refused(uz, named(issued), who="other_importer", principal=importer)
    corridor.clock.forward(timedelta(days=-1))
    with uz.tx() as tx:
        grant_mandate.revoke(tx, granted.id, **operator)
    is_refused(uz, named(issued), who="other_importer", principal=importer)


def test_a_person_asks_so_often_a_minute_and_each_for_themselves(corridor: Corridor) -> None:
    uz = corridor.uz
    corridor.clock.forward(timedelta(seconds=20))
    for _ in range(PER_MINUTE):
        with uz.tx() as tx:
            verify_held.count(tx, by=uz.people["importer"], at=uz.clock())
    with uz.refuses(TooManyVerifications) as refused:
        verify_held.count(refused.tx, by=uz.people["importer"], at=uz.clock())
    assert refused.value.retry_after == 40
    assert str(refused.value) == "a person asks at most 30 times a minute"
    with uz.tx() as tx:
        verify_held.count(tx, by=uz.people["other_importer"], at=uz.clock())
    corridor.clock.forward(timedelta(seconds=refused.value.retry_after))
    for _ in range(PER_MINUTE):
        with uz.tx() as tx:
            verify_held.count(tx, by=uz.people["importer"], at=uz.clock())


@pytest.mark.parametrize("who", ["officer", "exporter", "auditor"])
def test_only_importers_ask_as_holders_and_they_do_not_ask_as_customs(corridor: Corridor, who: str) -> None:
    uz = corridor.uz
    with uz.refuses(RoleMissing) as refused:
        verify_held.count(refused.tx, by=uz.people[who], at=uz.clock())
    beliefs = uz.beliefs()
    how: dict[str, Any] = {"env": "demo", "country": "UZ"}
    with uz.refuses(RoleMissing) as refused:
        verify_held.verify_held(refused.tx, UNREAD, beliefs, principal=None, **how, **uz.by(who))
    for question in (UNREAD, Question(number="x")):
        with uz.refuses(RoleMissing) as refused:
            verify_certificate.ask(refused.tx, question, beliefs, **how, **uz.by("importer"))


def test_an_annulment_after_an_importer_asked_is_no_task_of_customs(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    asks(uz, named(issued))
    by.annulled(issued)
    by.deliver(uz)
    with uz.node.database.read() as tx:
        assert tasks.open_tasks(tx, TaskKind.ANNULLED_AFTER_USE) == []
    assert asks(uz, named(issued)).verdict.indication is Indication.TOTAL_FAILED
