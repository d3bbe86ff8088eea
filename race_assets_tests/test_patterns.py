"""Regular expressions of settings: run without backtracking, and rejected with a reason where that cannot be done."""

import random
import re
import string
from pathlib import Path

import pytest

from race_assets.errors import SettingsError
from race_assets.settings import feeds, load, patterns
from race_assets.settings.feeds import FeedSettings
from race_assets.sources.base import ReadReport
from race_assets.sources.csv_feed import offs
from race_assets.sources.csv_feed.feed import CsvFeed

COLUMNS = {"track_name": "Venue", "start_at": "{Day} {Off}", "trap": "Box", "selection_name": "Dog"}
ROW = "Venue,Day,Off,Box,Dog\nRomford,2024-06-27,17:36,1,Invented Dog\n"

# Each keeps an engine that backtracks busy for longer than anybody waits, with the text that does so.
BACKTRACKING = [
    (r"^(a+)+(?P<x>b)$", "a" * 5000 + ".csv"),
    (r"^(?P<x>(?:a|a)*)b", "a" * 5000),
    (r"(?P<x>(?:a*)*)c", "a" * 5000),
    (r"^(?P<x>(?:[a-z]+\s?)+)$", "a" * 5000 + "!"),
    (r"(?P<x>.*.*.*.*.*)=", "x" * 5000),
]


@pytest.mark.parametrize(("pattern", "text"), BACKTRACKING)
def test_a_pattern_that_would_backtrack_for_ever_just_finds_nothing(pattern: str, text: str) -> None:
    assert patterns.found(patterns.checked_pattern(pattern), text)["x"] is None


@pytest.mark.parametrize("part", ["pattern", "matches", "file_name"])
def test_every_pattern_of_a_feed_is_run_by_the_same_engine(tmp_path: Path, part: str) -> None:
    nested = r"^((?:a+)+)b$"
    entry: dict[str, object] = {"timezone": "track", "columns": dict(COLUMNS)}
    if part == "pattern":
        entry["columns"] = {**COLUMNS, "selection_name": {"column": "Dog", "pattern": nested}}
    elif part == "matches":
        entry["filters"] = [{"reason": "trial", "when": {"Dog": {"matches": nested}}}]
    else:
        entry["file_name"] = r"^(a+)+(?P<x>b)$"
    path = tmp_path / "file"
    path.write_text(ROW.replace("Invented Dog", "a" * 100_000))
    feed = CsvFeed("evil", FeedSettings.model_validate(entry))
    rows = [row for frame in feed.read(path, "a" * 200 + ".csv", ReadReport()) for row in frame.rows(named=True)]
    assert len(rows) == 1
    assert rows[0]["filtered"] is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?=a)b", "look-around"),
        (r"(?<!\d)20", "look-around"),
        (r"(a)\1", "backreferences"),
        (r"a\Z", "unrecognized escape"),
        (r"(a", "unclosed group"),
        (r"a{1000}{1000}", "repeats too often"),
        (r"((a{20}){20}){20}", "repeats too often"),
        (r"(?:\w{1,100}){40}", "repeats too often"),
        (r"\w{300}" * 6, "size limit"),
        ("(" * 400 + ")" * 400, "nested"),
        ("a" * 1001, "1,001 characters"),
    ],
)
def test_what_the_engine_does_not_have_is_rejected_when_the_settings_load(
    tmp_path: Path, pattern: str, reason: str
) -> None:
    file = tmp_path / "race_assets.yaml"
    quoted = pattern.replace("'", "''")
    file.write_text(
        "sources:\n  csv_feeds:\n    evil:\n      columns:\n"
        f"        track_name: {{column: Venue, pattern: '{quoted}'}}\n"
        "        start_at: Off\n        selection_name: Dog\n"
    )
    with pytest.raises(SettingsError, match=r"evil\.columns\.track_name\.pattern is") as error:
        load(file, {})
    assert reason in str(error.value)
    assert len(str(error.value)) < 1200


