"""Delimited text of any size as frames of strings, every line accounted for; what columns mean is not known here.

Clean stretches go through Polars in blocks, and a byte count proves that it took every character. Only a block that
fails the proof is looked at line by line, and only the lines that need it are taken apart in Python.
"""

import bz2
import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import polars as pl

from race_assets.errors import UnreadableFileError
from race_assets.sources.base import ReadReport, RowAsRead

BLOCK_BYTES = 16 << 20
LONGEST_LINE = 1 << 20
"""A line longer than this is refused; it is passed over without being held in memory."""
SHOWN_BYTES = 64_000
LONGEST_QUOTED = 200
"""Lines a quoted field may span before its quote is held to be a stray one."""
# Python's own limit for a quoted cell is 128 KiB, and a longer one would end the whole reading.
csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))

Repair = Callable[[list[str]], list[str] | None]

_HTML = re.compile(rb"^\s*(<!doctype\s+html|<html|<head|<body|<\?xml[^>]*>\s*<html)", re.IGNORECASE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r")


@dataclass(frozen=True)
class Dialect:
    """How a file is laid out.

    Attributes:
        columns: the names its header must have, lower case.
        separator: between two fields.
        is_furniture: whether a line (stripped) is part of the layout rather than data: a rule of dashes, a row count.
        repair: turns the fields of a row with a wrong count into the right count, or None.
    """

    columns: Sequence[str]
    separator: str = ","
    is_furniture: Callable[[bytes], bool] = lambda line: not line
    repair: Repair = lambda _: None


@dataclass
class Block:
    """A stretch of the file.

    Attributes:
        rows: the dialect's columns as strings, with `source_row`, `byte_offset` and `notes`.
        broken: lines that are no row: `source_row`, `byte_offset`, `rule`, `message`.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame


_BROKEN = {"source_row": pl.Int64, "byte_offset": pl.Int64, "rule": pl.String, "message": pl.String}


@dataclass
class _Lines:
    """The lines of one block, sorted by what they need."""

    clean: list[bytes] = field(default_factory=list)
    clean_at: list[tuple[int, int]] = field(default_factory=list)
    mended: list[list[str]] = field(default_factory=list)
    mended_at: list[tuple[int, int, list[str]]] = field(default_factory=list)
    broken: list[tuple[int, int, str, str]] = field(default_factory=list)


def read(path: Path, dialect: Dialect, report: ReadReport) -> Iterator[Block]:
    """The file's rows, block by block, in bounded memory.

    Raises:
        UnreadableFileError: it is empty, an HTML page, binary, cut short while compressed, or its header is not the
            dialect's.
    """
    try:
        with open_text(path) as stream:
            reader = _Reader(stream, dialect, report)
            yield from reader.blocks()
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile) and error.errno is not None:
            raise
        raise UnreadableFileError(
            "unreadable", f"its compressed data is damaged or ends too early ({error}); fetch the file again"
        ) from error


def open_text(path: Path) -> Any:
    """The file's bytes, as a binary stream, decompressed when its first bytes say gzip or bzip2."""
    with path.open("rb") as stream:
        magic = stream.read(3)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"BZh":
        return bz2.open(path, "rb")
    return path.open("rb")


class _Reader:
    def __init__(self, stream: IO[bytes], dialect: Dialect, report: ReadReport) -> None:
        self.stream = stream
        self.dialect = dialect
        self.report = report
        self.line = 1
        self.offset = 0
        self.names: list[str] = []

    def blocks(self) -> Iterator[Block]:
        head = self.stream.read(SHOWN_BYTES)
        _refuse_what_is_no_text(head)
        pending = self._header(head)
        while True:
            chunk = self.stream.read(BLOCK_BYTES)
            pending += chunk
            cut = pending.rfind(b"\n") + 1 if chunk else len(pending)
            cut = self._whole_records(pending, cut, last=not chunk)
            if cut:
                yield self._block(pending[:cut])
                pending = pending[cut:]
            if not chunk:
                break
            if len(pending) > LONGEST_LINE and b"\n" not in pending:
                broken, pending = self._skip_long_line(pending)
                yield broken
        if not self.report.rows_read:
            raise UnreadableFileError("no_data", "it has a header and no rows; nothing to take")

    def _header(self, head: bytes) -> bytes:
        """Reads the header, sets the column names and gives back what follows it."""
        if head.startswith(_BOM):
            head = head[len(_BOM) :]
            self.offset = len(_BOM)
        while True:
            line, newline, rest = head.partition(b"\n")
            if not line.strip() and newline:
                self._advance(line + newline)
                head = rest
                continue
            break
        if not newline and len(head) >= SHOWN_BYTES:
            raise UnreadableFileError(
                "unreadable", f"line {self.line} has no end within {SHOWN_BYTES} bytes: no header"
            )
        found = [cell.strip().strip('"').strip().lower() for cell in _decoded(line)[0].split(self.dialect.separator)]
        self._check_header(found)
        self._advance(line + newline)
        return rest

    def _check_header(self, found: list[str]) -> None:
        names = list(found)
        for position, name in enumerate(names):
            if name in names[:position]:
                names[position] = f"{name}#{position + 1}"
                self.report.warnings.append(f"column {name!r} stands twice; the second is ignored")
        missing = [name for name in self.dialect.columns if name not in names]
        if missing:
            raise UnreadableFileError(
                "unreadable",
                f"line {self.line}: column {', '.join(map(repr, missing))} is missing; the header must name "
                f"{', '.join(self.dialect.columns)} and reads: {_shown(','.join(found))}",
            )
        self.report.warnings += [
            f"column {name!r} is not one of this source's and is ignored"
            for name in names
            if name not in self.dialect.columns and "#" not in name
        ]
        self.report.shape = ",".join(names)
        self.names = names

    def _advance(self, taken: bytes) -> None:
        self.offset += len(taken)
        self.line += taken.count(b"\n")

    def _whole_records(self, pending: bytes, cut: int, *, last: bool) -> int:
        """Moves the cut back to where a record begins whose quoted field may go on behind it."""
        at = 0
        while not last and (quote := pending.find(b'"', at, cut)) >= 0:
            start = pending.rfind(b"\n", 0, quote) + 1
            end = self._record_end(pending, start, cut)
            if not end:
                return start
            at = end
        return cut

    def _record_end(self, pending: bytes, start: int, cut: int) -> int:
        """Where the record ends that begins at `start`, or 0 when that lies behind the cut."""
        first = end = pending.index(b"\n", start) + 1
        for _ in range(LONGEST_QUOTED):
            if pending.count(b'"', start, end) % 2 == 0:
                return end if _is_one_row(pending[start : end - 1], self.dialect.separator) else first
            if end - start > LONGEST_LINE:
                return first
            if end == cut:
                return 0
            end = pending.index(b"\n", end) + 1
        return first

    def _block(self, data: bytes) -> Block:
        if not data.endswith(b"\n"):
            data += b"\n"
        rows = self._fast(data)
        block = Block(rows, _broken([])) if rows is not None else self._careful(data)
        self.report.rows_read += block.rows.height + block.broken.height
        self._advance(data)
        return block

    def _fast(self, data: bytes) -> pl.DataFrame | None:
        """The whole block through Polars, or None when a byte of it would not be accounted for."""
        if b'"' in data or b"\0" in data or data.startswith(_BOM):
            return None
        # One kind of line end throughout: were they mixed, a field too few could make up for a byte too many.
        lines = data.count(b"\n")
        ending = 2 if b"\r" in data else 1
        if ending > 1 and not lines == data.count(b"\r") == data.count(b"\r\n"):
            return None
        rows = _through_polars(data, self.dialect.separator, len(self.names))
        if rows is None or rows.height != lines:
            return None
        length = pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0)) + (len(self.names) - 1 + ending)
        lengths = rows.select(length.cast(pl.Int64)).to_series()
        if lengths.sum() != len(data) or (lengths > LONGEST_LINE).any() or self._may_hold_furniture(rows, data):
            return None
        offsets = lengths.cum_sum().shift(1, fill_value=0) + self.offset
        numbers = pl.int_range(self.line, self.line + rows.height, dtype=pl.Int64, eager=True)
        return self._named(rows, numbers, offsets).with_columns(notes=pl.lit(None, dtype=pl.List(pl.String)))

    def _may_hold_furniture(self, rows: pl.DataFrame, data: bytes) -> bool:
        """Whether a line of layout may have passed for a row: one that begins with nothing, a blank or a dash."""
        first = rows.to_series(0)
        tail = data.rstrip(b"\n").rpartition(b"\n")[2].strip()
        return bool(first.null_count()) or first.str.contains(r"^[\s-]").any() or self.dialect.is_furniture(tail)

    def _named(self, rows: pl.DataFrame, numbers: pl.Series, offsets: pl.Series) -> pl.DataFrame:
        rows.columns = self.names
        return rows.select(self.dialect.columns).with_columns(source_row=numbers, byte_offset=offsets)

    def _careful(self, data: bytes) -> Block:
        lines = self._sorted_lines(data)
        frames = []
        if lines.clean:
            rows = _through_polars(b"\n".join(lines.clean) + b"\n", self.dialect.separator, len(self.names))
            if rows is None or rows.height != len(lines.clean):
                self._mend_all(lines)
            else:
                at = pl.DataFrame(lines.clean_at, schema={"row": pl.Int64, "offset": pl.Int64}, orient="row")
                frame = self._named(rows, at["row"], at["offset"])
                frames.append(frame.with_columns(notes=pl.lit(None, dtype=pl.List(pl.String))))
        if lines.mended:
            frames.append(self._mended_frame(lines))
        rows = pl.concat(frames).sort("source_row") if frames else self._no_rows()
        return Block(rows, _broken(lines.broken))

    def _mended_frame(self, lines: _Lines) -> pl.DataFrame:
        rows = pl.DataFrame(
            lines.mended, schema=dict.fromkeys(map(str, range(len(self.names))), pl.String), orient="row"
        ).with_columns(pl.all().replace("", None))
        at = pl.DataFrame(
            [(row, offset, notes or None) for row, offset, notes in lines.mended_at],
            schema={"row": pl.Int64, "offset": pl.Int64, "notes": pl.List(pl.String)},
            orient="row",
        )
        return self._named(rows, at["row"], at["offset"]).with_columns(notes=at["notes"])

    def _mend_all(self, lines: _Lines) -> None:
        """Takes every line apart in Python, for the block that Polars reads differently from us."""
        for line, (number, offset) in zip(lines.clean, lines.clean_at, strict=True):
            lines.mended.append(_decoded(line)[0].split(self.dialect.separator))
            lines.mended_at.append((number, offset, []))

    def _sorted_lines(self, data: bytes) -> _Lines:
        separators = len(self.names) - 1
        separator = self.dialect.separator.encode()
        lines = _Lines()
        physical = data.split(b"\n")[:-1]
        number, offset, index = self.line, self.offset, 0
        while index < len(physical):
            line = physical[index]
            span = 1
            bare = line[:-1] if line.endswith(b"\r") else line
            if self.dialect.is_furniture(bare.strip()):
                pass
            elif bare.count(separator) == separators and _is_plain(bare):
                lines.clean.append(bare)
                lines.clean_at.append((number, offset))
            else:
                if b'"' in bare:
                    span = _quoted_span(physical, index, self.dialect.separator)
                    bare = b"\n".join(physical[index : index + span]).removesuffix(b"\r")
                self._take_apart(lines, bare, number, offset)
            offset += sum(map(len, physical[index : index + span])) + span
            number += span
            index += span
        return lines

    def _take_apart(self, lines: _Lines, line: bytes, number: int, offset: int) -> None:
        if b"\0" in line:
            lines.broken.append((number, offset, "text", "the row holds a NUL byte; remove it"))
            return
        if len(line) > LONGEST_LINE:
            lines.broken.append((number, offset, "text", _too_long(len(line))))
            return
        text, notes = _decoded(line)
        fields = _split(text, self.dialect.separator)
        if fields is None:
            is_open = text.count('"') % 2
            what = "a quote is opened and never closed" if is_open else "a line end stands outside its quotes"
            lines.broken.append((number, offset, "text", f"{what}: {_shown(text)}"))
            return
        if len(fields) != len(self.names):
            repaired = self.dialect.repair(fields)
            if repaired is None or len(repaired) != len(self.names):
                lines.broken.append(
                    (number, offset, "field_count", f"{len(fields)} fields where the header has {len(self.names)}")
                )
                return
            fields, notes = repaired, [*notes, "repaired"]
        lines.mended.append(fields)
        lines.mended_at.append((number, offset, notes))

    def _skip_long_line(self, pending: bytes) -> tuple[Block, bytes]:
        """Passes over a line that is too long, holding no more than one block of it; gives what follows it."""
        length = len(pending)
        while True:
            chunk = self.stream.read(BLOCK_BYTES)
            head, newline, rest = chunk.partition(b"\n")
            length += len(head)
            if newline or not chunk:
                break
        broken = _broken([(self.line, self.offset, "text", _too_long(length))])
        self.report.rows_read += 1
        self.offset += length + len(newline)
        self.line += 1
        return Block(self._no_rows(), broken), rest

    def _no_rows(self) -> pl.DataFrame:
        return pl.DataFrame(schema={**dict.fromkeys(self.dialect.columns, pl.String), **_EXTRA})


