"""What must hold whatever is landed and built, in any order, twice or at once; killing is in `test_sigkill.py`."""

import json
import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Event

import polars as pl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import SettingsError
from race_assets.pipeline import land
from race_assets.pipeline.build import build
from race_assets.pipeline.judge import VALIDATED
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.beside import KINDS
from race_assets.schemas.catalogue import CORE
from race_assets.settings import Settings
from race_assets.storage.lake import ACCOUNT
from race_assets.validation.account import Account
from race_assets_tests.conftest import SAMPLES
from race_assets_tests.pipeline.feed import (
    BSP,
    CSV,
    DAY1,
    DAY2,
    DAY3,
    State,
    ask,
    bsp_name,
    bsp_row,
    build_days,
    build_stale,
    csv_race,
    csv_row,
    drop,
    hold_publishing,
    land_samples,
    release_publishing,
    stored,
    tables,
    tell,
    waiting_for_lock,
    wipe,
)
from race_assets_tests.waiting import wait_until

MakeSettings = Callable[..., Settings]
REWRITES, POLLS = 20, 1000
BESIDE = {kind.core.name for kind in KINDS}


def dogs(workshop: Workshop, day: date) -> list[tuple[str, float]]:
    """Each runner of the day with its price."""
    return ask(workshop, "select dog_name, price from core.selections where race_date = %s order by 1", day)


def duplicates(workshop: Workshop, day: date) -> dict[str, int]:
    """What the latest account of the CSV source says of the day's duplicates."""
    query = """select duplicates from ops.ingestion_runs where race_date = %s and source = %s
               order by finished_at desc limit 1"""
    ((counts,),) = ask(workshop, query, day, CSV)
    return counts


# Twice


def test_landing_and_building_the_same_files_twice_writes_no_data_row(workshop: Workshop) -> None:
    files = sorted(SAMPLES.glob("*/*2024*.csv"))
    assert {landed.state for landed in land_samples(workshop, files)} == {"landed"}
    first = build_stale(workshop, "first")
    before, lying = tables(workshop), stored(workshop)
    assert {table for table, rows in before.items() if not rows} == BESIDE

    assert {landed.state for landed in land_samples(workshop, files)} == {"known"}
    second = build_days(workshop, sorted(first.published), "second")

    assert sorted(second.unchanged) == sorted(first.published)
    assert not second.published
    assert not second.failed
    assert tables(workshop) == before
    assert stored(workshop) == lying


def test_building_a_fresh_day_again_on_request_gives_the_same_rows(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="0.5"))
    build_stale(workshop)
    before, lying = tables(workshop), stored(workshop)

    built = build_days(workshop, [DAY1], refresh=True)

    assert list(built.published) == [DAY1]
    assert tables(workshop) == before
    assert stored(workshop)["core.selections"] != lying["core.selections"]


# In any order

A_OLD = csv_race(DAY1) + csv_race(DAY2) + csv_row(DAY1, "5. Echo", selection=5, price="0.5")
A_NEW = csv_race(DAY1, price="5.0") + csv_row(DAY1, "6. Foxtrot", selection=6, price="2000")
# The same market as A: one row knows less, two know as much and differ, one dog is new, one row has no day.
B = (
    csv_row(DAY1, "1. Alpha", selection=1, price="", volume="")
    + csv_row(DAY1, "2. Beta", selection=2, price="7.0")
    + csv_row(DAY1, "3. Gamma", selection=3, price="8.0")
    + csv_row(DAY1, "4. Delta", selection=4)
    + csv_row(DAY1, "1. Nowhere", selection=9, track="Atlantis")
)
WIN = "".join(
    bsp_row(DAY1, f"{trap}. {dog}", selection=trap, won=trap == 2) for trap, dog in [(1, "Alpha"), (2, "Beta")]
)
WIN_AGAIN = bsp_row(DAY1, "1. Alpha", selection=1, bsp="6.5") + bsp_row(DAY1, "2. Beta", selection=2, won=1, volume="")
INBOX = {
    "a.csv": (CSV, [A_OLD, A_NEW]),
    "b.csv": (CSV, [B]),
    bsp_name(DAY1): (BSP, [WIN]),
    f"again-{bsp_name(DAY1)}": (BSP, [WIN_AGAIN]),
}
ORDER = [name for name, (_, versions) in INBOX.items() for _ in versions]


