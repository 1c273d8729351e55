"""How fresh a node's word is: who may say it, and what takes its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from registry.core.agreement import Environment
from registry.core.errors import RegistryError
from registry.core.identifiers import Digest
from registry.core.trust.believed_list import BelievedList
from registry.core.trust.document_signer import Purpose
from registry.core.trust.freshness import (
    CLOCK_SKEW,
    FRESH_FOR,
    Freshness,
    FreshnessFromFuture,
    FreshnessMixed,
    FreshnessNotNewer,
    FreshnessNotTrusted,
    FreshnessOfAnotherEnvironment,
    FreshnessOfAnotherNode,
    FreshnessRolledBack,
    FreshnessStale,
    FreshnessWrongPurpose,
    NamedCheckpoint,
    NamedList,
    SentTo,
    Word,
    believe_freshness,
    check_newer,
    word_of,
)
from registry.signing.ceremony import LIFE
from tests.core.world import AT, BORN, RenamedSigner, Side, World

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
UZ = "did:web:uz.registry.example"


@dataclass(frozen=True, slots=True)
class Node:
    """A node whose country's list is adopted, and what is kept of it."""

    side: Side
    adopted: BelievedList
    lists: Mapping[str, BelievedList]

    @property
    def named(self) -> NamedList:
        return NamedList(self.adopted.list.epoch, self.adopted.list.version, self.adopted.digest)

    def believe(self, **changes: Any) -> Freshness:
        return believe_freshness(self.side.state(self.named, **changes), self.side.node_id, self.lists, "demo")

    @property
    def known(self) -> Freshness:
        """What the node said before: a list, a checkpoint and a message."""
        return self.believe(checkpoint=NamedCheckpoint(7, "0" * 64), sent=(SentTo(UZ, 1, 3),))

    def follow(self, known: Freshness | None = None, **changes: Any) -> None:
        said = replace(known or self.known, **{"as_of": AT + MINUTE, **changes})
        check_newer(said, known or self.known, self.adopted, AT + MINUTE)


@pytest.fixture(scope="module")
def node(world: World) -> Node:
    lists = {side.country: side.believed() for side in world.sides.values()}
    return Node(world.by, lists["BY"], lists)


def refused(kind: type[RegistryError], code: str, attempt: Callable[[], object]) -> str:
    with pytest.raises(kind) as refusal:
        attempt()
    assert (type(refusal.value), refusal.value.code) == (kind, code)
    assert "by.registry.example" in str(refusal.value)
    return str(refusal.value)


def test_a_statement_reads_back_as_it_was_signed(node: Node) -> None:
    said = node.known
    assert Freshness.parse(said.encode()) == said
    assert (said.position(UZ), said.position("did:web:kz.registry.example")) == ((1, 3), (0, 0))


def test_a_statement_is_signed_by_the_node_that_it_is_of(world: World, node: Node) -> None:
    by, stranger = world.by, world.uz.node
    refused(FreshnessOfAnotherNode, "freshness-of-another-node", lambda: node.believe(by=stranger))
    refused(FreshnessOfAnotherNode, "freshness-of-another-node", lambda: node.believe(issuer=world.uz.node_id))
    renamed = RenamedSigner(by.node.kid, stranger)
    said = refused(FreshnessNotTrusted, "freshness-not-trusted", lambda: node.believe(by=renamed))
    assert "does not verify" in said
    unlisted = by.make_key("node-unlisted", Purpose.NODE, [by.node_id])
    said = refused(FreshnessNotTrusted, "freshness-not-trusted", lambda: node.believe(by=unlisted))
    assert "no adopted list" in said


def test_a_key_of_another_purpose_says_nothing_of_freshness(world: World, node: Node) -> None:
    for key in (world.by.document, world.by.list_keys[0]):
        refused(FreshnessWrongPurpose, "freshness-wrong-purpose", lambda key=key: node.believe(by=key))  # type: ignore[misc]


