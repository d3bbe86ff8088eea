"""Which rows of a block Polars may read, and the proof of each that it took every byte; the others are left over.

A row is given to Polars when its quotes are as RFC 4180 has them. It counts as read when its cells, separators, quotes
and line end come to exactly the bytes it has in the file.
"""

from dataclasses import dataclass

import polars as pl

from race_assets.sources.dialect import Dialect, is_blank
from race_assets.sources.one_by_one import is_one_row

LONGEST_QUOTED = 200
"""Lines a quoted field may span before its quote is held to be a stray one."""
WINDOW_BYTES = 1 << 14
BOM = b"\xef\xbb\xbf"
PLACE = ("number", "offset", "size")
UNDECODABLE = "\ufffd"

# Of the same length, so that offsets stay.
_NOT_ASCII = bytes(byte if byte < 128 else ord("?") for byte in range(256))  # noqa: PLR2004 - the end of ASCII


@dataclass
class Sorted:
    """The rows of a block.

    Attributes:
        cells: those that Polars read, as columns 0, 1, … of strings; empty is null.
        places: their `number` (line within the block, from 0), `offset` and `size` in bytes.
        left: places of the rows that it did not read and that are not known to be layout.
    """

    cells: pl.DataFrame
    places: pl.DataFrame
    left: pl.DataFrame


def sort_rows(data: bytes, dialect: Dialect, columns: int, longest: int, *, is_last: bool) -> tuple[Sorted, int]:
    """The rows of a block, and how many bytes they take: what follows may go on behind the block.

    Args:
        data: whole lines.
        dialect: of the file.
        columns: fields a row should have.
        longest: bytes a row may have.
        is_last: no more bytes follow.
    """
    masked, foreign = _masked(data)
    lines = _lines(masked)
    numbers = pl.int_range(0, lines.len(), dtype=pl.Int64, eager=True)
    quotes = pl.repeat(0, lines.len(), dtype=pl.Int64, eager=True)
    if dialect.quote and dialect.quote.encode() in masked:
        quotes = _quotes(lines, dialect)
        spans, whole, used = _spans(data, lines, quotes, dialect, longest, is_last=is_last)
        data, masked = data[:used], masked[:used]
        lines, quotes, numbers = lines.head(whole), quotes.head(whole), numbers.head(whole)
        if spans:
            masked, numbers = _flat(masked, spans, numbers)
            lines = _lines(masked)
            quotes = _quotes(lines, dialect)
    rows = pl.DataFrame({"number": numbers, "text": lines, "quotes": quotes}).with_columns(
        size=pl.col("text").str.len_bytes().cast(pl.Int64) + 1
    )
    rows = rows.with_columns(offset=pl.col("size").cum_sum() - pl.col("size"))
    layout = _is_layout(data, rows, dialect, columns)
    others = rows if not layout.any() else rows.filter(~layout)
    if not dialect.suits_polars:
        return _all_left(others, columns), len(data)
    fit = rows.select(_is_regular(masked, dialect, columns, longest)).to_series()
    if foreign:
        fit &= ~rows["offset"].is_in(foreign)
    fit &= ~layout
    return _proven(data, rows, fit, dialect, columns, others), len(data)


def _lines(data: bytes) -> pl.Series:
    """Each line without its newline; carriage returns stay."""
    if not data:
        return pl.Series([], dtype=pl.String)
    if b"\r" not in data:
        lines = pl.read_lines(data)["line"]
        # It is fast and young: what it gives is checked.
        if lines.len() + lines.str.len_bytes().sum() == len(data):
            return lines
    return pl.Series([data[:-1].decode()]).str.split("\n").explode()


def _masked(data: bytes) -> tuple[bytes, list[int]]:
    """The block with lines that are not UTF-8 in ASCII, and where those begin."""
    found: list[int] = []
    if data.isascii():
        return data, found
    parts, at = [], 0
    while at < len(data):
        # An error holds a copy of all that was to be decoded, so that is kept short.
        end = data.find(b"\n", at + WINDOW_BYTES) + 1 or len(data)
        parts.append(_window_masked(data[at:end], at, found))
        at = end
    return (b"".join(parts) if found else data), found


