"""The lock that lets one process at a time talk to an API, so that its limit holds on all; how fast is in `http`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from race_assets.errors import WarehouseError
from race_assets.storage.postgres import Warehouse
from race_assets.storage.waiting import take_session_lock

log = logging.getLogger(__name__)

LOCKS = {
    "betfair_historic": 0x7261_6365_0101,
    "betfair_exchange": 0x7261_6365_0102,
    "racing_post": 0x7261_6365_0103,
    "betfair_bsp": 0x7261_6365_0104,
}
"""Keys of the advisory locks, as those in `postgres`; those of APIs begin at 0x0101."""


@contextmanager
def api_lock(warehouse: Warehouse, api: str) -> Iterator[None]:
    """Holds an API's lock, on a connection of its own: it is given back when the block or the process ends.

    Waits while another process holds it, and says so in the log.

    Args:
        warehouse: the database all processes share.
        api: a key of `LOCKS`.

    Raises:
        WarehouseError: Postgres cannot be reached, or went away while waiting.
    """
    key = LOCKS[api]
    with warehouse.session() as connection:
        _take(connection, api, key)
        try:
            yield
        finally:
            _give_back(connection, api, key)


def _take(connection: Any, api: str, key: int) -> None:
    from psycopg import OperationalError

    try:
        if not connection.execute("select pg_try_advisory_lock(%s)", [key]).fetchone()[0]:
            log.warning("another process uses the API %s; waiting until it is done", api, extra={"api": api})
            take_session_lock(connection.cursor(), key, f"the API {api}")
    except OperationalError as error:
        raise WarehouseError(
            f"{api}: Postgres went away while its lock was taken: {error}; nothing was asked, try again"
        ) from error


def _give_back(connection: Any, api: str, key: int) -> None:
    """Frees it at once: the server may take a while to see that a connection has ended."""
    from psycopg import OperationalError

    try:
        connection.execute("select pg_advisory_unlock(%s)", [key])
    except OperationalError as error:
        told = "Postgres went away while the API %s was in use: another process may have used it at the same time: %s"
        log.warning(told, api, error, extra={"api": api})
