"""What starts by the clock: which schedules the settings make, what their ticks ask for, and cards before the races."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from race_assets import definitions
from race_assets import settings as settings_module
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_racing_post import FakeRacingPost, Race, world
from race_assets_tests.pipeline.feed import ask

LONDON = ZoneInfo("Europe/London")
NOON = datetime(2024, 6, 27, 12, tzinfo=LONDON)
RACES = "racing_post_races"
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
Make = Callable[..., Settings]
Tick = Callable[..., dg.RunRequest | dg.SkipReason]


def repository(settings: Settings) -> dg.RepositoryDefinition:
    return definitions.build(settings).get_repository_def()


def listed(settings: Settings) -> dict[str, tuple[str, bool]]:
    """Each schedule's cron, and whether it is on by itself."""
    running = dg.DefaultScheduleStatus.RUNNING
    return {
        each.name: (str(each.cron_schedule), each.default_status is running)
        for each in repository(settings).schedule_defs
    }


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One that a tick can find again, so none that is only in memory."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


@pytest.fixture
def tick(instance: dg.DagsterInstance) -> Tick:
    """Evaluates a schedule once, as the daemon does."""

    def tick(settings: Settings, name: str, at: datetime = NOON) -> dg.RunRequest | dg.SkipReason:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        told = repository(settings).get_schedule_def(name)(context)
        assert isinstance(told, dg.RunRequest | dg.SkipReason)
        return told

    return tick


def asked(told: dg.RunRequest | dg.SkipReason) -> tuple[str, str, set[str]]:
    """First and last day, and the raw assets; with all that is made from raw assets."""
    assert isinstance(told, dg.RunRequest)
    keys = {key.to_user_string() for key in told.asset_selection or ()}
    assert {"validated/records", "core/races", "core/selections"} <= keys
    return told.tags[START], told.tags[END], {key for key in keys if key.startswith("raw/")}


def test_the_example_of_an_unattended_machine_switches_everything_on_by_a_setting_each() -> None:
    on = settings_module.load(PROJECT / "docs" / "unattended.yaml", {})
    assert listed(on) == {
        "historical_sync": ("0 2 * * *", True),
        "historical_sync_betfair_bsp": ("0 13 * * *", True),
        "upcoming_cards": ("*/30 6-22 * * *", True),
        "live_session": ("*/5 8-22 * * *", True),
    }
    assert {name for name in ("betfair_bsp", "betfair_historic", RACES) if on.fetches(name)} == {"betfair_bsp", RACES}
    assert on.home.resolve() == PROJECT / "data"


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("automation: {historical_sync: {enabled: true}}", "historical_sync"),
        ("automation: {live_session: {enabled: true}}", "live_session"),
        ("automation: {upcoming_cards: {enabled: true}}", "upcoming_cards"),
        ("sources: {betfair_bsp: {fetch: {cron: '0 13 * * *'}}}", "historical_sync_betfair_bsp"),
        ("sources: {betfair_historic: {fetch: {cron: '0 4 * * mon'}}}", "historical_sync_betfair_historic"),
        ("sources: {racing_post_form: {fetch: {cron: '0 3 * * *'}}}", "historical_sync_racing_post_form"),
    ],
)
def test_one_setting_switches_one_schedule_on(tmp_path: Path, switch: str, name: str) -> None:
    file = tmp_path / "race_assets.yaml"
    file.write_text(switch)
    assert [each for each, (_, is_on) in listed(settings_module.load(file, {})).items() if is_on] == [name]


def test_a_source_with_a_cron_of_its_own_is_fetched_then_and_not_by_night(make_settings: Make, tick: Tick) -> None:
    told = make_settings(sources={"betfair_bsp": {"fetch": {"cron": "0 13 * * *", "trailing_days": 3}}})
    first, last, raw = asked(tick(told, "historical_sync_betfair_bsp"))
    assert (first, last, raw) == ("2024-06-24", "2024-06-29", {"raw/betfair_bsp"})
    first, last, raw = asked(tick(told, "historical_sync"))
    assert (first, last) == ("2024-06-20", "2024-06-29")
    assert "raw/betfair_bsp" not in raw
    assert {"raw/betfair_csv", "raw/betfair_historic"} <= raw
    keys = definitions.build(told).resolve_asset_graph().asset_check_keys
    assert ("raw/betfair_bsp", "fetched") in {(key.asset_key.to_user_string(), key.name) for key in keys}


def test_a_source_that_is_not_enabled_has_no_schedule(make_settings: Make) -> None:
    off = {"enabled": False, "fetch": {"cron": "0 13 * * *"}}
    cards = ("racing_post_races", "racing_post_form", "racing_post_analysis")
    told = make_settings(sources={"betfair_bsp": off, **{name: {"enabled": False} for name in cards}})
    assert listed(told).keys() == {"historical_sync", "live_session"}


