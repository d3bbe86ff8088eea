"""Betfair's starting-price files: each fact of SOURCE_FACTS 2 as a small invented file, then the real ones."""

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.console import explain
from race_assets.errors import UnreadableFileError
from race_assets.pipeline import land
from race_assets.pipeline.build import build
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_bsp import BetfairBsp, file_race_date
from race_assets.storage import rejects

HEADER = (
    "EVENT_ID,MENU_HINT,EVENT_NAME,EVENT_DT,SELECTION_ID,SELECTION_NAME,WIN_LOSE,BSP,PPWAP,MORNINGWAP,PPMAX,PPMIN,"
    "IPMAX,IPMIN,MORNINGTRADEDVOL,PPTRADEDVOL,IPTRADEDVOL"
)
ROW = {
    "EVENT_ID": "230100101",
    "MENU_HINT": "Kinsley 27th Jun",
    "EVENT_NAME": "A5 462m",
    "EVENT_DT": "27-06-2024 15:52",
    "SELECTION_ID": "70000001",
    "SELECTION_NAME": "1. Amber Teaspoon",
    "WIN_LOSE": "0",
    "BSP": "2.5",
    "PPWAP": "2.6",
    "MORNINGWAP": "2.7",
    "PPMAX": "3.1",
    "PPMIN": "2.2",
    "IPMAX": "1",
    "IPMIN": "1001",
    "MORNINGTRADEDVOL": "12.4",
    "PPTRADEDVOL": "1402.18",
    "IPTRADEDVOL": "0",
}
ANY_NAME = "greyhounds.csv"

Record = dict[str, object]
Parse = Callable[..., list[Record]]


def row(**cells: str) -> str:
    assert set(cells) <= set(ROW)
    return ",".join({**ROW, **cells}.values())


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    """Parses lines of a file with a name; gives its records in order of their lines."""

    def run(*lines: str, name: str = ANY_NAME, header: str = HEADER, encoding: str = "utf-8") -> list[Record]:
        path = tmp_path / "original"
        path.write_bytes("\n".join([header, *lines, ""]).encode(encoding))
        return records(path, name)

    return run


def records(path: Path, name: str) -> list[Record]:
    frames = BetfairBsp().read(path, name, ReadReport())
    return sorted((record for frame in frames for record in frame.to_dicts()), key=lambda record: record["source_row"])


def rules(record: Record) -> list[str]:
    return [problem["rule"] for problem in record["problems"] or []]


def said(record: Record) -> str:
    return "; ".join(problem["message"] for problem in record["problems"] or [])


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


# --- layouts by era (2.1, 2.2) --------------------------------------------------------------------------------------


def test_a_row_of_today_is_read_in_full(parse: Parse) -> None:
    [record] = parse(row())

    expected = {
        "source_row": 2,
        "byte_offset": len(HEADER) + 1,
        "notes": None,
        "problems": None,
        "filtered": None,
        "market_id": "1.230100101",
        "market_type": "WIN",
        "event_name": "Kinsley 27th Jun",
        "track_name": "Kinsley",
        "country": "GB/IE",
        "start_at": utc(2024, 6, 27, 14, 52),
        "race_date": date(2024, 6, 27),
        "race_type": "A5",
        "distance_m": 462,
        "race_number": None,
        "selection_id": "70000001",
        "selection_name": "1. Amber Teaspoon",
        "trap": 1,
        "dog_name": "Amber Teaspoon",
        "status": "ACTIVE",
        "result": "LOSER",
        "is_dead_heat": False,
        "bsp": 2.5,
        "pre_off_wap": 2.6,
        "morning_wap": 2.7,
        "pre_off_max": 3.1,
        "pre_off_min": 2.2,
        "morning_volume": 12.4,
        "pre_off_volume": 1402.18,
        "volume": 1402.18,
        "currency": "GBP",
    }
    assert record == expected


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_the_header_is_read_in_any_case(parse: Parse, change: Callable[[str], str]) -> None:
    [record] = parse(row(BSP="4.4"), header=change(HEADER))

    assert (record["market_id"], record["bsp"], record["problems"]) == ("1.230100101", 4.4, None)


def test_a_spool_of_2008_gives_its_rows_and_nothing_of_its_layout(tmp_path: Path) -> None:
    widths = [max(len(name), len(cell)) + 2 for name, cell in ROW.items()]
    dog = {**ROW, "MENU_HINT": "SIS / Hove 31st May", "EVENT_DT": "31-05-2008 14:20", "BSP": "", "WIN_LOSE": "1.000000"}
    loser = {
        **dog,
        "SELECTION_ID": "70000002",
        "SELECTION_NAME": "2. Tin Whistle",
        "WIN_LOSE": "0.000000",
        "BSP": " 7.25",
    }
    lines = [
        "",
        ",".join(name.ljust(width) for name, width in zip(ROW, widths, strict=True)),
        ",".join("-" * width for width in widths),
        *(",".join(cell.rjust(width) for cell, width in zip(r.values(), widths, strict=True)) for r in (dog, loser)),
        "",
        "2 rows selected.",
        "",
    ]
    path = tmp_path / "original"
    path.write_text("\n".join(lines))
    report = ReadReport()

    found = [r for frame in BetfairBsp().read(path, "bfprices_01062008.csv", report) for r in frame.to_dicts()]

    assert report.rows_read == 2
    assert [(r["source_row"], r["dog_name"], r["result"], r["bsp"], r["problems"]) for r in found] == [
        (4, "Amber Teaspoon", "WINNER", None, None),
        (5, "Tin Whistle", "LOSER", 7.25, None),
    ]
    assert [r["byte_offset"] for r in found] == [path.read_text().index(line) for line in lines[3:5]]
    off = utc(2008, 5, 31, 13, 20)
    assert {(r["track_name"], r["country"], r["start_at"]) for r in found} == {("Hove", "GB/IE", off)}


