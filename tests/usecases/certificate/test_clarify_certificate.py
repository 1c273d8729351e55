"""Clarification by two people: a typo is mended beside the certificate, here and across the border."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from registry.api.issuer import issuer_of
from registry.core.certificate.clarification import Clarification, ClarificationDiffers, NotClarifiable
from registry.core.certificate.lifecycle import AlreadyAnnulled, SamePerson
from registry.core.channel.message import Message, MessageKind
from registry.core.channel.receipt import Outcome
from registry.core.envelope.jose import Envelope, Typ, seal
from registry.core.signature import Signer
from registry.core.tlog.entry import Kind
from registry.core.verification.beside import Beside
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.store.certificates import CertificateRow
from registry.store.tables import METADATA
from registry.usecases.certificate.clarify_certificate import (
    ClarificationOpen,
    NothingToClarify,
    confirm,
    propose,
    withdraw,
)
from registry.usecases.certificate.read_beside import read_beside
from registry.usecases.channel.accept_message import judge_again
from registry.usecases.channel.take_certificate import Here
from registry.usecases.party.identify_party import RoleMissing
from registry.usecases.trust.sign_for_body import CertificateNotFound, Issuer, SignerMissing, read
from tests.kit import Corridor, Country
from tests.usecases.channel.test_accept_message import refused_for, sent
from tests.usecases.channel.test_set_aside import Stranger

BOX = "consignor_exporter.address"
KIND = {"kind": MessageKind.CERTIFICATE_CLARIFIED}
NOT_THERE = "0" * 32


def words(issued: CertificateRow) -> tuple[str, str, str, str]:
    old = read(issued).subject.claims["consignor_exporter"]["address"]  # type: ignore[index,call-overload]
    return BOX, str(old), str(old).replace("ул.", "улица"), "Опечатка."


def said_of(country: Country, issued: CertificateRow, signer: Signer | None = None, **changes: Any) -> dict[str, Any]:
    """Return a clarification as a message carries it, signed by the body."""
    box, old, new, reason = words(issued)
    said = Clarification(
        env="demo",
        issuer=read(issued).issuer,
        certificate=issued.id,
        digest=issued.digest,
        box=box,
        old=old,
        new=new,
        reason=reason,
        recorded_at=country.clock(),
        proposed_by="a",
        confirmed_by="b",
        nonce="0" * 32,
    )
    sealed = seal(replace(said, **changes).encode(), Typ.CLARIFICATION, signer or country.signer)
    return {"clarification": sealed.text}


def beside(country: Country, issued: CertificateRow) -> Beside:
    with country.node.database.read() as tx:
        row = tx.get_one(CertificateRow, issued.id)
        return read_beside(tx, row, country.beliefs(), "demo")


def test_two_people_mend_a_typo_and_the_certificate_stays_as_it_was(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    row = by.clarified(issued)
    said = Clarification.parse(Envelope.parse(row.envelope, Typ.CLARIFICATION).payload)
    assert (said.box, said.old, said.new, said.reason) == words(issued)
    assert (said.proposed_by, said.confirmed_by) == (by.people["signatory"].person, by.people["examiner"].person)
    (act,) = by.acts(Kind.CERTIFICATE_CLARIFIED)
    assert (act.digest, act.to, act.subject) == (row.digest, "UZ", issued.id)
    by.sequence()
    (message,) = (Message.parse(Envelope.parse(each, Typ.MESSAGE).payload) for each in by.messages(uz))
    assert message.kind is MessageKind.CERTIFICATE_CLARIFIED
    by.deliver(uz)
    for country in (by, uz):
        assert beside(country, issued).clarifications == [said]
    answer = uz.asks(issued.number)
    assert answer.verdict.indication is Indication.TOTAL_PASSED
    assert answer.certificate is not None
    assert answer.certificate.envelope == issued.envelope


def test_who_may_and_how_many_people(corridor: Corridor) -> None:
    by = corridor.by
    issued = by.issued()
    for refusing in (
        lambda tx: withdraw(tx, issued.id, **by.by("signatory")),
        lambda tx: confirm(tx, issued.id, NOT_THERE, issuer_of(by.node), **by.by("signatory")),
    ):
        with by.refuses(NothingToClarify) as nothing:
            refusing(nothing.tx)
        assert str(nothing.value) == "nobody has proposed to clarify the certificate"
    with by.refuses(RoleMissing) as missing:
        propose(missing.tx, issued.id, *words(issued), **by.by("examiner"))
    with by.tx() as tx:
        first = propose(tx, issued.id, *words(issued), **by.by("signatory"))
    with by.refuses(ClarificationOpen) as twice:
        propose(twice.tx, issued.id, *words(issued), **by.by("second_signatory"))
    assert twice.value.proposal == first.id
    assert str(twice.value) == "a proposal to clarify the certificate is open"
    with by.refuses(SamePerson) as same:
        confirm(same.tx, issued.id, first.id, issuer_of(by.node), **by.by("signatory"))
    with by.refuses(SignerMissing) as keyless:
        issuer = Issuer(by.node.settings.name, "demo", {}, by.node.pins)
        confirm(keyless.tx, issued.id, first.id, issuer, **by.by("examiner"))
    with by.tx() as tx:
        withdraw(tx, issued.id, **by.by("second_signatory"))
    (act,) = by.acts(Kind.CLARIFICATION_WITHDRAWN)
    assert act.private == {"certificate": issued.id, "proposal": first.id}
    by.clarified(issued)
    by.clarified(issued)
    assert len(beside(by, issued).clarifications) == 2


def test_what_is_no_typo_or_not_ones_own_is_not_proposed(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    box, old, new, reason = words(issued)
    with by.refuses(NotClarifiable) as refused:
        propose(refused.tx, issued.id, "items[0].hs_code", "8701", "8702", reason, **by.by("signatory"))
    with by.refuses(ClarificationDiffers) as differs:
        propose(differs.tx, issued.id, box, old + ".", new, reason, **by.by("signatory"))
    with uz.refuses(CertificateNotFound) as foreign:
        propose(foreign.tx, issued.id, box, old, new, reason, **uz.by("signatory"))
    with by.tx() as tx:
        read = propose(tx, issued.id, box, old, new, reason, **by.by("signatory")).id
    by.annulled(issued)
    with by.refuses(AlreadyAnnulled) as ended:
        confirm(ended.tx, issued.id, read, issuer_of(by.node), **by.by("examiner"))


def test_a_clarification_is_taken_only_of_the_body_and_only_of_a_typo(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    refused_for(uz, sent(by, uz, said_of(by, issued), **KIND), "not-delivered")
    sent(by, uz, Presentation(issued.envelope).encode())
    for body, code in (
        (said_of(by, issued, digest="0" * 64), "clarification-not-believed"),
        (said_of(by, issued, env="training"), "clarification-not-believed"),
        (said_of(by, issued, issuer=by.did), "clarification-not-believed"),
        (said_of(by, issued, confirmed_by="a"), "clarification-not-believed"),
        (said_of(by, issued, box="items[0].hs_code"), "not-clarifiable"),
        (said_of(by, issued, old="другое"), "clarification-differs"),
        ({"clarification": "a.b.c"}, "malformed-envelope"),
        ({"change": "a.b.c"}, "malformed-record"),
    ):
        refused_for(uz, sent(by, uz, body, **KIND), code)
    good = said_of(by, issued)
    for _ in range(2):
        assert sent(by, uz, good, **KIND).outcome is Outcome.ACCEPTED
    assert len(uz.everything()["clarification"]) == 1
    own = uz.issued("cotton-yarn")
    refused_for(uz, sent(by, uz, said_of(uz, own), **KIND), "not-delivered")


def test_a_clarification_by_a_signer_of_a_list_to_come_is_judged_again(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.deliver(uz)
    receipt = sent(by, uz, said_of(by, issued, signer=Stranger(by)), **KIND)
    assert receipt.outcome is Outcome.ACCEPTED_WITH_WARNINGS
    assert [finding.code for finding in receipt.findings] == ["signer-unknown"]
    with uz.tx() as tx:
        assert judge_again(tx, Here(uz.did, "demo", "UZ"), uz.beliefs(), at=uz.clock()) == 0
    assert beside(uz, issued).clarifications == []


@pytest.mark.parametrize("table", ["clarification", "status_change"])
def test_what_can_no_longer_be_believed_is_not_shown(corridor: Corridor, table: str) -> None:
    by = corridor.by
    issued = by.issued()
    by.clarified(issued)
    by.annulled(issued)
    whole = beside(by, issued)
    assert (len(whole.changes), len(whole.clarifications)) == (1, 1)
    with corridor.forge.breaking(by) as tx:
        tx.execute(update(METADATA.tables[table]).values(envelope="x"))
    left = beside(by, issued)
    assert len(left.changes) + len(left.clarifications) == 1


def test_who_replaces_a_certificate_is_named_beside_it(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    old = by.issued()
    new = by.replaced(old)
    by.issued()
    by.deliver(uz)
    for country in (by, uz):
        shown = beside(country, old)
        assert [(each.kind, each.certificate, each.number) for each in shown.named_by] == [
            ("replaces", new.id, new.number)
        ]
        assert [change.replaced_by for change in shown.changes] == [new.id]
        assert beside(country, new) == Beside([], [], [], [])
