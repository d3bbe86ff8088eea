"""For the clock guard: a quiet year as two sources tell it, and the same year with one source's clock set wrong."""

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from random import Random
from types import MappingProxyType

import polars as pl

from race_assets_tests.linking_corpus.generate import Corpus, assemble, local_date, told
from race_assets_tests.linking_corpus.rates import BETFAIR, RACING_POST, RATES, Rates
from race_assets_tests.linking_corpus.tell import Row, Teller
from race_assets_tests.linking_corpus.world import World


def year(seed: int, rates: Rates = RATES) -> pl.DataFrame:
    """The records of `labelled_year`."""
    return labelled_year(seed, rates).records


def labelled_year(seed: int, rates: Rates = RATES) -> Corpus:
    """A year at a few tracks, both days of clock change among it: nearly all races told by both sources, WIN only.

    Names are cut and dogs go missing as always; offs differ in few races, and by few minutes.
    """
    rng = Random(seed)  # noqa: S311 - the same year every time is the point
    calm = _calm(rates)
    world, teller = World(rng, calm), Teller(rng, calm)
    rows: list[Row] = []
    for number in range(rates.year_days):
        day = rates.year_first + dt.timedelta(days=number)
        where = rng.sample(rates.year_tracks, rng.randint(*rates.year_meetings))
        rows += told(world, teller, world.day(day, where), (BETFAIR, RACING_POST))
    return assemble(rng, rows)


def _calm(rates: Rates) -> Rates:
    missing = MappingProxyType(dict.fromkeys(rates.race_missing, rates.year_race_missing))
    return replace(
        rates,
        races_a_meeting=rates.year_races,
        race_missing=missing,
        meeting_missing=MappingProxyType(dict.fromkeys(missing, 0.0)),
        one_source_only=0.0,
        place_market=0.0,
        place_market_only=0.0,
        delayed_race=rates.year_delayed_race,
        delayed_meeting=0.0,
        twins_delayed_together=0.0,
        twin=0.0,
        largest_delay=rates.year_largest_delay,
    )


def shifted(records: pl.DataFrame, source: str, minutes: int, days: Collection[dt.date] | None = None) -> pl.DataFrame:
    """The records with one source's `start_at` moved, and `race_date` as the track's clocks then have it.

    Args:
        records: the shape of `schemas.records.RECORDS`, tracks known.
        source: whose clock is wrong.
        minutes: how much later it says races go off; negative is earlier, 1440 a day.
        days: the `race_date`s, as they were, on which it is wrong; null is always.
    """
    is_wrong = pl.col("source") == source
    if days is not None:
        is_wrong &= pl.col("race_date").is_in(list(days))
    off = pl.col("start_at") + pl.duration(minutes=minutes)
    # Only where it is moved: a source's own date counts, whatever the registry says of the track now.
    return (
        records.with_columns(start_at=pl.when(is_wrong).then(off).otherwise("start_at"), __is_wrong=is_wrong)
        .with_columns(race_date=pl.when("__is_wrong").then(local_date(records["track_id"])).otherwise("race_date"))
        .drop("__is_wrong")
    )
