"""The migrated database is what the schemas declare, and migrating is safe to do again and at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandera.polars as pa
import polars as pl
import psycopg
import pytest

from race_assets.schemas.catalogue import CORE, IN_POSTGRES
from race_assets.schemas.table import INSTANT, LOCAL_TIME, TEXTS, is_json, key_of
from race_assets.storage.conninfo import Address
from race_assets.storage.postgres import Warehouse, newest_migration, upgrade
from race_assets_tests.databases import Databases

TYPES = {
    pl.Date(): "date",
    pl.String(): "text",
    INSTANT: "timestamp with time zone",
    LOCAL_TIME: "timestamp without time zone",
    pl.Int16(): "smallint",
    pl.Int32(): "integer",
    pl.Int64(): "bigint",
    pl.Float64(): "double precision",
    pl.Boolean(): "boolean",
    TEXTS: "text[]",
    pl.List(pl.Date): "date[]",
    pl.List(pl.Int64): "bigint[]",
}
COLUMNS = """
    select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum"""
KEYS = """
    select array_agg(attname::text order by position) from pg_constraint,
        unnest(conkey) with ordinality as part (number, position)
        join pg_attribute on attnum = number and attrelid = %(table)s::regclass
    where conrelid = %(table)s::regclass and contype in ('p', 'u') group by pg_constraint.oid"""


@pytest.fixture
def empty(databases: Databases) -> Iterator[str]:
    """URL of a database with nothing in it."""
    with databases.copy_of("template1") as url:
        yield url


def dump(url: str) -> list[tuple[object, ...]]:
    """Every column of ours, and the version."""
    query = """select table_schema, table_name, ordinal_position, column_name, data_type, is_nullable
               from information_schema.columns where table_schema in ('core', 'quarantine', 'ops') order by 1, 2, 3"""
    with psycopg.connect(url) as connection:
        version = connection.execute("select version_num from ops.alembic_version").fetchall()
        return [*connection.execute(query).fetchall(), *version]


def declared_type(column: pa.Column) -> str:
    return "jsonb" if is_json(column) else TYPES[column.dtype.type]


@pytest.mark.parametrize("name", IN_POSTGRES)
def test_every_column_is_declared_with_its_type_order_and_nullability(database: str, name: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute(COLUMNS, [name]).fetchall()
    assert found == [
        (column, declared_type(declared), not declared.nullable)
        for column, declared in IN_POSTGRES[name].columns.items()
    ]


@pytest.mark.parametrize("name", IN_POSTGRES)
def test_every_table_is_unique_by_its_declared_key(database: str, name: str) -> None:
    with psycopg.connect(database) as connection:
        found = [tuple(key) for (key,) in connection.execute(KEYS, {"table": name})]
    assert key_of(IN_POSTGRES[name]) in found


def test_core_tables_begin_with_the_day_and_are_all_declared(database: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute("select 'core.' || tablename from pg_tables where schemaname = 'core'").fetchall()
    assert {name for (name,) in found} == set(CORE)
    assert {key_of(schema)[0] for schema in CORE.values()} == {"race_date"}


def test_text_that_is_a_key_of_core_sorts_by_bytes(database: str) -> None:
    query = """select attrelid::regclass::text, attname, collname from pg_attribute
               join pg_collation on pg_collation.oid = attcollation where attrelid = any(%s::regclass[])"""
    with psycopg.connect(database) as connection:
        collations = {(table, column): name for table, column, name in connection.execute(query, [list(CORE)])}
    for name, schema in CORE.items():
        texts = [column for column in key_of(schema) if schema.columns[column].dtype.type == pl.String]
        assert [collations[name, column] for column in texts] == ["C"] * len(texts)


def test_migrating_twice_changes_nothing(empty: str) -> None:
    Warehouse(empty).migrate()
    before = dump(empty)
    assert before[-1] == (newest_migration(),)
    with psycopg.connect(empty) as connection:
        connection.execute("insert into ops.built_days values ('2024-06-27', 'f', 'r', now())")

    Warehouse(empty).migrate()

    assert dump(empty) == before
    with psycopg.connect(empty) as connection:
        assert connection.execute("select count(*) from ops.built_days").fetchone() == (1,)


def test_a_warehouse_of_the_first_version_keeps_its_files_and_days(empty: str, database: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        upgrade(Address.parse(empty), "0001")
        connection.execute(
            """insert into ops.source_files values
               ('feed', 'a', 'a.csv', 1, 10, now(), null, '{2024-06-27}', '{2}', 2, 2, 0, 1, 'registry', 'landed')"""
        )
        connection.execute(
            "insert into ops.configuration (fingerprint, enabled_sources, set_at) values ('x', '{feed}', now())"
        )
        connection.execute("insert into ops.revisions values ('2024-06-27', now(), 'r', 'f', 1, 6, 9)")
        wanted = connection.execute("select * from ops.wanted_days").fetchall()
        assert wanted

        Warehouse(empty).migrate()

        counts = connection.execute("select name, rows_careful, race_date_points from ops.source_files").fetchall()
        assert counts == [("a.csv", 0, [])]
        assert connection.execute("select prices, price_points, dog_form from ops.publications").fetchall() == [
            (9, 0, 0)
        ]
        # No day becomes stale by it.
        assert connection.execute("select * from ops.wanted_days").fetchall() == [(*row, 0) for row in wanted]
    assert dump(empty) == dump(database)


def test_three_that_migrate_at_once_all_find_the_tables_made(empty: str, database: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(Warehouse(empty).migrate) for _ in range(3)]
        assert [each.result() for each in done] == [None] * 3
    assert dump(empty) == dump(database)
