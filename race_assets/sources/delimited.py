"""Delimited text of any size as frames of strings, every line accounted for; what columns mean is not known here.

Stretches without quotes go through Polars in blocks, and a byte count proves that it took every character. A block that
fails the proof, or has quotes, is proven row by row (`in_bulk.py`); rows that fail are taken apart in Python
(`one_by_one.py`), and their neighbours stay where they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from race_assets.errors import UnreadableFileError
from race_assets.sources.base import ReadReport, RowAsRead
from race_assets.sources.dialect import SEPARATORS, Dialect
from race_assets.sources.in_bulk import BOM, LONGEST_QUOTED, UNDECODABLE, Sorted, sort_rows, through_polars
from race_assets.sources.one_by_one import (
    NOTED,
    OneByOne,
    broken_frame,
    decoded,
    is_one_row,
    shown,
    split,
    too_long,
)
from race_assets.sources.transcoding import open_text, reading

__all__ = ["Block", "Dialect", "cell", "names_of", "read", "rows_as_read"]

BLOCK_BYTES = 16 << 20
LONGEST_LINE = 1 << 20
NEWLINE = 10
"""A line longer than this is refused; it is passed over without being held in memory."""
SHOWN_BYTES = 64_000
MISSING_NAMED = 3
"""Missing columns that are named each; a file that lacks more is of another kind."""

_HTML = re.compile(rb"^\s*(<!doctype\s+html|<html|<head|<body|<\?xml[^>]*>\s*<html)", re.IGNORECASE)
_JSON = re.compile(rb'^\s*(\[\s*)?\{\s*"')
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r")


ANY = Dialect(())
"""Commas and double quotes, whatever the columns."""


@dataclass
class Block:
    """A stretch of the file.

    Attributes:
        rows: the dialect's columns as strings, or all of the file's under `cell` names, with `source_row`,
            `byte_offset` and `notes`.
        broken: lines that are no row: `source_row`, `byte_offset`, `rule`, `message`.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame


def cell(name: str) -> str:
    """The column of a block that holds a column of the file whose names are its own: no header clashes with ours."""
    return f"cell {name}"


def names_of(rows: pl.DataFrame) -> list[str]:
    """The names of the file's columns among those of a block that `takes_all`, in their order."""
    return [name.removeprefix(cell("")) for name in rows.columns if name not in NOTED]


def read(path: Path, dialect: Dialect, report: ReadReport) -> Iterator[Block]:
    """The file's rows, block by block, in bounded memory.

    Raises:
        UnreadableFileError: it is empty, an HTML page, binary, cut short while compressed, or its header is not the
            dialect's.
    """
    trailing: list[int] = []
    with reading(path, dialect.encoding, trailing.append) as stream:
        yield from _Reader(stream, dialect, report, trailing).blocks()


