"""What is handed on of a market: the last definition's facts and each runner's figures, small enough to pass around."""

import msgspec

from race_assets.sources.betfair.stream.book import Book, number
from race_assets.sources.betfair.stream.market import Key, Market, milliseconds
from race_assets.sources.betfair.stream.messages import BrokenLineError, Definition, Runner
from race_assets.sources.betfair.stream.reading import Reading


class RunnerFigures(msgspec.Struct, array_like=True):
    """A runner as the market left it; prices are decimal odds, money in pounds as the stream counts it.

    Attributes:
        is_listed: the last definition names it.
        is_known: some definition does.
        was_withdrawn: removed while others still stood.
        last_traded_pt: when `last_traded` was published, in milliseconds of the epoch.
        stranger_at: offset of the first line with prices before any definition named it; -1 where there is none.
    """

    selection_id: int
    handicap: float
    name: str | None
    status: str
    is_listed: bool
    is_known: bool
    was_withdrawn: bool
    bsp: float | None
    last_traded: float | None
    last_traded_pt: int
    volume: float | None
    wap: float | None
    highest: float | None
    lowest: float | None
    stranger_at: int


class MarketFigures(msgspec.Struct, array_like=True):
    """A market as its file left it; instants in milliseconds of the epoch.

    Attributes:
        has_definition: without one nothing is known but the runners' ids.
        off: when it was suspended for the off.
        last_heard: the last message before that, or before its prices were final.
        backward_steps: messages with an earlier time than one above them; see `Market`.
        points: rows of `grid.FIELDS` as doubles; `runner` is the place in `runners`.
        is_latin_1: a line of it is not UTF-8.
    """

    market_id: str
    has_definition: bool
    status: str
    event_type_id: str | None
    market_type: str | None
    event_id: str | None
    event_name: str | None
    name: str | None
    venue: str | None
    country: str | None
    timezone: str | None
    scheduled_off: int | None
    off: int | None
    last_heard: int
    backward_steps: int
    number_of_winners: int | None
    is_basic: bool
    messages: int
    runners: list[RunnerFigures]
    points: bytes
    broken: str | None = None
    is_latin_1: bool = False


class MemberFigures(msgspec.Struct, array_like=True):
    """A member of an archive as it was read.

    Attributes:
        unpacked_bytes: of its text.
    """

    lines: int
    others: int
    markets: list[MarketFigures]
    damages: list[str]
    unknown: dict[str, int]
    unpacked_bytes: int = 0


def late_offs(reading: Reading) -> dict[str, int]:
    """Scheduled offs of markets whose grid was moved too late, where the member has to be read again."""
    found = {}
    for market in reading.markets.values():
        final = scheduled_off(market.definition)
        if market.grid.is_wanted and final is not None and (market.grid.is_late or final != market.grid.scheduled_off):
            found[market.market_id] = final
    return found


def scheduled_off(definition: Definition | None) -> int | None:
    """The definition's scheduled off in milliseconds; None where it tells none that is one."""
    try:
        return milliseconds(definition.market_time) if definition and definition.market_time else None
    except BrokenLineError:
        return None


def figures(reading: Reading) -> MemberFigures:
    """All that is handed on of a member."""
    damages = [damage.message for damage in reading.damages]
    if reading.more_damages:
        damages.append(f"{reading.more_damages:,} more of its lines are no stream messages")
    if len(damages) > 1 and not reading.markets and not reading.others:
        damages = [f"none of its {reading.lines:,} lines is a stream message, so it is no stream: {damages[0]}"]
    if reading.is_array and not reading.markets:
        damages[0] += "; it is a JSON array: land the stream itself, one JSON object a line as Betfair sends it"
    return MemberFigures(
        reading.lines,
        reading.others,
        [
            _market(market, reading.broken.get(market_id), is_latin_1=market_id in reading.latin_1)
            for market_id, market in reading.markets.items()
        ],
        damages,
        dict(reading.unknown),
        reading.unpacked_bytes,
    )


def _market(market: Market, broken: str | None, *, is_latin_1: bool) -> MarketFigures:
    definition = market.definition or Definition()
    listed = {(runner.id, runner.hc or 0.0): runner for runner in definition.runners}
    books = market.books
    return MarketFigures(
        market.market_id,
        market.definition is not None,
        definition.status,
        definition.event_type_id,
        definition.market_type,
        definition.event_id,
        definition.event_name,
        definition.name,
        definition.venue,
        definition.country_code,
        definition.timezone,
        scheduled_off(market.definition),
        market.off_pt,
        market.heard_pt,
        market.backward_steps,
        definition.number_of_winners,
        market.is_basic,
        market.messages,
        [_runner(market, key, listed, books[key]) for key in books],
        market.grid.points.tobytes(),
        broken,
        is_latin_1,
    )


def _runner(market: Market, key: Key, listed: dict[Key, Runner], book: Book) -> RunnerFigures:
    runner = listed.get(key) or market.listed.get(key)
    volume, wap, highest, lowest = book.totals()
    return RunnerFigures(
        selection_id=key[0],
        handicap=key[1],
        name=runner.name if runner else None,
        status=runner.status if runner else "",
        is_listed=key in listed,
        is_known=runner is not None,
        was_withdrawn=key in market.withdrawn,
        bsp=number(runner.bsp) if runner else None,
        last_traded=book.last,
        last_traded_pt=book.last_pt,
        volume=None if market.is_basic else volume,
        wap=wap,
        highest=highest,
        lowest=lowest,
        stranger_at=market.strangers.get(key, -1),
    )
