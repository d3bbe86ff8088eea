"""Ticks out of recorded lines: each runner of a market as a poll found it; nothing is written here.

What is stored while polling and what is made up for after a crash come out of the same lines by the same way.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from race_assets.sources.betfair.stream.messages import Decoder, Definition, MarketChange
from race_assets.values.texts import storable_tree

Row = dict[str, Any]
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Runner:
    """What is known of one runner's prices."""

    back: dict[float, tuple[float, float]] = field(default_factory=dict)
    lay: dict[float, tuple[float, float]] = field(default_factory=dict)
    last_traded: float | None = None
    volume: float | None = None
    near_price: float | None = None
    far_price: float | None = None


@dataclass
class _Market:
    definition: Definition | None = None
    runners: dict[int, _Runner] = field(default_factory=dict)


class Ticker:
    """Reads the lines of a recording in their order."""

    def __init__(self) -> None:
        self._decode = Decoder(Counter(), with_book=True).line
        self._markets: dict[str, _Market] = {}

    def rows(self, line: bytes) -> list[Row]:
        """Rows of `live.price_ticks`, without the session's id: a runner each that the market's definition lists.

        Raises:
            BrokenLineError: it is no line of a recording.
        """
        message = self._decode(line)
        return [storable_tree(row) for change in message.mc for row in self._of(message.pt, change)]

    def _of(self, pt: int, change: MarketChange[Any]) -> list[Row]:
        market = self._markets.setdefault(change.id, _Market())
        if change.img:
            market.runners.clear()
        market.definition = change.definition or market.definition
        for each in change.rc:
            _take(market.runners.setdefault(each.id, _Runner()), each)
        definition = market.definition
        if definition is None:
            return []
        shared = {
            "race_date": race_date(definition),
            "market_id": change.id,
            "polled_at": datetime.fromtimestamp(pt / 1000, UTC),
            "market_type": definition.market_type,
            "start_at": _instant(definition.market_time),
            "market_status": definition.status,
            "is_in_play": bool(definition.in_play),
        }
        is_closed = definition.status == "CLOSED"
        return [
            {
                **shared,
                "selection_id": str(listed.id),
                "runner_status": listed.status,
                "bsp": listed.bsp if isinstance(listed.bsp, float) else None,
                **_prices(_Runner() if is_closed else market.runners.get(listed.id, _Runner())),
            }
            for listed in definition.runners
        ]


def race_date(definition: Definition) -> date | None:
    """The calendar date, at the track, of the scheduled off; in UTC where the zone is not told."""
    at = _instant(definition.market_time)
    try:
        return at.astimezone(ZoneInfo(definition.timezone or "UTC")).date() if at else None
    except (ZoneInfoNotFoundError, ValueError):
        return at.date() if at else None


def _instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _take(runner: _Runner, each: Any) -> None:
    for levels, side in ((each.batb, runner.back), (each.batl, runner.lay)):
        for place, price, size in levels or ():
            if size:
                side[place] = (price, size)
            else:
                side.pop(place, None)
    for name, value in (
        ("last_traded", each.ltp), ("volume", each.tv), ("near_price", each.spn), ("far_price", each.spf)
    ):  # fmt: skip
        if value is not None:
            # A word, such as NaN: there is no such price any more.
            setattr(runner, name, float(value) if isinstance(value, float | int) else None)


def _prices(runner: _Runner) -> Row:
    back, back_size = runner.back.get(0, (None, None))
    lay, lay_size = runner.lay.get(0, (None, None))
    return {
        "best_back": back,
        "best_back_size": back_size,
        "best_lay": lay,
        "best_lay_size": lay_size,
        "last_traded": runner.last_traded,
        "volume": runner.volume,
        "near_price": runner.near_price,
        "far_price": runner.far_price,
    }
