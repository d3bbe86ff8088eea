"""Connections are used again while somebody keeps them: never a dead one, never one that something was left on."""

import threading
from collections.abc import Iterator
from typing import TypeAlias

import psycopg
import pytest

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import spares
from race_assets.storage.postgres import Warehouse
from race_assets_tests.pipeline.feed import CSV, CSV_HEADER, DAY1, DAY2, csv_race
from race_assets_tests.waiting import wait_until

Outside: TypeAlias = "psycopg.Connection[tuple[int]]"


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    return Warehouse(database)


@pytest.fixture
def outside(database: str) -> Iterator[Outside]:
    """A connection that is none of the warehouse's."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def pid(warehouse: Warehouse) -> int:
    """The server's process behind the connection that is lent next."""
    with warehouse.connect() as connection:
        return connection.info.backend_pid


def pids(outside: Outside) -> list[tuple[int]]:
    """The server's processes behind connections of ours."""
    return outside.execute(
        "select pid from pg_stat_activity where datname = current_database() and application_name = 'race_assets'"
    ).fetchall()


def alive(outside: Outside) -> int:
    """How many connections of ours the server has, as far as it knows by now."""
    return len(pids(outside))


def gone(outside: Outside) -> bool:
    """Whether the server comes to have none of ours: it sees an end a moment later."""
    return wait_until(lambda: alive(outside) == 0)


def test_each_statement_has_a_connection_of_its_own_unless_they_are_kept(
    warehouse: Warehouse, outside: Outside
) -> None:
    assert pid(warehouse) != pid(warehouse)
    with warehouse.kept():
        assert len({pid(warehouse) for _ in range(5)}) == 1
        first = pid(warehouse)
        with warehouse.transaction() as connection:
            assert connection.info.backend_pid == first
        assert pid(warehouse) == first
    assert gone(outside)


def test_the_last_keeper_ends_them(warehouse: Warehouse, outside: Outside) -> None:
    with warehouse.kept():
        with warehouse.kept():
            first = pid(warehouse)
        assert pid(warehouse) == first
        assert alive(outside) == 1
    assert gone(outside)
    assert pid(warehouse) != first


def test_two_at_once_are_two(warehouse: Warehouse) -> None:
    with warehouse.kept():
        with warehouse.connect() as one, warehouse.connect() as other:
            pids = {one.info.backend_pid, other.info.backend_pid}
        assert len(pids) == 2
        assert pid(warehouse) in pids


def test_one_that_the_server_ended_meanwhile_is_not_lent(warehouse: Warehouse, outside: Outside) -> None:
    with warehouse.kept():
        first = pid(warehouse)
        assert outside.execute("select pg_terminate_backend(%s, 10000)", [first]).fetchone() == (True,)
        with warehouse.connect() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            assert connection.info.backend_pid != first


def test_one_that_has_idled_for_long_is_not_lent(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse.kept():
        first = pid(warehouse)
        monkeypatch.setattr(spares, "IDLE_S", 0.0)
        assert pid(warehouse) != first


def test_one_on_which_something_failed_or_was_left_open_is_not_lent(warehouse: Warehouse) -> None:
    with warehouse.kept():
        with pytest.raises(psycopg.errors.DivisionByZero), warehouse.connect() as failed:
            failed.execute("select 1/0")
        with warehouse.connect() as left:
            left.execute("begin")
        assert (failed.closed, left.closed) == (True, True)
        with warehouse.connect() as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_session_is_nobody_elses(warehouse: Warehouse) -> None:
    with warehouse.kept():
        first = pid(warehouse)
        with warehouse.session() as session:
            assert session.info.backend_pid != first
        assert session.closed
        assert pid(warehouse) == first


def test_threads_never_share_one(warehouse: Warehouse) -> None:
    held: set[int] = set()
    shared = []

    def work() -> None:
        for _ in range(30):
            with warehouse.connect() as connection:
                shared.append(connection.info.backend_pid in held)
                held.add(connection.info.backend_pid)
                connection.execute("select pg_backend_pid()")
                held.remove(connection.info.backend_pid)

    with warehouse.kept():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(shared) == 120
    assert not any(shared)


def test_landing_many_files_takes_one_connection(workshop: Workshop, outside: Outside) -> None:
    inbox = workshop.settings.home / "inbox"
    inbox.mkdir(parents=True)
    for day in (DAY1, DAY2):
        (inbox / f"{day}.csv").write_text(CSV_HEADER + csv_race(day))
    files = land.named(sorted(inbox.iterdir()))
    began = set()
    for landed in land.land(workshop, CSV, files):
        assert landed.state == "landed"
        began.update(pids(outside))
    assert len(began) == 1
    assert gone(outside)
