"""What was withdrawn or sent back since a backup is not confirmed and not issued after it (decision 0046)."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from registry.api.issuer import issuer_of
from registry.core.application.lifecycle import IllegalMove, State
from registry.core.tlog.entry import Kind
from registry.store.applications import Application
from registry.store.certificates import CertificateRow
from registry.usecases.application import examine_application, submit_application
from registry.usecases.certificate import change_status, clarify_certificate
from registry.usecases.certificate.change_status import NothingProposed
from registry.usecases.certificate.clarify_certificate import NothingToClarify
from registry.usecases.party import issue_token
from registry.usecases.party.follow_proposals import ProposalEnded
from tests.kit import Corridor, Country
from tests.usecases.fsck.lived import found
from tests.usecases.recovery.restored import Backup, carry, recovered

HOUR = timedelta(hours=1)
FINGERPRINT = "ab" * 32


class Waiting:
    """Minsk, where three proposals wait, one application is approved and one draft offered, and a backup of it."""

    def __init__(self, corridor: Corridor) -> None:
        self.corridor = corridor
        by, uz = corridor.by, corridor.uz
        _ = by.node.guard, uz.node.guard
        self.person = by.people["signatory"].person
        self.row: CertificateRow = by.issued()
        self.annulment = by.proposed(self.row)
        old = str(by.boxes()["consignor_exporter"]["address"])
        words = ("consignor_exporter.address", old, old.replace("ул.", "улица"), "Опечатка.")
        with by.tx() as tx:
            issue_token.propose(tx, self.person, FINGERPRINT, days=30, **by.by("operator"))
            self.clarification = clarify_certificate.propose(tx, self.row.id, *words, **by.by("signatory"))
        self.approved: Application = by.approved()
        self.offered: Application = by.offered()
        carry(by, uz)
        corridor.clock.forward(HOUR)
        self.backup = Backup.take(corridor.forge, by)

    def restored(self, give_up: int = 0) -> dict[str, object]:
        """Restore the backup and recover; return what is said of it."""
        by, uz = self.corridor.by, self.corridor.uz
        if not give_up:
            carry(by, uz)
        self.backup.restore()
        said = dict(recovered(by, uz, give_up).said)
        assert found(by) == []
        return {name: said[name] for name in ("proposals_ended", "applications_returned")}


@pytest.fixture
def waits(corridor: Corridor) -> Iterator[Waiting]:
    waiting = Waiting(corridor)
    yield waiting
    waiting.backup.drop()


def withdraw_annulment(by: Country, waits: Waiting) -> None:
    with by.tx() as tx:
        change_status.withdraw(tx, waits.row.id, **by.by("signatory"))


def withdraw_clarification(by: Country, waits: Waiting) -> None:
    with by.tx() as tx:
        clarify_certificate.withdraw(tx, waits.row.id, **by.by("signatory"))


def withdraw_token(by: Country, waits: Waiting) -> None:
    with by.tx() as tx:
        issue_token.withdraw(tx, waits.person, FINGERPRINT, **by.by("operator"))


def annul(by: Country, waits: Waiting) -> None:
    with by.refuses(NothingProposed) as refused:
        issuer = issuer_of(by.node)
        change_status.confirm(refused.tx, waits.row.id, waits.annulment.id, issuer, **by.by("second_signatory"))


def clarify(by: Country, waits: Waiting) -> None:
    with by.refuses(NothingToClarify) as refused:
        issuer = issuer_of(by.node)
        clarify_certificate.confirm(refused.tx, waits.row.id, waits.clarification.id, issuer, **by.by("examiner"))


def confirm_token(by: Country, waits: Waiting) -> None:
    with by.refuses(ProposalEnded) as refused:
        issue_token.confirm(refused.tx, waits.person, FINGERPRINT, **by.by("second_operator"))


@pytest.mark.parametrize(
    ("kind", "withdraw", "refused"),
    [
        ("annulment", withdraw_annulment, annul),
        ("clarification", withdraw_clarification, clarify),
        ("token", withdraw_token, confirm_token),
    ],
)
def test_what_was_withdrawn_since_the_backup_is_not_confirmed_after_it(
    waits: Waiting, kind: str, withdraw: Callable[[Country, Waiting], None], refused: Callable[[Country, Waiting], None]
) -> None:
    by = waits.corridor.by
    withdraw(by, waits)
    assert waits.restored() == {"proposals_ended": {kind: 1}, "applications_returned": []}
    refused(by, waits)


def test_what_was_sent_back_since_the_backup_is_not_issued_after_it_but_approved_anew(waits: Waiting) -> None:
    by = waits.corridor.by
    with by.tx() as tx:
        examine_application.send_back(tx, waits.approved.id, "Повторная экспертиза.", **by.by("examiner"))
    assert waits.restored() == {"proposals_ended": {}, "applications_returned": [waits.approved.id]}
    after = by.application(waits.approved.id)
    assert (after.state, after.draft, after.clock) == (State.DRAFT, None, None)
    assert "restored from a backup" in str(after.reason)
    with by.refuses(IllegalMove), by.tx():
        by.issue(waits.approved)
    (act,) = by.acts(Kind.APPLICATION_SENT_BACK)
    assert (act.by, act.person) == (by.did, None)


def test_a_draft_that_silence_would_accept_is_looked_at_anew_where_an_applicant_objected_or_withdrew(
    waits: Waiting,
) -> None:
    by = waits.corridor.by
    with by.tx() as tx:
        submit_application.withdraw(tx, waits.offered.id, **by.by("exporter"))
    assert waits.restored() == {"proposals_ended": {}, "applications_returned": [waits.offered.id]}
    assert by.application(waits.offered.id).state == State.IN_EXAMINATION
    assert by.application(waits.approved.id).state == State.APPROVED
    by.issue(waits.approved)


def test_what_is_given_up_may_have_been_a_withdrawal(waits: Waiting) -> None:
    by = waits.corridor.by
    withdraw_annulment(by, waits)
    by.sequence()
    assert waits.restored(give_up=1) == {
        "proposals_ended": {"annulment": 1, "clarification": 1, "token": 1},
        "applications_returned": [waits.approved.id, waits.offered.id],
    }


def test_nothing_that_waits_ends_where_nothing_that_ended_is_lost(waits: Waiting) -> None:
    by = waits.corridor.by
    by.submitted()
    assert waits.restored() == {"proposals_ended": {}, "applications_returned": []}
    by.issue(waits.approved)
    with by.tx() as tx:
        issue_token.confirm(tx, waits.person, FINGERPRINT, **by.by("second_operator"))
