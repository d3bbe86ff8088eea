"""Figures of published days as pictures show them, read from Postgres: rows, prices, over-rounds, coverage."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from race_assets.schemas.catalogue import CORE
from race_assets.storage.coverage import STATES, TRAILING
from race_assets.storage.postgres import Warehouse

BINS = (1.01, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 50.0)
"""Decimal odds at which a bin of the price distribution begins; the last one has no end."""

LETTERS = {
    "complete": "C", "no_racing": "-", "not_yet_published": ".", "partial": "P", "blocked": "B", "failed": "F",
}  # fmt: skip
"""A calendar's letter for each state of coverage."""

Values = list[tuple[str, float]]


def rows_per_day(warehouse: Warehouse, table: str, last: date) -> Values:
    """Rows of a core table in each day published, up to a day and four weeks back."""
    if table not in CORE:
        raise ValueError(f"{table} is no core table")
    query = f"select race_date, count(*) from {table} where race_date between %s and %s group by 1 order by 1"
    return [(str(day), float(count)) for day, count in _ask(warehouse, query, last - TRAILING, last)]


def prices(warehouse: Warehouse, days: Sequence[date]) -> Values:
    """Selections that ran, by their price: all of them, also those that settings let in below the lowest odds."""
    query = """select width_bucket(price, %s::float8[]), count(*) from core.selections
               where race_date = any(%s) and price is not null and status = 'ACTIVE' group by 1"""
    found = dict(_ask(warehouse, query, list(BINS), list(days)))
    names = [f"below {BINS[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(BINS)), f"{BINS[-1]:g} and more"]
    return [(name, float(found.get(n, 0))) for n, name in enumerate(names) if n or found.get(n)]


def over_rounds(warehouse: Warehouse, days: Sequence[date]) -> Values:
    """By track, what the prices of a race imply together, on average over races whose runners all have one above 0.

    A setting may let prices in that are none (`rules.price_range`); they must not take a run down.
    """
    query = """select track, avg(implied) from (
                   select r.track, sum(1 / nullif(s.price, 0)) as implied from core.races as r
                   join core.selections as s using (race_date, race_id)
                   where r.race_date = any(%s) and s.status = 'ACTIVE'
                   group by r.race_date, r.race_id, r.track
                   having count(*) = count(*) filter (where s.price > 0 and s.price < 'Infinity')) as races
               group by 1 order by 1"""
    return [(track, float(implied)) for track, implied in _ask(warehouse, query, list(days))]


def calendar(warehouse: Warehouse, last: date) -> dict[str, list[tuple[date, str]]]:
    """By source, the worst state of each day up to a day and four weeks back."""
    query = "select source, race_date, state from ops.coverage where race_date between %s and %s"
    worst: dict[tuple[str, date], str] = {}
    for source, day, state in _ask(warehouse, query, last - TRAILING, last):
        worst[source, day] = max(worst.get((source, day), state), state, key=STATES.index)
    made: dict[str, list[tuple[date, str]]] = {}
    for (source, day), state in sorted(worst.items()):
        made.setdefault(source, []).append((day, state))
    return made


def rejects_by_rule(warehouse: Warehouse, days: Sequence[date]) -> Values:
    """Open rejects of the days, by the rules they broke."""
    query = """select rule, count(*) from quarantine.rejects cross join lateral unnest(rules) as broken (rule)
               where race_date = any(%s) and state = 'open' group by 1 order by 2 desc, 1"""
    return [(rule, float(count)) for rule, count in _ask(warehouse, query, list(days))]


def accounts(warehouse: Warehouse, day: date) -> list[Mapping[str, Any]]:
    """The conservation table of a day: the account of each source that the day as published is made of."""
    columns = ("source", "records_in", "accepted", "quarantined", "duplicates", "filtered", "finished_at")
    query = f"""select distinct on (source) {", ".join(columns)} from ops.ingestion_runs
                join ops.built_days using (race_date, run_id) where race_date = %s
                order by source, finished_at desc"""
    return [dict(zip(columns, row, strict=True)) for row in _ask(warehouse, query, day)]


def _ask(warehouse: Warehouse, query: str, *bound: Any) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return connection.execute(query.encode(), bound).fetchall()
