"""Sensors of a process that lives long while settings, tracks and the configuration in force change around it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from race_assets import definitions
from race_assets.automation.jobs import INGEST
from race_assets.automation.sensors import DROP_SENSOR, STALE_SENSOR
from race_assets.identity.tracks import own_file
from race_assets.pipeline import land, reload
from race_assets.pipeline.workshop import Workshop
from race_assets.resources.workshop import WorkshopResource
from race_assets.settings import load
from race_assets_tests.pipeline.feed import DAY1, DAY2, ask, build_days, build_stale, csv_race, drop

ALIAS = "aliases: {gb-monmore: [Nowhere Park]}\n"
Tick = Callable[[str], int | str]


@pytest.fixture
def file(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file in force."""
    made = tmp_path / "race_assets.yaml"
    made.write_text("home: home\nautomation: {drops: {settle_seconds: 0}}\n")
    monkeypatch.setenv("RACE_ASSETS_CONFIG", str(made))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    monkeypatch.setattr(reload, "SETTLED_S", 0)
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def tick(file: Path, instance: dg.DagsterInstance) -> Tick:
    """Evaluates a sensor once: the number of runs it asks for, or why it asks for none."""
    del file
    repository = definitions.build(load()).get_repository_def()

    def evaluate(name: str) -> int | str:
        with dg.build_sensor_context(
            instance=instance, repository_def=repository, resources={"workshop": WorkshopResource()}
        ) as context:
            answer = repository.get_sensor_def(name)(context)
        if isinstance(answer, dg.SkipReason):
            return str(answer.skip_message)
        assert isinstance(answer, dg.SensorResult)
        return len(answer.run_requests or [])

    return evaluate


def command() -> Workshop:
    """Return the tools as a command of its own has them."""
    return Workshop(load())


def test_an_alias_added_while_the_daemon_runs_asks_for_one_landing_and_the_days_of_the_name(
    tick: Tick, tmp_path: Path
) -> None:
    drop(command(), "a.csv", csv_race(DAY1, track="Nowhere Park") + csv_race(DAY1) + csv_race(DAY2))
    build_stale(command())
    assert [tick(DROP_SENSOR), tick(STALE_SENSOR)] == ["nothing new has settled", "no day is stale"]

    own_file(tmp_path / "home").write_text(ALIAS)
    assert tick(DROP_SENSOR) == 1
    land.bring_up_to_date(command())
    assert [tick(DROP_SENSOR), tick(STALE_SENSOR)] == ["nothing new has settled", 1]
    assert list(build_stale(command()).published) == [DAY1]
    assert [tick(DROP_SENSOR), tick(STALE_SENSOR)] * 2 == ["nothing new has settled", "no day is stale"] * 2


def test_an_alias_of_another_name_asks_for_nothing(tick: Tick, tmp_path: Path) -> None:
    drop(command(), "a.csv", csv_race(DAY1, track="Elsewhere Park") + csv_race(DAY1))
    build_stale(command())
    tick(DROP_SENSOR)
    own_file(tmp_path / "home").write_text(ALIAS)
    assert [tick(DROP_SENSOR), tick(STALE_SENSOR)] == ["nothing new has settled", "no day is stale"]


def test_a_rule_that_changes_is_put_in_force_by_the_next_tick(tick: Tick, file: Path) -> None:
    drop(command(), "a.csv", csv_race(DAY1))
    build_stale(command())
    assert tick(STALE_SENSOR) == "no day is stale"
    file.write_text(file.read_text() + "rules: {price_range: {max: 2}}\n")
    assert tick(STALE_SENSOR) == 1


def test_settings_that_definitions_are_made_of_wait_for_a_reload(tick: Tick, file: Path) -> None:
    drop(command(), "a.csv", csv_race(DAY1))
    text = file.read_text()
    file.write_text(text + "sources: {betfair_bsp: {enabled: false}}\npartitions: {start: 2024-01-01}\n")
    told = tick(STALE_SENSOR)
    assert "race_assets.yaml changed (enabled sources, partitions); reload the code location" in str(told)
    assert tick(DROP_SENSOR) == told
    file.write_text(text)
    assert tick(STALE_SENSOR) == 1


def test_a_settings_file_that_is_wrong_starts_nothing_and_is_named(tick: Tick, file: Path) -> None:
    drop(command(), "a.csv", csv_race(DAY1))
    text = file.read_text()
    tick(DROP_SENSOR)
    file.write_text(text + "rules: {trap:")
    told = [str(tick(name)) for name in (STALE_SENSOR, DROP_SENSOR)]
    assert all(each.startswith(f"nothing is started: {file}: not readable as YAML") for each in told)
    assert all("stays in force" in each for each in told)
    file.write_text(text)
    assert tick(STALE_SENSOR) == 1


def test_two_processes_with_different_settings_do_not_build_in_turn(
    tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(command(), "a.csv", csv_race(DAY1))
    build_stale(command())
    assert tick(STALE_SENSOR) == "no day is stale"
    with monkeypatch.context() as shell:
        shell.setenv("RACE_ASSETS_RULES__PRICE_RANGE__MAX", "2")
        build_stale(other := command())
    told = [str(tick(STALE_SENSOR)) for _ in range(3)]
    assert all("another process put other settings, rules or tracks in force at 20" in each for each in told)
    assert "run `race-assets ingest` with the settings that are meant" in told[0]
    assert ask(other, "select count(*) from core.races") == [(0,)]

    build_stale(command())
    assert tick(STALE_SENSOR) == "no day is stale"


def test_changed_tracks_are_put_in_force_once_no_run_is_under_way(
    tick: Tick, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    drop(command(), "a.csv", csv_race(DAY1, track="Nowhere Park") + csv_race(DAY1))
    assert tick(STALE_SENSOR) == 1
    running = command()
    job = definitions.build(load()).resolve_job_def(INGEST)
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    own_file(tmp_path / "home").write_text(ALIAS)
    assert "put in force when the runs under way have ended" in str(tick(STALE_SENSOR))
    assert list(build_days(running, [DAY1]).published) == [DAY1]
    instance.report_run_failed(run)
    assert tick(DROP_SENSOR) == 1
