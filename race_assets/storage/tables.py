"""Reading tables of the warehouse as Polars frames; writing whole days of core is in `publish.py`."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from race_assets.errors import SettingsError
from race_assets.storage.postgres import Warehouse


def read(warehouse: Warehouse, query: str) -> pl.DataFrame:
    """The rows of a query."""
    with warehouse.bulk() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is never a series
    return frame


def read_days(warehouse: Warehouse, table: str, days: Sequence[date]) -> pl.DataFrame:
    """A table's rows of these days, sorted as its key is."""
    if not days:
        return read(warehouse, f"select * from {table} where false")
    listed = ",".join(f"'{day.isoformat()}'" for day in days)
    return read(warehouse, f"select * from {table} where race_date in ({listed})")


def head(warehouse: Warehouse, table: str, days: Sequence[date], rows: int) -> pl.DataFrame:
    """The first rows of a table between the first and the last of these days."""
    first, last = min(days), max(days)
    return read(
        warehouse, f"select * from {table} where race_date between '{first}' and '{last}' order by 1, 2 limit {int(rows)}"
    )


def read_only(warehouse: Warehouse, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Runs one statement that can change nothing, and gives column names and rows.

    Raises:
        SettingsError: it is not one statement, is wrong, or would change something.
    """
    import psycopg

    with warehouse.connect() as connection:
        connection.read_only = True
        connection.autocommit = False
        try:
            # Sent as a prepared statement: Postgres takes only one at a time that way.
            cursor = connection.execute(sql.encode(), prepare=True)
            rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise SettingsError(f"the query was refused: {str(error).strip()}") from None
        finally:
            connection.rollback()
    return [each.name for each in cursor.description or ()], rows
