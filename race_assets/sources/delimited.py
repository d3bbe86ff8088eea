"""Delimited text of any size as frames of strings, every line accounted for; what columns mean is not known here.

Blocks go through Polars, and a count of bytes proves for each row that it took every character. Only the rows that fail
the proof are looked at line by line, and only the lines that need it are taken apart in Python.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import polars as pl

from race_assets.errors import UnreadableFileError
from race_assets.sources.base import ReadReport, RowAsRead
from race_assets.sources.opened import open_text, reading

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
        quote: around fields; empty where nothing is quoted.
        encoding: as Python names it; None is UTF-8, and Windows-1252 for a line that is not.
        header_line: where the header is, from 1; None is the first line that is not blank.
        names: of the columns of a file without header.
        skip_lines: lines before the first row of a file without header.
        takes_all: all columns are handed over; else only `columns`, and others are told of.
        is_furniture: whether a line (stripped) is part of the layout rather than data: a rule of dashes, a row count.
        repair: turns the fields of a row with a wrong count into the right count, or None.
    """

    columns: Sequence[str]
    separator: str = ","
    quote: str = '"'
    encoding: str | None = None
    header_line: int | None = None
    names: Sequence[str] | None = None
    skip_lines: int = 0
    takes_all: bool = False
    is_furniture: Callable[[bytes], bool] = lambda line: not line
    repair: Repair = lambda _: None