def test_the_message_says_what_to_write_instead_of_looking_around() -> None:
    with pytest.raises(ValueError, match="look-around") as error:
        patterns.checked_pattern(r"(?<!\d)(?P<day>20\d{6})(?!\d)")
    assert r"(?:^|\D)" in str(error.value)


@pytest.mark.parametrize(
    ("pattern", "repeats"),
    [
        ("abc", 3),
        (r"\d{4}-\d{2}", 7),
        (r"(a{3}b){5}", 20),
        (r"[]x{9}]{3}", 3),
        (r"[[:alpha:]]{2}", 2),
        (r"\x{2019}\p{Greek}", 2),
        (r"a{2,7}", 7),
        (r"a{,3}", 3),
        (r"a\{3}", 4),
        ("a*b+c?", 3),
        ("", 0),
    ],
)
def test_repeats_are_counted_as_if_written_out(pattern: str, repeats: int) -> None:
    assert patterns.repeats(pattern) == repeats


def test_any_text_is_counted() -> None:
    signs = random.Random(7)  # noqa: S311 - no secret
    for _ in range(3000):
        text = "".join(signs.choices(r"ab()[]{}\\^,12|*+?x:", k=signs.randrange(12)))
        assert patterns.repeats(text) >= 0


def test_the_groups_of_a_file_name_are_found_without_case() -> None:
    pattern = patterns.checked_pattern(r"(?P<track>[a-z]+)_(\d+)_(?P<Kind>WIN|PLACE)")
    assert patterns.named_groups(pattern) == ["track", "Kind"]
    assert patterns.found(pattern, "Romford_20240627_win.csv") == {"track": "Romford", "2": "20240627", "Kind": "win"}
    assert patterns.found(pattern, "other.csv") == {"track": None, "2": None, "Kind": None}


def test_patterns_that_come_with_the_project_pass_the_check_that_they_are_spared() -> None:
    shipped = feeds.shipped().values()
    conditions = [
        when
        for feed in shipped
        for fields in (feed.columns, *(market.columns for market in feed.markets))
        for spec in fields.values()
        for when in (case.when for case in spec.cases)
    ]
    conditions += [each.when for feed in shipped for each in (*feed.filters, *feed.markets)]
    written = [test.matches for when in conditions for test in when.values() if test.matches]
    written += [feed.file_name for feed in shipped if feed.file_name]
    written += [spec.pattern for feed in shipped for spec in feed.columns.values() if spec.pattern]
    assert written
    for pattern in written:
        assert patterns.checked_pattern(pattern) == pattern


# Dates in names of files as before the patterns lost their look-around.
NAMES = {
    "results_2024-06-27.csv": "2024-06-27",
    "2024-06-27T1200.csv": None,
    "2024-06-27_12.csv": None,
    "2024-06-27_win.csv": "2024-06-27",
    "2024-06-27": "2024-06-27",
    "20240627.csv": "20240627",
    "120240627.csv": None,
    "20240627-1.csv": None,
    "20240627-a.csv": "20240627",
    "27 June 2024.csv": "27 June 2024",
    "127 June 2024.csv": None,
    "27_June_2024x.csv": "27_June_2024",
    "x7-6-2024.csv": "7-6-2024",
    "7-6-20245.csv": None,
}


@pytest.mark.parametrize(("name", "day"), NAMES.items())
def test_days_in_names_are_found_by_either_engine_alike(name: str, day: str | None) -> None:
    by_python = [found["day"] for pattern, _ in offs._NAME_DAYS if (found := re.search(pattern, name))]
    by_ours = [patterns.found(patterns.checked_pattern(pattern), name)["day"] for pattern, _ in offs._NAME_DAYS]
    assert by_python[:1] == ([day] if day else [])
    assert [each for each in by_ours if each is not None] == by_python


def test_years_in_names_are_found_by_either_engine_alike() -> None:
    letters = random.Random(7)  # noqa: S311 - no secret
    for _ in range(300):
        name = "".join(letters.choices("204" + string.ascii_lowercase[:2], k=8))
        found = re.search(offs._NAME_YEAR, name)
        assert patterns.found(offs._NAME_YEAR, name)["year"] == (found["year"] if found else None)
