"""Every move of application and certificate by many people in any order, on the use cases with a real database.

What is tried is mostly likely and sometimes absurd. `REGISTRY_MOVES_RUNS` sets how many runs are made, of
`REGISTRY_MOVES_STEPS` steps; tests/core/test_moves.py makes more of them over the tables alone.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.api.issuer import issuer_of
from registry.core.application.lifecycle import MOVES, PART, Move, Part, State
from registry.core.certificate.claims import Claims
from registry.core.certificate.clarification import Clarification
from registry.core.certificate.lifecycle import FINAL, Standing
from registry.core.certificate.lifecycle import MOVES as CHANGES
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.tlog.entry import Kind
from registry.store import annulments, clarifications
from registry.store.acts import Act
from registry.store.annulments import Annulment
from registry.store.applications import Application
from registry.store.certificates import CertificateRow, StatusChangeRow
from registry.store.clarifications import ClarificationRow
from registry.usecases.application import examine_application, submit_application
from registry.usecases.application.relate_certificate import Related
from registry.usecases.certificate import change_status, clarify_certificate, issue_certificate, replace_certificate
from registry.usecases.trust.sign_for_body import read, standing_of
from tests.kit import Country, Forge

RUNS = int(os.environ.get("REGISTRY_MOVES_RUNS", "12"))
STEPS = int(os.environ.get("REGISTRY_MOVES_STEPS", "25"))
LIKELY = {
    Part.APPLICANT: ("exporter", "second_exporter"),
    Part.EXAMINER: ("examiner", "both", "everything"),
    Part.SIGNATORY: ("signatory", "second_signatory", "both", "everything"),
}
EVERYONE = (
    "exporter",
    "stranger",
    "examiner",
    "second_examiner",
    "signatory",
    "second_signatory",
    "both",
    "everything",
    "officer",
)
TODAY = "2026-11-21+03:00"
STEP = Callable[[Session, str, dict[str, Any]], object]


class Moves(RuleBasedStateMachine):
    """One run: applications and certificates of its own, in a database that all runs share.

    They are drawn in the order in which they came: names are made at random, and a run is made again from its draws.
    """

    country: ClassVar[Country]

    def __init__(self) -> None:
        super().__init__()
        self.applications: dict[str, State] = {}
        self.certificates: dict[str, Standing] = {}

    def attempt(self, step: STEP, id: str, who: str) -> RegistryError | None:
        """Try a step in a transaction of its own, and return what it was refused for."""
        try:
            with self.country.tx() as tx:
                step(tx, id, self.country.by(who))
        except RegistryError as refusal:
            return refusal
        return None

    @rule(replacing=st.booleans(), data=st.data())
    def draft(self, data: st.DataObject, *, replacing: bool) -> None:
        related = None
        if replacing and self.certificates:
            related = Related("replaces", data.draw(st.sampled_from(list(self.certificates))))
        form = replace(self.country.form(), related=related)
        try:
            with self.country.tx() as tx:
                row = submit_application.draft(tx, form, country="BY", **self.country.by("exporter"))
        except RegistryError:
            assert related is not None
            assert self.certificates[related.certificate] in FINAL  # or, annulled, another stands in lieu of it
            return
        self.applications[row.id] = State.DRAFT

    @rule(replacing=st.booleans(), data=st.data())
    def approve(self, data: st.DataObject, *, replacing: bool) -> None:
        """Begin near the end, so that what comes after the issue is tried as often as what comes before it."""
        open_ = [id for id, standing in self.certificates.items() if standing not in FINAL]
        related = Related("replaces", data.draw(st.sampled_from(open_))) if replacing and open_ else None
        row = self.country.approves(replace(self.country.form(), related=related))
        self.applications[row.id] = State.APPROVED

    @precondition(lambda self: self.applications)
    @rule(data=st.data())
    def move_application(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(list(self.applications)))
        before = self.applications[id]
        likely = [move for state, move in MOVES if state is before and move in APPLICATION]
        move = data.draw(st.sampled_from([*likely, *likely, *likely, *APPLICATION]))
        who = data.draw(st.sampled_from([*LIKELY[PART[move]] * 3, *EVERYONE]))
        refusal = self.attempt(APPLICATION[move], id, who)
        with self.country.node.database.read() as tx:
            after = State(tx.get_one(Application, id).state)
            issued = tx.scalar(select(CertificateRow.id).where(CertificateRow.application == id))
        if refusal is None:
            assert after is MOVES[before, move]
        else:
            assert after is before
        self.applications[id] = after
        if issued is not None:
            self.certificates.setdefault(issued, Standing.IN_FORCE)
        self.follow({Status.REPLACED} if move is Move.ISSUE and refusal is None else set())

    @precondition(lambda self: State.APPROVED in self.applications.values())
    @rule(data=st.data())
    def propose_replacement(self, data: st.DataObject) -> None:
        approved = [id for id, state in self.applications.items() if state is State.APPROVED]
        id = data.draw(st.sampled_from(approved))
        who = data.draw(st.sampled_from([*LIKELY[Part.SIGNATORY], *EVERYONE]))
        self.attempt(lambda tx, it, by: replace_certificate.propose(tx, it, "Опечатка.", **by), id, who)
        self.follow(set())

    @precondition(lambda self: self.certificates)
    @rule(data=st.data(), step=st.sampled_from(["propose", "confirm", "confirm", "withdraw"]))
    def annul(self, data: st.DataObject, step: str) -> None:
        id = data.draw(st.sampled_from(list(self.certificates)))
        who = data.draw(st.sampled_from([*LIKELY[Part.SIGNATORY], *EVERYONE]))
        refusal = self.attempt(ANNULMENT[step], id, who)
        self.follow({Status.ANNULLED} if step == "confirm" and refusal is None else set())

    @precondition(lambda self: self.certificates)
    @rule(data=st.data(), step=st.sampled_from(["propose", "confirm", "confirm", "withdraw"]))
    def clarify(self, data: st.DataObject, step: str) -> None:
        id = data.draw(st.sampled_from(list(self.certificates)))
        who = data.draw(st.sampled_from([*LIKELY[Part.SIGNATORY], *EVERYONE]))
        self.attempt(CLARIFICATION[step], id, who)
        self.follow(set())

    def follow(self, expected: set[Status]) -> None:
        """See that no certificate stands elsewhere than one move that was made leads to."""
        with self.country.node.database.read() as tx:
            now = {id: standing_of(tx, id) for id in self.certificates}
        moved = {id for id, standing in now.items() if standing is not self.certificates[id]}
        assert len(moved) <= 1
        for id in moved:
            assert any(CHANGES.get((self.certificates[id], change)) is now[id] for change in expected)
        self.certificates = now

    @invariant()
    def nothing_is_signed_without_two_people(self) -> None:
        with self.country.node.database.read() as tx:
            for id in self.certificates:
                row = tx.get_one(CertificateRow, id)
                offers = select(Act).where(Act.subject == row.application, Act.kind == Kind.APPLICATION_DRAFT_OFFERED)
                approvers = [act.person for act in tx.scalars(offers)]
                assert approvers
                assert row.signatory not in approvers
                for proposed, confirmed in _signed(tx, id):
                    assert proposed != confirmed


def _signed(tx: Session, id: str) -> list[tuple[str, str]]:
    """Return who proposed and who confirmed each thing that was signed beside a certificate."""
    changes = tx.scalars(select(StatusChangeRow.envelope).where(StatusChangeRow.certificate == id))
    ended = [StatusChange.parse(Envelope.parse(each, Typ.STATUS).payload) for each in changes]
    rows = tx.scalars(select(ClarificationRow.envelope).where(ClarificationRow.certificate == id))
    said = [Clarification.parse(Envelope.parse(each, Typ.CLARIFICATION).payload) for each in rows]
    pairs = [(each.proposed_by, each.confirmed_by) for each in ended]
    return pairs + [(each.proposed_by, each.confirmed_by) for each in said]


def _submit(tx: Session, id: str, by: dict[str, Any]) -> None:
    submit_application.submit(tx, id, Moves.country.beliefs(), **by)


def _draft_of(tx: Session, id: str) -> str:
    return tx.get_one(Application, id).draft or "0" * 64


def _issue(tx: Session, id: str, by: dict[str, Any]) -> None:
    country = Moves.country
    proposals = select(Annulment.id).where(Annulment.application == id, Annulment.waits())
    draft, read = _draft_of(tx, id), tx.scalar(proposals)
    issue_certificate.issue(tx, id, draft, issuer_of(country.node), country.beliefs(), **by, read=read)


def _clarify(tx: Session, id: str, by: dict[str, Any]) -> None:
    old = Claims.parse(read(tx.get_one(CertificateRow, id)).subject.claims).consignor_exporter.address
    clarify_certificate.propose(tx, id, "consignor_exporter.address", old, old.replace("ул.", "улица"), "Да.", **by)


def _confirm_annulment(tx: Session, id: str, by: dict[str, Any]) -> None:
    read = annulments.waiting(tx, id)
    change_status.confirm(tx, id, read.id if read else "0" * 32, issuer_of(Moves.country.node), **by)


def _confirm_clarification(tx: Session, id: str, by: dict[str, Any]) -> None:
    read = clarifications.waiting(tx, id)
    clarify_certificate.confirm(tx, id, read.id if read else "0" * 32, issuer_of(Moves.country.node), **by)


APPLICATION: dict[Move, STEP] = {
    Move.SUBMIT: _submit,
    Move.WITHDRAW: lambda tx, it, by: submit_application.withdraw(tx, it, **by),
    Move.TAKE_UP: lambda tx, it, by: examine_application.take_up(tx, it, **by),
    Move.SEND_BACK: lambda tx, it, by: examine_application.send_back(tx, it, "нет", **by),
    Move.REFUSE: lambda tx, it, by: examine_application.refuse(tx, it, "нет", **by),
    Move.OFFER_DRAFT: lambda tx, it, by: examine_application.offer_draft(tx, it, **by),
    Move.STOP: lambda tx, it, by: examine_application.stop(tx, it, "payment", **by),
    Move.RESUME: lambda tx, it, by: examine_application.resume(tx, it, **by),
    Move.ACCEPT: lambda tx, it, by: submit_application.accept(tx, it, _draft_of(tx, it), **by),
    Move.OBJECT: lambda tx, it, by: submit_application.object_to(tx, it, _draft_of(tx, it), "нет", **by),
    Move.ISSUE: _issue,
}
ANNULMENT: dict[str, STEP] = {
    "propose": lambda tx, it, by: change_status.propose(tx, it, "Отозвано.", TODAY, **by),
    "confirm": _confirm_annulment,
    "withdraw": lambda tx, it, by: change_status.withdraw(tx, it, **by),
}
CLARIFICATION: dict[str, STEP] = {
    "propose": _clarify,
    "confirm": _confirm_clarification,
    "withdraw": lambda tx, it, by: clarify_certificate.withdraw(tx, it, **by),
}


def test_no_order_of_moves_signs_without_two_people_or_leaves_the_tables(forge: Forge) -> None:
    with forge.corridor() as corridor:
        Moves.country = corridor.by
        run_state_machine_as_test(
            Moves,
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
