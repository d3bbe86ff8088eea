"""Whoever waits for another session's lock, or for a connection, says for what, on whom, and what to do."""

import logging
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from race_assets.storage import publish, waiting
from race_assets.storage.api_lock import LOCKS, api_lock
from race_assets.storage.postgres import LANDING_LOCK, MIGRATION_LOCK, PUBLISH_LOCK, Warehouse
from race_assets.storage.waiting import session_lock, watch

PATIENCE_S = 600


class Messages(logging.Handler):
    """What was logged, and when there is something."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self.texts.append(record.getMessage())
        self.came.set()


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Messages]:
    """Reports of waits, which come at once here and not after 10 s."""
    monkeypatch.setattr(waiting, "REPORT_AFTER_S", 0.05)
    monkeypatch.setattr(waiting, "TICK_S", 0.01)
    handler = Messages()
    waiting.log.addHandler(handler)
    yield handler
    waiting.log.removeHandler(handler)


@pytest.fixture
def holder(database: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Another program's session."""
    with psycopg.connect(database, autocommit=True, application_name="a careless psql") as connection:
        yield connection


def in_a_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def publishing(warehouse: Warehouse) -> None:
    with publish.locked_transaction(warehouse, PUBLISH_LOCK):
        pass


def landing(warehouse: Warehouse) -> None:
    with publish.locked_transaction(warehouse, LANDING_LOCK) as cursor:
        # The time limit of the wait is over with it.
        assert cursor.execute("show lock_timeout").fetchone() == ("0",)


def migrating(warehouse: Warehouse) -> None:
    with warehouse.session() as connection, session_lock(connection, MIGRATION_LOCK, "creating or changing tables"):
        pass


def asking(warehouse: Warehouse) -> None:
    with api_lock(warehouse, "racing_post"):
        pass


@pytest.mark.parametrize(
    ("key", "work", "purpose"),
    [
        (PUBLISH_LOCK, publishing, "publishing days"),
        (LANDING_LOCK, landing, "entering landed files"),
        (MIGRATION_LOCK, migrating, "creating or changing tables"),
        (LOCKS["racing_post"], asking, "the API racing_post"),
    ],
)
def test_a_wait_for_our_own_locks_names_its_holder(
    database: str,
    holder: "psycopg.Connection[tuple[object, ...]]",
    messages: Messages,
    key: int,
    work: Callable[[Warehouse], None],
    purpose: str,
) -> None:
    holder.execute("select pg_advisory_lock(%s)", [key])
    thread = in_a_thread(lambda: work(Warehouse(database)))
    assert messages.came.wait(PATIENCE_S)
    holder.execute("select pg_advisory_unlock(%s)", [key])
    thread.join()
    said = messages.texts[0]
    pid = holder.info.backend_pid
    assert said.startswith(f"waiting for the lock for {purpose} since ")
    assert f"held by pid {pid} (a careless psql, role {holder.info.user}, idle for " in said
    assert f"select pg_terminate_backend({pid})" in said
    with Warehouse(database).connect() as connection:
        assert connection.execute("select pg_try_advisory_lock(%s)", [key]).fetchone() == (True,)


def test_a_wait_of_two_connections_needs_no_third(database: str, messages: Messages) -> None:
    """The report comes over the connection that waits: servers may give no other."""
    opened: list[int] = []
    warehouse = Warehouse(database)
    with warehouse.session() as first, warehouse.session() as second:
        first.execute("select pg_advisory_lock(%s)", [PUBLISH_LOCK])
        thread = in_a_thread(lambda: _take(second, opened))
        assert messages.came.wait(PATIENCE_S)
        first.execute("select pg_advisory_unlock(%s)", [PUBLISH_LOCK])
        thread.join()
    assert opened == [1]


def _take(connection: "psycopg.Connection[tuple[object, ...]]", taken: list[int]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        waiting.take_transaction_lock(cursor, PUBLISH_LOCK, "publishing days")
        taken.append(1)


@pytest.mark.parametrize(
    ("lock", "statement", "wanted"),
    [
        ("lock table ops.expectations", "select * from ops.expectations", "a lock on ops.expectations"),
        ("update ops.expectations set due_days = 2", "update ops.expectations set due_days = 3", "a lock on a row"),
    ],
)
def test_a_statement_that_waits_for_a_table_or_row_names_its_holder(
    database: str,
    holder: "psycopg.Connection[tuple[object, ...]]",
    messages: Messages,
    lock: str,
    statement: str,
    wanted: str,
) -> None:
    columns = "source, countries, due_days, due_time, timezone, results, current_days, gap_days, not_expected"
    values = "'s', '{}', 1, '12:00', 'UTC', true, 28, 100, '{}'"
    holder.execute(f"insert into ops.expectations ({columns}) values ({values})".encode())
    warehouse = Warehouse(database)

    def work() -> None:
        with warehouse.transaction() as connection:
            connection.execute(statement.encode())

    with holder.transaction():
        holder.execute(lock.encode())
        thread = in_a_thread(work)
        assert messages.came.wait(PATIENCE_S)
    thread.join()
    assert messages.texts[0].startswith(f"waiting for {wanted} since ")
    assert (
        f"held by pid {holder.info.backend_pid} (a careless psql, role {holder.info.user}, idle in trans"
        in (messages.texts[0])
    )


def test_a_query_that_returns_arrow_is_watched_too(
    database: str, holder: "psycopg.Connection[tuple[object, ...]]", messages: Messages
) -> None:
    from race_assets.storage import tables

    warehouse = Warehouse(database)
    read: list[int] = []
    with holder.transaction():
        holder.execute("lock table core.races")
        thread = in_a_thread(lambda: read.append(tables.read(warehouse, "select * from core.races").height))
        assert messages.came.wait(PATIENCE_S)
    thread.join()
    assert read == [0]
    assert messages.texts[0].startswith("waiting for a lock on core.races since ")


def test_a_long_statement_that_waits_for_nobody_is_not_reported(database: str, messages: Messages) -> None:
    looked = threading.Event()
    warehouse = Warehouse(database)
    with warehouse.connect() as connection:
        looks = waiting.session_at_work(connection.info.backend_pid, warehouse.session)

        def look() -> float:
            again = looks()
            looked.set()
            return again

        with watch.over(look):
            assert looked.wait(PATIENCE_S)
    assert messages.texts == []


def test_a_connection_that_does_not_come_is_reported(messages: Messages) -> None:
    with watch.over(waiting.session_being_opened("db.example, database races")):
        assert messages.came.wait(PATIENCE_S)
    assert messages.texts[0].startswith("waiting for a connection to Postgres (db.example, database races) since ")


def test_what_cannot_be_asked_is_reported_and_ends_no_watch(messages: Messages) -> None:
    def no_session() -> object:
        raise psycopg.OperationalError("too many connections for role")

    with watch.over(waiting.session_at_work(1, no_session)):
        assert messages.came.wait(PATIENCE_S)
    assert "whether it waits cannot be seen: too many connections for role" in messages.texts[0]


def test_the_thread_ends_when_there_is_nothing_to_watch(messages: Messages) -> None:
    del messages
    own = waiting.Watch()
    own.end(own.begin(lambda: 1.0))
    thread = own._thread
    if thread is not None:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    # And begins again for the next.
    came = threading.Event()

    def look() -> float:
        came.set()
        return 1.0

    with own.over(look):
        assert came.wait(PATIENCE_S)
