"""Detect connection poolers that share one server session between transactions of different clients.

Settings and advisory locks of a session do not last there, so that two processes could publish at once.
"""

import selectors
from typing import TYPE_CHECKING, Any

from race_assets.errors import WarehouseRefusedError
from race_assets.storage.conninfo import Address
from race_assets.storage.session import connect

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

WAIT_S = 5.0
"""For a second session: a pooler that gives none while the first is open keeps sessions."""

MOST_SESSIONS = 5
"""More than a pooler usually has idle: the first transaction's server process is then among theirs."""

REFUSED = -1
"""Stands for the process id of a transaction that the pooler rejected."""

SHARES_SESSIONS = (
    "postgres.url leads to a connection pooler that shares sessions between transactions (PgBouncer: pool_mode = "
    "transaction or statement), where settings and locks of a session are lost"
)
STEP = "set postgres.url to the server itself (mostly port 5432), or have pool_mode = session set for this database"


def is_pooled(connection: "Connection") -> bool:
    """Return whether something between this client and the server answers for it.

    A pooler cannot give clients the process id of a server that changes, and makes one up.
    """
    return _pid(connection) != connection.info.backend_pid


def check_keeps_sessions(connection: "Connection", address: Address) -> None:
    """Check that a pooler, if there is one, gives this client a server session of its own.

    Args:
        connection: idle, outside of a transaction.
        address: its own, to open others.

    Raises:
        WarehouseRefusedError: it does not.
    """
    if is_pooled(connection) and shares_sessions(connection, address):
        raise WarehouseRefusedError(f"{SHARES_SESSIONS}: {STEP}")


def shares_sessions(connection: "Connection", address: Address) -> bool:
    """Return whether another client is given the server process of this idle connection."""
    from psycopg import OperationalError

    others: list[Connection] = []
    try:
        for _ in range(MOST_SESSIONS):
            own = _pid(connection)
            others.append(connect(address, connect_timeout=round(WAIT_S)))
            pid = _pid_in_transaction(others[-1])
            if pid is None:
                return False
            if pid in {own, REFUSED} or _pid(connection) != own:
                return True
    except OperationalError:
        # No second connection is to be had; sessions that are shared would have room for it.
        return False
    finally:
        for other in others:
            other.close()
    return False


def _pid(connection: "Connection") -> int:
    (pid,) = connection.execute("select pg_backend_pid()").fetchone() or (0,)
    return int(pid)


def _pid_in_transaction(connection: "Connection") -> int | None:
    """Begin a transaction and return its server process; None where the pooler keeps this client waiting.

    Returns:
        `REFUSED` where transactions are rejected, as in PgBouncer's statement mode.
    """
    from psycopg.pq import ExecStatus

    client = connection.pgconn
    client.send_query(b"begin; select pg_backend_pid()")
    with selectors.DefaultSelector() as answer:
        answer.register(client.socket, selectors.EVENT_READ)
        if not answer.select(WAIT_S):
            return None
    pid = REFUSED
    while result := client.get_result():
        if result.status == ExecStatus.TUPLES_OK:
            pid = int(result.get_value(0, 0) or REFUSED)
    return pid
