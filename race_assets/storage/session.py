"""Sessions on a Postgres server whose settings are stated, whatever the server, database, role or shell has as default.

One statement after connecting sets them: poolers such as PgBouncer reject settings in the startup message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from race_assets.errors import WarehouseRefusedError
from race_assets.storage.conninfo import Address, environment_for
from race_assets.storage.waiting import session_being_opened, watch

if TYPE_CHECKING:
    import psycopg

APPLICATION = "race_assets"
ENCODING = "UTF8"
ENCODING_STEP = (
    "make one with: create database race_assets encoding 'UTF8' template template0; and set postgres.url to it"
)

SETTINGS = {
    "client_encoding": ENCODING,
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
    # Our own tables are always named with their schema; "$user" could be `dagster`.
    "search_path": "public",
    # Read committed: two publishing transactions that wait for each other's lock must see what was committed meanwhile.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # A bulk load of a year takes as long as it takes; locks are waited for, and `waiting` reports it.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
"""The value that each session has. Not `default_transaction_read_only`: where it is on, somebody protects the data."""


def _statement(settings: dict[str, str]) -> str:
    values = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
    # Older servers lack some of them.
    return f"""select count(set_config(name, value, false)), pg_backend_pid(), current_setting('server_encoding'),
                      current_database(), current_user
               from (values {values}) as stated (name, value) where current_setting(name, true) is not null"""


class ServerFacts(NamedTuple):
    """What a server said when a session's settings were stated.

    Attributes:
        pid: the server process; another one than libpq was told where a pooler is between.
    """

    pid: int
    encoding: str
    database: str
    role: str


def state_settings(cursor: Any, **other: str) -> ServerFacts:
    """Give the session of any driver's cursor our settings, before its first transaction.

    Args:
        other: settings that this session has instead.

    Raises:
        WarehouseRefusedError: the database cannot hold every name, since it is not UTF8.
    """
    facts = _stated(cursor, {**SETTINGS, **other})
    if facts.encoding != ENCODING:
        raise WarehouseRefusedError(wrong_encoding(facts.database, facts.encoding))
    return facts


def _stated(cursor: Any, settings: dict[str, str]) -> ServerFacts:
    cursor.execute(_statement(settings))
    return ServerFacts(*cursor.fetchone()[1:])


def wrong_encoding(database: str, encoding: str) -> str:
    """Return what to do about a database of another encoding."""
    return (
        f"the database {database!r} has the encoding {encoding}, which cannot hold every name of a dog or track: "
        f"{ENCODING_STEP}"
    )


def connect(address: Address, **options: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    """Open an autocommit session with psycopg 3, as the server, database and role have it.

    Args:
        options: further arguments of `psycopg.connect`.

    Raises:
        psycopg.Error: it cannot be reached.
    """
    import psycopg

    with environment_for(address):
        return psycopg.connect(address.conninfo(application_name=APPLICATION), autocommit=True, **options)


def open_psycopg(address: Address, **options: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    """Open an autocommit session with psycopg 3.

    Args:
        options: further arguments of `psycopg.connect`.

    Raises:
        psycopg.Error: it cannot be reached.
        WarehouseRefusedError: see `state_settings`.
    """
    with watch.over(session_being_opened(address.place)):
        connection = connect(address, **options)
        try:
            with connection.cursor() as cursor:
                state_settings(cursor)
        except BaseException:
            connection.close()
            raise
        return connection


def open_psycopg2(address: Address, schema: str) -> Any:
    """Open a session with psycopg2, for Dagster's storage, whose unqualified tables are those of the schema.

    Raises:
        psycopg2.Error: it cannot be reached.
        WarehouseRefusedError: see `state_settings`.
    """
    import psycopg2

    with watch.over(session_being_opened(address.place)):
        with environment_for(address):
            connection = psycopg2.connect(address.conninfo(application_name=APPLICATION))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                state_settings(cursor, search_path=schema)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection


def _adbc(address: Address) -> Any:
    """Open an ADBC connection that knows the server's types.

    The driver reads their names while it connects, and takes none that is quoted: quote_all_identifiers has to be off
    before. Only the startup message can have it off, which poolers do not pass on: it is left alone where it is off.
    """
    from adbc_driver_postgresql import dbapi

    more: dict[str, str] = {}
    while True:
        with environment_for(address):
            connection = dbapi.connect(address.conninfo(application_name=APPLICATION, **more), autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("select 'text'::text")
            if more or isinstance(cursor.fetchone()[0], str):
                return connection
        connection.close()
        more = {"options": f"{address.parameters.get('options', '')} -c quote_all_identifiers=off".strip()}


@contextmanager
def arrow_session(address: Address) -> "Iterator[tuple[Any, ServerFacts]]":
    """Open an ADBC session, which returns rows as Arrow, in one transaction; closed at the end of the block.

    Raises:
        adbc_driver_manager.Error: it cannot be reached.
        WarehouseRefusedError: see `state_settings`.
    """
    with _adbc(address) as connection:
        with connection.cursor() as cursor:
            facts = state_settings(cursor)
        # The transaction begins now: it would not take the isolation level stated after its beginning.
        connection.adbc_connection.set_autocommit(enabled=False)
        yield connection, facts
