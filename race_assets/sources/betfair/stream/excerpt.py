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

LONGEST = 64 * 1024
ID = re.compile(rb'"id":\s*"(1\.\d+)"')
DEFINITION = b'"marketDefinition"'


def rows_as_read(path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
    """By offset, what the file says there.

    Args:
        path: the file.
        byte_offsets: each the first byte of a member, plus the number of a market in it, the first is 0.

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
        lines = _telling_lines(path, member)
        for offset in offsets:
            number = offset - member.offset
            line = lines[number] if number < len(lines) else member.name.encode()
            found[offset] = RowAsRead(line[:LONGEST].decode("utf-8", "replace"), len(line))
    return found


def _telling_lines(path: Path, member: Member) -> list[bytes]:
    """For each market of a member, in the order they come, the line that tells most of it; else the first line."""
    told: dict[bytes, bytes] = {}
    first: bytes | None = None
    if member.problem:
        return []
    for line in reading.lines(worker.text(path, member), Reading()):
        first = line if first is None else first
        _note(told, line)
    return list(told.values()) or [first or b""]


def _note(told: dict[bytes, bytes], line: bytes) -> None:
    markets = dict.fromkeys(ID.findall(line))
    # A line that is no message has brought no market.
    is_new = not markets.keys() <= told.keys() and _is_message(line)
    is_definition = DEFINITION in line
    for market in markets:
        if is_definition if market in told else is_new:
            told[market] = line


def _is_message(line: bytes) -> bool:
    try:
        Decoder(Counter(), with_book=False).line(line)
    except BrokenLineError:
        return False
    return True
