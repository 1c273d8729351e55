from dataclasses import replace

import pytest

from registry.core.agreement import Environment, NotAgreed
from registry.core.envelope.jose import MalformedEnvelope, Typ, join, seal
from registry.core.record import MalformedRecord
from registry.core.signature import Signer
from registry.core.trust.agreement_adoption import AgreementNotBelieved, believe_agreement
from registry.core.trust.believed_list import BelievedList, ListBelowThreshold, ListNotTrusted
from tests.core.world import RenamedSigner, World


@pytest.fixture(scope="module")
def lists(world: World) -> dict[str, BelievedList]:
    return {side.country: side.believed() for side in world.sides.values()}


def test_an_agreement_that_both_countries_signed_is_believed(world: World, lists: dict[str, BelievedList]) -> None:
    believed = believe_agreement(world.sign_agreement(world.agreement), lists)
    assert believed == world.agreement
    assert believed.id == seal(world.agreement.encode(), Typ.AGREEMENT, world.by.list_keys[0]).payload_digest


def test_each_country_reaches_its_own_threshold(world: World, lists: dict[str, BelievedList]) -> None:
    by, uz = world.by.list_keys, world.uz.list_keys
    assert believe_agreement(world.sign_agreement(world.agreement, [*by, *uz]), lists) == world.agreement
    for keys in ([*by, uz[0]], [by[0], *uz], by, uz):
        with pytest.raises(ListBelowThreshold, match=r"as (BY|UZ) signed it, cannot be believed: \d of 2"):
            believe_agreement(world.sign_agreement(world.agreement, keys), lists)


def test_a_signature_of_anyone_else_spoils_it(world: World, lists: dict[str, BelievedList]) -> None:
    keys = [*world.by.list_keys[:2], *world.uz.list_keys[:2]]
    for stranger in (world.by.node, world.uz.document, world.by.make_list_keys(2)[0]):
        with pytest.raises(AgreementNotBelieved, match="list key of neither"):
            believe_agreement(world.sign_agreement(world.agreement, [*keys, stranger]), lists)


def test_a_forged_signature_spoils_it(world: World, lists: dict[str, BelievedList]) -> None:
    forger = RenamedSigner(world.uz.list_keys[1].kid, world.by.list_keys[1])
    keys: list[Signer] = [*world.by.list_keys[:2], world.uz.list_keys[0], forger]
    with pytest.raises(ListNotTrusted, match="does not verify"):
        believe_agreement(world.sign_agreement(world.agreement, keys), lists)


def test_without_the_list_of_a_country_nothing_is_believed(world: World, lists: dict[str, BelievedList]) -> None:
    text = world.sign_agreement(world.agreement)
    for country in ("BY", "UZ"):
        with pytest.raises(AgreementNotBelieved, match=f"no trust list of {country}"):
            believe_agreement(text, {other: known for other, known in lists.items() if other != country})


def test_an_agreement_of_another_environment_is_refused(world: World, lists: dict[str, BelievedList]) -> None:
    production = replace(world.agreement, env=Environment.PRODUCTION)
    with pytest.raises(AgreementNotBelieved, match="it is of production") as refused:
        believe_agreement(world.sign_agreement(production), lists)
    assert refused.value.code == "agreement-not-believed"


def test_what_cannot_be_read_is_refused(world: World, lists: dict[str, BelievedList]) -> None:
    alone = replace(world.agreement, parties=world.agreement.parties[:1])
    with pytest.raises(NotAgreed):
        believe_agreement(world.sign_agreement(alone), lists)
    with pytest.raises(MalformedRecord):
        believe_agreement(join([seal({"a": 1}, Typ.AGREEMENT, world.by.list_keys[0])]), lists)
    with pytest.raises(MalformedEnvelope):
        believe_agreement(world.by.sign_list(world.by.trust_list), lists)
