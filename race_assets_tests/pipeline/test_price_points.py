"""Price points reach core with their records and only with them; sources without points are as they were."""

import hashlib
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from race_assets.pipeline import build, land
from race_assets.pipeline.days import chunks
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE
from race_assets.schemas.records import PARSED_POINTS, RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.storage import tables as warehouse_tables
from race_assets_tests.pipeline.feed import (
    BSP,
    CSV,
    DAY1,
    DAY2,
    DAY3,
    ask,
    bsp_name,
    bsp_row,
    build_days,
    build_stale,
    csv_race,
    csv_row,
    drop,
    stored,
    tables,
    tell,
)
from race_assets_tests.pipeline.pointed import AS_TEXT, OFFSETS

MakeSettings = Callable[..., Settings]
GRID = len(OFFSETS)


@pytest.fixture
def pointed(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop whose source of CSV files tells points."""
    monkeypatch.setitem(registry.FILE_SOURCES, CSV, AS_TEXT)
    return workshop


def points(workshop: Workshop, day: date = DAY1) -> list[tuple[str, float]]:
    """The end of each selection's key, and its best back at the off."""
    query = """select right(selection_id, 2), best_back from core.price_points
               where race_date = %s and seconds_before_off = 0 order by 1"""
    return ask(workshop, query, day)


def points_folder(workshop: Workshop, sha256: str) -> Path:
    return workshop.lake.parsed_beside_path(CSV, sha256, workshop.source(CSV).parser_version, "points")


def account(workshop: Workshop) -> list[tuple[object, ...]]:
    return ask(
        workshop,
        """select race_date, source, records_in, accepted, quarantined, duplicates, filtered, rejected_by, notes
           from ops.ingestion_runs order by 1, 2, finished_at""",
    )


# What arrives


def test_points_arrive_with_their_runners_key_moment_values_and_currency(pointed: Workshop) -> None:
    drop(pointed, "a.csv", csv_race(DAY1, dogs="Alpha Beta"))
    built = build_stale(pointed)

    assert built.published[DAY1]["core.price_points"] == 2 * GRID
    found = ask(
        pointed, "select * from core.price_points where right(selection_id, 3) = '-t2' order by seconds_before_off"
    )
    key = (DAY1, "gb-romford-20240626-1836-t2", CSV, "WIN")
    nothing = (None, None)
    assert found == [
        (
            *key,
            0,
            datetime(2024, 6, 26, 17, 36, 0, tzinfo=UTC),
            3.0,
            0.0,
            *nothing,
            3.0,
            1.5,
            100.0,
            "GBP",
            0.25,
            0.0,
            None,
        ),
        (
            *key,
            30,
            datetime(2024, 6, 26, 17, 35, 30, tzinfo=UTC),
            3.3,
            7.5,
            *nothing,
            3.0,
            1.5,
            70.0,
            "GBP",
            0.25,
            15.0,
            None,
        ),
        (
            *key,
            60,
            datetime(2024, 6, 26, 17, 35, 0, tzinfo=UTC),
            3.6,
            15.0,
            *nothing,
            *nothing,
            40.0,
            "GBP",
            0.25,
            30.0,
            None,
        ),
    ]


def test_points_are_read_back_sorted_by_their_whole_key(pointed: Workshop) -> None:
    drop(pointed, "a.csv", csv_race(DAY2) + csv_race(DAY1))
    build_stale(pointed)
    frame = warehouse_tables.read_range(pointed.warehouse, "core.price_points", DAY1, DAY2)
    assert frame.height == 2 * 3 * GRID
    assert frame.equals(frame.sort(frame.columns[:5]))


def test_the_ledger_and_the_revisions_count_them(pointed: Workshop) -> None:
    drop(pointed, "a.csv", csv_race(DAY1) + csv_row(DAY2, "1. Alpha", selection=1, price="") + csv_race(DAY3))
    build_stale(pointed)
    assert ask(pointed, "select race_date_points from ops.source_files") == [([3 * GRID, 0, 3 * GRID],)]
    assert ask(pointed, "select price_points from ops.publications order by race_date") == [(9,), (0,), (9,)]
    assert {day: each.points for day, each in pointed.wanted([DAY1, DAY2]).items()} == {DAY1: 9, DAY2: 0}


def test_days_are_worked_on_in_groups_whose_points_fit_too(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = Workshop(make_settings(chunk_rows=7))
    days = [DAY1, DAY2, DAY3]
    drop(workshop, "a.csv", "".join(map(csv_race, days)))
    assert [list(group) for group in chunks(workshop, days)] == [[DAY1, DAY2], [DAY3]]
    land.withdraw(workshop, ask(workshop, "select sha256 from ops.source_files")[0][0])

    monkeypatch.setitem(registry.FILE_SOURCES, CSV, AS_TEXT)
    drop(workshop, "a.csv", "".join(map(csv_race, days)))
    assert [list(group) for group in chunks(workshop, days)] == [[DAY1], [DAY2], [DAY3]]
    assert sorted(build_days(workshop, days).published) == days
    assert ask(workshop, "select race_date, count(*) from core.price_points group by 1 order by 1") == [
        (day, 9) for day in days
    ]


# What does not


def test_a_refused_record_a_record_without_a_day_and_one_without_a_grid_bring_no_points(pointed: Workshop) -> None:
    drop(
        pointed,
        "a.csv",
        csv_race(DAY1, dogs="Alpha")
        + csv_row(DAY1, "2. Beta", selection=2, price="0.5")
        + csv_row(DAY1, "3. Gamma", selection=3, price="")
        + csv_row(DAY1, "1. Nowhere", selection=9, track="Atlantis"),
    )
    build_stale(pointed)
    assert points(pointed) == [("t1", 3.0)]
    # Beta's wait with its record in the lake, in case the rule is changed; a record without a day has none.
    assert ask(pointed, "select race_date_points from ops.source_files") == [([2 * GRID],)]


def test_points_of_a_refused_record_arrive_once_its_rule_lets_it_pass(
    pointed: Workshop, make_settings: MakeSettings
) -> None:
    drop(pointed, "a.csv", csv_race(DAY1, dogs="Alpha") + csv_row(DAY1, "2. Beta", selection=2, price="0.5"))
    build_stale(pointed)
    lenient = Workshop(make_settings(rules={"price_range": {"severity": "warn"}}))
    build_stale(lenient)
    assert points(lenient) == [("t1", 3.0), ("t2", 0.5)]


def test_a_refused_race_brings_no_points(pointed: Workshop) -> None:
    twice = csv_row(DAY1, "1. Alpha", selection=1) + csv_row(DAY1, "1. Zulu", selection=2)
    drop(pointed, "a.csv", twice + csv_race(DAY1, track="Hove", dogs="Alpha"))
    build_stale(pointed)
    assert ask(pointed, "select distinct stage from quarantine.rejects") == [("race",)]
    assert ask(pointed, "select distinct selection_id from core.price_points") == [("gb-hove-20240626-1836-t1",)]


def test_a_newer_versions_points_replace_the_older_ones_on_the_days_both_hold(pointed: Workshop) -> None:
    drop(pointed, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    build_stale(pointed)
    lying = stored(pointed, DAY1)
    drop(pointed, "a.csv", csv_race(DAY2, price="4.0", dogs="Alpha Zulu"))
    build_stale(pointed)
    assert stored(pointed, DAY1) == lying
    assert points(pointed, DAY2) == [("t1", 4.0), ("t2", 4.0)]


def test_a_withdrawn_versions_points_go_and_the_older_ones_come_back(pointed: Workshop) -> None:
    old = drop(pointed, "a.csv", csv_race(DAY1))
    build_stale(pointed)
    before = tables(pointed)
    newer = drop(pointed, "a.csv", csv_race(DAY1, price="4.0"))
    build_stale(pointed)
    assert points(pointed) == [("t1", 4.0), ("t2", 4.0), ("t3", 4.0)]

    land.withdraw(pointed, newer.sha256)
    build_stale(pointed)
    assert tables(pointed) == before

    land.withdraw(pointed, old.sha256)
    assert build_stale(pointed).published == {DAY1: dict.fromkeys(CORE, 0)}
    assert points(pointed) == []


def test_of_two_files_the_record_that_stands_brings_its_points_whatever_came_first(pointed: Workshop) -> None:
    more, less = csv_race(DAY1), csv_row(DAY1, "1. Alpha", selection=1, price="9.0", volume="")
    states = []
    for order in ((more, less), (less, more)):
        for text in order:
            drop(pointed, f"{hashlib.sha256(text.encode()).hexdigest()}.csv", text)
        build_stale(pointed)
        states.append(tables(pointed))
        for (sha,) in ask(pointed, "select sha256 from ops.source_files where withdrawn_at is null"):
            pointed.ledger.withdraw(CSV, sha)
        build_stale(pointed)
    assert states[0] == states[1]
    assert len(states[0]["core.price_points"]) == 3 * GRID
    assert not [row for row in states[0]["core.price_points"] if "9" in row]


def test_of_two_markets_that_tell_of_one_runner_one_brings_all_its_points(pointed: Workshop) -> None:
    other = csv_race(DAY1, price="5.0").replace(f"{DAY1:%Y%m%d}-Romford", "a second market")
    drop(pointed, "a.csv", csv_race(DAY1) + other)
    build_stale(pointed)
    assert len(points(pointed)) == 3
    spread = "select distinct best_back - seconds_before_off / 100.0 from core.price_points"
    assert len(ask(pointed, spread)) == 1


# Twice, and beside others


def test_what_is_unchanged_is_not_written_and_a_rebuild_gives_the_same_rows(pointed: Workshop) -> None:
    drop(pointed, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    build_stale(pointed)
    before, lying = tables(pointed), stored(pointed)
    assert drop(pointed, "b.csv", csv_race(DAY1) + csv_race(DAY2)).state == "known"
    assert sorted(build_days(pointed, [DAY1, DAY2]).unchanged) == [DAY1, DAY2]
    assert stored(pointed) == lying
    build_days(pointed, [DAY1, DAY2], refresh=True)
    assert tables(pointed) == before


def test_points_change_nothing_else_and_no_account(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="0.5") + csv_race(DAY2)
    states, accounts = [], []
    for home in ("plain", "pointed"):
        workshop = Workshop(make_settings(home=tmp_path / home))
        drop(workshop, "a.csv", text)
        drop(workshop, "b.csv", csv_row(DAY1, "1. Alpha", selection=1, volume=""))
        drop(workshop, bsp_name(DAY1), bsp_row(DAY1, "1. Alpha", selection=1), BSP)
        build_days(workshop, [DAY1, DAY2], refresh=True)
        states.append(tables(workshop))
        accounts.append(account(workshop))
        tell(workshop, "truncate ops.source_files, ops.ingestion_runs, ops.built_days, quarantine.rejects")
        monkeypatch.setitem(registry.FILE_SOURCES, CSV, AS_TEXT)
    plain, pointed = states
    assert len(pointed["core.price_points"]) == 6 * GRID
    assert plain.pop("core.price_points") == []
    del pointed["core.price_points"]
    assert plain == pointed
    assert accounts[0] == accounts[1]


def test_a_day_whose_points_postgres_refuses_does_not_take_its_neighbours_down(pointed: Workshop) -> None:
    drop(pointed, "a.csv", csv_race(DAY1) + csv_race(DAY2) + csv_race(DAY3))
    tell(pointed, f"alter table core.price_points add constraint not_that_day check (race_date <> '{DAY2}')")
    built = build_days(pointed, [DAY1, DAY2, DAY3])
    assert list(built.failed) == [DAY2]
    assert sorted(built.published) == [DAY1, DAY3]
    assert built.published[DAY1]["core.price_points"] == 3 * GRID
    assert ask(pointed, "select distinct race_date from core.selections order by 1") == [(DAY1,), (DAY3,)]


# In the lake


def test_a_source_without_points_has_no_folder_and_no_rows(workshop: Workshop) -> None:
    landed = drop(workshop, "a.csv", csv_race(DAY1))
    build_stale(workshop)
    assert not points_folder(workshop, landed.sha256).exists()
    assert ask(workshop, "select count(*) from core.price_points") == [(0,)]
    assert ask(workshop, "select race_date_points from ops.source_files") == [([],)]


def test_points_lie_beside_the_records_which_only_count_them(pointed: Workshop) -> None:
    landed = drop(pointed, "a.csv", csv_race(DAY1, dogs="Alpha") + csv_row(DAY1, "2. Beta", selection=2, price=""))
    build_stale(pointed)
    frame = pointed.lake.scan_parsed(points_folder(pointed, landed.sha256), polars_schema(PARSED_POINTS)).collect()
    PARSED_POINTS.validate(frame)
    assert frame.select("race_date", "source_row", "market_type", "seconds_before_off").rows() == [
        (DAY1, 2, "WIN", seconds) for seconds in OFFSETS
    ]
    records = pointed.lake.scan("validated/records", [DAY1], polars_schema(RECORDS)).collect()
    assert records.sort("trap")["point_count"].to_list() == [GRID, None]


def test_the_same_files_make_the_same_bytes(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(registry.FILE_SOURCES, CSV, AS_TEXT)
    found = []
    for home in ("one", "two"):
        workshop = Workshop(make_settings(home=tmp_path / home))
        drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
        parsed = workshop.lake.folder / "parsed"
        files = sorted(path for path in parsed.rglob("*") if path.is_file())
        found.append({path.relative_to(parsed): path.read_bytes() for path in files})
        tell(workshop, "truncate ops.source_files")
    assert found[0] == found[1]
    assert {path.parent.name for path in found[0]} >= {"points"}


def test_lost_points_are_read_again_from_the_archive(pointed: Workshop) -> None:
    landed = drop(pointed, "a.csv", csv_race(DAY1))
    build_stale(pointed)
    before = tables(pointed)
    shutil.rmtree(points_folder(pointed, landed.sha256))
    assert build_days(pointed, [DAY1], refresh=True).published[DAY1]["core.price_points"] == 3 * GRID
    assert tables(pointed) == before


def test_a_day_that_lacks_some_of_its_points_keeps_its_old_rows_and_says_why(pointed: Workshop) -> None:
    landed = drop(pointed, "a.csv", csv_race(DAY1))
    drop(pointed, "b.csv", csv_race(DAY2))
    build_stale(pointed)
    lying = stored(pointed, DAY1)
    (part,) = points_folder(pointed, landed.sha256).iterdir()
    pl.read_parquet(part).head(4).write_parquet(part)

    built = build_days(pointed, [DAY1, DAY2], refresh=True)

    assert built.failed == {
        DAY1: "9 price points were told, 4 are there: a parsed file is damaged; delete lake/parsed and run it again"
    }
    assert list(built.published) == [DAY2]
    assert stored(pointed, DAY1) == lying
    shutil.rmtree(pointed.lake.folder / "parsed")
    assert not build_days(pointed, [DAY1], refresh=True).failed


def test_a_day_whose_file_is_withdrawn_while_its_points_are_read_has_moved_on_and_not_failed(pointed: Workshop) -> None:
    landed = drop(pointed, "a.csv", csv_race(DAY1))
    build_stale(pointed)
    wanted = pointed.wanted([DAY1])
    land.withdraw(pointed, landed.sha256)

    prepared = build._prepare(pointed, wanted, "run")

    assert (prepared.moved, prepared.built.failed) == ({DAY1}, {})