def test_rules_of_commas_or_dashes_in_the_middle_are_no_rows(parse: Parse) -> None:
    found = parse(row(), "," * 16, row(SELECTION_ID="2"), ",".join(["----"] * 17), "", row(SELECTION_ID="3"))

    assert [(r["source_row"], r["selection_id"]) for r in found] == [(2, "70000001"), (4, "2"), (7, "3")]


@pytest.mark.parametrize(
    "written", ["07/03/2018 18:56", "07-03-2018 18:56", "07/03/2018 18:56:00", " 07-03-2018 18:56 "]
)
def test_a_date_that_a_spreadsheet_rewrote_is_day_month_year(parse: Parse, written: str) -> None:
    [record] = parse(row(EVENT_DT=written, MENU_HINT="SIS / Romfd 7th Mar"))

    assert (record["start_at"], record["race_date"]) == (utc(2018, 3, 7, 18, 56), date(2018, 3, 7))
    assert record["problems"] is None


@pytest.mark.parametrize(
    ("hint", "event", "told"),
    [
        ("AUS / Cann (AUS) 27th Jun", "R10 530m Mdn", (10, 530, "Mdn")),
        ("Hove 27th Jun", "A8 515m", (None, 515, "A8")),
        ("Sheffield 27th Jun", "A8 500M", (None, 500, "A8")),
        ("Henlow 27th Jun", "IT 460m", (None, 460, "IT")),
        ("Manawatu (NZL) 27th Jun", "R3 457m C0", (3, 457, "C0")),
    ],
)
def test_the_market_name_tells_race_number_distance_and_grade(
    parse: Parse, hint: str, event: str, told: tuple[int | None, int, str]
) -> None:
    [record] = parse(row(MENU_HINT=hint, EVENT_NAME=event))

    assert (record["race_number"], record["distance_m"], record["race_type"]) == told


# --- MENU_HINT: venue, country, day (2.2, 2.5) ----------------------------------------------------------------------

HINTS = [
    ("GB / York 31st May", "York", "GB", (5, 31)),
    ("AUS / Cann (AUS) 24th Oct", "Cann", "AU", (10, 24)),
    ("BAGS cards / Hove 24th Oct", "Hove", "GB/IE", (10, 24)),
    ("BAGS cards / Crayfd 26th Dec", "Crayfd", "GB/IE", (12, 26)),
    ("SIS / Romfd 9th Mar", "Romfd", "GB/IE", (3, 9)),
    ("TRP / Newc 9th Mar", "Newc", "GB/IE", (3, 9)),
    ("RPGTV / Nott 9th Mar", "Nott", "GB/IE", (3, 9)),
    ("NZL / Hatr (NZL) 9th Mar", "Hatr", "NZ", (3, 9)),
    ("SIS / Doncaster 19th Jun", "Doncaster", "GB/IE", (6, 19)),
    ("Sky Sports Racing / Sheffield 19th Jun", "Sheffield", "GB/IE", (6, 19)),
    ("AUS / Geel (AUS) 19th Jun", "Geel", "AU", (6, 19)),
    ("TRP / Sheffield 19th Apr", "Sheffield", "GB/IE", (4, 19)),
    ("AUS / Mandurah (AUS) 19th Apr", "Mandurah", "AU", (4, 19)),
    ("Crayford 25th Nov", "Crayford", "GB/IE", (11, 25)),
    ("Wentworth Park (AUS) 25th Nov", "Wentworth Park", "AU", (11, 25)),
    ("Addington (NZL) 2nd Jan", "Addington", "NZ", (1, 2)),
    ("Limerick 25th Nov", "Limerick", "GB/IE", (11, 25)),
    ("GreyhoundRacing / Shel (IRE) 30th Jul", "Shel", "IE", (7, 30)),
    ("IRE / Shelbourne Park 30th Jul", "Shelbourne Park", "IE", (7, 30)),
    ("Suffolk Downs 3rd Aug", "Suffolk Downs", "GB/IE", (8, 3)),
    ("Q1 Lakeside (AUS) 12th Feb", "Q1 Lakeside", "AU", (2, 12)),
    ("Murray Bridge Straight (AUS) 1st Sep", "Murray Bridge Straight", "AU", (9, 1)),
    ("Romford Evening 31st May", "Romford", "GB/IE", (5, 31)),
    ("SIS / Monmore Matinee 21st Jun", "Monmore", "GB/IE", (6, 21)),
    ("Towcester 23 rd Nov", "Towcester", "GB/IE", (11, 23)),
]


@pytest.mark.parametrize(("hint", "track", "country", "month_day"), HINTS)
def test_the_menu_hint_names_venue_country_and_day(
    parse: Parse, hint: str, track: str, country: str, month_day: tuple[int, int]
) -> None:
    month, day = month_day

    [record] = parse(row(MENU_HINT=hint, EVENT_DT=f"{day:02}-{month:02}-2019 12:30"))

    assert (record["track_name"], record["country"]) == (track, country)
    assert record["race_date"] == date(2019, month, day)
    assert (record["event_name"], record["problems"], record["filtered"]) == (hint, None, None)


