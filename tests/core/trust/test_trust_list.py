from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from registry.core import canonical
from registry.core.agreement import Environment
from registry.core.calendar import latest_day
from registry.core.canonical import NotCanonical
from registry.core.envelope.jose import MalformedEnvelope, Typ, join, seal
from registry.core.errors import RegistryError
from registry.core.identifiers import authority_did
from registry.core.record import MalformedRecord
from registry.core.tlog.note import KeyType, VerifierKey, WeakKey
from registry.core.trust.believed_list import (
    ListBelowThreshold,
    ListDatesBeyond,
    ListKeyMisnamed,
    ListKeyTwice,
    ListNotTrusted,
    ListOfAnotherCountry,
    ListOfAnotherEnvironment,
    ListRowBroken,
    ListSignatureWrong,
    ListStrangerSigned,
    believe,
)
from registry.core.trust.document_signer import ChainBroken, KeyOfAnotherPurpose, Purpose
from registry.core.trust.trust_list import BodyRole, FormerBody, FormerWitness, ListKey, SignerStatus, TrustList
from tests.core.world import AT, BORN, SCHEME, RenamedSigner, Side, World, with_body, with_node, with_signer

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def formerly(by: Side, *days: date) -> TrustList:
    """Return a list of now whose body was called otherwise up to some days."""
    rows = tuple(FormerBody(f"Имя {number}", BodyRole.CENTRAL, day) for number, day in enumerate(days))
    return with_body(replace(by.trust_list, issued_at=AT), former=rows)


@pytest.fixture
def by(world: World) -> Side:
    return world.by


def test_a_believed_list_knows_its_keys_and_rows(world: World, by: Side) -> None:
    believed = by.believed()
    assert believed.list == by.trust_list
    assert set(believed.signers) == {by.document.kid}
    assert set(believed.nodes) == {by.node.kid}
    assert set(believed.list_keys) == {key.kid for key in by.list_keys}
    assert believed.body(by.body) == by.trust_list.bodies[0]
    assert believed.body(world.uz.body) is None
    node = believed.node(by.node_id)
    assert node is not None
    assert node.row == by.trust_list.nodes[0]
    assert believed.node(world.uz.node_id) is None
    assert believe(believed.text, by.pin) == believed


def test_the_digest_of_a_list_does_not_depend_on_who_signed_it(by: Side) -> None:
    assert by.believed().digest == by.believed(by=by.list_keys[1:]).digest


def test_a_list_says_nothing_after_its_last_second(by: Side) -> None:
    believed = by.believed()
    assert not believed.expired(believed.list.expires_at)
    assert believed.expired(believed.list.expires_at + SECOND)


def test_a_signatory_is_found_by_id_name_and_day(by: Side) -> None:
    body = by.trust_list.bodies[0]
    assert body.signatory("s-1", "Signatory of BY", date(2026, 1, 1)) == body.signatories[0]
    assert body.signatory("s-1", "Signatory of BY", date(2027, 12, 31)) == body.signatories[0]
    for person, name, day in (
        ("s-2", "Signatory of BY", date(2026, 5, 1)),
        ("s-1", "signatory of BY", date(2026, 5, 1)),
        ("s-1", "Signatory of BY", date(2025, 12, 31)),
        ("s-1", "Signatory of BY", date(2028, 1, 1)),
    ):
        assert body.signatory(person, name, day) is None


def test_a_body_is_called_what_it_was_on_each_day_and_the_day_of_a_change_counts_for_both(by: Side) -> None:
    (now,) = by.trust_list.bodies
    first, second = date(2026, 3, 1), date(2026, 6, 1)
    row = replace(
        now,
        former=(FormerBody("А", BodyRole.CENTRAL, first), FormerBody("Б", BodyRole.VERIFYING, second)),
    )
    days = {date(2026, 2, 28): ["А"], first: ["А"], date(2026, 3, 2): [], second: [now.name], date.max: [now.name]}
    assert {day: row.issues_as(day) for day in days} == days
    assert [name for name, _ in row.notified_on(first)] == ["А", "Б"]
    assert [name for name, _ in row.notified_on(second)] == ["Б", now.name]


def test_a_list_that_knows_no_former_names_has_the_bytes_that_it_had(by: Side) -> None:
    """A list of an older release is read and written as it was signed."""
    assert "former" not in canonical.encode(by.trust_list.encode()).decode()
    renamed = with_body(by.trust_list, former=(FormerBody("А", BodyRole.CENTRAL, date(2026, 3, 1)),))
    assert TrustList.parse(renamed.encode()) == renamed
    assert by.believed(renamed).list == renamed


