"""A suggested feed is tried before it is shown: what fails is left out, what is right reaches the core tables."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from race_assets.console import feeds
from race_assets.pipeline import feed_suggestion, land
from race_assets.pipeline.feed_suggestion import suggest_feed
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.pipeline.feed import ask, build_stale

HEADER = "Track,Date,Off,Trap,Dog,Price"


@pytest.fixture
def offline(tmp_path: Path) -> Workshop:
    """Tools over an empty home; a suggestion needs no database."""
    return Workshop(Settings(home=tmp_path / "home"))


def sheet(tmp_path: Path, *rows: str, header: str = HEADER, name: str = "sheet.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def runners(races: int, price: Callable[[int], str] = lambda _: "3.50") -> list[str]:
    """Six runners of each race, numbered on; `price` writes each one's price."""
    dogs = [(race, trap, race * 6 + trap) for race in range(races) for trap in range(1, 7)]
    return [
        f"Hove,2024-06-27,{10 + race // 4}:{race % 4 * 15:02},{trap},Dog {number},{price(number)}"
        for race, trap, number in dogs
    ]


def test_a_column_by_which_many_rows_fail_is_left_out_and_told(offline: Workshop, tmp_path: Path) -> None:
    path = sheet(tmp_path, *runners(10, lambda n: "2000" if n % 12 == 0 else "3.50"))
    done = suggest_feed(offline, path, "mine")
    assert "price" not in done.suggestion.columns
    assert "price from Price is left out: 8% of the sample's rows would fail by it" in done.suggestion.remarks
    assert done.tried is not None
    assert (done.tried.account.accepted, done.tried.account.quarantined) == (60, 0)


