"""Reading what published days said otherwise before; `publish` writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from race_assets.storage.postgres import Warehouse

SHOWN = (
    "race_date", "revised_at", "source", "market_type", "market_id", "selection_id", "dog_name", "what", "column_name",
    "old", "new",
)  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """Rows of `ops.revisions`, the newest first, and how many there are in all."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    total: int


def listed(warehouse: Warehouse, days: tuple[date, date], source: str | None, since: date | None, limit: int) -> Listed:
    """The revisions of days, both ends included, narrowed by source and by when they were published."""
    where = """race_date between %s and %s and source = coalesce(%s, source)
               and revised_at >= coalesce(%s::timestamptz, '-infinity')"""
    bound = [*days, source, since]
    with warehouse.connect() as connection:
        counted = connection.execute(f"select count(*) from ops.revisions where {where}".encode(), bound).fetchone()
        query = f"""select {", ".join(SHOWN)} from ops.revisions where {where}
                    order by revised_at desc, race_date, source, market_id, selection_id, market_type, what, column_name
                    limit %s"""
        rows = connection.execute(query.encode(), [*bound, limit]).fetchall()
    return Listed(SHOWN, rows, counted[0] if counted else 0)


def revised_before(warehouse: Warehouse, days: Sequence[date]) -> dict[date, set[str]]:
    """The sources whose records of a day were revised before, by day."""
    query = b"select distinct race_date, source from ops.revisions where race_date = any(%s)"
    found: dict[date, set[str]] = {}
    with warehouse.connect() as connection:
        for day, source in connection.execute(query, [list(days)]):
            found.setdefault(day, set()).add(source)
    return found
