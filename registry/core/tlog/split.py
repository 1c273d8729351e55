"""Whether two signed notes prove that a log showed two histories: offline, from nothing but the notes and its key."""

from dataclasses import dataclass
from enum import StrEnum

from registry.core.tlog.checkpoint import Checkpoint
from registry.core.tlog.merkle import EMPTY_ROOT
from registry.core.tlog.note import Note
from registry.core.tlog.policy import Policy


class Finding(StrEnum):
    """What two notes of one log show."""

    SPLIT = "split"
    SAME = "same"
    OPEN = "open"
    """Their sizes differ: only a consistency proof, or the entries, tell whether one continues the other."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two checkpoints of one log, both signed by it, and what they show together."""

    first: Checkpoint
    second: Checkpoint
    finding: Finding


def compare(first: Note, second: Note, policy: Policy) -> Comparison:
    """Compare two notes of a log that the policy names.

    Raises what `Policy.signed` raises: an unsigned note is evidence against nobody.
    """
    old, new = policy.signed(first), policy.signed(second)
    return Comparison(old, new, _find(old, new))


def _find(old: Checkpoint, new: Checkpoint) -> Finding:
    if old.origin != new.origin:
        return Finding.OPEN
    if old.size == new.size:
        return Finding.SAME if old.root == new.root else Finding.SPLIT
    empty = min(old, new, key=lambda checkpoint: checkpoint.size)
    return Finding.SPLIT if empty.size == 0 and empty.root != EMPTY_ROOT else Finding.OPEN
