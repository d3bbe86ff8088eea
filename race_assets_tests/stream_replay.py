"""A second reading of Betfair stream lines, slow and naive on purpose, for tests to hold the product's reader against.

Written from section 4 of the API contracts alone. All messages of a file stay in memory, and every question replays a
market from its first message: no state is carried from one answer to the next, so none can be carried wrongly.

Where the contract leaves a choice, this is the one taken here:

* In a message the definition counts before the runner changes, so `OPEN` in it opens the market for them.
* Any status but `SUSPENDED` lets deletions of traded levels through at once, as 4.5 has it for `OPEN`; a market whose
  status is not yet known counts as open.
* Prices are final with the first `CLOSED`: what follows changes the definition only (4.5, 4.7).
* What was traded at a price while its deletion is pending replaces that deletion: amounts are cumulative (4.5).
* Betfair's ``ltp`` is the last price, except in an element that takes trades back and does nothing else (4.6): there it
  is the first price taken back. A deletion of what was never there is a trade whose size rounds to 0.
* An image that repeats the last price is no new trade, and amounts it repeats are no growth.
* While suspended, trades an image leaves out are deletions like others: they wait for what follows (4.5).
* A price stands since it became the best of its side; what changes and changes back at one ``pt`` did not change.
* Messages count in the order of the file; one whose ``pt`` lies before that of a message above it, as if published with
  the latest of those. At some moment those are known that stand above the first one published after it.
"""

import json
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import takewhile
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
    """A runner's prices at one moment, each with its age in seconds; null where nothing is known.

    `back_stood` and `lay_stood` are how long the price has been the best of its side.
    """

    back: float | None = None
    back_age: float | None = None
    lay: float | None = None
    lay_age: float | None = None
    last: float | None = None
    last_age: float | None = None
    volume: float | None = None
    volume_age: float | None = None
    back_stood: float | None = None
    lay_stood: float | None = None


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
        past = self._until(moment)
        state = replay(past)
        if key not in state.known:
            return Point()
        cache = state.caches[key]
        back, lay = next((pair for pair in (FULL, NUMBERED) if state.families & set(pair)), DISPLAYED)
        point = Point(best(cache, back), lay=best(cache, lay), last=cache.last)
        point.volume = None if self.basic else math.fsum(cache.traded.values())

        def age(value: float | None, group: str) -> float | None:
            sent = cache.since.get(group)
            return None if value is None or sent is None else (moment - sent) / MILLISECONDS

        point.back_age = age(point.back, back)
        point.lay_age = age(point.lay, lay)
        point.last_age = age(point.last, "ltp")
        point.volume_age = age(point.volume, "trd")
        point.back_stood = self._stood(past, moment, key, back)
        point.lay_stood = self._stood(past, moment, key, lay)
        return point

    def _until(self, moment: float) -> list[Message]:
        """The messages above the first one that was published later."""
        return list(takewhile(lambda message: message.pt <= moment, self.history))

    def _stood(self, past: list[Message], moment: float, key: Key, family: str) -> float | None:
        """How long the price has been the best of its side, counting only what is left at the end of each `pt`."""
        prices: list[tuple[int, float | None]] = []
        for pt, state in states(past):
            if prices and prices[-1][0] == pt:
                prices.pop()
            prices.append((pt, best(state.caches[key], family)))
        since, price = prices[-1]
        if price is None:
            return None
        for pt, earlier in reversed(prices):
            if earlier != price:
                break
            since = pt
        return (moment - since) / MILLISECONDS


def read(lines: Iterable[bytes]) -> dict[str, Market]:
    """The markets of a file by id (4.1: lines without `mc` are none of ours, markets may be mixed)."""
    markets: dict[str, Market] = {}
    for line in lines:
        if not line.strip():
            continue
        message = json.loads(line)
        for change in message.get("mc") or []:
            market = markets.setdefault(change["id"], Market(change["id"]))
            latest = max([message["pt"], *(above.pt for above in market.history[-1:])])
            market.history.append(Message(latest, change))
    return markets


