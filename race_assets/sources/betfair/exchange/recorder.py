"""Polled books as lines of Betfair's own stream format, so that one reader reads recordings and purchased files alike.

A line tells what has changed since the poll before (API_CONTRACTS 4.1 to 4.3); the first of a market tells everything.
"""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import msgspec

from race_assets.sources.betfair.exchange.messages import Book, BookRunner, Entry, ExchangePrices, PriceSize
from race_assets.values.texts import storable_tree

CLOSED = "CLOSED"
NO_PRICE = "NaN"
"""How the stream says that a starting price is not expected any more (SOURCE_FACTS 1.2)."""

REMOVED = {"REMOVED", "REMOVED_VACANT"}
Level = tuple[float, float]


@dataclass
class _Seen:
    """A runner as the line before left it."""

    back: list[Level] = field(default_factory=list)
    lay: list[Level] = field(default_factory=list)
    traded: dict[float, float] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


class MarketRecorder:
    """Writes the lines of one market.

    Args:
        facts: the parts of its definition that do not change by themselves: those of `facts_of`, or of the last
            definition in a recording.
        names: its runners' names by selection.
    """

    def __init__(self, market_id: str, facts: dict[str, Any], names: dict[int, str]) -> None:
        self.market_id = market_id
        self._facts, self._names = facts, names
        self._definition: dict[str, Any] = {}
        self._seen: dict[int, _Seen] = {}
        self._is_first = True

    def learn(self, entry: Entry) -> None:
        """What the catalogue says now: a moved off, a reserve's name."""
        self._facts |= facts_of(entry)
        self._names |= names_of(entry)

    def knows(self, book: Book) -> bool:
        """Whether every runner of a book has a name."""
        return all(runner.selection_id in self._names for runner in book.runners)

    def start_over(self) -> None:
        """Has the next line tell everything, as the first did: one before it was not written down."""
        self._definition, self._seen, self._is_first = {}, {}, True

    def line(self, pt: int, book: Book) -> bytes:
        """One poll as a line with its end; `pt` is when its answer came, in milliseconds of the epoch."""
        if any(self._has_vanished(runner) for runner in book.runners):
            # A change cannot say that there is no such price any more, an image can.
            self._seen, self._is_first = {}, True
        change: dict[str, Any] = {"id": self.market_id, "con": True, "img": self._is_first}
        definition = self._defined(book)
        if definition != self._definition:
            change["marketDefinition"] = self._definition = definition
        if book.status != CLOSED:
            change["rc"] = [part for runner in book.runners for part in self._changes(runner)]
            change["tv"] = book.total_matched
        self._is_first = False
        message = {"op": "mcm", "pt": pt, "mc": [change]}
        try:
            return msgspec.json.encode(message) + b"\n"
        except UnicodeEncodeError:
            return msgspec.json.encode(storable_tree(message)) + b"\n"

    def _defined(self, book: Book) -> dict[str, Any]:
        runners = [self._runner(place, runner) for place, runner in enumerate(book.runners, start=1)]
        return self._facts | {
            "status": book.status,
            "inPlay": bool(book.inplay),
            "bspReconciled": bool(book.bsp_reconciled),
            "complete": bool(book.complete),
            "numberOfWinners": book.number_of_winners,
            "numberOfActiveRunners": book.number_of_active_runners,
            "crossMatching": bool(book.cross_matching),
            "runnersVoidable": bool(book.runners_voidable),
            "betDelay": book.bet_delay,
            "version": book.version,
            "runners": runners,
        }

    def _runner(self, place: int, runner: BookRunner) -> dict[str, Any]:
        told: dict[str, Any] = {"status": runner.status, "sortPriority": place, "id": runner.selection_id}
        if runner.handicap:
            told["hc"] = runner.handicap
        if name := self._names.get(runner.selection_id):
            told["name"] = name
        if runner.removal_date:
            told["removalDate"] = runner.removal_date
        if runner.sp and (bsp := _finite(runner.sp.actual)) is not None:
            told["bsp"] = bsp
        return told

    def _has_vanished(self, runner: BookRunner) -> bool:
        """Whether its last price traded or its volume was told before and is not any more."""
        seen = self._seen.get(runner.selection_id)
        if seen is None:
            return False
        told = _said(runner)
        return any(told[name] is None and seen.said.get(name) is not None for name in ("ltp", "tv"))

    def _changes(self, runner: BookRunner) -> list[dict[str, Any]]:
        """The elements of one runner: trades alone, since a first level tells whether `ltp` is a trade (4.6)."""
        seen = self._seen.setdefault(runner.selection_id, _Seen())
        key = {"id": runner.selection_id} | ({"hc": runner.handicap} if runner.handicap else {})
        parts = []
        # Of a dog that was withdrawn nothing is on offer any more, and its trades are void.
        prices = ExchangePrices() if runner.status in REMOVED else runner.ex
        if prices and (trades := _trades(seen, prices.traded_volume)):
            parts.append({**key, "trd": trades})
        rest: dict[str, Any] = {}
        if prices:
            back, lay = _levels(prices.available_to_back), _levels(prices.available_to_lay)
            rest = {"batb": _changed(seen.back, back), "batl": _changed(seen.lay, lay)}
            seen.back, seen.lay = back, lay
        said = _said(runner)
        rest |= {
            name: NO_PRICE if value is None else value for name, value in said.items() if value != seen.said.get(name)
        }
        seen.said = said
        if rest := {name: value for name, value in rest.items() if value not in ([], None)}:
            parts.append({**key, **rest})
        return parts


