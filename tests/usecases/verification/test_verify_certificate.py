"""Customs' question and its answer, kept."""

from datetime import timedelta

from registry.core.calendar import MalformedTime
from registry.core.envelope.jose import MalformedEnvelope
from registry.core.tlog.entry import Kind
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Check, Indication
from registry.store.certificates import CertificateRow
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.verification.verify_certificate import (
    NumberAmbiguous,
    Question,
    Verification,
    ask_all,
    by_file,
    by_number,
)
from tests.kit import Corridor


def code(answer: Verification, check: Check) -> str | None:
    finding = answer.verdict.finding(check)
    return None if finding is None else finding.code


def test_a_certificate_that_is_not_held_is_indeterminate_and_never_invalid(corridor: Corridor) -> None:
    uz = corridor.uz
    answer = uz.asks("BYUZ6101000001")
    assert answer.verdict.indication is Indication.INDETERMINATE
    assert (code(answer, Check.DELIVERED), answer.certificate) == ("not-delivered", None)
    (act,) = uz.acts(Kind.VERIFICATION_MADE)
    assert (act.id, act.private["number"], act.person) == (
        answer.id,
        "BYUZ6101000001",
        uz.people["officer"].person,
    )


def test_spaces_and_case_of_a_number_do_not_matter(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    answer = uz.asks(" byuz 6101 000001 ", day=issued.issued_on)
    assert answer.verdict.indication is Indication.TOTAL_PASSED
    act = uz.acts(Kind.VERIFICATION_MADE)[0]
    assert (act.private["certificate"], act.private["digest"]) == (issued.id, issued.digest)
    assert (act.private["day"], act.subject) == ("2026-11-21", issued.id)


def test_a_number_that_was_typed_with_cyrillic_letters_says_so(corridor: Corridor) -> None:
    answer = corridor.uz.asks("ВYUZ6101000001")
    assert answer.verdict.indication is Indication.INDETERMINATE
    assert code(answer, Check.DELIVERED) == "number-not-latin"
    (finding,) = answer.verdict.findings
    assert finding.sentence == "nothing bears it: letters of the number are not Latin, though they may look so"


def test_a_file_is_judged_by_what_it_is_whether_held_or_not(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    shown = Presentation(issued.envelope)
    before = uz.shown(shown)
    assert before.verdict.indication is Indication.INDETERMINATE
    assert (code(before, Check.DELIVERED), before.certificate) == ("not-delivered", None)
    by.deliver(uz)
    after = uz.shown(shown)
    assert after.verdict.indication is Indication.TOTAL_PASSED
    assert after.certificate is not None
    assert uz.shown(Presentation("no certificate at all")).verdict.indication is Indication.TOTAL_FAILED


def test_the_issuers_own_customs_pass_a_certificate_for_nowhere_else_once_the_log_has_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    answer = by.asks(issued.number)
    assert code(answer, Check.DESTINATION) == "destination-elsewhere"
    assert answer.certificate is None, "what is presented elsewhere is not theirs to read"
    with by.tx() as tx:
        trusted = by.beliefs()
        pending = by_number(tx, issued.number, trusted, id=None, env="demo", country="UZ", day=None, **by.by("officer"))
    assert code(pending, Check.LOG) == "not-yet-logged"
    by.sequence()
    by.witnessed(uz)
    with by.tx() as tx:
        logged = by_number(tx, issued.number, trusted, id=None, env="demo", country="UZ", day=None, **by.by("officer"))
    assert logged.verdict.indication is Indication.TOTAL_PASSED
    assert code(logged, Check.DELIVERED) == "own"


def test_another_certificate_under_a_delivered_number_fails(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    with corridor.forge.breaking(uz) as tx:
        tx.get_one(CertificateRow, issued.id).digest = "0" * 64
    assert code(uz.shown(Presentation(issued.envelope)), Check.DELIVERED) == "other-digest"


def test_several_certificates_under_a_number_are_told_apart_by_id(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    first, second = by.issued(), by.issued()
    by.deliver(uz)
    with corridor.forge.breaking(uz) as tx:
        row = tx.get_one(CertificateRow, second.id)
        row.number, row.year = first.number, 2016
    with uz.refuses(NumberAmbiguous) as refused:
        by_number(
            refused.tx, first.number, uz.beliefs(), id=None, env="demo", country="UZ", day=None, **uz.by("officer")
        )
    assert set(refused.value.candidates) == {first.id, second.id}
    assert str(refused.value).startswith("2 certificates bear this number")
    meant = uz.asks(first.number, id=first.id)
    assert meant.certificate is not None
    assert meant.certificate.id == first.id
    assert uz.asks(first.number, id="none of them").certificate is None


def test_only_customs_ask(corridor: Corridor) -> None:
    uz = corridor.uz
    beliefs = uz.beliefs()
    with uz.refuses(RoleMissing) as refused:
        by_number(refused.tx, "X", beliefs, id=None, env="demo", country="UZ", day=None, **uz.by("exporter"))
    with uz.refuses(RoleMissing) as refused:
        by_file(refused.tx, Presentation(""), beliefs, env="demo", country="UZ", day=None, **uz.by("auditor"))


def test_a_list_that_was_not_renewed_leaves_the_answer_open(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    corridor.clock.forward(timedelta(days=11))
    answer = uz.asks(issued.number)
    assert answer.verdict.indication is Indication.INDETERMINATE
    assert code(answer, Check.SIGNER) == "list-expired"


def test_a_question_that_is_refused_leaves_the_others_their_answers(corridor: Corridor) -> None:
    uz = corridor.uz
    questions = [Question(number="x"), Question(number="x", day="2026-02-30"), Question(shown=f"a.b.{'c' * 86}")]
    questions.append(Question(shown="y"))
    with uz.tx() as tx:
        answers = list(ask_all(tx, questions, uz.beliefs(), env="demo", country="UZ", **uz.by("officer")))
    kinds = [type(answer) for answer in answers]
    assert kinds == [Verification, MalformedTime, Verification, MalformedEnvelope]
    assert len(uz.acts(Kind.VERIFICATION_MADE)) == 2
