"""The plain CSV feed: one row per runner with an ISO time and one price, each shape as a small invented file."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import UnreadableFileError
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_csv import BetfairCsv

HEADER = "event_id,event_name,track,start_time,selection_id,selection_name,price,volume"
ROW = {
    "event_id": "33376062",
    "event_name": "Monmore 27th Jun",
    "track": "Monmore",
    "start_time": "2024-06-27T14:52:00Z",
    "selection_id": "70000001",
    "selection_name": "1. Amber Teaspoon",
    "price": "3.5",
    "volume": "120.25",
}

Record = dict[str, object]
Parse = Callable[..., list[Record]]


def row(**cells: str) -> str:
    assert set(cells) <= set(ROW)
    return ",".join({**ROW, **cells}.values())


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    """Parses lines below a header; gives their records in order."""

    def run(*lines: str, header: str = HEADER, timezone: str | None = None) -> list[Record]:
        path = tmp_path / "original"
        path.write_text("\n".join([header, *lines, ""]))
        frames = BetfairCsv(timezone).read(path, "feed.csv", ReadReport())
        found = [record for frame in frames for record in frame.to_dicts()]
        return sorted(found, key=lambda record: record["source_row"])

    return run


def rules(record: Record) -> list[str]:
    return [problem["rule"] for problem in record["problems"] or []]


def said(record: Record) -> str:
    return "; ".join(problem["message"] for problem in record["problems"] or [])


def test_a_row_is_read_in_full(parse: Parse) -> None:
    [record] = parse(row())

    assert record == {
        "source_row": 2,
        "byte_offset": len(HEADER) + 1,
        "notes": None,
        "problems": None,
        "filtered": None,
        "event_id": "33376062",
        "event_name": "Monmore 27th Jun",
        "selection_id": "70000001",
        "selection_name": "1. Amber Teaspoon",
        "start_at": utc(2024, 6, 27, 14, 52),
        "start_local": None,
        "race_date": None,
        "trap": 1,
        "market_id": "33376062@20240627T1452Z",
        "market_type": "WIN",
        "track_name": "Monmore",
        "dog_name": "Amber Teaspoon",
        "status": "ACTIVE",
        "price": 3.5,
        "price_kind": "PRICE",
        "volume": 120.25,
        "currency": "GBP",
    }


@pytest.mark.parametrize(
    ("written", "instant", "day"),
    [
        ("2024-06-27T14:52:00Z", utc(2024, 6, 27, 14, 52), None),
        ("2024-06-27T14:52:00z", utc(2024, 6, 27, 14, 52), None),
        ("2024-06-27T14:52Z", utc(2024, 6, 27, 14, 52), None),
        ("2024-06-27 14:52:00Z", utc(2024, 6, 27, 14, 52), None),
        (" 2024-06-27T14:52:00.000Z ", utc(2024, 6, 27, 14, 52), None),
        ("2024-06-27T14:52:00+00:00", utc(2024, 6, 27, 14, 52), None),
        ("2024-06-27T15:52:00+01:00", utc(2024, 6, 27, 14, 52), date(2024, 6, 27)),
        ("2024-06-27T15:52:00+0100", utc(2024, 6, 27, 14, 52), date(2024, 6, 27)),
        ("2024-06-28T00:52:00+10", utc(2024, 6, 27, 14, 52), date(2024, 6, 28)),
        ("2024-06-28T00:22:00+09:30", utc(2024, 6, 27, 14, 52), date(2024, 6, 28)),
        ("2024-01-01T12:40:00+13:00", utc(2023, 12, 31, 23, 40), date(2024, 1, 1)),
        ("2024-06-26T22:52:00-04:00", utc(2024, 6, 27, 2, 52), date(2024, 6, 26)),
        ("2024-10-27T01:30:00+01:00", utc(2024, 10, 27, 0, 30), date(2024, 10, 27)),
    ],
)
def test_an_iso_time_is_an_instant_and_an_offset_of_its_own_tells_the_day(
    parse: Parse, written: str, instant: datetime, day: date | None
) -> None:
    [record] = parse(row(start_time=written))

    assert (record["start_at"], record["race_date"], record["problems"]) == (instant, day, None)


@pytest.mark.parametrize(
    "written",
    [
        "2024-06-27T14:52:00",
        "2024-06-27 14:52",
        "2024-02-31T14:52:00Z",
        "2023-02-29T14:52:00+01:00",
        "2024-06-27T24:00:00Z",
        "2024-06-27T14:60:00Z",
        "27-06-2024 14:52",
        "24-06-27T14:52:00Z",
        "0024-06-27T14:52:00Z",
        "2024-06-27",
        "1719499920",
        "",
    ],
)
def test_a_time_without_offset_or_that_does_not_exist_is_a_problem_that_quotes_it(parse: Parse, written: str) -> None:
    good, bad = parse(row(), row(start_time=written))

    assert good["problems"] is None
    assert (bad["start_at"], bad["race_date"], bad["market_id"], rules(bad)) == (None, None, None, ["start_time"])
    assert f"start_time '{written}'" in said(bad)


@pytest.mark.parametrize(
    ("written", "is_told_of_the_setting"), [("2024-06-27 14:52", True), ("27-06-2024 14:52", False)]
)
def test_a_time_without_an_offset_is_told_how_to_be_read(
    parse: Parse, written: str, is_told_of_the_setting: bool
) -> None:
    [bad] = parse(row(start_time=written))

    assert ("sources.betfair_csv.timezone" in said(bad)) is is_told_of_the_setting
    assert "2024-06-27T14:52:00Z" in said(bad)


@pytest.mark.parametrize(
    ("zone", "written", "instant"),
    [
        ("Europe/London", "2024-06-27T15:52:00", utc(2024, 6, 27, 14, 52)),
        ("Europe/London", "2024-01-27 15:52", utc(2024, 1, 27, 15, 52)),
        ("Europe/London", " 2024-06-27T15:52:00.5 ", utc(2024, 6, 27, 14, 52, 0, 500_000)),
        ("Australia/Sydney", "2024-06-28 00:52", utc(2024, 6, 27, 14, 52)),
        ("UTC", "2024-06-27T14:52", utc(2024, 6, 27, 14, 52)),
    ],
)
def test_a_zone_places_times_without_an_offset(parse: Parse, zone: str, written: str, instant: datetime) -> None:
    [record] = parse(row(start_time=written), timezone=zone)

    assert (record["start_at"], record["start_local"], record["problems"]) == (instant, None, None)
    # The zone is the file's, not the track's: the day is worked out at the track.
    assert record["race_date"] is None
    assert record["market_id"] == f"33376062@{instant:%Y%m%dT%H%MZ}"


@pytest.mark.parametrize("zone", [None, "track", "Europe/London", "Australia/Perth"])
@pytest.mark.parametrize(
    ("written", "instant", "day"),
    [
        ("2024-06-27T14:52:00Z", utc(2024, 6, 27, 14, 52), None),
        ("2024-06-28T00:52:00+10", utc(2024, 6, 27, 14, 52), date(2024, 6, 28)),
    ],
)
def test_a_zone_changes_no_time_that_has_an_offset(
    parse: Parse, zone: str | None, written: str, instant: datetime, day: date | None
) -> None:
    [record] = parse(row(start_time=written), timezone=zone)

    assert (record["start_at"], record["start_local"], record["race_date"]) == (instant, None, day)
    assert (record["market_id"], record["problems"]) == ("33376062@20240627T1452Z", None)


def test_the_clocks_at_the_track_state_the_day_and_leave_the_instant_to_the_registry(parse: Parse) -> None:
    [record] = parse(row(start_time="2024-06-28 00:52", track="Cannington"), timezone="track")

    assert (record["start_at"], record["start_local"]) == (None, datetime(2024, 6, 28, 0, 52))  # noqa: DTZ001 - a wall clock
    assert (record["race_date"], record["problems"]) == (date(2024, 6, 28), None)
    assert record["market_id"] == "33376062@20240628T0052"


def test_an_hour_that_clocks_skip_is_rejected_and_one_they_repeat_is_the_first_and_noted(parse: Parse) -> None:
    skipped, doubled = parse(
        row(start_time="2024-03-31 01:30"), row(start_time="2024-10-27 01:30"), timezone="Europe/London"
    )

    assert (rules(skipped), skipped["start_at"], skipped["notes"]) == (["local_time"], None, None)
    assert "'2024-03-31 01:30' does not exist in Europe/London" in said(skipped)
    assert (doubled["start_at"], doubled["notes"]) == (utc(2024, 10, 27, 0, 30), ["local_time_ambiguous"])


@pytest.mark.parametrize("zone", ["track", "Europe/London"])
@pytest.mark.parametrize("written", ["27-06-2024 14:52", "2024-02-31T14:52", "2024-06-27", "2024-06-27T24:00", "", "Z"])
def test_with_a_zone_what_is_no_time_is_rejected_all_the_same(parse: Parse, zone: str, written: str) -> None:
    [bad] = parse(row(start_time=written), timezone=zone)

    assert (bad["start_at"], bad["start_local"], bad["market_id"], rules(bad)) == (None, None, None, ["start_time"])


@given(
    zone=st.sampled_from(["Europe/London", "Australia/Brisbane", "Pacific/Auckland", "UTC"]),
    local=st.datetimes(datetime(2008, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - wall clocks
)
@settings(max_examples=60)
def test_a_zone_means_what_it_means_to_python(parse: Parse, zone: str, local: datetime) -> None:
    local = local.replace(second=0, microsecond=0)
    [record] = parse(row(start_time=f"{local:%Y-%m-%d %H:%M}"), timezone=zone)

    placed = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    exists = placed.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    assert record["start_at"] == (placed if exists else None)


def test_another_zone_is_another_parser_version() -> None:
    versions = [BetfairCsv(zone).parser_version for zone in (None, "track", "Europe/London", "Australia/Perth")]

    assert len(set(versions)) == len(versions)
    assert BetfairCsv("track").parser_version == versions[1]


def test_times_that_repeat_stay_with_their_own_runners(parse: Parse) -> None:
    times = [
        "2024-06-27T14:52:00Z",
        "2024-06-27T15:07:00Z",
        "nonsense",
        "2024-06-27T14:52:00Z",
        "",
        "2024-06-27T15:07:00Z",
    ]

    found = parse(*(row(start_time=each, selection_id=str(number)) for number, each in enumerate(times)))

    assert [record["selection_id"] for record in found] == ["0", "1", "2", "3", "4", "5"]
    assert [record["market_id"] and str(record["market_id"])[-6:] for record in found] == [
        "T1452Z",
        "T1507Z",
        None,
        "T1452Z",
        None,
        "T1507Z",
    ]


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("3.5", 3.5),
        ("3", 3.0),
        (" 1.01 ", 1.01),
        ("1000", 1000.0),
        ("5/2", 3.5),
        ("Evs", 2.0),
        ("evens", 2.0),
        ("1/1", 2.0),
        ("11/8F", 2.375),
        ("100/30", 4.333333),
        ("4/6", 1.666667),
        ("0", 0.0),
        ("-1", -1.0),
        ("1001", 1001.0),
    ],
)
def test_a_price_is_decimal_or_fractional_and_left_to_the_rules(parse: Parse, written: str, price: float) -> None:
    [record] = parse(row(price=written))

    assert (record["price"], record["problems"]) == (price, None)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_price_or_volume_is_none_and_no_problem(parse: Parse, blank: str) -> None:
    [record] = parse(row(price=blank, volume=blank))

    assert (record["price"], record["volume"], record["problems"]) == (None, None, None)


@pytest.mark.parametrize("written", ["NaN", "nan", "Infinity", "-inf", " INF "])
def test_a_price_that_is_not_finite_is_out_of_range(parse: Parse, written: str) -> None:
    good, bad = parse(row(), row(price=written))

    assert good["problems"] is None
    assert (bad["price"], rules(bad)) == (None, ["price_range"])
    assert f"price '{written}'" in said(bad)


@pytest.mark.parametrize("written", ["11/0", "abc", "1e3", "3..5", "5/2/1", "£3", "2.5-3.0"])
def test_a_price_nobody_can_read_is_no_number(parse: Parse, written: str) -> None:
    good, bad = parse(row(), row(price=written))

    assert good["problems"] is None
    assert (bad["price"], rules(bad)) == (None, ["number"])
    assert f"price '{written}'" in said(bad)


@pytest.mark.parametrize("written", ["abc", "NaN", "inf"])
def test_a_volume_nobody_can_read_is_no_number(parse: Parse, written: str) -> None:
    good, bad = parse(row(), row(volume=written))

    assert good["problems"] is None
    assert bad["problems"] == [{"rule": "number", "message": f"volume '{written}' is not a number", "column": "volume"}]


def test_everything_wrong_with_a_row_is_said_at_once(parse: Parse) -> None:
    [record] = parse(row(start_time="2024-02-31T10:00:00Z", price="11/0", volume="lots"))

    assert rules(record) == ["start_time", "number", "number"]


@pytest.mark.parametrize(
    ("event", "written", "market"),
    [
        ("33376062", "2024-06-27T14:52:00Z", "33376062@20240627T1452Z"),
        (" 33376062 ", "2024-06-27T15:52:00+01:00", "33376062@20240627T1452Z"),
        ("33376062", "2024-06-28T00:52:30+10:00", "33376062@20240627T1452Z"),
        ("", "2024-06-27T14:52:00Z", None),
    ],
)
def test_the_market_is_the_events_one_at_that_minute_of_utc(
    parse: Parse, event: str, written: str, market: str | None
) -> None:
    [record] = parse(row(event_id=event, start_time=written))

    assert record["market_id"] == market


def test_a_quoted_comma_and_any_order_of_columns_are_read(parse: Parse) -> None:
    [record] = parse(
        '"2. Teaspoon, Duke Of",9,3.5,2024-06-27T14:52:00Z,Hove,Hove 27th Jun,33376062,1',
        header="Selection_Name,VOLUME,price,start_time,track,event_name,event_id,selection_id",
    )

    assert (record["trap"], record["dog_name"], record["price"], record["volume"]) == (2, "Teaspoon, Duke Of", 3.5, 9.0)
    assert record["problems"] is None


def test_a_row_of_the_wrong_length_carries_its_problem_and_nothing_else(parse: Parse) -> None:
    good, bad = parse(row(), row() + ",1,2,3")

    assert good["problems"] is None
    assert bad["problems"] == [{"rule": "field_count", "message": "11 fields where the header has 8", "column": None}]
    assert (bad["source_row"], bad["byte_offset"]) == (3, len(HEADER) + len(row()) + 2)


def test_a_missing_column_refuses_the_file_and_is_named(parse: Parse) -> None:
    with pytest.raises(UnreadableFileError, match="'volume' is missing"):
        parse("1,2", header=HEADER.removesuffix(",volume"))


@pytest.mark.parametrize(
    ("event", "selection", "reason"),
    [
        ("Kinsley (F/C) 27th Jun", "1 - 2", "forecast"),
        ("Kinsley 27th Jun", " 6 - 1 ", "forecast"),
        ("Forecast Betting", "Any Other", "forecast"),
        ("Kinsley Trap Challenge 27th Jun", "Trap 3", "trap_challenge"),
        ("Kinsley 27th Jun", "Trap 3", "trap_challenge"),
        ("Amber Teaspoon v Tin Whistle", "1. Amber Teaspoon", "match_bet"),
        ("Match Bets / Kinsley (AvB) 27th Jun", "1. Amber Teaspoon", "match_bet"),
        ("Exacta", "1 / 2", "exotic"),
        ("To Be Placed", "1. Amber Teaspoon", "place_market"),
        ("Kinsley 27th Jun TO BE PLACED", "1. Amber Teaspoon", "place_market"),
        ("2 TBP", "1. Amber Teaspoon", "place_market"),
        ("Kinsley 27th Jun", "1. Amber Teaspoon", None),
        ("A3 462m", "Amber Teaspoon", None),
    ],
)
def test_what_is_no_runner_of_a_win_market_is_filtered(
    parse: Parse, event: str, selection: str, reason: str | None
) -> None:
    [record] = parse(row(event_name=event, selection_name=selection))

    assert (record["filtered"], record["problems"]) == (reason, None)


MEETINGS = st.sampled_from(["Monmore 27th Jun", "Wentworth Park (AUS) 2nd Jan", "A3 480m", "OR3 280m", "R4 395m Gr5"])
WORDS = st.sampled_from(
    ["Trap", "Challenge", "Forecast", "v", "To Be Placed", "Match Bet", "Exacta", "Place", "3", "- 2", "(F/C)", "Tin"]
)


@given(event=MEETINGS, trap=st.integers(1, 8), words=st.lists(WORDS, min_size=1, max_size=4))
@settings(max_examples=100)
def test_a_greyhound_is_never_filtered_whatever_its_name(parse: Parse, event: str, trap: int, words: list[str]) -> None:
    [record] = parse(row(event_name=event, selection_name=f"{trap}. {' '.join(words)}"))

    assert (record["filtered"], record["trap"]) == (None, trap)


@given(words=st.lists(WORDS, max_size=2), trap=st.integers(1, 8))
@settings(max_examples=60)
def test_a_dog_with_a_trap_over_a_distance_is_never_filtered(parse: Parse, words: list[str], trap: int) -> None:
    [record] = parse(row(event_name=" ".join(["R4 395m", *words]), selection_name=f"{trap}. Amber Teaspoon"))

    assert record["filtered"] is None
