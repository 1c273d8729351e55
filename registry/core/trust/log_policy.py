"""Whose cosignatures a log of this corridor needs: the other state's witnesses and neutral ones, never its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from registry.core.agreement import Agreement
from registry.core.tlog.policy import NONE, Group, KnownLog, KnownWitness, Policy, QuorumNotMet
from registry.core.trust.believed_list import BelievedList, KnownNode

QUORUM = "quorum"


@dataclass(eq=False)
class NoQuorum(QuorumNotMet):
    """No set of cosignatures could be the quorum that the agreement asks for."""

    code: ClassVar[str] = "no-quorum"
    reason: str

    def __str__(self) -> str:
        return self.reason


def log_policy(agreement: Agreement, lists: Mapping[str, BelievedList], node: KnownNode) -> Policy:
    """Return the policy for the log of a node under an agreement (formats 9, `witnesses`).

    A cosignature does not name its witness: a key that stood under two names would count twice. Raises `NoQuorum`
    where one does, and where fewer witnesses are known than the agreement asks for: then no quorum can be met.
    """
    log = KnownLog(node.row.log.vkey)
    needed = agreement.quorum(node.country)
    if not needed:
        return Policy((log,))
    witnesses: list[KnownWitness] = []
    groups: list[Group] = []
    for other in agreement.countries:
        believed = lists.get(other)
        if other == node.country or believed is None:
            continue
        for known in believed.nodes.values():
            _add(known, witnesses, groups)
    for neutral in agreement.neutral_witnesses:
        witnesses.append(KnownWitness(neutral.name, neutral.vkey))
        groups.append(Group(f"any-of-{neutral.name}", 1, (neutral.name,)))
    if len(groups) < needed:
        raise NoQuorum(
            0, f"the agreement asks for {needed} witnesses of the log of {node.country}, and {len(groups)} are known"
        )
    own = {key.public for own in lists[node.country].nodes.values() for key in own.row.witness_keys()}
    public = [witness.vkey.public for witness in witnesses]
    names = [QUORUM, NONE, *(witness.name for witness in witnesses), *(group.name for group in groups)]
    if own & set(public) or len(set(public)) < len(public) or len(set(names)) < len(names):
        raise NoQuorum(
            0, f"a key or name counts twice among the witnesses of the log of {node.country}, or a key is its own"
        )
    quorum = Group(QUORUM, needed, tuple(group.name for group in groups))
    return Policy((log,), tuple(witnesses), (*groups, quorum), QUORUM)


def _add(known: KnownNode, witnesses: list[KnownWitness], groups: list[Group]) -> None:
    """Add a node's witness: one member, under whichever of its keys it signed."""
    row = known.row
    keys = [KnownWitness(row.witness.name, row.witness.vkey)]
    keys += [KnownWitness(former.name, former.vkey, until=former.until) for former in row.former_witnesses]
    witnesses.extend(keys)
    groups.append(Group(f"any-of-{row.id}", 1, tuple(key.name for key in keys)))