LandedIn = Callable[[list[str], set[int]], State]


@pytest.fixture
def landed_in(make_settings: MakeSettings, tmp_path_factory: pytest.TempPathFactory) -> LandedIn:
    """Lands the inbox in an order into what is empty, building after some; gives the tables."""

    def landed_in(sequence: list[str], pauses: set[int]) -> State:
        workshop = Workshop(make_settings(home=tmp_path_factory.mktemp("home")))
        wipe(workshop)
        versions = {name: iter(texts) for name, (_, texts) in INBOX.items()}
        for position, name in enumerate(sequence):
            assert drop(workshop, name, next(versions[name]), INBOX[name][0]).state == "landed"
            if position in pauses:
                build_stale(workshop)
        build_stale(workshop)
        # A day built in between leaves rejects behind that pass now; without that, all of them must be alike.
        return tables(workshop, "state = 'open'" if pauses else "true")

    return landed_in


@pytest.fixture
def in_order(landed_in: LandedIn) -> State:
    """What all files give in the order they are told in."""
    found = landed_in(ORDER, set())
    assert len(found["core.selections"]) == 4 + 3
    return found


@settings(max_examples=5)
@given(order=st.permutations(ORDER), build_after=st.sets(st.integers(0, len(ORDER) - 2)))
def test_files_landed_in_any_order_give_the_same_tables(
    order: list[str], build_after: set[int], in_order: State, landed_in: LandedIn
) -> None:
    wanted = dict(in_order)
    if build_after:
        wanted["quarantine.rejects"] = [row for row in wanted["quarantine.rejects"] if "open" in row]
    assert landed_in(order, build_after) == wanted


# Versions and withdrawal


def test_a_newer_version_replaces_the_days_both_hold_and_leaves_the_others(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    build_stale(workshop)
    lying = stored(workshop, DAY1)

    landed = drop(workshop, "a.csv", csv_race(DAY2, price="4.0", dogs="Alpha Zulu"))
    built = build_stale(workshop)

    assert landed.version == 2
    assert list(built.published) == [DAY2]
    assert stored(workshop, DAY1) == lying
    assert dogs(workshop, DAY2) == [("Alpha", 4.0), ("Zulu", 4.0)]
    assert duplicates(workshop, DAY2) == {"superseded": 3}


def test_a_day_built_for_the_first_time_has_no_record_of_an_older_version(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1, dogs="Alpha Beta"))
    drop(workshop, "a.csv", csv_race(DAY1, dogs="Alpha Gamma"))
    drop(workshop, "b.csv", csv_race(DAY1, dogs="Alpha", price="9.0"))
    build_stale(workshop)

    assert [name for name, _ in dogs(workshop, DAY1)] == ["Alpha", "Gamma"]
    assert duplicates(workshop, DAY1) == {"between_files": 1, "superseded": 2}


def test_withdrawing_a_version_brings_back_the_one_before(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1))
    build_stale(workshop)
    before = tables(workshop)
    newer = drop(workshop, "a.csv", csv_race(DAY1, price="4.0"))
    build_stale(workshop)

    land.withdraw(workshop, newer.sha256)
    build_stale(workshop)

    assert tables(workshop) == before


def test_withdrawing_the_only_file_of_a_day_leaves_an_empty_day(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1))
    only = drop(workshop, "b.csv", csv_race(DAY2) + csv_row(DAY2, "4. Delta", selection=4, price="0.5"))
    build_stale(workshop)

    land.withdraw(workshop, only.sha256[:8])
    built = build_stale(workshop)

    assert built.published == {DAY2: dict.fromkeys(CORE, 0)}
    assert dogs(workshop, DAY2) == []
    assert len(dogs(workshop, DAY1)) == 3
    assert ask(workshop, "select state from quarantine.rejects") == [("replayed",)]
    assert build_days(workshop, [DAY2]).unchanged == [DAY2]


def test_a_withdrawn_file_counts_again_when_it_is_landed_again(workshop: Workshop) -> None:
    text = csv_race(DAY1)
    first = drop(workshop, "a.csv", text)
    build_stale(workshop)
    before = tables(workshop)
    land.withdraw(workshop, first.sha256)
    build_stale(workshop)

    again = drop(workshop, "a.csv", text)
    build_stale(workshop)

    assert again.state == "landed"
    assert tables(workshop) == before


