"""The token bucket that keeps us below an API's limit; who waits on it, and for which API, is known elsewhere."""

import threading

from race_assets.errors import SettingsError
from race_assets.http.timing import Timing
from race_assets.settings.nodes import RateLimit

ROUNDING = 1e-6
"""Tokens that may be missing, and the shortest sleep in seconds: clocks have grains, and sums of floats are no sums."""

BURST_SHARE = 25
JITTER_SHARE = 0.02


class TokenBucket:
    """Lets weights through at `rate` per second, after a rest up to `burst` at once, one thread after the other.

    In no span of T seconds, however late a thread wakes, more than `burst + rate * T` is let through. It starts empty,
    so that a new process cannot add its burst to what the last one has just sent.
    """

    def __init__(self, rate: float, burst: float, timing: Timing | None = None) -> None:
        self.rate = rate
        self.burst = burst
        self._timing = timing or Timing()
        self._turn = threading.Lock()
        self._tokens = 0.0
        self._counted_at = self._timing.clock()
        self._waited_s = 0.0

    @property
    def waited_s(self) -> float:
        """Seconds that were slept for tokens, of all threads together."""
        return self._waited_s

    def take(self, weight: float = 1) -> float:
        """Waits until `weight` tokens are there and takes them; gives the seconds slept.

        Raises:
            SettingsError: the weight is more than the bucket ever holds.
        """
        if weight > self.burst:
            raise SettingsError(
                f"a request weighs {weight:g}, and burst_size lets {self.burst:g} through at once; raise burst_size"
            )
        # Slept while holding the turn, and counted again after: with tokens promised ahead, threads that wake late
        # would go all at once.
        with self._turn:
            slept = 0.0
            while (missing := weight - self._fill()) > ROUNDING:
                pause = max(missing / self.rate, ROUNDING)
                self._timing.sleep(pause)
                slept += pause
            self._tokens -= weight
            self._waited_s += slept
            return slept

    def empty(self) -> None:
        """Begins anew: for who has waited while somebody else was using the API."""
        with self._turn:
            self._fill()
            self._tokens = 0.0

    def _fill(self) -> float:
        now = self._timing.clock()
        self._tokens = min(self.burst, self._tokens + self.rate * max(0.0, now - self._counted_at))
        self._counted_at = now
        return self._tokens


def within(requests: int, seconds: float) -> RateLimit:
    """The rate and burst that keep any span of `seconds` at or below `requests`, and close to it.

    A window of `seconds` may hold `burst + rate * seconds`: a 25th of the requests are burst. The window is taken 2 %
    longer than it is, as requests that leave in time may arrive closer together. From 20 requests on, more than 92 % of
    the limit is used. Betfair: 100 requests in any 10 s (API_CONTRACTS 2.5) become 9.41 a second and a burst of 4.
    """
    burst = max(1, requests // BURST_SHARE)
    return RateLimit(requests_per_second=(requests - burst) / (seconds * (1 + JITTER_SHARE)), burst_size=burst)