def facts_of(entry: Entry) -> dict[str, Any]:
    """The part of a definition that the catalogue knows."""
    told = entry.description
    event = entry.event
    facts = {
        "name": entry.market_name,
        "marketTime": entry.market_start_time,
        "eventTypeId": entry.event_type.id if entry.event_type else None,
        **(
            {
                "eventId": event.id, "eventName": event.name, "countryCode": event.country_code,
                "timezone": event.timezone, "venue": event.venue, "openDate": event.open_date,
            } if event else {}
        ),
        **(
            {
                "marketType": told.market_type, "suspendTime": told.suspend_time, "bettingType": told.betting_type,
                "bspMarket": told.bsp_market, "turnInPlayEnabled": told.turn_in_play_enabled,
                "persistenceEnabled": told.persistence_enabled, "marketBaseRate": told.market_base_rate,
                "discountAllowed": told.discount_allowed,
            } if told else {}
        ),
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value is not None}


def names_of(entry: Entry) -> dict[int, str]:
    """The names of an entry's runners, by selection."""
    return {runner.selection_id: runner.runner_name for runner in entry.runners if runner.runner_name}


DYNAMIC = {
    "status", "inPlay", "bspReconciled", "complete", "numberOfWinners", "numberOfActiveRunners", "crossMatching",
    "runnersVoidable", "betDelay", "version", "runners",
}  # fmt: skip


def resumed(market_id: str, definition: dict[str, Any]) -> MarketRecorder:
    """A recorder that goes on where a recording ends, by the last definition in it."""
    facts = {name: value for name, value in definition.items() if name not in DYNAMIC}
    names = {runner["id"]: runner["name"] for runner in definition["runners"] if runner.get("name")}
    return MarketRecorder(market_id, facts, names)


def _said(runner: BookRunner) -> dict[str, float | None]:
    """Its single figures, by their names in the stream."""
    return {
        "ltp": runner.last_price_traded,
        "tv": runner.total_matched,
        "spn": _finite(runner.sp.near_price) if runner.sp else None,
        "spf": _finite(runner.sp.far_price) if runner.sp else None,
    }


def _finite(value: float | str | None) -> float | None:
    return value if isinstance(value, float | int) and isfinite(value) else None


def _levels(offers: list[PriceSize]) -> list[Level]:
    return [(offer.price, offer.size) for offer in offers]


def _changed(before: list[Level], after: list[Level]) -> list[list[float]]:
    """Numbered levels that are others than before; one that has gone has the size 0."""
    gone = [[float(place), 0.0, 0.0] for place in range(len(after), len(before))]
    return [
        [float(place), *level]
        for place, level in enumerate(after)
        if place >= len(before) or before[place] != level
    ] + gone  # fmt: skip


def _trades(seen: _Seen, told: list[PriceSize]) -> list[list[float]]:
    """Prices whose money matched is another than before, those taken back last."""
    now = {each.price: each.size for each in told}
    changed = [[price, size] for price, size in now.items() if seen.traded.get(price) != size]
    changed += [[price, 0.0] for price in seen.traded if price not in now]
    seen.traded = now
    return changed
