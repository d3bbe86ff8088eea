"""The state of each source and day: what is expected, what of it is here, and what a person has to do."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from race_assets.pipeline import fetch, land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.settings.coverage import CoverageSettings
from race_assets.storage.coverage import EVERY, covered, note_alone, tracks
from race_assets_tests.fake_betfair import FakeBetfair, faults, fixtures
from race_assets_tests.fetching import HISTORIC, Clockwork, pointed_at
from race_assets_tests.pipeline.feed import BSP, CSV, bsp_row, build_days, build_stale, csv_race, drop

MakeSettings = Callable[..., Settings]
DAY = date(2024, 6, 3)
EXPECTED = {"coverage": {"sources": {CSV: {"due_days": 1}, "betfair_exchange": None}}}


@pytest.fixture
def workshop(make_settings: MakeSettings) -> Workshop:
    """The CSV feed and the BSP files are expected."""
    return Workshop(make_settings(**EXPECTED))


def bsp_race(day: date) -> str:
    return "".join(
        bsp_row(day, f"{n}. {dog}", selection=n) for n, dog in enumerate(("Alpha", "Beta", "Gamma"), start=1)
    )


def tell(workshop: Workshop, day: date, *, csv: bool = True, bsp: bool = True) -> None:
    """Both sources of the race at Romford, or one of them."""
    if csv:
        drop(workshop, f"csv {day.toordinal()}.csv", csv_race(day))
    if bsp:
        drop(workshop, f"bsp {day.toordinal()}.csv", bsp_race(day), BSP)


def states(workshop: Workshop, first: date = DAY, last: date | None = None, source: str = BSP) -> list[tuple[Any, ...]]:
    found = covered(workshop.ledger.warehouse, first, last or first, source)
    return [(each.race_date.day, each.state, each.is_late) for each in found]


def days_of(workshop: Workshop, source: str = BSP) -> dict[date, str]:
    """Every day on which something is expected of a source, and its state."""
    return {each.race_date: each.state for each in covered(workshop.ledger.warehouse, source=source)}


def test_a_month_that_has_each_state_once_is_classified_right_every_day(make_settings: MakeSettings) -> None:
    today = datetime.now(UTC).date()
    month = [today - timedelta(days=39 - n) for n in range(1, 31)]
    # Old enough to be due, recent enough to be current. The CSV feed is expected of the same meetings.
    sources = {CSV: {"countries": ["GB"]}, BSP: {}, "betfair_historic": None, "betfair_exchange": None}
    workshop = Workshop(make_settings(coverage={"sources": sources, "not_expected": []}))
    for day in month[:22]:
        tell(workshop, day)
    drop(workshop, "second.csv", csv_race(month[22], track="Hove"))
    tell(workshop, month[22])
    for day in month[23:27]:
        tell(workshop, day, bsp=False)
    drop(workshop, "rejected.csv", bsp_race(month[28]).replace(",4.5,", ",x,"), BSP)
    for number in range(4, 10):
        tell(workshop, today - timedelta(days=number))
    tell(workshop, today, bsp=False)
    build_stale(workshop)
    drop(workshop, "late.csv", bsp_race(month[27]), BSP)
    note_alone(workshop.warehouse, BSP, {month[24]: ("blocked", "a page in place of data")})
    note_alone(workshop.warehouse, BSP, {month[25]: ("failed", "did not come")})
    note_alone(workshop.warehouse, EVERY, {month[26]: ("failed", "does not add up")})
    found = {each.race_date: (each.state, each.is_late) for each in covered(workshop.warehouse, source=BSP)}
    assert [found[day] for day in month] == [
        *[("complete", False)] * 22, ("partial", True), ("missing", True), ("blocked", True), ("failed", True),
        ("failed", True), ("waiting", True), ("rejected", True), ("complete", False),
    ]  # fmt: skip
    # Then nothing came from any source, and this one is current; today is not due.
    assert found[today - timedelta(days=3)] == ("missing", True)
    assert found[today] == ("not_yet_published", False)
    reasons = {each.race_date: each.reason for each in covered(workshop.warehouse, source=BSP)}
    assert reasons[month[22]] == "1 of 2 races are missing"
    assert reasons[month[23]] == "none of 1 known races"
    assert (reasons[month[24]], reasons[month[26]]) == ("a page in place of data", "does not add up")


def test_races_that_a_source_lacks_are_counted_and_their_tracks_named(workshop: Workshop) -> None:
    tell(workshop, DAY)
    drop(workshop, "hove.csv", csv_race(DAY, track="Hove"))
    build_stale(workshop)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, BSP)
    assert (found.state, found.races_reported, found.races_known) == ("partial", 1, 2)
    by_track = {each.track: (each.races_reported, each.races_known) for each in tracks(workshop.warehouse, DAY, BSP)}
    assert by_track == {"Hove": (0, 1), "Romford": (1, 1)}


def test_a_source_without_data_and_one_with_rejects_alone_are_not_expected(workshop: Workshop) -> None:
    for number in range(9):
        tell(workshop, DAY + timedelta(days=number), bsp=False)
    build_stale(workshop)
    assert days_of(workshop) == {}
    drop(workshop, "rejected.csv", bsp_race(DAY).replace(",4.5,", ",x,"), BSP)
    build_stale(workshop)
    # Only the day of the rejected rows is shown; no other day is expected because of them.
    assert days_of(workshop) == {DAY: "rejected"}


def test_a_source_is_expected_from_its_first_day_to_its_last(workshop: Workshop) -> None:
    for number in range(9):
        tell(workshop, DAY + timedelta(days=number), bsp=3 <= number <= 5 and number != 4)
    build_stale(workshop)
    first = DAY + timedelta(days=3)
    assert days_of(workshop) == {
        first: "complete", first + timedelta(days=1): "missing", first + timedelta(days=2): "complete"
    }  # fmt: skip


def test_since_and_current_of_the_settings_widen_what_is_expected(make_settings: MakeSettings) -> None:
    today = datetime.now(UTC).date()
    old = today - timedelta(days=50)
    wanted = {"countries": ["GB"], "since": str(old - timedelta(days=2)), "current": True}
    workshop = Workshop(make_settings(coverage={"sources": {CSV: {}, BSP: wanted}, "not_expected": []}))
    for number in range(-3, 3):
        tell(workshop, old + timedelta(days=number), bsp=number == 0)
    build_stale(workshop)
    found = days_of(workshop)
    assert (min(found), max(found)) == (old - timedelta(days=2), today)
    assert [found[old + timedelta(days=n)] for n in range(-2, 3)] == ["missing", "missing", "complete"] + [
        "missing"
    ] * 2
    assert {found[old + timedelta(days=n)] for n in range(3, 50)} == {"no_racing"}


def test_a_long_gap_ends_what_is_expected_and_a_short_one_is_missing(make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings(coverage={"gap_days": 20, "not_expected": []}))
    second, third = DAY + timedelta(days=16), DAY + timedelta(days=56)
    for begin in (DAY, second, third):
        for number in range(7):
            tell(workshop, begin + timedelta(days=number), bsp=False)
    build_stale(workshop)
    found = days_of(workshop, CSV)
    missing = {day for day, state in found.items() if state == "missing"}
    assert missing == {DAY + timedelta(days=number) for number in range(7, 16)}
    assert not [day for day in found if second + timedelta(days=6) < day < third]


def test_a_source_that_runs_on_some_weekdays_misses_nothing_between_them(make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings())
    for week in range(4):
        for weekday in (0, 2, 5):
            tell(workshop, DAY + timedelta(days=7 * week + weekday), bsp=False)
    build_stale(workshop)
    assert set(days_of(workshop, CSV).values()) == {"complete", "no_racing"}


def test_days_that_settings_name_are_not_expected(make_settings: MakeSettings) -> None:
    closed = ["06-10", "2024-06-12", "2024-06-14 to 2024-06-15"]
    workshop = Workshop(make_settings(coverage={"not_expected": closed}))
    without = {10, 11, 12, 14, 15}
    for number in range(3, 25):
        if number not in without:
            tell(workshop, date(2024, 6, number), bsp=False)
    build_stale(workshop)
    found = days_of(workshop, CSV)
    assert {day.day: state for day, state in found.items() if state != "complete"} == {
        10: "no_racing", 11: "missing", 12: "no_racing", 14: "no_racing", 15: "no_racing"
    }  # fmt: skip


def test_meetings_of_other_countries_are_not_expected(make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings(coverage={"sources": {BSP: {"countries": ["IE"]}}}))
    tell(workshop, DAY)
    tell(workshop, DAY + timedelta(days=1), bsp=False)
    tell(workshop, DAY + timedelta(days=2))
    build_stale(workshop)
    assert [each[1] for each in states(workshop, DAY, DAY + timedelta(days=2))] == ["complete", "no_racing", "complete"]


def test_filling_a_day_leaves_the_others_as_they_are(workshop: Workshop) -> None:
    second, third = DAY + timedelta(days=1), DAY + timedelta(days=2)
    tell(workshop, DAY)
    tell(workshop, second, bsp=False)
    tell(workshop, third)
    build_stale(workshop)
    assert [each[1] for each in states(workshop, DAY, third)] == ["complete", "missing", "complete"]
    tell(workshop, DAY - timedelta(days=1))
    build_stale(workshop)
    assert [each[1] for each in states(workshop, DAY, third)] == ["complete", "missing", "complete"]
    tell(workshop, second, csv=False)
    build_stale(workshop)
    assert [each[1] for each in states(workshop, DAY, third)] == ["complete"] * 3


def test_a_page_in_place_of_a_file_blocks_the_day_its_name_states_until_the_file_comes(workshop: Workshop) -> None:
    tell(workshop, DAY, bsp=False)
    build_stale(workshop)
    name = "dwbfgreyhoundwin03062024.csv"
    path = workshop.settings.home / "inbox" / name
    path.write_text("<!DOCTYPE html><html><body>blocked</body></html>")
    (landed,) = land.land(workshop, BSP, [(path, name)])
    assert landed.state == "blocked_page"
    assert states(workshop) == [(3, "blocked", True)]
    land.withdraw(workshop, landed.sha256)
    assert states(workshop) == []
    assert land.land(workshop, BSP, [(path, name)])
    drop(workshop, name, bsp_race(DAY), BSP)
    build_stale(workshop)
    assert states(workshop) == [(3, "complete", False)]


def test_a_day_that_cannot_be_built_has_failed_until_it_is(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(workshop, DAY)
    with monkeypatch.context() as patch:
        patch.setattr("race_assets.storage.publish.publish", lambda *_: 1 / 0)
        assert DAY in build_days(workshop, [DAY]).failed
    assert states(workshop) == [(3, "failed", True)]
    build_stale(workshop)
    assert states(workshop) == [(3, "complete", False)]


def test_a_fetch_that_fails_says_so_for_its_days_and_one_that_comes_takes_it_back(make_settings: MakeSettings) -> None:
    first = date(2024, 5, 1)
    with FakeBetfair(fixtures.month(first, days=2)) as betfair:
        workshop = Workshop(make_settings(**pointed_at(betfair), coverage={"sources": {HISTORIC: {"due_days": 1}}}))
        refusing = betfair.fault("DownloadFile", faults.status(404))
        run = Clockwork().timing
        done = fetch.fetch(workshop, HISTORIC, [first], timing=run)
        assert done.problems
        assert {each.state for each in covered(workshop.ledger.warehouse, first, first, HISTORIC)} == {"failed"}
        refusing.times = 0
        done = fetch.fetch(workshop, HISTORIC, [first], timing=run)
        assert not done.problems
        build_stale(workshop)
        assert {each.state for each in covered(workshop.ledger.warehouse, first, first, HISTORIC)} == {"complete"}


def test_what_was_landed_and_not_built_is_waiting(workshop: Workshop) -> None:
    tell(workshop, DAY)
    assert states(workshop, source=CSV) == [(3, "waiting", True)]
    assert states(workshop) == [(3, "waiting", True)]
    build_stale(workshop)
    assert states(workshop, source=CSV) == [(3, "complete", False)]
    assert states(workshop) == [(3, "complete", False)]


def test_a_source_of_results_lacks_a_race_that_no_source_has_the_result_of(make_settings: MakeSettings) -> None:
    sources = {CSV: {"countries": ["GB"], "due_days": 1, "results": True}, BSP: {"due_days": 1}}
    workshop = Workshop(make_settings(coverage={"sources": sources}))
    tell(workshop, DAY, bsp=False)
    build_stale(workshop)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, CSV)
    assert (found.state, found.is_late, found.reason) == ("partial", True, "no source has the result of 1 of 1 races")
    drop(workshop, "results.csv", bsp_race(DAY).replace("Alpha,0", "Alpha,1"), BSP)
    build_stale(workshop)
    assert states(workshop, source=CSV) == [(3, "complete", False)]


def test_what_is_left_out_of_an_expectation_is_the_default() -> None:
    told = Settings.model_validate({"coverage": {"sources": {"betfair_exchange": {"due_days": 3}, BSP: None}}})
    exchange = told.coverage.sources["betfair_exchange"]
    assert exchange is not None
    assert (exchange.due_days, exchange.results, told.coverage.sources[BSP]) == (3, True, None)


def test_a_file_that_was_retracted_and_landed_again_is_waiting_until_it_is_built(workshop: Workshop) -> None:
    tell(workshop, DAY - timedelta(days=1))
    tell(workshop, DAY)
    tell(workshop, DAY + timedelta(days=1))
    build_stale(workshop, "one")
    (file,) = [file for file in workshop.ledger.files(BSP) if DAY in file.dates]
    workshop.ledger.withdraw(BSP, file.sha256)
    build_stale(workshop, "two")
    assert states(workshop) == [(3, "missing", True)]
    tell(workshop, DAY, csv=False)
    assert states(workshop) == [(3, "waiting", True)]
    build_stale(workshop, "three")
    assert states(workshop) == [(3, "complete", False)]


def test_a_card_of_days_ahead_does_not_make_a_source_current(workshop: Workshop) -> None:
    tell(workshop, DAY)
    tell(workshop, datetime.now(UTC).date() + timedelta(days=2), bsp=False)
    build_stale(workshop)
    assert days_of(workshop, CSV) == {DAY: "complete"}


def test_what_runs_fetch_is_expected_up_to_today(make_settings: MakeSettings) -> None:
    fetching = {"betfair_bsp": {"fetch": {"cron": "0 13 * * *"}}}
    workshop = Workshop(make_settings(sources=fetching))
    tell(workshop, DAY, csv=False)
    build_stale(workshop)
    assert max(days_of(workshop)) == datetime.now(UTC).date()
    assert {each.is_current for each in covered(workshop.warehouse, source=BSP)} == {True}


@pytest.mark.parametrize("text", ["25-12", "2024-06-31", "2024-06-30 to 2024-06-29", "Christmas"])
def test_a_day_without_racing_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        CoverageSettings.model_validate({"not_expected": [text]})