def test_a_tick_that_finds_a_run_of_its_schedule_going_skips_and_two_ticks_of_a_day_are_two_runs(
    make_settings: Make, tick: Tick, instance: dg.DagsterInstance
) -> None:
    told = make_settings()
    later = tick(told, "upcoming_cards", NOON + timedelta(minutes=30))
    now = tick(told, "upcoming_cards")
    assert isinstance(now, dg.RunRequest)
    assert isinstance(later, dg.RunRequest)
    assert now.run_key != later.run_key
    job = definitions.build(told).resolve_job_def("ingest")
    run = instance.create_run_for_job(job, tags={"dagster/schedule_name": "upcoming_cards"})
    assert isinstance(tick(told, "upcoming_cards"), dg.SkipReason)
    assert isinstance(tick(told, "historical_sync"), dg.RunRequest)
    instance.report_run_canceling(run)
    instance.report_run_canceled(run)
    assert isinstance(tick(told, "upcoming_cards"), dg.RunRequest)


@pytest.mark.parametrize(
    ("at", "days_ahead", "first", "last"),
    [
        (NOON, 1, "2024-06-27", "2024-06-28"),
        (NOON, 0, "2024-06-27", "2024-06-27"),
        (NOON, 9, "2024-06-27", "2024-06-29"),  # as far as there are partitions
        (datetime(2024, 6, 28, 0, 15, tzinfo=LONDON), 1, "2024-06-28", "2024-06-29"),  # in UTC it is the day before
    ],
)
def test_cards_are_asked_for_today_and_the_days_ahead_on_london_s_calendar(
    make_settings: Make, tick: Tick, at: datetime, days_ahead: int, first: str, last: str
) -> None:
    told = make_settings(automation={"upcoming_cards": {"days_ahead": days_ahead, "sources": [RACES]}})
    assert asked(tick(told, "upcoming_cards", at)) == (first, last, {f"raw/{RACES}"})


def card(race: Race) -> Race:
    """The race as it stands on a card: nothing of it is known but who is to run."""
    open_ = {"position": "", "place": None, "result": None, "is_dead_heat": None}
    runners = [replace(each, **open_) for each in race.runners if each.status == "ACTIVE"]  # type: ignore[arg-type]
    return replace(race, status="DECLARED", runners=tuple(runners))


def test_cards_are_there_before_the_races_and_only_what_has_changed_becomes_a_version(
    database: str, tmp_path: Path, tick: Tick, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Noon of today, so that the polls are of one day at whatever hour the test runs.
    now = datetime.now(LONDON).replace(hour=12, minute=0, second=0, microsecond=0)
    plain = [race for race in world(now.date(), days=2) if race.number == 1 and race.track[1] == "Kinsley"]
    today, tomorrow = (card(race) for race in plain)
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    monkeypatch.setenv("RACE_ASSETS_AUTOMATION__UPCOMING_CARDS", "{enabled: true, sources: [racing_post_races]}")
    with FakeRacingPost([today, tomorrow]) as feed:
        for name, value in feed.environment().items():
            monkeypatch.setenv(name, value)
        told = settings_module.load()
        workshop = Workshop(told)
        job = definitions.build(told).resolve_job_def("ingest")

        def poll(minutes: int) -> None:
            request = tick(told, "upcoming_cards", now + timedelta(minutes=minutes))
            assert isinstance(request, dg.RunRequest)
            done = job.execute_in_process(
                instance=instance, tags=dict(request.tags), asset_selection=list(request.asset_selection or ())
            )
            assert done.success

        def known() -> dict[date, tuple[str, int]]:
            query = """select race_date, status, count(*) filter (where selection.status = 'ACTIVE')::int
                       from core.races as race join core.selections as selection using (race_date, race_id)
                       group by race_date, race.status"""
            query = query.replace("race_date, status", "race_date, race.status")
            return {day: (status, dogs) for day, status, dogs in ask(workshop, query)}

        def versions() -> dict[str, int]:
            query = "select name, max(version)::int from ops.source_files group by name"
            return dict(ask(workshop, query))

        poll(0)
        assert known() == {today.day: ("OPEN", 6), tomorrow.day: ("OPEN", 6)}
        first = {f"{day}/races.json": 1 for day in (today.day, tomorrow.day)}
        assert versions() == first
        before = len(feed.requests)
        poll(30)
        assert len(feed.requests) == before + 2
        assert versions() == first
        dropped: Any = replace(tomorrow.runners[0], status="SCRATCHED", position="N")
        feed.races = [today, replace(tomorrow, runners=(dropped, *tomorrow.runners[1:]))]
        poll(60)
        assert versions() == first | {f"{tomorrow.day}/races.json": 2}
        assert known() == {today.day: ("OPEN", 6), tomorrow.day: ("OPEN", 5)}
        feed.races[0] = plain[0]
        poll(90)
        assert versions() == {f"{day}/races.json": 2 for day in (today.day, tomorrow.day)}
        assert known()[today.day] == ("RESULT", 6)