def test_a_withdrawn_file_may_come_back_under_another_name(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1))
    mistaken = drop(workshop, "a.csv", csv_race(DAY1, price="9.0", track="Hove"))
    land.withdraw(workshop, mistaken.sha256)

    again = drop(workshop, "b.csv", csv_race(DAY1, price="9.0", track="Hove"))
    build_stale(workshop)

    assert (again.state, again.version) == ("landed", 1)
    assert ask(workshop, "select name, version from ops.source_files order by 1") == [("a.csv", 1), ("b.csv", 1)]
    assert ask(workshop, "select track from core.races order by 1") == [("Hove",), ("Romford",)]


def test_rows_without_a_day_are_no_longer_open_once_their_file_is_withdrawn(workshop: Workshop) -> None:
    text = csv_race(DAY1) + csv_row(DAY1, "1. Nowhere", selection=9, track="Atlantis")
    file = drop(workshop, "a.csv", text)
    assert ask(workshop, "select stage, state from quarantine.rejects") == [("land", "open")]

    land.withdraw(workshop, file.sha256)
    assert ask(workshop, "select stage, state from quarantine.rejects") == [("land", "replayed")]

    drop(workshop, "a.csv", text)
    assert ask(workshop, "select stage, state from quarantine.rejects") == [("land", "open")]


# Inputs that move on


def test_a_day_whose_inputs_move_on_before_it_is_published_is_built_again(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    with workshop.warehouse.connect() as holder, ThreadPoolExecutor(1) as pool:
        hold_publishing(holder)
        try:
            building = pool.submit(build_days, workshop, [DAY1, DAY2])
            wait_until(lambda: len(waiting_for_lock(holder)) == 1)
            drop(workshop, "b.csv", csv_race(DAY1, dogs="Alpha Beta Gamma Delta"))
        finally:
            release_publishing(holder)
        built = building.result()

    assert not built.failed
    assert sorted(built.published) == [DAY1, DAY2]
    assert [name for name, _ in dogs(workshop, DAY1)] == ["Alpha", "Beta", "Delta", "Gamma"]
    assert workshop.ledger.stale_days() == []
    assert ask(workshop, "select race_date, count(*) from ops.publications group by 1 order by 1") == [
        (DAY1, 1),
        (DAY2, 1),
    ]


def test_of_two_builds_at_once_the_newer_file_is_in_the_day(make_settings: MakeSettings) -> None:
    older, newer = Workshop(make_settings()), Workshop(make_settings())
    drop(older, "a.csv", csv_race(DAY1))
    with older.warehouse.connect() as holder, ThreadPoolExecutor(2) as pool:
        hold_publishing(holder)
        try:
            slow = pool.submit(build_days, older, [DAY1], "older")
            wait_until(lambda: len(waiting_for_lock(holder)) == 1)
            drop(newer, "a.csv", csv_race(DAY1, price="4.0"))
            quick = pool.submit(build_days, newer, [DAY1], "newer")
            wait_until(lambda: len(waiting_for_lock(holder)) == 2)
        finally:
            release_publishing(holder)
        builds = [slow.result(), quick.result()]

    assert [built.failed for built in builds] == [{}, {}]
    assert dogs(older, DAY1) == [("Alpha", 4.0), ("Beta", 4.0), ("Gamma", 4.0)]
    assert older.ledger.stale_days() == []


def test_a_file_landed_while_earlier_chunks_are_built_is_in_its_day_at_the_end(make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings(chunk_rows=1))
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2) + csv_race(DAY3))

    parts = build(workshop, [DAY1, DAY2, DAY3], "run")
    first = next(parts)
    drop(workshop, "b.csv", csv_race(DAY3, dogs="Alpha Beta Gamma Delta"))
    rest = list(parts)

    assert list(first.published) == [DAY1]
    assert [part.failed for part in rest] == [{}, {}]
    assert [name for name, _ in dogs(workshop, DAY3)] == ["Alpha", "Beta", "Delta", "Gamma"]
    assert workshop.ledger.stale_days() == []


def test_a_build_killed_between_its_two_files_of_a_day_does_not_bar_the_day(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="0.5"))
    build_stale(workshop)
    before = tables(workshop)
    # The rejects of a newer state were written, its records were not, and then that state's file was withdrawn.
    rejects = workshop.lake.day_path("validated/rejects", DAY1)
    workshop.lake.write_day("validated/rejects", DAY1, pl.read_parquet(rejects).clear(), "of another state")

    built = build_days(workshop, [DAY1], refresh=True)

    assert not built.failed
    assert list(built.published) == [DAY1]
    assert tables(workshop) == before


