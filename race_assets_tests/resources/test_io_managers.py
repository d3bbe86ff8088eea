"""An asset of the user's own, stored by our IO managers and fed by our tables, in real Dagster runs."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest

from race_assets import definitions
from race_assets.assets.core import KEYS
from race_assets.pipeline import land
from race_assets.pipeline.build import build
from race_assets.pipeline.workshop import Workshop
from race_assets.resources.io_managers import LakeIOManager, PostgresIOManager
from race_assets.resources.workshop import WorkshopResource
from race_assets_tests.conftest import SAMPLES

DAYS = dg.DailyPartitionsDefinition("2024-06-01", end_offset=3)
FIRST, LAST = "2024-06-27", "2024-06-28"
WHOLE = dg.BackfillPolicy.single_run()


@dg.asset(
    key=["analysis", "favourites"],
    ins={"selections": dg.AssetIn(key=KEYS["core.selections"])},
    partitions_def=DAYS,
    backfill_policy=WHOLE,
    io_manager_key="io_manager",
)
def favourites(selections: pl.LazyFrame) -> pl.LazyFrame:
    return selections.filter(pl.col("price").is_not_null()).select("race_date", "race_id", "dog_name", "price")


@dg.asset(key=["analysis", "kept"], partitions_def=DAYS, backfill_policy=WHOLE, io_manager_key="lake")
def kept(context: dg.AssetExecutionContext) -> pl.DataFrame:
    return pl.DataFrame({"race_date": list(context.partition_keys)}).with_columns(pl.col("race_date").str.to_date())


@dg.asset(key=["analysis", "strays"], partitions_def=DAYS, backfill_policy=WHOLE, io_manager_key="io_manager")
def strays() -> pl.DataFrame:
    return pl.DataFrame({"race_date": ["2024-06-02"]}).with_columns(pl.col("race_date").str.to_date())


@dg.asset(key=["analysis", "dayless"], partitions_def=DAYS, backfill_policy=WHOLE, io_manager_key="io_manager")
def dayless() -> pl.DataFrame:
    return pl.DataFrame({"dog": ["Amber"]})


@dg.asset(
    key=["analysis", "asked"],
    ins={"selections": dg.AssetIn(key=KEYS["core.selections"])},
    partitions_def=DAYS,
    backfill_policy=WHOLE,
    io_manager_key="io_manager",
)
def asked(selections: pl.LazyFrame) -> pl.LazyFrame:
    """What an asset is handed: a lazy frame of its days, from which it may take what it needs."""
    assert isinstance(selections, pl.LazyFrame)
    first = pl.col("trap") == 1
    return selections.filter(first).select("race_date", kind=pl.lit("trap 1"), races=pl.len().over("race_date"))


@dg.asset(
    key=["analysis", "counted"],
    ins={"kept": dg.AssetIn(key=["analysis", "kept"], input_manager_key="lake")},
    partitions_def=DAYS,
    backfill_policy=WHOLE,
    io_manager_key="io_manager",
)
def counted(kept: pl.LazyFrame) -> pl.LazyFrame:
    return kept.group_by("race_date").agg(pl.len().alias("rows"))


@pytest.fixture
def built(workshop: Workshop, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with the sample days in it, which the settings name."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    files = sorted((SAMPLES / "betfair_csv").glob("*.csv"))
    landed = list(land.land(workshop, "betfair_csv", land.named(files)))
    list(build(workshop, sorted({day for each in landed for day in each.days}), "test"))
    return database


def run(*assets: dg.AssetsDefinition, first: str = FIRST, last: str = LAST) -> dg.ExecuteInProcessResult:
    upstream = dg.AssetSpec(KEYS["core.selections"], partitions_def=DAYS).with_io_manager_key("io_manager")
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [*assets, upstream],
            selection=[*assets],
            instance=instance,
            resources={
                "workshop": WorkshopResource(),
                "io_manager": PostgresIOManager(),
                "lake": LakeIOManager(),
            },
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
            raise_on_error=False,
        )


def count(database: str, table: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def test_an_asset_takes_our_table_lazily_and_is_stored_by_whole_days(built: str) -> None:
    assert run(favourites).success
    priced = (
        "(select * from core.selections where price is not null and race_date between '2024-06-27' and '2024-06-28') x"
    )
    assert count(built, "analysis.favourites") == count(built, priced) > 0
    assert run(favourites).success
    assert count(built, "analysis.favourites") == count(built, priced)


def test_a_table_of_the_lake_is_stored_by_day(built: str, workshop: Workshop) -> None:
    assert count(built, "core.races")
    assert run(kept).success
    scanned = workshop.lake.scan_days(
        "analysis/kept", [*pl.date_range(pl.date(2024, 6, 27), pl.date(2024, 6, 28), eager=True)]
    )
    assert scanned.collect().height == 2


@pytest.mark.parametrize(("asset", "said"), [(strays, "2024-06-02"), (dayless, "race_date")])
def test_rows_that_belong_to_no_day_of_the_run_are_refused(built: str, asset: dg.AssetsDefinition, said: str) -> None:
    assert count(built, "core.races")
    result = run(asset)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert said in str(failure.step_failure_data)


def test_an_asset_is_handed_the_days_of_its_run_and_no_others(built: str) -> None:
    assert run(asked, first=FIRST, last=FIRST).success
    assert {day for day, *_ in rows(built, "select race_date, kind from analysis.asked")} == {date.fromisoformat(FIRST)}
    told = rows(built, "select distinct races from analysis.asked")
    trapped = f"(select * from core.selections where trap = 1 and race_date = '{FIRST}') x"
    assert told == [(count(built, trapped),)]


def test_a_run_over_some_days_replaces_those_and_leaves_the_others(built: str) -> None:
    assert run(favourites).success
    kept_rows = f"select ctid::text, xmin::text from analysis.favourites where race_date = '{FIRST}' order by ctid"
    before, in_all = rows(built, kept_rows), count(built, "analysis.favourites")
    assert before
    with psycopg.connect(built) as connection:
        connection.execute("update core.selections set price = null where race_date = %s and trap = 2", [LAST])
    assert run(favourites, first=LAST, last=LAST).success
    assert rows(built, kept_rows) == before
    assert len(before) < count(built, "analysis.favourites") < in_all
    priced = f"(select * from core.selections where price is not null and race_date between '{FIRST}' and '{LAST}') x"
    assert count(built, "analysis.favourites") == count(built, priced)


def test_all_days_of_a_run_are_stored_in_one_transaction(built: str) -> None:
    assert run(favourites).success
    assert rows(built, "select count(distinct race_date), count(distinct xmin::text) from analysis.favourites") == [
        (2, 1)
    ]


def test_a_day_the_asset_has_nothing_for_ends_up_empty(built: str) -> None:
    assert run(favourites).success
    with psycopg.connect(built) as connection:
        connection.execute("update core.selections set price = null where race_date = %s", [LAST])
    assert run(favourites).success
    assert {day for (day,) in rows(built, "select race_date from analysis.favourites")} == {date.fromisoformat(FIRST)}


def test_rows_that_were_refused_change_nothing(built: str) -> None:
    assert run(favourites).success
    before = rows(built, "select * from analysis.favourites order by 1, 2, 3")
    with psycopg.connect(built) as connection:
        connection.execute("alter table analysis.favourites rename to strays")
    assert not run(strays).success
    assert rows(built, "select * from analysis.strays order by 1, 2, 3") == before


def test_a_table_of_the_lake_is_read_back_lazily_by_the_next_asset(built: str) -> None:
    assert run(kept, counted).success
    assert rows(built, "select race_date, rows from analysis.counted order by 1") == [
        (date.fromisoformat(FIRST), 1),
        (date.fromisoformat(LAST), 1),
    ]


def test_the_figures_of_a_table_are_told_with_it(built: str) -> None:
    result = run(favourites)
    (event,) = result.asset_materializations_for_node("analysis__favourites")[:1]
    assert event.metadata["dagster/table_name"].value == "analysis.favourites"
    assert event.metadata["dagster/row_count"].value == count(built, "analysis.favourites")


def test_the_definitions_offer_both_io_managers() -> None:
    assert {"io_manager", "lake"} <= set(definitions.defs.resources or {})


def test_a_table_of_the_lake_keeps_columns_that_say_nothing_and_its_shape_when_empty(
    built: str, workshop: Workshop
) -> None:
    assert count(built, "core.races")

    @dg.asset(key=["analysis", "notes"], partitions_def=DAYS, backfill_policy=WHOLE, io_manager_key="lake")
    def notes() -> pl.DataFrame:
        day = pl.DataFrame({"race_date": [FIRST], "note": [None]}, schema={"race_date": pl.String, "note": pl.String})
        return day.with_columns(pl.col("race_date").str.to_date())

    assert run(notes).success
    days = pl.date_range(pl.date(2024, 6, 27), pl.date(2024, 6, 28), eager=True).to_list()
    assert workshop.lake.scan_days("analysis/notes", days).collect().schema == {"race_date": pl.Date, "note": pl.String}
    assert workshop.lake.scan_days("analysis/notes", days[1:]).collect().schema.names() == ["race_date", "note"]
