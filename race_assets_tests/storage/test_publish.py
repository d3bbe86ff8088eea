"""A day or a landing is written whole or not at all, and only while it is wanted; lost connections are made good."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from race_assets.backoff import Pauses
from race_assets.errors import WarehouseError, WarehouseRefusedError
from race_assets.schemas.catalogue import CORE
from race_assets.storage import publish
from race_assets.storage.configuration import Configuration
from race_assets.storage.ledger import Ledger
from race_assets.storage.postgres import LANDING_LOCK, PUBLISH_LOCK, Warehouse, retrying
from race_assets_tests.pipeline.feed import waiting_for_lock
from race_assets_tests.storage.frames import (
    DAY1,
    DAY2,
    DAY3,
    NOW,
    SOURCE,
    account,
    ask,
    day_frames,
    empty_days,
    landing,
    reject,
    tell,
)
from race_assets_tests.waiting import wait_until

Holder = "psycopg.Connection[tuple[object, ...]]"


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    """A warehouse whose ledger knows its configuration and no file."""
    made = Warehouse(database)
    Ledger(made).configure(Configuration("settings"), [SOURCE])
    return made


@pytest.fixture
def holder(database: str) -> Iterator[Holder]:
    """A connection of the test's own that holds the publishing lock."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [PUBLISH_LOCK])
        yield connection


def counts(warehouse: Warehouse) -> list[tuple[int, ...]]:
    """Rows of each core table."""
    return ask(warehouse, f"select {', '.join(f'(select count(*) from {name})' for name in CORE)}")


