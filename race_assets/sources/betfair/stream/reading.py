"""The text of one member of an archive as markets: lines to messages, messages to their markets, what is wrong noted.

A member is the lines of one market or of many. Nothing is raised for what it holds: damage is told, and costs no more
than what it touches.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from race_assets.sources.betfair.stream.market import Market
from race_assets.sources.betfair.stream.messages import BrokenLineError, Decoder
from race_assets.sources.betfair.stream.packed import ChangedError, DamagedError
from race_assets.sources.unpack_limits import TooLargeError

LONGEST_LINE = 4 << 20
"""Bytes; one is decoded as a whole, at up to fifty times its size. The largest that Betfair publishes have 0.5 MB."""
SHORTEST_MESSAGE = len(b'{"op":"mcm"}')
IN_SECONDS = 100_000_000_000
"""Below this a `pt` is in seconds (SOURCE_FACTS 1.3, 16): as milliseconds it lies before 1974."""
LATEST = 4_200_000_000_000
MARKET_ID = re.compile(rb'"id":\s*"(1\.\d+)"')
SHOWN, MOST_DAMAGES = 60, 10_000
MOST_SAID = 300
MOST_MARKETS = 100_000
"""Of one member; each is held in memory, and the largest captures of a day have below 3,000."""


@dataclass
class Damage:
    """A part of a member that could not be read.

    Attributes:
        line: the line, from 1; 0 where the member as a whole is meant.
        offset: where the line begins in the member's text, in bytes.
        message: what is wrong.
    """

    line: int
    offset: int
    message: str


@dataclass
class Reading:
    """What a member held.

    Attributes:
        markets: by id, in the order they came.
        lines: of the member, blank ones left out.
        others: lines that are no market's: heartbeats and the like.
    is_array: a line that is no message begins a JSON array, as a list of books does.
        damages: what could not be read, the first of it.
        more_damages: how much more of it there is.
        newest: markets that began after the last line that is no message and names no market.
    broken: what was lost of a market that had not closed by then, by its id.
        unknown: keys that nobody knows, counted.
        latin_1: markets with a line that is not UTF-8; see `Decoder`.
        unpacked_bytes: of the member's text.
    """

    markets: dict[str, Market] = field(default_factory=dict)
    lines: int = 0
    others: int = 0
    is_array: bool = False
    damages: list[Damage] = field(default_factory=list)
    more_damages: int = 0
    newest: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    latin_1: set[str] = field(default_factory=set)
    unpacked_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the rest of the member is not worth reading: too many markets, or no line that is a message."""
        return len(self.markets) > MOST_MARKETS or (self.more_damages > 0 and not self.markets and not self.others)


def read(text: Iterable[bytes], offsets: Sequence[int], offs: Mapping[str, int] | None = None) -> Reading:
    """Reads a member's text.

    Args:
        text: in pieces; may end in `DamagedError`.
        offsets: of the T-minus grid, in seconds; empty for none.
        offs: scheduled offs that a first reading has found, by market.
    """
    reading = Reading()
    decoder = Decoder(reading.unknown, with_book=bool(offsets))
    reading.latin_1 = decoder.latin_1
    begins = number = blank = 0
    for number, line in enumerate(lines(text, reading), start=1):
        if line:
            try:
                _take(reading, decoder, line, begins, offsets, offs or {})
            except BrokenLineError as error:
                if line.strip():
                    _note_broken(reading, line, Damage(number, begins, str(error)))
                else:
                    blank += 1
            if reading.is_full:
                _note_unread(reading, number)
                break
        else:
            blank += 1
        begins += len(line) + 1
    reading.lines = number - blank
    return reading


def _take(
    reading: Reading, decoder: Decoder, line: bytes, begins: int, offsets: Sequence[int], offs: Mapping[str, int]
) -> None:
    """Take a line's message to its markets.

    Raises:
        BrokenLineError: it is none.
    """
    if len(line) < SHORTEST_MESSAGE:
        raise BrokenLineError("it is too short for one")
    message = decoder.line(line)
    pt = message.pt
    if not IN_SECONDS < pt < LATEST:
        pt = _in_milliseconds(pt, message.mc)
    for change in message.mc:
        market = reading.markets.get(change.id)
        if market is None:
            market = reading.markets[change.id] = Market(change.id, pt, offsets, offs.get(change.id))
            reading.newest.append(change.id)
        market.take(pt, change, begins)
    if not message.mc:
        reading.others += 1


def _note_unread(reading: Reading, line: int) -> None:
    """Note why the lines behind this one are not read, and hold it against the markets that had not closed by then."""
    reason = "none of the lines before it is a stream message"
    if reading.markets:
        reason = f"it holds over {MOST_MARKETS:,} markets; split it by days"
        for market_id, market in reading.markets.items():
            if not market.is_final:
                reading.broken.setdefault(market_id, reason)
    reading.damages.append(Damage(line, 0, f"what follows line {line:,} is not read: {reason}"))


def _in_milliseconds(pt: int, changes: Sequence[object]) -> int:
    if changes and not 0 < pt < IN_SECONDS:
        raise BrokenLineError(f"its publish time (pt) is {pt}, which is no time of racing")
    return pt * 1000


def _note_broken(reading: Reading, line: bytes, damage: Damage) -> None:
    """A line that is no message: told, and held against the markets it may have been about, unless they had closed."""
    shown = line[:SHOWN].decode("utf-8", "replace")
    reading.is_array |= line.startswith(b"[")
    where = f"line {damage.line} (byte {damage.offset:,} of its text)"
    damage.message = f"{where} is no stream message: {damage.message[:MOST_SAID]}; it begins {shown!r}"
    if len(reading.damages) < MOST_DAMAGES:
        reading.damages.append(damage)
    else:
        reading.more_damages += 1
    named = {each.decode() for each in MARKET_ID.findall(line)}
    if not named:
        # Markets from before the last such line have closed, or have it held against them already.
        named = set(reading.newest)
        reading.newest.clear()
    for market_id in named:
        market = reading.markets.get(market_id)
        if (market is None and len(reading.broken) < MOST_MARKETS) or (market is not None and not market.is_final):
            reading.broken.setdefault(market_id, damage.message)


def lines(text: Iterable[bytes], reading: Reading) -> Iterator[bytes]:
    """Yield whole lines without their ends; note the rest of a damaged text, which is dropped."""
    left: list[bytes] = []
    size = taken = 0
    try:
        for piece in text:
            found = piece.split(b"\n")
            taken += len(piece)
            reading.unpacked_bytes = taken
            left.append(found[0])
            if len(found) > 1:
                found[0] = b"".join(left)
                left, size = [found.pop()], 0
                yield from found
            size += len(left[-1])
            if size > LONGEST_LINE:
                reading.damages.append(Damage(0, taken - size, f"a line is longer than {LONGEST_LINE:,} bytes"))
                return
    except (DamagedError, TooLargeError) as error:
        if isinstance(error, ChangedError):
            reading.broken |= dict.fromkeys(reading.markets, str(error))
        rest = f"; {size:,} bytes of an unfinished line are left out" if size else ""
        reading.damages.append(Damage(0, taken, f"{error}{rest}"))
        return
    if size:
        yield b"".join(left)
