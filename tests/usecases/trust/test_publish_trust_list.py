"""Drafting this country's next trust list."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.core.identifiers import authority_did, body_did
from registry.core.tlog.cosignature import cosigned_at
from registry.core.tlog.note import KeyType, Note
from registry.core.trust.document_signer import ChainBroken, Purpose
from registry.core.trust.trust_list import BodyRole, FormerWitness, SignatoryRow, WitnessKey
from registry.core.verification.bundle import open_bundle
from registry.node import Node
from registry.signing.ceremony import Authority, make_key, renew_witness
from registry.signing.key_file import FileSigner, KeyExists, NoteSigner
from registry.store import checkpoints
from registry.store.parties import OrganisationKind, Role
from registry.usecases.party import register_party
from registry.usecases.trust import publish_trust_list
from registry.usecases.trust.adopt_trust_list import adopt
from registry.usecases.trust.draft_body import NOTIFIED_FOR
from registry.usecases.trust.publish_trust_list import ListKeysMissing, NewKeysMissing, NothingPinned
from tests.kit import AT, SECRET, Corridor, Country, draft_list, list_signers, material_of, sign_list
from tests.usecases.verification.test_export_bundle import export as bundle_of


def test_a_list_is_not_drafted_before_ones_own_root_is_pinned(corridor: Corridor) -> None:
    by = corridor.by
    node = by.node
    with by.refuses(NothingPinned) as refused:
        publish_trust_list.draft(
            refused.tx, {}, material_of(node), name=node.settings.name, country="BY", env=node.settings.env, at=AT
        )
    assert str(refused.value) == "the root of BY is not pinned on this node yet"


def test_the_next_list_follows_from_the_adopted_one_and_keeps_its_signatories_and_signers(corridor: Corridor) -> None:
    by = corridor.by
    before = by.beliefs().list_of("BY")
    with by.tx() as tx:
        register_party.change_roles(
            tx,
            by.people["signatory"].person,
            [Role.EXAMINER],
            by=by.people["operator"].actor,
            at=AT,
            draw=by.node.draw,
        )
    drafted = draft_list(by.node)
    assert (drafted.epoch, drafted.version, drafted.previous) == (1, 2, before.digest)
    (was,), (is_,) = before.list.bodies, drafted.bodies
    assert {row.id for row in is_.signatories} == {row.id for row in was.signatories}
    assert is_.signers == was.signers
    with by.tx() as tx:
        adopt(
            tx,
            sign_list(drafted, list_signers(corridor.forge, "BY")),
            by.node.pins,
            own_country="BY",
            by=by.people["operator"].actor,
            at=AT,
            draw=by.node.draw,
        )


def test_a_draft_names_as_many_list_keys_as_must_sign(corridor: Corridor) -> None:
    material = material_of(corridor.by.node)
    needed = corridor.by.node.pins["BY"].threshold
    draft_list(corridor.by.node, replace(material, list_keys=material.list_keys[:needed]))
    with pytest.raises(ListKeysMissing, match=f"{needed} list keys must sign, and certificates of {needed - 1} are"):
        draft_list(corridor.by.node, replace(material, list_keys=material.list_keys[: needed - 1]))


def notified(country: Country, name: str) -> list[SignatoryRow]:
    """Return the rows of a person in the next list, which is adopted."""
    drafted = draft_list(country.node)
    keys = country.node.settings.keys
    country.adopts(sign_list(drafted, tuple(FileSigner.open(keys, label, SECRET) for label in ("list-1", "list-2"))))
    person = country.people[name].person
    return [row for row in drafted.bodies[0].signatories if row.id == person]


def gives(country: Country, name: str, *roles: Role) -> None:
    who = country.people[name].person
    by = country.people["operator"].actor
    with country.tx() as tx:
        register_party.change_roles(tx, who, roles, by=by, at=country.clock(), draw=country.node.draw)


def test_whoever_signs_is_notified_anew_by_each_list_and_goes_on_issuing_after_a_year(corridor: Corridor) -> None:
    by = corridor.by
    (first,) = by.beliefs().list_of("BY").list.bodies[0].signatories[:1]
    for _ in range(20):
        corridor.clock.forward(timedelta(days=20))
        (row,) = notified(by, "signatory")
    assert row.until == corridor.clock().date() + NOTIFIED_FOR
    assert row.from_ == first.from_


def test_whoever_signs_no_more_is_notified_no_more_and_after_a_gap_anew(corridor: Corridor) -> None:
    by = corridor.by
    (before,) = notified(by, "signatory")
    gives(by, "signatory", Role.EXAMINER)
    today = corridor.clock().date()
    (left,) = notified(by, "signatory")
    assert (left.from_, left.until) == (before.from_, today)
    corridor.clock.forward(timedelta(days=5))
    assert notified(by, "signatory") == [left]
    gives(by, "signatory", Role.SIGNATORY)
    gap, again = notified(by, "signatory")
    today += timedelta(days=5)
    assert (gap, again.from_, again.until) == (left, today - timedelta(days=1), today + NOTIFIED_FOR)
    corridor.clock.forward(timedelta(days=1))
    gap, going = notified(by, "signatory")
    assert (gap, going.from_, going.until) == (left, again.from_, again.until + timedelta(days=1))


def test_whoever_signed_where_it_is_tomorrow_stays_notified_for_that_day(corridor: Corridor) -> None:
    by = corridor.by
    corridor.clock.at = AT.replace(hour=20)
    gives(by, "signatory")
    (left,) = notified(by, "signatory")
    assert left.until == corridor.clock().date() + timedelta(days=1)


def test_a_body_without_a_document_signer_is_listed_without_schemes(corridor: Corridor) -> None:
    by = corridor.by
    with by.tx() as tx:
        register_party.register_organisation(
            tx,
            kind=OrganisationKind.BODY,
            name="Бобруйское отделение",
            country="BY",
            address="Бобруйск",
            tax_id=None,
            code="bobruisk",
            body_role=BodyRole.AUTHORISED,
            node_name=by.node.settings.name,
            by=by.people["operator"].actor,
            at=AT,
            draw=by.node.draw,
        )
    listed = {body.code: body for body in draft_list(by.node).bodies}
    assert (listed["bobruisk"].schemes, listed["bobruisk"].signers) == ((), ())
    assert len(listed) == 2


def test_a_new_document_signer_stands_beside_the_one_before_it(corridor: Corridor) -> None:
    by = corridor.by
    code = str(by.people["signatory"].code)
    did = body_did(by.node.settings.name, code)
    folder = by.node.settings.keys
    made = make_key(
        Authority(folder, SECRET),
        folder / by.database,
        f"document-{code}",
        SECRET,
        purpose=Purpose.DOCUMENT,
        uris=[did, f"{did}#origin-st1"],
        at=AT,
    )
    der = made.public_bytes(Encoding.DER)
    (body,) = draft_list(by.node, replace(material_of(by.node), documents={code: [der]})).bodies
    assert [row.use_until - row.from_ for row in body.signers] == [timedelta(days=182)] * 2
    assert body.signers[1].certificate == der


def test_a_certificate_for_another_purpose_is_not_drafted_into_a_list(corridor: Corridor) -> None:
    by = corridor.by
    material = material_of(by.node)
    code = str(by.people["signatory"].code)
    with pytest.raises(ChainBroken):
        draft_list(by.node, replace(material, documents={code: [material.node]}))
    with pytest.raises(ChainBroken):
        draft_list(by.node, replace(material, list_keys=[material.node]))


def test_a_new_epoch_replaces_the_witness_key_and_keeps_the_one_before_for_what_it_cosigned(
    corridor: Corridor, tmp_path: Path
) -> None:
    by, uz = corridor.by, corridor.uz
    by.issued()
    by.deliver(uz)
    uz.sequence()
    old = by.node.keyring.witness
    uz.witnessed(by)
    keys, lists = tmp_path / "keys", tmp_path / "lists"
    shutil.copytree(by.node.settings.keys, keys)
    with pytest.raises(KeyExists):
        NoteSigner.make(keys, "witness", f"{by.node.settings.name}/witness", KeyType.COSIGNATURE, SECRET)
    renewed = renew_witness(keys, "witness", by.node.settings.name, SECRET)
    assert renewed.vkey.name == "by.registry.example/witness-2"
    assert NoteSigner.open(keys, "witness-1", SECRET).vkey == old.vkey
    material = replace(material_of(by.node), witness=WitnessKey(renewed.vkey.name, renewed.vkey))
    with pytest.raises(NewKeysMissing, match="wants 2 list keys that no earlier list named, and 0 are there"):
        draft_list(by.node, material, new_epoch=True)
    made = {label: new_list_key(by.node, lists, label) for label in ("list-4", "list-5")}
    material = replace(material, list_keys=[*material.list_keys, *made.values()])
    drafted = draft_list(by.node, material, new_epoch=True)
    assert (drafted.epoch, drafted.version, len(drafted.list_keys)) == (2, 1, 2)
    assert drafted.nodes[0].former_witnesses == (FormerWitness(old.vkey.name, old.vkey, drafted.issued_at),)
    signers = tuple(FileSigner.open(lists, label, SECRET) for label in made)
    adopt_everywhere(corridor, sign_list(drafted, signers))
    assert by.beliefs().list_of("BY").list.epoch == 2
    opened = open_bundle(bundle_of(uz).text, uz.node.pins)
    assert opened.trusted.lists["BY"].list.epoch == 2
    assert len(opened.trusted.agreements) == 1, "the agreement is signed by list keys of the epoch before"
    (policy,) = uz.beliefs().log_policies(uz.did, uz.clock())
    with uz.node.database.read() as tx:
        before = checkpoints.newest_published(tx)
    assert before is not None
    policy.check(Note.parse(before.note))
    corridor.clock.forward(timedelta(seconds=1))
    moved = Country(with_keys(by.node, keys), by.clock, by.people, by.tokens, by.database)
    uz.draft("cotton-yarn")
    uz.sequence()
    uz.witnessed(moved)
    with uz.node.database.read() as tx:
        after = checkpoints.newest_published(tx)
    assert after is not None
    assert after.size > before.size
    assert cosigned_at(Note.parse(after.note), renewed.vkey) == corridor.clock()
    again = draft_list(moved.node, replace(material, list_keys=list(made.values())))
    assert (again.epoch, again.version) == (2, 2)
    assert again.nodes[0].former_witnesses == drafted.nodes[0].former_witnesses
    adopt_everywhere(corridor, sign_list(again, signers))


def new_list_key(node: Node, folder: Path, label: str) -> bytes:
    made = make_key(
        Authority(node.settings.keys, SECRET),
        folder,
        label,
        SECRET,
        purpose=Purpose.LIST,
        uris=[authority_did(node.settings.name)],
        at=AT,
    )
    return made.public_bytes(Encoding.DER)


def adopt_everywhere(corridor: Corridor, text: str) -> None:
    for country in (corridor.by, corridor.uz):
        with country.tx() as tx:
            by = country.people["operator"].actor
            adopt(
                tx,
                text,
                country.node.pins,
                own_country=country.code,
                by=by,
                at=country.clock(),
                draw=country.node.draw,
            )


def with_keys(node: Node, keys: Path) -> Node:
    return Node(node.settings.model_copy(update={"keys": keys}), node.database, node.pinned, node.now)
