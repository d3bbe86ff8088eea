"""Times against Python's datetime and zoneinfo, in every zone a track lies in."""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.identity.tracks import TrackRegistry
from race_assets.values.times import (
    day_month,
    in_zone,
    is_second_pass,
    iso_instant,
    local_datetime,
    localise,
    localise_in,
    nearest_date,
)

ZONES = sorted(TrackRegistry.load().frame["timezone"].unique())
_NAIVE = st.datetimes(datetime(2005, 1, 1), datetime(2035, 12, 31))  # noqa: DTZ001 - wall clocks have no zone
# Every whole hour around the changes of 2024 in both hemispheres, where random times hardly ever fall.
_EDGES = [
    datetime(2024, month, day) + timedelta(minutes=30 * step)  # noqa: DTZ001
    for month, day in ((3, 31), (4, 7), (9, 29), (10, 6), (10, 27))
    for step in range(-2, 12)
]


def _iso(text: str | None) -> dict[str, object]:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    return frame.select(read=iso_instant(pl.col("text"))).unnest("read").row(0, named=True)


@given(
    _NAIVE,
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
    st.sampled_from(["seconds", "milliseconds", "microseconds", "minutes"]),
    st.sampled_from([":", ""]),
)
@settings(max_examples=200)
def test_an_instant_with_any_offset(naive: datetime, minutes: int, separator: str, timespec: str, colon: str) -> None:
    written = datetime.fromisoformat(naive.isoformat(timespec=timespec))
    at = written.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    text = f"{naive.isoformat(separator, timespec)}{sign}{size // 60:02}{colon}{size % 60:02}"

    assert _iso(text) == {"local_date": written.date(), "at": at, "offset_minutes": minutes}


@pytest.mark.parametrize(
    ("text", "at", "offset", "day"),
    [
        ("2024-06-27T14:52:00.000Z", "2024-06-27T14:52+00:00", 0, "2024-06-27"),
        ("2024-06-27t14:52z", "2024-06-27T14:52+00:00", 0, "2024-06-27"),
        (" 2024-06-01 00:30:00+10 ", "2024-05-31T14:30+00:00", 600, "2024-06-01"),
        ("2024-06-27T14:52:00.1234567Z", "2024-06-27T14:52:00.123456+00:00", 0, "2024-06-27"),
        ("2024-06-27T14:52:00", None, None, "2024-06-27"),
    ],
)
def test_iso_by_example(text: str, at: str | None, offset: int | None, day: str) -> None:
    expected = datetime.fromisoformat(at) if at else None

    assert _iso(text) == {"local_date": date.fromisoformat(day), "at": expected, "offset_minutes": offset}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2024-02-31T10:00Z",
        "2023-02-29T10:00Z",
        "2024-06-27T25:00Z",
        "2024-06-27T10:60Z",
        "2024-06-27T10:59:60Z",
        "2024-06-27T10:59+15:00",
        "2024-06-27T10:59+10:60",
        "2024-6-27T10:59Z",
        "2024-06-27",
        "27-06-2024 10:59",
        "2024-06-27T10:59:00.Z",
        "2024-06-27T10:59Zx",
        "0024-06-27T10:59Z",
        "1899-12-31T10:59+10:00",
    ],
)
def test_what_is_no_instant_is_null_altogether(text: str | None) -> None:
    assert set(_iso(text).values()) == {None}


def test_local_datetime_takes_the_first_format_that_fits() -> None:
    texts = ["24-10-2012 14:12", "07/03/2018 18:56", " 2024-05-01 10:00:30 ", "31-02-2012 14:12", "24-10-2012 24:12"]
    texts += ["2024-05-01 10:00:60", "24-10-2012 14:12 x", "", "01/02/2024"]
    formats = ["%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y"]

    read = pl.DataFrame({"text": texts}).select(at=local_datetime(pl.col("text"), formats))["at"]

    assert read.dtype == pl.Datetime("us")
    assert [None if at is None else at.isoformat() for at in read] == [
        "2012-10-24T14:12:00",
        "2018-03-07T18:56:00",
        "2024-05-01T10:00:30",
        *[None] * 5,
        "2024-02-01T00:00:00",
    ]


def test_a_year_of_two_digits_is_none_unless_a_format_says_so() -> None:
    texts = ["12/06/24 19:27", "12/06/0024 19:27", "12/06/1899 19:27", "12/06/1900 19:27", "12/06/2024 19:27"]
    frame, formats = pl.DataFrame({"text": texts}), ["%d/%m/%Y %H:%M"]

    plain = frame.select(year=local_datetime(pl.col("text"), formats).dt.year())["year"]
    short = frame.select(year=local_datetime(pl.col("text"), [*formats, "%d/%m/%y %H:%M"]).dt.year())["year"]

    assert plain.to_list() == [None, None, None, 1900, 2024]
    assert short.to_list() == [2024, None, None, 1900, 2024]


def _localised(naive: datetime | None, zone: str) -> dict[str, object]:
    frame = pl.DataFrame({"naive": [naive]}, schema={"naive": pl.Datetime("us")})
    return frame.select(read=localise(pl.col("naive"), zone))["read"][0]