class _Reader:
    def __init__(self, stream: IO[bytes], dialect: Dialect, report: ReadReport, trailing: Sequence[int]) -> None:
        self.stream = stream
        self.trailing = trailing
        self.dialect = dialect
        self.report = report
        self.line = 1
        self.offset = 0
        self.names: list[str] = []
        self.taken: Sequence[str] = dialect.columns

    def blocks(self) -> Iterator[Block]:
        head = self.stream.read(SHOWN_BYTES)
        _refuse_what_is_no_text(head)
        pending = self._header(head)
        while True:
            chunk = self.stream.read(BLOCK_BYTES)
            pending += chunk
            cut = pending.rfind(b"\n") + 1 if chunk else len(pending)
            if cut:
                block, used = self._block(pending[:cut], is_last=not chunk)
                yield block
                pending = pending[used:]
            if not chunk:
                break
            if len(pending) > LONGEST_LINE and b"\n" not in pending:
                broken, pending = self._skip_long_line(pending)
                yield broken
        if self.trailing:
            yield self._trailing_part(self.trailing[0])
        if not self.report.rows_read:
            what = "a header and no rows" if self.dialect.names is None else "no rows"
            raise UnreadableFileError("no_data", f"it has {what}; nothing to take")

    def _header(self, head: bytes) -> bytes:
        """Settles the column names, from the header where there is one, and gives back what follows it."""
        if head.startswith(BOM):
            head = head[len(BOM) :]
            self.offset = len(BOM)
        if self.dialect.names is not None:
            self._name(_cleaned(self.dialect.names), list(self.dialect.names))
            return self._without_lines(head, self.dialect.skip_lines)
        head = self._without_lines(head, (self.dialect.header_line or 1) - 1)
        while self.dialect.header_line is None:
            line, newline, rest = head.partition(b"\n")
            if line.strip() or not newline:
                break
            self._advance(line + newline)
            head = rest
        line, newline, rest = head.partition(b"\n")
        if not newline and len(head) >= SHOWN_BYTES:
            raise UnreadableFileError(
                "unreadable", f"line {self.line} has no end within {SHOWN_BYTES} bytes: no header"
            )
        text = decoded(line.removesuffix(b"\r"), self.dialect.encoding)[0]
        found = split(text, self.dialect) or text.split(self.dialect.separator)
        self._name(_cleaned(found, self.dialect.quote), found)
        self._advance(line + newline)
        return rest

    def _without_lines(self, head: bytes, count: int) -> bytes:
        """Passes over lines of layout, and gives what follows them: enough for a header, if there is as much."""
        for number in range(1, count + 1):
            while True:
                line, newline, rest = head.partition(b"\n")
                self._advance(line + newline)
                head = rest or self.stream.read(SHOWN_BYTES)
                if newline or not head:
                    break
            if not head:
                what = "the header" if self.dialect.names is None else "the first row"
                raise UnreadableFileError(
                    "no_data", f"it ends on line {number}, before {what} on line {count + 1}; correct that number"
                )
        return head + self.stream.read(SHOWN_BYTES) if count and b"\n" not in head else head

    def _name(self, found: list[str], as_read: list[str]) -> None:
        names = self._all_named(found) if self.dialect.takes_all else self._known_named(found)
        missing = [name for name in self.dialect.columns if name not in names]
        if missing:
            quoted = ", ".join(map(repr, missing))
            wanted = ", ".join(self.dialect.columns)
            if self.dialect.names is not None:
                raise UnreadableFileError(
                    "unreadable", f"column {quoted} is missing from the names given for a file without header: {wanted}"
                )
            if other := self._other_separator(as_read):
                raise UnreadableFileError(
                    "unreadable",
                    f"line {self.line}: its fields are separated by {other!r} where {self.dialect.separator!r} is "
                    "needed; save it so again, with decimals written with a point: 2.5",
                )
            reads = shown(self.dialect.separator.join(found if not self.dialect.takes_all else as_read))
            if len(missing) > MISSING_NAMED:
                first, count = ", ".join(map(repr, missing[:MISSING_NAMED])), len(self.dialect.columns)
                lacks = f"{len(missing)} of the {count} columns it needs are missing, {first} first"
                raise UnreadableFileError("unreadable", f"line {self.line}: {lacks}; the header reads: {reads}")
            raise UnreadableFileError(
                "unreadable",
                f"line {self.line}: column {quoted} is missing; the header must name {wanted} and reads: {reads}",
            )
        self.report.shape = ",".join(names)
        self.names = [cell(name) for name in names] if self.dialect.takes_all else names
        self.taken = self.names if self.dialect.takes_all else self.dialect.columns

    def _other_separator(self, as_read: list[str]) -> str | None:
        """What else separates all the columns that are wanted, as in a spreadsheet of another language."""
        text, needed = self.dialect.separator.join(as_read), set(self.dialect.columns)
        candidates = (each for each in SEPARATORS if each != self.dialect.separator)
        return next(
            (each for each in candidates if needed <= set(_cleaned(text.split(each), self.dialect.quote))), None
        )

    def _known_named(self, found: list[str]) -> list[str]:
        """The names, those that stand twice with their position; only the dialect's columns are wanted."""
        names = list(found)
        for position, name in enumerate(names):
            if name in names[:position]:
                names[position] = f"{name}#{position + 1}"
                self.report.warnings.append(f"column {name!r} stands twice; the second is ignored")
        self.report.warnings += [
            f"column {name!r} is not one of this source's and is ignored"
            for name in names
            if name not in self.dialect.columns and "#" not in name
        ]
        return names

    def _all_named(self, found: list[str]) -> list[str]:
        """A name for every column: those that stand twice with their position."""
        names: list[str] = []
        for position, name in enumerate(found, start=1):
            own = name or f"column_{position}"
            if own in names:
                renamed = f"{own}#{position}"
                while renamed in names or renamed in found:
                    renamed += "#"
                self.report.warnings.append(
                    f"column {own!r} stands twice; the one at position {position} is {renamed!r}"
                )
                own = renamed
            names.append(own)
        return names

    def _advance(self, taken: bytes) -> None:
        self.offset += len(taken)
        self.line += taken.count(b"\n")

    def _block(self, data: bytes, *, is_last: bool) -> tuple[Block, int]:
        """The rows of these lines, and how many bytes they take; the last row may go on behind them."""
        if not data.endswith(b"\n"):
            data += b"\n"
        used = len(data)
        rows = self._fast(data)
        if rows is not None:
            block = Block(rows, broken_frame([]))
        else:
            found, used = sort_rows(data, self.dialect, len(self.names), LONGEST_LINE, is_last=is_last)
            block = self._with_left_over(data, found)
        self.report.rows_read += block.rows.height + block.broken.height
        self._advance(data[:used])
        return block, used

    def _fast(self, data: bytes) -> pl.DataFrame | None:
        """The whole block through Polars, or None when a byte of it would not be accounted for."""
        quote = self.dialect.quote.encode()
        if (quote and quote in data) or b"\0" in data or data.startswith(BOM) or len(self.names) == 1:
            return None
        if not self.dialect.suits_polars or (self.dialect.encoding and UNDECODABLE.encode() in data):
            return None
        # One kind of line end throughout: were they mixed, a field too few could make up for a byte too many.
        lines = data.count(b"\n")
        ending = 2 if b"\r" in data else 1
        if ending > 1 and not lines == data.count(b"\r") == data.count(b"\r\n"):
            return None
        rows = through_polars(data, self.dialect, len(self.names))
        if rows is None or rows.height != lines:
            return None
        length = pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0)) + (len(self.names) - 1 + ending)
        lengths = rows.select(length.cast(pl.Int64)).to_series()
        if (lengths > LONGEST_LINE).any() or _may_hold_furniture(rows) or not _are_lines(lengths, data):
            return None
        offsets = lengths.cum_sum().shift(1, fill_value=0)
        return self._placed(rows, pl.int_range(0, lines, dtype=pl.Int64, eager=True), offsets)

    def _placed(self, cells: pl.DataFrame, numbers: pl.Series, offsets: pl.Series) -> pl.DataFrame:
        """Cells of the block as rows of the file."""
        return self._named(cells).with_columns(
            source_row=numbers + self.line,
            byte_offset=offsets + self.offset,
            notes=pl.lit(None, dtype=pl.List(pl.String)),
        )

    def _named(self, cells: pl.DataFrame) -> pl.DataFrame:
        cells.columns = self.names
        return cells.select(self.taken)

    def _with_left_over(self, data: bytes, found: Sorted) -> Block:
        """What Polars read, with the rows that it did not, one by one."""
        rows = self._placed(found.cells, found.places["number"], found.places["offset"])
        if not found.left.height:
            return Block(rows, broken_frame([]))
        rest = OneByOne(self.dialect, len(self.names), LONGEST_LINE)
        for number, offset, size in found.left.select("number", "offset", "size").iter_rows():
            row = data[offset : offset + size - 1].removesuffix(b"\r")
            rest.take(row, (number + self.line, offset + self.offset))
        self.report.rows_careful += rest.taken
        cells, places, broken = rest.frames()
        if cells.height:
            rows = pl.concat([rows, pl.concat([self._named(cells), places], how="horizontal")]).sort("source_row")
        return Block(rows, broken)

    def _trailing_part(self, size: int) -> Block:
        """What follows the compressed data, as a broken line behind the last one."""
        unit = "byte" if size == 1 else "bytes"
        message = f"{size:,} {unit} behind its compressed data are none; if rows are missing, fetch the file again"
        self.report.rows_read += 1
        return self._without_rows([(self.line, self.offset, "readable", message)])

    def _without_rows(self, broken: list[tuple[int, int, str, str]]) -> Block:
        return Block(pl.DataFrame(schema={**dict.fromkeys(self.taken, pl.String), **NOTED}), broken_frame(broken))

    def _skip_long_line(self, pending: bytes) -> tuple[Block, bytes]:
        """Passes over a line that is too long, holding no more than one block of it; gives what follows it."""
        length = len(pending)
        while True:
            chunk = self.stream.read(BLOCK_BYTES)
            head, newline, rest = chunk.partition(b"\n")
            length += len(head)
            if newline or not chunk:
                break
        block = self._without_rows([(self.line, self.offset, "text", too_long(length, LONGEST_LINE))])
        self.report.rows_read += 1
        self.report.rows_careful += 1
        self.offset += length + len(newline)
        self.line += 1
        return block, rest


