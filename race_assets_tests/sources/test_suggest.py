"""A feed suggested for a file maps what matters, whatever the file calls it; a file of something else is told apart."""

from pathlib import Path

import pytest
import yaml

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