def replay(history: Iterable[Message]) -> State:
    """The state after these messages, or at the first CLOSED among them (4.5: what is frozen then is final)."""
    every = deque(states(history), maxlen=1)
    return every[0][1] if every else State()


def states(history: Iterable[Message]) -> Iterator[tuple[int, State]]:
    """The state after each message, up to the first CLOSED; one object that goes on changing."""
    state = State()
    for pt, change in history:
        definition = change.get("marketDefinition")
        if definition is not None:
            _define(state, definition)
        if state.status == "CLOSED":
            yield pt, state
            return
        image = change.get("img")
        before = {key: _trades(cache) for key, cache in state.caches.items()} if image else {}
        if image:
            _start_image(state)
        for element in change.get("rc") or []:
            key = key_of(element)
            cache = state.caches[key]
            last, last_pt, volume = before.get(key, (None, 0, 0.0)) if image else _trades(cache)
            _apply(state, pt, element)
            if image and cache.last is not None and cache.last == last and cache.since["ltp"] == pt:
                cache.since["ltp"] = last_pt
            if _trades(cache)[2] > volume + 0.001:
                cache.since["trd"] = pt
                before[key] = last, last_pt, _trades(cache)[2]
        yield pt, state


def _trades(cache: Cache) -> tuple[float | None, int, float]:
    """The last price, when it was published, and the amount traded."""
    return cache.last, cache.since.get("ltp", 0), math.fsum(cache.traded.values())


def _start_image(state: State) -> None:
    """4.3: an image replaces all cached prices, while suspended (4.5) those on offer; when it grew last stays known."""
    for cache in state.caches.values():
        cache.books.clear()
        cache.since = {group: pt for group, pt in cache.since.items() if group in {"trd", "ltp"}}
        if state.status == "SUSPENDED":
            cache.pending |= set(cache.traded)
        else:
            cache.last, cache.traded, cache.pending = None, {}, set()


def _define(state: State, definition: Json) -> None:
    state.status = definition.get("status")
    state.known |= {key_of(runner) for runner in definition.get("runners") or []}
    if state.status == "OPEN":
        for cache in state.caches.values():
            _void_pending(cache)


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
    suspended = state.status == "SUSPENDED"
    _apply_last(cache, pt, element.get("ltp"), pairs, suspended=suspended)
    _apply_traded(cache, pairs, suspended=suspended)


def _set_level(book: dict[float, tuple[float, float]], level: list[float]) -> None:
    """4.3: `[price, size]` by price, `[level, price, size]` by level; size 0 deletes, any other replaces."""
    place, price, size = level[0], level[-2], level[-1]
    if size:
        book[place] = (float(price), size)
    else:
        book.pop(place, None)


def _apply_last(cache: Cache, pt: int, price: Any, pairs: list[tuple[float, float]], *, suspended: bool) -> None:
    """4.6: the `ltp` of an element that only takes trades back is no trade."""
    only_deletes = bool(pairs) and all(not size for _, size in pairs)
    if number(price) is None or (only_deletes and (suspended or pairs[0][0] in cache.traded)):
        return
    cache.last = float(price)
    cache.since["ltp"] = pt


def _apply_traded(cache: Cache, pairs: list[tuple[float, float]], *, suspended: bool) -> None:
    """4.5: amounts are cumulative at their price; deletions alone, in a suspended market, wait for what follows."""
    if not pairs:
        return
    if suspended and not any(size for _, size in pairs):
        cache.pending |= {price for price, _ in pairs}
        return
    before = dict(cache.traded)
    for price, size in pairs:
        if size:
            cache.traded[price] = size
            cache.pending.discard(price)
        else:
            cache.traded.pop(price, None)
    if before:
        _forget_last_of_emptied(cache)


def _void_pending(cache: Cache) -> None:
    """4.5: open again, so the deletions were real voids."""
    if not cache.pending:
        return
    for price in cache.pending:
        cache.traded.pop(price, None)
    cache.pending = set()
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
