from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry.core.calendar import LocalDate, Offset
from registry.core.certificate.credential import Certificate, MalformedCredential, Signatory
from registry.core.certificate.relation import Relation, related_term
from registry.core.certificate.search_terms import search_terms
from registry.core.certificate.status_change import Status, StatusChange
from registry.core.envelope.jose import Envelope, Typ
from registry.core.errors import Malformed
from registry.core.record import MalformedRecord
from tests.core.world import AT, TODAY, World


@pytest.fixture(scope="module")
def certificate(world: World) -> Certificate:
    return world.certificate()


def test_a_certificate_is_a_credential_and_reads_back(certificate: Certificate) -> None:
    payload = certificate.encode()
    assert payload["@context"] == [
        "https://www.w3.org/ns/credentials/v2",
        "https://by.registry.example/contexts/origin-st1/v1",
    ]
    assert payload["id"] == "https://by.registry.example/certificates/bcci/2026/BYUZ6101000001"
    assert payload["credentialStatus"] == {
        "id": "https://by.registry.example/status/revocation#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": "https://by.registry.example/status/revocation",
    }
    assert payload["credentialSchema"] == {
        "id": "https://by.registry.example/schemas/origin-st1/cis-2009/v1",
        "type": "JsonSchema",
    }
    assert Certificate.parse(payload) == certificate
    assert (certificate.issuer, certificate.year) == ("did:web:by.registry.example:bodies:bcci", 2026)


def test_relations_are_signed_where_there_are_any(world: World) -> None:
    related = world.certificate(
        relations=(Relation("replaces", "https://by.registry.example/certificates/bcci/2025/X001"),)
    )
    assert Certificate.parse(related.encode()) == related
    with pytest.raises(MalformedRecord):
        Certificate.parse(world.certificate(relations=(Relation("copies", "x"),)).encode())


def test_the_year_of_a_certificate_is_that_of_the_local_date(world: World) -> None:
    late = world.certificate("UZ", valid_from=AT.fromisoformat("2026-12-31T19:00:00Z"))
    assert late.subject.issue_date.encode() == "2027-01-01+05:00"
    assert "/2027/" in late.id
    assert Certificate.parse(late.encode()) == late


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "https://by.registry.example/certificates/bcci/2026/OTHER#goods"}, "not the goods"),
        ({"type_": ("Goods",)}, "not the goods"),
        ({"valid_until": AT - timedelta(seconds=1)}, "ends before it begins"),
        ({"issue_date": LocalDate(TODAY + timedelta(days=1), Offset(180))}, "not the local date"),
        ({"issue_date": LocalDate(TODAY, Offset(-14 * 60))}, "not the local date"),
        ({"node": "localhost"}, "not that of a certificate"),
        ({"node": "a..b"}, "not that of a certificate"),
        ({"body": "-bcci"}, "not that of a certificate"),
        ({"status_list": "other/list"}, "cannot"),
    ],
)
def test_a_certificate_that_contradicts_itself_is_refused(world: World, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed) as refused:
        Certificate.parse(world.certificate(**changes).encode())
    if said != "cannot":
        assert type(refused.value) is MalformedCredential
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("@context", ["https://www.w3.org/ns/credentials/v2"]),
        ("@context", ["https://evil.example/v1", "https://by.registry.example/contexts/origin-st1/v1"]),
        ("type", ["VerifiableCredential"]),
        ("id", "https://by.registry.example/certificates/bcci/2027/BYUZ6101000001"),
        ("id", "https://by.registry.example/certificates/bcci/２０２６/BYUZ6101000001"),
        ("id", "http://by.registry.example/certificates/bcci/2026/BYUZ6101000001"),
        ("id", "urn:uuid:1"),
        ("issuer.id", "did:web:uz.registry.example:bodies:uzex"),
        ("issuer.type", ["Organisation"]),
        ("validFrom", "2026-11-21T09:30:00+00:00"),
        ("validFrom", "9999-12-31T23:59:59Z"),
        ("validUntil", "2026-11-21T09:30:00.5Z"),
        ("credentialStatus.id", "https://by.registry.example/status/revocation#1"),
        ("credentialStatus.type", "StatusList2021Entry"),
        ("credentialStatus.statusPurpose", "suspension"),
        ("credentialStatus.statusListIndex", "094567"),
        ("credentialStatus.statusListIndex", 94567),
        ("credentialStatus.statusListIndex", "９４５６７"),
        ("credentialStatus.statusListCredential", "https://evil.example/status/revocation"),
        ("credentialStatus.statusListCredential", "ftp://by.registry.example/status/revocation"),
        ("credentialSchema.id", "https://by.registry.example/schemas/other/v1"),
        ("credentialSchema.type", "JsonSchemaCredential"),
        ("credentialSubject.scheme", "conformity"),
        ("credentialSubject.rulesSet", "CIS-1993"),
        ("credentialSubject.number", "BYUZ6101000002"),
        ("credentialSubject.number", "byuz"),
        ("credentialSubject.issueDate", "2026-11-21"),
        ("credentialSubject.nonce", "x"),
        ("credentialSubject.agreement", "x"),
        ("credentialSubject.claims", "x"),
        ("credentialSubject.issuedIn", "by"),
        ("vc", {}),
        ("vp", {}),
        ("exp", 1),
        ("proof", {}),
    ],
)
def test_a_credential_that_a_certificate_would_not_write_is_refused(
    certificate: Certificate, path: str, value: Any
) -> None:
    payload: Any = certificate.encode()
    target = payload
    *steps, last = path.split(".")
    for step in steps:
        target = target[step]
    target[last] = value
    with pytest.raises(Malformed):
        Certificate.parse(payload)


