"""The examiner's work, and what it is refused for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from registry.core.application.lifecycle import IllegalMove, State
from registry.core.certificate.claims import Claims
from registry.core.tlog.entry import Kind
from registry.store.applications import Application
from registry.store.parties import Person
from registry.usecases.application import examine_application, submit_application
from registry.usecases.application.check_expert import ExaminerIsExpert, ExpertActMissing
from registry.usecases.application.find_application import ApplicationNotFound
from registry.usecases.party.identify_party import RoleMissing
from tests.kit import Corridor

MOVES: tuple[Callable[[Session, str, dict[str, Any]], Application], ...] = (
    lambda tx, named, by: examine_application.take_up(tx, named, **by),
    lambda tx, named, by: examine_application.send_back(tx, named, "нет", **by),
    lambda tx, named, by: examine_application.refuse(tx, named, "нет", **by),
    lambda tx, named, by: examine_application.offer_draft(tx, named, **by),
)


def test_the_second_examiner_sees_that_the_first_has_it(corridor: Corridor) -> None:
    by = corridor.by
    submitted = by.submitted()
    with by.tx() as tx:
        examine_application.take_up(tx, submitted.id, **by.by("examiner"))
    with by.refuses(IllegalMove) as refused:
        examine_application.take_up(refused.tx, submitted.id, **by.by("second_examiner"))
    assert str(refused.value) == "an application that is in examination cannot be taken up"


@pytest.mark.parametrize("spelled", ["{0} {1} {2}", "{2}, {0}{1}", "{0}{1} {2}.", "{2}"])
def test_the_expert_of_the_act_is_not_the_examiner(corridor: Corridor, spelled: str) -> None:
    by = corridor.by
    expert = spelled.format(*by.people["examiner"].name.split())
    act = {"number": "А-17", "until": "2027-03-01", "expert": expert, "goods": "тракторы", "rules_set": "CIS-1993"}
    form = by.form(expert_act=act)
    with by.tx() as tx:
        drafted = submit_application.draft(tx, form, country="BY", **by.by("exporter"))
        submit_application.submit(tx, drafted.id, by.beliefs(), **by.by("exporter"))
    with by.refuses(ExaminerIsExpert) as refused:
        examine_application.take_up(refused.tx, drafted.id, **by.by("examiner"))
    assert str(refused.value) == "whoever made the expert act does not examine the application"
    with by.tx() as tx:
        examine_application.take_up(tx, drafted.id, **by.by("second_examiner"))
    with by.refuses(ExaminerIsExpert) as refused:
        examine_application.offer_draft(refused.tx, drafted.id, **by.by("examiner"))
    with by.tx() as tx:
        offered = examine_application.offer_draft(tx, drafted.id, **by.by("second_examiner"))
    assert offered.state == State.DRAFT_OFFERED


def test_a_draft_is_not_offered_before_the_expert_act_is_stated(corridor: Corridor) -> None:
    by = corridor.by
    form = by.form()
    claims = dict(form.claims)
    act = claims.pop("expert_act")
    beliefs = by.beliefs()
    with by.tx() as tx:
        drafted = submit_application.draft(tx, replace(form, claims=claims), country="BY", **by.by("exporter"))
        findings = submit_application.submit(tx, drafted.id, beliefs, **by.by("exporter"))[1]
        examine_application.take_up(tx, drafted.id, **by.by("examiner"))
    assert "expert-act-missing" in {finding.rule for finding in findings}
    with by.refuses(ExpertActMissing) as refused:
        examine_application.offer_draft(refused.tx, drafted.id, **by.by("examiner"))
    assert str(refused.value) == "the application states no expert act, and what is certified rests on one"
    with by.tx() as tx:
        back = examine_application.send_back(tx, drafted.id, "Нет акта.", **by.by("examiner"))
        stated = replace(form, claims=claims | {"expert_act": act})
        submit_application.change(tx, drafted.id, stated, version=back.version, **by.by("exporter"))
        submit_application.submit(tx, drafted.id, beliefs, **by.by("exporter"))
        examine_application.take_up(tx, drafted.id, **by.by("examiner"))
        assert examine_application.offer_draft(tx, drafted.id, **by.by("examiner")).state == State.DRAFT_OFFERED


def test_what_is_sent_back_is_a_draft_again_and_says_why(corridor: Corridor) -> None:
    by = corridor.by
    submitted = by.submitted()
    with by.tx() as tx:
        examine_application.take_up(tx, submitted.id, **by.by("examiner"))
        row = examine_application.send_back(tx, submitted.id, "Нет счёта.", **by.by("examiner"))
    assert (row.state, row.reason) == (State.DRAFT, "Нет счёта.")
    (act,) = by.acts(Kind.APPLICATION_SENT_BACK)
    assert act.private["reason"] == "Нет счёта."
    with by.tx() as tx:
        again, _ = submit_application.submit(tx, submitted.id, by.beliefs(), **by.by("exporter"))
    assert (again.state, again.reason) == (State.SUBMITTED, None)


def test_what_is_refused_is_refused_for_good(corridor: Corridor) -> None:
    by = corridor.by
    submitted = by.submitted()
    with by.tx() as tx:
        examine_application.take_up(tx, submitted.id, **by.by("examiner"))
        row = examine_application.refuse(tx, submitted.id, "Происхождение не доказано.", **by.by("examiner"))
    assert (row.state, row.reason) == (State.REFUSED, "Происхождение не доказано.")
    for move in MOVES:
        with by.refuses(IllegalMove) as refused:
            move(refused.tx, submitted.id, by.by("examiner"))


def test_the_offered_draft_is_the_digest_of_the_claims_as_they_are(corridor: Corridor) -> None:
    offered = corridor.by.offered()
    assert offered.state == State.DRAFT_OFFERED
    assert offered.draft == Claims.parse(offered.claims).digest


def test_only_an_examiner_of_the_body_that_was_asked_examines(corridor: Corridor) -> None:
    by = corridor.by
    submitted, drafted = by.submitted(), by.draft()
    with corridor.forge.breaking(by) as tx:
        tx.get_one(Person, by.people["second_exporter"].person).roles = ["examiner"]
    by.knows("second_exporter")
    for move in MOVES:
        for who in ("signatory", "exporter"):
            with by.refuses(RoleMissing) as refused:
                move(refused.tx, submitted.id, by.by(who))
        for who, named in (("second_exporter", submitted.id), ("examiner", drafted.id)):
            with by.refuses(ApplicationNotFound) as missing:
                move(missing.tx, named, by.by(who))
