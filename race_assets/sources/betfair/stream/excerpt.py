"""What a stream file says of a record, as it stands there: the last definition of its market; nothing is understood."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from race_assets.sources.base import RowAsRead
from race_assets.sources.betfair.stream import archive, reading, worker
from race_assets.sources.betfair.stream.archive import Member
from race_assets.sources.betfair.stream.messages import BrokenLineError, Decoder
from race_assets.sources.betfair.stream.reading import Reading
from race_assets.sources.unpack_limits import UnpackLimits

LONGEST = 64 * 1024
ID = re.compile(rb'"id":\s*"(1\.\d+)"')
Shown = tuple[bytes, int]
"""As much of a line as is shown, and the length it has."""
DEFINITION = b'"marketDefinition"'


def rows_as_read(path: Path, byte_offsets: Sequence[int], limits: UnpackLimits) -> dict[int, RowAsRead]:
    """By offset, what the file says there.

    Args:
        path: the file.
        byte_offsets: each the first byte of a member, plus the number of a market in it, the first is 0.
        limits: of what a member may unpack to, as it was read by.

    Returns:
        the line with the market's last definition, or its first line where it has none; a member that cannot be read is
        shown by its name.
    """
    members = list(archive.members(path))
    begins = [member.offset for member in members]
    wanted: dict[int, set[int]] = {}
    for offset in byte_offsets:
        wanted.setdefault(max(0, bisect_right(begins, offset) - 1), set()).add(offset)
    found: dict[int, RowAsRead] = {}
    for place, offsets in wanted.items():
        member = members[place]
        lines = _telling_lines(path, member, limits)
        for offset in offsets:
            number = offset - member.offset
            line, length = lines[number] if number < len(lines) else _shown(member.name.encode())
            found[offset] = RowAsRead(line.decode("utf-8", "replace"), length)
    return found


def _telling_lines(path: Path, member: Member, limits: UnpackLimits) -> list[Shown]:
    """For each market of a member, in the order they come, the line that tells most of it; else the first line."""
    told: dict[bytes, Shown] = {}
    first: Shown | None = None
    if member.problem:
        return []
    for line in reading.lines(worker.text(path, member, limits), Reading()):
        first = _shown(line) if first is None else first
        _note(told, line)
    return list(told.values()) or [first or _shown(b"")]


def _shown(line: bytes) -> Shown:
    return line[:LONGEST], len(line)


def _note(told: dict[bytes, Shown], line: bytes) -> None:
    markets = dict.fromkeys(ID.findall(line))
    # A line that is no message has brought no market.
    is_new = not markets.keys() <= told.keys() and _is_message(line)
    is_definition = DEFINITION in line
    for market in markets:
        if is_definition if market in told else is_new:
            told[market] = _shown(line)


def _is_message(line: bytes) -> bool:
    try:
        Decoder(Counter(), with_book=False).line(line)
    except BrokenLineError:
        return False
    return True
