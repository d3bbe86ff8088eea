"""A second reading of Betfair stream lines, slow and naive on purpose, for tests to hold the product's reader against.

Written from section 4 of the API contracts alone. All messages of a file stay in memory, and every question replays a
market from its first message: no state is carried from one answer to the next, so none can be carried wrongly.

Where the contract leaves a choice, this is the one taken here:

* In a message the definition counts before the runner changes, so `OPEN` in it opens the market for them.
* Any status but `SUSPENDED` lets deletions of traded levels through at once, as 4.5 has it for `OPEN`; a market whose
  status is not yet known counts as open.
* Prices are final with the first `CLOSED`: what follows changes the definition only (4.5, 4.7).
* What was traded at a price while its deletion is pending replaces that deletion: amounts are cumulative (4.5).
* An image names prices in their own order, and its ``ltp`` is the first of them (4.6): where it names several, the last
  price known before it stays, if that price is among them.
* While suspended, trades an image leaves out are deletions like others: they wait for what follows (4.5).
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

Key = tuple[int, float]
Json = dict[str, Any]

FULL, NUMBERED, DISPLAYED = ("atb", "atl"), ("batb", "batl"), ("bdatb", "bdatl")
NOT_IN_BASIC_CHANGE = {"con", "img", "tv"}
IN_BASIC_RUNNER = {"id", "hc", "ltp"}
MILLISECONDS = 1000


class Message(NamedTuple):
    """One market's part of one line."""

    pt: int
    change: Json


@dataclass
class Cache:
    """What is known of one runner's prices at some moment; ``since`` says when each group was last sent."""

    books: dict[str, dict[float, tuple[float, float]]] = field(default_factory=lambda: defaultdict(dict))
    traded: dict[float, float] = field(default_factory=dict)
    last: float | None = None
    pending: set[float] = field(default_factory=set)
    since: dict[str, int] = field(default_factory=dict)


@dataclass
class State:
    """What is known of a market at some moment."""

    status: str | None = None
    known: set[Key] = field(default_factory=set)
    families: set[str] = field(default_factory=set)
    caches: dict[Key, Cache] = field(default_factory=lambda: defaultdict(Cache))


@dataclass
class Runner:
    """One runner as the whole file tells it; prices are those at the freeze (4.5)."""

    key: Key
    definition: Json
    status: str | None
    bsp: float | None
    last_traded: float | None
    traded: dict[float, float]
    volume: float | None
    wap: float | None
    max_traded: float | None
    min_traded: float | None


@dataclass
class Point:
    """A runner's prices at one moment, each with its age in seconds; null where nothing is known."""

    back: float | None = None
    back_age: float | None = None
    lay: float | None = None
    lay_age: float | None = None
    last: float | None = None
    last_age: float | None = None
    volume: float | None = None
    volume_age: float | None = None


