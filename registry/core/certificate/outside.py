"""The mark of a certificate that the body's own system issued: when the node registered it, and by when that was due.

It is the issuing node's word and stands in no certificate: it travels in the message that delivers one.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Outside:
    """The local day of the issuing country on which it was registered, and the last day for that, where one is known.

    The last day is the working day after the day of issue (S4 App. 4; S5 4.15); no calendar, no last day.
    """

    registered_on: date
    due_on: date | None = None

    @property
    def late(self) -> bool | None:
        """Whether it came after the day it was due; None where no calendar says which day that was."""
        return None if self.due_on is None else self.registered_on > self.due_on


def marks(outside: Outside | None) -> tuple[bool, bool]:
    """Tell whether the body's own system issued it, and whether it is known to have been registered late."""
    return outside is not None, outside is not None and outside.late is True
