"""Reads members of archives: in a process of its own, asked through a pipe, or called directly.

Such a process imports nothing but msgspec and Python's own modules: it starts in a moment and stays small. A question
and its answer are each a frame of four bytes of length and that many of msgpack.
"""

import gc
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zlib import crc32

import msgspec

from race_assets.sources.betfair.stream import packed, reading, results
from race_assets.sources.betfair.stream.archive import Member
from race_assets.sources.betfair.stream.results import MemberFigures

LENGTH = struct.Struct("<I")
READ_AT_ONCE = 1 << 18


class Task(msgspec.Struct, array_like=True):
    """Members of one file to be read.

    Attributes:
        path: of the file.
        members: which.
        offsets: of the T-minus grid, in seconds; empty for none.
    """

    path: str
    members: list[Member]
    offsets: list[int]


def read_member(path: Path, member: Member, offsets: list[int]) -> MemberFigures:
    """What a member holds; whatever is wrong with it is told."""
    if member.problem:
        return MemberFigures(0, 0, [], [member.problem], {})
    found = reading.read(text(path, member), offsets)
    if late := results.late_offs(found):
        found = reading.read(text(path, member), offsets, late)
    if not found.lines and not found.damages:
        return MemberFigures(0, 0, [], ["it is empty: its download or copy failed; get it again"], {})
    return results.figures(found)


def text(path: Path, member: Member) -> Iterator[bytes]:
    """A member's text, in pieces; see `packed.text_of` and `packed.of_no_archive`."""
    pieces = _pieces(path, member)
    stored = packed.inflated(pieces) if member.is_deflated else pieces
    return packed.of_no_archive(packed.text_of(stored if member.crc is None else _checked(stored, member.crc)))


def _checked(pieces: Iterator[bytes], crc: int) -> Iterator[bytes]:
    """The pieces of a zip's member as they were packed; where a bit has turned, damage at their end."""
    found = 0
    for piece in pieces:
        found = crc32(piece, found)
        yield piece
    if found != crc:
        raise packed.ChangedError(
            f"its checksum is {found:08x}, the zip archive says {crc:08x}: a byte of it has changed"
        )


def _pieces(path: Path, member: Member) -> Iterator[bytes]:
    left = member.size
    with path.open("rb") as file:
        file.seek(member.offset)
        while left and (piece := file.read(min(left, READ_AT_ONCE))):
            left -= len(piece)
            yield piece


def perform(task: Task) -> list[MemberFigures]:
    """The task's members, in their order."""
    path = Path(task.path)
    return [read_member(path, member, task.offsets) for member in task.members]


def write_frame(stream: IO[bytes], message: object) -> None:
    """Sends a message."""
    body = msgspec.msgpack.encode(message)
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next message's bytes, or None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    body = stream.read(size)
    return body if len(body) == size else None


def main() -> None:
    """Answers tasks until the pipe is closed, which it is when the asking process ends."""
    # Nothing here is ever part of a cycle, and a million short-lived objects a second are costly to look through.
    gc.disable()
    # Ctrl-C reaches every process of the terminal; the asking one decides, and closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    decoder = msgspec.msgpack.Decoder(Task)
    while (body := read_frame(sys.stdin.buffer)) is not None:
        write_frame(sys.stdout.buffer, perform(decoder.decode(body)))


if __name__ == "__main__":
    main()
