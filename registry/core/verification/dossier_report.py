"""What a check of a dossier came to: of each act, of each leaf without one, and on the whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.core.tlog.entry import Leaf


class Standing(StrEnum):
    """What is known of an act of a dossier."""

    PROVED = "proved"
    PENDING = "pending"
    LOST = "lost"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class ActFinding:
    """What is known of one act: code and reason, its index in the log, and by when the quorum had vouched for it."""

    id: str
    standing: Standing
    code: str
    reason: str
    index: int | None = None
    logged_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class LeafFinding:
    """What is known of a leaf without its act; `leaf` is None where it cannot be read."""

    leaf: Leaf | None
    finding: ActFinding


@dataclass(frozen=True, slots=True)
class Report:
    """A finding for each act in the order of the dossier; `altered` says why the whole is not what the node signed.

    `taken_back` has one for each leaf without its act. `missing` are the entries of which a dossier of every act says
    nothing, as ranges: their acts were removed from the database, or are held back.
    """

    findings: tuple[ActFinding, ...]
    altered: str | None
    taken_back: tuple["LeafFinding", ...] = ()
    missing: tuple[tuple[int, int], ...] = ()

    @property
    def nothing_wrong(self) -> bool:
        """Whether no act is wrong, none is missing, and the whole is what the node signed."""
        return self.altered is None and not self.missing and not self.count(Standing.WRONG)

    def count(self, standing: Standing) -> int:
        """Return how many acts have this standing."""
        return sum(finding.standing is standing for finding in self._all)

    @property
    def _all(self) -> Sequence[ActFinding]:
        return [*self.findings, *(each.finding for each in self.taken_back)]

    @property
    def ranges(self) -> Sequence[tuple[int, int]]:
        """The entries of the log that are proved, as ranges, first and last: within one nothing was left out."""
        ranges: list[tuple[int, int]] = []
        held = {Standing.PROVED, Standing.LOST}
        proved = (finding.index for finding in self._all if finding.standing in held)
        for index in sorted(index for index in proved if index is not None):
            if ranges and ranges[-1][1] == index - 1:
                ranges[-1] = (ranges[-1][0], index)
            else:
                ranges.append((index, index))
        return ranges