def test_two_certificates_of_one_content_differ_by_their_nonce(world: World) -> None:
    """Without it a public digest would confirm a guessed quantity."""
    first = world.issue()
    second = world.issue(nonce="fedcba9876543210" * 2)
    assert first.digest != second.digest


def test_a_change_of_status_reads_back(world: World) -> None:
    shown = world.issue()
    envelope = Envelope.parse(world.change(shown, Status.REPLACED), Typ.STATUS)
    change = StatusChange.parse(envelope.payload)
    assert change.encode() == envelope.payload
    assert (change.status, change.digest) == (Status.REPLACED, shown.digest)
    with pytest.raises(MalformedRecord):
        StatusChange.parse({**envelope.payload, "status": "lost"})
    with pytest.raises(MalformedRecord):
        StatusChange.parse({**envelope.payload, "effective_from": "2026-11-21"})


def test_what_replaces_stands_with_a_replacement_and_with_nothing_else(world: World) -> None:
    shown = world.issue()
    for status, by in ((Status.REPLACED, None), (Status.ANNULLED, shown.payload["id"])):
        text = world.change(shown, status, replaced_by=by)
        with pytest.raises(MalformedRecord):
            StatusChange.parse(Envelope.parse(text, Typ.STATUS).payload)


ID, SET = "https://by.registry.example/certificates/bcci/2025/X001", "ab" * 16


@pytest.mark.parametrize(
    "relations",
    [
        (Relation("replaces"),),
        (Relation("replaces", ID, issue_date=LocalDate(TODAY, Offset(180))),),
        (Relation("duplicates", ID),),
        (Relation("derived_from", ID, k=1),),
        (Relation("sheet_of", set=SET, k=1),),
        (Relation("sheet_of", set=SET, k=0, n=2),),
        (Relation("sheet_of", set=SET, k=3, n=2),),
        (Relation("sheet_of", set=SET, k=1, n=1001),),
        (Relation("sheet_of", k=1, n=2),),
        (Relation("sheet_of", ID, set=SET, k=1, n=2),),
        (Relation("replaces", ID), Relation("replaces", ID + "0")),
    ],
)
def test_a_relation_says_what_its_kind_says_and_stands_once(world: World, relations: tuple[Relation, ...]) -> None:
    with pytest.raises(MalformedCredential) as refused:
        Certificate.parse(world.certificate(relations=relations).encode())
    assert "relation of it" in str(refused.value)


def test_a_certificate_is_not_related_to_itself(world: World) -> None:
    named = world.certificate().id
    with pytest.raises(MalformedCredential) as refused:
        Certificate.parse(world.certificate(relations=(Relation("replaces", named),)).encode())
    assert "related to itself" in str(refused.value)


def test_a_certificate_is_found_by_its_relations(world: World) -> None:
    sheet = Relation("sheet_of", set=SET, k=1, n=2)
    terms = search_terms(world.certificate(relations=(Relation("replaces", ID), sheet)))
    assert {related_term("replaces", ID), related_term("sheet_of", SET)} <= set(terms)
    assert len(related_term("replaces", ID * 100)) < 80


def test_the_signatory_is_named_as_notified(certificate: Certificate) -> None:
    other = replace(certificate, subject=replace(certificate.subject, signatory=Signatory("s-2", "Б")))
    assert Certificate.parse(other.encode()).subject.signatory == Signatory("s-2", "Б")
