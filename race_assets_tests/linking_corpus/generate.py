"""Puts the labelled corpus together: what three sources say of one made-up world, and which of it is the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import polars as pl

from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.values.names import dog_name
from race_assets_tests.linking_corpus import achieved
from race_assets_tests.linking_corpus.offs import told_offs
from race_assets_tests.linking_corpus.rates import RATES, SOURCES, Rates
from race_assets_tests.linking_corpus.tell import Row, Teller
from race_assets_tests.linking_corpus.world import Meeting, World, tracks

_TRUTH = {"race": pl.Int64, "runner": pl.Int64}


@dataclass(frozen=True)
class Corpus:
    """Told races and the truth about them.

    Attributes:
        records: the columns of `schemas.records.RECORDS`; a row is a runner in a market as one source tells it. In no
            helpful order; what no source of this kind says is null.
        races: the truth: `source`, `market_id`, `race` (Int64). Betfair's PLACE markets are of the race, too.
        runners: the truth: `source`, `market_id`, `selection_id`, `runner` (Int64, one dog in one race).
    """

    records: pl.DataFrame
    races: pl.DataFrame
    runners: pl.DataFrame

    def describe(self) -> dict[str, Any]:
        """What really is in it, counted from the three frames and not taken from the rates."""
        return achieved.describe(self.records, self.races, self.runners)


def make(seed: int, rates: Rates = RATES) -> Corpus:
    """The corpus of a seed: the same seed and rates give the same rows in the same order."""
    rng = Random(seed)  # noqa: S311 - the same corpus every time is the point
    world, teller = World(rng, rates), Teller(rng, rates)
    by_country = {
        country: [i for i, track in tracks().items() if track.country == country] for country, _ in rates.meetings
    }
    rows: list[Row] = []
    for day in rates.days:
        where = [track for country, number in rates.meetings for track in rng.sample(by_country[country], number)]
        rng.shuffle(where)
        rows += told(world, teller, world.day(day, where, rates.double_meetings), SOURCES)
    return assemble(rng, rows)


def told(world: World, teller: Teller, meetings: Sequence[Meeting], sources: Sequence[str]) -> list[Row]:
    """All that these sources say of these meetings."""
    rows: list[Row] = []
    for place, meeting in enumerate(meetings):
        # A track's second meeting comes right behind its first.
        races_before = len(meetings[place - 1].races) if meeting.is_second else 0
        offs = told_offs(world.rng, world.rates, meeting, sources)
        styles = {race.number: teller.styles(sources) for race in meeting.races}
        for source in sources:
            card = teller.card(source, meeting, races_before)
            for race in meeting.races:
                if race.number in offs[source]:
                    rows += teller.rows(card, race, offs[source][race.number], styles[race.number][source])
    return rows


def assemble(rng: Random, rows: list[Row]) -> Corpus:
    """The rows in no order as a corpus: days at the track, clean names and places in files are added."""
    rng.shuffle(rows)
    frame = pl.DataFrame(rows, schema={**polars_schema(RECORDS), **_TRUTH})
    frame = frame.with_columns(
        race_date=local_date(frame["track_id"]),
        dog_name=dog_name(pl.col("selection_name")),
        source_row=pl.int_range(pl.len()).over("source_file") + 2,
    ).with_columns(byte_offset=pl.col("source_row") * 120)
    key = ["source", "market_id"]
    return Corpus(
        frame.drop(*_TRUTH),
        frame.select(*key, "race").unique().sort(key),
        frame.select(*key, "selection_id", "runner").unique().sort(*key, "selection_id"),
    )


def local_date(track_ids: pl.Series) -> pl.Expr:
    """The calendar date of `start_at` on the clocks of each row's track."""
    zone = {track_id: tracks()[track_id].timezone for track_id in track_ids.unique().sort()}
    date = pl.lit(None, dtype=pl.Date)
    for name in sorted(set(zone.values())):
        there = pl.col("track_id").is_in([track_id for track_id, its in zone.items() if its == name])
        date = pl.when(there).then(pl.col("start_at").dt.convert_time_zone(name).dt.date()).otherwise(date)
    return date
