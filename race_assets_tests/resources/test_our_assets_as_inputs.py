"""Every asset of ours as the input of a user's own asset, in real Dagster runs over the sample days."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest

from race_assets import definitions
from race_assets import settings as settings_module
from race_assets.pipeline import fetch
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE, RAW, RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets_tests.conftest import SAMPLES
from race_assets_tests.databases import Databases
from race_assets_tests.fake_racing_post import FakeRacingPost, world
from race_assets_tests.fetching import Clockwork
from race_assets_tests.pipeline import pointed
from race_assets_tests.pipeline.feed import BSP, CSV, build_stale, land_samples

FIRST, LAST, EMPTY = "2024-06-27", "2024-06-28", "2024-06-30"
SINGLE_RUN = dg.BackfillPolicy.single_run()
SCHEMAS = {("raw", source): polars_schema(RAW) for source in (CSV, BSP)}
SCHEMAS |= {("raw", f"racing_post_{kind}"): polars_schema(RAW) for kind in ("races", "form", "analysis")}
SCHEMAS |= {("raw", name): polars_schema(RAW) for name in ("betfair_historic", "betfair_exchange")}
SCHEMAS |= {("raw", name): polars_schema(RAW) for name in ("gbgb_results", "betfair_hub")}
SCHEMAS |= {("validated", "records"): polars_schema(RECORDS)}
SCHEMAS |= {tuple(name.split(".")): polars_schema(schema) for name, schema in CORE.items()}
INS = {"__".join(path): dg.AssetIn(key=dg.AssetKey(path)) for path in SCHEMAS}
Frames = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def whole(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """The sample days with price points, form and analysis, built once; no test changes our tables."""
    with (
        databases.lend() as url,
        pytest.MonkeyPatch.context() as patch,
        FakeRacingPost(world(days=2)) as feed,
    ):
        patch.setitem(registry.FILE_SOURCES, CSV, pointed.AS_TEXT)
        account = {"base_url": feed.url, "api_key": feed.key}
        home = tmp_path_factory.mktemp("home")
        made = Workshop(Settings.model_validate({"home": home, "postgres": {"url": url}, "racing_post": account}))
        for kind in ("races", "form", "analysis"):
            days = [date(2024, 6, 26), date(2024, 6, 27)]
            assert not fetch.fetch(made, f"racing_post_{kind}", days, timing=Clockwork().timing).problems
        land_samples(made, sorted(SAMPLES.rglob("*.csv")))
        build_stale(made)
        yield made


@pytest.fixture
def built(whole: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """The built days, and the settings that lead to them in force."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(whole.settings.home))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", whole.warehouse.url)
    return whole


def ours() -> dg.Definitions:
    """The definitions of the settings in force."""
    return definitions.build(settings_module.load())