def _window_masked(window: bytes, offset: int, found: list[int]) -> bytes:
    """Some lines, masked like that; where they begin is added to `found`."""
    if _is_utf_8(window):
        return window
    lines = [line + b"\n" for line in window.split(b"\n")[:-1]]
    for index, line in enumerate(lines):
        if not _is_utf_8(line):
            found.append(offset)
            lines[index] = line.translate(_NOT_ASCII)
        offset += len(line)
    return b"".join(lines)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quotes(lines: pl.Series, dialect: Dialect) -> pl.Series:
    return lines.str.count_matches(dialect.quote, literal=True).cast(pl.Int64)


def _spans(
    data: bytes, lines: pl.Series, quotes: pl.Series, dialect: Dialect, longest: int, *, is_last: bool
) -> tuple[list[tuple[int, int, int]], int, int]:
    """Rows of several lines as (first line, first byte, end); lines and bytes before the row that is not whole."""
    odd = (quotes % 2 == 1).arg_true()
    if not odd.len():
        return [], lines.len(), len(data)
    ends = (lines.str.len_bytes().cast(pl.Int64) + 1).cum_sum().gather(odd).to_list()
    starts = [end - size - 1 for end, size in zip(ends, lines.gather(odd).str.len_bytes(), strict=True)]
    at = odd.to_list()
    spans: list[tuple[int, int, int]] = []
    index = 0
    while index < len(at):
        first, start = at[index], starts[index]
        is_layout = dialect.is_layout(data[start : ends[index]])
        if index + 1 == len(at):
            may_go_on = lines.len() - first < LONGEST_QUOTED and len(data) - start <= longest
            if may_go_on and not is_last and not is_layout:
                return spans, first, start
        elif not is_layout and at[index + 1] - first < LONGEST_QUOTED and starts[index + 1] - start <= longest:
            end = ends[index + 1]
            if is_one_row(data[start : end - 1], dialect):
                spans.append((first, start, end))
                index += 1
        index += 1
    return spans, lines.len(), len(data)


def _flat(data: bytes, spans: list[tuple[int, int, int]], numbers: pl.Series) -> tuple[bytes, pl.Series]:
    """The block with each row on one line, and the lines that rows begin on."""
    flat = bytearray(data)
    inner: list[int] = []
    for first, start, end in spans:
        last = end - 2 if data[end - 2 : end] == b"\r\n" else end - 1
        inner += range(first + 1, first + 1 + data.count(b"\n", start, last))
        flat[start:last] = data[start:last].replace(b"\r\n", b"\1\1").replace(b"\n", b"\1")
    begins = pl.repeat(True, numbers.len(), dtype=pl.Boolean, eager=True).scatter(inner, False)
    return bytes(flat), numbers.filter(begins)


def _is_regular(data: bytes, dialect: Dialect, columns: int, longest: int) -> pl.Expr:
    """Whether Polars will read a row as we do; what no row of the block holds is not looked for."""
    text, size = pl.col("text"), pl.col("size")
    # Polars makes a cell for each column of each row: one with too few separators is not worth that.
    separators = text.str.count_matches(dialect.separator, literal=True)
    fits = [size <= longest, separators >= columns - 1]
    if dialect.quote and dialect.quote.encode() in data:
        fits.append(text.str.contains(_well_quoted(dialect)))
    if b"\r" in data:
        fits.append(~text.str.contains("\r[^\n]"))
    if b"\0" in data:
        fits.append(~text.str.contains("\0", literal=True))
    is_ascii = data.isascii()
    if not is_ascii and BOM in data:
        fits.append(~text.str.starts_with(BOM.decode()))
    if not is_ascii and dialect.encoding is not None and UNDECODABLE.encode() in data:
        fits.append(~text.str.contains(UNDECODABLE, literal=True))
    return pl.all_horizontal(fits).alias("fit")


def _well_quoted(dialect: Dialect) -> str:
    """A regular expression for rows whose quotes stand around whole fields, or doubled within them."""
    quote, separator = _sign(dialect.quote), _sign(dialect.separator)
    cell = f"(?:[^{quote}{separator}]*|{quote}(?:[^{quote}]|{quote}{quote})*{quote})"
    return f"^{cell}(?:{separator}{cell})*\r?$"


