"""Runs that meet a failure in passing go on, those that fail for good fail at once: attempts and pauses, counted."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from race_assets import definitions, retries
from race_assets import settings as settings_module
from race_assets.automation import runs
from race_assets.automation.jobs import LAND
from race_assets.backoff import Pauses, pause_s
from race_assets.errors import ApiUnavailableError, PermanentError, SettingsError, TransientError, WarehouseError
from race_assets.pipeline import build, drops, fetch, judge
from race_assets.pipeline.fetch import Fetched
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import RetrySettings
from race_assets.storage import publish
from race_assets_tests.pipeline.feed import CSV, DAY1, DAY2, ask, csv_race, drop

RAW, VALIDATED, CORE = "raw__betfair_csv", "validated__records", "core"
Run = Callable[..., dg.ExecuteInProcessResult]
Fails = Callable[..., list[int]]


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run of `ingest`, or of another job, over two days; it waits hundredths of a second where it would wait ten."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    monkeypatch.setenv("RACE_ASSETS_AUTOMATION__RETRIES", "{base_seconds: 0.01, max_seconds: 0.03}")
    monkeypatch.setenv("RACE_ASSETS_AUTOMATION__DROPS__SETTLE_SECONDS", "0")
    monkeypatch.setattr(retries, "PAUSES", Pauses(chance=lambda: 0.5))

    def run(job: str = runs.INGEST, **variables: str) -> dg.ExecuteInProcessResult:
        for name, value in variables.items():
            monkeypatch.setenv(f"RACE_ASSETS_{name}", value)
        defs = definitions.build(settings_module.load())
        tags = {"dagster/asset_partition_range_start": str(DAY1), "dagster/asset_partition_range_end": str(DAY2)}
        return defs.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags if job == runs.INGEST else {}, raise_on_error=False
        )

    with dg.DagsterInstance.ephemeral() as instance:
        yield run


@pytest.fixture
def landed(workshop: Workshop) -> Workshop:
    """Two days whose files have landed."""
    drop(workshop, "one.csv", csv_race(DAY1))
    drop(workshop, "two.csv", csv_race(DAY2))
    return workshop


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Has a function fail the first times it is called; gives a list that grows with each call."""

    def fails(module: Any, name: str, error: Exception, times: int = 99) -> list[int]:
        real, calls = getattr(module, name), []

        def failing(*arguments: Any, **named: Any) -> Any:
            calls.append(1)
            if len(calls) <= times:
                raise error
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, failing)
        return calls

    return fails


def pauses(done: dg.ExecuteInProcessResult, step: str) -> list[float | None]:
    """The pauses that a step asked for, in order."""
    asked = [each for each in done.all_events if each.event_type_value == "STEP_UP_FOR_RETRY"]
    return [each.step_retry_data.seconds_to_wait for each in asked if each.step_key == step]