def _by_zoneinfo(naive: datetime, zone: str) -> dict[str, object]:
    first, second = (naive.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    exists = first.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == naive
    return {"at": first if exists else None, "is_ambiguous": exists and first != second, "is_missing": not exists}


@given(_NAIVE | st.sampled_from(_EDGES), st.sampled_from(ZONES))
@settings(max_examples=300)
def test_localise_as_zoneinfo_does(naive: datetime, zone: str) -> None:
    assert _localised(naive, zone) == _by_zoneinfo(naive, zone)


@pytest.mark.parametrize(
    ("zone", "naive", "at", "ambiguous", "missing"),
    [
        ("Europe/London", "2024-03-31T01:30", None, False, True),
        ("Europe/London", "2024-10-27T01:30", "2024-10-27T00:30+00:00", True, False),
        ("Australia/Sydney", "2024-10-06T02:30", None, False, True),
        ("Australia/Sydney", "2024-04-07T02:30", "2024-04-06T15:30+00:00", True, False),
        ("Pacific/Auckland", "2024-09-29T02:30", None, False, True),
        ("Pacific/Auckland", "2024-04-07T02:30", "2024-04-06T13:30+00:00", True, False),
        ("Australia/Brisbane", "2024-10-06T02:30", "2024-10-05T16:30+00:00", False, False),
    ],
)
def test_the_edges_of_summer_time(zone: str, naive: str, at: str | None, ambiguous: bool, missing: bool) -> None:
    expected = datetime.fromisoformat(at) if at else None

    found = _localised(datetime.fromisoformat(naive), zone)

    assert found == {"at": expected, "is_ambiguous": ambiguous, "is_missing": missing}


def test_no_time_is_neither_ambiguous_nor_missing() -> None:
    assert set(_localised(None, "Europe/London").values()) == {None}


@given(st.lists(st.tuples(_NAIVE | st.sampled_from(_EDGES), st.sampled_from(ZONES)), min_size=1, max_size=30))
@settings(max_examples=60)
def test_local_time_and_pass_as_zoneinfo_has_them(rows: list[tuple[datetime, str]]) -> None:
    frame = pl.DataFrame(rows, schema={"at": pl.Datetime("us"), "zone": pl.String}, orient="row")
    at, zone = pl.col("at").dt.replace_time_zone("UTC"), pl.col("zone")

    found = frame.select(local=in_zone(at, zone, ZONES), second=is_second_pass(at, zone, ZONES))

    expected = [naive.replace(tzinfo=UTC).astimezone(ZoneInfo(name)) for naive, name in rows]
    assert found["local"].to_list() == [local.replace(tzinfo=None) for local in expected]
    assert found["second"].to_list() == [local.fold == 1 for local in expected]


def test_a_zone_that_was_not_named_gives_null() -> None:
    frame = pl.DataFrame({"at": [datetime(2024, 6, 1, tzinfo=UTC)] * 2, "zone": ["Europe/Paris", None]})
    at, zone = pl.col("at"), pl.col("zone")

    found = frame.select(local=in_zone(at, zone, ["Europe/London"]), second=is_second_pass(at, zone, ["Europe/London"]))

    assert found.rows() == [(None, None)] * 2


def test_where_no_zone_is_known_each_row_of_a_frame_in_chunks_gets_a_null() -> None:
    part = pl.DataFrame({"at": [datetime(2024, 6, 1, tzinfo=UTC)] * 2, "zone": pl.Series([None] * 2, dtype=pl.String)})
    frame = pl.concat([part, part], rechunk=False)
    at, zone = pl.col("at"), pl.col("zone")

    for nothing in (
        in_zone(at, zone, []).dt.date(),
        is_second_pass(at, zone, []).not_(),
        localise_in(at.dt.replace_time_zone(None), zone, []).struct.field("at").dt.date(),
    ):
        assert frame.select(nothing.alias("found"))["found"].to_list() == [None] * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kinsley 27th Jun", (27, 6)),
        ("AUS / Cann (AUS) 24th Oct", (24, 10)),
        ("Forecast / Sund (F/C) 23 rd Nov", (23, 11)),
        ("Q1 Lakeside (AUS) 2nd Jan ", (2, 1)),
        ("Romford 1st september", (1, 9)),
        ("Hove 29th Feb", (29, 2)),
        ("Hove 30th Feb", (None, None)),
        ("Hove 31st Apr", (None, None)),
        ("Hove 0th Apr", (None, None)),
        ("Hove 124th Oct", (None, None)),
        ("Hove 24th Mayhem", (None, None)),
        ("Greyhound Racing / Trap Challenge", (None, None)),
        ("24th Oct Hove", (None, None)),
        (None, (None, None)),
    ],
)
def test_day_and_month_at_the_end(text: str | None, expected: tuple[int | None, int | None]) -> None:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})

    found = frame.select(read=day_month(pl.col("text"))).unnest("read")

    assert found.row(0) == expected


@given(st.integers(-1, 32), st.integers(-1, 14), st.dates(date(2005, 1, 1), date(2035, 12, 31)))
@settings(max_examples=250)
def test_the_nearest_date_is_the_nearest(day: int, month: int, reference: date) -> None:
    candidates = [
        date(year, month, day)
        for year in range(reference.year - 1, reference.year + 2)
        if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]
    ]
    near = [candidate for candidate in candidates if abs((candidate - reference).days) <= 183]
    expected = min(near, key=lambda candidate: (abs((candidate - reference).days), candidate), default=None)
    frame = pl.DataFrame({"day": [day], "month": [month], "reference": [reference]})

    found = frame.select(nearest=nearest_date(pl.col("day"), pl.col("month"), pl.col("reference")))

    assert found["nearest"].to_list() == [expected]


def test_the_turn_of_the_year_and_the_leap_day() -> None:
    rows = [
        (31, 12, date(2024, 1, 1)),
        (1, 1, date(2023, 12, 31)),
        (29, 2, date(2024, 3, 1)),
        (29, 2, date(2023, 3, 1)),
    ]
    frame = pl.DataFrame(
        [*rows, (None, 1, date(2023, 1, 1)), (1, 1, None)], schema=["day", "month", "on"], orient="row"
    )

    found = frame.select(nearest=nearest_date(pl.col("day"), pl.col("month"), pl.col("on")))["nearest"].to_list()

    assert found == [date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), None, None, None]