def materialise(
    asset: dg.AssetsDefinition, days: Sequence[str] = (), partition: str | None = None
) -> dg.ExecuteInProcessResult:
    """Run the asset as a user does who adds it to our definitions; over a range of days, if one is given."""
    job = dg.define_asset_job("mine", selection=dg.AssetSelection.assets(asset))
    merged = dg.Definitions.merge(ours(), dg.Definitions(assets=[asset], jobs=[job]))
    tags = dict(zip(("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), days, strict=False))
    with dg.DagsterInstance.ephemeral() as instance:
        return merged.resolve_job_def("mine").execute_in_process(
            instance=instance, tags=tags, partition_key=partition, raise_on_error=True
        )


def consumer(given: Frames, annotation: Any, **options: Any) -> dg.AssetsDefinition:
    """An asset that takes every one of ours, and keeps what it was handed in `given`."""

    def take(**frames: Any) -> None:
        for name, frame in frames.items():
            assert isinstance(frame, annotation)
            given[name] = frame.lazy().collect()

    names = ", ".join(f"{name}: annotation" for name in INS)
    scope: dict[str, Any] = {"take": take, "annotation": annotation}
    exec(f"def all_of_ours({names}) -> None:\n    take(**locals())", scope)  # noqa: S102 - parameters by the names of our assets
    return dg.asset(ins=INS, **options)(scope["all_of_ours"])


def partitioned() -> dict[str, Any]:
    """The options of an asset with our days."""
    days = settings_module.load().partitions
    return {
        "partitions_def": dg.DailyPartitionsDefinition(days.start.isoformat(), end_offset=days.end_offset),
        "backfill_policy": SINGLE_RUN,
    }


def expected(database: str, days: Sequence[str] | None) -> dict[str, int]:
    """Rows of each table on these days, or of all, as SQL counts them."""
    which = "true" if days is None else "race_date in ({})".format(", ".join(f"'{day}'" for day in days))
    counted = dict.fromkeys(INS, 0)
    with psycopg.connect(database) as connection:
        for name in CORE:
            row = connection.execute(f"select count(*) from {name} where {which}".encode()).fetchone()
            counted[name.replace(".", "__")] = row[0] if row else 0
        landed = connection.execute(
            f"""select source, sum(held)::int from ops.source_files, unnest(race_dates, race_date_records)
                as told (race_date, held) where {which} group by source""".encode()
        )
        counted |= {f"raw__{source}": held for source, held in landed}
        accepted = connection.execute(f"select sum(accepted)::int from ops.ingestion_runs where {which}".encode())
        later = connection.execute(
            f"select count(*) from quarantine.rejects where stage in ('race', 'link') and {which}".encode()
        )
        counted["validated__records"] = sum((row or (0,))[0] or 0 for row in (accepted.fetchone(), later.fetchone()))
    return counted


def rows_of(given: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    return {name: frame.height for name, frame in given.items()}


def test_the_expectations_name_every_asset_of_ours() -> None:
    assert {tuple(each.key.path) for each in ours().resolve_all_asset_specs()} == set(SCHEMAS)


@pytest.mark.parametrize("annotation", [pl.DataFrame, pl.LazyFrame])
@pytest.mark.parametrize("days", [(FIRST, FIRST), (FIRST, LAST), (EMPTY, EMPTY)])
def test_an_asset_with_our_days_is_handed_the_days_of_its_run_with_all_columns(
    built: Workshop, days: tuple[str, str], annotation: Any
) -> None:
    given: Frames = {}
    assert materialise(consumer(given, annotation, **partitioned()), days).success
    wanted = expected(built.warehouse.url, sorted(set(days)))
    assert rows_of(given) == wanted
    silent = {"betfair_historic", "betfair_exchange", "gbgb_results", "betfair_hub"}
    told = {name for name in INS if days[0] == FIRST and name.removeprefix("raw__") not in silent}
    assert {name for name, rows in wanted.items() if rows} == told
    assert {name: frame.schema for name, frame in given.items()} == {
        "__".join(path): schema for path, schema in SCHEMAS.items()
    }
    days_given = {day for frame in given.values() for day in frame["race_date"]}
    assert days_given <= {date.fromisoformat(day) for day in days}


def test_an_asset_without_partitions_is_handed_every_day(built: Workshop) -> None:
    given: Frames = {}
    assert materialise(consumer(given, pl.DataFrame)).success
    assert rows_of(given) == expected(built.warehouse.url, None)


def test_an_asset_without_partitions_may_name_the_days_it_wants(built: Workshop) -> None:
    given: Frames = {}
    mapping = dg.SpecificPartitionsPartitionMapping([FIRST, "2024-10-27"])
    ins = {"races": dg.AssetIn(key_prefix="core", partition_mapping=mapping)}

    @dg.asset(ins=ins)
    def few(races: pl.DataFrame) -> None:
        given["races"] = races

    assert materialise(few).success
    assert given["races"].height == expected(built.warehouse.url, [FIRST, "2024-10-27"])["core__races"] > 0


def test_a_trailing_window_is_a_partition_mapping(built: Workshop) -> None:
    given: Frames = {}
    mapping = dg.TimeWindowPartitionMapping(start_offset=-1)
    ins = {name: dg.AssetIn(key=each.key, partition_mapping=mapping) for name, each in INS.items() if "raw" not in name}

    @dg.asset(ins={"records": ins["validated__records"], "races": ins["core__races"]}, **partitioned())
    def trailing(records: pl.DataFrame, races: pl.LazyFrame) -> None:
        given.update(records=records, races=races.collect())

    assert materialise(trailing, partition=LAST).success
    wanted = expected(built.warehouse.url, [FIRST, LAST])
    assert rows_of(given) == {"records": wanted["validated__records"], "races": wanted["core__races"]}


def test_a_monthly_asset_is_handed_its_month_and_stored_by_its_days(built: Workshop) -> None:
    @dg.asset(
        key=["mine", "monthly"],
        ins={"races": dg.AssetIn(key_prefix="core")},
        partitions_def=dg.MonthlyPartitionsDefinition("2024-01-01"),
    )
    def monthly(races: pl.DataFrame) -> pl.DataFrame:
        return races.select("race_date", "race_id")

    for _ in range(2):
        assert materialise(monthly, partition="2024-06-01").success
    with psycopg.connect(built.warehouse.url) as connection:
        kept = connection.execute("select race_id from mine.monthly order by 1").fetchall()
        wanted = connection.execute(
            "select race_id from core.races where date_trunc('month', race_date) = '2024-06-01'"
        )
        assert kept == sorted(wanted.fetchall())


@pytest.mark.parametrize("manager", ["io_manager", "lake"])
def test_a_table_without_days_is_stored_whole_and_read_back(built: Workshop, manager: str) -> None:
    given: Frames = {}

    @dg.asset(key=["mine", "tracks"], ins={"races": dg.AssetIn(key_prefix="core")}, io_manager_key=manager)
    def tracks(races: pl.LazyFrame) -> pl.LazyFrame:
        return races.group_by("track_id").agg(races=pl.len()).sort("track_id")

    @dg.asset(ins={"tracks": dg.AssetIn(key=["mine", "tracks"])})
    def reader(tracks: pl.DataFrame) -> None:
        given["tracks"] = tracks

    job = dg.define_asset_job("both", selection=dg.AssetSelection.assets(tracks, reader))
    merged = dg.Definitions.merge(ours(), dg.Definitions(assets=[tracks, reader], jobs=[job]))
    for _ in range(2):
        with dg.DagsterInstance.ephemeral() as instance:
            assert merged.resolve_job_def("both").execute_in_process(instance=instance).success
    assert given["tracks"]["races"].sum() == expected(built.warehouse.url, None)["core__races"]
    assert given["tracks"]["track_id"].is_unique().all()


def test_days_that_the_lake_has_lost_are_made_again_and_do_not_look_empty(built: Workshop) -> None:
    shutil.rmtree(built.lake.folder)
    given: Frames = {}
    ins = {name: INS[name] for name in ("raw__betfair_csv", "validated__records")}

    @dg.asset(ins=ins, **partitioned())
    def both(raw__betfair_csv: pl.DataFrame, validated__records: pl.DataFrame) -> None:
        given.update(raw__betfair_csv=raw__betfair_csv, validated__records=validated__records)

    assert materialise(both, (FIRST, LAST)).success
    wanted = expected(built.warehouse.url, [FIRST, LAST])
    assert rows_of(given) == {name: wanted[name] for name in ins}


@pytest.mark.parametrize(("manager", "place"), [("io_manager", "Postgres"), ("lake", "the lake")])
def test_a_table_that_nobody_has_stored_is_named_with_what_to_do(built: Workshop, manager: str, place: str) -> None:
    del built

    @dg.asset(key=["mine", "never"], io_manager_key=manager, **partitioned())
    def never() -> pl.DataFrame:
        raise AssertionError

    @dg.asset(ins={"never": dg.AssetIn(key=["mine", "never"])}, **partitioned())
    def reader(never: pl.DataFrame) -> None:
        del never

    job = dg.define_asset_job("reads", selection=dg.AssetSelection.assets(reader))
    merged = dg.Definitions.merge(ours(), dg.Definitions(assets=[never, reader], jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        done = merged.resolve_job_def("reads").execute_in_process(
            instance=instance, partition_key=FIRST, raise_on_error=False
        )
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert f"in {place}; materialise the asset that makes it first" in str(failure.step_failure_data)


def test_an_asset_that_is_not_partitioned_by_time_is_refused_with_what_to_do(built: Workshop) -> None:
    del built

    @dg.asset(key=["mine", "by_country"], partitions_def=dg.StaticPartitionsDefinition(["GB", "IE"]))
    def by_country() -> pl.DataFrame:
        return pl.DataFrame({"race_date": [date(2024, 6, 27)]})

    with pytest.raises(dg.Failure, match="mine/by_country is not partitioned by time"):
        materialise(by_country, partition="GB")


def test_what_users_add_is_no_part_of_our_jobs(built: Workshop) -> None:
    """Otherwise one asset with other partitions would keep `ingest` from loading at all."""
    del built

    @dg.asset(partitions_def=dg.MonthlyPartitionsDefinition("2024-01-01"))
    def monthly() -> None: ...

    merged = dg.Definitions.merge(ours(), dg.Definitions(assets=[monthly]))
    keys = merged.resolve_job_def("ingest").asset_layer.executable_asset_keys
    assert {tuple(key.path) for key in keys} == set(SCHEMAS)
