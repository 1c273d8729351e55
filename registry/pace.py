"""How fast one person may ask: counted in memory, for a count that is written would make questions wait in line."""

from datetime import datetime
from threading import Lock

from registry.usecases.verification.verify_held import TooManyVerifications


class Pace:
    """What each person asked in this minute of this process; another process counts for itself."""

    def __init__(self, most: int) -> None:
        """Let each person ask `most` times a minute."""
        self.most = most
        self._lock = Lock()
        self._minute: datetime | None = None
        self._asked: dict[str, int] = {}

    def take(self, person: str, questions: int, at: datetime) -> None:
        """Count questions that are about to be answered, all or none. Raises `TooManyVerifications`."""
        minute = at.replace(second=0, microsecond=0)
        with self._lock:
            if minute != self._minute:
                self._minute, self._asked = minute, {}
            asked = self._asked.get(person, 0) + questions
            if asked > self.most:
                raise TooManyVerifications(60 - at.second, self.most)
            self._asked[person] = asked