# Conservation, and days that fail


def test_the_samples_come_to_what_their_generator_booked(workshop: Workshop) -> None:
    booked = json.loads((SAMPLES / "expected.json").read_text())
    land_samples(workshop, sorted(SAMPLES.glob("*/*.csv")))
    built = build_stale(workshop)

    assert {
        (source, str(day)): (a.records_in, a.accepted, a.rejected_by, a.duplicates, a.filtered)
        for (source, day), a in built.accounts.items()
    } == {
        (each["source"], each["race_date"]): tuple(
            each[name] for name in ("records_in", "accepted", "quarantined", "duplicates", "filtered")
        )
        for each in booked["days"]
        if each["race_date"]
    }
    published = {str(day): (rows["core.races"], rows["core.selections"]) for day, rows in built.published.items()}
    assert published == {each["race_date"]: (each["races"], each["selections"]) for each in booked["core"]}


def test_a_day_that_does_not_balance_is_named_and_keeps_its_rows_while_others_are_published(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    build_stale(workshop, "first")
    lying = {day: stored(workshop, day) for day in (DAY1, DAY2)}
    told = workshop.lake.metadata(VALIDATED, DAY1)
    records = pl.read_parquet(workshop.lake.day_path(VALIDATED, DAY1))
    fingerprint = workshop.lake.fingerprint(VALIDATED, DAY1)
    assert fingerprint
    workshop.lake.write_day(VALIDATED, DAY1, records.head(2), fingerprint, {ACCOUNT: told[ACCOUNT]})

    built = build_days(workshop, [DAY1, DAY2], "second", refresh=True)

    assert list(built.failed) == [DAY1]
    message = built.failed[DAY1]
    for part in (CSV, "2024-06-26", "3 records came in, 2 are accounted for (2 accepted, 0 quarantined, 0 duplicates"):
        assert part in message
    assert list(built.published) == [DAY2]
    assert stored(workshop, DAY1) == lying[DAY1]
    assert stored(workshop, DAY2)["core.races"] != lying[DAY2]["core.races"]
    assert ask(workshop, "select run_id from ops.built_days order by race_date") == [("first",), ("second",)]


def test_a_day_that_postgres_refuses_does_not_take_its_chunk_down(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2) + csv_race(DAY3))
    tell(workshop, f"alter table core.prices add constraint not_that_day check (race_date <> '{DAY2}')")

    built = build_days(workshop, [DAY1, DAY2, DAY3])

    assert sorted(built.published) == [DAY1, DAY3]
    assert list(built.failed) == [DAY2]
    assert "not_that_day" in built.failed[DAY2]
    assert [len(dogs(workshop, day)) for day in (DAY1, DAY2, DAY3)] == [3, 0, 3]
    assert [day for day, _ in workshop.ledger.stale_days()] == [DAY2]

    tell(workshop, "alter table core.prices drop constraint not_that_day")
    build_stale(workshop)
    assert len(dogs(workshop, DAY2)) == 3


def test_a_race_that_breaks_a_rule_is_quarantined_and_its_day_is_published(workshop: Workshop) -> None:
    shared = csv_row(DAY1, "1. Alpha", selection=1) + csv_row(DAY1, "1. Beta", selection=2)
    drop(workshop, "a.csv", shared + csv_race(DAY1, track="Hove") + csv_race(DAY2))

    built = build_stale(workshop)

    assert built.findings_by_rule()["trap_once"] == 1
    account = built.accounts[CSV, DAY1]
    assert (account.records_in, account.accepted, account.quarantined) == (5, 3, 2)
    assert account.rejected_by == {"trap_once": 2}
    assert ask(workshop, "select track from core.races where race_date = %s", DAY1) == [("Hove",)]
    rejects = ask(workshop, """select stage, source_row, rules, "row" ->> 'text' from quarantine.rejects order by 2""")
    assert [(stage, row, rules) for stage, row, rules, _ in rejects] == [
        ("race", 2, ["trap_once"]),
        ("race", 3, ["trap_once"]),
    ]
    assert [text for *_, text in rejects] == shared.splitlines()


