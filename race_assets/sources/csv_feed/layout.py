"""How a file is laid out: encoding, separator, header; told by its first bytes where the feed leaves it open."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from race_assets.settings.feeds import FeedSettings
from race_assets.sources.dialect import SEPARATORS
from race_assets.sources.transcoding import reading

HEAD_BYTES = 1 << 18
LINES = 200
HEADER_WITHIN = 50
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
ANY_NUMBER = re.compile(r"\s*[+-]?[$£€]?\s*(\d[\d.,:/ -]*)?%?\s*")


@dataclass(frozen=True)
class Layout:
    """How a file is laid out.

    Attributes:
        encoding: as Python names it; None is UTF-8, and Windows-1252 for a line that is not.
        separator: between cells.
        header_line: where the header is, from 1; None where there is none.
        names: of the columns, lower case and trimmed, as many as the header or the first row has.
        written: the header's cells as they stand there.
        skip: lines before the first row where there is no header.
    """

    encoding: str | None
    separator: str
    header_line: int | None
    names: tuple[str, ...]
    skip: int = 0
    written: tuple[str, ...] = ()


def of(path: Path, feed: FeedSettings) -> Layout:
    """The file's layout: what the feed says, else what its first lines tell."""
    head = _head(path)
    encoding = feed.encoding or _encoding(head)
    # As the reader has lines: Python's own would end at U+2028 and other signs within a cell too.
    lines = [line.removesuffix("\r") for line in _text(head, encoding).split("\n")[:LINES]]
    separator = feed.separator or _separator(lines, feed.quote)
    rows = [_cells(line, separator, feed.quote) for line in lines]
    if feed.header == "none":
        first = next((row for row in rows[feed.skip :] if any(cell.strip() for cell in row)), [])
        return Layout(encoding, separator, None, tuple(f"column_{n}" for n in range(1, len(first) + 1)), feed.skip)
    line = feed.header if isinstance(feed.header, int) else _header_line(rows, feed)
    names = rows[line - 1] if line <= len(rows) else []
    return Layout(encoding, separator, line, tuple(name.strip().lower() for name in names), written=tuple(names))


def _head(path: Path) -> bytes:
    with reading(path) as stream:
        data: bytes = stream.read(HEAD_BYTES)
    return data


def _encoding(head: bytes) -> str | None:
    found = next((name for bom, name in BOMS.items() if head.startswith(bom)), None)
    if found is not None:
        return None if found == "utf-8-sig" else found
    # Every other byte of plain text is zero where a character has two.
    half = len(head) // 2
    if half and head[1::2].count(0) > half * 0.7:
        return "utf-16-le"
    return "utf-16-be" if half and head[0::2].count(0) > half * 0.7 else None


def _text(head: bytes, encoding: str | None) -> str:
    if encoding is not None:
        return head.decode(encoding, errors="replace").removeprefix("\ufeff")
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return head.decode("cp1252", errors="replace")


def _cells(line: str, separator: str, quote: str) -> list[str]:
    if not quote or quote not in line:
        return line.split(separator)
    try:
        return next(csv.reader(io.StringIO(line), delimiter=separator, quotechar=quote), [])
    except csv.Error:
        return line.split(separator)


def _separator(lines: Sequence[str], quote: str) -> str:
    """The one that cuts most lines into the same number of cells, and of those the one that makes most cells."""

    def agreement(separator: str) -> tuple[int, int]:
        counts = Counter(len(_cells(line, separator, quote)) for line in lines if line.strip())
        counts.pop(1, None)
        if not counts:
            return 0, 0
        cells, times = max(counts.items(), key=lambda each: (each[1], each[0]))
        return times, cells

    return max(SEPARATORS, key=agreement)


def _header_line(rows: Sequence[Sequence[str]], feed: FeedSettings) -> int:
    """The first line that names every column the feed reads, else the first that looks like a header."""
    wanted = feed.read_columns()
    for number, row in enumerate(rows[:HEADER_WITHIN], start=1):
        if wanted and wanted <= {cell.strip().lower() for cell in row}:
            return number
    return likely_header(rows) or 1


def likely_header(rows: Sequence[Sequence[str]]) -> int | None:
    """The first line, from 1, that is as wide as most are and all words; None where there is none."""
    full = [row for row in rows if sum(bool(cell.strip()) for cell in row) * 2 > len(row)]
    widths = Counter(len(row) for row in full if len(row) > 1)
    if not widths:
        return None
    usual = max(widths.items(), key=lambda each: (each[1], each[0]))[0]
    for number, row in enumerate(rows[:HEADER_WITHIN], start=1):
        if len(row) == usual:
            named = [cell for cell in row if cell.strip()]
            if len(named) * 2 <= len(row):
                # A title that a spreadsheet has padded with blank cells.
                continue
            is_words = not any(ANY_NUMBER.fullmatch(cell) for cell in named)
            return number if is_words and len(set(named)) * 2 > len(named) else None
    return None
