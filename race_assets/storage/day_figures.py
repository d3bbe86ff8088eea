"""Small figures of published days, counted from the frames that are published: races by track, data of charts."""

from collections.abc import Collection, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

from race_assets.schemas.ops import CHART_DATA, RACE_COUNTS
from race_assets.schemas.table import conform
from race_assets.storage.binary_copy import copy_rows
from race_assets.storage.coverage import EVERY

PRICES, OVERROUND = "prices", "overround"
BINS = (1.01, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 50.0)
"""Decimal odds at which a range of the price distribution begins; the last one has no end."""
BELOW = f"below {BINS[0]:g}"
RANGES = (BELOW, *(f"{low:g} to {high:g}" for low, high in pairwise(BINS)), f"{BINS[-1]:g} and more")

DAY_AND_TRACK = ("race_date", "track_id")


def replace(cursor: Any, days: Collection[date], core: Mapping[str, pl.DataFrame]) -> None:
    """Store the figures of these days in place of their former ones, in the transaction of the cursor."""
    races, selections = core["core.races"], core["core.selections"]
    counted = (RACE_COUNTS, race_counts(races)), (CHART_DATA, chart_data(races, selections))
    for schema, rows in counted:
        cursor.execute(f"delete from {schema.name} where race_date = any(%s)", [list(days)])
        copy_rows(cursor, schema.name, conform(rows, schema), [])


def race_counts(races: pl.DataFrame) -> pl.DataFrame:
    """Count races, and those with a result, by day, track and source; `*` stands for all sources."""
    counts = (
        pl.col("track", "country").first(),
        pl.len().alias("races"),
        (pl.col("status") != "OPEN").sum().alias("with_result"),
    )
    of_sources = races.explode("sources").group_by(*DAY_AND_TRACK, pl.col("sources").alias("source")).agg(*counts)
    of_all = races.group_by(*DAY_AND_TRACK).agg(*counts).with_columns(source=pl.lit(EVERY))
    return pl.concat([of_sources, of_all.select(of_sources.columns)])


def chart_data(races: pl.DataFrame, selections: pl.DataFrame) -> pl.DataFrame:
    """Count runners by range of odds, and add up the overrounds of races by track, of each day."""
    ran = selections.filter(pl.col("status") == "ACTIVE")
    return pl.concat([_price_ranges(ran), _overrounds(races, ran)])


def _price_ranges(ran: pl.DataFrame) -> pl.DataFrame:
    """Runners by range of their price; also prices that settings let in below the lowest odds."""
    place = pl.sum_horizontal(pl.col("price") >= low for low in BINS)
    label = place.replace_strict(dict(enumerate(RANGES)), return_dtype=pl.String)
    counted = ran.filter(pl.col("price").is_not_null()).group_by("race_date", label.alias("label")).agg(number=pl.len())
    return counted.select("race_date", pl.lit(PRICES).alias("chart"), "label", "number", pl.lit(0.0).alias("total"))


def _overrounds(races: pl.DataFrame, ran: pl.DataFrame) -> pl.DataFrame:
    """Overrounds by track, of races in which every runner has a price that implies a probability."""
    is_price = (pl.col("price") > 0) & pl.col("price").is_finite()
    by_race = (
        ran.group_by("race_date", "race_id")
        .agg(implied=(1 / pl.col("price")).sum(), is_priced=is_price.fill_null(value=False).all())
        .filter("is_priced")
    )
    by_track = (
        by_race.join(races.select("race_date", "race_id", "track"), on=["race_date", "race_id"])
        .group_by("race_date", pl.col("track").alias("label"))
        .agg(number=pl.len(), total=pl.col("implied").sum())
    )
    return by_track.select("race_date", pl.lit(OVERROUND).alias("chart"), "label", "number", "total")
