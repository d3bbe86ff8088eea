"""One line of a stream file as a typed message (API_CONTRACTS 4.1 to 4.3); what messages do to a market is elsewhere.

Every key that is known is named here: a line with another one is decoded all the same, and the key is counted.
"""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from race_assets.values.texts import has_surrogates, storable_tree

Number = float | str | None
"""Betfair writes NaN and Infinity as strings."""
Levels = list[tuple[float, float]]
"""Price and size."""
Places = list[tuple[float, float, float]]
"""Level, price and size; level 0 is the best."""

Whole = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
"""A whole number of the size that JSON readers agree on; larger ones could not be handed on between processes."""

NOTHING = msgspec.Raw(b"null")
LONGEST_KEY, MOST_KEYS = 60, 100
"""Characters of an unknown key that are shown, and different keys that are counted by name."""
BOM = b"\xef\xbb\xbf"


class Runner(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A runner as a definition lists it."""

    id: Whole
    status: str = ""
    name: str | None = None
    sort_priority: int | None = None
    bsp: Number = None
    removal_date: str | None = None
    hc: float | None = None
    adjustment_factor: Number = None


class Definition(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The whole market; each one takes the place of the one before."""

    status: str = ""
    runners: list[Runner] = []
    event_id: str | None = None
    event_type_id: str | None = None
    market_type: str | None = None
    market_time: str | None = None
    open_date: str | None = None
    settled_time: str | None = None
    suspend_time: str | None = None
    venue: str | None = None
    country_code: str | None = None
    timezone: str | None = None
    name: str | None = None
    event_name: str | None = None
    number_of_winners: Whole | None = None
    number_of_active_runners: int | None = None
    version: int | None = None
    in_play: bool | None = None
    bsp_reconciled: bool | None = None
    complete: bool | None = None
    bsp_market: bool | None = None
    turn_in_play_enabled: bool | None = None
    persistence_enabled: bool | None = None
    market_base_rate: float | None = None
    betting_type: str | None = None
    cross_matching: bool | None = None
    runners_voidable: bool | None = None
    discount_allowed: bool | None = None
    bet_delay: int | None = None
    regulators: Any = None
    each_way_divisor: float | None = None
    race_type: str | None = None
    line_min_unit: float | None = None
    line_max_unit: float | None = None
    line_interval: float | None = None
    key_line_definition: Any = None
    price_ladder_definition: Any = None
    bet_delay_models: Any = None
    market_id: str | None = None
    competition_id: str | None = None


class Change(msgspec.Struct, forbid_unknown_fields=True, gc=False, kw_only=True):
    """What one element of `rc` says of a runner; a runner may have several in one message.

    Fields stand in the order of purchased files, by which msgspec finds them fastest.
    """

    atb: Levels | None = None
    atl: Levels | None = None
    id: Whole
    trd: Levels | None = None
    ltp: Number = None
    tv: Number = None
    spn: Number = None
    spf: Number = None
    spb: msgspec.Raw = NOTHING
    spl: msgspec.Raw = NOTHING
    batb: Places | None = None
    batl: Places | None = None
    bdatb: Places | None = None
    bdatl: Places | None = None
    hc: float | None = None


class TradedChange(msgspec.Struct, forbid_unknown_fields=True, gc=False, kw_only=True):
    """The same for those who do not look at offers: those are left as text."""

    atb: msgspec.Raw = NOTHING
    atl: msgspec.Raw = NOTHING
    id: Whole
    trd: Levels | None = None
    ltp: Number = None
    tv: Number = None
    spn: msgspec.Raw = NOTHING
    spf: msgspec.Raw = NOTHING
    spb: msgspec.Raw = NOTHING
    spl: msgspec.Raw = NOTHING
    batb: msgspec.Raw = NOTHING
    batl: msgspec.Raw = NOTHING
    bdatb: msgspec.Raw = NOTHING
    bdatl: msgspec.Raw = NOTHING
    hc: float | None = None


C = TypeVar("C", Change, TradedChange)


class MarketChange(
    msgspec.Struct, Generic[C], rename={"definition": "marketDefinition"}, forbid_unknown_fields=True, gc=False
):
    """What a message says of one market."""

    id: str
    rc: list[C] = []
    con: bool | None = None
    img: bool | None = None
    definition: Definition | None = None
    tv: Number = None


class Message(msgspec.Struct, Generic[C], rename="camel", forbid_unknown_fields=True, gc=False):
    """One line; heartbeats and the like have no `mc`."""

    op: Literal["mcm", "connection", "status"]
    clk: str | None = None
    pt: int = 0
    mc: list[MarketChange[C]] = []
    id: int | None = None
    ct: str | None = None
    initial_clk: str | None = None
    conflate_ms: int | None = None
    heartbeat_ms: int | None = None
    segment_type: str | None = None
    status: int | None = None
    connection_id: str | None = None
    status_code: str | None = None


class BrokenLineError(ValueError):
    """A line that is no message; the text says why."""


class Decoder:
    """Turns lines into messages.

    Args:
        unknown: where keys are counted.
        with_book: whether what is on offer is wanted too.

    Attributes:
        latin_1: markets of lines that are not UTF-8, which are read as Windows-1252.
    """

    def __init__(self, unknown: Counter[str], *, with_book: bool) -> None:
        self._strict: Any = msgspec.json.Decoder(Message[Change] if with_book else Message[TradedChange])
        self._unknown = unknown
        self.latin_1: set[str] = set()

    def line(self, data: bytes) -> Message[Any]:
        """The message of one line.

        Raises:
            BrokenLineError: it is none.
        """
        try:
            message: Message[Any] = self._strict.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._tolerant(data)
        return message

    def _tolerant(self, data: bytes) -> Message[Any]:
        """Decode a line without its unknown keys, byte-order mark and halves of surrogate pairs, in either encoding."""
        data = data.removeprefix(BOM)
        text = _as_utf_8(data)
        try:
            tree = storable_tree(json.loads(text)) if has_surrogates(text) else msgspec.json.decode(text)
            known = _known(tree, Message, self._unknown)
            message: Message[Any] = self._strict.decode(msgspec.json.encode(known))
        except (ValueError, RecursionError) as error:
            raise BrokenLineError(str(error)) from None
        if text is not data:
            self.latin_1.update(change.id for change in message.mc)
        return message


def _as_utf_8(data: bytes) -> bytes:
    """A line as it is where it is UTF-8; else what it says in Windows-1252."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").encode()
    return data


def _count(unknown: Counter[str], keys: Iterable[str]) -> None:
    """Count keys; once there are as many different ones as anybody looks at, further ones together."""
    for key in keys:
        unknown[key if key in unknown or len(unknown) < MOST_KEYS else "others"] += 1


BELOW: dict[type, dict[str, type]] = {
    Message: {"mc": MarketChange},
    MarketChange: {"marketDefinition": Definition, "rc": Change},
    Definition: {"runners": Runner},
}


def _known(node: Any, kind: type, unknown: Counter[str]) -> Any:
    """The part of a decoded line that `kind` has fields for; the other keys are counted."""
    if isinstance(node, list):
        return [_known(each, kind, unknown) for each in node]
    if not isinstance(node, dict):
        return node
    fields = set(kind.__struct_encode_fields__)  # type: ignore[attr-defined] # msgspec's own list
    below = BELOW.get(kind, {})
    _count(unknown, (f"{kind.__name__}.{key[:LONGEST_KEY]}" for key in node if key not in fields))
    return {
        key: _known(value, below[key], unknown) if key in below else value
        for key, value in node.items()
        if key in fields
    }