ANY = Dialect(())
"""Commas and double quotes."""


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
    with reading(path, dialect.encoding) as stream:
        yield from _Reader(stream, dialect, report).blocks()


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
        """Passes over what stands before the rows, sets the column names and gives back what follows."""
        if head.startswith(_BOM):
            head = head[len(_BOM) :]
            self.offset = len(_BOM)
        head = self._after_skipped(head)
        if self.dialect.names is not None:
            self.names = list(self.dialect.names)
            self.report.shape = ",".join(self.names)
            return head
        line, newline, rest = head.partition(b"\n")
        if not newline and len(head) >= SHOWN_BYTES:
            raise UnreadableFileError(
                "unreadable", f"line {self.line} has no end within {SHOWN_BYTES} bytes: no header"
            )
        text = _decoded(line.removesuffix(b"\r"))[0]
        cells = _split(text, self.dialect) or text.split(self.dialect.separator)
        self._check_header([cell.strip().strip('"').strip().lower() for cell in cells])
        self._advance(line + newline)
        return rest

    def _after_skipped(self, head: bytes) -> bytes:
        """What follows the lines that stand before the header, or before the first row where there is none."""
        fixed = self.dialect.skip_lines if self.dialect.names is not None else (self.dialect.header_line or 0) - 1
        while True:
            line, newline, rest = head.partition(b"\n")
            is_before = self.line <= fixed if fixed >= 0 else not line.strip()
            if not newline or not is_before:
                return head
            self._advance(line + newline)
            head = rest

    def _check_header(self, found: list[str]) -> None:
        names = list(found)
        for position, name in enumerate(names):
            if not name and self.dialect.takes_all:
                names[position] = f"column_{position + 1}"
            elif name in names[:position]:
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
            if not self.dialect.takes_all and name not in self.dialect.columns and "#" not in name
        ]
        self.report.shape = ",".join(names)
        self.names = names

    def _advance(self, taken: bytes) -> None:
        self.offset += len(taken)
        self.line += taken.count(b"\n")

    def _whole_records(self, pending: bytes, cut: int, *, last: bool) -> int:
        """Moves the cut back to where a record begins whose quoted field may go on behind it."""
        mark = self.dialect.quote.encode()
        if last or not mark or mark not in pending[:cut]:
            return cut
        at = _first_open(pending[:cut], self.dialect.quote)
        while (quote := pending.find(mark, at, cut)) >= 0:
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
            if pending.count(self.dialect.quote.encode(), start, end) % 2 == 0:
                return end if _is_one_row(pending[start : end - 1], self.dialect) else first
            if end - start > LONGEST_LINE:
                return first
            if end == cut:
                return 0
            end = pending.index(b"\n", end) + 1
        return first

    def _block(self, data: bytes) -> Block:
        if not data.endswith(b"\n"):
            data += b"\n"
        rows = self._whole(data)
        block = Block(rows, _broken([])) if rows is not None else self._by_row(data)
        if block is None:
            block = self._careful(data, self.line, self.offset)
            self.report.rows_careful += block.rows.height + block.broken.height
        self.report.rows_read += block.rows.height + block.broken.height
        self._advance(data)
        return block

    def _whole(self, data: bytes) -> pl.DataFrame | None:
        """The whole block through Polars, or None when a byte of it would not be accounted for."""
        if self._has_quotes(data) or b"\0" in data or data.startswith(_BOM):
            return None
        lines, ending = data.count(b"\n"), _ending(data)
        rows = _through_polars(data, self.dialect.separator, len(self.names)) if ending else None
        if rows is None or ending is None or rows.height != lines:
            return None
        length = pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0)) + (len(self.names) - 1 + ending)
        lengths = rows.select(length.cast(pl.Int64)).to_series()
        if lengths.sum() != len(data) or (lengths > LONGEST_LINE).any() or self._may_be_furniture(rows).any():
            return None
        offsets = lengths.cum_sum().shift(1, fill_value=0) + self.offset
        numbers = pl.int_range(self.line, self.line + rows.height, dtype=pl.Int64, eager=True)
        return self._named(rows, numbers, offsets)

    def _by_row(self, data: bytes) -> Block | None:
        """The block through Polars, but for the rows that it does not account for; None where rows cannot be told.

        A row is accounted for when its bytes are those of its cells, its separators, its line end and its quotes.
        """
        ending = _ending(data)
        quote = self.dialect.quote if self._has_quotes(data) else ""
        rows = _through_polars(data, self.dialect.separator, len(self.names), quote, ragged=True) if ending else None
        lines = _lines_of(data) if rows is not None else None
        if rows is None or lines is None or ending is None or data.startswith(_BOM):
            return None
        place = _placed(rows, lines, ending, quote)
        if place is None:
            return None
        is_odd = ~_is_accounted_for(rows, place, len(self.names) - 1 + ending, quote) | self._may_be_furniture(rows)
        place = place.with_columns(number=pl.col("line") + self.line, offset=pl.col("at") + self.offset, odd=is_odd)
        parts = [self._careful(data[at:end], number, offset) for at, end, number, offset in _stretches(place)]
        self.report.rows_careful += sum(part.rows.height + part.broken.height for part in parts)
        if quote:
            rows = rows.with_columns(pl.when(pl.all() != "").then(pl.all()))
        kept = self._named(rows, place["number"], place["offset"]).filter(~is_odd)
        if not parts:
            return Block(kept, _broken([]))
        together = pl.concat([kept, *(part.rows for part in parts)]).sort("source_row", maintain_order=True)
        return Block(together, pl.concat([part.broken for part in parts]))

    def _has_quotes(self, data: bytes) -> bool:
        return bool(self.dialect.quote) and self.dialect.quote.encode() in data

    def _may_be_furniture(self, rows: pl.DataFrame) -> pl.Series:
        """Rows that may be lines of layout: they begin with nothing, a blank or a dash, or the dialect knows them."""
        first = rows.to_series(0)
        if self.dialect.takes_all:
            return rows.select(pl.all_horizontal(pl.all().is_null())).to_series()
        odd = first.is_null() | first.str.contains(r"^[\s-]").fill_null(value=False)
        if rows.height and not odd[-1] and self.dialect.is_furniture((first[-1] or "").strip().encode()):
            odd = odd.scatter(rows.height - 1, True)
        return odd

    def _named(self, rows: pl.DataFrame, numbers: pl.Series, offsets: pl.Series) -> pl.DataFrame:
        rows.columns = self.names
        rows = rows.select(self._taken()).with_columns(source_row=numbers, byte_offset=offsets)
        return rows.with_columns(notes=self._undecodable() if self.dialect.encoding else NO_NOTES)

    def _taken(self) -> Sequence[str]:
        return self.names if self.dialect.takes_all else self.dialect.columns

    def _undecodable(self) -> pl.Expr:
        """A note on rows with a character that the file's encoding does not have."""
        odd = pl.any_horizontal(pl.col(self._taken()).str.contains("\ufffd", literal=True)).fill_null(value=False)
        return pl.when(odd).then(pl.lit(["undecodable"], dtype=pl.List(pl.String)))

    def _careful(self, data: bytes, number: int, offset: int) -> Block:
        lines = self._sorted_lines(data, number, offset)
        frames = []
        if lines.clean:
            rows = _through_polars(b"\n".join(lines.clean) + b"\n", self.dialect.separator, len(self.names))
            if rows is None or rows.height != len(lines.clean):
                self._mend_all(lines)
            else:
                at = pl.DataFrame(lines.clean_at, schema={"row": pl.Int64, "offset": pl.Int64}, orient="row")
                frames.append(self._named(rows, at["row"], at["offset"]))
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
        frame = self._named(rows, at["row"], at["offset"])
        return frame.with_columns(notes=pl.coalesce(at["notes"], "notes"))

    def _mend_all(self, lines: _Lines) -> None:
        """Takes every line apart in Python, for the block that Polars reads differently from us."""
        for line, (number, offset) in zip(lines.clean, lines.clean_at, strict=True):
            lines.mended.append(_decoded(line)[0].split(self.dialect.separator))
            lines.mended_at.append((number, offset, []))

    def _sorted_lines(self, data: bytes, number: int, offset: int) -> _Lines:
        separators = len(self.names) - 1
        separator = self.dialect.separator.encode()
        lines = _Lines()
        physical = data.split(b"\n")[:-1]
        quote, index = self.dialect.quote.encode(), 0
        while index < len(physical):
            line = physical[index]
            span = 1
            bare = line[:-1] if line.endswith(b"\r") else line
            if self.dialect.is_furniture(bare.strip()):
                pass
            elif bare.count(separator) == separators and _is_plain(bare, quote):
                lines.clean.append(bare)
                lines.clean_at.append((number, offset))
            else:
                if quote and quote in bare:
                    span = _quoted_span(physical, index, self.dialect)
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
        fields = _split(text, self.dialect)
        if fields is None:
            is_open = text.count(self.dialect.quote) % 2
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
        return pl.DataFrame(schema={**dict.fromkeys(self._taken(), pl.String), **_EXTRA})


