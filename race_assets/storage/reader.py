"""Queries of people: one statement as a role that only reads, in a transaction that only reads.

The embedded server has such a role. On another server it is the role of `postgres.reader_url`; without that setting
the role of `postgres.url` is used, unless it could reach beyond the database.
"""

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from race_assets.errors import SettingsError
from race_assets.settings import Settings
from race_assets.storage.postgres import Warehouse

if TYPE_CHECKING:
    from psycopg import Connection

NOTHING = re.compile(r"(?:\s|;|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
"""A query of blanks and comments."""

SCHEMAS = ("core", "live", "ops", "quarantine")
STATEMENT = b"race_assets_query"
TIMEOUT_MS = 900_000
"""A query that takes longer is ended, unless the role has a limit of its own."""

POWERFUL_ROLES = (
    *("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"),
    *("pg_signal_backend", "pg_create_subscription"),
)
"""Predefined roles whose members affect more than the tables they may write, also while they only read."""

GRANTS = """create role {reader} login password '...';
grant usage on schema {schemas} to {reader};
grant select on all tables in schema {schemas} to {reader};
alter default privileges for role {owner} in schema {schemas} grant select on tables to {reader};"""


def grants(reader: str = "race_assets_reader", owner: str = "current_user") -> str:
    """Return the statements with which an administrator makes a role that reads our tables and nothing else.

    Args:
        reader: the role to make.
        owner: the role that creates the tables; both as SQL writes them.
    """
    return GRANTS.format(reader=reader, owner=owner, schemas=", ".join(SCHEMAS))


def reading_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse as the role that reads; the embedded one is started and migrated as needed.

    Raises:
        WarehouseError: it cannot be reached.
    """
    if settings.postgres.reader_url is not None:
        return Warehouse(settings.postgres.reader_url.reveal(settings.aws))
    warehouse = Warehouse.open(settings)
    if settings.postgres.url is not None:
        return warehouse
    from race_assets.storage import embedded

    reader_url = partial(embedded.reader_url, settings.home)
    return Warehouse(reader_url(), reader_url)


def query(warehouse: Warehouse, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one statement that reads, and return column names and rows.

    Raises:
        SettingsError: it is not one statement, is wrong, or would change something; or the role may do so much that a
            transaction that only reads does not hold it.
    """
    import psycopg

    with warehouse.session() as connection:
        try:
            if power := too_powerful(connection):
                raise SettingsError(f"no query is run as {power}")
            connection.read_only = True
            connection.autocommit = False
            _limit_time(connection)
            _check_gives_rows(connection, sql)
            # Sent as a prepared statement: Postgres takes only one at a time that way.
            cursor = connection.execute(sql.encode(), prepare=True)
            rows = cursor.fetchall()
        except psycopg.Error as error:
            raise SettingsError(f"the query was refused: {str(error).strip()}") from None
        finally:
            # Nothing to keep; after a COPY the connection cannot even roll back.
            connection.close()
    return [each.name for each in cursor.description or ()], rows


def too_powerful(connection: "Connection[tuple[Any, ...]]") -> str | None:
    """Return why this session's role is no reader, and what to do; None where it may read.

    A transaction that only reads keeps a role from writing tables. It does not keep a superuser, or who can become one,
    from the server's files, programs and sessions.
    """
    # With `role` among the options of a URL the session can always go back to the role that logged in.
    row = connection.execute(
        """select role.rolname, quote_ident(session_user),
                  case when role.rolsuper then 'is a superuser' when role.rolreplication then 'may replicate'
                       else 'is a member of ' || power.rolname end
           from pg_roles as role
           join pg_roles as power on power.rolsuper or power.rolreplication or power.rolname = any(%s)
           where role.rolname in (session_user, current_user) and pg_has_role(role.oid, power.oid, 'member')
           order by role.rolsuper desc limit 1""",
        [list(POWERFUL_ROLES)],
    ).fetchone()
    if row is None:
        return None
    role, owner, power = row
    statements = " ".join(grants(owner=owner).splitlines())
    return (
        f"the role {role!r}, which {power}, so that a query could reach the server's files and other sessions: set "
        f"postgres.reader_url to a role that only reads, made by an administrator with: {statements}"
    )


def _limit_time(connection: "Connection[tuple[Any, ...]]") -> None:
    connection.execute(
        """select set_config(name, case reset_val when '0' then %s else reset_val end, true)
           from pg_settings where name = 'statement_timeout'""",
        [str(TIMEOUT_MS)],
    )


def _check_gives_rows(connection: "Connection[tuple[Any, ...]]", sql: str) -> None:
    """Reject DO, SET, COPY and the like; the server says what a statement is, nothing runs.

    Raises:
        SettingsError: the statement is none that gives rows.
    """
    from psycopg.pq import ExecStatus

    if "\0" in sql:
        raise SettingsError("the query was refused: it holds a NUL character")
    server = connection.pgconn
    prepared = server.prepare(STATEMENT, sql.encode())
    if prepared.status != ExecStatus.COMMAND_OK:
        raise SettingsError(f"the query was refused: {prepared.error_message.decode().strip()}")
    if NOTHING.fullmatch(sql):
        raise SettingsError('the query says nothing; give one SELECT, such as "select * from core.races limit 5"')
    if not server.describe_prepared(STATEMENT).nfields:
        raise SettingsError("the query was refused: only what gives rows is run, such as SELECT")
