"""A feed reads what its entry says, infers what it leaves out, and loses nothing: layouts, values, days, records."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import UnreadableFileError
from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform
from race_assets.settings.feeds import FeedSettings
from race_assets.sources import delimited
from race_assets.sources.base import ReadReport
from race_assets.sources.csv_feed.feed import CsvFeed

PLAIN = {"track_name": "Track", "start_at": "{Date} {Off}", "trap": "Trap", "selection_name": "Dog", "price": "Price"}
HEADER = "Track,Date,Off,Trap,Dog,Price"
ALPHA = "Romford,27/06/2024,18:36,1,Alpha,3.50"
BETA = "Romford,27/06/2024,18:36,2,Beta,4.00"
OFF = datetime.fromisoformat("2024-06-27T18:36")
READ = [("Romford", OFF, 1, "Alpha", 3.5), ("Romford", OFF, 2, "Beta", 4.0)]


class Reading:
    """What a feed made of a file."""

    def __init__(self, path: Path, data: bytes | str, feed: dict[str, Any], name: str = "sheet.csv") -> None:
        file = path / name
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.file = file
        self.source = CsvFeed("mine", FeedSettings.model_validate({"columns": PLAIN, **feed}))
        self.report = ReadReport()
        parts = [conform(part, PARSED) for part in self.source.read(file, name, self.report)]
        self.frame = pl.concat(parts).sort("source_row", "market_type", descending=[False, True])

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        return self.frame.select(columns).rows()

    @property
    def runners(self) -> list[tuple[Any, ...]]:
        return self.rows("track_name", "start_local", "trap", "dog_name", "price")

    @property
    def rules(self) -> list[list[str]]:
        return [[each["rule"] for each in problems or []] for problems in self.frame["problems"].to_list()]


def text(*lines: str, end: str = "\n") -> str:
    return end.join(lines) + end


BIG = "x" * 67_000
LAYOUTS: dict[str, tuple[bytes | str, dict[str, Any]]] = {
    "commas": (text(HEADER, ALPHA, BETA), {}),
    "semicolons and decimal commas": (
        text(*(line.replace(",", ";").replace(".", ",") for line in (HEADER, ALPHA, BETA))), {},
    ),
    "tabs": (text(HEADER, ALPHA, BETA).replace(",", "\t"), {}),
    "pipes": (text(HEADER, ALPHA, BETA).replace(",", "|"), {}),
    "utf-16 with byte order mark": (text(HEADER, ALPHA, BETA).encode("utf-16"), {}),
    "utf-16 without": (text(HEADER, ALPHA, BETA).encode("utf-16-le"), {}),
    "utf-8 with byte order mark": (text(HEADER, ALPHA, BETA).encode("utf-8-sig"), {}),
    "windows line ends": (text(HEADER, ALPHA, BETA, end="\r\n"), {}),
    "all quoted": (text(*('"' + line.replace(",", '","') + '"' for line in (HEADER, ALPHA, BETA))), {}),
    "a quoted line end": (text(HEADER + ",Note", ALPHA + ',"two\nlines"', BETA + ",one"), {}),
    "a huge cell": (text(HEADER + ",Note", ALPHA + "," + BIG, BETA + ",small"), {}),
    "header on line 3": (text("Results of the club", "", HEADER, ALPHA, BETA), {}),
    "header on a line that is named": (text("Track,Trap", "x,y", HEADER, ALPHA, BETA), {"header": 3}),
    "no header": (
        text(ALPHA, BETA),
        {
            "header": "none",
            "columns": {
                "track_name": "column_1", "start_at": "{column_2} {column_3}", "trap": "column_4",
                "selection_name": "column_5", "price": "column_6",
            },
        },
    ),
    "no header and two lines to skip": (
        text("exported today", "by hand", ALPHA, BETA),
        {
            "header": "none", "skip": 2,
            "columns": {
                "track_name": "column_1", "start_at": "{column_2} {column_3}", "trap": "column_4",
                "selection_name": "column_5", "price": "column_6",
            },
        },
    ),
    "another quote": (text(HEADER, ALPHA, BETA.replace("Beta", "'Beta'")), {"quote": "'"}),
    "names in other letters and order": (
        text(
            "dog, PRICE ,trap,OFF,date,track",
            "Alpha,3.50,1,18:36,27/06/2024,Romford",
            "Beta,4.00,2,18:36,27/06/2024,Romford",
        ),
        {},
    ),
    "currency signs": (text(HEADER, ALPHA.replace("3.50", "$3.50"), BETA.replace("4.00", "£4.00")), {}),
    "null words": (
        text(HEADER, ALPHA, BETA, "Romford,27/06/2024,18:36,3,Gamma,n/a").replace("n/a", "N/A"),
        {"filters": [{"reason": "no_price", "when": {"Price": None}}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_layout_is_read_whatever_it_is(tmp_path: Path, case: str) -> None:
    data, feed = LAYOUTS[case]
    reading = Reading(tmp_path, data, feed)
    assert [row for row in reading.runners if row[3] != "Gamma"] == READ
    assert not any(reading.rules)


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_row_is_found_again_where_it_began(tmp_path: Path, case: str) -> None:
    data, feed = LAYOUTS[case]
    reading = Reading(tmp_path, data, feed)
    offsets = reading.frame["byte_offset"].to_list()
    found = reading.source.rows_as_read(reading.file, offsets)
    assert ["Alpha" in found[offsets[0]].text, "Beta" in found[offsets[1]].text] == [True, True]
    assert "Beta" not in found[offsets[0]].text


def test_rows_that_are_no_rows_are_refused_with_their_line_and_no_other_row_is_lost(tmp_path: Path) -> None:
    lines = [HEADER, ALPHA, "Romford,27/06/2024", BETA, ALPHA + ",7,8,9", 'Romford,"27', "Total: 2 rows"]
    reading = Reading(tmp_path, text(*lines), {})
    assert reading.runners[0] == READ[0]
    assert READ[1] in reading.runners
    refused = [(row, rules) for row, rules in zip(reading.frame["source_row"], reading.rules, strict=True) if rules]
    assert refused == [(3, ["field_count"]), (5, ["field_count"]), (6, ["text"]), (7, ["field_count"])]
    assert reading.report.rows_read == 6
    assert 4 <= reading.report.rows_careful <= 6


def test_a_column_that_stands_twice_is_told_and_its_first_is_taken(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER + ",Price", ALPHA + ",99", BETA + ",99"), {})
    assert reading.runners == READ
    assert reading.report.warnings == ["column 'price' stands twice; the one at position 7 is 'price#7'"]


def test_columns_with_names_that_the_reader_uses_itself_are_read_like_others(tmp_path: Path) -> None:
    header = "notes,source_row,byte_offset,Trap,Dog,Price,problems"
    plain = {**PLAIN, "track_name": "Notes", "start_at": "{source_row} {byte_offset}", "race_type": "problems"}
    reading = Reading(tmp_path, text(header, ALPHA + ",A3", BETA + ",A3"), {"columns": plain})
    assert reading.runners == READ
    assert reading.rows("source_row", "byte_offset", "notes", "race_type") == [
        (2, len(header) + 1, None, "A3"),
        (3, len(header) + len(ALPHA) + 5, None, "A3"),
    ]
    assert reading.report.warnings == []


def test_a_day_that_does_not_exist_is_told_once(tmp_path: Path) -> None:
    rows = [ALPHA, "Romford,31/02/2024,18:36,2,Beta,4.00", "Romford,27/06/2024,99:99,3,Gamma,4.00"]
    reading = Reading(tmp_path, text(HEADER, *rows), {"columns": {**PLAIN, "race_date": "Date"}})
    assert reading.rules == [[], ["start_time"], ["start_time"]]
    both = text(HEADER + ",Day", f"{ALPHA},27/06/2024", f"{rows[1]},32/06/2024", f"{rows[2]},33/06/2024")
    reading = Reading(tmp_path, both, {"columns": {**PLAIN, "race_date": "Day"}})
    # Two faults of two columns are two.
    assert reading.rules == [[], ["start_time"] * 2, ["start_time"] * 2]


def test_a_file_without_a_column_the_feed_reads_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="'price' is missing"):
        Reading(tmp_path, text(HEADER.replace("Price", "Cost"), ALPHA), {})


def test_what_an_encoding_cannot_say_is_noted(tmp_path: Path) -> None:
    data = text(HEADER, ALPHA, BETA).encode().replace(b"Beta", b"Be\x81ta")
    reading = Reading(tmp_path, data, {"encoding": "cp1252"})
    assert reading.rows("notes") == [(None,), (["undecodable"],)]


def test_windows_letters_and_pounds_survive(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER, ALPHA.replace("Alpha", "£ Día")).encode("cp1252"), {"encoding": "cp1252"})
    assert reading.rows("selection_name") == [("£ Día",)]


# Dates and times


@pytest.mark.parametrize(
    ("day", "off"),
    [
        ("2024-06-27", "18:36"), ("27-06-2024", "18:36:00"), ("27.06.2024", "6:36 PM"), ("27 Jun 2024", "06:36PM"),
        ("27 June 2024", "18:36:00.000"), ("06/27/2024", "18:36"), ("20240627", "18:36"), ("27/06/24", "18:36"),
        ("Thursday, 27 June 2024", "18:36"), ("27-Jun-2024", "18:36"),
    ],
)  # fmt: skip
def test_ways_to_write_a_date_are_told_from_the_file(tmp_path: Path, day: str, off: str) -> None:
    reading = Reading(tmp_path, text(HEADER, f'Romford,"{day}",{off},1,Alpha,3.50'), {})
    assert reading.runners == READ[:1]
    assert reading.rows("race_date") == [(date(2024, 6, 27),)]


def test_day_and_month_that_cannot_be_told_apart_are_day_first_and_told_of(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER, "Romford,05/06/2024,18:36,1,Alpha,3.5"), {})
    assert reading.rows("race_date") == [(date(2024, 6, 5),)]
    (warning,) = reading.report.warnings
    assert "day and month cannot be told apart" in warning


def test_a_date_that_may_begin_with_its_year_is_told(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER, "Romford,23/06/12,18:36,1,Alpha,3.5"), {})
    assert reading.rows("race_date") == [(date(2012, 6, 23),)]
    (warning,) = reading.report.warnings
    assert "start_at: day and year cannot be told apart in this file, and are read as year last" in warning
    days = ("22/06/24", "23/06/24")
    told = Reading(tmp_path, text(HEADER, *(f"Romford,{day},18:36,1,Alpha,3.5" for day in days)), {})
    assert told.rows("race_date") == [(date(2024, 6, day),) for day in (22, 23)]
    assert told.report.warnings == []


def test_a_later_row_decides_which_of_day_and_month_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 400)
    lines = [f"Romford,05/06/2024,18:36,1,Dog {letter},3.5" for letter in "abcdefghijklmnopqrstuvwxyz" * 80]
    reading = Reading(tmp_path, text(HEADER, *lines, "Romford,06/27/2024,18:36,1,Alpha,3.5"), {})
    assert set(reading.frame["race_date"]) == {date(2024, 5, 6), date(2024, 6, 27)}
    assert reading.report.warnings == []


def test_a_date_that_does_not_exist_is_refused_and_its_neighbours_are_not(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER, ALPHA, "Romford,31/02/2024,18:36,2,Beta,4.00", BETA), {})
    assert reading.rules == [[], ["start_time"], []]


def test_an_offset_tells_instant_and_day(tmp_path: Path) -> None:
    lines = ["Track,When,Trap,Dog", "Albion Park,2024-06-01T08:21:00+10:00,1,Alpha"]
    feed = {"columns": {"track_name": "Track", "start_at": "When", "trap": "Trap", "selection_name": "Dog"}}
    reading = Reading(tmp_path, text(*lines), feed)
    expected = (datetime(2024, 5, 31, 22, 21, tzinfo=UTC), None, date(2024, 6, 1))
    assert reading.rows("start_at", "start_local", "race_date") == [expected]


def test_times_of_a_named_zone_are_instants_whose_day_the_track_tells(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER, ALPHA), {"timezone": "Australia/Sydney"})
    assert reading.rows("start_at", "race_date") == [(datetime(2024, 6, 27, 8, 36, tzinfo=UTC), None)]


def test_hours_that_do_not_exist_or_exist_twice_are_told(tmp_path: Path) -> None:
    lines = ["Romford,31/03/2024,01:30,1,Alpha,3.5", "Romford,27/10/2024,01:30,1,Alpha,3.5"]
    reading = Reading(tmp_path, text(HEADER, *lines), {"timezone": "Europe/London"})
    assert reading.rules == [["local_time"], []]
    assert reading.rows("start_at", "notes")[1] == (datetime(2024, 10, 27, 0, 30, tzinfo=UTC), ["local_time_ambiguous"])


def test_a_column_may_name_each_rows_zone(tmp_path: Path) -> None:
    lines = [HEADER + ",Zone", ALPHA + ",Europe/London", BETA + ",Australia/Perth"]
    reading = Reading(tmp_path, text(*lines), {"timezone": "{Zone}"})
    at = [datetime(2024, 6, 27, 17, 36, tzinfo=UTC), datetime(2024, 6, 27, 10, 36, tzinfo=UTC)]
    assert reading.rows("start_at") == [(each,) for each in at]
    assert reading.rows("race_date") == [(date(2024, 6, 27),)] * 2


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("UTC", datetime(2024, 6, 27, 18, 36, tzinfo=UTC), None),
        ("GMT", datetime(2024, 6, 27, 18, 36, tzinfo=UTC), None),
        ("+00:00", datetime(2024, 6, 27, 18, 36, tzinfo=UTC), None),
        ("+10:00", datetime(2024, 6, 27, 8, 36, tzinfo=UTC), date(2024, 6, 27)),
        ("-0330", datetime(2024, 6, 27, 22, 6, tzinfo=UTC), date(2024, 6, 27)),
        ("Australia/Perth", datetime(2024, 6, 27, 10, 36, tzinfo=UTC), date(2024, 6, 27)),
    ],
)
def test_a_zone_in_a_cell_is_utc_an_iana_name_or_an_offset(
    tmp_path: Path, zone: str, at: datetime, day: date | None
) -> None:
    reading = Reading(tmp_path, text(HEADER + ",Zone", f"{ALPHA},{zone}"), {"timezone": "{Zone}"})
    assert reading.rules == [[]]
    assert reading.rows("start_at", "race_date") == [(at, day)]


@pytest.mark.parametrize(
    "zone", ["EST", "BST", "AEST", "MST", "EST5EDT", "Nowhere/Land", "+25:00", "10", "local", "+", ""]
)
def test_a_zone_in_a_cell_that_may_be_several_is_refused_by_name(tmp_path: Path, zone: str) -> None:
    reading = Reading(tmp_path, text(HEADER + ",Zone", f"{ALPHA},{zone}"), {"timezone": "{Zone}"})
    assert reading.rules == [["start_time"]]
    message = reading.frame["problems"][0][0]["message"]
    assert f"is of the zone '{zone}', which is no zone for certain; write UTC" in message


# Values


def test_values_translate_and_cases_decide(tmp_path: Path) -> None:
    lines = [HEADER + ",Res", ALPHA + ",1", BETA + ",2", "Romford,27/06/2024,18:36,3,Gamma,,", ALPHA + ",V"]
    columns = {
        **PLAIN,
        "result": {"column": "Res", "values": {"1": "winner", "2": "LOSER", "v": "VOID"}},
        "status": {"constant": "ACTIVE", "cases": [{"when": {"Res": None}, "value": "SCRATCHED"}]},
    }
    reading = Reading(tmp_path, text(*lines), {"columns": columns})
    assert reading.rows("result", "status") == [
        ("WINNER", "ACTIVE"), ("LOSER", "ACTIVE"), (None, "SCRATCHED"), ("VOID", "ACTIVE"),
    ]  # fmt: skip


def test_a_word_no_column_takes_is_refused_under_value(tmp_path: Path) -> None:
    reading = Reading(tmp_path, text(HEADER + ",Res", ALPHA + ",W"), {"columns": {**PLAIN, "result": "Res"}})
    assert reading.rules == [["value"]]


@pytest.mark.parametrize(
    ("spec", "cell", "expected"),
    [
        ({"price": "Price"}, "5/2", 3.5),
        ({"price": "Price"}, "EvensF", 2.0),
        ({"price": "Price"}, "3", 3.0),
        ({"price": {"column": "Price", "odds": "fractional"}}, "3", 4.0),
        ({"price": {"column": "Price", "odds": "fractional"}}, "3.5", 3.5),
        ({"price": {"column": "Price", "pattern": r"@\s*(\S+)"}}, "BACK @ 4.5", 4.5),
        ({"distance_m": "Price"}, "480m", 480),
        ({"distance_m": {"column": "Price", "unit": "yd"}}, "525", 480),
        ({"distance_m": {"column": "Price", "unit": "yd"}}, "480m", 480),
        ({"volume": "Price"}, "1,234.50", 1234.5),
        ({"volume": "Price"}, "£1,234", 1234.0),
        ({"sp_fraction": "Price"}, "13/8JF", "13/8JF"),
        ({"is_dead_heat": "Price"}, "Yes", True),
        ({"finish_position": "Price"}, "2.0", 2),
    ],
)
def test_cells_become_values(tmp_path: Path, spec: dict[str, Any], cell: str, expected: object) -> None:
    (target,) = spec
    line = f'Romford,27/06/2024,18:36,1,Alpha,"{cell}"'
    columns = {name: each for name, each in PLAIN.items() if name != "price"}
    reading = Reading(tmp_path, text(HEADER, line), {"columns": {**columns, **spec}})
    assert reading.rows(target) == [(expected,)]
    assert reading.rules == [[]]


def test_decimal_commas_group_nothing_they_should_not(tmp_path: Path) -> None:
    header, line = "Track;Date;Off;Trap;Dog;Price;Matched", "Romford;27/06/2024;18:36;1;Alpha;3,5;1.234,56"
    reading = Reading(tmp_path, text(header, line), {"columns": {**PLAIN, "volume": "Matched"}})
    assert reading.rows("price", "volume") == [(3.5, 1234.56)]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [("11/0", "number"), ("abc", "number"), ("NaN ", None), ("Infinity", "price_range"), ("1;5", "number")],
)
def test_prices_that_are_none_are_refused(tmp_path: Path, cell: str, rule: str | None) -> None:
    reading = Reading(tmp_path, text(HEADER, f"Romford,27/06/2024,18:36,1,Alpha,{cell}"), {})
    assert reading.rules == [[rule] if rule else []]


def test_a_starting_price_brings_its_decimal_and_its_favourite(tmp_path: Path) -> None:
    columns = {**PLAIN, "sp_fraction": "Price"}
    del columns["price"]
    reading = Reading(tmp_path, text(HEADER, ALPHA.replace("3.50", "13/8JF")), {"columns": columns})
    assert reading.rows("sp_fraction", "sp_decimal", "favourite") == [("13/8JF", 2.625, "JF")]


def test_the_name_of_the_file_tells_what_the_rows_do_not(tmp_path: Path) -> None:
    feed = {
        "file_name": r"Race (?P<race>\d+) - (?P<track>[A-Z]+) - (?P<day>.+)\.csv",
        "columns": {
            "track_name": {"column": "file.track", "values": {"BUL": "Bulli"}},
            "start_at": "{file.day} {Off}",
            "race_number": "file.race",
            "trap": "Trap",
            "selection_name": "Dog",
        },
    }
    reading = Reading(tmp_path, "Off,Trap,Dog\n18:36,1,Alpha\n", feed, "Race 10 - BUL - 01 July 2025.csv")
    assert reading.rows("track_name", "race_number", "race_date") == [("Bulli", 10, date(2025, 7, 1))]


def test_blanks_mean_the_cell_above_but_never_that_of_a_line_that_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    lines = [
        HEADER,
        ALPHA,
        ",,,2,Beta,4.0",
        "Hove,27/06/2024",
        ",,,3,Gamma,5.0",
        "Hove,27/06/2024,19:00,1,Delta,2.0",
        ",,,2,Eps,3.0",
    ]
    reading = Reading(tmp_path, text(*lines), {"fill_down": ["Track", "Date", "Off"]})
    assert reading.rows("track_name", "dog_name") == [
        ("Romford", "Alpha"), ("Romford", "Beta"), (None, None), (None, "Gamma"), ("Hove", "Delta"), ("Hove", "Eps"),
    ]  # fmt: skip


def test_fill_down_does_not_go_on_below_a_block_that_is_one_broken_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    monkeypatch.setattr(delimited, "LONGEST_LINE", 200)
    lines = [HEADER, ALPHA, "x" * 500, ",,,2,Beta,4.0"]
    reading = Reading(tmp_path, text(*lines), {"fill_down": ["Track", "Date", "Off"]})
    assert reading.rows("track_name", "dog_name")[-1] == (None, "Beta")


def test_filters_count_rows_under_the_first_reason_that_holds(tmp_path: Path) -> None:
    filters = [
        {"reason": "trial", "when": {"Price": {"matches": "^T"}}},
        {"reason": "vacant", "when": {"Dog": None}},
        {"reason": "not_romford", "when": {"Track": {"equals": ["romford", "hove"], "negate": True}}},
    ]
    lines = [
        HEADER,
        ALPHA,
        "Romford,27/06/2024,18:36,2,,T1",
        "Romford,27/06/2024,18:36,3,-,2.0",
        "Oxford,27/06/2024,18:36,1,X,2.0",
    ]
    reading = Reading(tmp_path, text(*lines), {"filters": filters})
    assert reading.rows("filtered") == [(None,), ("trial",), ("vacant",), ("not_romford",)]


def test_one_row_may_make_a_win_and_a_place_record_and_one_that_makes_none_is_counted(tmp_path: Path) -> None:
    markets = [
        {"market_type": "WIN", "when": {"Win": {"blank": False}}, "columns": {"market_id": "1.{Win}"}},
        {"market_type": "PLACE", "when": {"Plc": {"blank": False}}, "columns": {"market_id": "1.{Plc}"}},
    ]
    lines = [HEADER + ",Win,Plc", ALPHA + ",11,12", BETA + ",21,", ALPHA + ",,"]
    reading = Reading(tmp_path, text(*lines), {"markets": markets})
    assert reading.rows("source_row", "market_type", "market_id", "filtered") == [
        (2, "WIN", "1.11", None), (2, "PLACE", "1.12", None), (3, "WIN", "1.21", None), (4, "WIN", None, "no_market"),
    ]  # fmt: skip


def test_a_runner_without_ids_has_those_of_its_race_and_trap_or_name(tmp_path: Path) -> None:
    lines = [HEADER, ALPHA, "Romford,27/06/2024,18:36,,Beta Boy,4.00"]
    reading = Reading(tmp_path, text(*lines), {})
    assert reading.rows("market_id", "selection_id") == [
        ("Romford@20240627T1836", "t1"), ("Romford@20240627T1836", "BETA BOY"),
    ]  # fmt: skip


def test_the_parser_version_changes_with_what_a_feed_means_and_with_nothing_else() -> None:
    def version(**changes: object) -> int:
        return CsvFeed("mine", FeedSettings.model_validate({"columns": PLAIN, **changes})).parser_version

    assert version() == version(title="Other words", enabled=False)
    assert len({version(), version(separator=";"), version(null_words=["x"]), version(country="GB")}) == 4


@pytest.mark.parametrize("template", ["{Day", "Day}", "{} {Off}", "{{Day}}"])
def test_a_template_with_a_brace_too_many_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="has a brace without its other"):
        FeedSettings.model_validate({"columns": {**PLAIN, "start_at": {"template": template}}})


def test_a_template_names_columns_whatever_signs_they_have(tmp_path: Path) -> None:
    columns = {**PLAIN, "start_at": "{Day: of!race} {Off}"}
    data = text(HEADER.replace("Date", "Day: of!race"), ALPHA)
    assert Reading(tmp_path, data, {"columns": columns}).runners == READ[:1]


# Results


RESULTS = HEADER + ",Pos"
WITH_POSITION = {**PLAIN, "finish_position": "Pos"}


def finished(*positions: str) -> str:
    """Runners of one race with these positions, in the order of their traps."""
    rows = (f"Romford,27/06/2024,18:36,{trap},Dog {trap},3.5,{each}" for trap, each in enumerate(positions, start=1))
    return text(RESULTS, *rows)


def test_a_position_implies_its_result_where_the_file_has_none(tmp_path: Path) -> None:
    reading = Reading(tmp_path, finished("1", "2nd", "=3", "DNF", "NR", ""), {"columns": WITH_POSITION})
    assert reading.rows("finish_position", "result", "status") == [
        (1, "WINNER", "ACTIVE"),
        (2, "LOSER", "ACTIVE"),
        (3, "LOSER", "ACTIVE"),
        (None, "LOSER", "ACTIVE"),
        (None, None, "SCRATCHED"),
        (None, None, "ACTIVE"),
    ]
    assert not any(reading.rules)


def test_a_result_of_the_file_stands_and_only_its_blanks_are_completed(tmp_path: Path) -> None:
    lines = [RESULTS + ",Res", ALPHA + ",1,VOID", BETA + ",1,", "Romford,27/06/2024,18:36,3,Gamma,4.00,2,"]
    reading = Reading(tmp_path, text(*lines), {"columns": {**WITH_POSITION, "result": "Res"}})
    assert reading.rows("result") == [("VOID",), ("WINNER",), ("LOSER",)]


def test_a_position_says_nothing_of_a_place_market_or_of_a_dog_that_did_not_run(tmp_path: Path) -> None:
    columns = {**WITH_POSITION, "status": {"column": "Pos", "values": {"2": "SCRATCHED"}, "otherwise": "ACTIVE"}}
    markets = [{"market_type": "WIN"}, {"market_type": "PLACE"}]
    reading = Reading(tmp_path, finished("1", "2"), {"columns": columns, "markets": markets})
    assert reading.rows("market_type", "result") == [
        ("WIN", "WINNER"), ("PLACE", None), ("WIN", None), ("PLACE", None),
    ]  # fmt: skip


def test_a_number_that_is_no_place_is_noted_and_a_text_that_is_none_is_refused(tmp_path: Path) -> None:
    reading = Reading(tmp_path, finished("0", "18", "29.55"), {"columns": WITH_POSITION})
    assert reading.rows("finish_position", "result") == [(None, None), (None, "LOSER"), (None, None)]
    assert reading.rows("notes") == [(["position_is_no_place"],), (["position_is_no_place"],), (None,)]
    assert reading.rules == [[], [], ["number"]]


def test_a_non_runner_in_a_column_of_results_is_scratched(tmp_path: Path) -> None:
    lines = [HEADER + ",Res", ALPHA + ",NR", BETA + ",n/p", "Romford,27/06/2024,18:36,3,Gamma,4.00,N"]
    reading = Reading(tmp_path, text(*lines), {"columns": {**PLAIN, "result": "Res"}})
    assert reading.rows("result", "status") == [(None, "SCRATCHED"), (None, "ACTIVE"), (None, "ACTIVE")]
    assert reading.rules == [[], [], ["value"]]


@pytest.mark.parametrize("mark", ["(NR)", "(nr)", "(N/R)", "(Non Runner)", "(Scr)", "(scratched)", "(WD)", "(W) (NR)"])
def test_a_mark_of_a_non_runner_behind_a_name_is_no_part_of_it_and_scratches(tmp_path: Path, mark: str) -> None:
    reading = Reading(tmp_path, text(HEADER, ALPHA, ALPHA.replace("Alpha", f"Beta {mark}").replace(",1,", ",2,")), {})
    assert reading.rows("dog_name", "status") == [("Alpha", "ACTIVE"), ("Beta", "SCRATCHED")]


def test_a_word_for_a_non_runner_in_a_column_of_statuses_scratches(tmp_path: Path) -> None:
    columns = {**PLAIN, "status": "Price"}
    del columns["price"]
    rows = [ALPHA.replace("3.50", word) for word in ("active", "Non Runner", "REMOVED", "weird")]
    reading = Reading(tmp_path, text(HEADER, *rows), {"columns": columns})
    assert reading.rows("status") == [("ACTIVE",), ("SCRATCHED",), ("SCRATCHED",), (None,)]
    assert reading.rules == [[], [], [], ["value"]]


# Readings of numbers


def priced(*prices: str) -> str:
    """Runners of one race with these prices, in the order of their traps."""
    return text(
        HEADER, *(f'Romford,27/06/2024,18:36,{trap},Dog {trap},"{each}"' for trap, each in enumerate(prices, 1))
    )


SP = {**{name: each for name, each in PLAIN.items() if name != "price"}, "sp_fraction": "Price"}


@pytest.mark.parametrize(
    ("prices", "spec", "expected", "warnings"),
    [
        (("5/2", "3", "evens"), {}, [3.5, 4.0, 2.0], 1),
        (("7-4", "3"), {}, [2.75, 4.0], 1),
        (("7-4", "3"), {"odds": "decimal"}, [2.75, 3.0], 0),
        (("3.5", "3"), {}, [3.5, 3.0], 0),
        (("3", "4"), {}, [3.0, 4.0], 1),
        (("3", "4"), {"odds": "decimal"}, [3.0, 4.0], 0),
        (("3", "4"), {"odds": "fractional"}, [4.0, 5.0], 0),
        (("$2.70F", "NR", "n/p"), {}, [2.7, None, None], 0),
    ],
)
def test_whole_numbers_are_read_as_the_columns_other_prices_are(
    tmp_path: Path, prices: tuple[str, ...], spec: dict[str, str], expected: list[float], warnings: int
) -> None:
    columns = {**PLAIN, "price": {"column": "Price", **spec}}
    reading = Reading(tmp_path, priced(*prices), {"columns": columns})
    assert reading.frame["price"].to_list() == expected
    assert not any(reading.rules)
    assert len(reading.report.warnings) == warnings


@pytest.mark.parametrize(
    ("prices", "spec", "expected"),
    [
        (("5.0", "3", "2.70F"), {}, [5.0, 3.0, 2.7]),
        (("5/2", "3", "EvsF"), {}, [3.5, 4.0, 2.0]),
        (("5", "3"), {"odds": "decimal"}, [5.0, 3.0]),
        (("5", "3F"), {"odds": "fractional"}, [6.0, 4.0]),
        (("5", "3F"), {}, [6.0, 4.0]),
    ],
)
def test_starting_prices_are_read_in_the_notation_of_their_column(
    tmp_path: Path, prices: tuple[str, ...], spec: dict[str, str], expected: list[float]
) -> None:
    columns = {**SP, "sp_fraction": {"column": "Price", **spec}}
    reading = Reading(tmp_path, priced(*prices), {"columns": columns})
    assert reading.frame["sp_decimal"].to_list() == expected
    assert not any(reading.rules)


@pytest.mark.parametrize(("columns", "value"), [(SP, "sp_decimal"), (PLAIN, "price")])
def test_whole_numbers_of_a_column_with_both_notations_are_refused(
    tmp_path: Path, columns: dict[str, str], value: str
) -> None:
    reading = Reading(tmp_path, priced("5/2", "2.5", "3"), {"columns": columns})
    assert reading.frame[value].to_list() == [3.5, 2.5, None]
    assert reading.rules == [[], [], ["number"]]
    (problem,) = reading.frame["problems"][2]
    assert "may be decimal odds or a fraction" in problem["message"]
    assert "`odds: decimal` or `odds: fractional`" in problem["message"]


def test_starting_prices_that_are_all_whole_numbers_are_refused_with_what_to_do(tmp_path: Path) -> None:
    reading = Reading(tmp_path, priced("5", "3"), {"columns": SP})
    assert reading.rules == [["number"], ["number"]]


@pytest.mark.parametrize(("columns", "value"), [(SP, "sp_decimal"), (PLAIN, "price")])
@pytest.mark.parametrize(
    "cell", ["5/2 2F", "5/4 2F", "1 1/4", "5/2 4", "2.5 3.5", "12 34", "3 .5", "+250", "+2.5", "£ 5/2 £ 3", "3 12F"]
)
def test_two_prices_in_a_cell_and_american_odds_are_refused(
    tmp_path: Path, columns: dict[str, str], value: str, cell: str
) -> None:
    reading = Reading(tmp_path, priced("5/2", cell), {"columns": columns})
    assert reading.frame[value].to_list() == [3.5, None]
    assert reading.rules == [[], ["number"]]
    (problem,) = reading.frame["problems"][1]
    assert ("American odds, which are not read" in problem["message"]) == cell.startswith("+")


@pytest.mark.parametrize(("columns", "value"), [(SP, "sp_decimal"), (PLAIN, "price")])
@pytest.mark.parametrize(
    ("cell", "price"),
    [(" 5 / 2 ", 3.5), ("5/2 F", 3.5), ("7 - 4 jt fav", 2.75), ("£ 2.50", 2.5), ("2,5 €", 2.5), ("$2.50 F", 2.5)],
)
def test_blanks_at_the_ends_and_around_the_parts_of_a_price_are_no_matter(
    tmp_path: Path, columns: dict[str, str], value: str, cell: str, price: float
) -> None:
    # The sign before decimals is that of the file, which has no other number.
    reading = Reading(tmp_path, priced(cell), {"columns": columns})
    assert reading.frame[value].to_list() == [price]
    assert reading.rules == [[]]


@pytest.mark.parametrize(
    ("cell", "volume"), [("1 250", 1250.0), ("£1 234 567.5", 1_234_567.5), ("12 34", None), ("1 2", None)]
)
def test_blanks_group_three_digits_of_an_amount_each(tmp_path: Path, cell: str, volume: float | None) -> None:
    columns = {**PLAIN, "price": {"column": "Price", "odds": "decimal"}, "volume": "Umsatz"}
    reading = Reading(tmp_path, amounts(cell), {"columns": columns})
    assert reading.frame["volume"].to_list() == [volume]
    assert reading.rules == [[] if volume else ["number"]]


def test_a_later_block_decides_what_the_first_leaves_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 80)
    reading = Reading(tmp_path, priced(*["3"] * 20, "5/2"), {})
    assert reading.frame["price"].to_list() == [4.0] * 20 + [3.5]


def amounts(*volumes: str, price: str = "3") -> str:
    rows = (f"Hove;27/06/2024;19:01;{trap};Dog {trap};{price};{each}" for trap, each in enumerate(volumes, 1))
    return text("Track;Date;Off;Trap;Dog;Price;Umsatz", *rows)


@pytest.mark.parametrize(
    ("data", "feed", "expected", "is_warned"),
    [
        (amounts("1.250", "12.500", "980"), {}, [1.25, 12.5, 980], True),
        (amounts("1.250", "12.500", "980"), {"decimal": ","}, [1250, 12500, 980], False),
        (amounts("1.250", "12.500", "980"), {"decimal": "."}, [1.25, 12.5, 980], False),
        (amounts("1,250", "12,500", "980"), {}, [1250, 12500, 980], True),
        (amounts("1.250", price="3,5"), {}, [1250], False),
        (amounts("1.250", price="3.5"), {}, [1.25], False),
        (amounts("1.250", price="2.125"), {}, [1.25], False),
        (amounts("1.250", price="1.000"), {}, [1.25], True),
        (amounts("1.250", "1.234.567"), {}, [1250, 1234567], False),
        (amounts("1.250", "0.125"), {}, [1.25, 0.125], False),
        (amounts("1.250", "1.234,5"), {}, [1250, 1234.5], False),
        (amounts("980", "12"), {}, [980, 12], False),
    ],
)
def test_a_number_with_two_readings_is_told_unless_the_file_or_the_feed_decides(
    tmp_path: Path, data: str, feed: dict[str, Any], expected: list[float], is_warned: bool
) -> None:
    columns = {**PLAIN, "price": {"column": "Price", "odds": "decimal"}, "volume": "Umsatz"}
    reading = Reading(tmp_path, data, {"columns": columns, **feed})
    assert reading.frame["volume"].to_list() == expected
    told = [each for each in reading.report.warnings if "Umsatz" in each]
    assert len(told) == len(reading.report.warnings) == is_warned
    if is_warned:
        cell = "1.250" if "1.250" in data else "1,250"
        readings = ("1.250", "1250") if cell == "1.250" else ("1250", "1.250")
        assert f"'{cell}' may be {readings[0]} or {readings[1]}; it is read as {readings[0]}" in told[0]


def test_one_column_may_have_a_sign_before_decimals_of_its_own(tmp_path: Path) -> None:
    columns = {**PLAIN, "volume": {"column": "Umsatz", "decimal": ","}}
    reading = Reading(tmp_path, amounts("1.250", price="3.5"), {"columns": columns})
    assert reading.rows("price", "volume") == [(3.5, 1250.0)]
    assert reading.report.warnings == []


@given(
    st.lists(st.decimals(min_value=0, max_value=9_999_999, places=2), min_size=1, max_size=8),
    st.sampled_from([(",", "."), (".", ","), ("", "."), ("", ",")]),
)
@settings(max_examples=60)
def test_amounts_with_hundredths_are_read_whatever_signs_group_and_part_them(
    tmp_path: Path, values: list[Decimal], signs: tuple[str, str]
) -> None:
    group, decimal = signs
    written = [f"{value:,.2f}".translate({ord(","): "_", ord("."): decimal}).replace("_", group) for value in values]
    columns = {**PLAIN, "price": {"column": "Price", "odds": "decimal"}, "volume": "Umsatz"}
    reading = Reading(tmp_path, amounts(*written), {"columns": columns})
    assert reading.frame["volume"].to_list() == [float(value) for value in values]
    assert reading.report.warnings == []
