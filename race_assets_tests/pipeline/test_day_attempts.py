"""A day whose build is killed again and again is built last, alone, and given up; the days beside it are built."""

import signal
import subprocess
import sys

from race_assets.pipeline import day_attempts, process
from race_assets.pipeline.days import chunks
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import day_attempts as store
from race_assets_tests.conftest import PROJECT
from race_assets_tests.pipeline.feed import DAY1, DAY2, DAY3, ask, build_days, csv_race, drop

GONE = f"{process.process_mark().split(maxsplit=1)[0]} 999999999 1.00"


def drop_days(workshop: Workshop) -> None:
    for day in (DAY1, DAY2, DAY3):
        drop(workshop, f"{day}.csv", csv_race(day))


def kill_while_building(workshop: Workshop, *days: object) -> None:
    """Leave behind what a process leaves that is killed while it builds these days."""
    stale = {day: fingerprint for day, fingerprint in workshop.ledger.stale_days() if day in days}
    store.begin(workshop.warehouse, stale, GONE)


def groups(workshop: Workshop) -> list[list[object]]:
    return [list(group) for group in chunks(workshop, [DAY1, DAY2, DAY3])]


def test_a_day_that_kills_its_process_is_given_up_after_three_kills_and_the_others_are_built(
    workshop: Workshop, environment: dict[str, str]
) -> None:
    drop_days(workshop)

    def run() -> int:
        command = [sys.executable, "-m", "race_assets_tests.pipeline.build_poison", str(DAY2)]
        return subprocess.run(command, env=environment, cwd=PROJECT, check=False).returncode

    assert [run() for _ in range(4)] == [-signal.SIGKILL] * 3 + [0]
    assert ask(workshop, "select race_date from ops.built_days order by 1") == [(DAY1,), (DAY3,)]
    given_up = day_attempts.given_up(workshop)
    assert list(given_up) == [DAY2]
    assert "killed 3 times" in given_up[DAY2]
    assert f"ingest --from {DAY2} --to {DAY2}" in given_up[DAY2]


def test_days_of_a_killed_chunk_are_built_after_the_others_each_by_itself(workshop: Workshop) -> None:
    drop_days(workshop)
    assert groups(workshop) == [[DAY1, DAY2, DAY3]]
    kill_while_building(workshop, DAY1, DAY2)
    assert groups(workshop) == [[DAY3], [DAY1], [DAY2]]
    kill_while_building(workshop, DAY1)
    assert groups(workshop) == [[DAY3], [DAY2], [DAY1]]
    assert ask(workshop, "select race_date, interrupted from ops.day_attempts order by 1") == [(DAY1, 2), (DAY2, 1)]
    build_days(workshop, [DAY1, DAY2, DAY3])
    assert ask(workshop, "select count(*) from ops.day_attempts") == [(0,)]


def test_other_inputs_of_a_day_start_its_count_again(workshop: Workshop) -> None:
    drop_days(workshop)
    for _ in range(3):
        kill_while_building(workshop, DAY2)
        groups(workshop)
    assert list(day_attempts.given_up(workshop)) == [DAY2]
    drop(workshop, f"{DAY2}.csv", csv_race(DAY2, price="4.0"))
    assert day_attempts.given_up(workshop) == {}
    assert groups(workshop) == [[DAY1, DAY2, DAY3]]


def test_the_work_of_a_living_process_and_work_that_ended_count_for_nothing(workshop: Workshop) -> None:
    drop_days(workshop)
    stale = dict(workshop.ledger.stale_days())
    store.begin(workshop.warehouse, stale, process.process_mark())
    assert groups(workshop) == [[DAY1, DAY2, DAY3]]
    assert ask(workshop, "select count(*) from ops.day_attempts") == [(0,)]
    for group in chunks(workshop, [DAY1]):
        assert ask(workshop, "select race_date, interrupted from ops.day_attempts") == [(DAY1, 0)]
        assert list(group) == [DAY1]
    assert ask(workshop, "select count(*) from ops.day_attempts") == [(0,)]
