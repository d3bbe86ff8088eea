"""What people decided about links, and the days that are stale for it; linking itself is in `identity`."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from race_assets.schemas.ops import LINK_DECISIONS
from race_assets.schemas.table import polars_schema
from race_assets.storage.postgres import PUBLISH_LOCK, PURPOSES, Warehouse
from race_assets.storage.waiting import take_transaction_lock

SCHEMA = polars_schema(LINK_DECISIONS)
Market = tuple[str, str]
"""Source and market id."""


def read(warehouse: Warehouse) -> pl.DataFrame:
    """All decisions: `schemas.ops.LINK_DECISIONS`."""
    with warehouse.connect() as connection:
        rows = connection.execute(f"select {', '.join(SCHEMA)} from ops.link_decisions order by 1, 2, 3, 4".encode())
        return pl.DataFrame(rows.fetchall(), schema=SCHEMA, orient="row")


def decide(
    warehouse: Warehouse, market: Market, other: Market, days: Sequence[date], *, is_one: bool, reason: str
) -> None:
    """Keeps a decision, in place of an earlier one about the two, and has their days built anew."""
    with warehouse.transaction() as connection:
        # A day that is being published would forget the mark: it has to come after.
        take_transaction_lock(connection.cursor(), PUBLISH_LOCK, PURPOSES[PUBLISH_LOCK])
        connection.execute(
            """delete from ops.link_decisions where (source, market_id, with_source, with_market_id)
               in ((%s, %s, %s, %s), (%s, %s, %s, %s))""",
            [*market, *other, *other, *market],
        )
        connection.execute(
            """insert into ops.link_decisions (source, market_id, with_source, with_market_id, is_one, reason)
               values (%s, %s, %s, %s, %s, %s)""",
            [*market, *other, is_one, reason],
        )
        connection.execute(
            """update ops.built_days set fingerprint = 'a link was decided at ' || clock_timestamp()
               where race_date = any(%s)""",
            [list(days)],
        )
