"""Whose word counts for the log of Belarus: the witnesses of Uzbekistan and neutral ones, never its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from registry.core.agreement import Agreement, NeutralWitness, Quorum
from registry.core.identifiers import Kid
from registry.core.tlog.note import Note, VerifierKey
from registry.core.tlog.policy import Policy, QuorumNotMet
from registry.core.trust.believed_list import BelievedList, KnownNode
from registry.core.trust.document_signer import Purpose
from registry.core.trust.log_policy import NoQuorum, log_policy
from registry.core.trust.trust_list import FormerWitness, LogKey, NodeRow, TrustList, WitnessKey
from registry.signing.key_file import NoteSigner
from tests.core.world import AT, BORN, Side, World, with_node

SECOND = timedelta(seconds=1)
NEUTRAL = "eec.example/witness"


def quorum(witnesses: int) -> tuple[Quorum, ...]:
    return Quorum("BY", witnesses), Quorum("UZ", 1)


def policy(
    world: World, *, witnesses: int = 1, uz: TrustList | None = None, by: TrustList | None = None, **changes: Any
) -> Policy:
    """Return the policy for the log of Belarus, under an agreement and lists that are changed."""
    lists = {"BY": world.by.believed(by), "UZ": world.uz.believed(uz)}
    agreement = replace(world.agreement, witnesses=quorum(witnesses), **changes)
    return log_policy(agreement, lists, node_of(lists))


def node_of(lists: Mapping[str, BelievedList], country: str = "BY") -> KnownNode:
    return next(iter(lists[country].nodes.values()))


def met(asked: Policy, world: World, *witnesses: NoteSigner, at: datetime = AT) -> bool:
    try:
        asked.check(Note.parse(world.checkpoint("BY", by=witnesses, at=at)))
    except QuorumNotMet:
        return False
    return True


def neutral(world: World, name: str = NEUTRAL) -> tuple[NeutralWitness, NoteSigner]:
    signer = world.by.make_witness(name)
    return NeutralWitness(name, signer.vkey), signer


def second_node(side: Side, display: str) -> TrustList:
    """Return the list of a country with a customs node beside its issuing one."""
    name = f"customs.{side.name}"
    node = side.make_key("node-customs", Purpose.NODE, [f"did:web:{name}"])
    first = side.trust_list.nodes[0]
    row = NodeRow(
        f"did:web:{name}",
        display,
        first.roles,
        node.certificate,
        LogKey(f"{name}/log", replace(side.log.vkey, name=f"{name}/log")),
        WitnessKey(f"{name}/witness", side.make_witness(f"{name}/witness").vkey),
    )
    return replace(side.trust_list, nodes=(first, row))


def test_the_other_states_witness_makes_the_quorum_and_its_own_never_does(world: World) -> None:
    asked = policy(world)
    assert met(asked, world, world.uz.witness)
    assert met(asked, world, world.by.witness, world.uz.witness)
    assert not met(asked, world)
    assert not met(asked, world, world.by.witness)
    assert world.by.witness.vkey not in {witness.vkey for witness in asked.witnesses}


def test_each_log_has_the_quorum_of_its_own_country(world: World) -> None:
    lists = {side.country: side.believed() for side in world.sides.values()}
    agreement = replace(world.agreement, witnesses=(Quorum("UZ", 0), Quorum("BY", 1)))
    assert log_policy(agreement, lists, node_of(lists, "UZ")).quorum == "none"
    assert log_policy(agreement, lists, node_of(lists, "BY")).quorum == "quorum"
    assert log_policy(world.agreement, lists, node_of(lists, "UZ")).witnesses[0].vkey == world.by.witness.vkey


def test_where_no_witness_is_asked_the_logs_own_signature_is_enough(world: World) -> None:
    asked = policy(world, witnesses=0)
    assert met(asked, world)
    assert (asked.witnesses, asked.groups) == ((), ())


def test_a_neutral_third_counts_beside_the_other_state(world: World) -> None:
    third, signer = neutral(world)
    one = policy(world, neutral_witnesses=(third,))
    two = policy(world, witnesses=2, neutral_witnesses=(third,))
    for witnesses, enough in (
        ((), 0),
        ((world.by.witness,), 0),
        ((signer,), 1),
        ((world.uz.witness,), 1),
        ((world.by.witness, world.uz.witness), 1),
        ((world.by.witness, signer), 1),
        ((world.uz.witness, signer), 2),
    ):
        assert met(one, world, *witnesses) == (enough >= 1)
        assert met(two, world, *witnesses) == (enough >= 2)


def test_the_policy_can_be_written_for_others_and_read_back(world: World) -> None:
    third, _ = neutral(world)
    spaced = with_node(world.uz.trust_list, name="Node of UZ\nquorum none")
    asked = policy(world, witnesses=2, neutral_witnesses=(third,), uz=spaced)
    assert Policy.parse(asked.encode()) == asked


def test_fewer_known_witnesses_than_asked_can_be_no_quorum(world: World) -> None:
    third, _ = neutral(world)
    with pytest.raises(NoQuorum, match="asks for 2 witnesses of the log of BY, and 1 are known") as refused:
        policy(world, witnesses=2)
    assert isinstance(refused.value, QuorumNotMet)
    assert (refused.value.code, refused.value.cosigned) == ("no-quorum", 0)
    with pytest.raises(NoQuorum, match="and 2 are known"):
        policy(world, witnesses=3, neutral_witnesses=(third,))
    with pytest.raises(NoQuorum, match="and 0 are known"):
        policy(world, uz=replace(world.uz.trust_list, nodes=()))


def test_without_the_other_states_list_its_witness_is_not_known(world: World) -> None:
    third, signer = neutral(world)
    lists = {"BY": world.by.believed()}
    agreement: Agreement = replace(world.agreement, neutral_witnesses=(third,))
    assert met(log_policy(agreement, lists, node_of(lists)), world, signer)
    with pytest.raises(NoQuorum):
        log_policy(world.agreement, lists, node_of(lists))


def test_two_nodes_of_the_other_state_are_two_witnesses_whatever_they_are_called(world: World) -> None:
    """A display name is no name: two nodes called the same would else count twice under the word of one."""
    customs = world.uz.make_witness(f"customs.{world.uz.name}/witness")
    for display in ("Customs", world.uz.trust_list.nodes[0].name):
        asked = policy(world, witnesses=2, uz=second_node(world.uz, display))
        assert met(asked, world, world.uz.witness, customs)
        assert not met(asked, world, world.uz.witness)
        assert not met(asked, world, customs)
        assert not met(asked, world, customs, customs)


def test_the_witness_of_a_second_node_of_the_logs_own_country_does_not_count(world: World) -> None:
    customs = world.by.make_witness(f"customs.{world.by.name}/witness")
    asked = policy(world, by=second_node(world.by, "Customs"))
    assert not met(asked, world, customs, world.by.witness)
    assert met(asked, world, world.uz.witness)


def renewed(side: Side, until: datetime, name: str = "", key: VerifierKey | None = None) -> TrustList:
    """Return the list after a ceremony of the witness: a second key, and the first one up to `until`."""
    name = name or f"{side.name}/witness-2"
    present = WitnessKey(name, replace(key or side.make_witness(name).vkey, name=name))
    former = FormerWitness(side.witness.vkey.name, side.witness.vkey, until)
    return with_node(replace(side.trust_list, issued_at=AT), witness=present, former_witnesses=(former,))


def test_a_former_key_counts_up_to_its_end_and_the_present_one_beyond(world: World) -> None:
    second = world.uz.make_witness(f"{world.uz.name}/witness-2")
    asked = policy(world, uz=renewed(world.uz, AT - SECOND))
    assert met(asked, world, world.uz.witness, at=AT - 2 * SECOND)
    assert met(asked, world, world.uz.witness, at=AT - SECOND)
    assert not met(asked, world, world.uz.witness, at=AT)
    assert met(asked, world, second, at=AT)


def test_two_keys_of_one_witness_count_once(world: World) -> None:
    third, signer = neutral(world)
    second = world.uz.make_witness(f"{world.uz.name}/witness-2")
    asked = policy(world, witnesses=2, uz=renewed(world.uz, AT), neutral_witnesses=(third,))
    assert not met(asked, world, world.uz.witness, second)
    assert met(asked, world, second, signer)
    with pytest.raises(NoQuorum, match="and 1 are known"):
        policy(world, witnesses=2, uz=renewed(world.uz, AT))


def test_one_key_under_two_names_makes_no_quorum(world: World) -> None:
    """A cosignature does not say under which name it counts: whoever held one key would be two witnesses."""
    third, signer = neutral(world)
    doubles: Sequence[dict[str, Any]] = (
        {"neutral_witnesses": (replace(third, vkey=replace(world.uz.witness.vkey, name=NEUTRAL)),)},
        {"neutral_witnesses": (third, NeutralWitness("other.example/w", replace(signer.vkey, name="other.example/w")))},
        {"uz": renewed(world.uz, AT, key=world.uz.witness.vkey)},
    )
    for changes in doubles:
        with pytest.raises(NoQuorum, match="a key or name counts twice among the witnesses of the log of BY"):
            policy(world, **changes)


def test_its_own_key_under_another_name_makes_no_quorum(world: World) -> None:
    third, _ = neutral(world)
    own = world.by.witness.vkey
    hidden: Sequence[dict[str, Any]] = (
        {"neutral_witnesses": (replace(third, vkey=replace(own, name=NEUTRAL)),)},
        {"uz": renewed(world.uz, BORN, key=own)},
        {"uz": renewed(world.uz, AT, key=own), "by": renewed(world.by, AT)},
    )
    for changes in hidden:
        with pytest.raises(NoQuorum, match="or a key is its own"):
            policy(world, **changes)


@pytest.mark.parametrize(
    "name", ["uz.registry.example/witness", "quorum", "none", "any-of-did-web-x", "any-of-eec.example/witness"]
)
def test_a_neutral_witness_with_the_name_of_another_is_not_taken_for_it(world: World, name: str) -> None:
    third, signer = neutral(world)
    named = (third, NeutralWitness(name, world.by.make_witness("other.example/w").vkey))
    if name == "any-of-did-web-x":
        assert met(policy(world, neutral_witnesses=named), world, signer)
        return
    with pytest.raises(NoQuorum, match="a key or name counts twice"):
        policy(world, neutral_witnesses=named)


def test_every_node_of_a_list_is_asked_by_its_kid(world: World) -> None:
    believed = world.uz.believed(second_node(world.uz, "Customs"))
    kids = {Kid(node.chained.kid(node.row.id)) for node in believed.nodes.values()}
    assert kids == set(believed.nodes)
    assert len(kids) == 2
