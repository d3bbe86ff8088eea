"""Frames as Postgres' binary COPY reads them, and the COPY itself; what is written, and when, is decided elsewhere.

A row is a count of fields, then for each field its length and its bytes, most significant first (PostgreSQL manual,
COPY, "Binary Format"). The bytes are made a column at a time and joined row by row, both in Arrow.
"""

import sys
from array import array
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from race_assets.ahead import ahead
from race_assets.errors import PermanentError

SLICE_ROWS = 10_000
"""Rows joined at once: enough to drown the cost of a call, few enough to stay in the processor's cache (measured)."""

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
JSONB_VERSION = b"\x01"
BINARY = pa.large_binary()
NOTHING = pa.scalar(b"", BINARY)
EPOCH_DAYS = 10_957
"""Postgres counts from 2000-01-01, Arrow from 1970-01-01."""
EPOCH_US = EPOCH_DAYS * 86_400_000_000

Piece = bytes | Any
"""A part of every row: the same bytes in each, or an Arrow array of binary values, one a row."""


class Kind(NamedTuple):
    """A type of values as Postgres knows it.

    Attributes:
        name: of the column type.
        oid: of the type, as arrays name that of their elements.
        code: of its values in the `array` module; empty for text and bytes.
        stored: the Polars type that has the same bits; None where there is nothing to convert.
    """

    name: str
    oid: int
    code: str = ""
    stored: pl.DataType | None = None


KINDS: dict[Any, Kind] = {
    pl.Boolean: Kind("boolean", 16, "b", pl.Int8()),
    pl.Binary: Kind("bytea", 17),
    pl.Int8: Kind("smallint", 21, "h", pl.Int16()),
    pl.UInt8: Kind("smallint", 21, "h", pl.Int16()),
    pl.Int16: Kind("smallint", 21, "h"),
    pl.UInt16: Kind("integer", 23, "i", pl.Int32()),
    pl.Int32: Kind("integer", 23, "i"),
    pl.UInt32: Kind("bigint", 20, "q", pl.Int64()),
    pl.Int64: Kind("bigint", 20, "q"),
    pl.Float32: Kind("real", 700, "f"),
    pl.Float64: Kind("double precision", 701, "d"),
    pl.String: Kind("text", 25),
    pl.Categorical: Kind("text", 25),
    pl.Enum: Kind("text", 25),
    pl.Date: Kind("date", 1082, "i", pl.Int32()),
    pl.Time: Kind("time", 1083, "q", pl.Int64()),
}
REMEDIES: dict[Any, str] = {
    # Exact as numeric, but read back as text.
    pl.Decimal: "cast it to Float64",
    pl.UInt64: "cast it to Int64",
    pl.Int128: "cast it to Int64",
    pl.Duration: "store its dt.total_milliseconds()",
    pl.Struct: "unnest it",
    pl.Array: "store its arr.to_list()",
    pl.List: "flatten it",
    pl.Null: "cast it to the type it has when it is known, such as String",
}
"""What to do about the types that Postgres, or the reading back from it, does not have."""

TIMESTAMP = Kind("timestamp", 1114, "q", pl.Int64())
TIMESTAMPTZ = Kind("timestamptz", 1184, "q", pl.Int64())


def column_type(name: str, dtype: pl.DataType) -> str:
    """The Postgres type that a column of this Polars type is stored in.

    Raises:
        PermanentError: Postgres has no such type.
    """
    return f"{_kind(name, dtype.inner).name}[]" if isinstance(dtype, pl.List) else _kind(name, dtype).name  # type: ignore[arg-type]  # inner is a type, instantiated


def copy_rows(cursor: Any, table: str, frame: pl.DataFrame, json_columns: Collection[str] = ()) -> None:
    """Appends the frame's rows to the table's columns of the same names.

    Args:
        cursor: psycopg's, in the transaction the rows are to be part of.
        table: as SQL names it, quoted where it must be.
        json_columns: columns of JSON texts that the table keeps as `jsonb`.

    Raises:
        PermanentError: a column is of a type that Postgres does not have.
    """
    if not frame.height:
        return
    names = ", ".join(quoted(name) for name in frame.columns)
    with cursor.copy(f"copy {table} ({names}) from stdin (format binary)") as copy:
        copy.write(SIGNATURE)
        for payload in ahead(payloads(frame, json_columns)):
            copy.write(payload)
        copy.write(TRAILER)


def quoted(name: str) -> str:
    """A name as SQL takes it whatever letters it has."""
    return '"' + name.replace('"', '""') + '"'


def payloads(frame: pl.DataFrame, json_columns: Collection[str] = ()) -> Iterator[memoryview]:
    """The frame's rows in COPY's format, a slice at a time, without its signature and trailer."""
    for part in frame.iter_slices(SLICE_ROWS):
        pieces: list[Piece] = [frame.width.to_bytes(2, "big")]
        for column in part.get_columns():
            for piece in _field(column.rechunk(), is_json=column.name in json_columns):
                if isinstance(piece, bytes) and isinstance(pieces[-1], bytes):
                    pieces[-1] += piece
                else:
                    pieces.append(piece)
        yield _data(_joined(pieces, part.height))


def _kind(name: str, dtype: pl.DataType) -> Kind:
    if isinstance(dtype, pl.Datetime):
        return TIMESTAMPTZ if dtype.time_zone else TIMESTAMP
    kind = KINDS.get(dtype.base_type())
    if kind is None:
        raise PermanentError(
            f"column {name!r} holds {dtype}, which is not stored in Postgres; "
            f"{REMEDIES.get(dtype.base_type(), 'cast it before storing')}"
        )
    return kind


