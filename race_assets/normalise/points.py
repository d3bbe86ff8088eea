"""`core.price_points` out of judged records and the points beside them; where these lie is the pipeline's to know."""

from datetime import date

import polars as pl

from race_assets.schemas.core import PRICE_POINTS
from race_assets.schemas.table import conform

RECORD = ("source", "source_file", "source_row", "market_type")
TELLER = ("race_date", "selection_id", "source", "market_type")
IN_FILE = ("file", "source_row", "market_type")


def tellers(keyed: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """The records whose points core is to have: one for each runner, source and market type.

    Args:
        keyed: records as `runners.assign` gives them, refused races left out.
        records: what those were made of, each with the off that its own source scheduled, which its points count from.

    Returns:
        `race_date`, `selection_id` (core's), `source`, `market_type`, `source_file`, `source_row`, `point_count`,
        `start_at`, `currency`, sorted by the first four; `file`, a number of the file; `place`, one of the row.
    """
    has_points = pl.col("point_count").is_not_null()
    if keyed["point_count"].null_count() == keyed.height:
        keyed, records = keyed.clear(), records.clear()
    told = keyed.filter(has_points).select(
        "race_date", pl.col("core_selection_id").alias("selection_id"), *RECORD, "point_count", "currency"
    )
    offs = records.filter(has_points).select(*RECORD, "start_at")
    return (
        # Two markets of one source may tell of one runner: as with prices, the first speaks.
        told.unique(TELLER, keep="first", maintain_order=True)
        .join(offs, on=RECORD, how="left", maintain_order="left")
        .sort(TELLER)
        .with_columns(file=pl.struct("source", "source_file").rank("dense").cast(pl.UInt32))
        .with_row_index("place")
    )


def price_points(told: pl.DataFrame, parsed: pl.LazyFrame) -> pl.DataFrame:
    """`core.price_points` of these records, sorted by key.

    Args:
        told: what `tellers` gives.
        parsed: rows of `schemas.records.PARSED_POINTS`, with `file` as in `told`; those of other records are left out.
    """
    of_record = told.lazy().select(*IN_FILE, *(name for name in told.columns if name not in IN_FILE))
    points = parsed.drop("race_date").join(of_record, on=IN_FILE, how="inner").sort("place", "seconds_before_off")
    moment = pl.col("start_at") - pl.duration(seconds="seconds_before_off")
    return conform(points.with_columns(noted_at=moment).collect(), PRICE_POINTS)


def missing(told: pl.DataFrame, points: pl.DataFrame) -> dict[date, str]:
    """The days whose points are not as many as their records have, and what to say of each."""
    wanted = told.group_by("race_date").agg(wanted=pl.col("point_count").sum().cast(pl.Int64))
    found = points.group_by("race_date").agg(found=pl.len())
    both = wanted.join(found, on="race_date", how="left").fill_null(0).filter(pl.col("wanted") != pl.col("found"))
    said = "{:,} price points were told, {:,} are there: a parsed file is damaged; delete lake/parsed and run it again"
    return {day: said.format(*counts) for day, *counts in both.sort("race_date").iter_rows()}