def test_a_hint_without_a_day_leaves_the_day_open(parse: Parse) -> None:
    [record] = parse(row(MENU_HINT="TRP / Newc"))

    assert (record["track_name"], record["race_date"], record["problems"]) == ("Newc", None, None)


def test_an_empty_hint_names_no_track(parse: Parse) -> None:
    [record] = parse(row(MENU_HINT=""))

    assert (record["track_name"], record["race_date"]) == (None, None)


def test_hints_scattered_through_the_file_stay_with_their_rows(parse: Parse) -> None:
    hints = ["Hove 27th Jun", "Geelong (AUS) 27th Jun", "Hove 27th Jun", "Addington (NZL) 28th Jun"] * 3

    found = parse(*(row(MENU_HINT=hint, SELECTION_ID=str(number)) for number, hint in enumerate(hints)))

    assert [(r["selection_id"], r["event_name"]) for r in found] == [(str(n), hint) for n, hint in enumerate(hints)]
    assert [r["country"] for r in found] == ["GB/IE", "AU", "GB/IE", "NZ"] * 3


@pytest.mark.parametrize(
    ("hint", "event", "name", "reason"),
    [
        ("Forecast Betting / Swin (FC) 27th Jun", "Forecast", "4 - 3", "forecast"),
        ("Forecast / Newc (FC) 27th Jun", "Forecast", "1 - 5", "forecast"),
        ("TRP / Swin (F/C) 27th Jun", "Forecast", "01-May", "forecast"),
        ("TRP / Swin (F/C) 27th Jun", "Forecast", "05-Jan", "forecast"),
        ("Perry Barr (F/C) 27th Jun", "A5 462m", "1 - 6", "forecast"),
        ("Perry Barr 27th Jun", "A5 462m", "1 - 6", "forecast"),
        ("Perry Barr 27th Jun", "Reverse Forecast", "1 / 6", "forecast"),
        ("Match Bets / Towc (AvB) 27th Jun", "Tin Whistle v Amber Teaspoon", "5. Tin Whistle", "match_bet"),
        ("Towcester 27th Jun", "Tin Whistle v Amber Teaspoon", "5. Tin Whistle", "match_bet"),
        ("Greyhound Racing / Trap Challenge", "Romfd & CParkTrap Challenge", "Trap 2", "trap_challenge"),
        ("Hove 27th Jun", "Trap Challenge", "Trap 6", "trap_challenge"),
        ("Hove 27th Jun", "Most Winners", "Trap 6", "trap_challenge"),
    ],
)
def test_what_is_no_runner_of_a_race_is_filtered_and_dated(
    parse: Parse, hint: str, event: str, name: str, reason: str
) -> None:
    [record] = parse(row(MENU_HINT=hint, EVENT_NAME=event, SELECTION_NAME=name))

    assert record["filtered"] == reason
    assert record["race_date"] == date(2024, 6, 27)


@pytest.mark.parametrize(
    "name", ["1. Forecast Fred", "2. Trap Challenge", "3. Match Bets", "4. Exacta Anna", "5. Vee v Dub"]
)
def test_a_dog_may_be_called_like_a_bet(parse: Parse, name: str) -> None:
    [record] = parse(row(SELECTION_NAME=name))

    assert record["filtered"] is None


# --- times (2.4, 2.5) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("19-04-2022 19:26", utc(2022, 4, 19, 18, 26)),
        ("02-01-2024 23:40", utc(2024, 1, 2, 23, 40)),
        ("31-03-2024 00:59", utc(2024, 3, 31, 0, 59)),
        ("31-03-2024 02:00", utc(2024, 3, 31, 1, 0)),
        ("27-10-2024 00:59", utc(2024, 10, 26, 23, 59)),
        ("27-10-2024 02:00", utc(2024, 10, 27, 2, 0)),
    ],
)
@pytest.mark.parametrize("tag", ["", " (AUS)", " (NZL)"])
def test_event_dt_is_london_time_for_every_country(parse: Parse, written: str, instant: datetime, tag: str) -> None:
    day = instant.strftime("%d").lstrip("0")
    hint = f"Somewhere{tag} {day}th {instant:%b}"

    [record] = parse(row(MENU_HINT=hint, EVENT_DT=written))

    assert (record["start_at"], record["notes"], record["problems"]) == (instant, None, None)


@pytest.mark.parametrize(("written", "minute"), [("27-10-2024 01:00", 0), ("27-10-2024 01:59", 59)])
def test_londons_doubled_hour_is_taken_as_the_first_with_a_note(parse: Parse, written: str, minute: int) -> None:
    [record] = parse(row(MENU_HINT="Ballarat (AUS) 27th Oct", EVENT_DT=written))

    assert record["start_at"] == utc(2024, 10, 27, 0, minute)
    assert (record["notes"], record["problems"]) == (["local_time_ambiguous"], None)


LONDON = ZoneInfo("Europe/London")


def meeting(offs: Sequence[datetime], *, event: str = "R{} 400m Gr5") -> list[str]:
    """The rows of a meeting of one-dog races, as London's clocks show these instants, its last race first."""
    return [
        row(
            EVENT_ID=str(230_000_000 + number),
            MENU_HINT="Ballarat (AUS) 27th Oct",
            EVENT_NAME=event.format(number),
            EVENT_DT=f"{off.astimezone(LONDON):%d-%m-%Y %H:%M}",
        )
        for number, off in reversed(list(enumerate(offs, start=1)))
    ]


