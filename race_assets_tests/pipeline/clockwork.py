"""A clock that only sleeping moves on, for any number of threads: what would take minutes is over at once."""

import threading
from datetime import UTC, date, datetime, time

from race_assets.http.timing import Timing


class Clockwork:
    """Seconds since it was made; `moments` are those at which it was asked by `look`."""

    def __init__(self, today: date = date(2024, 7, 20)) -> None:
        self._began = datetime.combine(today, time(12), UTC).timestamp()
        self._seconds = 0.0
        self._lock = threading.Lock()
        self.moments: list[float] = []
        self.timing = Timing(self.clock, self.sleep, lambda: self._began + self._seconds, lambda: 0.5)

    def clock(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds

    def look(self) -> float:
        """For the fake's limit: the moment, noted."""
        self.moments.append(self._seconds)
        return self._seconds
