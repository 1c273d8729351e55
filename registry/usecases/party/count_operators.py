"""Whether two operators can act: nothing is confirmed but by two, each with a living token of their own (0034)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from registry.core.calendar import write_instant
from registry.store import tokens

FEWEST = 2
SOON = timedelta(days=14)
"""Before its end a token is renewed: three people must find each other for it, and one of them may be away."""
TOO_FEW = (
    "fewer than two operators hold a living token ({living} of them): nobody can confirm anything; the owner of the "
    "database holds the ceremony anew (registry party first-operators; the operator's guide, section 2)"
)
FEW_SOON = (
    "the next tokens of operators: after {until} fewer than two of them hold a living one, and nobody can confirm any"
)


@dataclass(frozen=True, slots=True)
class Operators:
    """How many operators hold a living token, and until when two do; None where fewer do already."""

    living: int
    until: datetime | None

    def alarms(self) -> list[str]:
        """Say that nobody can confirm anything, and the way out, where fewer than two hold a living token."""
        if self.until is not None:
            return []
        return [TOO_FEW.format(living=self.living)]

    def overdue(self, at: datetime) -> list[str]:
        """Say the same, and two weeks before that it will be so."""
        if self.until is None or self.until - at > SOON:
            return self.alarms()
        return [FEW_SOON.format(until=write_instant(self.until))]


def count_operators(tx: Session, at: datetime) -> Operators:
    """Count the operators who hold a living token, and look until when two do."""
    ends = tokens.operators_until(tx, at)
    return Operators(len(ends), ends[FEWEST - 1] if len(ends) >= FEWEST else None)
