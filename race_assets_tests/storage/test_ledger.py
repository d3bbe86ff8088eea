"""What the ledger holds to be wanted, built and stale: every input counts, the order in which it came does not."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import SettingsError
from race_assets.storage import publish
from race_assets.storage.configuration import Configuration
from race_assets.storage.ledger import EMPTY, Ledger
from race_assets.storage.postgres import Warehouse
from race_assets_tests.storage.frames import DAY1, DAY2, DAY3, NOW, SOURCE, ask, day_frames, empty_days, landing, tell

OTHER = "betfair_bsp"
CONFIGURATION = Configuration("settings")


@pytest.fixture
def ledger(database: str) -> Ledger:
    """A ledger with a configuration and no file."""
    made = Ledger(Warehouse(database))
    made.configure(CONFIGURATION, [SOURCE, OTHER])
    return made


def enter(ledger: Ledger, sha256: str, days: dict[object, int] | None = None, **changes: object) -> int:
    return publish.enter(ledger.warehouse, landing(sha256, days or {DAY1: 2}, **changes))  # type: ignore[arg-type]


def fingerprint(ledger: Ledger, configuration: Configuration = CONFIGURATION) -> str:
    return ledger.wanted([DAY1], configuration)[DAY1].fingerprint


def publish_wanted(ledger: Ledger, *days: object) -> None:
    wanted = ledger.wanted(days, CONFIGURATION)  # type: ignore[arg-type]
    frames = day_frames({day: each.fingerprint for day, each in wanted.items()})
    assert publish.publish(ledger.warehouse, frames) == set()


# Wanted


def test_a_day_nothing_tells_of_is_wanted_empty(ledger: Ledger) -> None:
    day = ledger.wanted([DAY1], CONFIGURATION)[DAY1]
    assert (day.fingerprint, day.inputs, day.records_of, day.bytes_of, day.built) == (EMPTY, {}, {}, {}, None)
    assert day.records == 0
    assert day.is_stale


def test_a_wanted_day_adds_up_records_and_bytes_of_each_source(ledger: Ledger) -> None:
    enter(ledger, "one", {DAY1: 3, DAY2: 1}, bytes=400)
    enter(ledger, "two", {DAY1: 5}, bytes=70)
    enter(ledger, "three", {DAY1: 7}, source=OTHER, bytes=9)
    day = ledger.wanted([DAY1], CONFIGURATION)[DAY1]
    assert day.records_of == {SOURCE: 8, OTHER: 7}
    assert day.bytes_of == {SOURCE: 370, OTHER: 9}
    assert day.records == 15
    assert sorted(day.inputs) == sorted([SOURCE, OTHER])
    assert ledger.wanted([DAY2], CONFIGURATION)[DAY2].records_of == {SOURCE: 1}


def test_the_fingerprint_changes_with_every_input_and_comes_back_with_it(ledger: Ledger) -> None:
    seen = [fingerprint(ledger)]

    def is_new() -> bool:
        seen.append(fingerprint(ledger))
        return seen[-1] not in seen[:-1]

    enter(ledger, "one", name="a.csv")
    assert is_new()
    enter(ledger, "two", name="b.csv")
    assert is_new()
    enter(ledger, "three", name="a.csv")
    assert is_new()
    enter(ledger, "four", source=OTHER)
    assert is_new()
    enter(ledger, "one", name="a.csv", parser_version=2)
    assert is_new()
    enter(ledger, "two", {DAY1: 3}, name="b.csv")
    assert is_new()
    before = seen[-1]
    enter(ledger, "five", {DAY1: 1})
    assert is_new()
    ledger.withdraw(SOURCE, "five")
    assert fingerprint(ledger) == before
    ledger.configure(Configuration("other settings"), [SOURCE, OTHER])
    seen.append(fingerprint(ledger, Configuration("other settings")))
    assert seen[-1] not in seen[:-1]
    ledger.configure(CONFIGURATION, [SOURCE])
    assert is_new()
    ledger.configure(CONFIGURATION, [OTHER, SOURCE])
    assert fingerprint(ledger) == before


def test_the_name_of_a_file_is_an_input(ledger: Ledger) -> None:
    enter(ledger, "one", name="a.csv")
    under_a = fingerprint(ledger)
    ledger.withdraw(SOURCE, "one")
    tell(ledger.warehouse, "delete from ops.source_files")
    enter(ledger, "one", name="b.csv")
    assert fingerprint(ledger) != under_a


@pytest.mark.parametrize("change", [{"state": "unreadable"}, {"state": "no_data"}, {"state": "blocked_page"}])
def test_a_file_that_could_not_be_read_is_no_input(ledger: Ledger, change: dict[str, object]) -> None:
    enter(ledger, "one", **change)
    assert fingerprint(ledger) == EMPTY


def test_a_file_of_other_days_and_when_it_came_are_no_input(ledger: Ledger) -> None:
    enter(ledger, "one")
    before = fingerprint(ledger)
    enter(ledger, "two", {DAY2: 1})
    enter(ledger, "one", landed_at=NOW + timedelta(1))
    assert fingerprint(ledger) == before


@settings(max_examples=4)
@given(order=st.permutations(["one", "two", "three", "four"]))
def test_the_order_in_which_files_came_is_no_input(order: list[str], ledger: Ledger) -> None:
    def wanted(sequence: list[str]) -> str:
        tell(ledger.warehouse, "truncate ops.source_files")
        for sha256 in sequence:
            enter(ledger, sha256, source=OTHER if sha256 == "four" else SOURCE)
        return fingerprint(ledger)

    assert wanted(order) == wanted(["one", "two", "three", "four"])


# Stale


def test_days_are_stale_until_they_are_published_as_wanted(ledger: Ledger) -> None:
    enter(ledger, "one", {DAY1: 1, DAY2: 1})
    assert [day for day, _ in ledger.stale_days()] == [DAY1, DAY2]
    publish_wanted(ledger, DAY1)
    assert [day for day, _ in ledger.stale_days()] == [DAY2]
    assert not ledger.wanted([DAY1], CONFIGURATION)[DAY1].is_stale
    enter(ledger, "two", {DAY1: 1, DAY3: 1})
    assert ledger.stale_days() == [
        (day, ledger.wanted([day], CONFIGURATION)[day].fingerprint) for day in (DAY1, DAY2, DAY3)
    ]


def test_a_published_day_whose_last_file_is_withdrawn_is_stale_until_it_is_published_empty(ledger: Ledger) -> None:
    enter(ledger, "one")
    publish_wanted(ledger, DAY1)
    assert ledger.stale_days() == []
    ledger.withdraw(SOURCE, "one")
    assert ledger.stale_days() == [(DAY1, EMPTY)]
    publish.publish(ledger.warehouse, empty_days(DAY1))
    assert ledger.stale_days() == []


def test_switching_a_source_off_makes_its_days_stale(ledger: Ledger) -> None:
    enter(ledger, "one")
    publish_wanted(ledger, DAY1)
    ledger.configure(CONFIGURATION, [OTHER])
    assert ledger.stale_days() == [(DAY1, EMPTY)]


def test_attempts_count_per_fingerprint_and_end_with_the_publishing(ledger: Ledger) -> None:
    enter(ledger, "one")
    assert spent(ledger) == {}
    ledger.count_attempts(ledger.stale_days())
    ledger.count_attempts(ledger.stale_days())
    assert spent(ledger) == {DAY1: (fingerprint(ledger), 2, "")}
    ledger.give_up({DAY1: "it cannot be built"})
    assert spent(ledger) == {DAY1: (fingerprint(ledger), 2, "it cannot be built")}
    enter(ledger, "two")
    ledger.count_attempts(ledger.stale_days())
    assert spent(ledger) == {DAY1: (fingerprint(ledger), 1, "")}
    publish_wanted(ledger, DAY1)
    assert ledger.spent_attempts() == {}


def spent(ledger: Ledger) -> dict[date, tuple[str, int, str]]:
    told = ledger.spent_attempts()
    assert all(each.age_s >= 0 for each in told.values())
    return {day: (each.fingerprint, each.count, each.failure) for day, each in told.items()}


def test_a_day_that_is_given_up_before_any_run_was_asked_for_is_noted_and_one_that_is_built_is_not(
    ledger: Ledger,
) -> None:
    enter(ledger, "one")
    ledger.give_up({DAY1: "it cannot be built", DAY2: "nothing is known of it"})
    assert spent(ledger) == {DAY1: (fingerprint(ledger), 0, "it cannot be built")}


# Configuration


def test_a_configuration_is_written_when_it_changes_and_only_then(ledger: Ledger) -> None:
    query = "select xmin::text, fingerprint, enabled_sources from ops.configuration"
    before = ask(ledger.warehouse, query)
    ledger.configure(CONFIGURATION, [SOURCE, OTHER])
    assert ask(ledger.warehouse, query) == before
    ledger.configure(Configuration("other"), [SOURCE])
    ((_, *now),) = ask(ledger.warehouse, query)
    assert now == ["other", [SOURCE]]


def test_the_rules_of_a_source_count_for_its_own_days_and_no_others(ledger: Ledger) -> None:
    enter(ledger, "one", {DAY1: 1})
    enter(ledger, "two", {DAY2: 1}, source=OTHER)
    publish_wanted(ledger, DAY1, DAY2)
    ruled = Configuration("settings", {SOURCE: "its rules"})
    ledger.configure(ruled, [SOURCE, OTHER])
    assert [day for day, _ in ledger.stale_days()] == [DAY1]
    with pytest.raises(SettingsError, match="another process put other settings"):
        ledger.wanted([DAY1], CONFIGURATION)
    assert ledger.wanted([DAY1], ruled)[DAY1].is_stale
    # The files are the same: what was cut from them is not made again.
    assert ledger.wanted([DAY1], ruled)[DAY1].inputs.keys() == {SOURCE}
    ledger.configure(CONFIGURATION, [SOURCE, OTHER])
    assert ledger.stale_days() == []


def test_whoever_works_by_another_configuration_is_told(ledger: Ledger, database: str) -> None:
    ledger.configure(Configuration("other"), [SOURCE])
    with pytest.raises(SettingsError, match="another process put other settings, rules or tracks in force at 20"):
        ledger.wanted([DAY1], CONFIGURATION)
    tell(ledger.warehouse, "delete from ops.configuration")
    with pytest.raises(SettingsError):
        Ledger(Warehouse(database)).wanted([DAY1], CONFIGURATION)


# Files


def test_files_are_found_by_hash_prefix_source_and_day(ledger: Ledger) -> None:
    enter(ledger, "abd", {DAY2: 4}, source=OTHER, landed_at=NOW + timedelta(1))
    enter(ledger, "abc", {DAY1: 1})
    assert [file.sha256 for file in ledger.matching("ab")] == ["abc", "abd"]
    assert [file.sha256 for file in ledger.matching("ab", OTHER)] == ["abd"]
    assert ledger.matching("c") == []
    found = ledger.file(OTHER, "abd")
    assert found
    assert (found.dates, found.version, found.withdrawn_at) == ({DAY2: 4}, 1, None)
    assert ledger.file(SOURCE, "abd") is None
    assert [file.sha256 for file in ledger.files()] == ["abc", "abd"]
    assert [file.sha256 for file in ledger.live_files(SOURCE, [DAY1, DAY3])] == ["abc"]
    assert ledger.live_files(SOURCE, [DAY2]) == []
    ledger.withdraw(SOURCE, "abc")
    assert ledger.live_files(SOURCE, [DAY1]) == []


def test_files_read_by_another_parser_or_dated_by_another_registry_are_outdated(ledger: Ledger) -> None:
    enter(ledger, "dated", {DAY1: 1})
    enter(ledger, "undated", {DAY1: 1}, undated=1)
    enter(ledger, "withdrawn", {DAY1: 1}, undated=1)
    ledger.withdraw(SOURCE, "withdrawn")

    def outdated(version: int, registry: str) -> list[str]:
        return [file.sha256 for file in ledger.outdated_files(SOURCE, version, registry, DAY1)]

    assert outdated(1, "registry") == []
    assert outdated(1, "another") == ["undated"]
    assert sorted(outdated(2, "registry")) == ["dated", "undated"]
    assert [file.sha256 for file in ledger.undated_files(SOURCE)] == ["undated"]


def test_a_file_is_outdated_once_the_first_day_it_could_not_have_is_near_enough(ledger: Ledger) -> None:
    enter(ledger, "ahead", {DAY1: 1}, undated=1, first_day_ahead=DAY3, dated_by="registry")
    for last, found in ((DAY2, []), (DAY3, ["ahead"])):
        assert [file.sha256 for file in ledger.outdated_files(SOURCE, 1, "registry", last)] == found


def test_a_file_that_cannot_be_read_is_reported_until_a_newer_version_or_its_withdrawal(ledger: Ledger) -> None:
    for sha256, state in [("one", "unreadable"), ("two", "blocked_page"), ("three", "no_data")]:
        enter(ledger, sha256, {}, state=state)

    def reported(since: float = 0.0) -> list[str]:
        return sorted(file.sha256 for file in ledger.unreadable_files(SOURCE, since))

    assert reported() == ["one", "two"]
    assert reported(NOW.timestamp()) == ["one", "two"]
    assert reported(NOW.timestamp() + 1) == []
    enter(ledger, "newer", name="one.csv")
    assert reported() == ["two"]
    ledger.withdraw(SOURCE, "two")
    assert reported() == []