def test_a_runner_without_trap_whose_name_has_no_letter_is_quarantined_alone(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "???", selection=7))

    built = build_stale(workshop)

    assert built.accounts[CSV, DAY1].rejected_by == {"selection_name": 1}
    assert len(dogs(workshop, DAY1)) == 3


@pytest.mark.parametrize("severity", ["warn", "off"])
@pytest.mark.parametrize("rule", ["price_range", "selection_name", "volume", "trap", "number", "trap_once"])
def test_a_rule_that_is_switched_down_takes_no_day_down(make_settings: MakeSettings, rule: str, severity: str) -> None:
    workshop = Workshop(make_settings(rules={rule: {"severity": severity}}))
    awful = [
        csv_row(DAY2, "2. Beta", selection=2, price="0"),
        csv_row(DAY2, "???", selection=3),
        csv_row(DAY2, "", selection=4),
        csv_row(DAY2, "5. Echo", selection=5, volume="-1"),
        csv_row(DAY2, "99. Foxtrot", selection=6),
        csv_row(DAY2, "0. Golf", selection=7, price="two", volume="many"),
        csv_row(DAY2, "1. Hotel", selection=8, track="Hove"),
        csv_row(DAY2, "1. India", selection=9, track="Hove"),
    ]
    drop(workshop, "a.csv", csv_row(DAY2, "1. Alpha", selection=1) + "".join(awful))

    build_stale(workshop)

    assert ("Alpha", 3.0) in dogs(workshop, DAY2)


# Rejects


def test_a_reject_is_open_while_it_fails_replayed_once_it_passes_and_keeps_its_first_time(
    make_settings: MakeSettings,
) -> None:
    def open_workshop(**rules: object) -> Workshop:
        return Workshop(make_settings(rules=rules))

    def rejects(workshop: Workshop) -> list[tuple[object, ...]]:
        query = "select state, state_reason is null, run_id, rejected_at from quarantine.rejects order by source_row"
        return ask(workshop, query)

    strict = open_workshop()
    drop(strict, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="1.005"))
    build_stale(strict, "one")
    ((state, has_no_reason, run_id, first_refused),) = rejects(strict)
    assert (state, has_no_reason, run_id) == ("open", True, "one")

    build_days(strict, [DAY1], "two", refresh=True)
    assert [(row[0], row[3]) for row in rejects(strict)] == [("open", first_refused)]

    build_stale(loose := open_workshop(price_range={"min": 1.001}), "three")
    assert [(row[0], row[1], row[3]) for row in rejects(loose)] == [("replayed", False, first_refused)]
    assert len(dogs(loose, DAY1)) == 4

    build_stale(strict := open_workshop(), "four")
    assert rejects(strict) == [("open", True, "four", first_refused)]


def test_a_discarded_reject_stays_discarded_whether_it_fails_or_passes(make_settings: MakeSettings) -> None:
    strict = Workshop(make_settings())
    drop(strict, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="1.005"))
    build_stale(strict)
    tell(strict, "update quarantine.rejects set state = 'discarded', state_reason = 'known typing error'")
    discarded = [("discarded", "known typing error")]
    query = "select state, state_reason from quarantine.rejects"

    build_days(strict, [DAY1], refresh=True)
    assert ask(strict, query) == discarded
    build_stale(loose := Workshop(make_settings(rules={"price_range": {"min": 1.001}})))
    assert ask(loose, query) == discarded
    build_stale(Workshop(make_settings(rules={"price_range": {"min": 1.002}})))
    build_stale(strict := Workshop(make_settings()))
    assert ask(strict, query) == discarded


def test_a_reject_of_a_replaced_version_is_not_open_any_more(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="0.5"))
    build_stale(workshop)
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="5.0"))
    build_stale(workshop)

    assert ask(workshop, "select state from quarantine.rejects") == [("replayed",)]


# Configurations


def test_another_configuration_makes_days_stale_and_the_old_one_refuses_to_go_on(make_settings: MakeSettings) -> None:
    old = Workshop(make_settings())
    drop(old, "a.csv", csv_race(DAY1))
    build_stale(old)

    new = Workshop(make_settings(rules={"trap": {"severity": "warn"}}))
    assert [day for day, _ in new.ledger.stale_days()] == [DAY1]
    with pytest.raises(SettingsError, match="another process put other settings, rules or tracks in force"):
        build_days(old, [DAY1], refresh=True)

    assert list(build_stale(new).published) == [DAY1]


