"""Refreshing the server's statistics of tables that a run filled, so that the next query is planned with them."""

import logging
from collections.abc import Mapping

from race_assets.storage.postgres import Warehouse

log = logging.getLogger(__name__)
LEAST_ROWS = 10_000
"""A table that a run adds fewer rows to is left to autovacuum."""
NEW_SHARE = 0.2
STATISTICS_TARGET = 30
"""A sample of 9,000 rows: planned from it, our queries and users' joins are as with the server's default of 100, for a
quarter of the time."""


def refresh(warehouse: Warehouse, rows_written: Mapping[str, int]) -> list[str]:
    """Analyse the tables of which the server has no statistics yet, or a fifth of whose rows are new.

    Args:
        warehouse: where the tables are.
        rows_written: rows that the run wrote, by table.

    Returns:
        the tables that were analysed.
    """
    grown = {name: rows for name, rows in rows_written.items() if rows >= LEAST_ROWS}
    if not grown:
        return []
    query = "select name, reltuples from unnest(%s::text[]) as name join pg_class on pg_class.oid = to_regclass(name)"
    with warehouse.transaction() as connection:
        # -1 stands for a table without statistics.
        rows_known = dict(connection.execute(query, [list(grown)]).fetchall())
        due = [name for name, known in rows_known.items() if known < 0 or grown[name] > known * NEW_SHARE]
        connection.execute(f"set local default_statistics_target = {STATISTICS_TARGET}".encode())
        for name in due:
            connection.execute(f"analyze {name}".encode())
    log.info("statistics refreshed", extra={"tables": due})
    return due
