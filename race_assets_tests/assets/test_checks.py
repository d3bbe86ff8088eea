"""What checks say of the figures they are given."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from race_assets.assets import checks
from race_assets.display import markdown
from race_assets.storage.coverage import Coverage

RACES = dg.AssetKey(["core", "races"])
DAY = date(2024, 6, 27)


def test_races_that_lack_rejected_runners_are_listed_with_how_many() -> None:
    incomplete = [(DAY, "gb-romford-20240627-1836", 1), (DAY, "gb-hove-20240627-1900", 2)]
    result = checks.runners_rejected(RACES, incomplete)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == "2 races lack 3 runners that are in quarantine"
    shown = str(result.metadata["first of them"].value)
    assert "| gb-romford-20240627-1836 | 1 |" in " ".join(shown.split())
    assert "| gb-hove-20240627-1900 | 2 |" in " ".join(shown.split())


def test_no_race_lacks_anybody() -> None:
    assert checks.runners_rejected(RACES, []).passed


def coverage_row(day: date, state: str, *, is_late: bool) -> Coverage:
    return Coverage(day, "betfair_bsp", state, "none of 12 known races", 12, 0, datetime.now(UTC), True, is_late)


def test_what_is_late_of_current_sources_is_named_with_the_next_step() -> None:
    rows = [coverage_row(DAY - timedelta(days=number), "missing", is_late=True) for number in range(7)]
    result = checks.arrived(RACES, [*rows, coverage_row(DAY, "complete", is_late=False)])
    assert (result.passed, result.metadata["late"].value) == (False, 7)
    description = result.description or ""
    assert "2024-06-27, betfair_bsp: missing, none of 12 known races" in description
    assert "and 2 more. `race-assets status` has the command for each" in description


def test_nothing_is_late_where_no_source_is_current() -> None:
    result = checks.arrived(RACES, [])
    assert result.passed
    assert "no source is expected up to today" in (result.description or "")
    complete = checks.arrived(RACES, [coverage_row(DAY, "complete", is_late=False)])
    assert (complete.passed, complete.description) == (
        True, markdown("all that is due of the last four weeks is here, of betfair_bsp")
    )  # fmt: skip
