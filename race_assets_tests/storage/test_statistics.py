"""Tables that a run filled have statistics when it ends; small additions are left to the server."""

from typing import Any

import pytest

from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import statistics
from race_assets_tests.pipeline.feed import DAY1, DAY2, ask, csv_race, drop, tell

RACES, SELECTIONS = "core.races", "core.selections"


def fill(workshop: Workshop, rows: int) -> None:
    tell(workshop, "create table if not exists ops.filled (number bigint)")
    tell(workshop, "alter table ops.filled set (autovacuum_enabled = off)")
    tell(workshop, "insert into ops.filled select generate_series(1, %s)", rows)


def known_rows(workshop: Workshop, table: str) -> Any:
    return ask(workshop, "select reltuples from pg_class where oid = %s::regclass", table)[0][0]


def test_a_table_is_analysed_when_it_is_new_or_grew_by_a_fifth(workshop: Workshop) -> None:
    table = "ops.filled"
    try:
        fill(workshop, 20_000)
        assert statistics.refresh(workshop.warehouse, {table: 9_999}) == []
        assert known_rows(workshop, table) == -1
        assert statistics.refresh(workshop.warehouse, {table: 20_000}) == [table]
        assert known_rows(workshop, table) == 20_000
        fill(workshop, 40_000)
        assert statistics.refresh(workshop.warehouse, {table: 40_000}) == [table]
        fill(workshop, 11_000)
        assert statistics.refresh(workshop.warehouse, {table: 11_000}) == []
        assert statistics.refresh(workshop.warehouse, {table: 13_000}) == [table]
    finally:
        tell(workshop, "drop table if exists ops.filled")


def test_a_build_names_the_rows_that_it_published(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, int]] = []
    monkeypatch.setattr(statistics, "refresh", lambda _, rows: asked.append(dict(rows)))
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    IngestionService.over(workshop).build([DAY1, DAY2], "run")
    ((rows,),) = [asked]
    assert (rows[RACES], rows[SELECTIONS]) == (2, 6)
