"""What a source tells beside its records, taken off them; what becomes of it is the pipeline's."""

import polars as pl

from race_assets.schemas.beside import KINDS, Beside
from race_assets.schemas.table import conform


def taken_off(frame: pl.DataFrame, batch: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The records with their counts, and the rows beside them.

    Args:
        frame: records in the shape of `schemas.records.PARSED`, dated.
        batch: the same records in the same order as the source handed them over, with or without columns of lists.

    Returns:
        the records, and for each kind of `schemas.beside` the batch has a column of, rows of its `parsed` in their
        order. A record without a day has none: it can be in no table.
    """
    rows = {}
    for kind in KINDS:
        if kind.name in batch.columns:
            frame, rows[kind.name] = _one_taken_off(kind, frame, batch[kind.name])
    return frame, rows


def _one_taken_off(kind: Beside, frame: pl.DataFrame, lists: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    lists = lists.cast(kind.lists)
    has_some = (lists.list.len() > 0) & frame["race_date"].is_not_null() & frame["market_type"].is_not_null()
    lists = lists.to_frame().select(pl.when(has_some).then(kind.name)).to_series()
    told = frame.select("race_date", "source_row", "market_type", lists.alias(kind.name)).drop_nulls(kind.name)
    counts = lists.list.len().cast(pl.Int32).alias(kind.count)
    return frame.with_columns(counts), conform(told.explode(kind.name).unnest(kind.name), kind.parsed)
