"""Two processes that build the same days at once: each day is built once, and the other one waits and finds it done."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from race_assets.pipeline import build as build_module
from race_assets.pipeline import days as days_module
from race_assets.pipeline import judge
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.conftest import PROJECT, environment_of
from race_assets_tests.pipeline.feed import (
    CSV,
    DAY1,
    DAY2,
    DAY3,
    ask,
    build_days,
    csv_race,
    drop,
    hold_publishing,
    release_publishing,
    waiting_for_lock,
)  # fmt: skip
from race_assets_tests.waiting import wait_until

DAYS = [DAY1, DAY2, DAY3]
Make = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _waits_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("race_assets.storage.day_locks.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("race_assets.storage.day_locks.SAY_EVERY_S", 0.02)


@pytest.fixture
def worked_on(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, date]]:
    """How often each day went through each stage, whoever did it."""
    counts: Counter[tuple[str, date]] = Counter()

    def counted(module: Any, name: str, stage: str, days: Callable[..., Any]) -> None:
        work = getattr(module, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counts.update((stage, day) for day in days(*args))
            return work(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    def of_mapping(_workshop: Workshop, days: Mapping[date, Any], *_: Any) -> Any:
        return days

    counted(days_module, "_records", "raw", lambda _workshop, _source, days: days)
    counted(judge, "_write", "validated", of_mapping)
    counted(build_module, "_frames", "core", of_mapping)
    return counts


@contextmanager
def nobody_publishes(workshop: Workshop) -> Iterator[Any]:
    with workshop.warehouse.connect() as holder:
        hold_publishing(holder)
        try:
            yield holder
        finally:
            release_publishing(holder)


def publications(workshop: Workshop) -> list[tuple[date, int]]:
    return ask(workshop, "select race_date, count(*) from ops.publications group by 1 order by 1")


def landed(make_settings: Make, **changes: object) -> Workshop:
    workshop = Workshop(make_settings(**changes))
    drop(workshop, "a.csv", "".join(map(csv_race, DAYS)))
    return workshop


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_each_day_is_built_once_by_one_of_two(
    make_settings: Make, worked_on: Counter[tuple[str, date]], caplog: pytest.LogCaptureFixture, chunk_rows: int
) -> None:
    one, two = landed(make_settings, chunk_rows=chunk_rows), Workshop(make_settings(chunk_rows=chunk_rows))
    with ThreadPoolExecutor(2) as pool:
        with nobody_publishes(one) as holder:
            first = pool.submit(build_days, one, DAYS, "one")
            wait_until(lambda: len(waiting_for_lock(holder)) == 1)
            second = pool.submit(build_days, two, DAYS, "two")
            wait_until(lambda: "waiting for another process that builds" in caplog.text)
        built = [first.result(), second.result()]
    assert [each.failed for each in built] == [{}, {}]
    assert sorted([*built[0].published, *built[1].published]) == DAYS
    assert sorted([*built[1].published, *built[1].unchanged]) == DAYS
    assert publications(one) == [(day, 1) for day in DAYS]
    assert worked_on == {(stage, day): 1 for stage in ("raw", "validated", "core") for day in DAYS}


def test_two_that_build_in_opposite_chunks_end(make_settings: Make, worked_on: Counter[tuple[str, date]]) -> None:
    """Neither waits for days while it holds days that the other one waits for."""
    one, two = landed(make_settings, chunk_rows=1), Workshop(make_settings(chunk_rows=1))
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(build_days, each, DAYS, name) for name, each in (("one", one), ("two", two))]
        assert [each.result().failed for each in done] == [{}, {}]
    assert publications(one) == [(day, 1) for day in DAYS]
    assert {count for (stage, _), count in worked_on.items() if stage == "core"} == {1}


def test_raw_and_validated_files_are_written_once(make_settings: Make, worked_on: Counter[tuple[str, date]]) -> None:
    one, two = landed(make_settings, chunk_rows=1), Workshop(make_settings(chunk_rows=1))

    def write(workshop: Workshop) -> int:
        service = IngestionService.over(workshop)
        return len([*service.write_raw(CSV, DAYS), *service.write_validated(DAYS)])

    with ThreadPoolExecutor(2) as pool:
        written = sum(pool.map(write, [one, two]))
    assert written == 2 * len(DAYS)
    assert worked_on == {(stage, day): 1 for stage in ("raw", "validated") for day in DAYS}


def test_a_day_that_is_to_be_built_anew_is_built_though_another_one_has_just_done_it(make_settings: Make) -> None:
    workshop = landed(make_settings)
    with ThreadPoolExecutor(2) as pool:
        with nobody_publishes(workshop) as holder:
            first = pool.submit(build_days, workshop, DAYS, "one")
            wait_until(lambda: len(waiting_for_lock(holder)) == 1)
            second = pool.submit(build_days, Workshop(workshop.settings), [DAY1], "two", refresh=True)
        assert list(first.result().published) == DAYS
        assert list(second.result().published) == [DAY1]
    assert publications(workshop) == [(DAY1, 2), (DAY2, 1), (DAY3, 1)]


def test_the_days_of_a_killed_builder_are_built_by_the_one_that_waits_for_it(
    workshop: Workshop, database: str, tmp_path: Path
) -> None:
    drop(workshop, "a.csv", "".join(map(csv_race, DAYS)))
    program = (
        "from race_assets import settings; from race_assets.pipeline.workshop import Workshop;"
        " from race_assets_tests.pipeline.feed import build_stale; build_stale(Workshop(settings.load()), 'killed')"
    )
    with ThreadPoolExecutor(1) as pool:
        with nobody_publishes(workshop) as holder:
            environment = environment_of(tmp_path / "home", database)
            killed = subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=PROJECT)
            try:
                wait_until(lambda: len(waiting_for_lock(holder)) == 1)
                other = pool.submit(build_days, workshop, DAYS, "other")
            finally:
                killed.kill()
                killed.wait()
        built = other.result()
    assert sorted([*built.published, *built.unchanged]) == DAYS
    assert built.failed == {}
    assert publications(workshop) == [(day, 1) for day in DAYS]
