"""Databases for tests: each its test's own, migrated and empty, on one real server.

To make one costs 300 files, which is most of what a small test takes. One that is given back is therefore emptied and
lent again, under another name, so that nobody who knew the old one reaches it. It is dropped where more than
rows has changed.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from race_assets.storage.conninfo import Address
from race_assets.storage.postgres import Warehouse
from race_assets.storage.reader import grants
from race_assets.storage.rights import DAGSTER_SCHEMA

CATALOGUES = (
    *("pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_default_acl", "pg_description", "pg_enum"),
    *("pg_index", "pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type"),
    # Whoever made a temporary table leaves its schema behind.
    "pg_namespace where nspname !~ '^pg_(toast_)?temp_'",
    # This one is the whole server's.
    "pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())",
)
GOODBYE_MS = 600_000

READER = f"race_assets_test_{os.getpid()}_reader"
"""The role that reads the databases, made as the documentation says."""
READER_PASSWORD = "reads"  # noqa: S105 - of throw-away databases

Connection = psycopg.Connection[tuple[Any, ...]]
_numbers = itertools.count()


class Databases:
    """Lends databases on one server; `template` is the one they are copies of."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._admin = psycopg.connect(server, autocommit=True)
        self.template = self._create("template1")
        url = self.url_of(self.template)
        Warehouse(url).migrate()
        _make_dagsters_tables(url)
        with psycopg.connect(url) as connection:
            for statement in grants(READER).replace("'...'", f"'{READER_PASSWORD}'").splitlines():
                connection.execute(statement.encode())
            connection.commit()
            self._filled = _with_rows(connection, _tables(connection))
            self._mark = _mark(connection, self._filled)
            self._counted = _counted(connection)
        self._clean: list[str] = []

    @contextmanager
    def lend(self) -> Iterator[str]:
        """URL of a database with all our tables and Dagster's, and nothing in them."""
        name = self._rename(self._clean.pop()) if self._clean else self._create(self.template)
        try:
            yield self.url_of(name)
        finally:
            self._end_connections(name)
            if self._empty(name):
                self._clean.append(name)
            else:
                self._drop(name)

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """URL of a new database, a copy of one that nobody uses now; it is dropped at the end."""
        name = self._create(template)
        yield self.url_of(name)
        self._drop(name)

    def close(self) -> None:
        """Drops what is left."""
        for name in (*self._clean, self.template):
            self._drop(name)
        self._tell("drop role {}", READER)
        self._admin.close()

    def url_of(self, name: str) -> str:
        """Where a database of this name is, on this server."""
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{name}"))

    def _create(self, template: str) -> str:
        name = _new_name()
        self._tell("create database {} template {}", name, template)
        return name

    def _rename(self, name: str) -> str:
        new = _new_name()
        self._tell("alter database {} rename to {}", name, new)
        return new

    def _drop(self, name: str) -> None:
        self._tell("drop database {} with (force)", name)

    def _end_connections(self, name: str) -> None:
        ends = "select pg_terminate_backend(pid, %s) from pg_stat_activity where datname = %s"
        self._admin.execute(ends, [GOODBYE_MS, name])

    def _tell(self, statement: str, *names: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]

    def _empty(self, name: str) -> bool:
        """Takes out all rows that the template does not have; False where more than rows has changed."""
        with psycopg.connect(self.url_of(name), autocommit=True) as connection:
            if _mark(connection, self._filled) != self._mark:
                return False
            if filled := _with_rows(connection, _tables(connection) - self._filled):
                _delete(connection, filled)
            for sequence in _counted(connection) - self._counted:
                connection.execute("select setval(%s, 1, false)", [sequence])
        return True


def reader_url(url: str) -> str:
    """Where a database is for the role that only reads."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{READER}:{READER_PASSWORD}@{parts.netloc.rpartition('@')[2]}"))


def name_of(url: str) -> str:
    """The database's name, to copy it by."""
    return urlsplit(url).path.removeprefix("/")


def _new_name() -> str:
    return f"race_assets_test_{os.getpid()}_{next(_numbers)}"


def _make_dagsters_tables(url: str) -> None:
    """As the first command would that asks Dagster for something."""
    from dagster_postgres import DagsterPostgresStorage

    from race_assets.resources.dialect import dagster_url

    DagsterPostgresStorage(dagster_url(Address.parse(url), DAGSTER_SCHEMA))


def _tables(connection: Connection) -> set[str]:
    return _column(
        connection,
        """select oid::regclass::text from pg_class
           where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'""",
    )


def _with_rows(connection: Connection, tables: set[str]) -> set[str]:
    return _column(
        connection, " union all ".join(f"select '{each}' where exists (select from {each})" for each in tables)
    )


def _counted(connection: Connection) -> set[str]:
    """The sequences that gave a number already."""
    return _column(
        connection,
        "select format('%I.%I', schemaname, sequencename) from pg_sequences where last_value is not null",
    )


def _mark(connection: Connection, tables: set[str]) -> set[tuple[Any, ...]]:
    """What another count or a later writer's number shows a change of: the catalogues, and these tables' rows."""
    counts = (
        f"select {n}, count(*), max(xmin::text::bigint) from {each}"
        for n, each in enumerate([*CATALOGUES, *sorted(tables)])
    )
    return set(connection.execute(" union all ".join(counts).encode()).fetchall())


def _delete(connection: Connection, tables: set[str]) -> None:
    """Deletes all rows in one statement, at whose end their references are looked at."""
    parts = ", ".join(f"t{number} as (delete from {each})" for number, each in enumerate(tables))
    connection.execute(f"with {parts} select".encode())


def _column(connection: Connection, query: str) -> set[str]:
    return {value for (value,) in connection.execute(query.encode()).fetchall()}