def test_a_column_with_a_slip_is_kept_and_the_rows_that_fail_are_told(
    offline: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(tmp_path, *runners(10, lambda n: "2000" if n == 7 else "3.50"))
    assert feeds.suggest(offline.settings, path, "mine")
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["sources"]["csv_feeds"]["mine"]["columns"]["price"] == "Price"
    assert "# 59 of 60 rows of the sample pass; rejected: price_range 1" in printed
    assert "# line 8: price 2000" in printed


def test_an_entry_that_lacks_the_off_is_told_and_not_used(
    offline: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(
        tmp_path, "Hove,2024-06-27,1,Alpha,3.5", "Hove,2024-06-27,2,Beta,abc", header="Track,Date,Trap,Dog,Price"
    )
    assert not feeds.suggest(offline.settings, path, "mine")
    told = capsys.readouterr()
    assert "nothing found that tells off" in told.err
    assert "Date is the day; no column has the hour of the off" in told.out
    assert "start_at" not in yaml.safe_load(told.out)["sources"]["csv_feeds"]["mine"]["columns"]
    # Half of the prices are none: the column goes though the entry cannot be tried as a whole.
    assert "price" not in yaml.safe_load(told.out)["sources"]["csv_feeds"]["mine"]["columns"]


def test_rows_of_unknown_tracks_are_told_with_what_to_do(
    offline: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(tmp_path, *(row.replace("Hove", "Nowhereham") for row in runners(2)))
    assert not feeds.suggest(offline.settings, path, "mine")
    told = capsys.readouterr()
    assert "no row passes under this entry" in told.err
    printed = told.out
    assert "# 0 of 12 rows of the sample pass; rejected: track_known 12" in printed
    assert "'Nowhereham' is not in the registry" in printed


def test_an_entry_under_which_most_rows_fail_is_no_success(
    offline: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row.replace("Hove", "Nowhereham") if n % 12 > 4 else row for n, row in enumerate(runners(6))]
    assert not feeds.suggest(offline.settings, sheet(tmp_path, *rows), "mine")
    assert "less than half of the rows pass under this entry" in capsys.readouterr().err
    half = [row.replace("Hove", "Nowhereham") if n % 12 > 5 else row for n, row in enumerate(runners(6))]
    assert feeds.suggest(offline.settings, sheet(tmp_path, *half), "mine")


@pytest.mark.parametrize(
    ("tracks", "distance", "unit", "said"),
    [
        (("Shelbourne Park",), "525", "yd", "Irish distances without a unit are yards; `unit: yd`"),
        (("Shelbourne Park",), "525y", None, ""),
        (("Shelbourne Park", "Hove"), "525", None, "this file has tracks of GB too"),
        (("Hove",), "480", None, ""),
    ],
)
def test_distances_at_irish_tracks_are_yards_unless_they_say_otherwise(
    offline: Workshop, tmp_path: Path, tracks: tuple[str, ...], distance: str, unit: str | None, said: str
) -> None:
    rows = [f"{row.replace('Hove', track)},{distance}" for track in tracks for row in runners(8)[-12:]]
    done = suggest_feed(offline, sheet(tmp_path, *rows, header=HEADER + ",Distance"), "mine")
    origin = done.suggestion.columns["distance_m"][0]
    assert origin == ({"column": "Distance", "unit": unit} if unit else "Distance")
    assert said in " ".join(done.suggestion.remarks)
    assert bool(said) == ("Irish" in " ".join(done.suggestion.remarks))
    assert done.tried is not None
    # 525 yards are 480.06 m.
    assert set(done.tried.accepted["distance_m"]) == {525 if len(tracks) > 1 else 480}


def test_times_of_another_zone_than_they_say_are_no_offs(offline: Workshop, tmp_path: Path) -> None:
    rows = [f"Sale,2024-06-27T{18 + n}:36:00Z,{n},Dog {n},3.5" for n in (1, 2, 3)]
    done = suggest_feed(offline, sheet(tmp_path, *rows, header="Track,Start,Trap,Dog,Price"), "mine")
    assert (done.tried, done.suggestion.missing) == (None, ["off"])
    assert "start_at" not in done.suggestion.columns
    assert "when no dogs run" in " ".join(done.suggestion.remarks)


@pytest.mark.parametrize(("hour", "is_off"), [("08", False), ("09", False), ("10", True)])
def test_an_hour_before_the_first_race_of_a_british_morning_is_no_off(
    offline: Workshop, tmp_path: Path, hour: str, is_off: bool
) -> None:
    rows = [f"Hove,2024-06-27,{hour}:{30 + n},{n},Dog {n},3.5" for n in (1, 2, 3)]
    done = suggest_feed(offline, sheet(tmp_path, *rows), "mine")
    assert (done.suggestion.missing == []) == is_off


def test_what_is_left_of_an_entry_whose_off_is_left_out_says_nothing_of_its_zone(
    offline: Workshop, tmp_path: Path
) -> None:
    rows = [f"Sale,2024-06-27 {18 + n}:36,{n},Dog {n},3.5" for n in (1, 2, 3)]
    done = suggest_feed(offline, sheet(tmp_path, *rows, header="Track,Start (UTC),Trap,Dog,Price"), "mine")
    assert done.suggestion.missing == ["off"]
    assert done.suggestion.more == {}


@pytest.mark.parametrize(("day", "is_off"), [("2024-06-27", False), ("2024-01-15", True)])
def test_times_beside_betfairs_ids_are_offs_only_where_utc_would_be_the_same(
    offline: Workshop, tmp_path: Path, day: str, is_off: bool
) -> None:
    rows = [f"Hove,23000000{n},{day} {17 + n}:36,{n},Dog {n},3.5" for n in (1, 2, 3)]
    done = suggest_feed(offline, sheet(tmp_path, *rows, header="Track,Market ID,Off,Trap,Dog,Price"), "mine")
    assert (done.suggestion.missing == []) == is_off
    assert ("Betfair's own times are UTC" in " ".join(done.suggestion.remarks)) != is_off


@pytest.mark.parametrize("packed", [False, True])
def test_only_the_beginning_of_a_long_file_is_tried_and_no_row_is_cut(
    offline: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(feed_suggestion, "SAMPLE_BYTES", 1_000)
    rows = [f'{row},"of two\nlines"' for row in runners(40)]
    path = sheet(tmp_path, *rows, header=HEADER + ",Note")
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
    monkeypatch.setattr(feed_suggestion, "SAMPLE_BYTES", min(1_000, path.stat().st_size - 1))
    done = suggest_feed(offline, path, "mine")
    assert done.tried is not None
    assert 0 < done.tried.account.records_in < len(rows)
    assert done.tried.account.accepted == done.tried.account.records_in


def test_an_encoding_stands_in_the_entry_and_letters_survive(offline: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("\n".join([HEADER, *runners(2)]).replace("Dog 1,", "Día,").encode("utf-16"))
    done = suggest_feed(offline, path, "mine")
    assert done.suggestion.entry()["encoding"] == "utf-16"
    assert done.tried is not None
    assert "Día" in done.tried.accepted["dog_name"].to_list()


def test_positions_alone_give_results_and_two_firsts_are_a_dead_heat(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    rows = [
        "1,6,21:52:00,13/01/2018,500031,12,A3,500.0,3001,Nottingham,700001,Sheet Honeypot",
        "2,4,21:52:00,13/01/2018,500031,12,A3,500.0,3001,Nottingham,700002,Sheet Beehive",
        "1,3,21:37:00,13/01/2018,500030,11,OR,500.0,3001,Nottingham,700003,Sheet Opal",
        "1,5,21:37:00,13/01/2018,500030,11,OR,500.0,3001,Nottingham,700004,Sheet Opal Too",
        ",2,21:22:00,13/01/2018,500029,10,A5,500.0,3001,Nottingham,700005,Sheet Unrun",
    ]
    header = (
        "resultPosition,trapNumber,raceTime,raceDate,raceId,raceNumber,raceClass,raceDistance,meetingId,trackName,"
        "dogId,dogName"
    )
    path = sheet(tmp_path, *rows, header=header)
    entry = suggest_feed(Workshop(make_settings()), path, "mine").suggestion.entry()
    workshop = Workshop(make_settings(sources={"csv_feeds": {"mine": entry}}))
    (landed,) = land.land(workshop, "mine", [(path, path.name)])
    assert (landed.state, landed.records) == ("landed", 5)
    build_stale(workshop)
    assert ask(workshop, "select race_number, status from core.races order by 1") == [
        (10, "OPEN"), (11, "RESULT"), (12, "RESULT"),
    ]  # fmt: skip
    assert ask(
        workshop, "select dog_name, result, finish_position, is_dead_heat from core.selections order by dog_name"
    ) == [
        ("Sheet Beehive", "LOSER", 2, False),
        ("Sheet Honeypot", "WINNER", 1, False),
        ("Sheet Opal", "WINNER", 1, True),
        ("Sheet Opal Too", "WINNER", 1, True),
        ("Sheet Unrun", None, None, False),
    ]