def offs_and_notes(found: list[Record]) -> list[tuple[object, object]]:
    return [(record["start_at"], record["notes"]) for record in reversed(found)]


@pytest.mark.parametrize("event", ["R{} 400m Gr5", "To Be Placed"])
def test_races_of_londons_doubled_hour_are_placed_by_the_others_of_their_meeting(parse: Parse, event: str) -> None:
    offs = [utc(2024, 10, 26, 23, 42) + timedelta(minutes=22) * number for number in range(8)]

    found = offs_and_notes(parse(*meeting(offs, event=event)))

    assert [off for off, _ in found] == offs
    # 00:04 to 00:48 and 01:10 to 01:54 in UTC are 01:04 to 01:54 on the clock.
    assert [notes for _, notes in found] == [None, *[["local_time_inferred"]] * 6, None]


@pytest.mark.parametrize(
    ("written", "start"),
    [
        (("26-10-2024 22:30", "27-10-2024 01:10"), None),
        (("27-10-2024 00:52", "27-10-2024 01:10"), utc(2024, 10, 27, 0, 10)),
        (("27-10-2024 02:05", "27-10-2024 01:50"), utc(2024, 10, 27, 1, 50)),
        (("27-10-2024 03:50", "27-10-2024 01:10"), None),
    ],
)
def test_one_neighbour_is_enough_where_it_stands_near(
    parse: Parse, written: tuple[str, str], start: datetime | None
) -> None:
    """The race in question follows the other one or precedes it; where both readings leave a hole, it is the first."""
    races = sorted(written)
    rows = [
        row(EVENT_ID=f"{230 + n}", MENU_HINT="Ballarat (AUS) 27th Oct", EVENT_NAME=f"R{n} 400m Gr5", EVENT_DT=off)
        for n, off in enumerate(races, start=1)
    ]

    record = parse(*rows)[races.index(written[1])]

    assert record["start_at"] == (start or utc(2024, 10, 27, 0, 10))
    assert record["notes"] == (["local_time_inferred"] if start else ["local_time_ambiguous"])


def test_a_meeting_out_of_order_or_of_another_place_settles_nothing(parse: Parse) -> None:
    mixed = [utc(2024, 10, 26, 23, 40), utc(2024, 10, 27, 0, 20), utc(2024, 10, 26, 23, 20)]
    elsewhere = row(MENU_HINT="Sandown (AUS) 27th Oct", EVENT_DT="27-10-2024 01:50", EVENT_ID="299999999")

    found = parse(*meeting(mixed), elsewhere)

    assert [record["notes"] for record in found if record["notes"]] == [["local_time_ambiguous"]] * 2


@given(
    st.integers(-300, 100),
    st.lists(st.integers(14, 28), min_size=2, max_size=11),
    st.sampled_from(["R{} 400m Gr5", "To Be Placed"]),
)
@settings(max_examples=60)
def test_a_doubled_hour_is_never_taken_for_the_other_one(start: int, gaps: list[int], event: str) -> None:
    """Of meetings at usual gaps: each race is in its hour, or is said to be of doubtful time."""
    offs = [utc(2024, 10, 27, 1, 0) + timedelta(minutes=start + sum(gaps[:n])) for n in range(len(gaps) + 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "original"
        path.write_text("\n".join([HEADER, *meeting(offs, event=event), ""]), encoding="utf-8")
        found = offs_and_notes(records(path, ANY_NAME))

    doubled = [utc(2024, 10, 27, 0, 0) <= off < utc(2024, 10, 27, 2, 0) for off in offs]
    for (found_off, notes), off, is_doubled in zip(found, offs, doubled, strict=True):
        assert (notes is not None) == is_doubled
        assert found_off == off or notes == ["local_time_ambiguous"]
    # A race before or after the two hours settles all of them.
    if not all(doubled):
        assert [off for off, _ in found] == offs


@pytest.mark.parametrize("written", ["31-03-2024 01:00", "31-03-2024 01:59"])
def test_a_time_london_skips_is_a_problem_that_quotes_it(parse: Parse, written: str) -> None:
    [record] = parse(row(MENU_HINT="Ballarat (AUS) 31st Mar", EVENT_DT=written))

    assert record["start_at"] is None
    assert rules(record) == ["local_time"]
    assert f"'{written}'" in said(record)
    assert record["race_date"] == date(2024, 3, 31)


@pytest.mark.parametrize(
    ("hint", "written", "day"),
    [
        ("Manawatu (NZL) 3rd Jan", "02-01-2024 23:40", date(2024, 1, 3)),
        ("Addington (NZL) 1st Jan", "31-12-2023 23:40", date(2024, 1, 1)),
        ("Hove 31st Dec", "31-12-2023 23:40", date(2023, 12, 31)),
        ("Geelong (AUS) 31st Dec", "01-01-2024 00:10", date(2023, 12, 31)),
        ("Hove 29th Feb", "29-02-2024 12:00", date(2024, 2, 29)),
        ("Manukau (NZL) 1st Mar", "29-02-2024 23:50", date(2024, 3, 1)),
    ],
)
def test_the_hints_day_is_the_race_day_and_takes_the_nearest_year(
    parse: Parse, hint: str, written: str, day: date
) -> None:
    [record] = parse(row(MENU_HINT=hint, EVENT_DT=written))

    assert (record["race_date"], record["problems"]) == (day, None)


@pytest.mark.parametrize(
    "written",
    [
        "31-02-2024 10:00",
        "2024-06-27 15:52",
        "27-06-2024",
        "27-06-2024 24:10",
        "27/06/24 15:52",
        "27-06-24 15:52:00",
        "",
        "noon",
    ],
)
def test_what_is_no_date_and_time_is_a_problem_that_quotes_it(parse: Parse, written: str) -> None:
    [record] = parse(row(EVENT_DT=written))

    assert (record["start_at"], record["race_date"], rules(record)) == (None, None, ["start_time"])
    assert f"EVENT_DT '{written}'" in said(record)


def test_a_hint_of_another_day_than_event_dt_is_a_problem(parse: Parse) -> None:
    near, far = parse(row(MENU_HINT="Kinsley 28th Jun"), row(MENU_HINT="Kinsley 29th Jun"))

    assert near["problems"] is None
    assert rules(far) == ["start_time"]
    assert "'Kinsley 29th Jun'" in said(far)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("dwbfgreyhoundwin28062024.csv", date(2024, 6, 27)),
        ("dwbfgreyhoundplace01032024.csv", date(2024, 2, 29)),
        ("2024/06/dwbfgreyhoundwin01012024.excerpt.csv.gz", date(2023, 12, 31)),
        ("bfprices_01062008.csv", date(2008, 5, 31)),
        ("dwbfgreyhoundwin31022024.csv", None),
        ("prices-28062024.csv", None),
        ("greyhounds.csv", None),
    ],
)
def test_a_files_race_day_is_the_day_before_the_one_in_its_name(name: str, day: date | None) -> None:
    assert file_race_date(name) == day


