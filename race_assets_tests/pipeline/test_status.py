"""The status names what is missing as ranges of days, and every command that it prints runs."""

import json
import shlex
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from race_assets.pipeline import land
from race_assets.pipeline.status import missing, need
from race_assets.pipeline.status.need import Need, from_to, over_all
from race_assets.pipeline.status.report import Status, status
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage.coverage import EVERY, Coverage, note_alone
from race_assets_tests.pipeline.feed import BSP, BSP_HEADER, CSV, CSV_HEADER, bsp_row, build_stale, csv_race, drop

DAY = date(2024, 6, 3)
MakeSettings = Callable[..., Settings]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def bsp_race(day: date) -> str:
    return "".join(bsp_row(day, f"{n}. {dog}", selection=n) for n, dog in enumerate(("Alpha", "Beta", "Gamma"), 1))


def days(*numbers: int) -> list[date]:
    """Days counted from the first one."""
    return [DAY + timedelta(days=number) for number in numbers]


def land_days(workshop: Workshop, csv: Sequence[int], bsp: Sequence[int]) -> None:
    """Land a file of each source with a race on each of these days."""
    drop(workshop, "all.csv", "".join(csv_race(day) for day in days(*csv)))
    if bsp:
        drop(workshop, "all bsp.csv", "".join(bsp_race(day) for day in days(*bsp)), BSP)


def current(workshop: Workshop) -> Status:
    return status(workshop, date.min, date.max)


def briefly(found: Status) -> list[tuple[str, str | None, str]]:
    return [(each.kind, each.source, each.command) for each in found.needs]


def coverage_row(number: int, state: str, reason: str = "") -> Coverage:
    is_late = state not in {"complete", "no_racing"}
    return Coverage(DAY + timedelta(days=number), BSP, state, reason, 1, 0, datetime.now(UTC), False, is_late)


def test_late_days_become_ranges_that_days_without_racing_do_not_end() -> None:
    states = {
        1: "missing", 2: "no_racing", 3: "missing", 4: "complete", 5: "missing", 6: "partial", 7: "partial",
        8: "no_racing", 9: "complete", 10: "missing", 12: "missing",
    }  # fmt: skip
    rows = [coverage_row(number, state) for number, state in states.items()]
    rows += [coverage_row(20, "blocked", "one"), coverage_row(21, "blocked", "one"), coverage_row(22, "blocked", "two")]
    found = [[(each.race_date - DAY).days for each in group] for group in missing.late_ranges(rows)]
    # Nothing is expected on day 11: the range before it ends there.
    assert found == [[1, 3], [5], [6, 7], [10], [12], [20, 21], [22]]


def test_one_command_stands_for_those_of_ranges() -> None:
    def fetching(source: str, first: date, last: date) -> Need:
        return Need("missing", source, first, last, 1, "", f"race-assets fetch {source} {from_to((first, last))}")

    one, two = fetching(BSP, *days(1, 2)), fetching(BSP, *days(5, 9))
    assert over_all([one, two]) == f"race-assets fetch {BSP} --from {days(1)[0]} --to {days(9)[0]}"
    assert over_all([one, fetching(CSV, *days(5, 9))]) is None
    assert over_all([one, Need("missing", BSP, *days(1, 2), 1, "", "race-assets ingest")]) is None


def test_what_is_missing_is_a_range_with_the_command_that_brings_it(make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings(coverage={"sources": {CSV: {"countries": ["GB"]}}}))
    land_days(workshop, csv=[0, 1, 2, 3, 4, 5, 6, 9], bsp=[0, 4, 7, 8, 9])
    build_stale(workshop)
    found = current(workshop)
    first, last = days(1, 3)
    assert briefly(found) == [
        ("missing", BSP, f"race-assets fetch {BSP} --from {first} --to {last}"),
        ("missing", BSP, f"race-assets fetch {BSP} --from {days(5)[0]} --to {days(6)[0]}"),
        ("missing", CSV, "race-assets ingest"),
    ]
    assert [(each.first, each.last, each.days) for each in found.needs[:2]] == [(first, last, 3), (*days(5, 6), 2)]
    assert found.needs[0].reason == "3 races that other sources report"
    assert str(workshop.settings.drop_folder(CSV)) in found.needs[2].advice
    by_source = {each.source: each for each in found.sources}
    assert (by_source[BSP].days_missing, by_source[BSP].days_built, by_source[BSP].last) == (5, 5, days(9)[0])
    assert not by_source["betfair_historic"].files
    assert not found.is_well


def test_who_keeps_old_years_alone_has_nothing_to_do(make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings())
    land_days(workshop, csv=range(9), bsp=range(3, 6))
    build_stale(workshop)
    found = current(workshop)
    assert (found.needs, found.is_well) == ([], True)
    assert {each.source: each.is_current for each in found.sources if each.files} == {CSV: False, BSP: False}


def test_live_prices_of_long_ago_are_no_longer_asked_for(make_settings: MakeSettings) -> None:
    rows = [
        Coverage(day, missing.LIVE_SOURCE, "missing", "", 1, 0, datetime.now(UTC), True, True)
        for day in (DAY, datetime.now(UTC).date() - timedelta(days=3))
    ]
    (found,) = missing.needs(Workshop(make_settings()), rows, set())
    assert (found.kind, found.first) == (need.NOT_COLLECTED, rows[1].race_date)


