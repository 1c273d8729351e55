"""Replacing a certificate: a new number, two people, and one transaction for the new one and the end of the old."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from registry.api.issuer import issuer_of
from registry.core.application.lifecycle import IllegalMove
from registry.core.certificate.claims import Claims, Note, NoteCode
from registry.core.certificate.lifecycle import AlreadyAnnulled, ProposalDiffers, SamePerson, Standing
from registry.core.certificate.relation import Relation
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.receipt import Outcome, Receipt
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import RegistryError
from registry.core.tlog.entry import Kind
from registry.core.trust.trust_list import BodyRole
from registry.core.verification.verdict import Check, Indication
from registry.store.applications import Application
from registry.store.certificates import CertificateRow
from registry.store.parties import OrganisationKind, Role
from registry.usecases.application import submit_application
from registry.usecases.application.find_application import AnotherPart, ApplicationNotFound
from registry.usecases.application.relate_certificate import InLieuIssued, Related, RelatedElsewhere
from registry.usecases.certificate.change_status import AnnulmentOpen, ReplacementOpen, confirm, withdraw
from registry.usecases.certificate.issue_certificate import issue
from registry.usecases.certificate.read_beside import read_beside
from registry.usecases.certificate.replace_certificate import NothingToReplace, ReplacementNotProposed, propose
from registry.usecases.party import register_party
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.sign_for_body import CertificateNotFound, read, standing_of
from tests.kit import Corridor, Country, waits_for_a_lock
from tests.usecases.channel.test_accept_message import sent


def refused_issue(
    country: Country, approved: str, draft: str, who: str, refusal: type[RegistryError], read: str | None = None
) -> RegistryError:
    with country.refuses(refusal) as refused:
        issue(refused.tx, approved, draft, issuer_of(country.node), country.beliefs(), **country.by(who), read=read)
    return refused.value


def test_the_new_certificate_says_in_lieu_of_which_and_the_old_one_says_by_which(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    corridor.clock.forward(timedelta(days=3))
    new = by.replaced(old)
    assert (old.number, new.number) == ("BYUZ6101000001", "BYUZ6101000002")
    certificate = read(new)
    assert certificate.relation("replaces") == Relation("replaces", old.id)
    assert certificate.relation("duplicates") is None
    assert certificate.subject.relations == (Relation("replaces", old.id),)
    assert Claims.parse(certificate.subject.claims).official_notes == (
        Note(NoteCode.ISSUED_IN_LIEU, number=old.number, date=old.issued_on),
    )
    with by.node.database.read() as tx:
        assert (standing_of(tx, old.id), standing_of(tx, new.id)) == (Standing.REPLACED, Standing.IN_FORCE)
    (act,) = by.acts(Kind.CERTIFICATE_STATUS)
    (row,) = [eval_row for eval_row in _changes(by) if eval_row.certificate == old.id]
    assert (row.status, row.replaced_by, row.effective_from) == (
        Status.REPLACED,
        new.id,
        certificate.subject.issue_date,
    )
    assert (row.proposed_by, row.confirmed_by) == (
        by.people["signatory"].person,
        by.people["second_signatory"].person,
    )
    assert act.subject == old.id


def _changes(country: Country) -> list[StatusChange]:
    with country.node.database.read() as tx:
        texts = tx.scalars(text("SELECT envelope FROM status_change")).all()
    return [StatusChange.parse(Envelope.parse(each, Typ.STATUS).payload) for each in texts]


def test_it_takes_a_proposal_and_another_signatory(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    approved = by.replaces(old)
    draft = str(approved.draft)
    refusal = refused_issue(by, approved.id, draft, "second_signatory", ReplacementNotProposed)
    assert str(refusal) == "no signatory has proposed that this draft replaces the certificate"
    with by.refuses(RoleMissing) as missing:
        propose(missing.tx, approved.id, "нет", **by.by("examiner"))
    with by.tx() as tx:
        proposal = propose(tx, approved.id, "Опечатка.", **by.by("signatory"))
    refused_issue(by, approved.id, draft, "signatory", SamePerson, proposal.id)
    with by.refuses(AnnulmentOpen) as twice:
        propose(twice.tx, approved.id, "ещё раз", **by.by("second_signatory"))
    assert twice.value.proposal == proposal.id
    with by.refuses(ReplacementOpen) as refused:
        confirm(refused.tx, old.id, proposal.id, issuer_of(by.node), **by.by("second_signatory"))
    assert str(refused.value) == "issuing the certificate that replaces it confirms the proposal"
    by.issue(approved, "second_signatory", proposal.id)
    with by.refuses(IllegalMove) as late:
        propose(late.tx, approved.id, "поздно", **by.by("signatory"))


def test_a_proposal_that_is_withdrawn_confirms_nothing(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    approved = by.replaces(old)
    with by.tx() as tx:
        read = propose(tx, approved.id, "Опечатка.", **by.by("signatory")).id
        withdraw(tx, old.id, **by.by("second_signatory"))
    refused_issue(by, approved.id, str(approved.draft), "second_signatory", ReplacementNotProposed, read)


def test_whoever_issues_signs_the_end_that_they_read(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    approved = by.replaces(old)
    with by.tx() as tx:
        read = propose(tx, approved.id, "Опечатка.", **by.by("signatory")).id
    with by.tx() as tx:
        withdraw(tx, old.id, **by.by("signatory"))
        other = propose(tx, approved.id, "Подделка.", **by.by("signatory"))
    for said in (read, None):
        refused_issue(by, approved.id, str(approved.draft), "second_signatory", ProposalDiffers, said)
    by.issue(approved, "second_signatory", other.id)
    assert [change.reason for change in _changes(by)] == ["Подделка."]


def test_an_issue_that_waits_while_another_end_is_proposed_does_not_sign_that(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    approved = by.replaces(old)
    with by.tx() as tx:
        read = propose(tx, approved.id, "Опечатка.", **by.by("signatory")).id
    with ThreadPoolExecutor(1) as pool:
        with by.tx() as tx:
            withdraw(tx, old.id, **by.by("signatory"))
            propose(tx, approved.id, "Подделка.", **by.by("signatory"))
            late = pool.submit(by.issue, approved, "second_signatory", read)
            waits_for_a_lock(by)
        assert isinstance(late.exception(), ProposalDiffers)
    assert _changes(by) == []


def test_whoever_read_of_an_end_that_is_not_to_come_issues_nothing(corridor: Corridor) -> None:
    by = corridor.by
    old, plain = by.issued(), by.approved()
    approved = by.replaces(old)
    with by.tx() as tx:
        read = propose(tx, approved.id, "Опечатка.", **by.by("signatory")).id
        withdraw(tx, old.id, **by.by("signatory"))
    by.annulled(old)
    refused_issue(by, approved.id, str(approved.draft), "second_signatory", ReplacementNotProposed, read)
    refused_issue(by, plain.id, str(plain.draft), "second_signatory", NothingToReplace, read)


def test_an_open_annulment_is_no_proposal_to_replace(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    approved = by.replaces(old)
    by.proposed(old)
    refused_issue(by, approved.id, str(approved.draft), "second_signatory", ReplacementNotProposed)


def test_whoever_examined_the_application_does_not_propose(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    form = replace(by.form(), related=Related("replaces", old.id))
    approved = by.approves(form)
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    with by.tx() as tx:
        register_party.change_roles(tx, by.people["examiner"].person, [Role.EXAMINER, Role.SIGNATORY], **operator)
    by.renews("examiner")
    with by.refuses(AnotherPart) as refused:
        propose(refused.tx, approved.id, "нет", **by.by("examiner"))
    plain = by.approved()
    with by.refuses(NothingToReplace) as nothing:
        propose(nothing.tx, plain.id, "нет", **by.by("signatory"))
    assert str(nothing.value) == "the application names no certificate that it would replace"


def test_only_the_body_that_is_asked_proposes(corridor: Corridor) -> None:
    by = corridor.by
    approved = by.replaces(by.issued())
    by.gives("second_exporter", Role.SIGNATORY)
    with by.refuses(ApplicationNotFound) as refused:
        propose(refused.tx, approved.id, "нет", **by.by("second_exporter"))


def test_what_is_foreign_unknown_or_anothers_is_not_there_to_replace(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    foreign = uz.issued("cotton-yarn")
    uz.deliver(by)
    issued = by.issued()
    for named, who in ((foreign.id, "exporter"), (issued.id + "9", "exporter"), (issued.id, "stranger")):
        declared = by.boxes()["declaration"]
        declared.pop("applicant", None)
        form = replace(by.form(declaration=declared), related=Related("replaces", named))
        with by.refuses(CertificateNotFound) as refused:
            submit_application.draft(refused.tx, form, country="BY", **by.by(who))
    for_another = replace(by.form(principal=by.people["stranger"].organisation), related=Related("replaces", issued.id))
    with by.refuses(CertificateNotFound) as refused:
        submit_application.draft(refused.tx, for_another, country="BY", **by.by("exporter"))


def test_what_was_delivered_here_is_replaced_where_it_was_issued(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    foreign = uz.issued("cotton-yarn")
    uz.deliver(by)
    with corridor.forge.breaking(by) as tx:
        exporter = by.people["exporter"].organisation
        tx.execute(
            text("UPDATE certificate SET organisation = :of, principal = :of WHERE id = :id"),
            {"of": exporter, "id": foreign.id},
        )
    with by.refuses(CertificateNotFound) as refused:
        form = replace(by.form(), related=Related("replaces", foreign.id))
        submit_application.draft(refused.tx, form, country="BY", **by.by("exporter"))


@pytest.mark.parametrize("member", ["presented_in", "scheme", "body"])
def test_another_corridor_scheme_or_body_is_refused(corridor: Corridor, member: str) -> None:
    by = corridor.by
    issued = by.issued()
    form = replace(by.form(), related=Related("replaces", issued.id))
    operator = by.by("operator") | {"by": by.people["operator"].actor}
    with by.tx() as tx:
        register_party.register_organisation(
            tx,
            kind=OrganisationKind.BODY,
            name="Второй орган",
            country="BY",
            address="адрес",
            tax_id=None,
            code="second",
            body_role=BodyRole.AUTHORISED,
            node_name=by.node.settings.name,
            **operator,
        )
    changes: dict[str, Any] = {"presented_in": {"presented_in": "KZ"}, "scheme": {}, "body": {"body": "second"}}[member]
    if member == "scheme":
        with corridor.forge.breaking(by) as tx:
            tx.execute(text("UPDATE certificate SET scheme = 'conformity'"))
    with by.refuses(RelatedElsewhere) as refused:
        submit_application.draft(refused.tx, replace(form, **changes), country="BY", **by.by("exporter"))
    assert str(refused.value) == f"the certificate that it names is of another {member}"


def test_in_lieu_of_what_is_annulled_a_new_one_is_issued_and_nothing_ends_twice(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    before = by.replaces(old)
    by.annulled(old)
    by.deliver(uz)
    with by.refuses(AlreadyAnnulled) as refused:
        propose(refused.tx, before.id, "нет", **by.by("signatory"))
    new = by.issue(by.replaces(old))
    certificate = read(new)
    assert certificate.relation("replaces") == Relation("replaces", old.id)
    assert Claims.parse(certificate.subject.claims).official_notes == (
        Note(NoteCode.ISSUED_IN_LIEU, number=old.number, date=old.issued_on),
    )
    assert [change.status for change in _changes(by)] == [Status.ANNULLED]
    by.deliver(uz)
    assert uz.asks(new.number).verdict.indication is Indication.TOTAL_PASSED
    failed = uz.asks(old.number).verdict.finding(Check.STATUS)
    assert failed is not None
    assert failed.code == "annulled"
    with uz.node.database.read() as tx:
        named = read_beside(tx, tx.get_one(CertificateRow, old.id), uz.beliefs(), "demo").named_by
    assert [(each.kind, each.certificate) for each in named] == [("replaces", new.id)]


def test_what_was_approved_before_the_annulment_is_issued_after_it(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    approved = by.replaces(old)
    by.annulled(old)
    assert read(by.issue(approved)).relation("replaces") == Relation("replaces", old.id)


def test_one_certificate_stands_in_lieu_and_what_is_wrong_with_it_is_mended_there(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    by.annulled(old)
    first, second = by.replaces(old), by.replaces(old)
    new = by.issue(first)
    refusal = refused_issue(by, second.id, str(second.draft), "signatory", InLieuIssued)
    assert str(refusal) == "another certificate was issued in lieu of it"
    again = replace(by.form(), related=Related("replaces", old.id))
    with by.refuses(InLieuIssued) as refused:
        submit_application.draft(refused.tx, again, country="BY", **by.by("exporter"))
    assert refused.value.certificate == new.id
    assert read(by.replaced(new)).relation("replaces") == Relation("replaces", new.id)


def test_two_issues_in_lieu_of_one_at_once_are_one(corridor: Corridor) -> None:
    by = corridor.by
    old = by.issued()
    by.annulled(old)
    approved = [by.replaces(old) for _ in range(4)]

    def try_to_issue(application: Application) -> str | None:
        try:
            return by.issue(application).number
        except InLieuIssued:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert len(list(filter(None, pool.map(try_to_issue, approved)))) == 1


def test_what_is_replaced_is_not_replaced_again(corridor: Corridor) -> None:
    by = corridor.by
    second = by.issued()
    drafted = by.replaces(second)
    form = replace(by.form(), related=Related("replaces", second.id))
    with by.tx() as tx:
        waiting = submit_application.draft(tx, form, country="BY", **by.by("exporter"))
    by.replaced(second)
    with by.refuses(AlreadyAnnulled) as refused:
        submit_application.draft(refused.tx, form, country="BY", **by.by("exporter"))
    with by.refuses(AlreadyAnnulled) as refused:
        submit_application.submit(refused.tx, waiting.id, by.beliefs(), **by.by("exporter"))
    with by.refuses(AlreadyAnnulled) as refused:
        propose(refused.tx, drafted.id, "нет", **by.by("signatory"))


def test_a_changed_draft_forgets_what_it_replaced(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    with by.tx() as tx:
        row = submit_application.draft(
            tx, replace(by.form(), related=Related("replaces", issued.id)), country="BY", **by.by("exporter")
        )
    assert set(row.relations) == {"replaces"}
    with by.tx() as tx:
        row = submit_application.change(tx, row.id, by.form(), version=1, **by.by("exporter"))
    assert row.relations == {}


def test_both_messages_are_taken_in_either_order_and_customs_is_told_both_ways(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    by.deliver(uz)
    new = by.replaced(old)
    by.sequence()
    bodies = [Message.parse(Envelope.parse(each, Typ.MESSAGE).payload) for each in by.messages(uz)]
    assert [each.kind for each in bodies] == [MessageKind.CERTIFICATE_ISSUED, MessageKind.CERTIFICATE_STATUS]
    for each in reversed(bodies):
        receipt: Receipt = sent(by, uz, each.body, kind=each.kind)
        assert receipt.outcome is Outcome.ACCEPTED
    before = uz.asks(old.number).verdict
    assert before.indication is Indication.TOTAL_FAILED
    status = before.finding(Check.STATUS)
    assert status is not None
    assert (status.code, status.sentence) == ("replaced", "the certificate is replaced by another")
    assert uz.asks(new.number).verdict.indication is Indication.TOTAL_PASSED
    (change,) = _changes(uz)
    assert change.replaced_by == new.id
