"""What checks say of the figures they are given."""

from datetime import date

import dagster as dg

from race_assets.assets import checks

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
