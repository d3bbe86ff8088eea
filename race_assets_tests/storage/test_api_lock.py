"""The lock of an API: one process at a time, another API beside it, and free again when its process is gone."""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from race_assets.errors import WarehouseError
from race_assets.storage import api_lock as api_lock_module
from race_assets.storage.api_lock import LOCKS, api_lock
from race_assets.storage.postgres import LANDING_LOCK, MIGRATION_LOCK, PUBLISH_LOCK, Warehouse
from race_assets_tests.conftest import PROJECT
from race_assets_tests.waiting import PATIENCE_S

HOLDER = """
import sys
from race_assets.storage import api_lock as api_lock_module
from race_assets.storage.api_lock import api_lock
from race_assets.storage.postgres import Warehouse
with api_lock(Warehouse(sys.argv[1]), "racing_post"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    return Warehouse(database)


@contextmanager
def held_by_a_process(database: str) -> "Iterator[subprocess.Popen[str]]":
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDER, database]
    with subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class Waiting(logging.Handler):
    """Tells when somebody says that he waits, and what."""

    def __init__(self) -> None:
        super().__init__()
        self.said = threading.Event()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self.said.set()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    handler = Waiting()
    api_lock_module.log.addHandler(handler)
    yield handler
    api_lock_module.log.removeHandler(handler)


def is_free(database: str, api: str) -> bool:
    with psycopg.connect(database, autocommit=True) as connection:
        return connection.execute("select pg_try_advisory_lock(%s)", [LOCKS[api]]).fetchone() == (True,)


def test_it_is_held_in_the_block_and_free_after(warehouse: Warehouse, waiting: Waiting) -> None:
    with api_lock(warehouse, "racing_post"):
        assert not is_free(warehouse.url, "racing_post")
    assert is_free(warehouse.url, "racing_post")
    assert waiting.messages == []


def test_it_is_free_after_an_error(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), api_lock(warehouse, "racing_post"):
        raise ZeroDivisionError
    assert is_free(warehouse.url, "racing_post")


def test_a_lock_lost_with_its_connection_is_told(warehouse: Warehouse, waiting: Waiting) -> None:
    with api_lock(warehouse, "racing_post"), psycopg.connect(warehouse.url, autocommit=True) as other:
        mine = "database = (select oid from pg_database where datname = current_database())"
        other.execute(f"select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory' and {mine}")
    (said,) = waiting.messages
    assert "while the API racing_post was in use: another process may have used it" in said


def test_apis_have_locks_of_their_own(warehouse: Warehouse) -> None:
    assert set(LOCKS) == {"betfair_historic", "betfair_exchange", "racing_post", "betfair_bsp"}
    assert len({*LOCKS.values(), MIGRATION_LOCK, PUBLISH_LOCK, LANDING_LOCK}) == len(LOCKS) + 3
    with api_lock(warehouse, "racing_post"), api_lock(warehouse, "betfair_historic"):
        assert is_free(warehouse.url, "betfair_exchange")


@pytest.mark.parametrize("end", ["done", "killed"])
def test_another_process_is_waited_for_and_named(end: str, warehouse: Warehouse, waiting: Waiting) -> None:
    taken = threading.Event()

    def take() -> None:
        with api_lock(warehouse, "racing_post"):
            taken.set()

    with held_by_a_process(warehouse.url) as process:
        thread = threading.Thread(target=take)
        thread.start()
        assert waiting.said.wait(PATIENCE_S)
        assert not taken.is_set()
        if end == "killed":
            process.send_signal(signal.SIGKILL)
        else:
            assert process.stdin
            process.stdin.write("done\n")
            process.stdin.flush()
        assert taken.wait(PATIENCE_S)
        thread.join()
    assert waiting.messages == ["another process uses the API racing_post; waiting until it is done"]


def test_the_server_s_own_timeouts_end_neither_the_holding_nor_the_waiting(
    warehouse: Warehouse, waiting: Waiting
) -> None:
    def take() -> None:
        with api_lock(warehouse, "racing_post"):
            pass

    with psycopg.connect(warehouse.url, autocommit=True) as other:
        for name in ("idle_session_timeout", "lock_timeout", "statement_timeout"):
            other.execute(f"alter database {other.info.dbname} set {name} = '1s'")
        with api_lock(warehouse, "racing_post"):
            thread = threading.Thread(target=take)
            thread.start()
            assert waiting.said.wait(PATIENCE_S)
            other.execute("select pg_sleep(1.5)")
            locks = other.execute("select granted from pg_locks where locktype = 'advisory' order by 1").fetchall()
        thread.join()
    assert locks == [(False,), (True,)]


def test_a_server_that_goes_away_while_one_waits_is_told(warehouse: Warehouse, waiting: Waiting) -> None:
    told: list[Exception] = []

    def take() -> None:
        try:
            with api_lock(warehouse, "racing_post"):
                pass
        except WarehouseError as error:
            told.append(error)

    with api_lock(warehouse, "racing_post"):
        thread = threading.Thread(target=take)
        thread.start()
        assert waiting.said.wait(PATIENCE_S)
        with psycopg.connect(warehouse.url, autocommit=True) as connection:
            end = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted"
            while not connection.execute(end).fetchall():
                pass
        thread.join()
    assert [str(error).startswith("racing_post: Postgres went away while its lock was taken") for error in told] == [
        True
    ]