def test_the_pins_threshold_counts(by: Side) -> None:
    one = by.sign_list(by.trust_list, by.list_keys[:1])
    with pytest.raises(ListBelowThreshold, match="1 of 2"):
        believe(one, by.pin)
    assert believe(one, replace(by.pin, threshold=1)).list == by.trust_list
    all_three = by.sign_list(by.trust_list, by.list_keys)
    assert believe(all_three, replace(by.pin, threshold=3)).list == by.trust_list
    with pytest.raises(ListBelowThreshold, match="3 of 4"):
        believe(all_three, replace(by.pin, threshold=4))


def test_the_same_key_twice_is_counted_once(by: Side) -> None:
    twice = "".join(f"{seal(by.trust_list.encode(), Typ.TRUST_LIST, by.list_keys[0]).text}\n" for _ in range(2))
    with pytest.raises(MalformedEnvelope, match="each kid once"):
        believe(twice, by.pin)


def test_one_key_under_two_certificates_has_one_name_and_stands_once(by: Side) -> None:
    rows = by.trust_list.list_keys
    doubled = replace(by.trust_list, list_keys=(*rows, replace(rows[0], certificate=rows[0].certificate)))
    with pytest.raises(ListKeyTwice, match="list key stands twice"):
        by.believed(doubled)


def test_a_list_key_under_a_name_that_is_not_its_own_is_refused(by: Side) -> None:
    first, second, third = by.trust_list.list_keys
    swapped = (replace(first, kid=second.kid), replace(second, kid=first.kid), third)
    with pytest.raises(ListKeyMisnamed, match="not its own"):
        by.believed(replace(by.trust_list, list_keys=swapped))


def test_a_key_that_is_no_list_key_counts_for_nothing(world: World, by: Side) -> None:
    for stranger in (world.uz.list_keys[0], by.node, by.document):
        with pytest.raises(ListStrangerSigned, match="none of the country's list keys"):
            by.believed(by=[by.list_keys[0], stranger])


def test_a_wrong_signature_is_refused_even_above_the_threshold(world: World, by: Side) -> None:
    forger = RenamedSigner(by.list_keys[2].kid, world.uz.list_keys[2])
    with pytest.raises(ListSignatureWrong, match="does not verify"):
        by.believed(by=[*by.list_keys[:2], forger])


def test_a_node_or_document_key_cannot_be_made_a_list_key(by: Side) -> None:
    for key in (by.node, by.document):
        with pytest.raises(KeyOfAnotherPurpose, match="another purpose"):
            by.believed(replace(by.trust_list, list_keys=(*by.trust_list.list_keys, ListKey(key.kid, key.certificate))))


def test_a_list_key_out_of_its_dates_counts_for_nothing(by: Side) -> None:
    for at in (BORN - SECOND, BORN + timedelta(days=4 * 365)):
        with pytest.raises(ListStrangerSigned, match="at that time"):
            by.believed(replace(by.trust_list, issued_at=at))


def test_a_list_is_of_the_pinned_country_environment_and_authority(world: World, by: Side) -> None:
    with pytest.raises(ListOfAnotherCountry):
        by.believed(replace(by.trust_list, country="UZ"))
    with pytest.raises(ListOfAnotherCountry):
        believe(by.believed().text, world.uz.pin)
    with pytest.raises(ListOfAnotherCountry, match="issuer"):
        by.believed(replace(by.trust_list, issuer=authority_did(world.uz.name)))
    with pytest.raises(ListOfAnotherEnvironment):
        by.believed(replace(by.trust_list, env=Environment.TRAINING))


def test_a_pin_is_a_root_of_its_environment_with_a_threshold_and_an_epoch(by: Side) -> None:
    assert by.pin.anchor().country == "BY"
    for wrong in ({"env": Environment.PRODUCTION}, {"threshold": 0}, {"epoch": 0}):
        with pytest.raises(ChainBroken, match="the threshold or epoch"):
            replace(by.pin, **wrong).anchor()
    with pytest.raises(ChainBroken):
        replace(by.pin, root=b"").anchor()


def second_body(by: Side, **changes: Any) -> TrustList:
    row = by.trust_list.bodies[0]
    return replace(by.trust_list, bodies=(row, replace(row, **changes)))


def gcci(by: Side) -> str:
    return f"did:web:{by.name}:bodies:gcci"


