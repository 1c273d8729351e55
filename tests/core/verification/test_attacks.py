"""What TUF lists as attacks, tried on the trust list, the freshness statement and the bundle: none is accepted.

Each row is an attack, on what it is tried, what the attacker shows to someone who holds the honest one, and the code of
the refusal; where a thing is read and not refused, the code of the finding that keeps the verdict from passing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from registry.core.agreement import Environment
from registry.core.canonical import MAX_INTEGER
from registry.core.envelope.jose import MAX_BUNDLE, MAX_ENVELOPE, MAX_FRESHNESS, Typ, join, seal
from registry.core.errors import RegistryError
from registry.core.signature import Signer
from registry.core.trust.adoption import check_adoptable
from registry.core.trust.believed_list import BelievedList, believe
from registry.core.trust.document_signer import Purpose
from registry.core.trust.freshness import (
    FRESH_FOR,
    Freshness,
    NamedCheckpoint,
    NamedList,
    believe_freshness,
    check_newer,
)
from registry.core.trust.trust_list import ListKey, TrustList
from registry.core.verification.bundle import open_bundle
from registry.core.verification.presentation import Presentation
from registry.core.verification.verdict import Indication
from registry.core.verification.verify import verify
from tests.core.world import AT, RenamedSigner, Scene, World, with_body, with_node

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Victim:
    """Someone who holds the honest second list of a country, a statement of its node, and the third bundle."""

    world: World

    @property
    def first(self) -> TrustList:
        return self.world.by.trust_list

    @property
    def adopted(self) -> BelievedList:
        side = self.world.by
        return side.believed(replace(self.first, version=2, previous=side.believed().digest))

    def next(self, **changes: Any) -> TrustList:
        return replace(self.adopted.list, **{"version": 3, "previous": self.adopted.digest, **changes})

    def renewed(self, epoch: int = 2, **changes: Any) -> tuple[TrustList, Sequence[Signer]]:
        keys = self.world.by.make_list_keys(epoch)
        rows = tuple(ListKey(key.kid, key.certificate) for key in keys)
        return replace(self.adopted.list, epoch=epoch, version=1, list_keys=rows, previous=None, **changes), keys

    def shown_list(
        self,
        shown: TrustList,
        by: Sequence[Signer] = (),
        *,
        after: timedelta = MINUTE,
        adopted: BelievedList | None = None,
    ) -> None:
        """Adopt a list."""
        check_adoptable(self.world.by.believed(shown, by), adopted or self.adopted, frozenset(), AT + after)

    def read_list(self, text: str) -> None:
        believe(text, self.world.by.pin)

    @property
    def named(self) -> NamedList:
        return NamedList(1, 2, self.adopted.digest)

    @property
    def kept(self) -> Freshness:
        said = Freshness(self.world.by.node_id, Environment.DEMO, AT, "0.1.0", self.named)
        return replace(said, checkpoint=NamedCheckpoint(7, "0" * 64))

    def said(
        self,
        *,
        by: Signer | None = None,
        after: timedelta = MINUTE,
        kept: Freshness | None = None,
        adopted: BelievedList | None = None,
        **changes: Any,
    ) -> None:
        """Keep a statement."""
        said = replace(self.kept, **{"as_of": AT + MINUTE, **changes})
        text = seal(said.encode(), Typ.FRESHNESS, by or self.world.by.node).text
        lists = {"BY": adopted or self.adopted, "UZ": self.world.uz.believed()}
        read = believe_freshness(text, self.world.by.node_id, lists, "demo")
        check_newer(read, kept or self.kept, lists["BY"], AT + after)

    def read_statement(self, text: str) -> None:
        believe_freshness(text, self.world.by.node_id, {"BY": self.adopted}, "demo")

    def carried(self, scene: Callable[[Scene], Scene], *, newest: int = 3, **changes: Any) -> None:
        """Open a bundle on a device that has seen the third; a verdict that does not pass is raised as its code."""
        shown = scene(self.world.scene())
        bundle = replace(shown.bundle(), **{"sequence": 4, **changes})
        text = seal(bundle.encode(), Typ.BUNDLE, shown.node or self.world.uz.node).text
        opened = open_bundle(text, shown.pins(), newest={self.world.uz.node_id: newest})
        verdict = verify(Presentation(shown.text, shown.proof), opened.trusted, opened.read, at=shown.at)
        if verdict.indication is not Indication.TOTAL_PASSED:
            assert verdict.decisive is not None
            raise NotPassed(verdict.decisive.code)


@dataclass(eq=False)
class NotPassed(Exception):
    """A verdict that does not pass: nothing was refused, and nothing was accepted."""

    code: str


def code_of(attempt: Callable[[], object]) -> str | None:
    """Return the code by which an attempt failed; None where it was accepted."""
    try:
        attempt()
    except (RegistryError, NotPassed) as refused:
        return refused.code
    return None


def mixed(victim: Victim) -> str:
    """Return the payload of one list under the signatures of another."""
    side = victim.world.by
    old, new = side.sign_list(victim.first).splitlines(), side.sign_list(victim.next()).splitlines()
    return "".join(
        f"{late.rpartition('.')[0]}.{early.rpartition('.')[2]}\n" for early, late in zip(old, new, strict=True)
    )


def another_node_key(victim: Victim) -> tuple[Signer, BelievedList]:
    """Return a new key of the node, and the list that names it in place of the stolen one."""
    side = victim.world.by
    key = side.make_key("node-cured", Purpose.NODE, [side.node_id])
    return key, side.believed(with_node(victim.next(), certificate=key.certificate))


Attack = Callable[[Victim], object]
ATTACKS: dict[tuple[str, str], tuple[Attack, str]] = {
    ("rollback", "list"): (lambda v: v.shown_list(v.first), "list-not-newer"),
    ("rollback", "statement"): (lambda v: v.said(as_of=AT - MINUTE), "freshness-not-newer"),
    ("rollback of what it names", "statement"): (
        lambda v: v.said(trust_list=NamedList(1, 1, "0" * 64)),
        "freshness-rolled-back",
    ),
    ("rollback of the log", "statement"): (
        lambda v: v.said(checkpoint=NamedCheckpoint(6, "0" * 64)),
        "freshness-rolled-back",
    ),
    ("rollback", "bundle"): (lambda v: v.carried(lambda s: s, sequence=2), "bundle-rolled-back"),
    ("freeze", "list"): (lambda v: v.shown_list(v.next(), after=30 * DAY), "list-expired"),
    ("freeze", "statement"): (lambda v: v.said(after=FRESH_FOR + MINUTE + SECOND), "freshness-stale"),
    ("freeze", "bundle"): (lambda v: v.carried(lambda s: replace(s, at=AT + 4 * DAY)), "bundle-stale"),
    ("freeze of what its node hears", "bundle"): (
        lambda v: v.carried(lambda s: replace(s, heard=AT - FRESH_FOR - SECOND)),
        "status-stale",
    ),
    ("fast-forward of time", "list"): (lambda v: v.shown_list(v.next(issued_at=AT + DAY)), "list-from-future"),
    ("fast-forward of time", "statement"): (lambda v: v.said(as_of=AT + DAY), "freshness-from-future"),
    ("fast-forward of what was heard", "bundle"): (
        lambda v: v.carried(lambda s: replace(s, heard=AT + DAY)),
        "bundle-mixed",
    ),
    ("fast-forward by the keys of the epoch that it is to be cured of", "list"): (
        lambda v: v.shown_list(v.next(epoch=2, version=1)),
        "list-key-reused",
    ),
    ("mix-and-match of signatures", "list"): (lambda v: v.read_list(mixed(v)), "list-signature-wrong"),
    ("two lists of one version", "list"): (lambda v: v.shown_list(v.next(version=2)), "list-forked"),
    ("a list that follows another", "list"): (
        lambda v: v.shown_list(v.next(previous="0" * 64)),
        "list-does-not-follow",
    ),
    ("mix-and-match with a list", "statement"): (
        lambda v: v.said(trust_list=NamedList(1, 2, "0" * 64)),
        "freshness-names-another-list",
    ),
    ("mix-and-match of lists and statement", "bundle"): (
        lambda v: v.carried(lambda s: s.stating(trust_list=NamedList(1, 2, "0" * 64))),
        "list-behind",
    ),
    ("endless data", "list"): (lambda v: v.read_list("x" * (MAX_ENVELOPE + 1)), "malformed-envelope"),
    ("endless signatures", "list"): (lambda v: v.read_list("x\n" * 65), "malformed-envelope"),
    ("endless data", "statement"): (lambda v: v.read_statement("x" * (MAX_FRESHNESS + 1)), "malformed-envelope"),
    ("endless data", "bundle"): (
        lambda v: open_bundle("x" * (MAX_BUNDLE + 1), v.world.scene().pins()),
        "malformed-envelope",
    ),
    ("endless lists", "bundle"): (
        lambda v: v.carried(lambda s: s, lists=tuple(v.world.scene().lists.values()) * 40),
        "lists-unfit",
    ),
    ("wrong purpose", "list"): (
        lambda v: v.shown_list(v.next(), by=[v.world.by.list_keys[0], v.world.by.node]),
        "list-stranger-signed",
    ),
    ("wrong purpose as a list key", "list"): (
        lambda v: v.shown_list(
            v.next(list_keys=(*v.first.list_keys, ListKey(v.world.by.node.kid, v.world.by.node.certificate)))
        ),
        "key-of-another-purpose",
    ),
    ("wrong purpose", "statement"): (lambda v: v.said(by=v.world.by.list_keys[0]), "freshness-wrong-purpose"),
    ("wrong purpose", "bundle"): (
        lambda v: v.carried(lambda s: replace(s, node=v.world.uz.document)),
        "bundle-not-trusted",
    ),
    ("below threshold", "list"): (
        lambda v: v.shown_list(v.next(), by=v.world.by.list_keys[:1]),
        "list-below-threshold",
    ),
    ("one key many times", "list"): (
        lambda v: v.read_list(seal(v.next().encode(), Typ.TRUST_LIST, v.world.by.list_keys[0]).text + "\n" * 2),
        "malformed-envelope",
    ),
    ("below threshold", "bundle"): (
        lambda v: v.carried(
            lambda s: replace(s, lists={**s.lists, "BY": v.world.by.sign_list(v.first, v.world.by.list_keys[:1])}),
        ),
        "list-below-threshold",
    ),
    ("no key at all", "statement"): (
        lambda v: v.said(by=RenamedSigner(v.world.by.node.kid, v.world.uz.node)),
        "freshness-not-trusted",
    ),
    ("no key at all", "bundle"): (
        lambda v: v.carried(lambda s: replace(s, node=RenamedSigner(v.world.uz.node.kid, v.world.by.node))),
        "bundle-signature-wrong",
    ),
    ("wrong country", "list"): (
        lambda v: believe(v.world.uz.believed().text, v.world.by.pin),
        "list-of-another-country",
    ),
    ("wrong country's keys", "list"): (
        lambda v: v.shown_list(v.next(), by=v.world.uz.list_keys[:2]),
        "list-stranger-signed",
    ),
    ("wrong country", "statement"): (lambda v: v.said(by=v.world.uz.node), "freshness-of-another-node"),
    ("wrong country", "bundle"): (lambda v: v.carried(lambda s: s, country="BY"), "bundle-not-trusted"),
    ("wrong environment", "list"): (
        lambda v: v.shown_list(v.next(env=Environment.PRODUCTION)),
        "list-of-another-environment",
    ),
    ("wrong environment", "statement"): (
        lambda v: v.said(env=Environment.PRODUCTION),
        "freshness-of-another-environment",
    ),
    ("wrong environment", "bundle"): (lambda v: v.carried(lambda s: s, env="production"), "lists-unfit"),
    ("vanished row", "list"): (lambda v: v.shown_list(v.next(bodies=())), "list-row-vanished"),
    ("vanished signer", "list"): (lambda v: v.shown_list(with_body(v.next(), signers=())), "list-row-vanished"),
    ("vanished node", "list"): (lambda v: v.shown_list(v.next(nodes=())), "list-row-vanished"),
    ("vanished statement", "bundle"): (lambda v: v.carried(lambda s: s, heard=()), "status-stale"),
}


@pytest.mark.parametrize(("attack", "on"), ATTACKS, ids=str)
def test_an_attack_is_not_accepted_and_has_its_code(world: World, attack: str, on: str) -> None:
    attempt, code = ATTACKS[attack, on]
    assert code_of(lambda: attempt(Victim(world))) == code


def test_without_an_attack_each_is_accepted(world: World) -> None:
    victim = Victim(world)
    victim.shown_list(victim.next())
    victim.said()
    victim.carried(lambda scene: scene.stating())


def test_a_list_that_was_fast_forwarded_is_cured_by_the_list_keys_of_a_new_epoch(world: World) -> None:
    victim = Victim(world)
    spent = world.by.believed(victim.next(version=MAX_INTEGER))
    with pytest.raises(RegistryError) as refused:
        victim.shown_list(victim.next(version=4), adopted=spent)
    assert refused.value.code == "list-not-newer"
    cure, keys = victim.renewed()
    victim.shown_list(cure, by=keys, adopted=spent)


def test_a_statement_that_was_fast_forwarded_is_cured_by_another_node_key(world: World) -> None:
    """The list of a new version names the key; what the stolen one said is read by nobody any more."""
    victim = Victim(world)
    spent = replace(victim.kept, trust_list=NamedList(MAX_INTEGER, 1, "0" * 64))
    with pytest.raises(RegistryError) as refused:
        victim.said(kept=spent)
    assert refused.value.code == "freshness-rolled-back"
    key, cured = another_node_key(victim)
    stolen = seal(spent.encode(), Typ.FRESHNESS, world.by.node).text
    with pytest.raises(RegistryError) as refused:
        believe_freshness(stolen, world.by.node_id, {"BY": cured}, "demo")
    assert refused.value.code == "freshness-not-trusted"
    said = replace(victim.kept, trust_list=NamedList(1, 3, cured.digest))
    read = believe_freshness(seal(said.encode(), Typ.FRESHNESS, key).text, world.by.node_id, {"BY": cured}, "demo")
    check_newer(read, None, cured, AT + MINUTE)


def test_one_line_of_a_joint_file_may_not_be_doubled(world: World) -> None:
    victim = Victim(world)
    one = join([seal(victim.next().encode(), Typ.TRUST_LIST, world.by.list_keys[0])])
    with pytest.raises(RegistryError) as refused:
        victim.read_list(one * 2)
    assert refused.value.code == "malformed-envelope"
