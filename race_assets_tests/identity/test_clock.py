"""Judging clocks on a made-up year of two sources, and on days made by hand."""

from datetime import date, timedelta

import polars as pl
import pytest

from benchmarks.linking import ranked
from race_assets.identity import clock
from race_assets.identity.clock import Shift
from race_assets.settings.linking import ClockSettings
from race_assets_tests.linking_corpus import rates, shifts

BETFAIR, CARD = "betfair_historic", "racing_post_races"
SPRING, AUTUMN = date(2024, 3, 31), date(2024, 10, 27)


@pytest.fixture(scope="module")
def year() -> pl.DataFrame:
    return shifts.year(rates.DEVELOPMENT_SEEDS[0])


def found(records: pl.DataFrame) -> list[Shift]:
    return clock.shifts(clock.told_dogs(ranked(records)), ClockSettings())


def test_a_year_of_right_clocks_gives_no_alarm(year: pl.DataFrame) -> None:
    assert year["race_date"].n_unique() == 365
    assert {SPRING, AUTUMN} <= set(year["race_date"])
    assert found(year) == []


@pytest.mark.parametrize("minutes", [60, -60, 1440, -1440])
def test_a_shift_is_caught_on_every_day_of_the_year(year: pl.DataFrame, minutes: int) -> None:
    shifted = shifts.shifted(year, CARD, minutes)
    told = found(shifted)
    assert {each.race_date for each in told} == set(shifted.filter(pl.col("source") == CARD)["race_date"])
    assert {(each.source, each.minutes, each.beside) for each in told} == {(CARD, minutes, BETFAIR)}


def test_one_shifted_day_blames_that_day_alone(year: pl.DataFrame) -> None:
    (told,) = found(shifts.shifted(year, CARD, 60, [SPRING]))
    assert (told.race_date, told.minutes) == (SPRING, 60)
    assert "racing_post_races states the offs of 2024-03-31 60 minutes too late" in told.message
    assert f"{told.races} of its {told.compared} races whose dogs betfair_historic has too" in told.message
    assert told.races >= 3


def test_a_meeting_put_off_for_an_hour_is_no_wrong_clock(year: pl.DataFrame) -> None:
    day = year.filter(pl.col("race_date") == SPRING)
    track = day["track_id"].value_counts(sort=True)["track_id"][-1]
    late = (pl.col("source") == CARD) & (pl.col("track_id") == track)
    moved = pl.when(late).then(pl.col("start_at") + timedelta(hours=1)).otherwise("start_at")
    assert found(day.with_columns(moved.alias("start_at"))) == []


PRICES = "betfair_bsp"


def told_later(records: pl.DataFrame, source: str, minutes: int, tracks: list[str]) -> pl.DataFrame:
    """What Betfair's streams report, with another source that has the same meetings so many minutes later."""
    own = records.filter((pl.col("source") == BETFAIR) & pl.col("track_id").is_in(tracks))
    later = pl.col("start_at") + timedelta(minutes=minutes)
    return pl.concat([own, own.with_columns(start_at=later, source=pl.lit(source))])


@pytest.mark.parametrize(
    ("source", "minutes", "meetings", "is_shift"),
    [
        (PRICES, 30, 1, False),
        (PRICES, 60, 1, False),
        (PRICES, 30, 2, True),
        (PRICES, 60, 2, True),
        (CARD, 30, 1, False),
        (CARD, 60, 1, True),
        (CARD, -59, 1, True),
        (CARD, 1440, 1, True),
        (CARD, 30, 2, True),
    ],
)
def test_a_late_meeting_is_told_from_a_wrong_clock_by_ids_other_meetings_and_whole_hours(
    year: pl.DataFrame, source: str, minutes: int, meetings: int, is_shift: bool
) -> None:
    counts = year.filter(pl.col("source") == BETFAIR).group_by("race_date").agg(pl.col("track_id").unique().sort())
    busy = counts.filter(pl.col("track_id").list.len() >= 2).sort("race_date").row(0, named=True)
    day = year.filter(pl.col("race_date") == busy["race_date"])
    shifts_found = found(told_later(day, source, minutes, busy["track_id"][:meetings]))
    assert [(each.source, each.minutes) for each in shifts_found] == ([(source, minutes)] if is_shift else [])