def test_a_signer_of_a_second_body_is_known_with_its_body(by: Side) -> None:
    key = by.make_key("gcci", Purpose.DOCUMENT, [gcci(by), f"{gcci(by)}#{SCHEME}"])
    believed = by.believed(second_body(by, id=gcci(by), code="gcci", signers=(by.signer_row(key),)))
    assert believed.signers[key.kid].body.code == "gcci"


def with_former(by: Side, name: str, vkey: VerifierKey, until: datetime = BORN) -> TrustList:
    return with_node(by.trust_list, former_witnesses=(FormerWitness(name, vkey, until),))


def with_numbered(by: Side, world: World, number: str, until: datetime = BORN) -> TrustList:
    """Return the list with a former witness key of this number, which is another country's key."""
    name = f"{by.name}/witness-{number}"
    return with_former(by, name, replace(world.uz.witness.vkey, name=name), until)


def test_former_witness_keys_are_numbered_and_kept_beside_the_present_one(world: World, by: Side) -> None:
    trust_list = with_numbered(by, world, "2", by.trust_list.issued_at)
    (known,) = by.believed(trust_list).nodes.values()
    assert known.row.witness_keys() == (by.witness.vkey, trust_list.nodes[0].former_witnesses[0].vkey)
    assert by.believed().nodes[by.node.kid].row.witness_keys() == (by.witness.vkey,)


