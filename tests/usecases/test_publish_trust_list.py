"""Drafting this country's next trust list."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.core.identifiers import body_did
from registry.core.trust.document_signer import ChainBroken, Purpose
from registry.core.trust.trust_list import BodyRole
from registry.signing.ceremony import Authority, make_key
from registry.store.parties import OrganisationKind, Role
from registry.usecases import publish_trust_list, register_party
from registry.usecases.adopt_trust_list import adopt
from registry.usecases.publish_trust_list import NothingPinned
from tests.kit import AT, SECRET, Corridor, draft_list, list_signers, material_of, sign_list


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
    (body,) = draft_list(by.node, replace(material_of(by.node), documents={code: der})).bodies
    assert [row.use_until - row.from_ for row in body.signers] == [timedelta(days=182)] * 2
    assert body.signers[1].certificate == der


def test_a_certificate_for_another_purpose_is_not_drafted_into_a_list(corridor: Corridor) -> None:
    by = corridor.by
    material = material_of(by.node)
    code = str(by.people["signatory"].code)
    with pytest.raises(ChainBroken):
        draft_list(by.node, replace(material, documents={code: material.node}))
    with pytest.raises(ChainBroken):
        draft_list(by.node, replace(material, list_keys=[material.node]))