def test_a_node_key_says_nothing_past_its_certificate(node: Node) -> None:
    end = BORN + LIFE[Purpose.NODE]
    assert node.believe(as_of=end).as_of == end
    refused(FreshnessNotTrusted, "freshness-not-trusted", lambda: node.believe(as_of=end + SECOND))


def test_a_statement_of_another_environment_is_refused(node: Node) -> None:
    code = "freshness-of-another-environment"
    refused(FreshnessOfAnotherEnvironment, code, lambda: node.believe(env=Environment.PRODUCTION))


def test_what_is_newer_takes_the_place_of_what_was_kept(node: Node) -> None:
    check_newer(node.known, None, node.adopted, AT)
    node.follow()
    node.follow(
        trust_list=replace(node.named, version=2, digest="0" * 64),
        checkpoint=NamedCheckpoint(8, "1" * 64),
        sent=(SentTo(UZ, 2, 1),),
    )
    node.follow(node.believe())


def test_an_older_statement_never_comes_back(node: Node) -> None:
    for as_of in (AT, AT - SECOND):
        refused(
            FreshnessNotNewer,
            "freshness-not-newer",
            lambda as_of=as_of: node.follow(as_of=as_of),  # type: ignore[misc]
        )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"checkpoint": None}, "a checkpoint"),
        ({"checkpoint": NamedCheckpoint(6, "0" * 64)}, "a checkpoint"),
        ({"sent": ()}, "a message"),
        ({"sent": (SentTo(UZ, 1, 2),)}, "a message"),
    ],
)
def test_a_newer_statement_does_not_name_what_is_older(node: Node, changes: dict[str, Any], what: str) -> None:
    assert what in refused(FreshnessRolledBack, "freshness-rolled-back", lambda: node.follow(**changes))


def test_a_newer_statement_does_not_name_an_older_list(node: Node) -> None:
    later = replace(node.known, trust_list=NamedList(2, 1, "0" * 64))
    node.follow(later)
    for older in (node.named, NamedList(1, 9, "0" * 64)):
        said = refused(
            FreshnessRolledBack,
            "freshness-rolled-back",
            lambda older=older: node.follow(later, trust_list=older),  # type: ignore[misc]
        )
        assert "a list" in said


def test_a_statement_of_the_future_or_of_the_past_is_not_kept(node: Node) -> None:
    node.follow(as_of=AT + MINUTE + CLOCK_SKEW)
    future = AT + MINUTE + CLOCK_SKEW + SECOND
    refused(FreshnessFromFuture, "freshness-from-future", lambda: node.follow(as_of=future))
    check_newer(node.known, None, node.adopted, AT + FRESH_FOR)
    frozen = AT + FRESH_FOR + SECOND
    refused(FreshnessStale, "freshness-stale", lambda: check_newer(node.known, None, node.adopted, frozen))


def test_two_lists_of_one_version_show(node: Node) -> None:
    other = replace(node.named, digest="0" * 64)
    refused(FreshnessMixed, "freshness-names-another-list", lambda: node.follow(trust_list=other))


def test_a_word_tells_whether_the_adopted_list_is_the_newest(node: Node) -> None:
    assert word_of(node.known, node.adopted, AT) == Word(AT, AT, behind=False)
    for newer in (replace(node.named, version=2), replace(node.named, epoch=2)):
        named = replace(newer, digest="0" * 64)
        assert word_of(replace(node.known, trust_list=named), node.adopted, None) == Word(None, None, behind=True)
    second = replace(node.adopted, list=replace(node.adopted.list, version=2), digest=Digest("1" * 64))
    assert word_of(node.known, second, AT) == Word(AT, None, behind=False)


def test_a_word_is_fresh_for_a_day() -> None:
    assert Word(AT).fresh(AT + FRESH_FOR)
    assert not Word(AT).fresh(AT + FRESH_FOR + SECOND)
    assert not Word(None).fresh(AT)
