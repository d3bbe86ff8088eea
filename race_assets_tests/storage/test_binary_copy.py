"""What is copied is what Postgres holds: every type, with and without nulls, in any number of rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import hypothesis.strategies as st
import polars as pl
import psycopg
import pytest
from hypothesis import given, settings

from race_assets.errors import PermanentError
from race_assets.storage import binary_copy
from race_assets.storage.binary_copy import SLICE_ROWS, column_type, copy_rows, quoted

Connection = psycopg.Connection[tuple[Any, ...]]

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - made aware where it matters
DATES = st.dates(date(1900, 1, 1), date(2200, 1, 1))
TYPES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "boolean": (pl.Boolean, st.booleans()),
    "small": (pl.Int16, st.integers(-(2**15), 2**15 - 1)),
    "tiny": (pl.UInt8, st.integers(0, 255)),
    "middle": (pl.Int32, st.integers(-(2**31), 2**31 - 1)),
    "unsigned": (pl.UInt32, st.integers(0, 2**32 - 1)),
    "big": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "number": (pl.Float64, st.floats(allow_nan=False)),
    "single": (pl.Float32, st.floats(width=32, allow_nan=False)),
    "text": (pl.String, TEXT),
    "bytes": (pl.Binary, st.binary(max_size=20)),
    "date": (pl.Date, DATES),
    "time": (pl.Time, st.times()),
    "local": (pl.Datetime("us"), INSTANTS),
    "instant": (pl.Datetime("us", "UTC"), INSTANTS.map(lambda each: each.replace(tzinfo=UTC))),
    "texts": (pl.List(pl.String), st.lists(st.none() | TEXT, max_size=4)),
    "dates": (pl.List(pl.Date), st.lists(DATES, max_size=4)),
    "numbers": (pl.List(pl.Int64), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4)),
}
SCHEMA = {name: dtype for name, (dtype, _) in TYPES.items()}
ROW = st.tuples(*(st.none() | values for _, values in TYPES.values()))


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A session in UTC, all of whose work is undone."""
    with psycopg.connect(database) as opened:
        opened.execute("set timezone to 'UTC'")
        opened.commit()
        yield opened
        opened.rollback()


def kept(connection: Connection, frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """The frame's rows as Postgres gives them back after they were copied into a table made for them."""
    columns = ", ".join(f"{quoted(name)} {column_type(name, dtype)}" for name, dtype in frame.schema.items())
    connection.rollback()
    # Read as binary too: as text, Postgres gives the shortest digits that make the same number of the same width.
    with connection.cursor(binary=True) as cursor:
        cursor.execute(f"create temporary table copied (place serial, {columns})".encode())
        copy_rows(cursor, "copied", frame)
        names = ", ".join(map(quoted, frame.columns))
        return cursor.execute(f"select {names} from copied order by place".encode()).fetchall()


@settings(max_examples=60)
@given(rows=st.lists(ROW, min_size=1, max_size=30))
def test_every_value_comes_back(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    assert kept(connection, pl.DataFrame(rows, schema=SCHEMA, orient="row")) == rows


@pytest.mark.parametrize("rows", [1, SLICE_ROWS - 1, SLICE_ROWS, 2 * SLICE_ROWS + 7])
def test_rows_keep_their_number_and_order(connection: Connection, rows: int) -> None:
    frame = pl.DataFrame({"n": range(rows)}).with_columns(
        same=pl.lit("x"), part=pl.when(pl.col("n") % 3 > 0).then("n"), texts=pl.concat_list(pl.lit("a"), pl.lit("b"))
    )
    expected = [(n, "x", n if n % 3 else None, ["a", "b"]) for n in range(rows)]
    assert kept(connection, frame) == expected


def test_columns_that_never_change_are_written_in_every_row(connection: Connection) -> None:
    row = (True, 7, "always", date(2024, 6, 27), None, ["a"])
    schema = {"b": pl.Boolean, "n": pl.Int16, "t": pl.String, "d": pl.Date, "z": pl.String, "l": pl.List(pl.String)}
    assert kept(connection, pl.DataFrame([row] * 5, schema=schema, orient="row")) == [row] * 5


def test_a_frame_without_rows_writes_nothing(connection: Connection) -> None:
    assert kept(connection, pl.DataFrame(schema=SCHEMA)) == []


def test_other_units_and_kinds_of_text_are_taken(connection: Connection) -> None:
    at = datetime(2024, 6, 27, 14, 36, 0, 123_000, tzinfo=UTC)
    frame = pl.DataFrame(
        {"at": [at, None], "grade": ["A3", None], "trap": ["one", "two"]},
        schema={"at": pl.Datetime("ms", "Europe/London"), "grade": pl.Categorical, "trap": pl.Enum(["one", "two"])},
    )
    assert kept(connection, frame) == [(at, "A3", "one"), (None, None, "two")]


def test_json_texts_become_jsonb(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create temporary table told (what jsonb, always jsonb)")
        frame = pl.DataFrame({"what": ['{"x": 1}', None, '"é"'], "always": ["[]"] * 3})
        copy_rows(cursor, "told", frame, ["what", "always"])
        assert cursor.execute("select what, always from told").fetchall() == [({"x": 1}, []), (None, []), ("é", [])]


def test_a_column_named_oddly_is_quoted(connection: Connection) -> None:
    assert kept(connection, pl.DataFrame({'a "b"': [1], "select": ["x"]})) == [(1, "x")]


@pytest.mark.parametrize(
    "dtype", [pl.Duration("us"), pl.Struct({"a": pl.Int64}), pl.Int128, pl.List(pl.List(pl.Int64))]
)
def test_a_type_postgres_lacks_is_named_with_its_column(dtype: pl.DataType) -> None:
    with pytest.raises(PermanentError, match="column 'odd'"):
        column_type("odd", dtype)


def test_nothing_is_encoded_before_it_is_asked_for() -> None:
    frame = pl.DataFrame({"n": range(3 * SLICE_ROWS)})
    sizes = [len(payload) for payload in binary_copy.payloads(frame)]
    assert sizes == [SLICE_ROWS * (2 + 4 + 8)] * 3