def test_failed_days_are_named_once_with_their_reason(workshop: Workshop) -> None:
    land_days(workshop, csv=range(4), bsp=range(4))
    note_alone(workshop.warehouse, EVERY, dict.fromkeys(days(1, 2), ("failed", "does not add up")))
    ingest = "race-assets ingest {}"
    assert briefly(current(workshop)) == [
        ("failed", None, ingest.format(from_to((days(1)[0], days(2)[0])))),
        ("out of date", None, ingest.format(from_to((days(0)[0], days(0)[0])))),
        ("out of date", None, ingest.format(from_to((days(3)[0], days(3)[0])))),
    ]


def test_hundreds_of_ranges_fit_on_a_screen(command: Command, make_settings: MakeSettings) -> None:
    workshop = Workshop(make_settings())
    land_days(workshop, csv=range(120), bsp=range(0, 120, 2))
    drop(workshop, "later.csv", "".join(csv_race(day) for day in days(*range(200, 240, 3))))
    build_stale(workshop)
    folder = workshop.settings.home / "inbox"
    pages = [(folder / f"page {number}.csv", f"page {number}.csv") for number in range(9)]
    for path, name in pages:
        path.write_text(f"<!DOCTYPE html><html>{name}</html>")
    assert all(each.is_bad for each in land.land(workshop, BSP, pages))
    done = command("status")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) <= 40, done.stdout
    # The one command fetches all that the lines before it do not name; files that are here are not fetched again.
    assert f"`race-assets fetch {BSP} --from {days(7)[0]} --to {days(117)[0]}`" in done.stdout
    assert len(command("status", "--all").stdout.splitlines()) > 110 + 2 * len(pages)
    rows = json.loads(command("status", "--format", "json", "--source", BSP).stdout)["needs"]
    assert len([row for row in rows if row["kind"] == "missing"]) == 59


@pytest.fixture
def trouble(workshop: Workshop) -> Workshop:
    """A home with one of everything that a command without a network mends or shows."""
    land_days(workshop, csv=range(8), bsp=[0, 1, 5, 6, 7])
    drop(workshop, "rejected.csv", bsp_race(days(3)[0]).replace(",4.5,", ",x,"), BSP)
    drop(workshop, "unknown.csv", csv_race(days(2)[0], track="Nowhere"))
    drop(workshop, "second track.csv", csv_race(days(6)[0], track="Hove"))
    build_stale(workshop)
    drop(workshop, "later.csv", csv_race(days(7)[0], track="Hove"))
    waiting = workshop.settings.drop_folder(CSV) / "waiting.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text(CSV_HEADER + csv_race(days(8)[0]))
    page = workshop.settings.drop_folder(BSP) / "page.csv"
    page.parent.mkdir(parents=True)
    page.write_text("<!DOCTYPE html><html></html>")
    return workshop


@pytest.mark.usefixtures("trouble")
def test_every_command_that_is_printed_runs_and_mends_what_it_can(command: Command) -> None:
    needs = json.loads(command("status", "--format", "json").stdout)["needs"]
    kinds = {each["kind"] for each in needs}
    assert kinds >= {"missing", "partial", "rejected", "out of date", "not landed", "rejects"}, needs
    printed = command("status", "--all").stdout
    for each in needs:
        assert f"`{each['command']}`" in printed
        program, *arguments = shlex.split(each["command"])
        assert program == "race-assets"
        if arguments[0] != "fetch":
            done = command(*arguments)
            assert done.returncode in {0, 1}, (each, done.stderr)
            assert "Traceback" not in done.stderr
    after = json.loads(command("status", "--format", "json").stdout)["needs"]
    # The web page in the drop folder came in meanwhile, and is named with the command that takes it back.
    (page,) = [each for each in after if each["kind"] == "unreadable"]
    assert page["reason"].startswith("page.csv: ")
    assert {each["kind"] for each in after} == {"missing", "partial", "rejected", "unreadable", "rejects"}
    assert command(*shlex.split(page["command"])[1:]).returncode == 0
    last = json.loads(command("status", "--format", "json").stdout)
    assert not [each for each in last["needs"] if each["kind"] == "unreadable"]
    assert last["machine"]["run"]["status"] == "SUCCESS"


def test_the_day_shows_each_source_and_the_tracks_that_lack_races(command: Command, trouble: Workshop) -> None:
    done = command("status", "--day", str(days(6)[0]))
    assert done.returncode == 1
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith(BSP))
    assert row[1:4] == ["partial", "1", "2"]
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith(BSP)][1:] == ["Hove"]
    rows = json.loads(command("status", "--day", str(days(3)[0]), "--format", "json").stdout)
    assert {row["source"]: row["state"] for row in rows} == {CSV: "complete", BSP: "rejected"}
    assert trouble.settings.home.exists()


def test_a_file_that_lies_landed_in_its_drop_folder_is_not_waiting(workshop: Workshop) -> None:
    folder = workshop.settings.drop_folder(BSP)
    folder.mkdir(parents=True)
    text = BSP_HEADER + bsp_race(DAY)
    (folder / "a.csv").write_text(text)
    assert [each.kind for each in current(workshop).needs] == ["not landed"]
    drop(workshop, "a.csv", bsp_race(DAY), BSP)
    assert [each.kind for each in current(workshop).needs] == ["out of date"]
    (folder / "a.csv").write_text(text + "\n")
    assert {each.kind for each in current(workshop).needs} == {"not landed", "out of date"}
