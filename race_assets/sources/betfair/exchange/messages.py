"""What the betting API answers, typed (API_CONTRACTS 3.3 to 3.5); fields nobody asked for are passed over."""

from typing import Any, TypeVar

import msgspec

Number = float | str | None
"""Betfair writes NaN and Infinity as strings."""


class Event(msgspec.Struct, rename="camel"):
    """The meeting."""

    id: str
    name: str | None = None
    country_code: str | None = None
    timezone: str | None = None
    venue: str | None = None
    open_date: str | None = None


class EventType(msgspec.Struct):
    """The sport."""

    id: str


class Description(msgspec.Struct, rename="camel"):
    """What a market is."""

    market_type: str | None = None
    market_time: str | None = None
    suspend_time: str | None = None
    betting_type: str | None = None
    bsp_market: bool | None = None
    turn_in_play_enabled: bool | None = None
    persistence_enabled: bool | None = None
    market_base_rate: float | None = None
    discount_allowed: bool | None = None


class CatalogueRunner(msgspec.Struct, rename="camel"):
    """A runner by name."""

    selection_id: int
    runner_name: str | None = None
    handicap: float = 0.0
    sort_priority: int | None = None


class Entry(msgspec.Struct, rename="camel"):
    """A market of the catalogue; there is none once it has closed."""

    market_id: str
    market_name: str | None = None
    market_start_time: str | None = None
    description: Description | None = None
    event: Event | None = None
    event_type: EventType | None = None
    runners: list[CatalogueRunner] = []


class PriceSize(msgspec.Struct):
    """Money at a price."""

    price: float
    size: float


class ExchangePrices(msgspec.Struct, rename="camel"):
    """What is on offer, best first, and what was matched by price."""

    available_to_back: list[PriceSize] = []
    available_to_lay: list[PriceSize] = []
    traded_volume: list[PriceSize] = []


class StartingPrices(msgspec.Struct, rename={"near_price": "nearPrice", "far_price": "farPrice", "actual": "actualSP"}):
    """Starting prices: expected, then the one it was."""

    near_price: Number = None
    far_price: Number = None
    actual: Number = None


class BookRunner(msgspec.Struct, rename="camel"):
    """A runner at one moment."""

    selection_id: int
    status: str
    handicap: float = 0.0
    last_price_traded: float | None = None
    total_matched: float | None = None
    removal_date: str | None = None
    sp: StartingPrices | None = None
    ex: ExchangePrices | None = None


class Book(msgspec.Struct, rename="camel"):
    """A market at one moment."""

    market_id: str
    status: str
    is_market_data_delayed: bool = False
    bsp_reconciled: bool | None = None
    complete: bool | None = None
    inplay: bool | None = None
    number_of_winners: int | None = None
    number_of_active_runners: int | None = None
    total_matched: float | None = None
    cross_matching: bool | None = None
    runners_voidable: bool | None = None
    bet_delay: int | None = None
    version: int | None = None
    runners: list[BookRunner] = []


Kind = TypeVar("Kind", Entry, Book)


def typed(document: Any, kind: type[Kind]) -> tuple[list[Kind], list[str]]:
    """The items of an answer, and what is wrong with those that cannot be read: they cost only themselves."""
    if not isinstance(document, list):
        return [], [f"an answer is no array but {type(document).__name__}"]
    read: list[Kind] = []
    bad = []
    for item in document:
        try:
            read.append(msgspec.convert(item, kind))
        except msgspec.ValidationError as error:
            named = item.get("marketId") if isinstance(item, dict) else None
            bad.append(f"market {named or 'without id'} cannot be read: {error}")
    return read, bad
