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
    return run_whole(
        *assets, tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    )


def run_whole(*assets: dg.AssetsDefinition, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
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
            tags=tags,
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
    assert said in failure_of(run(asset))


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What the only failed step says; it was not tried again."""
    assert not result.success
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    return str(failure.step_failure_data)


def returning(
    output: object, manager: str = "io_manager", key: tuple[str, ...] = ("analysis", "made"), *, by_day: bool = True
) -> dg.AssetsDefinition:
    """An asset that returns this output, and whose author has failed steps tried again."""

    @dg.asset(
        key=list(key),
        partitions_def=DAYS if by_day else None,
        backfill_policy=WHOLE if by_day else None,
        io_manager_key=manager,
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    def made() -> Any:
        return output

    return made


DAY = pl.DataFrame({"race_date": [date(2024, 6, 27)]})
RACE_DATE = pl.col("race_date")


@pytest.mark.parametrize("manager", ["io_manager", "lake"])
@pytest.mark.parametrize(
    ("output", "said"),
    [
        (5, "analysis.made returned a value of type int; an asset that is stored returns a pl.DataFrame"),
        (DAY.to_dicts(), "analysis.made returned a value of type list"),
        (DAY["race_date"], "analysis.made returned a value of type polars.series.series.Series"),
        (None, "analysis.made returned None"),
        (DAY.select(RACE_DATE.cast(pl.String)), "has a race_date that is String, cast it to Date"),
        (DAY.select(RACE_DATE.cast(pl.Datetime("us"))), "has a race_date that is Datetime"),
        (DAY.lazy().select(RACE_DATE.cast(pl.Datetime("us"))), "cast it to Date"),
        (pl.concat([DAY, DAY.clear(1)]), "holds 1 row whose race_date is null"),
        (DAY.clear(2), "holds 2 rows whose race_date is null"),
    ],
)
def test_what_cannot_be_stored_by_day_is_refused_with_what_to_do(
    built: str, manager: str, output: object, said: str
) -> None:
    assert count(built, "core.races")
    assert said in failure_of(run(returning(output, manager))).replace("analysis/made", "analysis.made")


@pytest.mark.parametrize(
    "values",
    [
        pl.Series("note", [None]),
        pl.Series("note", [[]], dtype=pl.List(pl.Null)),
        pl.Series("note", [{"a": None}], dtype=pl.Struct({"a": pl.Null})),
    ],
    ids=["null", "list", "struct"],
)
@pytest.mark.parametrize("by_day", [True, False])
def test_a_column_without_a_type_is_not_stored_in_the_lake(built: str, values: pl.Series, by_day: bool) -> None:
    assert count(built, "core.races")
    frame = DAY.select(RACE_DATE, values)
    said = failure_of((run if by_day else run_whole)(returning(frame, "lake", by_day=by_day)))
    assert "has no type for note" in said
    assert 'pl.col("note").cast(pl.String)' in said


@pytest.mark.parametrize("manager", ["io_manager", "lake"])
def test_a_whole_table_needs_columns_and_no_race_date(built: str, manager: str) -> None:
    assert count(built, "core.races")
    assert run_whole(returning(pl.DataFrame({"dog": ["Amber"]}), manager, by_day=False)).success
    assert "has no columns" in failure_of(run_whole(returning(pl.DataFrame(), manager, by_day=False)))


def test_a_type_that_changed_fails_the_run_for_good_and_a_whole_table_follows_it(built: str) -> None:
    number, share = DAY.with_columns(runners=pl.lit(6)), DAY.with_columns(runners=pl.lit(5.5))
    assert run(returning(number)).success
    assert "column runners is integer and would become double precision: cast it" in failure_of(run(returning(share)))
    assert rows(built, "select runners from analysis.made") == [(6,)]
    assert run_whole(returning(share, by_day=False)).success
    assert rows(built, "select runners from analysis.made") == [(5.5,)]


@pytest.mark.parametrize("key", [("analysis", "deep", "made"), ("analysis", "made.anew")])
def test_a_key_that_names_no_table_of_postgres_is_refused(built: str, key: tuple[str, ...]) -> None:
    assert count(built, "core.races")
    assert "give the asset a key of two parts" in failure_of(run(returning(DAY, key=key)))


def test_an_input_is_handed_over_as_its_parameter_is_annotated(built: str) -> None:
    assert count(built, "core.races")
    handed: list[type] = []
    for annotation in (pl.DataFrame, pl.DataFrame | None, pl.LazyFrame, pl.LazyFrame | None, Any):

        def note(selections: Any) -> pl.DataFrame:
            handed.append(type(selections))
            return DAY

        note.__annotations__["selections"] = annotation
        ins = {"selections": dg.AssetIn(key=KEYS["core.selections"])}
        policy = {"partitions_def": DAYS, "backfill_policy": WHOLE, "io_manager_key": "io_manager"}
        assert run(dg.asset(key=["analysis", "noted"], ins=ins, **policy)(note)).success
    assert handed == [pl.DataFrame, pl.DataFrame, pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]


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
