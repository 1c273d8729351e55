"""Annulment by two people."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry.api.issuer import issuer_of
from registry.core.calendar import MalformedTime
from registry.core.certificate.claims import Claims
from registry.core.certificate.lifecycle import AlreadyAnnulled, ProposalDiffers, SamePerson
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.tlog.entry import Kind
from registry.core.trust.trust_list import SignerStatus
from registry.core.verification.verdict import Check, Indication
from registry.store.certificates import CertificateRow
from registry.store.clarifications import ClarificationProposal
from registry.usecases.certificate import clarify_certificate
from registry.usecases.certificate.change_status import (
    AnnulmentOpen,
    DateOutside,
    NothingProposed,
    confirm,
    propose,
    withdraw,
)
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.publish_trust_list import Ending
from registry.usecases.trust.sign_for_body import CertificateNotFound, Issuer, SignerMissing, read
from tests.kit import Corridor, Country, waits_for_a_lock
from tests.usecases.trust.test_keys_over_time import draft, publish, rotated

TODAY = "2026-11-21+03:00"
NOT_THERE = "0" * 32


def typo(by: Country, issued: CertificateRow, end: str = ".") -> ClarificationProposal:
    """Propose to clarify the address of the exporter, which had another end."""
    box, old = "consignor_exporter.address", Claims.parse(read(issued).subject.claims).consignor_exporter.address
    with by.tx() as tx:
        return clarify_certificate.propose(tx, issued.id, box, old, old + end, "Опечатка.", **by.by("signatory"))


def test_an_annulment_is_signed_by_the_body_and_names_both_people(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    row = by.annulled(issued)
    envelope = Envelope.parse(row.envelope, Typ.STATUS)
    change = StatusChange.parse(envelope.payload)
    assert envelope.signer == by.people["signatory"].did == change.issuer
    assert (change.proposed_by, change.confirmed_by) == (
        by.people["signatory"].person,
        by.people["second_signatory"].person,
    )
    assert (change.status, change.digest, change.certificate) == (Status.ANNULLED, issued.digest, issued.id)
    (act,) = by.acts(Kind.CERTIFICATE_STATUS)
    assert (act.digest, act.to, act.subject) == (row.digest, "UZ", issued.id)


def test_an_examiner_of_the_body_may_confirm_and_may_not_propose(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    with by.refuses(RoleMissing) as refused:
        propose(refused.tx, issued.id, "нет", TODAY, **by.by("examiner"))
    read = by.proposed(issued).id
    with by.refuses(RoleMissing) as refused:
        withdraw(refused.tx, issued.id, **by.by("examiner"))
    with by.refuses(RoleMissing) as refused:
        confirm(refused.tx, issued.id, read, issuer_of(by.node), **by.by("exporter"))
    assert str(refused.value) == "this is the work of someone with the role signatory or examiner"
    with by.tx() as tx:
        assert confirm(tx, issued.id, read, issuer_of(by.node), **by.by("examiner")).status == Status.ANNULLED


def test_whoever_proposes_does_not_confirm(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    read = by.proposed(issued).id
    with by.refuses(SamePerson) as refused:
        confirm(refused.tx, issued.id, read, issuer_of(by.node), **by.by("signatory"))
    assert str(refused.value) == "whoever proposed it cannot confirm it"


def test_a_proposal_is_open_once_and_can_be_withdrawn_and_made_again(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    for refusing in (
        lambda tx: withdraw(tx, issued.id, **by.by("signatory")),
        lambda tx: confirm(tx, issued.id, NOT_THERE, issuer_of(by.node), **by.by("signatory")),
    ):
        with by.refuses(NothingProposed) as nothing:
            refusing(nothing.tx)
        assert str(nothing.value) == "nobody has proposed to annul the certificate"
    first = by.proposed(issued)
    with by.refuses(AnnulmentOpen) as refused:
        propose(refused.tx, issued.id, "ещё раз", TODAY, **by.by("second_signatory"))
    assert refused.value.proposal == first.id
    assert str(refused.value) == "a proposal to annul or to replace the certificate is open"
    with by.tx() as tx:
        withdraw(tx, issued.id, **by.by("second_signatory"))
    (act,) = by.acts(Kind.ANNULMENT_WITHDRAWN)
    assert act.private == {"certificate": issued.id, "proposal": first.id}
    assert by.proposed(issued).id != first.id


def test_what_is_signed_is_the_proposal_that_was_read(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    corridor.clock.forward(timedelta(days=3))
    by.renews("signatory")
    read = by.proposed(issued, day="2026-11-24+03:00")
    with by.tx() as tx:
        withdraw(tx, issued.id, **by.by("signatory"))
    from_start = by.proposed(issued)
    with by.refuses(ProposalDiffers) as refused:
        confirm(refused.tx, issued.id, read.id, issuer_of(by.node), **by.by("second_signatory"))
    assert refused.value.proposal == from_start.id
    assert str(refused.value) == "what is confirmed is not what is proposed now: read it again"
    with by.tx() as tx:
        row = confirm(tx, issued.id, from_start.id, issuer_of(by.node), **by.by("second_signatory"))
    assert row.effective_from == issued.issued_on


def test_a_clarification_is_signed_as_it_was_read(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    read = typo(by, issued)
    with by.tx() as tx:
        clarify_certificate.withdraw(tx, issued.id, **by.by("signatory"))
    other = typo(by, issued, ", двор")
    with by.refuses(ProposalDiffers) as refused:
        clarify_certificate.confirm(refused.tx, issued.id, read.id, issuer_of(by.node), **by.by("examiner"))
    assert refused.value.proposal == other.id
    assert by.acts(Kind.CERTIFICATE_CLARIFIED) == []


def test_a_confirmation_that_comes_while_another_is_proposed_does_not_sign_that(corridor: Corridor) -> None:
    by = corridor.by
    annulled, clarified = by.issued(), by.issued()
    annulment, clarification = by.proposed(annulled), typo(by, clarified)

    def annul() -> object:
        with by.tx() as tx:
            return confirm(tx, annulled.id, annulment.id, issuer_of(by.node), **by.by("examiner"))

    def clarify() -> object:
        with by.tx() as tx:
            read, issuer = clarification.id, issuer_of(by.node)
            return clarify_certificate.confirm(tx, clarified.id, read, issuer, **by.by("examiner"))

    with ThreadPoolExecutor(1) as pool:
        with by.tx() as tx:
            withdraw(tx, annulled.id, **by.by("signatory"))
            propose(tx, annulled.id, "Подделка.", TODAY, **by.by("signatory"))
            late = pool.submit(annul)
            waits_for_a_lock(by)
        assert isinstance(late.exception(), ProposalDiffers)
        with by.tx() as tx:
            clarify_certificate.withdraw(tx, clarified.id, **by.by("signatory"))
            words = (clarification.box, clarification.old, clarification.old + ", двор", "Опечатка.")
            clarify_certificate.propose(tx, clarified.id, *words, **by.by("signatory"))
            late = pool.submit(clarify)
            waits_for_a_lock(by)
        assert isinstance(late.exception(), ProposalDiffers)
    assert by.acts(Kind.CERTIFICATE_STATUS, Kind.CERTIFICATE_CLARIFIED) == []


def test_annulled_is_for_ever(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    by.annulled(issued)
    with by.refuses(AlreadyAnnulled) as refused:
        propose(refused.tx, issued.id, "ещё раз", TODAY, **by.by("signatory"))
    assert str(refused.value) == "the certificate is annulled"
    with by.refuses(AlreadyAnnulled) as refused:
        confirm(refused.tx, issued.id, NOT_THERE, issuer_of(by.node), **by.by("second_signatory"))
    with by.refuses(AlreadyAnnulled) as refused:
        withdraw(refused.tx, issued.id, **by.by("signatory"))


def test_only_the_body_that_issued_a_certificate_annuls_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    with uz.refuses(CertificateNotFound) as refused:
        propose(refused.tx, issued.id, "нет", "2026-11-21+05:00", **uz.by("signatory"))
    assert str(refused.value) == "there is no such certificate"
    with corridor.forge.breaking(uz) as tx:
        row = tx.get_one(type(issued), issued.id)
        row.body = str(uz.people["signatory"].did)
    with uz.refuses(CertificateNotFound) as refused:
        propose(refused.tx, issued.id, "нет", "2026-11-21+05:00", **uz.by("signatory"))
    with by.refuses(CertificateNotFound) as refused:
        propose(refused.tx, issued.id + "0", "нет", TODAY, **by.by("signatory"))


def test_an_annulment_holds_from_a_local_day_between_issue_and_today(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    corridor.clock.forward(timedelta(days=2))
    for day in ("2026-11-20+03:00", "2026-11-24+03:00", "2026-11-22+05:00"):
        with by.refuses(DateOutside) as refused:
            propose(refused.tx, issued.id, "нет", day, **by.by("signatory"))
    assert str(refused.value) == "an annulment holds from a day between 2026-11-21+03:00 and 2026-11-23+03:00"
    with by.refuses(MalformedTime) as malformed:
        propose(malformed.tx, issued.id, "нет", "2026-11-22", **by.by("signatory"))
    by.proposed(issued, day="2026-11-23+03:00")


def test_an_annulment_needs_the_bodys_key(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    read, keyless = by.proposed(issued).id, Issuer(by.node.settings.name, "demo", {}, by.node.pins)
    with by.refuses(SignerMissing) as refused:
        confirm(refused.tx, issued.id, read, keyless, **by.by("second_signatory"))
    assert str(refused.value) == f"this node holds no document signer of {refused.value.body}"


def test_a_key_that_no_list_names_ends_nothing(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    annulment, clarification = by.proposed(issued), typo(by, issued)
    unlisted = replace(issuer_of(by.node), signers={"bcci": (by.node.keyring.node,)})
    for sign, proposal in ((confirm, annulment), (clarify_certificate.confirm, clarification)):
        with by.refuses(SignerMissing) as refused:
            sign(refused.tx, issued.id, proposal.id, unlisted, **by.by("second_signatory"))
        assert "no document signer of bcci is in use" in str(refused.value)


@pytest.mark.parametrize("status", [SignerStatus.REVOKED, SignerStatus.RETIRED])
def test_nothing_ends_at_home_by_a_key_that_customs_would_not_believe(
    corridor: Corridor, status: SignerStatus, tmp_path: Path
) -> None:
    by, material = rotated(corridor, tmp_path / "keys")
    uz, issued = corridor.uz, by.issued()
    by.deliver(uz)
    annulment, clarification = by.proposed(issued), typo(by, issued)
    corridor.clock.forward(timedelta(hours=1))
    publish(corridor, draft(corridor.by, None, Ending(by.signer.kid, status, by.clock(), "key-lost")))
    for sign, proposal in ((confirm, annulment), (clarify_certificate.confirm, clarification)):
        with by.refuses(SignerMissing) as refused:
            sign(refused.tx, issued.id, proposal.id, issuer_of(by.node), **by.by("second_signatory"))
    publish(corridor, draft(by, material, overlap=timedelta(0)))
    with by.tx() as tx:
        clarify_certificate.confirm(tx, issued.id, clarification.id, issuer_of(by.node), **by.by("second_signatory"))
        confirm(tx, issued.id, annulment.id, issuer_of(by.node), **by.by("second_signatory"))
    by.deliver(uz)
    finding = uz.asks(issued.number).verdict.finding(Check.STATUS)
    assert finding is not None
    assert finding.code == "annulled"


def test_a_declaration_before_the_day_of_annulment_stays_good(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    corridor.clock.forward(timedelta(days=2))
    proposal = by.proposed(issued, day="2026-11-23+03:00")
    with by.tx() as tx:
        confirm(tx, issued.id, proposal.id, issuer_of(by.node), **by.by("second_signatory"))
    by.deliver(uz)
    uz.hears(by.states(), by)
    today = uz.asks(issued.number).verdict
    assert (today.indication, getattr(today.finding(Check.STATUS), "code", "")) == (
        Indication.TOTAL_FAILED,
        "annulled-from-date",
    )
    earlier = uz.asks(issued.number, day=issued.issued_on).verdict
    assert earlier.indication is Indication.TOTAL_PASSED