def _are_lines(lengths: pl.Series, data: bytes) -> bool:
    """Whether each row is a line: in sum a field too few and an empty one too many make up for each other."""
    if lengths.sum() != len(data):
        return False
    import pyarrow as pa

    codes = pl.from_arrow(pa.Array.from_buffers(pa.uint8(), len(data), [None, pa.py_buffer(data)]))
    assert isinstance(codes, pl.Series)  # noqa: S101 - an array is a series
    return bool((codes.gather(lengths.cum_sum() - 1) == NEWLINE).all())


def _may_hold_furniture(rows: pl.DataFrame) -> bool:
    """Whether a line of layout may have passed for a row: one that begins with nothing, a blank or a dash."""
    first = rows.to_series(0)
    return bool(first.null_count()) or bool(first.str.contains(r"^[\s-]").any())


def _cleaned(names: Sequence[str], quote: str = "") -> list[str]:
    return [name.strip().strip(quote or None).strip().lower() for name in names]


def _refuse_what_is_no_text(head: bytes) -> None:
    if not head.strip():
        raise UnreadableFileError("unreadable", "it is empty: its download or copy failed; get it again")
    if _HTML.match(head.removeprefix(BOM)):
        raise UnreadableFileError(
            "blocked_page",
            "it is an HTML page saved under this name, not data; the download was blocked: fetch it again",
        )
    if _JSON.match(head.removeprefix(BOM)):
        is_stream = b'"mcm"' in head
        of_what = "a JSON stream of Betfair: land it as betfair_historic" if is_stream else "JSON"
        raise UnreadableFileError("unreadable", f"it is no delimited text but looks like {of_what}")
    if head.startswith(_UTF16):
        raise UnreadableFileError("unreadable", "it is UTF-16 text; save it as UTF-8")
    first = head.removeprefix(BOM).lstrip().partition(b"\n")[0]
    if b"\0" in first or sum(byte in _CONTROL for byte in first) > len(first) // 20:
        raise UnreadableFileError("unreadable", "it is binary data, not text; drop the CSV itself")


