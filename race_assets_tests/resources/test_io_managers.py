"""An asset of the user's own, stored by our IO managers and fed by our tables, in real Dagster runs."""

from pathlib import Path

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


@pytest.fixture
def built(workshop: Workshop, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with the sample days in it, which the settings name."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    files = sorted((SAMPLES / "betfair_csv").glob("*.csv"))
    landed = list(land.land(workshop, "betfair_csv", land.named(files)))
    list(build(workshop, sorted({day for each in landed for day in each.days}), "test"))
    return database


def run(asset: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    upstream = dg.AssetSpec(KEYS["core.selections"], partitions_def=DAYS).with_io_manager_key("io_manager")
    return dg.materialize(
        [asset, upstream],
        selection=[asset],
        instance=dg.DagsterInstance.ephemeral(),
        resources={
            "workshop": WorkshopResource(),
            "io_manager": PostgresIOManager(),
            "lake": LakeIOManager(),
        },
        tags={"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST},
        raise_on_error=False,
    )


def count(database: str, table: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


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


def test_the_definitions_offer_both_io_managers() -> None:
    assert {"io_manager", "lake"} <= set(definitions.defs.resources or {})