def test_a_configuration_that_changes_while_a_day_waits_to_be_published_stops_the_old_build(
    make_settings: MakeSettings,
) -> None:
    old = Workshop(make_settings())
    drop(old, "a.csv", csv_race(DAY1))
    with old.warehouse.connect() as holder, ThreadPoolExecutor(1) as pool:
        hold_publishing(holder)
        try:
            building = pool.submit(build_days, old, [DAY1])
            wait_until(lambda: len(waiting_for_lock(holder)) == 1)
            new = Workshop(make_settings(rules={"trap": {"severity": "warn"}}))
            assert [day for day, _ in new.ledger.stale_days()] == [DAY1]
        finally:
            release_publishing(holder)
        with pytest.raises(SettingsError):
            building.result()

    assert dogs(new, DAY1) == []


# Nothing, little, much


def test_no_days_make_no_work(workshop: Workshop) -> None:
    assert list(build(workshop, [], "run")) == []


def test_a_day_nothing_tells_of_is_published_empty_once(workshop: Workshop) -> None:
    empty = dict.fromkeys(CORE, 0)
    assert build_days(workshop, [DAY1]).published == {DAY1: empty}
    again = build_days(workshop, [DAY1])
    assert (again.published, again.unchanged) == ({}, [DAY1])
    assert ask(workshop, "select race_date, fingerprint from ops.built_days") == [(DAY1, "empty")]


counts = st.integers(0, 10**9)
tallies = st.dictionaries(st.text(max_size=5), counts, max_size=3)


@settings(max_examples=50)
@given(st.builds(Account, counts, counts, counts, tallies, tallies, tallies, tallies))
def test_an_account_survives_its_trip_through_json(account: Account) -> None:
    assert Account.from_json(account.to_json()) == account


def test_chunks_of_one_day_give_the_same_tables_as_one_big_chunk(make_settings: MakeSettings) -> None:
    big, small = Workshop(make_settings()), Workshop(make_settings(chunk_rows=1))
    land_samples(big, sorted(SAMPLES.glob("*/*2024*.csv")))
    days = sorted(build_stale(big).published)
    wanted = tables(big)
    for folder in ("raw", "validated"):
        shutil.rmtree(big.settings.home / "lake" / folder)

    parts = list(build(small, days, "small", refresh=True))

    assert [list(part.published) for part in parts] == [[day] for day in days]
    assert tables(small) == wanted


# Readers


def test_a_reader_sees_only_whole_days_while_a_day_is_rewritten(make_settings: MakeSettings, database: str) -> None:
    workshop = Workshop(make_settings())
    land_samples(
        workshop, [file for file in SAMPLES.glob("*/*.csv") if "28062024" in file.name or "06-27" in file.name]
    )
    build_stale(workshop)
    whole = """
        select (select count(*) from core.races where race_date = %(day)s),
               (select count(*) from core.selections where race_date = %(day)s),
               (select count(*) from core.prices where race_date = %(day)s),
               (select sum(price)::numeric(20, 6) from core.prices where race_date = %(day)s),
               (select count(distinct processed_at) from (
                    select processed_at from core.races where race_date = %(day)s
                    union all select processed_at from core.selections where race_date = %(day)s) as stamps),
               (select count(*) from core.selections join core.races using (race_date, race_id)
                    where race_date = %(day)s)"""
    done, enough = Event(), Event()

    def watch() -> tuple[int, set[tuple[object, ...]]]:
        seen, polls = set(), 0
        with psycopg.connect(database, autocommit=True) as connection:
            while not done.is_set():
                seen |= set(connection.execute(whole, {"day": DAY2}).fetchall())
                polls += 1
                if polls == POLLS:
                    enough.set()
        return polls, seen

    rewrites = 0
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            while (rewrites < REWRITES or not enough.is_set()) and not watching.done():
                assert list(build_days(workshop, [DAY2], f"rewrite {rewrites}", refresh=True).published) == [DAY2]
                rewrites += 1
        finally:
            done.set()
        polls, seen = watching.result()

    assert rewrites >= REWRITES
    assert polls >= POLLS
    ((races, selections, prices, total, builds, joined),) = seen
    assert min(races, selections, prices) > 0
    assert math.isfinite(total)
    assert builds == 1
    assert joined == selections
    assert ask(workshop, "select count(*) from ops.publications where race_date = %s", DAY2) == [(rewrites + 1,)]
