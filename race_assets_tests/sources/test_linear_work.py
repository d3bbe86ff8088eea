"""Reading twice as much takes twice the work, whatever the lines are like: bytes and calls are counted, not seconds."""

import bz2
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from race_assets.sources import delimited, in_bulk, one_by_one, transcoding
from race_assets.sources.base import ReadReport
from race_assets.sources.delimited import Dialect

HEADER = b"id,dog,price\n"
DIALECT = Dialect(("id", "dog", "price"))
SHAPES: dict[str, Callable[[int], bytes]] = {
    "one long line": lambda n: b"1," + b"x" * (n * 2000) + b",2\n",
    "one line of quotes": lambda n: b'"' * (n * 2000) + b"\n",
    "an open quote in every line": lambda n: b'1,"Alpha,2\n1,Beta,"2\n' * (n * 20),
    "an open quote far before the next": lambda n: (b'1,"Alpha,2\n' + b"1,Beta,2\n" * 150) * n,
    "quotes that are not doubled": lambda n: b'1,"The "Big" One",2\n' * (n * 40),
    "cells over many lines": lambda n: (b'1,"' + b"line\n" * 100 + b'",2\n') * (n * 2),
    "a field too few": lambda n: b"1,2\n" * (n * 100),
    "bytes that are not UTF-8": lambda n: b"1,Zo\xeb,2\n" * (n * 50),
    "plain lines": lambda n: b"1,Alpha,2\n" * (n * 50),
}


class Work:
    """Bytes that were handled, by function."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}

    def counts(self, patch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        """Add the length of the first argument of a function, each time it is called."""
        function = getattr(module, name)

        def counted(data: Any, *arguments: Any, **named: Any) -> Any:
            self.add(name, len(data) + 1)
            return function(data, *arguments, **named)

        patch.setattr(module, name, counted)

    def add(self, name: str, size: int) -> None:
        self.bytes[name] = self.bytes.get(name, 0) + size


def work_of(path: Path, data: bytes, compress: Callable[[bytes], bytes]) -> dict[str, int]:
    """What reading the file, and then showing each of its broken lines, handles."""
    path.write_bytes(compress(data))
    work = Work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", 1 << 14)
        patch.setattr(delimited, "SHOWN_BYTES", 1 << 12)
        patch.setattr(transcoding, "CHUNK_BYTES", 1 << 14)
        for module, names in {
            delimited: ("sort_rows", "through_polars", "is_one_row", "decoded"),
            in_bulk: ("through_polars", "is_one_row", "_masked"),
            one_by_one: ("split", "decoded"),
        }.items():
            for name in names:
                work.counts(patch, module, name)
        fill = transcoding.Unpacked._more

        def filled(stream: transcoding.Unpacked) -> bytes:
            text = fill(stream)
            work.add("unpacked", len(text))
            return text

        patch.setattr(transcoding.Unpacked, "_more", filled)
        places = [
            offset
            for block in delimited.read(path, DIALECT, ReadReport())
            for offset in block.broken["byte_offset"].to_list()
        ]
        delimited.rows_as_read(path, places)
    return work.bytes


@pytest.mark.parametrize("compress", [bytes, bz2.compress], ids=["plain", "bzip2"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_twice_the_lines_are_twice_the_work(
    tmp_path: Path, shape: Callable[[int], bytes], compress: Callable[[bytes], bytes]
) -> None:
    once, twice = (work_of(tmp_path / "file", HEADER + shape(n), compress) for n in (80, 160))
    for name, size in twice.items():
        assert size <= 2.3 * once.get(name, 0) + (1 << 16), (name, once, twice)


def test_a_seek_back_over_the_last_rows_unpacks_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "file"
    text = b"".join(b"%07d\n" % number for number in range(500_000))
    path.write_bytes(bz2.compress(text))
    started = []
    with pytest.MonkeyPatch.context() as patch:
        start = transcoding.Unpacked._start
        patch.setattr(transcoding.Unpacked, "_start", lambda self: (started.append(1), start(self)))
        with transcoding.open_text(path) as stream:
            for line in range(0, 499_000, 1000):
                for ahead in (900, 0):
                    stream.seek((line + ahead) * 8)
                    assert stream.readline() == b"%07d\n" % (line + ahead)
    assert len(started) == 1
