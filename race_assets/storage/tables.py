"""Reading tables of the warehouse as Polars frames; writing whole days of core is in `publish.py`."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from race_assets.errors import PermanentError, SettingsError
from race_assets.schemas.catalogue import CORE
from race_assets.schemas.table import key_of
from race_assets.storage.binary_copy import quoted
from race_assets.storage.postgres import Warehouse


def read(warehouse: Warehouse, query: str) -> pl.DataFrame:
    """The rows of a query."""
    with warehouse.arrow() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return _frame(cursor.fetch_arrow_table())


def batches(warehouse: Warehouse, query: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a query as they arrive, in frames of bounded size; one without rows where there are none."""
    with warehouse.arrow() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        reader = cursor.fetch_record_batch()
        yield _frame(reader.schema.empty_table())
        for batch in reader:
            yield _frame(batch)


def _frame(rows: Any) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table or a batch is never a series
    return frame


def read_range(warehouse: Warehouse, table: str, first: str | date, last: str | date) -> pl.DataFrame:
    """A core table's rows between two days, both included, sorted as its key is.

    Raises:
        SettingsError: the table is not a core table, a date is not one, or `last` is before `first`.
    """
    if table not in CORE:
        raise SettingsError(f"{table!r} is not one of {', '.join(CORE)}")
    try:
        begin, end = (day if isinstance(day, date) else date.fromisoformat(day) for day in (first, last))
    except ValueError as error:
        raise SettingsError(f"not a race date: {error}; write it as 2024-06-27") from None
    if end < begin:
        raise SettingsError(f"first day {begin} is after last day {end}")
    key = ", ".join(key_of(CORE[table]))
    return read(warehouse, f"select * from {table} where race_date between '{begin}' and '{end}' order by {key}")


def scan_days(warehouse: Warehouse, table: str, days: Sequence[date] | None = None) -> pl.LazyFrame:
    """Return a lazy scan of a table's rows of these days, or of all its rows, ordered by day.

    One query is sent when the scan is collected: for the columns that are used, its rows read in batches.

    Raises:
        PermanentError: there is no such table.
    """
    where = "" if days is None else f" where {_among(days)}"
    order = "" if days is None else " order by race_date"
    with warehouse.connect() as connection:
        name = ".".join(map(quoted, table.split(".")))
        if connection.execute("select to_regclass(%s)", [name]).fetchone() == (None,):
            raise PermanentError(f"there is no table {table} in Postgres; materialise the asset that makes it first")
    empty = read(warehouse, f"select * from {name} where false")

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, most: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch
        wanted = empty.columns if columns is None else columns
        filtered_by = [] if predicate is None else predicate.meta.root_names()
        listed = ", ".join(map(quoted, dict.fromkeys([*wanted, *filtered_by]))) or "*"
        limit = "" if most is None else f" limit {most}"
        for frame in batches(warehouse, f"select {listed} from {name}{where}{order}{limit}"):
            yield (frame if predicate is None else frame.filter(predicate)).select(wanted)

    return register_io_source(rows, schema=empty.schema)


def _among(days: Sequence[date]) -> str:
    return f"race_date in ({','.join(repr(day.isoformat()) for day in days)})" if days else "false"


def head(warehouse: Warehouse, table: str, days: Sequence[date], rows: int) -> pl.DataFrame:
    """The first rows of a table between the first and the last of these days."""
    query = f"select * from {table} where race_date between %s and %s order by 1, 2 limit %s"
    # A handful of rows: not worth what loading ADBC costs.
    with warehouse.connect() as connection:
        cursor = connection.execute(query.encode(), [min(days), max(days), rows])
        names = [each.name for each in cursor.description or ()]
        return pl.DataFrame(cursor.fetchall(), schema=names, orient="row", infer_schema_length=None)
