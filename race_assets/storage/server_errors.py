"""Turn what Postgres and its drivers report into errors that say whether to try again, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from race_assets.errors import WarehouseError, WarehouseRefusedError
from race_assets.storage.conninfo import LOCATION_VARIABLES, STARTUP_VARIABLES, set_variables

if TYPE_CHECKING:
    import psycopg

NOTHING_KEPT = "nothing of the transaction was kept"
DOCTOR = "`race-assets doctor` names what is missing"

NO_RIGHT = "42501"
READ_ONLY = "25006"
DISK_FULL = "53100"
DISK_REMEDY = "; free space on the disk of its data folder (`df -h` shows how much there is), then do the same again"
MISSING_TABLES = {"42P01": "table", "3F000": "schema", "42703": "column"}
"""SQLSTATEs of the PostgreSQL documentation, appendix A."""

FULL = ("too many connections", "too many clients", "connection slots are reserved", "no more connections allowed")
"""What a server or a pooler that has no connection free says in English; libpq gives no SQLSTATE here."""


@contextmanager
def translated(connection: "psycopg.Connection[tuple[object, ...]] | None" = None) -> "Iterator[None]":
    """Turn a driver's errors that a person or a retry can mend into our own; leave others as they are.

    Args:
        connection: names its role in messages.

    Raises:
        WarehouseError: the connection was lost, cannot be had now, or the transaction lost a deadlock.
        WarehouseRefusedError: the server rejects a statement for want of disk, memory, time, rights or tables.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        ours = translation(error, connection.info.user if connection and not connection.closed else None)
        if ours is None:
            raise
        raise ours from error


def translation(error: Exception, role: str | None = None) -> WarehouseError | WarehouseRefusedError | None:
    """Return the error of ours that a driver's error stands for; None where it is a mistake in a statement.

    Args:
        error: of psycopg, psycopg2 or ADBC.
        role: who sent the statement, where that is known.
    """
    state = _state(error)
    who = f"the role {role!r}" if role else "the role of postgres.url"
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if state == NO_RIGHT:
        return WarehouseRefusedError(
            f"Postgres refuses: {said}; {NOTHING_KEPT}; {who} lacks rights on our schemas: let an administrator grant "
            f"it the role that owns the tables, or set postgres.url to that one; {DOCTOR}"
        )
    if state == READ_ONLY:
        return WarehouseRefusedError(
            f"Postgres refuses: {said}; {NOTHING_KEPT}; the server is a replica, or {who} is set to read only here "
            "(default_transaction_read_only): set postgres.url to the primary server and a role that may write; "
            "`race-assets doctor` says which of the two it is"
        )
    if state in MISSING_TABLES:
        return WarehouseRefusedError(
            f"Postgres refuses: {said}; {NOTHING_KEPT}; a {MISSING_TABLES[state]} of ours was removed or renamed by "
            "hand: restore the database from a backup, or set postgres.url to an empty one and land the files again"
        )
    if not _is_operational(error):
        return None
    remedy = DISK_REMEDY if state == DISK_FULL else ""
    if may_pass(state):
        return WarehouseError(f"Postgres went away: {error}; {NOTHING_KEPT}")
    return WarehouseRefusedError(f"Postgres refuses: {error}; {NOTHING_KEPT}{remedy}")


def _state(error: Exception) -> str | None:
    """Return the SQLSTATE, by the attribute each driver has for it."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def _is_operational(error: Exception) -> bool:
    """Return whether any driver's class says that the server or the connection is at fault."""
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)


def may_pass(state: str | None) -> bool:
    """Return whether an operational error with this SQLSTATE may pass by itself.

    Classes 08 (connection), 57P (shutdown, crash), 40 (deadlock, serialisation), 53300 (too many connections), or no
    SQLSTATE because nobody answered. Source: PostgreSQL documentation, appendix A.
    """
    return not state or state[:2] in {"08", "40"} or state[:3] == "57P" or state == "53300"


def no_connection(error: Exception, *, is_embedded: bool) -> WarehouseError:
    """Return what to say of a server that no connection can be made to."""
    said = str(error).strip()
    if any(text in said for text in FULL):
        return WarehouseError(
            f"Postgres has no connection free: {said}; end other programs that use it, or have max_connections, the "
            "role's or the database's connection limit raised"
        )
    if is_embedded:
        return WarehouseError(f"Postgres cannot be reached: {said}; see postgres.log below home")
    step = "check postgres.url and that it runs"
    if used := set_variables((*LOCATION_VARIABLES, *STARTUP_VARIABLES)):
        step += f"; this shell sets {', '.join(used)}: unset {' '.join(used)} where that is for another server"
    return WarehouseError(f"Postgres cannot be reached: {said}; {step}")