def runners(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return ask(warehouse, "select race_date, count(*) from core.selections group by 1 order by 1")


# Days


def test_a_published_day_replaces_the_one_before_and_leaves_the_others(warehouse: Warehouse) -> None:
    assert publish.publish(warehouse, empty_days(DAY1, DAY2, dogs=3)) == set()
    assert publish.publish(warehouse, empty_days(DAY1, dogs=2, run_id="next")) == set()
    assert runners(warehouse) == [(DAY1, 2), (DAY2, 3)]
    assert counts(warehouse) == [(2, 5, 5, 5, 5, 5, 2)]
    assert ask(warehouse, "select race_date, run_id from ops.built_days order by 1") == [(DAY1, "next"), (DAY2, "run")]
    revisions = ask(
        warehouse,
        "select race_date, races, selections, prices, price_points from ops.publications order by 1, built_at",
    )
    assert revisions == [(DAY1, 1, 3, 3, 3), (DAY1, 1, 2, 2, 2), (DAY2, 1, 3, 3, 3)]


def test_an_empty_day_is_published_with_counts_of_nothing(warehouse: Warehouse) -> None:
    publish.publish(warehouse, empty_days(DAY1))
    nothing = publish.only(empty_days(DAY2), set())
    frames = publish.DayFrames({DAY1: "empty"}, nothing.core, nothing.rejects, nothing.accounts, "run")
    assert publish.publish(warehouse, frames) == set()
    assert counts(warehouse) == [(0, 0, 0, 0, 0, 0, 0)]
    assert ask(
        warehouse,
        "select races, selections, prices, price_points, race_links from ops.publications "
        "order by built_at desc limit 1",
    ) == [(0, 0, 0, 0, 0)]


def test_a_day_that_is_not_wanted_as_it_was_built_is_left_alone_and_named(warehouse: Warehouse) -> None:
    publish.publish(warehouse, empty_days(DAY1, DAY2))
    frames = day_frames({DAY1: "of other files", DAY2: "empty"}, dogs=4, run_id="next", rejects=[reject("x", DAY1)])
    assert publish.publish(warehouse, frames) == {DAY1}
    assert runners(warehouse) == [(DAY1, 1), (DAY2, 4)]
    assert ask(warehouse, "select * from quarantine.rejects") == []
    assert ask(warehouse, "select race_date from ops.ingestion_runs where run_id = 'next'") == [(DAY2,)]


def test_an_error_in_the_middle_leaves_everything_as_it_was(warehouse: Warehouse) -> None:
    publish.publish(warehouse, empty_days(DAY1, dogs=2))
    frames = empty_days(DAY1, dogs=4, run_id="next")
    twice = {**frames.core, "core.prices": frames.core["core.prices"].vstack(frames.core["core.prices"])}
    broken = publish.DayFrames(frames.fingerprints, twice, frames.rejects, frames.accounts, frames.run_id)
    with pytest.raises(Exception, match="prices_pkey"):
        publish.publish(warehouse, broken)
    assert counts(warehouse) == [(1, 2, 2, 2, 2, 2, 1)]
    assert ask(warehouse, "select run_id from ops.built_days") == [("run",)]
    assert ask(warehouse, "select run_id from ops.ingestion_runs") == [("run",)]


def test_one_run_may_publish_a_day_twice(warehouse: Warehouse) -> None:
    for dogs in (2, 3):
        assert publish.publish(warehouse, empty_days(DAY1, dogs=dogs)) == set()
    assert runners(warehouse) == [(DAY1, 3)]
    assert ask(warehouse, "select run_id, race_date from ops.ingestion_runs") == [("run", DAY1)]


def test_accounts_are_kept_with_their_tallies_as_json(warehouse: Warehouse) -> None:
    publish.publish(warehouse, empty_days(DAY1))
    assert ask(warehouse, "select duplicates, (notes -> 'x')::int from ops.ingestion_runs") == [({"x": 1}, 1)]


def test_frames_of_different_days_come_apart_and_together() -> None:
    rejects = [reject("x", DAY1), reject("y", DAY2)]
    frames = day_frames({DAY1: "a", DAY2: "b", DAY3: "c"}, rejects=rejects)
    parts = [publish.only(frames, {DAY2}), publish.only(frames, {DAY1, DAY3})]
    assert [part.fingerprints for part in parts] == [{DAY2: "b"}, {DAY1: "a", DAY3: "c"}]
    assert [part.rejects["reject_id"].to_list() for part in parts] == [["y"], ["x"]]
    again = publish.together(parts)
    assert again.fingerprints == frames.fingerprints
    for name, frame in frames.core.items():
        assert again.core[name].sort("race_date").equals(frame)
    assert again.accounts.sort("race_date").equals(frames.accounts)


# Rejects


def test_rejects_are_open_replayed_or_discarded_as_their_rows_fail_and_pass(warehouse: Warehouse) -> None:
    def states() -> dict[str, tuple[object, ...]]:
        query = "select reject_id, state, state_reason, run_id from quarantine.rejects"
        return {name: rest for name, *rest in ask(warehouse, query)}

    both = [reject("x", DAY1), reject("y", DAY1)]
    publish.publish(warehouse, empty_days(DAY1, rejects=both))
    assert states() == {"x": ["open", None, "run"], "y": ["open", None, "run"]}

    publish.publish(warehouse, empty_days(DAY1, rejects=both[:1]))
    assert states()["x"] == ["open", None, "run"]
    assert states()["y"][:2] == ["replayed", "passes now, or is no longer told"]

    tell(warehouse, "update quarantine.rejects set state = 'discarded', state_reason = 'seen' where reject_id = 'x'")
    later = [{**each, "run_id": "next", "rejected_at": NOW + timedelta(1), "rules": ["text"]} for each in both]
    publish.publish(warehouse, empty_days(DAY1, rejects=later))
    assert states() == {"x": ["discarded", "seen", "next"], "y": ["open", None, "next"]}
    assert ask(warehouse, "select distinct rejected_at, rules from quarantine.rejects") == [(NOW, ["text"])]

    publish.publish(warehouse, empty_days(DAY1))
    assert states()["x"][0] == "discarded"


def test_rejects_of_other_days_are_not_touched(warehouse: Warehouse) -> None:
    publish.publish(warehouse, empty_days(DAY1, DAY2, rejects=[reject("x", DAY1), reject("y", DAY2)]))
    publish.publish(warehouse, empty_days(DAY1))
    assert ask(warehouse, "select reject_id, state from quarantine.rejects order by 1") == [
        ("x", "replayed"),
        ("y", "open"),
    ]


def test_a_reject_keeps_the_row_as_read(warehouse: Warehouse) -> None:
    publish.publish(warehouse, empty_days(DAY1, rejects=[reject("x", DAY1)]))
    assert ask(warehouse, """select "row" ->> 'text', "row" -> 'bytes' from quarantine.rejects""") == [("é", 2)]


# Landings


def test_names_get_versions_of_their_own_and_a_file_entered_again_keeps_its_version(warehouse: Warehouse) -> None:
    entered = [("one", "a.csv"), ("two", "a.csv"), ("three", "b.csv"), ("one", "a.csv"), ("four", "a.csv")]
    versions = [publish.enter(warehouse, landing(sha256, {DAY1: 1}, name=name)) for sha256, name in entered]
    assert versions == [1, 2, 1, 1, 3]


def test_a_file_entered_again_keeps_when_it_was_first_landed_and_takes_what_is_said_anew(warehouse: Warehouse) -> None:
    publish.enter(warehouse, landing("one", {DAY1: 1}))
    publish.enter(warehouse, landing("one", {DAY2: 5}, landed_at=NOW + timedelta(1), parser_version=2))
    query = "select landed_at, race_dates, race_date_records, parser_version from ops.source_files"
    assert ask(warehouse, query) == [(NOW, [DAY2], [5], 2)]


def test_a_withdrawn_file_that_is_entered_again_is_the_newest_of_its_name(warehouse: Warehouse) -> None:
    for sha256 in ("one", "two"):
        publish.enter(warehouse, landing(sha256, {DAY1: 1}, name="a.csv"))
    Ledger(warehouse).withdraw(SOURCE, "one")
    assert publish.enter(warehouse, landing("one", {DAY1: 1}, name="a.csv")) == 3
    assert ask(warehouse, "select withdrawn_at from ops.source_files where sha256 = 'one'") == [(None,)]


def test_a_withdrawn_file_that_is_entered_under_another_name_is_the_first_of_that(warehouse: Warehouse) -> None:
    for sha256 in ("one", "two"):
        publish.enter(warehouse, landing(sha256, {DAY1: 1}, name="a.csv"))
    Ledger(warehouse).withdraw(SOURCE, "two")
    assert publish.enter(warehouse, landing("two", {DAY1: 1}, name="b.csv")) == 1
    assert ask(warehouse, "select sha256, name, version from ops.source_files order by 1") == [
        ("one", "a.csv", 1),
        ("two", "b.csv", 1),
    ]


def test_rows_without_a_day_of_an_older_version_are_settled_by_the_newer(warehouse: Warehouse) -> None:
    old, other = reject("x", None, source_file="one"), reject("z", None, source_file="three")
    publish.enter(warehouse, landing("one", {DAY1: 1}, name="a.csv", rejects=[old]))
    publish.enter(warehouse, landing("three", {DAY1: 1}, name="it's b.csv", rejects=[other]))
    publish.enter(warehouse, landing("two", {DAY1: 1}, name="a.csv", rejects=[reject("y", None, source_file="two")]))
    assert ask(warehouse, "select reject_id, state from quarantine.rejects order by 1") == [
        ("x", "replayed"),
        ("y", "open"),
        ("z", "open"),
    ]
    assert ask(warehouse, "select count(*) from ops.ingestion_runs where race_date is null") == [(3,)]


def test_an_older_version_that_is_read_again_opens_nothing_that_the_newer_has_settled(warehouse: Warehouse) -> None:
    first = landing("one", {DAY1: 1}, name="a.csv", rejects=[reject("x", None, source_file="one")])
    publish.enter(warehouse, first)
    publish.enter(warehouse, landing("two", {DAY1: 1}, name="a.csv"))
    publish.enter(warehouse, replace(first, account=first.account.clear()))
    assert ask(warehouse, "select reject_id, state from quarantine.rejects") == [("x", "replayed")]


# Lost connections


def test_a_transaction_whose_connection_is_lost_is_done_again(warehouse: Warehouse, holder: Holder) -> None:
    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(publish.publish, warehouse, empty_days(DAY1, dogs=3))
        wait_until(lambda: len(waiting_for_lock(holder)) == 1)
        (lost,) = waiting_for_lock(holder)
        holder.execute("select pg_terminate_backend(%s)", [lost])
        wait_until(lambda: waiting_for_lock(holder) not in ([], [lost]))
        holder.execute("select pg_advisory_unlock(%s)", [PUBLISH_LOCK])
        assert publishing.result() == set()
    assert counts(warehouse) == [(1, 3, 3, 3, 3, 3, 1)]
    assert ask(warehouse, "select count(*) from ops.publications") == [(1,)]


def test_a_landing_whose_connection_is_lost_is_done_again(warehouse: Warehouse, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("select pg_advisory_lock(%s)", [LANDING_LOCK])
        entering = pool.submit(publish.enter, warehouse, landing("one", {DAY1: 1}))
        wait_until(lambda: len(waiting_for_lock(holder)) == 1)
        (lost,) = waiting_for_lock(holder)
        holder.execute("select pg_terminate_backend(%s)", [lost])
        wait_until(lambda: waiting_for_lock(holder) not in ([], [lost]))
        holder.execute("select pg_advisory_unlock(%s)", [LANDING_LOCK])
        assert entering.result() == 1
    assert ask(warehouse, "select sha256, version from ops.source_files") == [("one", 1)]


def test_a_connection_that_stays_lost_is_a_warehouse_error_and_nothing_is_kept(
    warehouse: Warehouse, holder: Holder
) -> None:
    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(publish.publish, warehouse, empty_days(DAY1))
        seen: set[int] = set()
        while len(seen) < 3:
            wait_until(lambda: publishing.done() or bool(set(waiting_for_lock(holder)) - seen))
            (lost,) = set(waiting_for_lock(holder)) - seen
            seen.add(lost)
            holder.execute("select pg_terminate_backend(%s)", [lost])
        with pytest.raises(WarehouseError, match="nothing of the transaction was kept"):
            publishing.result()
    assert counts(warehouse) == [(0, 0, 0, 0, 0, 0, 0)]


def test_an_error_that_is_no_lost_connection_is_not_tried_again(warehouse: Warehouse) -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        tell(warehouse, "select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        retrying(work)
    assert len(tries) == 1


def test_pauses_between_attempts_double_are_jittered_and_end_with_the_last_attempt() -> None:
    pauses: list[float] = []
    shares = iter([1.0, 0.5, 0.25, 1.0, 1.0, 1.0])

    def lost() -> None:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with pytest.raises(WarehouseError, match="Postgres went away: server closed"):
        retrying(lost, 7, Pauses(pauses.append, lambda: next(shares)))
    assert pauses == [1.0, 1.0, 1.0, 8.0, 10.0, 10.0]


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.AdminShutdown])
def test_what_passes_when_it_is_done_again_is_done_again(error: type[Exception]) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise error
        return "done"

    assert retrying(work, pauses=Pauses(lambda _: None)) == "done"
    assert len(tries) == 2


@pytest.mark.parametrize("error", [psycopg.errors.DiskFull, psycopg.errors.QueryCanceled])
def test_what_a_server_refuses_is_tried_once(error: type[Exception]) -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise error

    with pytest.raises(WarehouseRefusedError, match="Postgres refuses"):
        retrying(work, pauses=Pauses(lambda _: None))
    assert len(tries) == 1


def test_a_connection_lost_between_small_statements_or_while_reading_is_a_warehouse_error(
    warehouse: Warehouse, holder: Holder
) -> None:
    end = "select pg_terminate_backend(%s)"

    def by_psycopg() -> None:
        with warehouse.connect() as connection:
            holder.execute(end, [connection.info.backend_pid])
            connection.execute("select 1")

    def by_adbc() -> None:
        with warehouse.arrow() as connection, connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            holder.execute(end, list(cursor.fetchone()))
            cursor.execute("select 1")

    for lose in (by_psycopg, by_adbc):
        with pytest.raises(WarehouseError):
            lose()


def test_an_unreachable_server_is_named(database: str) -> None:
    with pytest.raises(WarehouseError, match="Postgres cannot be reached"):
        Warehouse(database.replace("/race_assets_test_", "/no_such_", 1)).session()


def test_an_account_without_a_day_is_unique_too(warehouse: Warehouse) -> None:
    publish.enter(warehouse, landing("one", {DAY1: 1}, rejects=[reject("x", None)]))
    assert ask(warehouse, "select run_id, race_date from ops.ingestion_runs") == [("land-one", None)]
    assert account(None)["race_date"] is None
    with pytest.raises(psycopg.errors.UniqueViolation):
        tell(warehouse, "insert into ops.ingestion_runs select * from ops.ingestion_runs")