@pytest.mark.parametrize(
    ("day", "is_fine"), [("25th", False), ("26th", True), ("27th", True), ("28th", True), ("29th", False)]
)
def test_a_row_must_lie_within_a_day_of_its_files_race_day(parse: Parse, day: str, is_fine: bool) -> None:
    given = row(MENU_HINT=f"Kinsley {day} Jun", EVENT_DT=f"{day[:2]}-06-2024 15:52")

    [record] = parse(given, name="dwbfgreyhoundwin28062024.csv")

    assert rules(record) == ([] if is_fine else ["start_time"])
    assert is_fine or "2024-06-27" in said(record)


# --- numbers (2.2, 2.5) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "field", "sentinel"),
    [
        ("BSP", "bsp", "0"),
        ("BSP", "bsp", "1.00000000"),
        ("BSP", "bsp", "1001"),
        ("BSP", "bsp", "NaN"),
        ("BSP", "bsp", "Infinity"),
        ("PPWAP", "pre_off_wap", "1"),
        ("PPWAP", "pre_off_wap", "1.0000"),
        ("MORNINGWAP", "morning_wap", "1"),
        ("PPMAX", "pre_off_max", "1"),
        ("PPMIN", "pre_off_min", "1001.00"),
    ],
)
def test_a_sentinel_is_no_price_and_is_noted(parse: Parse, column: str, field: str, sentinel: str) -> None:
    [record] = parse(row(**{column: sentinel}))

    assert (record[field], record["notes"], record["problems"]) == (None, [f"sentinel_{column.lower()}"], None)


def test_a_row_where_nothing_traded_has_no_price_at_all(parse: Parse) -> None:
    [record] = parse(
        row(BSP="", PPWAP="1", MORNINGWAP="1", PPMAX="1", PPMIN="1001", MORNINGTRADEDVOL="0", PPTRADEDVOL="0")
    )

    assert [record[name] for name in ("bsp", "pre_off_wap", "morning_wap", "pre_off_max", "pre_off_min")] == [None] * 5
    assert (record["volume"], record["morning_volume"]) == (0.0, 0.0)
    assert record["notes"] == ["sentinel_ppwap", "sentinel_morningwap", "sentinel_ppmax", "sentinel_ppmin"]
    assert record["problems"] is None


@pytest.mark.parametrize(("bsp", "morning"), [("3.5", "0"), ("", "20")])
def test_a_volume_of_zero_beside_proof_of_trading_is_unknown(parse: Parse, bsp: str, morning: str) -> None:
    [record] = parse(row(BSP=bsp, MORNINGTRADEDVOL=morning, PPTRADEDVOL="0"))

    assert (record["pre_off_volume"], record["volume"]) == (None, None)
    assert record["notes"] == ["sentinel_pptradedvol"]


@pytest.mark.parametrize("blank", ["", "   "])
def test_a_blank_starting_price_is_no_price_and_no_problem(parse: Parse, blank: str) -> None:
    [record] = parse(row(BSP=blank))

    assert (record["bsp"], record["notes"], record["problems"]) == (None, None, None)