NO_NOTES = pl.lit(None, dtype=pl.List(pl.String))
UNUSED = (b"\x1f", b"\x1e", b"\x1d", b"\x1c", b"\x01", b"\x02")
"""Bytes that text has no use for: one that a block does not hold lets Polars read it line by line."""
_EXTRA: dict[str, Any] = {"source_row": pl.Int64, "byte_offset": pl.Int64, "notes": pl.List(pl.String)}


def _broken(rows: list[tuple[int, int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=_BROKEN, orient="row")


def _through_polars(
    data: bytes, separator: str, columns: int, quote: str = "", *, ragged: bool = False
) -> pl.DataFrame | None:
    """The block as string columns, or None when Polars refuses it (ragged rows, bytes that are not UTF-8)."""
    try:
        return pl.read_csv(
            data,
            has_header=False,
            separator=separator,
            quote_char=quote or None,
            truncate_ragged_lines=ragged,
            schema=dict.fromkeys(map(str, range(columns)), pl.String),
        )
    except pl.exceptions.PolarsError:
        return None


def _ending(data: bytes) -> int | None:
    """Bytes of a line end, the same throughout: were they mixed, a field too few could make up for a byte too many."""
    if b"\r" not in data:
        return 1
    return 2 if data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n") else None


def _lines_of(data: bytes) -> pl.Series | None:
    """The block's lines without their ends, or None where Polars does not tell them as they are."""
    separator = next((byte for byte in UNUSED if byte not in data), None)
    lines = _through_polars(data, separator.decode(), 1) if separator else None
    return None if lines is None or lines.height != data.count(b"\n") else lines.to_series().fill_null("")


def _first_open(data: bytes, quote: str) -> int:
    """Where the first line begins in which quotes are no pairs; the end where there is none, 0 where it is unknown."""
    lines = _lines_of(data)
    if lines is None:
        return 0
    odd = (lines.str.count_matches(quote, literal=True) % 2 == 1).arg_true()
    if not odd.len():
        return len(data)
    # Line ends may be of one byte or two: the line is looked for from its own number.
    at = 0
    for _ in range(odd[0]):
        at = data.index(b"\n", at) + 1
    return at


def _placed(rows: pl.DataFrame, lines: pl.Series, ending: int, quote: str) -> pl.DataFrame | None:
    """Where each row begins and ends in the block: `line` from 0, `at`, `end`, and `quotes` in it; None if unknown."""
    spans = pl.repeat(1, rows.height, dtype=pl.Int64, eager=True)
    if quote:
        inside = pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True).fill_null(0))
        spans += rows.select(inside.cast(pl.Int64)).to_series()
    if spans.sum() != lines.len():
        return None
    ends = (lines.str.len_bytes().cast(pl.Int64) + ending).cum_sum()
    last = spans.cum_sum() - 1
    quotes = lines.str.count_matches(quote, literal=True).cast(pl.Int64).cum_sum() if quote else None
    end = ends.gather(last)
    quoted = quotes.gather(last) if quotes is not None else pl.repeat(0, rows.height, dtype=pl.Int64, eager=True)
    return pl.DataFrame(
        {
            "line": last - spans + 1,
            "span": spans,
            "at": end.shift(1, fill_value=0),
            "end": end,
            "quotes": quoted - quoted.shift(1, fill_value=0),
        }
    )