@dataclass
class Market:
    """All messages of one market, and what follows from them."""

    market_id: str
    history: list[Message] = field(default_factory=list)

    @property
    def definitions(self) -> list[tuple[int, Json]]:
        """Every definition with the time it was published (4.2: each replaces the one before)."""
        return [(pt, change["marketDefinition"]) for pt, change in self.history if "marketDefinition" in change]

    @property
    def definition(self) -> Json | None:
        """The one to believe: the last CLOSED (4.7), else the last; of a re-mapped event, the highest version."""
        every = [definition for _, definition in self.definitions]
        closed = [definition for definition in every if definition.get("status") == "CLOSED"]
        candidates = closed or every
        if len({definition.get("eventId") for definition in every}) > 1:
            highest = max(_version(definition) for definition in candidates)
            candidates = [definition for definition in candidates if _version(definition) == highest]
        return candidates[-1] if candidates else None

    @property
    def actual_off(self) -> int | None:
        """When it was suspended for good: the first SUSPENDED after the last OPEN (4.7); null if never open."""
        statuses = [(pt, definition.get("status")) for pt, definition in self.definitions]
        opened = [place for place, (_, status) in enumerate(statuses) if status == "OPEN"]
        if not opened:
            return None
        return next((pt for pt, status in statuses[opened[-1] :] if status == "SUSPENDED"), None)

    @property
    def scheduled_off(self) -> int | None:
        """The market time of the final definition, in milliseconds."""
        text = (self.definition or {}).get("marketTime")
        return round(datetime.fromisoformat(text).timestamp() * MILLISECONDS) if text else None

    @cached_property
    def basic(self) -> bool:
        """Whether the file is of the BASIC plan: nothing in it that BASIC lacks (4.4)."""
        for _, change in self.history:
            elements = change.get("rc") or []
            if NOT_IN_BASIC_CHANGE & change.keys() or any(element.keys() - IN_BASIC_RUNNER for element in elements):
                return False
        return True

    @property
    def runners(self) -> dict[Key, Runner]:
        """Those of the final definition, and any that only had prices."""
        state = replay(self.history)
        listed = {key_of(runner): runner for runner in (self.definition or {}).get("runners") or []}
        keys = [*listed, *sorted(state.caches.keys() - listed.keys())]
        return {key: self._runner(key, listed.get(key, {}), state.caches[key]) for key in keys}

    def _runner(self, key: Key, definition: Json, cache: Cache) -> Runner:
        traded = dict(cache.traded)
        volume = math.fsum(traded.values())
        return Runner(
            key=key,
            definition=definition,
            status=definition.get("status"),
            bsp=number(definition.get("bsp")),
            last_traded=cache.last,
            traded=traded,
            volume=None if self.basic else volume,
            wap=math.fsum(price * size for price, size in traded.items()) / volume if volume else None,
            max_traded=max(traded, default=None),
            min_traded=min(traded, default=None),
        )

    def grid(self, offsets: Iterable[float]) -> dict[tuple[float, Key], Point]:
        """Each final runner's prices so many seconds before the scheduled off; negative offsets lie after it.

        Only messages published until then count. A runner not heard of by then has nothing but nulls.
        """
        off = self.scheduled_off
        if off is None:
            return {}
        keys = [key_of(runner) for runner in (self.definition or {}).get("runners") or []]
        return {(offset, key): self._point(off - offset * MILLISECONDS, key) for offset in offsets for key in keys}

    def _point(self, moment: float, key: Key) -> Point:
        state = replay([message for message in self.history if message.pt <= moment])
        if key not in state.known:
            return Point()
        cache = state.caches[key]
        back, lay = next((pair for pair in (FULL, NUMBERED) if state.families & set(pair)), DISPLAYED)
        point = Point(best(cache, back), None, best(cache, lay), None, cache.last)
        point.volume = None if self.basic else math.fsum(cache.traded.values())

        def age(value: float | None, group: str) -> float | None:
            sent = cache.since.get(group)
            return None if value is None or sent is None else (moment - sent) / MILLISECONDS

        point.back_age = age(point.back, back)
        point.lay_age = age(point.lay, lay)
        point.last_age = age(point.last, "ltp")
        point.volume_age = age(point.volume, "trd")
        return point


def read(lines: Iterable[bytes]) -> dict[str, Market]:
    """The markets of a file by id (4.1: lines without `mc` are none of ours, markets may be mixed)."""
    markets: dict[str, Market] = {}
    for line in lines:
        if not line.strip():
            continue
        message = json.loads(line)
        for change in message.get("mc") or []:
            market = markets.setdefault(change["id"], Market(change["id"]))
            market.history.append(Message(message["pt"], change))
    return markets


def replay(history: Iterable[Message]) -> State:
    """The state after these messages, or at the first CLOSED among them (4.5: what is frozen then is final)."""
    state = State()
    for pt, change in history:
        definition = change.get("marketDefinition")
        if definition is not None:
            _define(state, pt, definition)
        if state.status == "CLOSED":
            break
        before: dict[Key, tuple[float, int]] = {}
        if change.get("img"):
            before = _start_image(state)
        for element in change.get("rc") or []:
            _apply(state, pt, element)
            _keep_last(state.caches[key_of(element)], element, before.get(key_of(element)))
    return state


