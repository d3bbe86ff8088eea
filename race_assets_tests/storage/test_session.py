"""Every session of every driver behaves alike, whatever the database and role have as default."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from race_assets.errors import WarehouseRefusedError
from race_assets.resources.dialect import dagster_url
from race_assets.storage import rights
from race_assets.storage.conninfo import Address
from race_assets.storage.postgres import Warehouse

ODD = {
    "client_encoding": "LATIN1",
    "DateStyle": "German",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Australia/Sydney",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "row_security": "off",
    "search_path": "nowhere",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "1h",
    "lock_timeout": "1h",
    "idle_in_transaction_session_timeout": "1h",
    "idle_session_timeout": "1h",
}
USUAL = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "row_security": "on",
    "search_path": "public",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
"""Written out: what our statements and their readers rely on."""
QUERY = (
    f"select {', '.join(f'''current_setting('{name}')''' for name in USUAL)}, current_setting('transaction_isolation')"
)


def by_psycopg(warehouse: Warehouse) -> tuple[str, ...]:
    with warehouse.transaction() as connection:
        return connection.execute(QUERY.encode()).fetchone() or ()


def by_adbc(warehouse: Warehouse) -> tuple[str, ...]:
    with warehouse.arrow() as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        return tuple(cursor.fetchone())


def by_dagster(warehouse: Warehouse) -> tuple[str, ...]:
    engine = create_engine(dagster_url(warehouse.address, "dagster"), poolclass=NullPool)
    with engine.connect() as connection:
        return tuple(connection.execute(text(QUERY)).one())


@pytest.mark.parametrize(("ask", "search_path"), [(by_psycopg, "public"), (by_adbc, "public"), (by_dagster, "dagster")])
def test_a_session_has_the_usual_settings_whatever_the_defaults_are(
    database: str, ask: Callable[[Warehouse], tuple[str, ...]], search_path: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        for setting, value in ODD.items():
            statement = sql.SQL("alter database {} set {} = {}")
            connection.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    with psycopg.connect(database, client_encoding="LATIN1") as connection:
        odd = connection.execute(QUERY.encode()).fetchone() or ()
        # `row_security` may be off for the owner; every setting is another than the usual one.
        assert all(value != usual for value, usual in zip(odd, USUAL.values(), strict=False))
    wanted = {**USUAL, "search_path": search_path}
    assert dict(zip([*wanted, "transaction"], ask(Warehouse(database)), strict=True)) == {
        **wanted,
        "transaction": "read committed",
    }


def test_a_name_beyond_latin1_comes_back_as_it_went_in(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set client_encoding = LATIN1").format(name))
    warehouse = Warehouse(database)
    with warehouse.connect() as connection:
        connection.execute("create table public.names (name text)")
        with connection.cursor().copy("copy public.names from stdin (format binary)") as copy:
            copy.write_row(["Žižka"])
    with warehouse.arrow() as connection, connection.cursor() as cursor:
        cursor.execute("select name, length(name) from public.names")
        assert cursor.fetchall() == [("Žižka", 5)]


def test_a_role_is_told_what_it_lacks_before_it_writes(database: str, databases: object) -> None:
    del databases
    role = f"reader_{conninfo_to_dict(database)['dbname']}"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        try:
            address = Address.parse(psycopg.conninfo.make_conninfo(database, user=role))
            with psycopg.connect(address.conninfo(), autocommit=True) as connection:
                found = rights.writing_obstacle(connection)
            assert found is not None
            assert (
                f"the role '{role}' may not read and write core.dividends" in found.problem or "core." in found.problem
            )
            assert f"to {role}" in found.step
            with pytest.raises(WarehouseRefusedError, match="let an administrator run: grant"):
                Warehouse(address.text()).check_writable()
            owner = admin.info.user
            admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(owner), sql.Identifier(role)))
            with psycopg.connect(address.conninfo(), autocommit=True) as connection:
                assert rights.writing_obstacle(connection) is None
        finally:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
