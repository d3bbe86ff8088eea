"""Core tables out of judged records and the rows beside them; where these lie is the pipeline's to know."""

from datetime import date

import polars as pl

from race_assets.normalise.beliefs import run_first
from race_assets.schemas.beside import Beside
from race_assets.schemas.table import conform

RECORD = ("source", "source_file", "source_row", "market_type")
IN_FILE = ("file", "source_row", "market_type")

# What a core table has that neither the record nor the row beside it says by itself.
DERIVED = {"noted_at": pl.col("start_at") - pl.duration(seconds="seconds_before_off")}


def tellers(kind: Beside, keyed: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """The records whose rows core is to have: one for each `kind.teller`, such as runner, source and market type.

    Args:
        kind: of the rows.
        keyed: records as `runners.assign` gives them, refused races left out.
        records: what those were made of, each with the off that its own source scheduled, which its points count from.

    Returns:
        `race_date`, `selection_id` and `race_id` (core's), `source`, `market_type`, `source_file`, `source_row`, the
        count, `start_at`, `currency`, sorted by `kind.teller`; `file`, a number of the file; `place`, one of the row.
    """
    has_some = pl.col(kind.count).is_not_null()
    if keyed[kind.count].null_count() == keyed.height:
        keyed, records = keyed.clear(), records.clear()
    told = run_first(keyed.filter(has_some)).select(
        "race_date", pl.col("core_selection_id").alias("selection_id"), "race_id", *RECORD, kind.count, "currency"
    )
    offs = records.filter(has_some).select(*RECORD, "start_at")
    return (
        # Two markets of one source may tell of one runner: as with prices, the first that was run speaks.
        told.unique(kind.teller, keep="first", maintain_order=True)
        .join(offs, on=RECORD, how="left", maintain_order="left")
        .sort(kind.teller)
        .with_columns(file=pl.struct("source", "source_file").rank("dense").cast(pl.UInt32))
        .with_row_index("place")
    )


def rows(kind: Beside, told: pl.DataFrame, parsed: pl.LazyFrame) -> pl.DataFrame:
    """The kind's core table of these records, sorted by key.

    Args:
        kind: of the rows.
        told: what `tellers` gives.
        parsed: rows of `kind.parsed`, with `file` as in `told`; those of other records are left out.
    """
    of_record = told.lazy().select(*IN_FILE, *(name for name in told.columns if name not in IN_FILE))
    frame = parsed.drop("race_date").join(of_record, on=IN_FILE, how="inner").sort("place", *kind.order)
    derived = {name: made for name, made in DERIVED.items() if name in kind.core.columns}
    return conform(frame.with_columns(**derived).collect(), kind.core)


def missing(kind: Beside, told: pl.DataFrame, found: pl.DataFrame) -> dict[date, str]:
    """The days whose rows are not as many as their records have, and what to say of each."""
    wanted = told.group_by("race_date").agg(wanted=pl.col(kind.count).sum().cast(pl.Int64))
    counts = found.group_by("race_date").agg(found=pl.len())
    both = wanted.join(counts, on="race_date", how="left").fill_null(0).filter(pl.col("wanted") != pl.col("found"))
    said = "{:,} {} were told, {:,} are there: a parsed file is damaged; delete lake/parsed and run it again"
    return {day: said.format(told, kind.what, there) for day, told, there in both.sort("race_date").iter_rows()}