def _start_image(state: State) -> dict[Key, tuple[float, int]]:
    """4.3: an image replaces all cached prices; the last prices before it."""
    before = {key: (cache.last, cache.since["ltp"]) for key, cache in state.caches.items() if cache.last is not None}
    if state.status != "SUSPENDED":
        state.caches.clear()
        return before
    for cache in state.caches.values():
        cache.books.clear()
        cache.since = {group: pt for group, pt in cache.since.items() if group in {"trd", "ltp"}}
        cache.pending |= set(cache.traded)
    return {}


def _keep_last(cache: Cache, element: Json, before: tuple[float, int] | None) -> None:
    """4.6: of several prices in an image nobody can say which was the last."""
    if before and len(element.get("trd") or []) > 1 and before[0] in cache.traded:
        cache.last, cache.since["ltp"] = before


def _define(state: State, pt: int, definition: Json) -> None:
    state.status = definition.get("status")
    state.known |= {key_of(runner) for runner in definition.get("runners") or []}
    if state.status == "OPEN":
        for cache in state.caches.values():
            _void_pending(cache, pt)


def _apply(state: State, pt: int, element: Json) -> None:
    """One element after the other, several of one runner too (4.3)."""
    key = key_of(element)
    state.known.add(key)
    cache = state.caches[key]
    for family in (*FULL, *NUMBERED, *DISPLAYED):
        if family in element:
            state.families.add(family)
            cache.since[family] = pt
            for level in element[family] or []:
                _set_level(cache.books[family], level)
    pairs = [(float(price), size) for price, size in element.get("trd") or []]
    _apply_last(cache, pt, element.get("ltp"), pairs)
    _apply_traded(cache, pt, pairs, suspended=state.status == "SUSPENDED")


def _set_level(book: dict[float, tuple[float, float]], level: list[float]) -> None:
    """4.3: `[price, size]` by price, `[level, price, size]` by level; size 0 deletes, any other replaces."""
    place, price, size = level[0], level[-2], level[-1]
    if size:
        book[place] = (float(price), size)
    else:
        book.pop(place, None)


def _apply_last(cache: Cache, pt: int, price: Any, pairs: list[tuple[float, float]]) -> None:
    """4.6: the `ltp` of an element whose first traded pair is a deletion is no trade."""
    if number(price) is None or (pairs and not pairs[0][1]):
        return
    cache.last = float(price)
    cache.since["ltp"] = pt


def _apply_traded(cache: Cache, pt: int, pairs: list[tuple[float, float]], *, suspended: bool) -> None:
    """4.5: amounts are cumulative at their price; deletions alone, in a suspended market, wait for what follows."""
    if not pairs:
        return
    if suspended and not any(size for _, size in pairs):
        cache.pending |= {price for price, _ in pairs}
        return
    cache.since["trd"] = pt
    for price, size in pairs:
        if size:
            cache.traded[price] = size
            cache.pending.discard(price)
        else:
            cache.traded.pop(price, None)
    _forget_last_of_emptied(cache)


def _void_pending(cache: Cache, pt: int) -> None:
    """4.5: open again, so the deletions were real voids."""
    if not cache.pending:
        return
    for price in cache.pending:
        cache.traded.pop(price, None)
    cache.pending = set()
    cache.since["trd"] = pt
    _forget_last_of_emptied(cache)


def _forget_last_of_emptied(cache: Cache) -> None:
    """4.5: a runner all of whose trades were voided has no last price."""
    if not cache.traded:
        cache.last = None


def best(cache: Cache, family: str) -> float | None:
    """The highest price backers are offered, the lowest that layers are; level 0 where levels are numbered (4.3)."""
    book = cache.books[family]
    if family == "atb":
        return max((price for price, _ in book.values()), default=None)
    if family == "atl":
        return min((price for price, _ in book.values()), default=None)
    return book[0][0] if 0 in book else None


def key_of(thing: Json) -> Key:
    """Selection and handicap, which is 0 where there is none (4.3)."""
    return thing["id"], float(thing.get("hc") or 0)


def number(value: Any) -> float | None:
    """A finite number, or null for what the files write instead of one: "NaN", "Infinity" or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _version(definition: Json) -> int:
    return definition.get("version") or 0
