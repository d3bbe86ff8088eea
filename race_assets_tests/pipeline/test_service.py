"""The Python API as a user calls it, in a fresh home: files, frames, fetching, live polling, and what it answers."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

import race_assets
from race_assets import IngestionMetrics, IngestionService, available_sources
from race_assets.errors import ApiUnavailableError, LoginRefusedError, SettingsError
from race_assets.pipeline.land import Landed
from race_assets.settings import Settings
from race_assets_tests.conftest import PROJECT, SAMPLES
from race_assets_tests.fake_betfair import FakeBetfair, fixtures
from race_assets_tests.fetching import HISTORIC, meant, pointed_at, published
from race_assets_tests.pipeline.feed import (
    BSP,
    BSP_HEADER,
    CSV,
    CSV_HEADER,
    DAY1,
    DAY2,
    ask,
    bsp_name,
    bsp_row,
    csv_race,
    csv_row,
)
from race_assets_tests.pipeline.test_live import card, polls
from race_assets_tests.pipeline.test_live import pointed as pointed_at_live

DOGS = [(1, "A", 2.5), (2, "B", 4.0), (3, "C", 6.0)]
OFF = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
RECENT = ("betfair_exchange", "racing_post_races", "racing_post_form", "racing_post_analysis")
RUNS = "select run_id, source, records_in, accepted from ops.ingestion_runs where race_date is not null"


@pytest.fixture
def service(make_settings: Callable[..., Settings]) -> IngestionService:
    return IngestionService(make_settings())


def card_of(**columns: list[Any]) -> pl.DataFrame:
    """Three runners of one race, with these columns changed or added."""
    names = [f"{trap}. Dog {letter}" for trap, letter in enumerate("ABC", start=1)]
    base: dict[str, list[Any]] = {
        "track_name": ["Romford"] * 3,
        "start_at": [OFF] * 3,
        "selection_name": names,
        "price": [2.5, 4.0, 6.0],
    }
    return pl.DataFrame({**base, **columns}, strict=False)


def counts(metrics: IngestionMetrics) -> tuple[int, int, int, int, int]:
    return metrics.records_in, metrics.accepted, metrics.rejected, metrics.duplicates, metrics.filtered


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- files


def test_a_file_is_stored_and_counted(service: IngestionService, tmp_path: Path) -> None:
    rows = csv_race(DAY2) + csv_row(DAY2, "4. Delta", selection=4, price="0.5")
    rows += csv_row(DAY2, "1. Alpha", selection=1) + csv_row(DAY2, "1. Far", selection=1, track="Nowhere Park")
    metrics = service.validate_and_store(write(tmp_path, "cards.csv", CSV_HEADER + rows), CSV)

    # The row of the unknown track has no day: it is counted where its file landed.
    assert counts(metrics) == (6, 3, 2, 1, 0)
    assert metrics.rejected_by_rule == {"price_range": 1, "track_known": 1}
    assert metrics.success_rate == pytest.approx(3 / 5)
    assert (metrics.files, metrics.days_built, metrics.requests) == ({"landed": 1}, [DAY2], 0)
    assert metrics.duration_s > 0
    assert metrics.throughput == pytest.approx(6 / metrics.duration_s)
    assert metrics.succeeded
    assert {dog for (dog,) in ask(service.workshop, "select dog_name from core.selections")} == {
        "Alpha",
        "Beta",
        "Gamma",
    }
    ((run_id, *row),) = ask(service.workshop, RUNS)
    assert (run_id.startswith("service-"), row) == (True, [CSV, 5, 3])


def test_the_summary_can_be_read(service: IngestionService, tmp_path: Path) -> None:
    rows = csv_race(DAY2) + csv_row(DAY2, "4. Delta", selection=4, price="0.5")
    first, *rest = str(service.validate_and_store(write(tmp_path, "cards.csv", CSV_HEADER + rows), CSV)).splitlines()

    assert first == "betfair_csv: 4 records in, 3 accepted, 1 rejected, 0 duplicates, 0 filtered, success rate 75.00%"
    assert rest[:2] == ["rejected by rule: price_range 1", "files: landed 1; days: 1 built"]
    assert rest[2].startswith("0 requests (0 repeated), ")
    assert rest[2].endswith(" s")
    assert "records/s" not in rest[2]
    many = IngestionMetrics(CSV, records_in=20_000, records_processed=20_000, duration_s=2)
    assert str(many).splitlines()[-1].endswith("2.0 s, 10,000 records/s")


def test_the_same_file_again_changes_nothing(service: IngestionService, tmp_path: Path) -> None:
    path = write(tmp_path, "cards.csv", CSV_HEADER + csv_race(DAY2))
    service.validate_and_store(path, CSV)
    again = service.validate_and_store(str(path), CSV)

    assert counts(again) == (0, 0, 0, 0, 0)
    assert (again.files, again.days_built, again.days_unchanged) == ({"known": 1}, [], [DAY2])
    assert (again.success_rate, again.throughput, again.succeeded) == (None, None, True)


def test_a_file_that_cannot_be_read_is_a_problem_and_no_exception(service: IngestionService, tmp_path: Path) -> None:
    path = write(tmp_path, "page.csv", "<html><body>Sorry</body></html>")
    metrics = service.validate_and_store(path, CSV)

    assert (metrics.files, metrics.succeeded) == ({"blocked_page": 1}, False)
    assert [problem.startswith(str(path)) for problem in metrics.problems] == [True]
    assert "problem: " in str(metrics)


def test_a_file_that_is_not_there_is_named(service: IngestionService, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cards\.csv: there is no such file"):
        service.validate_and_store(tmp_path / "cards.csv", CSV)
    with pytest.raises(SettingsError, match="there is no such file; land one file at a time"):
        service.validate_and_store(tmp_path, CSV)


def test_records_of_other_sources_of_the_day_are_told_apart_in_the_throughput(
    service: IngestionService, tmp_path: Path
) -> None:
    service.validate_and_store(write(tmp_path, "cards.csv", CSV_HEADER + csv_race(DAY2)), CSV)
    prices = BSP_HEADER + bsp_row(DAY2, "1. Alpha", selection=1, won=1)
    metrics = service.validate_and_store(write(tmp_path, bsp_name(DAY2), prices), BSP)

    assert counts(metrics) == (1, 1, 0, 0, 0)
    assert metrics.records_processed == 4
    assert metrics.throughput == pytest.approx(4 / metrics.duration_s)
    many = replace(metrics, records_processed=20_001)
    assert "20,000 records of other sources of these days included" in str(many)


# --- frames


@pytest.mark.parametrize("source", available_sources(Settings()))
def test_a_frame_of_records_becomes_a_race_of_any_source(make_settings: Callable[..., Settings], source: str) -> None:
    # Cards and live prices of the past are rejected: this is about the frame, not about their window.
    rules = {"start_window": {"severity": "off"}}
    service = IngestionService(make_settings(sources={source: {"rules": rules}} if source in RECENT else {}))
    metrics = service.validate_and_store(card_of(), source)

    assert counts(metrics) == (3, 3, 0, 0, 0)
    assert ask(service.workshop, "select race_id, start_at, runner_count, sources from core.races") == [
        ("gb-romford-20240627-1836", OFF, 3, [source])
    ]
    found = ask(service.workshop, "select trap, dog_name, price, price_kind, status from core.selections order by trap")
    assert found == [(trap, f"Dog {name}", price, "PRICE", "ACTIVE") for trap, name, price in DOGS]
    # The frame is a file like any other: its bytes are archived, and its ledger entry has a name.
    ((name, state, sha),) = ask(service.workshop, "select name, state, sha256 from ops.source_files")
    assert (name.startswith("frame-"), state) == (True, "landed")
    assert service.workshop.archive.path(source, sha).is_file()


def test_every_column_of_a_record_arrives(service: IngestionService) -> None:
    given: dict[str, list[Any]] = {
        "market_id": ["m1"] * 3,
        "event_id": ["e1"] * 3,
        "selection_id": ["s1", "s2", "s3"],
        "trap": [3, 2, 1],
        "race_type": ["A3"] * 3,
        "distance_m": [400] * 3,
        "race_number": [7] * 3,
        "result": ["WINNER", "LOSER", None],
        "status": ["ACTIVE", "ACTIVE", "SCRATCHED"],
        "finish_position": [1, 2, None],
        "volume": [10.25, 0.0, None],
        "bsp": [2.62, 4.1, None],
        "sp_fraction": ["6/4F", "3/1", None],
        "currency": ["GBP"] * 3,
        "actual_off_at": [OFF + timedelta(seconds=41)] * 3,
        "market_type": ["WIN"] * 3,
    }
    service.validate_and_store(card_of(**given), CSV)

    columns = "trap, dog_name, status, result, finish_position, bsp, sp_fraction, sp_decimal, volume"
    assert ask(service.workshop, f"select {columns} from core.selections order by trap") == [
        (1, "Dog C", "SCRATCHED", None, None, None, None, None, None),
        (2, "Dog B", "ACTIVE", "LOSER", 2, 4.1, "3/1", 4.0, 0.0),
        (3, "Dog A", "ACTIVE", "WINNER", 1, 2.62, "6/4F", 2.5, 10.25),
    ]
    race = "select race_type, distance_m, race_number, event_id, actual_off_at from core.races"
    assert ask(service.workshop, race) == [("A3", 400, 7, "e1", OFF + timedelta(seconds=41))]


@pytest.mark.parametrize(
    ("column", "bad", "rule"),
    [
        ("price", [2.5, 0.5, 6.0], "price_range"),
        ("price", [2.5, float("nan"), 6.0], "price_range"),
        ("price", ["5/2", "cheap", "6"], "number"),
        ("volume", [1.0, -1.0, None], "volume"),
        ("trap", [1, 99, 3], "trap"),
        ("track_name", ["Romford", "Nowhere Park", "Romford"], "track_known"),
        ("start_at", ["2024-06-27T17:36:00Z", "teatime", "2024-06-27T17:36:00Z"], "start_time"),
        ("selection_name", ["1. A", None, "3. C"], "keys"),
    ],
)
def test_a_bad_row_of_a_frame_is_rejected_by_its_rule_and_shown_as_it_is(
    service: IngestionService, column: str, bad: list[Any], rule: str
) -> None:
    metrics = service.validate_and_store(card_of(**{column: bad}), CSV)

    assert counts(metrics) == (3, 2, 1, 0, 0)
    assert rule in metrics.rejected_by_rule
    ((rules, row),) = ask(service.workshop, "select rules, \"row\" ->> 'text' from quarantine.rejects")
    assert rule in rules
    # The second row of the frame, in its own words.
    assert row.startswith("2,")


def test_a_row_of_nulls_is_rejected_and_not_lost(service: IngestionService) -> None:
    nulls = pl.DataFrame({name: [None] for name in card_of().columns}, schema=card_of().schema)
    metrics = service.validate_and_store(pl.concat([card_of(), nulls]), CSV)
    assert counts(metrics) == (4, 3, 1, 0, 0)


def test_times_with_a_zone_are_instants_and_those_without_are_the_tracks(service: IngestionService) -> None:
    sydney = card_of(track_name=["Cannington"] * 3).with_columns(
        pl.col("start_at").dt.convert_time_zone("Australia/Sydney")
    )
    wall = card_of(track_name=["Cannington"] * 3, start_at=[datetime(2024, 6, 28, 0, 30)] * 3)  # noqa: DTZ001
    service.validate_and_store(sydney, CSV)
    service.validate_and_store(wall, CSV)

    # Perth is eight hours ahead of UTC all year.
    assert ask(service.workshop, "select race_date, start_at from core.races order by start_at") == [
        (date(2024, 6, 28), datetime(2024, 6, 27, 16, 30, tzinfo=UTC)),
        (date(2024, 6, 28), OFF),
    ]


def test_a_frame_under_a_name_is_replaced_by_the_next_of_that_name(service: IngestionService) -> None:
    service.validate_and_store(card_of(), CSV, name="cards of the day")
    metrics = service.validate_and_store(card_of(price=[3.5, 4.5, 6.5]), CSV, name="cards of the day")

    assert counts(metrics) == (6, 3, 0, 3, 0)
    assert ask(service.workshop, "select price from core.selections order by trap") == [(3.5,), (4.5,), (6.5,)]
    assert ask(service.workshop, "select name, version from ops.source_files order by 2") == [
        ("cards of the day", 1),
        ("cards of the day", 2),
    ]


def test_the_same_frame_again_is_known_by_its_content(service: IngestionService) -> None:
    service.validate_and_store(card_of(), CSV)
    assert service.validate_and_store(card_of(), CSV).files == {"known": 1}


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (card_of().drop("start_at"), "the frame lacks start_at"),
        (card_of(prise=[1.0] * 3), r"unknown columns 'prise' \(did you mean 'price'\?\)"),
        (card_of(trap=[[1], [2], [3]]), r"trap \(List\(Int64\)\): a cell is a text, number, date or time"),
        (card_of(start_at=[DAY2] * 3), "start_at is a date without a time of day"),
        (card_of(market_type=["WIN", "WON", None]), "market_type 'WON': must be WIN or PLACE"),
    ],
)
def test_a_frame_that_is_none_of_records_is_told_what_to_do(
    service: IngestionService, frame: pl.DataFrame, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as raised:
        service.validate_and_store(frame, CSV)
    assert "Columns of a record are track_name, start_at, selection_name" in str(raised.value)
    assert ask(service.workshop, "select count(*) from ops.source_files") == [(0,)]


def test_place_records_of_a_frame_are_place_records(service: IngestionService) -> None:
    frame = pl.concat(
        [card_of(market_type=["WIN", None, "WIN"]), card_of(market_type=["PLACE"] * 3, price=[1.2, 1.5, 2.0])]
    )
    metrics = service.validate_and_store(frame, CSV)
    assert counts(metrics) == (6, 6, 0, 0, 0)
    kinds = "select market_type, count(*) from core.prices group by 1 order by 1"
    assert ask(service.workshop, kinds) == [("PLACE", 3), ("WIN", 3)]


# --- historical


def test_what_lies_in_the_drop_folder_is_landed_and_its_days_in_the_range_are_built(service: IngestionService) -> None:
    folder = service.settings.drop_folder(CSV)
    write(folder, "cards.csv", CSV_HEADER + csv_race(DAY1) + csv_race(DAY2))
    metrics = service.ingest_historical_data(CSV, DAY2, DAY2)

    assert counts(metrics) == (3, 3, 0, 0, 0)
    assert (metrics.files, metrics.days_built, metrics.days_waiting) == ({"landed": 1}, [DAY2], [DAY1])
    assert "1 not built by this call" in str(metrics)
    assert ask(service.workshop, "select distinct race_date from core.races") == [(DAY2,)]
    assert service.stale_days() == ([DAY1], [])


def test_days_are_dates_or_text_and_one_is_enough(service: IngestionService) -> None:
    write(service.settings.drop_folder(CSV), "cards.csv", CSV_HEADER + csv_race(DAY1) + csv_race(DAY2))
    assert service.ingest_historical_data(CSV, "2024-06-26").days_built == [DAY1]
    assert service.ingest_historical_data(CSV, "2024-06-26", DAY2).days_built == [DAY2]


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2024-06-28", "2024-06-27", "first day 2024-06-28 is after last day 2024-06-27"),
        ("27/06/2024", None, "first '27/06/2024' is not a date; write it as 2024-06-27"),
        ("2024-06-27", "2024-06-31", "last '2024-06-31' is not a date"),
        ("1999-01-01", "2024-06-27", "1999-01-01 is no race day there can be"),
        (OFF, None, "a race day is a date without a time, such as 2024-06-27"),
    ],
)
def test_days_that_are_no_range_are_named(service: IngestionService, first: Any, last: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        service.ingest_historical_data(CSV, first, last)


def test_a_source_that_there_is_not_is_answered_with_those_there_are(service: IngestionService, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: service.ingest_historical_data("betfair_cvs", DAY1, DAY2),
        lambda: service.ingest_live_data("betfair_cvs", timedelta(minutes=1)),
        lambda: service.validate_and_store(tmp_path / "x.csv", "betfair_cvs"),
    ]
    for call in calls:
        with pytest.raises(
            SettingsError, match="there is no source 'betfair_cvs'; available: betfair_bsp, betfair_csv"
        ):
            call()


def test_a_source_that_is_switched_off_says_how_to_switch_it_on(make_settings: Callable[..., Settings]) -> None:
    service = IngestionService(make_settings(sources={CSV: {"enabled": False}}))
    with pytest.raises(SettingsError, match=r"set sources\.betfair_csv\.enabled"):
        service.ingest_historical_data(CSV, DAY1)


def test_a_source_without_an_api_is_not_fetched(service: IngestionService) -> None:
    assert service.ingest_historical_data(CSV, DAY1).requests == 0
    with pytest.raises(SettingsError, match="betfair_csv has no API to fetch from"):
        service.ingest_historical_data(CSV, DAY1, fetch=True)


def test_a_drop_folder_that_is_not_there_is_a_problem(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    gone = tmp_path / "mount"
    metrics = IngestionService(make_settings(sources={CSV: {"path": str(gone)}})).ingest_historical_data(CSV, DAY1)
    assert not metrics.succeeded
    assert str(gone) in metrics.problems[0]


# --- fetching


@pytest.fixture
def shop() -> Any:
    with FakeBetfair(fixtures.month(date(2024, 5, 1), days=2)) as fake:
        yield fake


def hurried(fake: FakeBetfair, **fetch: object) -> dict[str, Any]:
    rate = {"requests_per_second": 200, "burst_size": 20}
    return pointed_at(fake, historic={"rate_limit": rate, "fetch": fetch})


def test_a_source_that_fetches_is_fetched_landed_and_built(
    make_settings: Callable[..., Settings], shop: FakeBetfair
) -> None:
    shop.historic.arrivals.clock = iter(range(0, 10**6, 10)).__next__
    service = IngestionService(make_settings(**hurried(shop, enabled=True)))
    metrics = service.ingest_historical_data(HISTORIC, "2024-05-01", "2024-05-02")

    assert published(service.workshop) == meant(shop.files.values())
    assert metrics.succeeded, metrics.problems
    assert metrics.files == {"landed": len(shop.files)}
    assert metrics.requests == len([each for each in shop.requests if each.route not in {"login", "keepAlive"}])
    assert metrics.records_in == metrics.accepted + metrics.rejected + metrics.duplicates + metrics.filtered > 0
    again = service.ingest_historical_data(HISTORIC, "2024-05-01", "2024-05-02")
    assert (again.files, again.records_in, len(again.days_unchanged)) == ({}, 0, 2)


def test_fetching_is_off_unless_the_setting_or_the_call_says_so(
    make_settings: Callable[..., Settings], shop: FakeBetfair
) -> None:
    shop.historic.arrivals.clock = iter(range(0, 10**6, 10)).__next__
    service = IngestionService(make_settings(**hurried(shop)))
    assert service.ingest_historical_data(HISTORIC, "2024-05-01").requests == 0
    assert shop.requests == []
    assert service.ingest_historical_data(HISTORIC, "2024-05-01", fetch=True).accepted > 0


def test_a_refused_login_is_an_exception_that_says_what_to_do(
    make_settings: Callable[..., Settings], shop: FakeBetfair
) -> None:
    settings = hurried(shop, enabled=True)
    settings["betfair"]["password"] = "not-this-one"  # noqa: S105 - of a fake
    with pytest.raises(LoginRefusedError, match=r"correct betfair\.username and betfair\.password"):
        IngestionService(make_settings(**settings)).ingest_historical_data(HISTORIC, "2024-05-01")


def test_an_api_that_is_away_is_a_problem_and_what_is_here_is_built(
    make_settings: Callable[..., Settings], shop: FakeBetfair, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = IngestionService(make_settings(**hurried(shop)))
    write(service.settings.drop_folder(BSP), bsp_name(DAY2), BSP_HEADER + bsp_row(DAY2, "1. Alpha", selection=1))

    def unavailable(*_: object, tell: Callable[[Landed], None], **__: object) -> None:
        tell(Landed("a file that came before", BSP, "landed"))
        raise ApiUnavailableError("the price site did not answer on any try")

    # What the site's silence becomes is tested with the client; its tries alone would take two minutes here.
    monkeypatch.setattr("race_assets.pipeline.fetch.fetch", unavailable)
    metrics = service.ingest_historical_data(BSP, DAY2, fetch=True)
    assert metrics.files == {"landed": 2}
    assert (metrics.accepted, metrics.problems) == (1, ("the price site did not answer on any try",))


# --- live


def test_a_live_session_is_polled_landed_and_built(make_settings: Callable[..., Settings]) -> None:
    with FakeBetfair(live=card(datetime.now(UTC)), now=datetime.now(UTC), running=True) as betfair:
        service = IngestionService(make_settings(**pointed_at_live(betfair)))
        stopping = threading.Event()
        watching = threading.Thread(target=_stop_after, args=(betfair, 3, stopping), daemon=True)
        watching.start()
        metrics = service.ingest_live_data("betfair_exchange", timedelta(seconds=60), stopping=stopping)
        watching.join()

    assert metrics.succeeded, metrics.problems
    assert metrics.ticks == ask(service.workshop, "select count(*) from live.price_ticks")[0][0] > 0
    assert metrics.requests >= 4
    assert metrics.files == {"landed": len(metrics.days_built)}
    assert metrics.records_in == metrics.accepted > 0
    assert ask(service.workshop, "select count(*) from core.races")[0][0] == 3
    assert "live ticks stored" in str(metrics)


def _stop_after(betfair: FakeBetfair, answers: int, stopping: threading.Event) -> None:
    while polls(betfair) < answers and not stopping.wait(0.02):
        pass
    stopping.set()


@pytest.mark.parametrize(
    ("source", "duration", "told"),
    [
        (CSV, timedelta(hours=1), "betfair_csv cannot be polled; sources that can: betfair_exchange"),
        ("betfair_exchange", timedelta(), "duration 0:00:00: must be above 0"),
        ("betfair_exchange", timedelta(hours=1), "RACE_ASSETS_BETFAIR__APP_KEY"),
    ],
)
def test_what_cannot_be_polled_says_why(service: IngestionService, source: str, duration: timedelta, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        service.ingest_live_data(source, duration)


# --- schedules, and what importing costs


def test_the_next_runs_are_those_of_the_settings(make_settings: Callable[..., Settings]) -> None:
    nightly = {"enabled": True, "cron": "0 2 * * *", "timezone": "Europe/London"}
    service = IngestionService(make_settings(automation={"historical_sync": nightly}))
    runs = service.next_runs(2)

    assert sorted((each.schedule, each.is_enabled) for each in runs) == [
        ("historical_sync", True), ("historical_sync", True), ("live_session", False), ("live_session", False),
        ("upcoming_cards", False), ("upcoming_cards", False),
    ]  # fmt: skip
    assert [each.at for each in runs] == sorted(each.at for each in runs)
    first, second = (each.at for each in runs if each.schedule == "historical_sync")
    assert (first.hour, first.minute, str(first.tzinfo)) == (2, 0, "Europe/London")
    assert datetime.now(UTC) <= first <= datetime.now(UTC) + timedelta(hours=25)
    assert second.date() - first.date() == timedelta(days=1)


@pytest.mark.parametrize("is_polled", [True, False])
def test_the_schedules_are_those_that_dagster_has(make_settings: Callable[..., Settings], *, is_polled: bool) -> None:
    from race_assets import definitions

    settings = make_settings(sources={"betfair_exchange": {"enabled": is_polled}})
    of_dagster = {schedule.name: schedule for schedule in definitions.build(settings).schedules or []}
    assert {each.schedule for each in IngestionService(settings).next_runs(1)} == of_dagster.keys()
    for name, schedule in settings.schedules().items():
        found = of_dagster[name]
        assert isinstance(found, dg.ScheduleDefinition)
        assert (schedule.cron, schedule.timezone) == (found.cron_schedule, found.execution_timezone)


def test_a_source_with_a_cron_of_its_own_has_a_schedule_of_its_own(make_settings: Callable[..., Settings]) -> None:
    service = IngestionService(make_settings(sources={"betfair_bsp": {"fetch": {"cron": "15 11 * * *"}}}))
    (run,) = [each for each in service.next_runs(1) if each.schedule == "historical_sync_betfair_bsp"]
    assert (run.is_enabled, run.at.hour, run.at.minute) == (True, 11, 15)


def test_available_sources_are_all_of_them_feeds_included(make_settings: Callable[..., Settings]) -> None:
    feed = {"columns": {"track_name": "T", "start_at": "S", "selection_name": "N"}}
    found = available_sources(make_settings(sources={"csv_feeds": {"my_feed": feed}}))
    assert {CSV, BSP, HISTORIC, "betfair_exchange", "racing_post_form", "my_feed"} <= set(found)


def test_the_package_has_what_it_says_and_nothing_else() -> None:
    assert all(hasattr(race_assets, name) for name in race_assets.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Ingestion'"):
        _ = race_assets.Ingestion  # type: ignore[attr-defined]


def _modules(code: str) -> set[str]:
    report = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy_and_the_service_no_dagster() -> None:
    heavy = {"polars", "pydantic", "psycopg", "yaml", "requests", "dagster", "pandera", "typer"}
    assert _modules("import race_assets") & heavy == set()
    used = _modules(
        "from race_assets import IngestionMetrics, IngestionService, available_sources; available_sources()"
    )
    assert used & {"dagster", "requests", "boto3", "pandas", "typer"} == set()


def test_a_whole_ingestion_needs_no_dagster(environment: dict[str, str], tmp_path: Path) -> None:
    sample = str(SAMPLES / CSV / "greyhounds_2024-06-27.csv")
    code = (
        "import sys\nfrom race_assets import IngestionService\n"
        f"metrics = IngestionService().validate_and_store({sample!r}, {CSV!r})\n"
        "print(metrics)\nassert not {name for name in sys.modules if name.split('.')[0].startswith('dagster')}\n"
        "IngestionService().next_runs()\nassert 'dagster' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("betfair_csv: 230 records in")


# --- arguments that cannot be meant


@pytest.mark.parametrize("data", [None, {"track_name": ["Romford"]}, b"x", pl.Series([1]), 5])
def test_what_is_neither_frame_nor_path_is_named(service: IngestionService, data: Any) -> None:
    with pytest.raises(SettingsError, match=f"a {type(data).__name__} cannot be stored: give a Polars frame"):
        service.validate_and_store(data, CSV)


def test_a_lazy_frame_is_collected(service: IngestionService) -> None:
    assert counts(service.validate_and_store(card_of().lazy(), CSV)) == (3, 3, 0, 0, 0)


def test_other_arguments_of_the_wrong_kind_are_named(service: IngestionService) -> None:
    number: Any = 5
    wrong: list[tuple[Callable[[], Any], str]] = [
        (lambda: service.validate_and_store(card_of(), CSV, name=number), "name 5: must be a file's name"),
        (lambda: service.ingest_live_data("betfair_exchange", number), "duration 5: must be a timedelta"),
        (lambda: service.next_runs(0), "count 0: must be a whole number above 0"),
    ]
    for work, said in wrong:
        with pytest.raises(SettingsError, match=said):
            work()
