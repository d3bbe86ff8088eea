"""Tables that users' own assets are stored in: created from the frame, compared with it, replaced by whole days."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from race_assets.errors import PermanentError
from race_assets.schemas.catalogue import IN_POSTGRES
from race_assets.storage.binary_copy import column_type, copy_rows, quoted
from race_assets.storage.postgres import PUBLISH_LOCK, Warehouse, retrying
from race_assets.storage.publish import locked_transaction

LONGEST_NAME_BYTES = 63
"""Postgres cuts longer names, so that two of them may become one (PostgreSQL manual, "Identifiers and Key Words")."""

RESERVED_SCHEMAS = {"dagster", "ops"}
TABLE_KINDS = "rpf"
"""The `pg_class.relkind` of tables, partitioned tables and foreign tables."""


class StoredColumn(NamedTuple):
    """A column of a table that exists.

    Attributes:
        type: as `format_type` writes it.
        has_default: whether Postgres fills it where a row gives no value.
    """

    type: str
    has_default: bool


def replace_days(warehouse: Warehouse, table: str, frame: pl.DataFrame, days: Sequence[date] | None) -> None:
    """Replace whole days of a table, or all of its rows, in one transaction.

    A missing table is created from the frame. With `days`, new columns are added and stay null on other days; without
    `days`, a table whose columns or types differ from the frame's is dropped and created again.

    Args:
        table: `schema.table`; a missing schema is created.
        frame: has `race_date` of these days only, where there are `days`.
        days: None for the whole table, which needs no `race_date`.

    Raises:
        PermanentError: the frame cannot be stored, lacks a column of the table, or has another type for one; the table
            stays as it was.
        WarehouseError: the connection was lost and stayed lost; the table stays as it was.
    """
    import psycopg

    schema, name = _schema_and_name(table, frame)
    target = f"{quoted(schema)}.{quoted(name)}"
    types = {column: column_type(column, dtype) for column, dtype in frame.schema.items()}

    def work() -> None:
        try:
            with locked_transaction(warehouse, PUBLISH_LOCK) as cursor:
                _ensure_schema(cursor, schema)
                _prepare(cursor, target, types, is_whole=days is None)
                if days is None:
                    cursor.execute(f"delete from {target}")
                else:
                    cursor.execute(f"delete from {target} where race_date = any(%s)", [list(days)])
                copy_rows(cursor, target, frame)
        except psycopg.DatabaseError as error:
            raise PermanentError(f"{table} cannot be stored, and stays as it was: {error}") from error

    retrying(work)


def _ensure_schema(cursor: Any, schema: str) -> None:
    """Create a schema where it is missing: "if not exists" asks for the right to create even where it exists."""
    cursor.execute("select to_regnamespace(%s) is null", [quoted(schema)])
    if cursor.fetchone()[0]:
        cursor.execute(f"create schema if not exists {quoted(schema)}")


def _schema_and_name(table: str, frame: pl.DataFrame) -> tuple[str, str]:
    """Return the table's schema and name.

    Raises:
        PermanentError: the table is one of ours, a name is longer than Postgres keeps, or a text has a NUL.
    """
    schema, _, name = table.rpartition(".")
    schema = schema or "public"
    if schema in RESERVED_SCHEMAS or f"{schema}.{name}" in IN_POSTGRES:
        raise PermanentError(f"{table} is kept for race_assets itself; give the asset another key")
    for each in (schema, name, *frame.columns):
        if len(each.encode()) > LONGEST_NAME_BYTES:
            raise PermanentError(
                f"{table}: the name {each!r} is longer than the {LONGEST_NAME_BYTES} bytes Postgres keeps; shorten it"
            )
    with_nul = [column.name for column in frame.get_columns() if _has_nul(column)]
    if with_nul:
        raise PermanentError(
            f"{table}: {', '.join(with_nul)} has texts with a NUL (\\0), which Postgres cannot hold; remove it: "
            f'pl.col("{with_nul[0]}").str.replace_all("\\0", "", literal=True)'
        )
    return schema, name


def _has_nul(column: pl.Series) -> bool:
    texts = column.explode(empty_as_null=False, keep_nulls=True) if isinstance(column.dtype, pl.List) else column
    if texts.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    return bool(texts.cast(pl.String).str.contains("\0", literal=True).any())


def _prepare(cursor: Any, target: str, types: Mapping[str, str], *, is_whole: bool) -> None:
    """Create the table, or give it the columns of the frame.

    Raises:
        PermanentError: the table cannot take the frame without losing or changing values.
    """
    definitions = {column: f"{quoted(column)} {kind}" for column, kind in types.items()}
    created = f"create table {target} ({', '.join(definitions.values())})"
    stored = _stored_columns(cursor, target)
    if stored is None:
        cursor.execute(created)
        return
    added = [column for column in types if column not in stored]
    faults = _faults(stored, _as_stored(cursor, types))
    if is_whole and (added or faults):
        cursor.execute(f"drop table {target}")
        cursor.execute(created)
        return
    if faults:
        raise PermanentError(
            f"{target}: {'; '.join(faults)}; change the asset, or drop the table and materialise all its days again: "
            f"drop table {target}"
        )
    for column in added:
        cursor.execute(f"alter table {target} add column {definitions[column]}")


def _stored_columns(cursor: Any, target: str) -> dict[str, StoredColumn] | None:
    """Return the table's columns by name; None where there is no table.

    Raises:
        PermanentError: the name is that of something else, such as a view.
    """
    cursor.execute("select relkind::text from pg_class where oid = to_regclass(%s)", [target])
    found = cursor.fetchone()
    if found is None:
        return None
    if found[0] not in TABLE_KINDS:
        raise PermanentError(f"{target} is in Postgres, but not as a table; drop it, or give the asset another key")
    cursor.execute(
        """select attname, format_type(atttypid, null), atthasdef or attidentity <> '' from pg_attribute
           where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum""",
        [target],
    )
    return {name: StoredColumn(*rest) for name, *rest in cursor.fetchall()}


def _as_stored(cursor: Any, types: Mapping[str, str]) -> dict[str, str]:
    """Return the types as `format_type` writes them, by column."""
    cursor.execute(
        """select format_type(name::regtype, null) from unnest(%s::text[]) with ordinality as kinds (name, place)
           order by place""",
        [list(types.values())],
    )
    return {column: kind for column, (kind,) in zip(types, cursor.fetchall(), strict=True)}


def _faults(stored: Mapping[str, StoredColumn], types: Mapping[str, str]) -> list[str]:
    """Return why the table cannot take the frame as it is; a new column is no reason."""
    missing = [name for name, column in stored.items() if name not in types and not column.has_default]
    faults = [f"the frame lacks the column {name}" for name in missing]
    return faults + [
        f"column {name} is {stored[name].type} and would become {kind}: cast it"
        for name, kind in types.items()
        if name in stored and stored[name].type != kind
    ]
