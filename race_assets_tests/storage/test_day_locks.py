"""Locks on days: one process has each, others go round it or wait, and a process that dies has none any more."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from race_assets.errors import WarehouseError
from race_assets.storage.day_locks import DayLocks
from race_assets_tests.storage.frames import DAY1, DAY2, DAY3

Open = Callable[[], "psycopg.Connection[tuple[Any, ...]]"]


@pytest.fixture
def open_session(database: str) -> Open:
    return lambda: psycopg.connect(database, autocommit=True, application_name="race_assets test")


def test_a_day_is_taken_by_one_process_until_it_releases_it(open_session: Open) -> None:
    with DayLocks(open_session) as one, DayLocks(open_session) as two:
        assert one.try_take({DAY1, DAY2}) == {DAY1, DAY2}
        assert two.try_take({DAY2, DAY3}) == {DAY3}
        one.release([DAY2])
        assert two.try_take({DAY1, DAY2}) == {DAY2}
        assert one.try_take(set()) == set()
    with DayLocks(open_session) as three:
        assert three.try_take({DAY1, DAY2, DAY3}) == {DAY1, DAY2, DAY3}


def test_whoever_waits_gets_the_days_of_a_process_that_died_and_says_whom_it_waited_for(
    open_session: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("race_assets.storage.day_locks.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("race_assets.storage.day_locks.SAY_EVERY_S", 0.05)
    dying = open_session()
    with DayLocks(open_session) as waiting, ThreadPoolExecutor(1) as pool:
        DayLocks(lambda: dying).try_take({DAY1})
        taking = pool.submit(waiting.take, [DAY2, DAY1])
        while not any("waiting for another process that builds 2024-06-26" in line for line in caplog.messages):
            assert not taking.done()
        pid = dying.info.backend_pid
        with open_session() as other:
            other.execute("select pg_terminate_backend(%s)", [pid])
        taking.result()
        assert f"backend {pid} (race_assets test, connected at " in caplog.text
        with DayLocks(open_session) as late:
            assert late.try_take({DAY1, DAY2, DAY3}) == {DAY3}
    dying.close()


def test_without_a_session_days_count_as_taken_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> "psycopg.Connection[tuple[Any, ...]]":
        raise WarehouseError("too many connections")

    with DayLocks(refuse) as locks:
        assert locks.try_take({DAY1}) == {DAY1}
        locks.take([DAY2])
        locks.release([DAY1])
    assert "built without locks" in caplog.text
    assert "too many connections" in caplog.text


def test_a_session_that_is_lost_stops_nothing(open_session: Open) -> None:
    session = open_session()
    with DayLocks(lambda: session) as locks:
        assert locks.try_take({DAY1}) == {DAY1}
        session.close()
        locks.release([DAY1])
        assert locks.try_take({DAY2}) == {DAY2}