def cells_of(text: str, dialect: Dialect = ANY) -> list[str]:
    """The cells of a row as read; cut at every separator where its quotes are no pairs."""
    return split(text, dialect) or text.split(dialect.separator)


def rows_as_read(path: Path, byte_offsets: Sequence[int], dialect: Dialect = ANY) -> dict[int, RowAsRead]:
    """The rows that begin at these offsets, by offset.

    Args:
        path: the file.
        byte_offsets: as the reader gave them: of the decompressed file, or of its text in UTF-8 where it is in another
            encoding.
        dialect: as it was read by.
    """
    found: dict[int, RowAsRead] = {}
    with open_text(path, dialect.encoding) as stream:
        for offset in sorted(set(byte_offsets)):
            stream.seek(offset)
            found[offset] = _row_at(stream, dialect)
    return found


def _row_at(stream: IO[bytes], dialect: Dialect) -> RowAsRead:
    row = stream.readline(LONGEST_LINE)
    length = len(row.rstrip(b"\r\n"))
    if row.endswith(b"\n"):
        row = _quoted_row(stream, row, dialect)
        length = len(row.rstrip(b"\r\n"))
    else:
        while more := stream.readline(BLOCK_BYTES):
            length += len(more.rstrip(b"\r\n"))
            if more.endswith(b"\n"):
                break
    return RowAsRead(decoded(_first_bytes(row.rstrip(b"\r\n")), dialect.encoding)[0], length)


def _first_bytes(row: bytes) -> bytes:
    """As much of the row as is shown, not cut within a character."""
    end = SHOWN_BYTES
    while len(row) > SHOWN_BYTES - 4 < end < len(row) and row[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8's own bits
        end -= 1
    return row[:end]


def _quoted_row(stream: IO[bytes], first: bytes, dialect: Dialect) -> bytes:
    """The row that begins with this line: more lines than the one where a quoted field holds line ends."""
    quote = dialect.quote.encode()
    if not quote:
        return first
    lines, size, quotes = [first], len(first), first.count(quote)
    while quotes % 2 and len(lines) < LONGEST_QUOTED and size <= LONGEST_LINE:
        line = stream.readline(LONGEST_LINE)
        if not line:
            break
        lines.append(line)
        size, quotes = size + len(line), quotes + line.count(quote)
    row = b"".join(lines)
    return row if is_one_row(row.rstrip(b"\n"), dialect) else first
