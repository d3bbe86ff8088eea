"""Which markets are due at a tick: often near the off, less often before and between off and result; nothing is asked.

A tick is one interval of a market near its off. Markets that are asked less often are spread over the ticks, so that no
tick has much more to ask than another.
"""

from dataclasses import dataclass
from datetime import date
from zlib import crc32

from race_assets.settings.exchange import ExchangeSettings

OPEN, SUSPENDED, CLOSED = "OPEN", "SUSPENDED", "CLOSED"


@dataclass
class Planned:
    """A market that is polled.

    Attributes:
        start: its scheduled off, in seconds of the epoch.
        day: the race day in whose recording its lines are. It stays that one though the off moves over midnight: a
            market is read out of one file.
        status: as the last book had it; empty before the first.
        is_missing: the last answer had no book of it: it has closed, and is asked about in a call of its own kind.
    """

    market_id: str
    start: float
    day: date
    status: str = ""
    is_missing: bool = False

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to learn."""
        return self.status == CLOSED


class Plan:
    """The markets of a session by id, and when each is due."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._settings = settings
        self.markets: dict[str, Planned] = {}

    def is_near(self, market: Planned, now: float) -> bool:
        """Whether every tick counts: from some minutes before the off until it is suspended for good."""
        near = self._settings.near_minutes * 60
        if now < market.start:
            return market.start - now <= near
        return now - market.start <= near and market.status not in {SUSPENDED, CLOSED}

    def is_given_up(self, market: Planned, now: float) -> bool:
        """Whether its result has not come for so long that nobody waits for it any more."""
        return now - market.start > self._settings.result_hours * 3600

    def ticks_between(self, market: Planned, now: float) -> int:
        """Ticks from one poll of it to the next."""
        if self.is_near(market, now):
            return 1
        settings = self._settings
        pause = (
            settings.far_polling_interval_seconds if now < market.start else settings.result_polling_interval_seconds
        )
        return max(1, round(pause / settings.live_polling_interval_seconds))

    def due(self, tick: int, now: float) -> tuple[list[Planned], list[Planned]]:
        """The markets to ask about at a tick: those that trade, then those that seem to have closed."""
        due = [
            market
            for market in self.markets.values()
            if not market.is_done
            and not self.is_given_up(market, now)
            and (not market.status or self._is_turn(market, tick, now))
        ]
        return [each for each in due if not each.is_missing], [each for each in due if each.is_missing]

    def _is_turn(self, market: Planned, tick: int, now: float) -> bool:
        between = self.ticks_between(market, now)
        return tick % between == crc32(market.market_id.encode()) % between

    def is_over(self, now: float) -> bool:
        """Whether no market is left to wait for."""
        return all(each.is_done or self.is_given_up(each, now) for each in self.markets.values())