def _field(column: pl.Series, *, is_json: bool = False) -> list[Piece]:
    """A column's length and bytes in each row."""
    if column.null_count() == len(column):
        return [NULL]
    if isinstance(column.dtype, pl.List):
        return _lists(column)
    kind = _kind(column.name, column.dtype)
    return _numbers(column, kind) if kind.code else _texts(column, JSONB_VERSION if is_json else b"")


def _texts(column: pl.Series, prefix: bytes) -> list[Piece]:
    is_bytes = column.dtype == pl.Binary
    if not is_bytes:
        column = column.cast(pl.String)
        if not column.null_count() and (column == column[0]).all():
            return [_sized(prefix + column[0].encode())]
    sizes = column.bin.size() if is_bytes else column.str.len_bytes()
    lengths = (sizes.cast(pl.Int32) + len(prefix)).fill_null(-1)
    values = column.fill_null(b"" if is_bytes else "").to_arrow(compat_level=pl.CompatLevel.oldest())
    pieces = [_swapped(lengths, "i"), values.cast(BINARY)]
    if prefix:
        known = column.is_not_null().to_arrow()
        pieces.insert(1, pc.if_else(known, pa.scalar(prefix, BINARY), NOTHING))
    return pieces


def _numbers(column: pl.Series, kind: Kind) -> list[Piece]:
    values = _stored(column, kind)
    width = array(kind.code).itemsize
    if not values.null_count():
        if not values.dtype.is_float() and (values == values[0]).all():
            return [_sized(_one(kind.code, values[0]))]
        return [width.to_bytes(4, "big"), _swapped(values, kind.code)]
    known = values.is_not_null().to_arrow()
    sized = _joined([width.to_bytes(4, "big"), _swapped(values.fill_null(0), kind.code)], len(values))
    return [pc.if_else(known, sized, pa.scalar(NULL, BINARY))]


def _stored(column: pl.Series, kind: Kind) -> pl.Series:
    """The numbers Postgres stands for the values with."""
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.cast_time_unit("us").cast(pl.Int64) - EPOCH_US
    if column.dtype == pl.Date:
        return column.cast(pl.Int32) - EPOCH_DAYS
    if column.dtype == pl.Time:
        return column.cast(pl.Int64) // 1_000
    return column.cast(kind.stored) if kind.stored is not None else column


def _lists(column: pl.Series) -> list[Piece]:
    """Arrays of one dimension; an empty one has none."""
    if isinstance(column.dtype.inner, pl.List):  # type: ignore[attr-defined]  # only lists come here
        raise PermanentError(f"column {column.name!r} holds lists of lists, which are not stored; flatten it first")
    known = column.is_not_null()
    elements = column.fill_null(pl.lit([], dtype=column.dtype)) if column.null_count() else column
    counts = elements.list.len().cast(pl.Int32)
    values = elements.explode(empty_as_null=False, keep_nulls=True)
    oid = _kind(column.name, values.dtype).oid
    bodies = _bodies(values, counts)
    has_some = (counts > 0).to_arrow()
    dimensions = _joined([_swapped(counts, "i"), _one("i", 1)], len(column))
    header = _joined(
        [
            pc.if_else(has_some, pa.scalar(_one("i", 1), BINARY), pa.scalar(_one("i", 0), BINARY)),
            _one("i", 0) + _one("i", oid),
            pc.if_else(has_some, dimensions, NOTHING),
            bodies,
        ],
        len(column),
    )
    sizes = pl.Series(pc.binary_length(header)).cast(pl.Int32)
    sized = _joined([_swapped(sizes, "i"), header], len(column))
    return [pc.if_else(known.to_arrow(), sized, pa.scalar(NULL, BINARY))]


def _bodies(values: pl.Series, counts: pl.Series) -> Any:
    """The elements of each list, each with its length, one after the other."""
    if not len(values):
        return pa.array([b""] * len(counts), BINARY)
    each = _joined(_field(values.rechunk()), len(values))
    ends = counts.cast(pl.Int64).cum_sum()
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64), ends]).rechunk().to_arrow()
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets, each), NOTHING)


def _swapped(values: pl.Series, code: str) -> Any:
    """Numbers without nulls as binary values, most significant byte first."""
    numbers = array(code)
    numbers.frombytes(_bytes_of(values, numbers.itemsize))
    if sys.byteorder == "little":
        numbers.byteswap()
    fixed = pa.Array.from_buffers(pa.binary(numbers.itemsize), len(values), [None, pa.py_buffer(numbers)])
    return fixed.cast(BINARY)


def _bytes_of(values: pl.Series, width: int) -> Any:
    arrow = values.rechunk().to_arrow()
    return arrow.buffers()[1].slice(arrow.offset * width, len(values) * width)


def _one(code: str, value: float) -> bytes:
    """One number, most significant byte first."""
    number = array(code, [value])
    if sys.byteorder == "little":
        number.byteswap()
    return number.tobytes()


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _joined(pieces: list[Piece], rows: int) -> Any:
    """The pieces one after the other, row by row."""
    arguments = [pa.scalar(piece, BINARY) if isinstance(piece, bytes) else piece for piece in pieces]
    joined = pc.binary_join_element_wise(*arguments, NOTHING)
    if isinstance(joined, pa.Scalar):
        return pa.array([joined.as_py()] * rows, BINARY)
    return joined


def _data(values: Any) -> memoryview:
    """The bytes of binary values that lie one after the other."""
    offsets, data = values.buffers()[1:]
    ends = memoryview(offsets).cast("q")
    return memoryview(data)[ends[values.offset] : ends[values.offset + len(values)]]
