"""Which record stands for a runner when several report it; versions of one file are settled before this."""

from collections.abc import Sequence

import polars as pl

from race_assets.schemas.records import PLACE, RACE, RECORD_KEY, RUNNER
from race_assets.validation.identifiers import FILE_KEY, KEY

MARKET = ("race_date", "source", "market_type", "market_id")
OUTCOMES = ("status", "result", "finish_position")
DIFFER = "results_differ_between_files"
FACTS = tuple(name for name in (*RACE, *PLACE, *RUNNER) if name not in RECORD_KEY and name != "observed_at")


def duplicate_kinds(records: pl.DataFrame, is_shared: pl.Series) -> pl.DataFrame:
    """Return for each record why another one stands for it, and whether files contradict each other about it.

    Of the rows of one file with one key (day, source, market, selection, market type) the last one stands: people
    append corrections. A last row that says nothing but what a fuller one says leaves that one standing. Of the rows
    that stand for their files the one with the most known values stands, then the one of the smaller file hash.

    Files that state different outcomes for a dog of a market are not mixed: results taken dog by dog from several of
    them would make a race that none of them tells. One file stands for all that they share of the market: the one with
    the most known values there, then the one of the smaller hash.

    Args:
        records: one row per record, all with their key.
        is_shared: `identifiers.shared_keys` of them, or of these and others.

    Returns:
        `kind`: null where the record stands itself, `between_files` where a record of another file stands; where one of
        the same file does, `corrected` if a value that the record states differs or is gone, else `within_file`.
        `noted`: DIFFER for each file's own record of a dog whose outcome differs between files, else null.
    """
    nothing = pl.Series("kind", [None], dtype=pl.String).new_from_index(0, records.height)
    if not is_shared.any():
        return pl.DataFrame([nothing, nothing.alias("noted")])
    facts = [name for name in FACTS if name in records.columns]
    shared = records.with_row_index("position").filter(is_shared)
    shared = shared.with_columns(known=pl.sum_horizontal(pl.col(name).is_not_null() for name in facts))
    # Rows of `shared` are numbered from here on, in the order of their files and lines.
    shared = shared.sort("source_file", "source_row", maintain_order=True).with_row_index("row")
    row = pl.col("row")
    choice = shared.select(last=row.last().over(FILE_KEY), fullest=row.sort_by("known", "row").last().over(FILE_KEY))
    says_no_more = _is_contained(shared, choice["last"], choice["fullest"], facts)
    of_file = choice.select(pl.when(says_no_more).then("fullest").otherwise("last")).to_series()
    shared = shared.with_columns(of_file=of_file)
    for_files = _with_weight(shared.filter(row == pl.col("of_file")))
    for_files = for_files.sort("weight", "source_file", descending=[True, False])
    standing = for_files.unique(KEY, keep="first", maintain_order=True).select(*KEY, standing="row")
    shared = shared.join(standing, on=KEY, how="left", nulls_equal=True, maintain_order="left")
    is_corrected = ~_is_contained(shared, shared["row"], shared["standing"], facts)
    kind = pl.when(is_corrected).then(pl.lit("corrected")).otherwise(pl.lit("within_file"))
    kind = pl.when(pl.col("of_file") == pl.col("standing")).then(kind).otherwise(pl.lit("between_files"))
    losers = shared.with_columns(kind=kind).filter(row != pl.col("standing"))
    told_otherwise = for_files.filter("differs")["position"]
    kinds = nothing.clone().scatter(losers["position"], losers["kind"])
    return pl.DataFrame([kinds, nothing.alias("noted").scatter(told_otherwise, DIFFER)])


def _with_weight(for_files: pl.DataFrame) -> pl.DataFrame:
    """Add `differs`, whether files state different outcomes for the record's key, and `weight`, what speaks for it.

    Args:
        for_files: the record that stands for each file and key, with `known`, the number of its known values.
    """
    states_several = [pl.col(name).drop_nulls().n_unique().over(KEY) > 1 for name in OUTCOMES]
    frame = for_files.with_columns(differs=pl.any_horizontal(states_several), weight="known")
    if not frame["differs"].any():
        return frame
    frame = frame.with_columns(of_shared=pl.when(pl.len().over(KEY) > 1).then("known").otherwise(0))
    in_market = pl.col("of_shared").sum().over([*MARKET, "source_file"])
    weight = pl.when(pl.col("differs").any().over(MARKET)).then(in_market).otherwise("known")
    return frame.with_columns(weight=weight).drop("of_shared")


def _is_contained(frame: pl.DataFrame, rows: pl.Series, others: pl.Series, columns: Sequence[str]) -> pl.Series:
    """Return whether each of the rows states nothing that the other one at its place does not state too."""
    mine, theirs = frame.select(columns)[rows], frame.select(columns)[others]
    theirs.columns = [f"other {name}" for name in columns]
    is_same = [pl.col(name).is_null() | pl.col(name).eq_missing(pl.col(f"other {name}")) for name in columns]
    return pl.concat([mine, theirs], how="horizontal").select(pl.all_horizontal(is_same)).to_series()