_EXTRA: dict[str, Any] = {"source_row": pl.Int64, "byte_offset": pl.Int64, "notes": pl.List(pl.String)}


def _broken(rows: list[tuple[int, int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=_BROKEN, orient="row")


def _through_polars(data: bytes, separator: str, columns: int) -> pl.DataFrame | None:
    """The block as string columns, or None when Polars refuses it (ragged rows, bytes that are not UTF-8)."""
    try:
        return pl.read_csv(
            data,
            has_header=False,
            separator=separator,
            quote_char=None,
            schema=dict.fromkeys(map(str, range(columns)), pl.String),
        )
    except pl.exceptions.PolarsError:
        return None


def _refuse_what_is_no_text(head: bytes) -> None:
    if not head.strip():
        raise UnreadableFileError("no_data", "it is empty; nothing to take")
    if _HTML.match(head.removeprefix(_BOM)):
        raise UnreadableFileError(
            "blocked_page",
            "it is an HTML page saved under this name, not data; the download was blocked: fetch it again",
        )
    if head.startswith(_UTF16):
        raise UnreadableFileError("unreadable", "it is UTF-16 text; save it as UTF-8")
    first = head.removeprefix(_BOM).lstrip().partition(b"\n")[0]
    if b"\0" in first or sum(byte in _CONTROL for byte in first) > len(first) // 20:
        raise UnreadableFileError("unreadable", "it is binary data, not text; drop the CSV itself")


def _decoded(line: bytes) -> tuple[str, list[str]]:
    """The line as text, with a note where it is Windows-1252 rather than UTF-8."""
    try:
        return line.decode(), []
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace"), ["latin_1"]


def _is_plain(line: bytes) -> bool:
    """Whether a line with the right number of separators may go through Polars as it is."""
    return line.isascii() and not any(byte in line for byte in (b'"', b"\0", b"\r")) and len(line) <= LONGEST_LINE


def _split(text: str, separator: str, *, strict: bool = False) -> list[str] | None:
    """The fields of a row, quotes observed; None when a quote stays open or the text is more than one row."""
    if '"' not in text:
        return text.split(separator)
    if text.count('"') % 2:
        return None
    try:
        rows = list(csv.reader([text], delimiter=separator, strict=strict))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _quoted_span(physical: list[bytes], index: int, separator: str) -> int:
    """How many lines the record at `index` spans: more than one where a quoted field holds line ends."""
    quotes = 0
    for span, line in enumerate(physical[index : index + LONGEST_QUOTED], start=1):
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return span if _is_one_row(b"\n".join(physical[index : index + span]), separator) else 1
    return 1


def _is_one_row(lines: bytes, separator: str) -> bool:
    """Whether these lines are one row by the letter, rather than rows between two stray quotes."""
    text = _decoded(lines.removesuffix(b"\r"))[0]
    return "\n" not in text or _split(text, separator, strict=True) is not None


def _too_long(length: int) -> str:
    return f"the line is {length:,} bytes long, more than {LONGEST_LINE:,}; is a line end missing?"


def _shown(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def rows_as_read(path: Path, byte_offsets: Sequence[int], separator: str = ",") -> dict[int, RowAsRead]:
    """The rows that begin at these offsets of the decompressed file, by offset."""
    found: dict[int, RowAsRead] = {}
    with open_text(path) as stream:
        for offset in sorted(set(byte_offsets)):
            stream.seek(offset)
            found[offset] = _row_at(stream, separator)
    return found


def _row_at(stream: IO[bytes], separator: str) -> RowAsRead:
    row = stream.readline(LONGEST_LINE)
    length = len(row.rstrip(b"\r\n"))
    if row.endswith(b"\n"):
        row = _quoted_row(stream, row, separator)
        length = len(row.rstrip(b"\r\n"))
    else:
        while more := stream.readline(BLOCK_BYTES):
            length += len(more.rstrip(b"\r\n"))
            if more.endswith(b"\n"):
                break
    return RowAsRead(_decoded(row.rstrip(b"\r\n")[:SHOWN_BYTES])[0], length)


def _quoted_row(stream: IO[bytes], first: bytes, separator: str) -> bytes:
    """The row that begins with this line: more lines than the one where a quoted field holds line ends."""
    row = first
    for _ in range(LONGEST_QUOTED - 1):
        if row.count(b'"') % 2 == 0 or len(row) > LONGEST_LINE:
            break
        row += stream.readline(LONGEST_LINE)
    return row if _is_one_row(row.rstrip(b"\n"), separator) else first