def _sign(character: str) -> str:
    return f"\\x{{{ord(character):x}}}"


def _is_layout(data: bytes, rows: pl.DataFrame, dialect: Dialect, columns: int) -> pl.Series:
    """Rows that the dialect knows as layout, among those that may pass for data."""
    text, blanks = pl.col("text"), dialect.blanks
    if dialect.is_furniture is is_blank:
        return rows.select(text.str.strip_chars(blanks.decode()) == "").to_series()
    begins = rf"^(?:\s|-|{_sign(dialect.separator)}|$)"
    doubtful = text.str.contains(begins if columns > 1 else "")
    asked = rows.with_row_index("at").filter(doubtful).select("at", "offset", "size")
    layout = [
        at
        for at, start, size in asked.iter_rows()
        if data.find(b"\n", start, start + size - 1) < 0
        and dialect.is_furniture(data[start : start + size].strip(blanks))
    ]
    return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True).scatter(layout, True)


def _proven(
    data: bytes, rows: pl.DataFrame, fit: pl.Series, dialect: Dialect, columns: int, others: pl.DataFrame
) -> Sorted:
    """The rows that fit, as Polars reads them, as far as that is proven; `others` are the rows that are no layout."""
    places = rows.select(PLACE)
    if not fit.any():
        return _all_left(others, columns)
    given = rows if fit.all() else rows.filter(fit)
    cells = through_polars(data if fit.all() else _joined(data, places, fit), dialect, columns)
    if cells is None or cells.height != given.height:
        return _all_left(others, columns)
    cells, sizes = _sizes(cells, given, dialect)
    proven = sizes == given["size"]
    if fit.all() and proven.all():
        return Sorted(cells, places, places.clear())
    read = given["number"].filter(proven)
    return Sorted(
        cells.filter(proven),
        given.select(PLACE).filter(proven),
        others.select(PLACE).filter(~others["number"].is_in(read.implode())),
    )


def _all_left(rows: pl.DataFrame, columns: int) -> Sorted:
    cells = pl.DataFrame(schema=dict.fromkeys(map(str, range(columns)), pl.String))
    places = rows.select(PLACE)
    return Sorted(cells, places.clear(), places)


def _joined(data: bytes, places: pl.DataFrame, fit: pl.Series) -> bytes:
    """The bytes of the rows that fit, one after the other."""
    ends = places["offset"] + places["size"]
    begins = places["offset"].filter(fit & ~fit.shift(1, fill_value=False))
    stops = ends.filter(fit & ~fit.shift(-1, fill_value=False))
    return b"".join(data[begin:stop] for begin, stop in zip(begins.to_list(), stops.to_list(), strict=True))


def _sizes(cells: pl.DataFrame, rows: pl.DataFrame, dialect: Dialect) -> tuple[pl.DataFrame, pl.Series]:
    """The cells, empty ones null, and the bytes that each row has by them."""
    sizes = cells.select(pl.sum_horizontal(pl.all().str.len_bytes().cast(pl.Int64).fill_null(0))).to_series()
    sizes += cells.width + rows["text"].str.ends_with("\r").cast(pl.Int64)
    quotes = rows["quotes"]
    if not quotes.sum():
        return cells, sizes
    # Where no quote stands doubled, none is left in the cells.
    doubled = rows["text"].str.contains(dialect.quote * 2, literal=True)
    if doubled.any():
        per_cell = pl.all().str.count_matches(dialect.quote, literal=True).cast(pl.Int64).fill_null(0)
        left = cells.filter(doubled).select(pl.sum_horizontal(per_cell)).to_series()
        at = doubled.arg_true()
        quotes = quotes.scatter(at, quotes.gather(at) - left)
        cells = cells.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in cells.columns)
    return cells, sizes + quotes


def through_polars(data: bytes, dialect: Dialect, columns: int) -> pl.DataFrame | None:
    """The rows as string columns 0, 1, …, surplus fields left out, or None when Polars refuses them."""
    has_quotes = bool(dialect.quote) and dialect.quote.encode() in data
    try:
        return pl.read_csv(
            data,
            has_header=False,
            separator=dialect.separator,
            quote_char=dialect.quote if has_quotes else None,
            schema=dict.fromkeys(map(str, range(columns)), pl.String),
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return None
