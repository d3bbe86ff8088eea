"""How often and how long after a failure we try again, and what a server says about it; not what a failure is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from race_assets.backoff import pause_s
from race_assets.errors import ApiUnavailableError
from race_assets.http.timing import Timing


@dataclass(frozen=True)
class RetryPolicy:
    """How much is tried: the pause before try n + 1 is a random part of `min(cap_s, base_s * 2**(n - 1))`.

    Args:
        attempts: tries in all, the first one too.
        deadline_s: seconds from the first sending after which no new try begins.
    """

    attempts: int = 6
    base_s: float = 0.5
    cap_s: float = 20
    deadline_s: float = 120


class Retries:
    """The tries of one request; made when it is first sent."""

    def __init__(self, policy: RetryPolicy, timing: Timing) -> None:
        self._policy = policy
        self._timing = timing
        self._started = timing.clock()
        self._tries = 1

    @property
    def deadline(self) -> float:
        """When it is over, on the session's clock."""
        return self._started + self._policy.deadline_s

    @property
    def left_s(self) -> float:
        """Seconds to the deadline."""
        return self.deadline - self._timing.clock()

    def pause(self, what: str, reason: str, at_least_s: float = 0) -> float:
        """Waits before the next try; gives the seconds.

        Args:
            what: the request, as it may be shown.
            reason: what went wrong, as a verb.
            at_least_s: what the server asked for.

        Raises:
            ApiUnavailableError: no try is left, or the next would come after the deadline.
        """
        jittered = pause_s(self._tries, self._policy.base_s, self._policy.cap_s, self._timing.chance())
        pause: float = max(jittered, at_least_s)
        if self._tries >= self._policy.attempts or pause > self.left_s:
            spent = self._timing.clock() - self._started
            asked = f", and it asks for a pause of {at_least_s:.0f} s" if at_least_s else ""
            tried = "once" if self._tries == 1 else f"{self._tries} times"
            raise ApiUnavailableError(f"{what} {reason}{asked}; tried {tried} in {spent:.0f} s. Try again later")
        self._timing.sleep(pause)
        self._tries += 1
        return pause


def retry_after_s(headers: Mapping[str, str], now: float) -> float:
    """Seconds a reply asks us to wait, 0 where it does not say (RFC 9110, 10.2.3: seconds, or a date).

    Args:
        headers: of the reply, read in any case.
        now: seconds since 1970; a date is measured from the reply's own `Date`, where it has one.
    """
    value = (headers.get("Retry-After") or "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    until = _seconds(value)
    if until is None:
        return 0
    sent = _seconds(headers.get("Date") or "")
    return max(0.0, until - (now if sent is None else sent))


def _seconds(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
