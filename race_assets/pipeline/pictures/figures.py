"""Figures that charts and pages show, read from the small tables in which every day's publishing leaves them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from race_assets.schemas.catalogue import CORE
from race_assets.storage import coverage
from race_assets.storage.coverage import TRAILING
from race_assets.storage.day_figures import BELOW, OVERROUND, PRICES, RANGES
from race_assets.storage.postgres import Warehouse

Values = list[tuple[str, float]]


def rows_per_day(warehouse: Warehouse, table: str, last: date) -> Values:
    """Return the rows that a core table has of each published day, up to a day and four weeks back."""
    if table not in CORE:
        raise ValueError(f"{table} is no core table")
    column = table.partition(".")[2]
    query = f"""select race_date, {column} from (
                    select distinct on (race_date) race_date, {column} from ops.publications
                    where race_date between %s and %s order by race_date, built_at desc) as latest
                where {column} > 0 order by race_date"""
    return [(str(day), float(count)) for day, count in _ask(warehouse, query, last - TRAILING, last)]


def prices(warehouse: Warehouse, days: Sequence[date]) -> Values:
    """Return the runners of these days by range of their price; below the lowest odds only where there are any."""
    query = "select label, sum(number) from ops.chart_data where race_date = any(%s) and chart = %s group by label"
    counts = dict(_ask(warehouse, query, list(days), PRICES))
    return [(name, float(counts.get(name, 0))) for name in RANGES if name != BELOW or counts.get(name)]


def overrounds(warehouse: Warehouse, days: Sequence[date]) -> Values:
    """Return the average overround of races by track, of races whose runners all have a price above 0."""
    query = """select label, sum(total) / sum(number) from ops.chart_data
               where race_date = any(%s) and chart = %s group by label order by label"""
    return [(track, float(average)) for track, average in _ask(warehouse, query, list(days), OVERROUND)]


def calendar(warehouse: Warehouse, last: date) -> dict[str, list[tuple[date, str]]]:
    """Return the state of each day by source, up to a day and four weeks back."""
    states: dict[str, list[tuple[date, str]]] = {}
    for each in coverage.covered(warehouse, last - TRAILING, last):
        states.setdefault(each.source, []).append((each.race_date, each.state))
    return states


def rejects_by_rule(warehouse: Warehouse, days: Sequence[date]) -> Values:
    """Return the open rejects of these days by the rules they broke."""
    query = """select rule, count(*) from quarantine.rejects cross join lateral unnest(rules) as broken (rule)
               where race_date = any(%s) and state = 'open' group by 1 order by 2 desc, 1"""
    return [(rule, float(count)) for rule, count in _ask(warehouse, query, list(days))]


def accounts(warehouse: Warehouse, day: date) -> list[Mapping[str, Any]]:
    """Return the reconciliation of a day: the account of each source that the published day is made of."""
    columns = ("source", "records_in", "accepted", "quarantined", "duplicates", "filtered", "finished_at")
    query = f"""select distinct on (source) {", ".join(columns)} from ops.ingestion_runs
                join ops.built_days using (race_date, run_id) where race_date = %s
                order by source, finished_at desc"""
    return [dict(zip(columns, row, strict=True)) for row in _ask(warehouse, query, day)]


def _ask(warehouse: Warehouse, query: str, *bound: Any) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return connection.execute(query.encode(), bound).fetchall()
