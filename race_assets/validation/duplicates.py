"""Which record stands for a runner when several files tell of it; versions of one file are settled before this."""

import polars as pl

from race_assets.schemas.records import PLACE, RACE, RECORD_KEY, RUNNER

KEY = ("race_date", *RECORD_KEY)
TOLD = tuple(name for name in (*RACE, *PLACE, *RUNNER) if name not in RECORD_KEY and name != "observed_at")


def duplicate_kinds(records: pl.DataFrame) -> pl.Series:
    """For each record, why another one stands for it, or null where it stands itself.

    Of the records of a day with one key (source, market, selection, market type) the one with the most known values
    stands, then the one of the smaller file hash, then the earlier row. The others are `within_file` when the one that
    stands is of their own file, else `between_files`.
    """
    nothing = pl.Series("kind", [None], dtype=pl.String).new_from_index(0, records.height)
    is_shared = records.select(pl.struct(KEY).is_duplicated()).to_series()
    if not is_shared.any():
        return nothing
    shared = records.with_row_index("position").filter(is_shared)
    known = pl.sum_horizontal(pl.col(name).is_not_null() for name in TOLD if name in records.columns)
    ranked = shared.with_columns(known=known).sort(
        "known", "source_file", "source_row", descending=[True, False, False]
    )
    ranked = ranked.with_columns(
        standing=pl.col("position").first().over(KEY),
        standing_file=pl.col("source_file").first().over(KEY),
    )
    losers = ranked.filter(pl.col("position") != pl.col("standing")).select(
        "position",
        kind=pl.when(pl.col("source_file") == pl.col("standing_file"))
        .then(pl.lit("within_file"))
        .otherwise(pl.lit("between_files")),
    )
    return nothing.scatter(losers["position"], losers["kind"])
