"""The corpus holds what it is meant to hold, in the amounts the task asks for, and is the same for a seed each time."""

import datetime as dt
import os
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache
from random import Random
from typing import Any

import polars as pl
import pytest

from race_assets.identity.tracks import TrackRegistry
from race_assets.schemas.records import RECORDS
from race_assets_tests.linking_corpus.generate import Corpus, make
from race_assets_tests.linking_corpus.rates import (
    BETFAIR,
    CLUB,
    DEVELOPMENT_SEEDS,
    LEAST_NAMES_ALTERED,
    LEAST_RACES,
    LEAST_RUNNERS_MISSING,
    MEASURED_SEEDS,
    RATES,
    SOURCES,
)
from race_assets_tests.linking_corpus.tell import Teller
from race_assets_tests.linking_corpus.world import Entry, World

SMALL = replace(RATES, days=RATES.days[:1], meetings=(("GB", 2), ("AU", 1)), double_meetings=1)
KEY = ["source", "market_id", "selection_id"]


@cache
def corpus(seed: int) -> Corpus:
    return make(seed)


@cache
def figures(seed: int) -> dict[str, Any]:
    return corpus(seed).describe()


SEEDS = pytest.mark.parametrize("seed", [DEVELOPMENT_SEEDS[0], MEASURED_SEEDS[0]])


@SEEDS
def test_there_is_as_much_trouble_as_was_asked_for(seed: int) -> None:
    found = figures(seed)
    assert found["races"] >= LEAST_RACES
    assert found["names_altered_of_dogs_told_twice"] >= LEAST_NAMES_ALTERED
    assert found["names_altered_of_all_dogs"] >= LEAST_NAMES_ALTERED
    assert found["runners_missing_from_a_source"] >= LEAST_RUNNERS_MISSING
    assert max(found["delays_in_minutes"]) == RATES.largest_delay
    assert all(found["delays_in_minutes"].values())
    assert min(found["betfair_later"], found["betfair_earlier"]) > 0.05


@SEEDS
def test_every_kind_of_trouble_is_there(seed: int) -> None:
    found = figures(seed)
    assert found["twins"] > 100
    assert all(found["races_by_tellers"][n] > 100 for n in (1, 2, 3))
    wanted = (
        "races_with_place_market", "betfair_names_of_16", "runners_with_reserve_mark", "namesakes_of_a_day",
        "dogs_entered_twice_a_day", "told_races_with_names_alike_when_cut", "told_traps_with_two_dogs",
        "club_races_without_traps", "races_under_two_track_names", "track_days_with_two_meetings",
        "void_races_betfair_tells",
    )  # fmt: skip
    assert [name for name in wanted if not found[name]] == []
    assert all(found["races_on_days_of_clock_change"].values())


@SEEDS
def test_records_are_records_and_each_has_its_truth(seed: int) -> None:
    made = corpus(seed)
    RECORDS.validate(made.records, lazy=True)
    assert not made.records.select(*KEY, "market_type").is_duplicated().any()
    # A market is of one type, so that its key alone names it.
    assert made.records.group_by(KEY[:2]).agg(pl.col("market_type").n_unique())["market_type"].max() == 1
    for truth, key in ((made.races, KEY[:2]), (made.runners, KEY)):
        assert not truth.select(key).is_duplicated().any()
        assert truth.select(key).sort(key).equals(made.records.select(key).unique().sort(key))


@SEEDS
def test_a_runner_is_of_one_race_and_a_source_tells_it_once(seed: int) -> None:
    made = corpus(seed)
    told = made.records.join(made.races, on=KEY[:2]).join(made.runners, on=KEY)
    assert told.group_by("runner").agg(pl.col("race").n_unique())["race"].max() == 1
    assert not told.select("source", "market_type", "runner").is_duplicated().any()
    markets = told.select("source", "market_type", "market_id", "race").unique()
    assert not markets.select("source", "market_type", "race").is_duplicated().any()


@SEEDS
def test_the_registry_takes_the_tracks_names_for_the_tracks(seed: int) -> None:
    names = corpus(seed).records.select("track_name", "country", told="track_id").unique()
    assert names.height > names["told"].n_unique()
    assert TrackRegistry.load().resolve(names).filter(pl.col("track_id").ne_missing(pl.col("told"))).is_empty()