@pytest.mark.parametrize(
    ("column", "field", "written", "number"),
    [
        ("MORNINGTRADEDVOL", "morning_volume", ".5", 0.5),
        ("PPTRADEDVOL", "pre_off_volume", "1632.", 1632.0),
        ("MORNINGWAP", "morning_wap", "23.761072261072261072261072261072261072261", 23.761072261072261),
        ("BSP", "bsp", "20.726613579606635", 20.726613579606635),
        ("BSP", "bsp", "1.72636850", 1.7263685),
        ("BSP", "bsp", "-1", -1.0),
        ("BSP", "bsp", "1200", 1200.0),
        ("PPTRADEDVOL", "volume", "-0.01", -0.01),
    ],
)
def test_numbers_are_read_as_written_for_the_rules_to_judge(
    parse: Parse, column: str, field: str, written: str, number: float
) -> None:
    [record] = parse(row(**{column: written}))

    assert (record[field], record["problems"]) == (number, None)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("BSP", "bsp"),
        ("PPWAP", "pre_off_wap"),
        ("MORNINGWAP", "morning_wap"),
        ("PPMAX", "pre_off_max"),
        ("PPMIN", "pre_off_min"),
        ("PPTRADEDVOL", "pre_off_volume"),
        ("MORNINGTRADEDVOL", "morning_volume"),
    ],
)
@pytest.mark.parametrize("written", ["abc", "2..5", "11/4"])
def test_what_is_no_number_is_a_problem_that_names_column_and_value(
    parse: Parse, column: str, field: str, written: str
) -> None:
    good, bad = parse(row(), row(**{column: written}))

    assert good["problems"] is None
    assert bad["problems"] == [{"rule": "number", "message": f"{column} '{written}' is not a number", "column": field}]


# --- outcome, names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "won", "placed", "is_dead_heat"),
    [
        ("0", "LOSER", "LOSER", False),
        ("1", "WINNER", "PLACED", False),
        ("2", "WINNER", "PLACED", True),
        ("0.000000", "LOSER", "LOSER", False),
        ("1.000000", "WINNER", "PLACED", False),
        ("", None, None, None),
    ],
)
def test_win_lose_tells_the_result_and_2_a_shared_place(
    parse: Parse, written: str, won: str | None, placed: str | None, is_dead_heat: bool | None
) -> None:
    [win] = parse(row(WIN_LOSE=written))
    [place] = parse(row(WIN_LOSE=written, EVENT_NAME="To Be Placed"))

    assert (win["result"], win["is_dead_heat"], win["problems"]) == (won, is_dead_heat, None)
    assert (place["result"], place["is_dead_heat"], place["problems"]) == (placed, is_dead_heat, None)


@pytest.mark.parametrize("written", ["3", "-1", "0.5", "W"])
def test_any_other_win_lose_is_a_problem(parse: Parse, written: str) -> None:
    [record] = parse(row(WIN_LOSE=written))

    assert record["result"] is None
    said = f"WIN_LOSE '{written}' is not 0, 1 or 2"
    assert record["problems"] == [{"rule": "number", "message": said, "column": "result"}]


@pytest.mark.parametrize(
    ("event", "name", "kind"),
    [
        ("TO BE PLACED", ANY_NAME, "PLACE"),
        ("To Be Placed", ANY_NAME, "PLACE"),
        ("A5 462m", "dwbfgreyhoundplace28062024.csv", "PLACE"),
        ("A5 462m", "bfpricesplace_28062024.csv", "PLACE"),
        ("A5 462m", "dwbfgreyhoundwin28062024.csv", "WIN"),
        ("A5 462m", "replaced/dwbfgreyhoundwin28062024.csv", "WIN"),
        ("A5 462m", "bfpricesireplace_28062024.csv", "PLACE"),
        ("A5 462m", "dwbfpricesukplace28062024.csv", "PLACE"),
        ("A5 462m", "dwbfpricesfrplaced28062024.csv", "PLACE"),
        ("A5 462m", "2024/DWBFGREYHOUNDPLACE28062024 (1).CSV.gz", "PLACE"),
        ("A5 462m", "dwbfgreyhoundwin28062024_replaced.csv", "WIN"),
        ("A5 462m", "dwbfgreyhound28062024_replaced.csv", "WIN"),
        ("A5 462m", "dwbfgreyhoundreplaced28062024.csv", "WIN"),
        ("A5 462m", "dwbfpricesreplaced28062024.csv", "WIN"),
        ("A5 462m", "replacement_prices_28062024.csv", "WIN"),
        ("A5 462m", "placepot 28062024.csv", "WIN"),
        ("A5 462m", ANY_NAME, "WIN"),
    ],
)
def test_a_place_market_is_told_by_its_name_or_its_files(parse: Parse, event: str, name: str, kind: str) -> None:
    [record] = parse(row(EVENT_NAME=event), name=name)

    assert record["market_type"] == kind


@pytest.mark.parametrize(
    ("written", "trap", "dog"),
    [
        ("3. Tin Whistle", 3, "Tin Whistle"),
        ("10. Evening Lantern", 10, "Evening Lantern"),
        ("2. Candlewax Gold ", 2, "Candlewax Gold"),
        ("3. Tambourine Teac", 3, "Tambourine Teac"),
        ("4. Tin Whistle (Res)", 4, "Tin Whistle"),
        ("4. Tin Whistle (res)", 4, "Tin Whistle"),
        ("Tin Whistle", None, "Tin Whistle"),
        ("5. ", 5, None),
        ("", None, None),
    ],
)
def test_the_selection_name_holds_trap_and_dog(parse: Parse, written: str, trap: int | None, dog: str | None) -> None:
    [record] = parse(row(SELECTION_NAME=written))

    assert (record["trap"], record["dog_name"]) == (trap, dog)


