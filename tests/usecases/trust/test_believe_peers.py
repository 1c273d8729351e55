"""Trust: what is adopted, what is not, and that every row is judged again when it is read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.api.issuer import issuer_of, receiver_of
from registry.core.agreement import NotAgreed
from registry.core.envelope.jose import Typ, join, seal
from registry.core.identifiers import authority_did
from registry.core.tlog.entry import Kind
from registry.core.trust.adoption import (
    ListDoesNotFollow,
    ListExpired,
    ListFromFuture,
    ListKeyReused,
    ListNotNewer,
    ListRowVanished,
)
from registry.core.trust.agreement_adoption import AgreementNotBelieved
from registry.core.trust.believed_list import ListBelowThreshold, ListNotTrusted, ListOfAnotherCountry
from registry.core.trust.document_signer import Purpose
from registry.core.trust.trust_list import TrustList
from registry.signing.ceremony import Authority, make_key
from registry.signing.key_file import FileSigner
from registry.store import peers
from registry.store.acts import Actor
from registry.store.peers import TrustListRow
from registry.usecases.certificate import issue_certificate
from registry.usecases.channel.accept_message import accept
from registry.usecases.trust import adopt_trust_list
from registry.usecases.trust.adopt_trust_list import AgreementKnown, adopt, adopt_agreement
from registry.usecases.trust.believe_peers import CountryNotTrusted, read_beliefs
from registry.usecases.verification import export_bundle
from tests.kit import (
    AT,
    SECRET,
    Corridor,
    Country,
    agreed,
    draft_list,
    list_signers,
    material_of,
    sign_list,
)


def by_operator(country: Country, **more: Any) -> dict[str, Any]:
    return country.by("operator") | {"by": country.people["operator"].actor, "own_country": country.code} | more


def newer(corridor: Corridor, code: str, country: Country, **changes: Any) -> TrustList:
    """Return the next version of the list that a country believes of another."""
    believed = country.beliefs().list_of(code)
    following = replace(
        believed.list,
        version=believed.list.version + 1,
        previous=believed.digest,
        issued_at=corridor.clock(),
        expires_at=corridor.clock() + timedelta(days=30),
    )
    return replace(following, **changes)


def signed(corridor: Corridor, trust_list: TrustList) -> str:
    return sign_list(trust_list, list_signers(corridor.forge, trust_list.country))


def test_the_next_list_of_a_peer_and_our_own_are_adopted_by_one_path(corridor: Corridor) -> None:
    by = corridor.by
    for code, kind in (("BY", Kind.TRUST_PUBLISHED), ("UZ", Kind.TRUST_ADOPTED)):
        following = newer(corridor, code, by)
        with by.tx() as tx:
            adopted = adopt(tx, signed(corridor, following), by.node.pins, **by_operator(by))
        assert by.beliefs().list_of(code).digest == adopted.digest
        act = next(act for act in by.acts(kind) if act.digest == adopted.digest)
        assert act.private == {"country": code, "epoch": 1, "version": 2}


def test_a_list_that_may_not_be_adopted_leaves_the_adopted_one(corridor: Corridor) -> None:
    by = corridor.by
    following = newer(corridor, "UZ", by)
    signers = list_signers(corridor.forge, "UZ")
    refusals: list[tuple[str, type[Exception]]] = [
        (signed(corridor, replace(following, version=0)), ListNotNewer),
        (signed(corridor, replace(following, previous="0" * 64)), ListDoesNotFollow),
        (signed(corridor, replace(following, expires_at=AT - timedelta(seconds=1))), ListExpired),
        (signed(corridor, replace(following, issued_at=AT + timedelta(hours=1))), ListFromFuture),
        (signed(corridor, replace(following, bodies=())), ListRowVanished),
        (signed(corridor, replace(following, epoch=2)), ListKeyReused),
        (sign_list(following, signers[:1]), ListBelowThreshold),
        (sign_list(following, list_signers(corridor.forge, "BY")), ListNotTrusted),
        (sign_list(replace(following, country="KZ"), signers), ListOfAnotherCountry),
    ]
    for offered, refusal in refusals:
        with by.refuses(refusal) as refused:
            adopt(refused.tx, offered, by.node.pins, **by_operator(by))
    assert by.beliefs().list_of("UZ").list.version == 1


def test_a_list_that_the_worker_took_over_meanwhile_is_no_refusal_to_the_person_who_offers_it(
    corridor: Corridor,
) -> None:
    """The worker takes over a peer's list within seconds; an operator with the same file has what was asked for."""
    by = corridor.by
    text_ = signed(corridor, newer(corridor, "UZ", by))
    with by.tx() as tx:
        worker = by_operator(by) | {"by": Actor(by.did)}
        adopted = adopt(tx, text_, by.node.pins, **worker)
    acts = len(by.acts())
    with by.tx() as tx:
        assert adopt(tx, text_, by.node.pins, **by_operator(by)) == adopted
    assert len(by.acts()) == acts