BROKEN: dict[str, tuple[Callable[[Side, World], TrustList], type[RegistryError]]] = {
    "a body stands twice": (lambda by, _: second_body(by, signers=()), ListKeyTwice),
    "former names out of order": (lambda by, _: formerly(by, date(2026, 3, 2), date(2026, 3, 1)), ListRowBroken),
    "a former name of tomorrow everywhere": (lambda by, _: formerly(by, latest_day(AT) + DAY), ListRowBroken),
    "a body under another code": (lambda by, _: with_body(by.trust_list, code="gcci"), ListRowBroken),
    "a body of another node": (
        lambda by, world: with_body(by.trust_list, id=world.uz.body, code="uzex"),
        ListRowBroken,
    ),
    "a signer in two bodies": (lambda by, _: second_body(by, id=gcci(by), code="gcci"), ChainBroken),
    "a signer in two rows": (
        lambda by, _: with_body(by.trust_list, signers=(by.signer_row(by.document), by.signer_row(by.document))),
        ListKeyTwice,
    ),
    "a signer under another kid": (
        lambda by, _: with_signer(by.trust_list, kid=f"{by.body}#{'x' * 43}"),
        ListKeyMisnamed,
    ),
    "a scheme that the body lacks": (lambda by, _: with_body(by.trust_list, schemes=("other",)), ListKeyMisnamed),
    "a signer of another country": (
        lambda by, world: with_signer(by.trust_list, certificate=world.uz.document.certificate),
        ChainBroken,
    ),
    "the node key as a signer": (
        lambda by, _: with_signer(by.trust_list, certificate=by.node.certificate),
        KeyOfAnotherPurpose,
    ),
    "begins before its certificate": (lambda by, _: with_signer(by.trust_list, from_=BORN - SECOND), ListDatesBeyond),
    "ends after its certificate": (
        lambda by, _: with_signer(by.trust_list, until=by.signer_row(by.document).until + SECOND),
        ListDatesBeyond,
    ),
    "its use ends after it": (
        lambda by, _: with_signer(by.trust_list, use_until=by.signer_row(by.document).until + SECOND),
        ListDatesBeyond,
    ),
    "its use ends before it begins": (
        lambda by, _: with_signer(by.trust_list, from_=AT, use_until=AT - SECOND),
        ListDatesBeyond,
    ),
    "active from a day": (lambda by, _: with_signer(by.trust_list, status_from=AT), ListRowBroken),
    "revoked from no day": (lambda by, _: with_signer(by.trust_list, status=SignerStatus.REVOKED), ListRowBroken),
    "retired from no day": (lambda by, _: with_signer(by.trust_list, status=SignerStatus.RETIRED), ListRowBroken),
    "a node twice": (
        lambda by, _: replace(by.trust_list, nodes=by.trust_list.nodes * 2),
        ListKeyTwice,
    ),
    "a document signer as the node key": (
        lambda by, _: with_node(by.trust_list, certificate=by.document.certificate),
        KeyOfAnotherPurpose,
    ),
    "a node of another name than its certificate": (
        lambda by, _: with_node(by.trust_list, id="did:web:other.example"),
        ChainBroken,
    ),
    "a log of another origin": (
        lambda by, _: with_node(by.trust_list, log=replace(by.trust_list.nodes[0].log, origin="x/log")),
        ListRowBroken,
    ),
    "another country's log": (
        lambda by, world: with_node(by.trust_list, log=world.uz.trust_list.nodes[0].log),
        ListRowBroken,
    ),
    "another country's witness": (
        lambda by, world: with_node(by.trust_list, witness=world.uz.trust_list.nodes[0].witness),
        ListRowBroken,
    ),
    "a witness key as the log key": (
        lambda by, _: with_node(
            by.trust_list,
            log=replace(
                by.trust_list.nodes[0].log, vkey=replace(by.log.vkey, type=by.trust_list.nodes[0].witness.vkey.type)
            ),
        ),
        ListRowBroken,
    ),
    "a log key of low order": (
        lambda by, _: with_node(
            by.trust_list, log=replace(by.trust_list.nodes[0].log, vkey=replace(by.log.vkey, public=bytes(32)))
        ),
        WeakKey,
    ),
    "a log key that is not canonical": (
        lambda by, _: with_node(
            by.trust_list,
            log=replace(by.trust_list.nodes[0].log, vkey=replace(by.log.vkey, public=b"\xee" + b"\xff" * 31)),
        ),
        WeakKey,
    ),
    "a witness key that does not cosign": (
        lambda by, _: with_node(
            by.trust_list,
            witness=replace(by.trust_list.nodes[0].witness, vkey=replace(by.witness.vkey, type=KeyType.ED25519)),
        ),
        ListRowBroken,
    ),
    "a former witness key under another name": (
        lambda by, _: with_former(by, f"{by.name}/witness-2", replace(by.witness.vkey, name=f"{by.name}/witness-3")),
        ListRowBroken,
    ),
    "a former witness of another country": (
        lambda by, world: with_former(by, world.uz.witness.vkey.name, world.uz.witness.vkey),
        ListRowBroken,
    ),
    "a former witness key under the present name": (
        lambda by, world: with_former(
            by, f"{by.name}/witness", replace(world.uz.witness.vkey, name=f"{by.name}/witness")
        ),
        ListRowBroken,
    ),
    "a former witness key numbered from zero": (lambda by, world: with_numbered(by, world, "0"), ListRowBroken),
    "a former witness key with another spelling": (lambda by, world: with_numbered(by, world, "02"), ListRowBroken),
    "a former witness key that does not cosign": (
        lambda by, world: with_former(
            by,
            f"{by.name}/witness-2",
            VerifierKey(f"{by.name}/witness-2", KeyType.ED25519, world.uz.witness.vkey.public),
        ),
        ListRowBroken,
    ),
    "a former witness key that counts for what is to come": (
        lambda by, world: with_numbered(by, world, "2", by.trust_list.issued_at + SECOND),
        ListRowBroken,
    ),
    "no country": (lambda by, _: replace(by.trust_list, country="by"), MalformedRecord),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_that_does_not_hold_spoils_the_list(world: World, by: Side, name: str) -> None:
    edit, refusal = BROKEN[name]
    with pytest.raises(refusal) as refused:
        by.believed(edit(by, world))
    assert type(refused.value) is refusal


def test_the_dates_of_a_signer_may_touch_those_of_its_certificate(by: Side) -> None:
    row = by.signer_row(by.document)
    for changes in ({"use_until": row.until}, {"use_until": row.from_}, {"use_until": AT, "until": AT}):
        assert by.believed(with_signer(by.trust_list, **changes)).signers


def test_lists_that_do_not_say_the_same_are_not_one_list(by: Side) -> None:
    first = seal(by.trust_list.encode(), Typ.TRUST_LIST, by.list_keys[0])
    second = seal(replace(by.trust_list, version=2).encode(), Typ.TRUST_LIST, by.list_keys[1])
    with pytest.raises(MalformedEnvelope, match="are signatures of different texts"):
        believe(join([first, second]), by.pin)


def test_each_changed_character_of_a_signed_list_is_refused(by: Side) -> None:
    text = by.believed().text
    for index in range(0, len(text), 61):
        changed = f"{text[:index]}{chr(ord(text[index]) ^ 1)}{text[index + 1 :]}"
        with pytest.raises((MalformedEnvelope, NotCanonical, MalformedRecord, ListNotTrusted)):
            believe(changed, by.pin)