@SEEDS
def test_race_date_is_the_day_on_the_tracks_clocks(seed: int) -> None:
    records = corpus(seed).records
    for place, zone in (("gb-", "Europe/London"), ("nz-", "Pacific/Auckland")):
        there = records.filter(pl.col("track_id").str.starts_with(place))
        assert (there["start_at"].dt.convert_time_zone(zone).dt.date() == there["race_date"]).all()
    away = records.filter(pl.col("start_at").dt.date() != pl.col("race_date"))
    assert set(away["country"]) >= {"AU", "NZ"}


def test_a_source_never_states_one_off_for_two_races_of_a_track() -> None:
    markets = corpus(DEVELOPMENT_SEEDS[0]).records.select(*KEY[:2], "market_type", "track_id", "start_at").unique()
    assert not markets.select("source", "market_type", "track_id", "start_at").is_duplicated().any()


@pytest.mark.parametrize(
    ("style", "told"),
    [
        ("BOTH", {("REPLACED", 1, "SCRATCHED"), ("RESERVE", 1, "ACTIVE")}),
        ("RESERVE_ALONE", {("RESERVE", 1, "ACTIVE")}),
        ("RESERVE_ELSEWHERE", {("REPLACED", 1, "SCRATCHED"), ("RESERVE", 7, "ACTIVE")}),
        ("AS_BEFORE", {("REPLACED", 1, "ACTIVE")}),
    ],
)
def test_a_reserve_is_told_in_each_way(style: str, told: set[tuple[str, int, str]]) -> None:
    none_lost = replace(SMALL, runner_missing=dict.fromkeys(SOURCES, 0.0), half_field_lost=0.0)
    rng = Random(1)  # noqa: S311 - a corpus, not a secret
    world, teller = World(rng, none_lost), Teller(rng, none_lost)
    meeting = world.day(RATES.days[0], ["gb-romford"])[0]
    race = meeting.races[0]
    dogs = {part: world.dog() for part in ("REPLACED", "RESERVE")}
    race.entries = [Entry(i, dog, 1, part, None, 7) for i, (part, dog) in enumerate(dogs.items())]
    rows = list(teller.rows(teller.card(BETFAIR, meeting), race, race.off, style))
    assert {(race.entries[row["runner"]].part, row["trap"], row["status"]) for row in rows} == told
    assert all(row["selection_name"].lower().endswith("(res)") == (row["runner"] == 1) for row in rows)


def test_the_club_leaves_traps_out_of_races_and_of_whole_files() -> None:
    club = corpus(DEVELOPMENT_SEEDS[0]).records.filter(pl.col("source") == CLUB)
    told = pl.col("trap").is_not_null().any()
    files = club.group_by("source_file").agg(told)["trap"]
    races = club.filter(told.over("source_file")).group_by("market_id").agg(told)["trap"]
    assert set(files) == set(races) == {True, False}


def test_a_seed_decides_every_row_whatever_the_hash_seed() -> None:
    code = (
        "import hashlib\n"
        "from race_assets_tests.linking_corpus import test_corpus as t\n"
        "made = t.make(3, t.SMALL)\n"
        "told = made.records.write_csv() + made.races.write_csv() + made.runners.write_csv()\n"
        "print(hashlib.sha256(told.encode()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert not make(3, SMALL).records.equals(make(4, SMALL).records)


def test_records_are_in_no_order_of_races() -> None:
    made = make(3, SMALL)
    races = made.records.join(made.races, on=KEY[:2], maintain_order="left")["race"]
    neighbours = (races == races.shift()).sum()
    assert neighbours < 0.2 * races.len()


def test_no_seed_is_both_developed_on_and_measured_and_rates_are_shares() -> None:
    assert not set(DEVELOPMENT_SEEDS) & set(MEASURED_SEEDS)
    values = [getattr(RATES, field.name) for field in fields(RATES)]
    assert all(0 <= value <= 1 for value in values if isinstance(value, float))
    assert all(isinstance(day, dt.date) for day in RATES.days)