def _is_accounted_for(rows: pl.DataFrame, place: pl.DataFrame, around: int, quote: str) -> pl.Series:
    """Rows whose bytes are all accounted for; `around` are the bytes of a row beside its cells and quotes."""
    told = rows.select(
        size=pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0)).cast(pl.Int64),
        kept=pl.sum_horizontal(pl.all().str.count_matches(quote, literal=True).fill_null(0)).cast(pl.Int64)
        if quote
        else pl.lit(0, dtype=pl.Int64),
        nul=pl.any_horizontal(pl.all().str.contains("\0", literal=True)).fill_null(value=False),
    )
    length = pl.col("end") - pl.col("at")
    return (
        place.with_columns(told)
        .select(
            (length == pl.col("size") + around + pl.col("quotes") - pl.col("kept"))
            & (pl.col("quotes") % 2 == 0)
            # A field over several lines may be two stray quotes: the careful path tells.
            & (pl.col("span") == 1)
            & (length <= LONGEST_LINE)
            & ~pl.col("nul")
        )
        .to_series()
    )


def _stretches(place: pl.DataFrame) -> list[tuple[int, int, int, int]]:
    """Neighbouring odd rows together: where they begin and end in the block, their first line and its offset."""
    odd = place.with_columns(stretch=pl.col("odd").rle_id()).filter("odd")
    return (
        odd.group_by("stretch", maintain_order=True)
        .agg(pl.col("at").first(), pl.col("end").last(), pl.col("number").first(), pl.col("offset").first())
        .drop("stretch")
        .rows()
    )


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


def _is_plain(line: bytes, quote: bytes) -> bool:
    """Whether a line with the right number of separators may go through Polars as it is."""
    odd = (b"\0", b"\r", quote) if quote else (b"\0", b"\r")
    return line.isascii() and not any(byte in line for byte in odd) and len(line) <= LONGEST_LINE


def _split(text: str, dialect: Dialect, *, strict: bool = False) -> list[str] | None:
    """The fields of a row, quotes observed; None when a quote stays open or the text is more than one row."""
    quote = dialect.quote
    if not quote or quote not in text:
        return text.split(dialect.separator)
    if text.count(quote) % 2:
        return None
    try:
        rows = list(csv.reader([text], delimiter=dialect.separator, quotechar=quote, strict=strict))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _quoted_span(physical: list[bytes], index: int, dialect: Dialect) -> int:
    """How many lines the record at `index` spans: more than one where a quoted field holds line ends."""
    quotes = 0
    for span, line in enumerate(physical[index : index + LONGEST_QUOTED], start=1):
        quotes += line.count(dialect.quote.encode())
        if quotes % 2 == 0:
            return span if _is_one_row(b"\n".join(physical[index : index + span]), dialect) else 1
    return 1


def _is_one_row(lines: bytes, dialect: Dialect) -> bool:
    """Whether these lines are one row by the letter, rather than rows between two stray quotes."""
    text = _decoded(lines.removesuffix(b"\r"))[0]
    return "\n" not in text or _split(text, dialect, strict=True) is not None


def _too_long(length: int) -> str:
    return f"the line is {length:,} bytes long, more than {LONGEST_LINE:,}; is a line end missing?"


def _shown(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def cells_of(text: str, dialect: Dialect = ANY) -> list[str]:
    """The cells of a row as read; cut at every separator where its quotes are no pairs."""
    return _split(text, dialect) or text.split(dialect.separator)


def rows_as_read(path: Path, byte_offsets: Sequence[int], dialect: Dialect = ANY) -> dict[int, RowAsRead]:
    """The rows that begin at these offsets of the file's text, by offset."""
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
    return RowAsRead(_decoded(row.rstrip(b"\r\n")[:SHOWN_BYTES])[0], length)


def _quoted_row(stream: IO[bytes], first: bytes, dialect: Dialect) -> bytes:
    """The row that begins with this line: more lines than the one where a quoted field holds line ends."""
    row, quote = first, dialect.quote.encode()
    for _ in range(LONGEST_QUOTED - 1):
        if not quote or row.count(quote) % 2 == 0 or len(row) > LONGEST_LINE:
            break
        row += stream.readline(LONGEST_LINE)
    return row if _is_one_row(row.rstrip(b"\n"), dialect) else first