@pytest.mark.parametrize("name", ["1. Teaspoon, Duke Of", "1. One, Two, Three", "1, Nom"])
def test_unquoted_commas_in_a_name_are_put_back_with_a_note(parse: Parse, name: str) -> None:
    [before, record, after] = parse(row(), row(SELECTION_NAME=name, BSP=""), row(SELECTION_ID="3"))

    assert (record["selection_name"], record["result"], record["pre_off_wap"]) == (name, "LOSER", 2.6)
    assert (record["notes"], record["problems"]) == (["repaired"], None)
    assert before["notes"] is None
    assert after["selection_id"] == "3"


@pytest.mark.parametrize(
    "cells",
    [
        {"BSP": "1,000.5"},  # would read as a number between the name and what follows it
        {"SELECTION_NAME": "1. Duke, Of", "BSP": "abc"},  # what follows the name is not all numbers
        {"MENU_HINT": "Kinsley, 27th Jun"},  # the comma is elsewhere
        {"SELECTION_NAME": "1. Duke, 7"},  # a number is no part of a name
    ],
)
def test_a_row_with_commas_nobody_can_place_is_broken_alone(parse: Parse, cells: dict[str, str]) -> None:
    [before, record, after] = parse(row(), row(**cells), row(SELECTION_ID="3"))

    assert record["problems"] == [
        {"rule": "field_count", "message": "18 fields where the header has 17", "column": None}
    ]
    assert (record["source_row"], before["problems"], after["selection_id"]) == (3, None, "3")


def test_a_quoted_comma_needs_no_repair(parse: Parse) -> None:
    [record] = parse(row(SELECTION_NAME='"1. Teaspoon, Duke Of"'))

    assert (record["dog_name"], record["notes"], record["bsp"]) == ("Teaspoon, Duke Of", None, 2.5)


def test_a_name_in_latin_1_is_read_with_a_note(parse: Parse) -> None:
    [before, record] = parse(row(), row(SELECTION_NAME="1. Zoë"), encoding="latin-1")

    assert (record["dog_name"], record["notes"], before["notes"]) == ("Zoë", ["latin_1"], None)


def test_a_geo_blocked_page_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "original"
    path.write_text("<!DOCTYPE html><html><body>not available in your country</body></html>")

    with pytest.raises(UnreadableFileError) as caught:
        records(path, "dwbfgreyhoundwin28062024.csv")

    assert caught.value.state == "blocked_page"


# Meetings under Betfair's abbreviations, by the track they are run at.
ABBREVIATED = {
    "AUS / Gawl (AUS) 27th Jun": "au-gawler",
    "AUS / Devn (AUS) 27th Jun": "au-devonport",
    "AUS / Nort (AUS) 27th Jun": "au-northam",
    "AUS / Warr (AUS) 27th Jun": "au-warrnambool",
    "AUS / Wgul (AUS) 27th Jun": "au-warragul",
    "AUS / Dubb (AUS) 27th Jun": "au-dubbo",
    "AUS / Hshm (AUS) 27th Jun": "au-horsham",
    "NZL / Hatr (NZL) 27th Jun": "nz-hatrick",
    "BAGS cards / Sittb 27th Jun": "gb-central-park",
}


def test_meetings_of_abbreviated_tracks_are_accepted_and_an_unknown_one_is_offered_its_track(
    workshop: Workshop, tmp_path: Path
) -> None:
    hints = [*ABBREVIATED, "AUS / Temo (AUS) 27th Jun", "AUS / Xyzq (AUS)"]
    path = tmp_path / "dwbfgreyhoundwin28062024.csv"
    rows = [row(MENU_HINT=hint, EVENT_ID=str(2301 + number)) for number, hint in enumerate(hints)]
    path.write_text("\n".join([HEADER, *rows, ""]))

    [landed] = land.land(workshop, "betfair_bsp", land.named([path]))
    built = list(build(workshop, [day for day, _ in workshop.ledger.stale_days()], "tracks"))

    assert (landed.records, landed.undated, any(each.failed for each in built)) == (11, 1, False)
    with workshop.warehouse.connect() as connection:
        found = connection.execute("select track_id from core.races").fetchall()
        said = connection.execute("select messages from quarantine.rejects order by source_row").fetchall()
    assert {track_id for (track_id,) in found} == set(ABBREVIATED.values())
    [temora], [unknown] = (messages for (messages,) in said)
    assert temora == (
        "track 'Temo' is not in the registry; did you mean Temora (au-temora)? "
        "`race-assets tracks add-alias au-temora Temo` adds it"
    )
    assert "track 'Xyzq' is not in the registry, so the local date cannot be told; nearest: " in unknown


