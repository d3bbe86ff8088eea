"""The fake's own time of day: stands where a test puts it, or runs on from there when used by hand."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Simulated time for sessions, bans and market states; never for the request limit, which counts real arrivals."""

    def __init__(self, now: datetime, *, running: bool = False) -> None:
        self._now = now.astimezone(UTC)
        self._since = time.monotonic() if running else None

    def now(self) -> datetime:
        """The simulated moment, UTC."""
        if self._since is None:
            return self._now
        return self._now + timedelta(seconds=time.monotonic() - self._since)

    def advance(self, **amount: float) -> None:
        """Moves on, by `timedelta`'s words: `advance(minutes=20)`."""
        self._now += timedelta(**amount)

    def set(self, now: datetime) -> None:
        """Jumps to a moment."""
        self._now = now.astimezone(UTC)
        self._since = None if self._since is None else time.monotonic()