def test_a_list_of_a_country_that_is_not_pinned_is_not_adopted(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(ListOfAnotherCountry) as refused:
        adopt(refused.tx, corridor.forge.lists["UZ"], {"BY": by.node.pins["BY"]}, **by_operator(by))
    assert "no root of UZ is pinned here" in str(refused.value)
    assert adopt_trust_list.country_of(corridor.forge.lists["UZ"]) == "UZ"


def test_a_later_epoch_names_no_list_key_of_any_earlier_one(corridor: Corridor) -> None:
    by = corridor.by
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE trust_list SET epoch = 0 WHERE country = 'UZ'"))
    with by.refuses(ListKeyReused) as refused:
        adopt(refused.tx, signed(corridor, newer(corridor, "UZ", by, epoch=2)), by.node.pins, **by_operator(by))


def test_an_agreement_is_adopted_once_and_only_if_both_countries_signed_it_for_this_environment(
    corridor: Corridor,
) -> None:
    by = corridor.by
    pairs = [list_signers(corridor.forge, code) for code in ("BY", "UZ")]

    def sign(agreement: Any, *signers: Any) -> str:
        return join([seal(agreement.encode(), Typ.AGREEMENT, signer) for signer in signers])

    other = agreed(title="Другое соглашение")
    everyone = [signer for pair in pairs for signer in pair]
    refusals: list[tuple[str, str, type[Exception]]] = [
        (corridor.forge.agreement, "demo", AgreementKnown),
        (corridor.forge.agreement, "training", AgreementNotBelieved),
        (sign(agreed(env="training"), *everyone), "demo", AgreementNotBelieved),
        (sign(other, *pairs[0]), "demo", ListBelowThreshold),
        (sign(other, *everyone, by.node.keyring.node), "demo", AgreementNotBelieved),
    ]
    for offered, env, refusal in refusals:
        with by.refuses(refusal) as refused:
            adopt_agreement(refused.tx, offered, by.beliefs(), env=env, **by_operator(by))
        assert str(refused.value)
    with by.refuses(NotAgreed) as elsewhere:
        adopt_agreement(
            elsewhere.tx, sign(other, *everyone), by.beliefs(), env="demo", **by_operator(by, own_country="KZ")
        )
    with by.tx() as tx:
        adopted = adopt_agreement(tx, sign(other, *everyone), by.beliefs(), env="demo", **by_operator(by))
    assert other.id == adopted.id
    assert adopted.id in by.beliefs().agreements


def test_nothing_is_recognised_outside_an_agreement_in_force(corridor: Corridor) -> None:
    beliefs = corridor.by.beliefs()
    with pytest.raises(NotAgreed, match="in force on 2025-12-31"):
        beliefs.agreed("origin-st1", "BY", "UZ", date(2025, 12, 31))
    with pytest.raises(NotAgreed, match="between BY and KZ"):
        beliefs.agreed("origin-st1", "BY", "KZ", AT.date())
    with pytest.raises(NotAgreed, match="has KZ as a party"):
        beliefs.offset("KZ", AT)
    with pytest.raises(CountryNotTrusted, match="no trust list of KZ"):
        beliefs.list_of("KZ")
    assert beliefs.node("did:web:kz.registry.example") is None


def test_a_row_of_trust_that_was_altered_makes_every_use_case_refuse_and_none_pass(corridor: Corridor) -> None:
    by, uz = corridor.by, corridor.uz
    issued = by.issued()
    by.sequence()
    (message,) = by.messages(uz)
    approved = by.approved()
    with corridor.forge.breaking(by) as tx:
        row = tx.get_one(TrustListRow, ("UZ", 1, 1))
        line, _, rest = row.text.partition("\n")
        row.text = line[:-1] + ("A" if line[-1] != "A" else "Q") + "\n" + rest
    reading: list[Callable[[Session], object]] = [
        lambda tx: issue_certificate.issue(
            tx,
            approved.id,
            str(approved.draft),
            issuer_of(by.node),
            read_beliefs(tx, by.node.pins),
            **by.by("signatory"),
        ),
        lambda tx: accept(tx, message, receiver_of(by.node), read_beliefs(tx, by.node.pins), at=AT, draw=by.node.draw),
        lambda tx: export_bundle.export(
            tx,
            by.node.pins,
            by.node.keyring.node,
            did=by.did,
            env="demo",
            country="BY",
            by=by.people["officer"].actor,
            at=AT,
            draw=by.node.draw,
        ),
        lambda tx: adopt(tx, signed(corridor, newer(corridor, "UZ", uz)), by.node.pins, **by_operator(by)),
    ]
    for work in reading:
        with by.refuses(ListNotTrusted) as refused:
            work(refused.tx)
    with pytest.raises(ListNotTrusted):
        by.asks(issued.number)


def test_an_agreement_that_was_altered_makes_every_use_case_refuse(corridor: Corridor) -> None:
    by = corridor.by
    lines = corridor.forge.agreement.splitlines(keepends=True)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE agreement SET text = :text"), {"text": "".join(lines[:3])})
    with by.refuses(ListBelowThreshold) as refused:
        read_beliefs(refused.tx, by.node.pins)


def test_a_list_of_a_country_whose_pin_was_taken_away_is_not_read(corridor: Corridor) -> None:
    by = corridor.by
    with by.refuses(AgreementNotBelieved) as refused:
        read_beliefs(refused.tx, {"BY": by.node.pins["BY"]})
    assert str(refused.value) == "the agreement cannot be believed: no trust list of UZ is adopted"


def test_a_country_that_takes_new_list_keys_keeps_its_agreements(corridor: Corridor) -> None:
    by = corridor.by
    folder, name = by.node.settings.keys, by.node.settings.name
    own = folder / by.database
    made = [
        make_key(Authority(folder, SECRET), own, label, SECRET, purpose=Purpose.LIST, uris=[authority_did(name)], at=AT)
        for label in ("list-3", "list-4")
    ]
    ders = [certificate.public_bytes(Encoding.DER) for certificate in made]
    drafted = draft_list(by.node, replace(material_of(by.node), list_keys=ders))
    text_ = sign_list(drafted, tuple(FileSigner.open(own, label, SECRET) for label in ("list-3", "list-4")))
    with by.tx() as tx:
        adopt(tx, text_, by.node.pins, **by_operator(by))
    assert by.issued().number == "BYUZ6101000001"
    other = agreed(title="Другое соглашение")
    before = [signer for code in ("BY", "UZ") for signer in list_signers(corridor.forge, code)]
    with by.refuses(ListBelowThreshold) as refused:
        offered = join([seal(other.encode(), Typ.AGREEMENT, signer) for signer in before])
        adopt_agreement(refused.tx, offered, by.beliefs(), env="demo", **by_operator(by))


def test_a_broken_row_of_one_country_does_not_keep_another_country_from_its_next_list(corridor: Corridor) -> None:
    by = corridor.by
    following = newer(corridor, "BY", by)
    with corridor.forge.breaking(by) as tx:
        tx.execute(text("UPDATE trust_list SET text = 'broken' WHERE country = 'UZ'"))
    with by.tx() as tx:
        assert adopt(tx, signed(corridor, following), by.node.pins, **by_operator(by)).list.version == 2


def test_lists_of_earlier_epochs_are_found_by_country(corridor: Corridor) -> None:
    with corridor.by.node.database.read() as tx:
        assert [row.epoch for row in peers.lists_before_epoch(tx, "UZ", 2)] == [1]
        assert peers.lists_before_epoch(tx, "UZ", 1) == []
