"""The clock guard's year is quiet and whole, and a shift moves what it is told to move."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from race_assets_tests.linking_corpus.generate import Corpus
from race_assets_tests.linking_corpus.rates import BETFAIR, MEASURED_SEEDS, RACING_POST, RATES
from race_assets_tests.linking_corpus.shifts import labelled_year, shifted

MARKET = ["source", "market_id"]
# Six weeks round the autumn's changes: Melbourne on 6 October 2024, London and Dublin on the 27th.
WEEKS = replace(RATES, year_first=dt.date(2024, 9, 23), year_days=42)


@pytest.fixture(scope="module")
def weeks() -> Corpus:
    return labelled_year(MEASURED_SEEDS[0], WEEKS)


def test_every_day_has_races_that_both_sources_tell_at_nearly_one_time(weeks: Corpus) -> None:
    offs = (
        weeks.records.join(weeks.races, on=MARKET)
        .group_by("race", "source")
        .agg(pl.col("start_at", "race_date").first())
    )
    races = offs.group_by("race").agg(
        pl.col("source").n_unique(),
        pl.col("race_date").first(),
        spread=pl.col("start_at").max() - pl.col("start_at").min(),
    )
    assert races["race_date"].n_unique() >= WEEKS.year_days
    a_day = races.group_by("race_date").len()["len"]
    assert 15 < float(a_day.median() or 0) < 35
    assert (races["source"] == 2).mean() > 0.9
    assert races["spread"].max() == dt.timedelta(minutes=RATES.year_largest_delay)
    assert (races["spread"] > dt.timedelta(0)).mean() < 0.1
    assert set(weeks.records["source"]) == {BETFAIR, RACING_POST}


def test_a_shift_moves_one_source_alone(weeks: Corpus) -> None:
    wrong = shifted(weeks.records, RACING_POST, 60)
    moved = (wrong["start_at"] - weeks.records["start_at"]).dt.total_minutes()
    assert set(zip(weeks.records["source"], moved, strict=True)) == {(BETFAIR, 0), (RACING_POST, 60)}
    assert wrong.drop("start_at", "race_date").equals(weeks.records.drop("start_at", "race_date"))


def test_a_day_off_moves_the_date_also_where_the_clocks_change(weeks: Corpus) -> None:
    wrong = shifted(weeks.records, BETFAIR, -1440)
    is_his = weeks.records["source"] == BETFAIR
    before = (weeks.records["race_date"] - wrong["race_date"]).dt.total_days()
    assert set(before.filter(is_his)) == {1}
    assert set(before.filter(~is_his)) == {0}


def test_a_shift_over_midnight_moves_the_date_by_the_tracks_clocks() -> None:
    # 23:30 in Melbourne, summer time: UTC says 12:30 of the same day, and 13:30 once it is an hour late.
    one = pl.DataFrame(
        {
            "source": [BETFAIR],
            "track_id": ["au-sandown-park"],
            "start_at": [dt.datetime(2024, 11, 5, 12, 30, tzinfo=dt.UTC)],
            "race_date": [dt.date(2024, 11, 5)],
        },
        schema_overrides={"start_at": pl.Datetime("us", "UTC")},
    )
    wrong = shifted(one, BETFAIR, 60)
    assert wrong["race_date"].to_list() == [dt.date(2024, 11, 6)]
    assert shifted(wrong, BETFAIR, -60).equals(one)


def test_a_shift_of_some_days_leaves_the_others_alone(weeks: Corpus) -> None:
    days = [dt.date(2024, 10, 6), dt.date(2024, 10, 27)]
    wrong = shifted(weeks.records, RACING_POST, -60, days)
    is_moved = wrong["start_at"] != weeks.records["start_at"]
    assert set(weeks.records.filter(is_moved)["race_date"]) == set(days)
    assert is_moved.sum() == weeks.records.filter(
        pl.col("race_date").is_in(days), pl.col("source") == RACING_POST
    ).height  # fmt: skip