def test_refused_rows_show_each_rule_once_and_a_track_nobody_states_is_told_as_that(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far, bare = tmp_path / "dwbfgreyhoundwin28062024.csv", tmp_path / "x.csv"
    far.write_text(
        "\n".join([HEADER, row(MENU_HINT="Romford 27th Jun", EVENT_DT="06-05-2024 19:27", WIN_LOSE="7"), ""])
    )
    columns = "event_id,event_name,track,start_time,selection_id,selection_name,price,volume"
    bare.write_text(f"{columns}\n33,A3 400m, ,2024-06-27T14:52:00Z,7,1. Tin Whistle,3.5,1\n")
    for source, path in (("betfair_bsp", far), ("betfair_csv", bare)):
        assert [each.state for each in land.land(workshop, source, land.named([path]))] == ["landed"]
    assert not any(each.failed for each in build(workshop, [day for day, _ in workshop.ledger.stale_days()], "once"))

    names, rows, count = rejects.listed(workshop.warehouse, rejects.Selection(), 10)

    assert count == len(rows) == 2
    undated, spoiled = (dict(zip(names, each, strict=True)) for each in rows)
    assert undated["rules"] == "track_known"
    assert undated["reason"] == (
        "the source states no track (venue), so the local date cannot be told; land a file that states one"
    )
    assert spoiled["rules"] == "start_time, number"
    assert "more than a day apart; " in spoiled["reason"]
    assert spoiled["reason"].count("; ") == 2
    reject = rejects.find(workshop.warehouse, str(undated["reject"]))
    explain.explain(workshop, reject)
    assert "name the track" not in capsys.readouterr().out


# --- the real files -------------------------------------------------------------------------------------------------

REAL_FILES = [
    "dwbfgreyhoundplace20042022.excerpt.csv",
    "dwbfgreyhoundplace25102012.excerpt.csv",
    "dwbfgreyhoundwin03012024.excerpt.csv",
    "dwbfgreyhoundwin10032018.excerpt.csv",
    "dwbfgreyhoundwin25102012.excerpt.csv",
    "dwbfgreyhoundwin26112023.excerpt.csv",
]


@pytest.mark.parametrize("name", REAL_FILES)
def test_every_row_of_a_real_file_is_read_without_a_problem(realdata: Path, name: str) -> None:
    path = realdata / "bsp" / name
    written = path.read_bytes().splitlines()[1:]

    found = records(path, name)

    assert [r["source_row"] for r in found] == list(range(2, len(written) + 2))
    assert [r["selection_id"] for r in found] == [line.split(b",")[4].decode() for line in written]
    assert [r["market_id"] for r in found] == [f"1.{line.split(b',')[0].decode()}" for line in written]
    assert all(r["problems"] is None for r in found)
    assert {r["market_type"] for r in found} == {"PLACE" if "place" in name else "WIN"}


def test_the_real_row_that_a_stream_file_proves_starts_at_the_streams_time(realdata: Path) -> None:
    name = "dwbfgreyhoundplace20042022.excerpt.csv"
    found = {(r["market_id"], r["selection_id"]): r for r in records(realdata / "bsp" / name, name)}

    record = found["1.197931751", "36276560"]

    assert record["start_at"] == utc(2022, 4, 19, 18, 26)
    assert (record["trap"], record["dog_name"], record["bsp"]) == (3, "Kirabilly Kathy", 2.42)
    assert (record["market_type"], record["result"], record["race_date"]) == ("PLACE", "LOSER", date(2022, 4, 19))


def test_the_real_place_row_with_win_lose_2_is_a_shared_place(realdata: Path) -> None:
    name = "dwbfgreyhoundplace20042022.excerpt.csv"

    shared = [r for r in records(realdata / "bsp" / name, name) if r["is_dead_heat"]]

    assert [(r["market_id"], r["result"]) for r in shared] == [("1.197931190", "PLACED")]


def test_the_real_race_of_the_third_of_january_lies_on_the_third(realdata: Path) -> None:
    name = "dwbfgreyhoundwin03012024.excerpt.csv"

    days = {r["track_name"]: r["race_date"] for r in records(realdata / "bsp" / name, name)}

    assert days.pop("Manawatu") == date(2024, 1, 3)
    assert set(days.values()) == {date(2024, 1, 2)}


def test_no_real_row_is_lost_and_no_sentinel_reaches_a_table(realdata: Path, workshop: Workshop) -> None:
    paths = [realdata / "bsp" / name for name in REAL_FILES]
    written = {path.name: len(path.read_bytes().splitlines()) - 1 for path in paths}

    landed = list(land.land(workshop, "betfair_bsp", land.named(paths)))
    built = list(build(workshop, [day for day, _ in workshop.ledger.stale_days()], "real"))

    assert {Path(each.path).name: (each.state, each.records, each.undated) for each in landed} == {
        name: ("landed", rows, 0) for name, rows in written.items()
    }
    assert not any(each.failed for each in built)
    with workshop.warehouse.connect() as connection:
        assert _sentinels(connection) == []
        [counts] = connection.execute(
            "select sum(records_in), sum(accepted), sum(quarantined) from ops.ingestion_runs"
        ).fetchall()
        sheffield = connection.execute(
            "select r.track_id, r.start_at, s.trap, p.price from core.races r join core.selections s using (race_id)"
            " join core.prices p on p.selection_id = s.selection_id where s.dog_name = 'Kirabilly Kathy'"
            " and p.price_kind = 'BSP' and p.market_type = 'PLACE'"
        ).fetchall()
    # Seven forecasts and trap challenges and a match bet of 2018, four forecasts of 2012.
    assert counts == (sum(written.values()), sum(written.values()) - 8 - 4 + 1, 0)
    assert sheffield == [("gb-sheffield", utc(2022, 4, 19, 18, 26), 3, 2.42)]


def _sentinels(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Prices in core that no price can be, in whichever column of whichever table."""
    columns = connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'core' and data_type = 'double precision' and column_name not like '%volume%'"
    ).fetchall()
    assert {"price", "bsp", "sp_decimal"} <= {column for _, column in columns}
    return [
        (table, column, *found)
        for table, column in columns
        for found in connection.execute(
            f"select {column} from core.{table} where {column} in (0, 1, 1001) or not {column} between 1.01 and 1000"
        )
    ]