def failures(done: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Why steps failed."""
    return {str(event.step_key): str(event.step_failure_data) for event in done.all_events if event.is_step_failure}


def published(workshop: Workshop) -> set[date]:
    return {day for (day,) in ask(workshop, "select race_date from ops.built_days")}


# In passing


@pytest.mark.parametrize(
    ("module", "name", "step"),
    [
        (drops, "land_by_hand", RAW),
        (judge, "judge", VALIDATED),
        (build, "link", CORE),
        (publish, "publish", CORE),
        (publish, "last_published", CORE),
    ],
)
def test_a_step_that_loses_the_database_is_run_again_after_a_pause(
    run: Run, landed: Workshop, fails: Fails, module: Any, name: str, step: str
) -> None:
    calls = fails(module, name, WarehouseError("Postgres went away"), times=2)
    done = run()
    assert done.success, failures(done)
    assert published(landed) == {DAY1, DAY2}
    assert len(calls) >= 3
    asked = pauses(done, step)
    assert asked
    assert asked == [0.005, 0.01, 0.015][: len(asked)]


def test_a_database_that_stays_away_ends_the_run_after_the_retries_there_are(
    run: Run, landed: Workshop, fails: Fails
) -> None:
    calls = fails(judge, "judge", WarehouseError("Postgres went away for good"))
    done = run()
    assert not done.success
    assert pauses(done, VALIDATED) == [0.005, 0.01, 0.015]
    assert len(calls) == 4
    assert "Postgres went away for good" in failures(done)[VALIDATED]
    assert published(landed) == set()


def test_retries_can_be_switched_off(run: Run, landed: Workshop, fails: Fails) -> None:
    del landed
    calls = fails(judge, "judge", WarehouseError("Postgres went away"))
    done = run(AUTOMATION__RETRIES__MAX_RETRIES="0")
    assert (done.success, len(calls), pauses(done, VALIDATED)) == (False, 1, [])


def test_every_backend_of_the_database_is_ended_under_a_run_and_it_goes_on(
    run: Run, landed: Workshop, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a restart of the server looks like: all connections end, in the middle of a transaction, each time."""
    real, outages = publish._replace_core, []

    def interrupted(cursor: Any, days: Any) -> None:
        real(cursor, days)
        if len(outages) < 4:
            outages.append(1)
            with psycopg.connect(database, autocommit=True) as other:
                other.execute(
                    """select pg_terminate_backend(pid) from pg_stat_activity
                       where datname = current_database() and pid <> pg_backend_pid()"""
                )

    monkeypatch.setattr(publish, "_replace_core", interrupted)
    done = run()
    assert done.success, failures(done)
    assert len(outages) == 4
    assert pauses(done, CORE) == [0.005]
    assert published(landed) == {DAY1, DAY2}
    assert ask(landed, "select count(*), count(distinct race_date) from core.races") == [(2, 2)]


def test_days_that_were_published_before_the_database_went_are_not_built_again(
    run: Run, landed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = publish.publish
    tried: list[set[date]] = []

    def once_lost(warehouse: Any, days: publish.DayFrames) -> set[date]:
        tried.append(set(days.fingerprints))
        if tried == [{DAY1}, {DAY2}]:
            raise WarehouseError("Postgres went away")
        return real(warehouse, days)

    monkeypatch.setattr(publish, "publish", once_lost)
    done = run(CHUNK_ROWS="1")
    assert done.success, failures(done)
    assert tried == [{DAY1}, {DAY2}, {DAY2}]
    assert published(landed) == {DAY1, DAY2}


def test_the_landing_job_is_run_again_too(run: Run, landed: Workshop, fails: Fails) -> None:
    inbox = landed.settings.drop_folder(CSV)
    inbox.mkdir(parents=True)
    (inbox / "day.csv").write_text((landed.settings.home / "inbox" / "one.csv").read_text() + "\n")
    calls = fails(drops, "look", WarehouseError("Postgres went away"), times=1)
    done = run(LAND)
    assert done.success, failures(done)
    assert pauses(done, "land_settled") == [0.005]
    assert len(calls) > 1


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_database_that_dagster_loses_within_a_step_is_no_other_matter(
    run: Run, landed: Workshop, fails: Fails, *, is_lost: bool
) -> None:
    del landed
    error = DBAPIError("insert", None, Exception("server closed the connection"), connection_invalidated=is_lost)
    calls = fails(judge, "judge", error, times=1)
    done = run()
    assert (done.success, len(calls)) == ((True, 2) if is_lost else (False, 1))


# An API


FETCHING = {"SOURCES__BETFAIR_BSP__FETCH__ENABLED": "true"}
BSP = "raw__betfair_bsp"


def test_an_api_that_is_away_is_asked_again_and_what_came_then_is_all(
    run: Run, landed: Workshop, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "fetch", lambda *_, **__: Fetched("betfair_bsp"))
    calls = fails(fetch, "fetch", ApiUnavailableError("GET … answered 503"), times=2)
    done = run(**FETCHING)
    assert done.success, failures(done)
    assert (len(calls), pauses(done, BSP)) == (3, [0.005, 0.01])
    assert published(landed) == {DAY1, DAY2}


def test_an_api_that_stays_away_fails_the_run_and_the_days_of_the_files_here_are_built(
    run: Run, landed: Workshop, fails: Fails
) -> None:
    calls = fails(fetch, "fetch", ApiUnavailableError("GET … answered 503"))
    done = run(**FETCHING)
    assert not done.success
    assert (len(calls), pauses(done, BSP)) == (4, [0.005, 0.01, 0.015])
    assert list(failures(done)) == [CORE]
    assert "answered 503" in failures(done)[CORE]
    assert published(landed) == {DAY1, DAY2}


@pytest.mark.parametrize("may_pass", [True, False])
def test_files_that_did_not_come_are_asked_for_again_where_that_may_help(
    run: Run, landed: Workshop, monkeypatch: pytest.MonkeyPatch, *, may_pass: bool
) -> None:
    del landed
    told = [Fetched("betfair_bsp", failed={"a.csv": "503"}, may_pass=may_pass), Fetched("betfair_bsp")]
    asked: list[int] = []

    def fetched(*_: Any, **__: Any) -> Fetched:
        asked.append(1)
        return told[min(len(asked), len(told)) - 1]

    monkeypatch.setattr(fetch, "fetch", fetched)
    done = run(**FETCHING)
    assert (done.success, len(asked)) == ((True, 2) if may_pass else (False, 1))


# For good


@pytest.mark.parametrize(
    "error", [PermanentError("mend it"), SettingsError("not a setting"), ZeroDivisionError("a fault of ours")]
)
@pytest.mark.parametrize(("name", "step"), [("judge", VALIDATED), ("_write", VALIDATED)])
def test_what_stays_until_a_person_acts_is_tried_once(
    run: Run, landed: Workshop, fails: Fails, error: Exception, name: str, step: str
) -> None:
    del landed
    calls = fails(judge, name, error)
    done = run()
    assert not done.success
    assert (len(calls), pauses(done, step)) == (1, [])
    assert str(error) in failures(done)[step]


def test_a_day_that_cannot_be_built_is_tried_once_and_no_sensor_asks_for_it_again(
    run: Run, landed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = build._imbalances
    monkeypatch.setattr(build, "_imbalances", lambda due, *rest: {**real(due, *rest), DAY1: "it does not add up"})
    done = run()
    assert not done.success
    assert pauses(done, CORE) == []
    assert "it does not add up" in failures(done)[CORE]
    assert published(landed) == {DAY2}
    spent = landed.ledger.spent_attempts()
    assert {day: each.failure for day, each in spent.items()} == {DAY1: "it does not add up"}


@pytest.mark.parametrize(("error", "is_final"), [(TransientError("a reader died"), False), (ValueError("x"), True)])
def test_only_what_is_final_keeps_sensors_from_asking_again(
    run: Run, landed: Workshop, monkeypatch: pytest.MonkeyPatch, error: Exception, *, is_final: bool
) -> None:
    real = build._frames

    def failing(workshop: Workshop, due: Any, run_id: str) -> Any:
        if due:
            raise error
        return real(workshop, due, run_id)

    monkeypatch.setattr(build, "_frames", failing)
    assert not run().success
    assert bool(landed.ledger.spent_attempts()) is is_final


# The pauses


def test_the_settings_say_how_long_pauses_are() -> None:
    policy = RetrySettings()
    longest = [pause_s(number, policy.base_seconds, policy.max_seconds) for number in range(1, 8)]
    assert longest == [10, 20, 40, 80, 160, 300, 300]
    assert pause_s(10_000, 1, 60, 0.5) == 30


def test_our_assets_have_no_other_policy_of_retries() -> None:
    """One would retry what is not transient too, and multiply with ours."""
    for asset in definitions.defs.assets or []:
        assert isinstance(asset, dg.AssetsDefinition)
        assert asset.node_def.retry_policy is None  # type: ignore[union-attr]
