"""A feed suggested for a file maps what matters, whatever the file calls it; a file of something else is told apart."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import UnreadableFileError
from race_assets.identity.tracks import TrackRegistry
from race_assets.settings.feeds import FeedSettings
from race_assets.sources.base import ReadReport
from race_assets.sources.csv_feed.feed import CsvFeed
from race_assets.sources.csv_feed.suggest import suggest

NAMES = ("Alpha One", "Swift Beta", "Gamma Ray", "Delta Lad", "Epsilon", "Zeta Jet")
# Per vocabulary: header, a row as a template, and what is right. Every file has 6 runners of 3 races.
SHEETS: dict[str, tuple[str, str, dict[str, str]]] = {
    "bookmaker": (
        "Venue,Event Date,Off Time,Box,Runner,Trainer,Odds",
        "Romford,{day:02}/06/2024,18:{minute:02},{trap},{name},J Smith,{price}",
        {
            "track_name": "Venue",
            "start_at": "{Event Date} {Off Time}",
            "trap": "Box",
            "selection_name": "Runner",
            "price": "Odds",
        },
    ),
    "australian": (
        "course;race_time;rug;greyhound;sire;SP;plc",
        "Sandown Park;2024-06-{day:02} 18:{minute:02}:00;{trap};{name};Big Sire;${price};{trap}",
        {
            "track_name": "course",
            "start_at": "race_time",
            "trap": "rug",
            "selection_name": "greyhound",
            "sp_fraction": "SP",
            "finish_position": "plc",
        },
    ),
    "camel case": (
        "trackName\traceDate\tstartTime\tdrawNumber\tdogName\tbsp\tdistance",
        "Hove\t2024-06-{day:02}\t18:{minute:02}\t{trap}\t{name}\t{price}\t480m",
        {
            "track_name": "trackName",
            "start_at": "{raceDate} {startTime}",
            "selection_name": "dogName",
            "bsp": "bsp",
            "distance_m": "distance",
        },
    ),
    "iso": (
        "meeting|market_time|trap|selection_name|decimal odds|total_matched",
        "Towcester|2024-06-{day:02}T18:{minute:02}:00Z|{trap}|{trap}. {name}|{price}|123.45",
        {
            "track_name": "meeting",
            "start_at": "market_time",
            "trap": "trap",
            "selection_name": "selection_name",
            "price": "decimal odds",
            "volume": "total_matched",
        },
    ),
    "shouting": (
        "STADIUM,MEETING DATE,RACE NO,SCHEDULED TIME,TRAP NO,GREYHOUND NAME,OWNER,WIN PRICE,GRADE",
        "Oxford,{day:02}-06-2024,{race},6:{minute:02} PM,{trap},{name},Mrs Owner,{price},A3",
        {
            "track_name": "STADIUM",
            "start_at": "{MEETING DATE} {SCHEDULED TIME}",
            "trap": "TRAP NO",
            "selection_name": "GREYHOUND NAME",
            "price": "WIN PRICE",
            "race_number": "RACE NO",
            "race_type": "GRADE",
        },
    ),
}
MATTER = ("track_name", "start_at", "trap", "selection_name", "price", "bsp", "sp_fraction")


def sheet(header: str, row: str) -> str:
    lines = [
        row.format(
            day=20 + race, race=race, minute=10 + race * 15, trap=trap, name=name, price=f"{1.5 + trap * 0.7:.2f}"
        )
        for race in (1, 2, 3)
        for trap, name in enumerate(NAMES, start=1)
    ]
    return "\n".join([header, *lines]) + "\n"


def test_nine_in_ten_of_the_columns_that_matter_are_right(tmp_path: Path) -> None:
    right, wrong = [], []
    for name, (header, row, expected) in SHEETS.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(sheet(header, row))
        found = {target: origin for target, (origin, _) in suggest(path).columns.items()}
        for target, origin in expected.items():
            if target in MATTER:
                (right if found.get(target) == origin else wrong).append((name, target, found.get(target)))
    assert len(right) >= 0.9 * (len(right) + len(wrong)), wrong


@pytest.mark.parametrize("name", SHEETS)
def test_a_suggested_entry_reads_the_file_it_was_made_of(tmp_path: Path, name: str) -> None:
    header, row, _ = SHEETS[name]
    path = tmp_path / "sheet.csv"
    path.write_text(sheet(header, row))
    entry = yaml.safe_load(suggest(path).as_yaml("mine"))["sources"]["csv_feeds"]["mine"]
    feed = CsvFeed("mine", FeedSettings.model_validate(entry))
    (frame,) = list(feed.read(path, path.name, ReadReport()))
    assert frame.height == 18
    assert frame["problems"].null_count() == 18
    assert set(frame["dog_name"]) == set(NAMES)


def test_a_header_that_looks_like_a_template_is_read_as_the_column_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(sheet("{Track},Race Date,Off Time,{Trap},Notes,{Dog},Price", SHEETS["bookmaker"][1]))
    entry = yaml.safe_load(suggest(path).as_yaml("mine"))["sources"]["csv_feeds"]["mine"]
    assert entry["columns"]["track_name"] == {"column": "{Track}"}
    feed = CsvFeed("mine", FeedSettings.model_validate(entry))
    (frame,) = list(feed.read(path, path.name, ReadReport()))
    assert set(frame["track_name"]) == {"Romford"}
    assert frame["trap"].to_list() == [*range(1, 7)] * 3
    assert frame["problems"].null_count() == 18


def test_day_and_hour_in_columns_with_braces_cannot_be_put_together_and_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(sheet("Track,{Race Date},Off Time,Trap,Notes,Dog,Price", SHEETS["bookmaker"][1]))
    found = suggest(path)
    assert found.missing == ["off"]
    assert "{Race Date} and Off Time are the off; rename the one with braces" in found.as_yaml("mine")


def test_the_shipped_feeds_files_are_told(realdata: Path) -> None:
    results = suggest(realdata / "csv_feeds" / "gbgb_results_2024-05_cp1252.csv").columns
    wanted = {
        "track_name": "trackName",
        "start_at": "{raceDate} {raceTime}",
        "trap": "trapNumber",
        "selection_name": "dogName",
        "sp_fraction": "SP",
    }
    assert {target: results[target][0] for target in wanted} == wanted
    (file,) = (realdata / "hub").glob("*.csv")
    hub = suggest(file).columns
    wanted = {
        "track_name": "TRACK",
        "start_at": "{LOCAL_MEETING_DATE} {SCHEDULED_RACE_TIME}",
        "trap": "TAB_NUMBER",
        "selection_name": "SELECTION_NAME",
        "bsp": "WIN_BSP",
    }
    assert {target: hub[target][0] for target in wanted} == wanted


@pytest.mark.parametrize(
    "text",
    [
        "invoice,customer,amount\n1,Ann,10.50\n2,Bob,11.20\n",
        "city,population,area\nLondon,9000000,1572\nParis,2100000,105\n",
        "# A page\n\nSome words, and some more.\nAnd a third line, too.\n",
    ],
)
def test_a_file_of_something_else_is_told_apart(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    assert not suggest(path).is_racing


def is_track(names: pl.Series) -> pl.Series:
    resolved = TrackRegistry.load().resolve(pl.DataFrame({"track_name": names}))
    return resolved["track_id"].is_not_null()


def suggested(tmp_path: Path, *lines: str, name: str = "sheet.csv") -> dict[str, object]:
    """What is suggested for a file of these lines, by target."""
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = suggest(path, is_track)
    return {target: origin for target, (origin, _) in found.columns.items()} | {"said": " ".join(found.remarks)}


def test_run_times_are_not_taken_for_the_off(tmp_path: Path) -> None:
    rows = [
        f"SHEET {n},{run},2/1,S5,0{n}-Jan-18,Flat 300,Clonmel" for n, run in enumerate(("17.21", "16.42", "18.05"), 1)
    ]
    found = suggested(tmp_path, "Greyhound_name,Win_time,SP,Grade,Date,Name_of_race1,Track", *rows)
    assert "start_at" not in found
    assert "no column has the hour of the off" in str(found["said"])


@pytest.mark.parametrize("name", ["Time", "Race Time", "RaceTime", "Run Time", "Best Time", "Est_time"])
def test_a_number_with_a_point_is_an_hour_only_where_its_name_says_so(tmp_path: Path, name: str) -> None:
    rows = [f"Hove,2024-06-27,{18 + n}.21,Dog {n}" for n in range(4)]
    assert "start_at" not in suggested(tmp_path, f"Track,Date,{name},Dog", *rows)
    assert suggested(tmp_path, "Track,Date,Off,Dog", *rows)["start_at"] == "{Date} {Off}"


@pytest.mark.parametrize(
    ("offs", "said"),
    [
        (("1:27", "1:42", "2:01"), "when no dogs run"),
        (("01:27", "01:42", "02:01"), "when no dogs run"),
        (("11:42", "11:57", "12:12"), ""),
        (("18:21", "18:21", "18:21"), "the same for several races"),
        (("7:44 pm", "7:59 pm", "8:14 pm"), ""),
        (("0:29", "0:28", "0:30"), "when no dogs run"),
    ],
)
def test_an_off_that_may_be_wrong_is_left_out_with_the_reason(tmp_path: Path, offs: tuple[str, ...], said: str) -> None:
    rows = [
        f"Hove,2024-06-27,{race},{off},{trap},Dog {race}{trap}" for race, off in enumerate(offs, 1) for trap in (1, 2)
    ]
    found = suggested(tmp_path, "Track,Date,Race,Time,Trap,Dog", *rows)
    assert said in str(found["said"])
    assert ("start_at" in found) == (not said)


def test_a_moment_that_differs_among_a_races_runners_is_not_its_off(tmp_path: Path) -> None:
    rows = [
        f"Hove,{race},2024-06-27 18:{race}{trap}:00,{trap},Dog {race}{trap}" for race in (1, 2) for trap in range(1, 7)
    ]
    found = suggested(tmp_path, "Track,Race,Start,Trap,Dog", *rows)
    assert "start_at" not in found
    assert "differs among the runners of one race" in str(found["said"])


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Time", None), ("Off Time UTC", "UTC"), ("Time (AEST)", "Australia/Brisbane"), ("UK Time", "Europe/London"),
        ("startTimeGmt", "UTC"), ("Race Time Sydney", "Australia/Sydney"),
    ],
)  # fmt: skip
def test_a_zone_in_the_name_of_a_time_is_that_of_the_feed(tmp_path: Path, name: str, zone: str | None) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(f"Track,Date,{name},Dog\nSale,2024-06-27,18:36,Alpha\nSale,2024-06-27,19:36,Beta\n")
    found = suggest(path, is_track)
    assert found.columns["start_at"][0] == f"{{Date}} {{{name}}}"
    assert found.more.get("timezone") == zone


RACES = [(race, trap, f"Dog {race}{trap}") for race in (1, 2, 3) for trap in range(1, 7)]


@pytest.mark.parametrize(
    "name",
    [
        "snapshot_time", "retrieved_time", "update_time", "log_time", "Price Time", "Date Placed", "Bet Date",
        "Time To Jump", "polled date", "Whelp Date", "Registration Date", "LR Date", "Off (GMT+1)", "Off (UTC+1)",
        "Time (UTC+10)", "Time CET", "NSW Time", "Time (EST)", "Irish Time",
    ],
)  # fmt: skip
def test_a_moment_whose_name_may_mean_another_or_another_clock_is_no_off(tmp_path: Path, name: str) -> None:
    rows = [f"2024-06-27 18:{race * 15}:00,Hove,{trap},{dog}" for race, trap, dog in RACES]
    assert suggested(tmp_path, "Off,Track,Trap,Dog", *rows)["start_at"] == "Off"
    found = suggested(tmp_path, f"{name},Track,Trap,Dog", *rows)
    assert "start_at" not in found
    assert f"{name} is not taken for the off or its day: its name may say another moment" in str(found["said"])


@pytest.mark.parametrize("name", ["Whelp Date", "Registration Date", "LR Date", "Debut", "Price Time"])
def test_a_day_or_clock_whose_name_may_mean_another_is_not_taken(tmp_path: Path, name: str) -> None:
    rows = [f"2024-06-27,18:{race * 15},Hove,{trap},{dog}" for race, trap, dog in RACES]
    header = f"Date,{name},Track,Trap,Dog" if name == "Price Time" else f"{name},Off,Track,Trap,Dog"
    assert "start_at" not in suggested(tmp_path, header, *rows)


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        ("2024-06-27 18:{minute}:02", "races are due at whole minutes"),
        ("2024-06-27T18:{minute}:02Z", "races are due at whole minutes"),
        ("2024-06-27 18:{fallen}:00", "does not rise with the race number"),
        ("2024-06-27 18:1{race}:00", "does not rise with the race number by what races of a meeting are apart"),
        ("2024-06-27 8:{minute}", "a clock of twelve hours"),
    ],
)
def test_moments_that_no_meetings_races_have_are_no_offs(tmp_path: Path, clock: str, said: str) -> None:
    rows = [
        f"{clock.format(race=race, minute=race * 15, fallen=60 - race * 15)},Hove,{race},{trap},{dog}"
        for race, trap, dog in RACES
    ]
    found = suggested(tmp_path, "Date,Track,Race No,Trap,Dog", *rows)
    assert "start_at" not in found
    assert said in str(found["said"])


def test_a_day_that_differs_among_the_dogs_of_one_track_and_time_is_none_of_races(tmp_path: Path) -> None:
    rows = [f"2024-06-{8 * race + trap:02},18:{race * 15},Hove,{trap},{dog}" for race, trap, dog in RACES]
    found = suggested(tmp_path, "Day,Off,Track,Trap,Dog", *rows)
    assert "start_at" not in found
    assert "Day is not taken for the off's day: it differs from dog to dog" in str(found["said"])


@pytest.mark.parametrize(
    ("days", "is_off"),
    [
        (("23/06/12", "23/06/12"), False),
        (("23/06/12", "23/06/13"), False),
        (("23-06-12", "24-07-13"), False),
        (("12/06/24", "13/06/24"), True),
        (("31/05/24", "31/05/24"), True),
        (("09/06/24", "09/06/24"), True),
        (("23/06/2012", "23/06/2012"), True),
    ],
)
def test_dates_that_may_begin_with_the_year_are_no_offs(tmp_path: Path, days: tuple[str, ...], is_off: bool) -> None:
    rows = [f"{day},{18 + n}:36,Hove,{n},Dog {n}" for n, day in enumerate(days, 1)]
    found = suggested(tmp_path, "Date,Off,Track,Trap,Dog", *rows)
    assert ("start_at" in found) == is_off
    assert ("may begin with the year or end with it" in str(found["said"])) != is_off


def test_a_moment_at_which_several_dogs_leave_one_trap_is_no_off(tmp_path: Path) -> None:
    rows = [f"2024-06-27 18:15:00,Hove,{trap},{dog}" for _, trap, dog in RACES]
    found = suggested(tmp_path, "Date,Track,Trap,Dog", *rows)
    assert "start_at" not in found
    assert "several dogs of one trap" in str(found["said"])


@pytest.mark.parametrize("header", ["Date (UTC),Time (AEST)", "Local Date,Time UTC", "Date,UK Time (UTC)"])
def test_a_day_and_a_time_of_several_zones_are_no_off(tmp_path: Path, header: str) -> None:
    found = suggested(tmp_path, f"Track,{header},Dog", "Sale,2024-06-27,18:36,Alpha", "Sale,2024-06-27,19:36,Beta")
    assert "start_at" not in found
    assert "its columns say several zones" in str(found["said"])


def test_an_abbreviation_that_changes_below_the_sample_is_not_read_as_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("Track,Date,Time,Dog\nSale,2024-06-27,18:36 AEST,Alpha\nSale,2024-06-28,19:36 AEST,Beta\n")
    feed = FeedSettings.model_validate(suggest(path, is_track).entry())
    path.write_text("Track,Date,Time,Dog\nSale,2024-06-27,18:36 AEST,Alpha\nSale,2024-10-28,19:36 AEDT,Beta\n")
    (frame,) = CsvFeed("mine", feed).read(path, path.name, ReadReport())
    assert frame["start_at"].to_list() == [datetime(2024, 6, 27, 8, 36, tzinfo=UTC), None]
    assert frame["problems"].is_null().to_list() == [True, False]


def test_times_of_several_zones_are_no_off(tmp_path: Path) -> None:
    rows = [f"Sale,2024-06-27,{17 + n}:36 ({zone}),Dog {n}" for n, zone in enumerate(("AEST", "AWST", "AEST"))]
    found = suggested(tmp_path, "Track,Date,Time,Dog", *rows)
    assert "start_at" not in found
    assert "it names several zones" in str(found["said"])


def test_a_blank_hour_is_no_ditto_where_the_rest_of_the_race_is_stated(tmp_path: Path) -> None:
    rows = [f"Hove,2024-06-27,{'' if n % 2 else f'1{n}:05'},Dog {n}" for n in range(8)]
    path = tmp_path / "sheet.csv"
    path.write_text("\n".join(["Track,Date,Off,Dog", *rows]) + "\n")
    assert "fill_down" not in suggest(path, is_track).more


def test_a_race_number_comes_out_of_its_cell(tmp_path: Path) -> None:
    rows = [f"Hove,2024-06-27,18:{10 + race},R{race},Dog {race}" for race in (1, 2, 3)]
    found = suggested(tmp_path, "Track,Date,Time,Race,Dog", *rows)
    assert found["race_number"] == {"column": "Race", "pattern": r"^R(\d{1,2})$"}


@pytest.mark.parametrize(
    ("name", "values", "target"),
    [
        ("Fin", ("29.55", "29.70", "29.81"), None),
        ("Fin", ("1/2", "3/4", "1/2"), None),
        ("Fin", ("1", "2", "DNF"), "finish_position"),
        ("Pos", ("1st", "2nd", "=2"), "finish_position"),
        ("Place", ("0", "1", "0"), None),
        ("Pos", ("1", "1", "1"), None),
        ("Won", ("0", "1", "0"), "result"),
        ("Result", ("WIN", "LOSE", "NR"), "result"),
        ("Result", ("Lucky Dog", "Other Dog", "Lucky Dog"), None),
        ("Trap", ("1", "1", "1"), None),
        ("Trap", ("1", "2", "3"), "trap"),
        ("Matched", ("6.67E+07", "1", "2"), None),
    ],
)
def test_a_column_is_taken_by_its_cells_and_not_by_its_name_alone(
    tmp_path: Path, name: str, values: tuple[str, ...], target: str | None
) -> None:
    rows = [f"Hove,2024-06-27,18:36,Dog {n},{value}" for n, value in enumerate(values)]
    found = suggested(tmp_path, f"Track,Date,Off,Dog,{name}", *rows)
    named = {
        each
        for each, origin in found.items()
        if origin == name or (isinstance(origin, dict) and origin.get("column") == name)
    }
    assert named == ({target} if target else set())


def test_ids_that_a_spreadsheet_spoiled_are_left_out(tmp_path: Path) -> None:
    rows = [f"Hove,2024-06-27,18:36,Dog {n},6.67E+07,1.23E+09" for n in range(3)]
    found = suggested(tmp_path, "Track,Date,Off,Dog,Selection ID,Market ID", *rows)
    assert not {"selection_id", "market_id"} & set(found)


def test_an_id_of_several_races_is_no_markets(tmp_path: Path) -> None:
    rows = [f"Hove,2024-06-{day},18:36,Dog {day}{n},70007" for day in (27, 28) for n in range(3)]
    found = suggested(tmp_path, "Track,Date,Off,Dog,Race ID", *rows)
    assert "market_id" not in found
    assert "races share it" in str(found["said"])


RUNS = {"ACTIVE": True, "SCRATCHED": False}


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("ride_status", ("Runner", "Runner", "NONRUNNER")),
        ("status", ("Ran", "Ran", "Non Runner")),
        ("Runner Status", ("ACTIVE", "", "REMOVED")),
        ("Non Runner", ("False", "False", "True")),
        ("is_non_runner", ("0", "0", "1")),
        ("Scratched", ("N", "N", "Y")),
        ("NR", ("", "", "NR")),
        ("Withdrawn", ("", "", "yes")),
        ("Comment (NR)", ("", "", "")),
    ],
)
def test_a_dog_that_does_not_run_is_scratched_however_its_column_says_so(
    tmp_path: Path, name: str, cells: tuple[str, ...]
) -> None:
    mark = " (NR)" if name == "Comment (NR)" else ""
    dogs = [("Alpha One", 1, cells[0]), ("Swift Beta", 2, cells[1]), (f"Gamma Ray{mark}", 3, cells[2])]
    path = tmp_path / "sheet.csv"
    rows = [f"Hove,2024-06-27,18:36,{trap},{dog},3.5,{cell}" for dog, trap, cell in dogs]
    path.write_text("\n".join([f"Track,Date,Off,Trap,Dog,Odds,{name}", *rows]) + "\n")
    (frame,) = CsvFeed("mine", FeedSettings.model_validate(suggest(path, is_track).entry())).read(
        path, path.name, ReadReport()
    )
    assert frame["problems"].null_count() == 3
    assert [RUNS[status] for status in frame["status"]] == [True, True, False]
    assert frame["dog_name"].to_list() == ["Alpha One", "Swift Beta", "Gamma Ray"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Race Status", ("Open", "Open")),
        ("Nr", ("1", "1")),
        ("Status", ("Resulted", "Open")),
        ("Scratched", ("2", "3")),
    ],
)
def test_a_column_of_other_words_is_no_status(tmp_path: Path, name: str, cells: tuple[str, str]) -> None:
    rows = [f"Hove,2024-06-27,18:36,{trap},Dog {trap}x,3.5,{cell}" for trap, cell in enumerate(cells, 1)]
    assert "status" not in suggested(tmp_path, f"Track,Date,Off,Trap,Dog,Odds,{name}", *rows)


def test_small_numbers_are_races_and_no_ids(tmp_path: Path) -> None:
    header = "Track,Date,Off,Race ID,Meeting ID,Trap,Selection ID,Dog,Odds"
    rows = [
        f"{track},2024-06-27,{18 + race}:{minute},{race},{meeting},{trap},{trap},Dog {meeting}{race}{trap}x,3.5"
        for meeting, (track, minute) in enumerate((("Hove", "06"), ("Romford", "12")), 1)
        for race in (1, 2, 3)
        for trap in (1, 2, 3)
    ]
    found = suggested(tmp_path, header, *rows)
    assert found["race_number"] == "Race ID"
    assert not {"market_id", "event_id", "selection_id"} & found.keys()


@pytest.mark.parametrize(
    ("ids", "is_taken"),
    [
        (("31001", "31002", "31003"), True),
        (("401", "402", "403"), True),
        (("1", "2", "3"), False),
        (("7001", "7001", "7001"), False),
    ],
)
def test_an_id_that_several_dogs_share_is_none_of_dogs(tmp_path: Path, ids: tuple[str, ...], is_taken: bool) -> None:
    rows = [
        f"Hove,2024-06-27,18:{10 + race},{trap},{ids[trap - 1] if race else ids[0]},Dog {trap if race else 1}x,3.5"
        for race in range(4)
        for trap in ((1, 2, 3) if race else (1,))
    ]
    found = suggested(tmp_path, "Track,Date,Off,Trap,Dog ID,Dog,Odds", *rows)
    assert ("selection_id" in found) == is_taken
    shared = "selection_id from Dog ID is left out: dogs of different names share it"
    assert (shared in str(found["said"])) == (ids[0] == ids[1])


@pytest.mark.parametrize(
    "name",
    ["Predicted Position", "Tipped Place", "Bend Position", "First Bend Position", "Sectional Pos", "Pred Pos",
     "Position Pick", "Win Pick", "pred_win", "Projected Finish", "Result Tip", "pick", "pred"],
)  # fmt: skip
@pytest.mark.parametrize("cells", [("1", "2", "3"), ("1", "0", "0"), ("Win", "Lose", "Lose")])
def test_what_somebody_expects_or_a_place_on_the_way_is_no_result(
    tmp_path: Path, name: str, cells: tuple[str, ...]
) -> None:
    rows = [f"Hove,2024-06-27,18:36,{trap},Dog {trap}x,3.5,{cell}" for trap, cell in enumerate(cells, 1)]
    found = suggested(tmp_path, f"Track,Date,Off,Trap,Dog,Odds,{name}", *rows)
    assert not {"finish_position", "result"} & found.keys()


@pytest.mark.parametrize(
    ("name", "target", "cells"),
    [
        ("Pos", "finish_position", ("Won", "2nd", "Fell")),
        ("Pos", "finish_position", ("First", "Second", "Third")),
        ("Pos", "finish_position", ("Winner", "2nd", "BD")),
        ("Result", "finish_position", ("1st DH", "1st DH", "Non Runner")),
        ("rOutcomeDesc", "finish_position", ("1st", "2nd", "3rd")),
        ("SP", "sp_fraction", ("Even Money", "2 to 1", "5/2 (F)")),
        ("oddsDesc", "sp_fraction", ("5/2", "EvsF", "7/4")),
        ("Odds", "price", ("2.5", "SCR", "N/R")),
        ("SP (Dec)", "sp_decimal", ("2.5", "3", "4")),
    ],
)
def test_words_of_results_and_prices_are_read(tmp_path: Path, name: str, target: str, cells: tuple[str, ...]) -> None:
    rows = [f"Hove,2024-06-27,18:36,{trap},Dog {trap}x,{cell}" for trap, cell in enumerate(cells, 1)]
    found = suggested(tmp_path, f"Track,Date,Off,Trap,Dog,{name}", *rows)
    assert found[target] == name


def test_both_notations_of_a_starting_price_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    header = "Track,Date,Off,Trap,Dog,SP (Frac),SP (Dec)\n"
    path.write_text(header + "Hove,2024-06-27,18:36,1,Alpha,5/2F,3.40\nHove,2024-06-27,18:36,2,Beta,2,3.00\n")
    feed = CsvFeed("mine", FeedSettings.model_validate(suggest(path, is_track).entry()))
    path.write_text(path.read_text() + "Hove,2024-06-27,18:36,3,Gamma,weird,4.00\n")
    (frame,) = feed.read(path, path.name, ReadReport())
    assert frame.select("sp_fraction", "sp_decimal", "favourite").rows()[:2] == [("5/2F", 3.4, "F"), ("2", 3.0, None)]
    assert frame["problems"].is_null().to_list() == [True, True, False]


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("Pos", ("1", "VOID", "3"), "Pos is left out: 'VOID' is not read as finish_position"),
        ("Finish", ("1", "LTE", "3"), "Finish is left out: 'LTE' is not read as finish_position"),
        ("SP", ("5/2", "10s", "7/4"), "SP is left out: '10s' is not read as sp_fraction"),
        ("Status", ("Ran", "Resulted", "Ran"), "Status is left out: 'Resulted' is not read as status"),
        ("Scratched", ("no", "perhaps", "no"), "Scratched is left out: 'perhaps' is not read as status"),
        ("Meeting ID", ("1", "1", "1"), "Meeting ID is left out: '1' is not read as event_id"),
        ("Runner", ("A Lad", "B Lad", "C Lad"), "Runner is left out: selection_name is taken from Dog"),
        ("Trainer", ("A Man", "B Man", "C Man"), ""),
        ("SP", ("", "", ""), ""),
    ],
)
def test_a_column_of_ours_that_is_not_taken_is_told_with_the_cell(
    tmp_path: Path, name: str, cells: tuple[str, ...], said: str
) -> None:
    rows = [f"Hove,2024-06-27T18:36:00Z,{trap},Dog {trap}x,{cell}" for trap, cell in enumerate(cells, 1)]
    found = suggested(tmp_path, f"Track,Start Time,Trap,Dog,{name}", *rows)
    assert said in str(found["said"])
    assert bool(said) == ("is left out" in str(found["said"]))


def test_a_page_saved_as_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="HTML page"):
        suggested(tmp_path, "<!DOCTYPE html>", "<html><body>Track,Dog</body></html>")


def test_a_first_line_that_is_blank_and_a_year_nobody_states(tmp_path: Path) -> None:
    rows = [f'"Thursday, September 05",Crayford (GBR),Race {n},380m,11:{n}0PM (AEST),Dog {n}' for n in (1, 2, 3)]
    header = "Meeting Title,Meeting Row Title,Race Title,Distance,Time,Greyhound Name"
    found = suggested(tmp_path, "", header, *rows)
    assert "start_at" not in found
    assert "days without a year" in str(found["said"])
    named = suggested(tmp_path, "", header, *rows, name="greyhound_data_2024.csv")
    assert named["start_at"] == {
        "template": "{Meeting Title} {file.year} {Time}",
        "pattern": r"^(.*?)\s*\(?AEST\)?$",
        "formats": ["%A, %B %d %Y %I:%M %p"],
    }
    # The 5th of September was no Thursday in 2023: the year in the name is not that of the races.
    assert "start_at" not in suggested(tmp_path, "", header, *rows, name="greyhound_data_2023.csv")


NAMES_OF_COLUMNS = (
    "Time", "Start", "Race", "Trap", "Price", "SP", "BSP", "Pos", "Fin", "Result", "Grade", "Distance", "Race ID",
    "{Track}", "a,b", "", "Win Time", "Dog", "Matched",
)  # fmt: skip
CELLS = (
    "Hove", "27/06/2024", "2024-06-27 00:00:00", "18:36", "7.44", "11:23PM (AEST)", "R6", "T1", "5/2", "7-4", "3",
    "3.5", "1.250", "NR", "n/p", "DNF", "1/2", "", "-", "29.55", "480m", "Swift \u00c9clair", "6.67E+07", "\u0000",
    "1e400", "Thursday, September 05", "20:20  Sale", "9" * 40, "=1+1", "T2", "A3", "1.2300455", "winner",
)  # fmt: skip
KNOWN = (
    ("Hove", "Sale", ""),
    ("27/06/2024", "28/06/2024"),
    ("18:36", "19:36", "1:36"),
    ("Alpha", "Beta", "VACANT", ""),
)


@given(
    st.lists(st.sampled_from(NAMES_OF_COLUMNS), max_size=5),
    st.lists(
        st.tuples(
            st.tuples(*map(st.sampled_from, KNOWN)),
            st.lists(st.sampled_from(CELLS) | st.text(max_size=6), min_size=5, max_size=5),
        ),
        min_size=1,
        max_size=6,
    ),
)
@settings(max_examples=25)
def test_whatever_a_file_holds_its_entry_is_one_that_the_settings_take_and_a_feed_reads(
    tmp_path: Path, others: list[str], rows: list[tuple[tuple[str, ...], list[str]]]
) -> None:
    path = tmp_path / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        header = ["Track", "Date", "Off", "Dog", *others]
        csv.writer(file).writerows([header, *([*known, *cells][: len(header)] for known, cells in rows)])
    try:
        found = suggest(path, is_track)
    except UnreadableFileError:
        return
    if found.missing:
        return
    feed = CsvFeed("mine", FeedSettings.model_validate(found.entry()))
    assert yaml.safe_load(found.as_yaml("mine"))["sources"]["csv_feeds"]["mine"] == found.entry()
    report = ReadReport()
    records = sum(frame.height for frame in feed.read(path, path.name, report))
    assert records == report.rows_read
