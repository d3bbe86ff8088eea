"""Price points as a source hands them over, taken off its records; what becomes of them is the pipeline's."""

import polars as pl

from race_assets.schemas.records import PARSED_POINTS, POINTS
from race_assets.schemas.table import conform

COLUMN = "points"


def taken_off(frame: pl.DataFrame, batch: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The records with their `point_count`, and the points themselves.

    Args:
        frame: records in the shape of `schemas.records.PARSED`, dated.
        batch: the same records in the same order as the source handed them over, with or without `points`.

    Returns:
        the records, and rows of `schemas.records.PARSED_POINTS` in their order; None where there are none. A record
        without a day has no points: it can be in no table.
    """
    if COLUMN not in batch.columns:
        return frame, None
    lists = batch[COLUMN].cast(POINTS)
    has_some = (lists.list.len() > 0) & frame["race_date"].is_not_null() & frame["market_type"].is_not_null()
    lists = lists.to_frame().select(pl.when(has_some).then(COLUMN)).to_series()
    told = frame.select("race_date", "source_row", "market_type", lists.alias(COLUMN)).drop_nulls(COLUMN)
    counts = lists.list.len().cast(pl.Int32).alias("point_count")
    return frame.with_columns(counts), conform(told.explode(COLUMN).unnest(COLUMN), PARSED_POINTS)
