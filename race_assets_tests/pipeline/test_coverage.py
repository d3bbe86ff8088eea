"""What every source told is held against the meetings anybody told of; a state stands for what a person has to do."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from race_assets.pipeline import fetch, land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage.coverage import EVERY, covered, note_alone
from race_assets_tests.fake_betfair import FakeBetfair, faults, fixtures
from race_assets_tests.fetching import HISTORIC, Clockwork, pointed_at
from race_assets_tests.pipeline.feed import BSP, CSV, bsp_row, build_days, build_stale, csv_race, csv_row, drop

MakeSettings = Callable[..., Settings]
DAY = date(2024, 6, 3)
ROMFORD = "gb-romford"
EXPECTED = {"coverage": {"sources": {CSV: {"due_days": 1}, "betfair_historic": None, "betfair_exchange": None}}}


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
    return [(each.race_date.day, each.track_id, each.state, each.is_late) for each in found]


def test_a_month_that_has_each_state_once_is_classified_right_every_day(workshop: Workshop) -> None:
    month = [date(2024, 6, n) for n in range(1, 31)]
    today = datetime.now(UTC).date()
    # Days 1 to 24 are whole; then each other state once; not yet due can only be a day that is not over.
    for day in month[:24]:
        tell(workshop, day)
    tell(workshop, month[24], bsp=False)
    drop(workshop, "second.csv", csv_race(month[25], track="Hove"))
    tell(workshop, month[25])
    tell(workshop, month[26], bsp=False)
    tell(workshop, month[27], bsp=False)
    tell(workshop, month[28], bsp=False)
    tell(workshop, today, bsp=False)
    build_stale(workshop)
    note_alone(workshop.warehouse, BSP, {month[26]: ("blocked", "a page in place of data")})
    note_alone(workshop.warehouse, BSP, {month[27]: ("failed", "did not come")})
    note_alone(workshop.warehouse, EVERY, {month[28]: ("failed", "does not add up")})
    expected = [(n, ROMFORD, "complete", False) for n in range(1, 25)] + [
        (25, ROMFORD, "partial", True),
        (26, "gb-hove", "partial", True), (26, ROMFORD, "complete", False),
        (27, ROMFORD, "blocked", True), (28, ROMFORD, "failed", True), (29, ROMFORD, "failed", True),
    ]  # fmt: skip
    assert states(workshop, month[0], month[28]) == expected
    assert states(workshop, today) == [(today.day, ROMFORD, "not_yet_published", False)]
    assert [each[2] for each in states(workshop, today - timedelta(days=5))] == ["no_racing"]
    reasons = {each.race_date.day: each.reason for each in covered(workshop.warehouse, month[24], month[28], BSP)}
    assert reasons[25].startswith("1 of 1 races are missing")
    assert (reasons[27], reasons[29]) == ("a page in place of data", "does not add up")


def test_races_that_a_source_lacks_are_counted(workshop: Workshop) -> None:
    tell(workshop, DAY)
    later = "".join(
        csv_row(DAY, f"{n}. {dog}", selection=10 + n).replace("17:36", "17:51") for n, dog in ((1, "X"), (2, "Y"))
    )
    drop(workshop, "later.csv", later)
    build_stale(workshop)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, BSP)
    assert (found.state, found.races_told, found.races_known) == ("partial", 1, 2)
    assert found.reason.startswith("1 of 2 races are missing")
    assert states(workshop, source=CSV) == [(3, ROMFORD, "complete", False)]


def test_a_source_that_never_brought_anything_is_not_expected(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY))
    build_stale(workshop)
    assert states(workshop) == []
    assert states(workshop, source=CSV) == [(3, ROMFORD, "complete", False)]


def test_meetings_of_other_countries_are_not_expected(make_settings: MakeSettings) -> None:
    settings = {"coverage": {"sources": {BSP: {"countries": ["IE"]}, CSV: {}}}}
    workshop = Workshop(make_settings(**settings))
    tell(workshop, DAY)
    build_stale(workshop)
    assert states(workshop) == [(3, None, "no_racing", False)]


def test_filling_an_old_day_leaves_the_others_as_they_are(workshop: Workshop) -> None:
    tell(workshop, DAY, bsp=False)
    tell(workshop, DAY + timedelta(days=1))
    build_stale(workshop)
    assert [each[2] for each in states(workshop, DAY, DAY + timedelta(days=1))] == ["partial", "complete"]
    tell(workshop, DAY - timedelta(days=9))
    build_stale(workshop)
    assert [each[2] for each in states(workshop, DAY, DAY + timedelta(days=1))] == ["partial", "complete"]
    tell(workshop, DAY, csv=False)
    build_stale(workshop)
    assert [each[2] for each in states(workshop, DAY, DAY + timedelta(days=1))] == ["complete", "complete"]


def test_a_page_in_place_of_a_file_blocks_the_day_its_name_states_until_the_file_comes(workshop: Workshop) -> None:
    tell(workshop, DAY, bsp=False)
    build_stale(workshop)
    name = "dwbfgreyhoundwin03062024.csv"
    path = workshop.settings.home / "inbox" / name
    path.write_text("<!DOCTYPE html><html><body>blocked</body></html>")
    (landed,) = land.land(workshop, BSP, [(path, name)])
    assert landed.state == "blocked_page"
    assert states(workshop) == [(3, ROMFORD, "blocked", True)]
    drop(workshop, name, bsp_race(DAY), BSP)
    build_stale(workshop)
    assert states(workshop) == [(3, ROMFORD, "complete", False)]


def test_a_day_that_cannot_be_built_has_failed_until_it_is(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(workshop, DAY)
    with monkeypatch.context() as patch:
        patch.setattr("race_assets.storage.publish.publish", lambda *_: 1 / 0)
        assert DAY in build_days(workshop, [DAY]).failed
    ((_, _, state, is_late),) = states(workshop)
    assert (state, is_late) == ("failed", True)
    build_stale(workshop)
    assert states(workshop) == [(3, ROMFORD, "complete", False)]


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


def test_the_command_shows_a_calendar_and_ends_with_1_for_what_is_late(
    command: Callable[..., "subprocess.CompletedProcess[str]"], workshop: Workshop
) -> None:
    tell(workshop, DAY)
    tell(workshop, DAY + timedelta(days=1), bsp=False)
    build_stale(workshop)
    days = ("--from", "2024-06-01", "--to", "2024-06-05")
    done = command("status", *days, "--source", BSP)
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(BSP)]
    assert line.split() == [BSP, "C", "P"]
    assert "2024-06-04 betfair_bsp Romford: partial, 1 of 1 races are missing" in done.stderr
    rows = json.loads(command("status", *days, "--source", BSP, "--format", "json").stdout)
    assert [(row["race_date"], row["state"]) for row in rows] == [("2024-06-03", "complete"), ("2024-06-04", "partial")]
    detail = command("status", "--day", "2024-06-03")
    assert detail.returncode == 0
    assert "every race that is known" in detail.stdout


def test_what_was_landed_and_not_built_is_waiting(workshop: Workshop) -> None:
    tell(workshop, DAY, bsp=False)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, CSV)
    assert (found.track_id, found.state, found.is_late) == (None, "partial", True)
    assert "race-assets ingest" in found.reason
    build_stale(workshop)
    assert states(workshop, source=CSV) == [(3, ROMFORD, "complete", False)]
    assert states(workshop) == []
    tell(workshop, DAY, csv=False)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, BSP)
    assert (found.state, found.races_told, found.reason.split(":")[0]) == (
        "partial", 0, "what was landed of that day is not built yet",
    )  # fmt: skip


def test_a_day_all_of_whose_records_were_refused_is_no_day_without_racing(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY, price="x"))
    build_stale(workshop)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, CSV)
    assert (found.state, found.is_late, found.reason) == (
        "partial", True, "all its records of that day were refused: see race-assets rejects",
    )  # fmt: skip


def test_a_source_of_results_lacks_a_race_that_nobody_has_the_result_of(make_settings: MakeSettings) -> None:
    sources = {CSV: {"due_days": 1, "results": True}, BSP: {"due_days": 1}}
    workshop = Workshop(make_settings(coverage={"sources": sources}))
    tell(workshop, DAY, bsp=False)
    build_stale(workshop)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, CSV)
    assert (found.state, found.is_late, found.reason) == ("partial", True, "nobody has the result of 1 of 1 races")
    today = datetime.now(UTC).date()
    tell(workshop, today, bsp=False)
    drop(workshop, "results.csv", bsp_race(DAY).replace("Alpha,0", "Alpha,1"), BSP)
    build_stale(workshop)
    assert states(workshop, source=CSV) == [(3, ROMFORD, "complete", False)]
    assert states(workshop, today, source=CSV) == [(today.day, ROMFORD, "not_yet_published", False)]


def test_what_is_left_out_of_an_expectation_is_the_default() -> None:
    told = Settings.model_validate({"coverage": {"sources": {"betfair_exchange": {"due_days": 3}, BSP: None}}})
    exchange = told.coverage.sources["betfair_exchange"]
    assert exchange is not None
    assert (exchange.due_days, exchange.results, told.coverage.sources[BSP]) == (3, True, None)


def test_a_file_that_was_taken_back_and_landed_again_is_waiting_until_it_is_built(workshop: Workshop) -> None:
    tell(workshop, DAY)
    build_stale(workshop, "one")
    (file,) = workshop.ledger.files(BSP)
    workshop.ledger.withdraw(BSP, file.sha256)
    build_stale(workshop, "two")
    assert [each[2] for each in states(workshop)] == ["partial"]
    tell(workshop, DAY, csv=False)
    (found,) = covered(workshop.ledger.warehouse, DAY, DAY, BSP)
    assert found.reason.startswith("what was landed of that day is not built yet")
    build_stale(workshop, "three")
    assert states(workshop) == [(3, ROMFORD, "complete", False)]


def test_days_after_the_last_that_anybody_told_of_are_missing_and_not_free_of_racing(workshop: Workshop) -> None:
    tell(workshop, DAY)
    build_stale(workshop)
    today = datetime.now(UTC).date()
    silent = covered(workshop.ledger.warehouse, today - timedelta(days=9), today, BSP)
    assert {(each.state, each.is_late) for each in silent if each.race_date < today - timedelta(days=4)} == {
        ("partial", True)
    }
    assert silent[0].reason == f"nothing has come from anybody since {DAY}"
    assert silent[-1].state == "not_yet_published"
    # A card that comes early, or a slip of a date, is no sign of life.
    tell(workshop, today + timedelta(days=20), bsp=False)
    again = covered(workshop.ledger.warehouse, today - timedelta(days=9), today, BSP)
    assert [each.state for each in again] == [each.state for each in silent]
