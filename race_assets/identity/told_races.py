"""Races as each provider tells them, before anybody knows which of them are one; linking them is in `linking.py`."""

from collections.abc import Mapping

import polars as pl

from race_assets.values import names

MEETING = ["race_date", "track_id"]
OFF = ["provider", *MEETING, "start_at"]
MARKET = ["provider", "race_date", "market_type", "market_id"]
STANDING = "ACTIVE"


def ranked(records: pl.DataFrame, providers: Mapping[str, str], ranks: Mapping[str, int]) -> pl.DataFrame:
    """The records with `provider` and `rank` of their source; both mappings have every source."""
    source = pl.col("source")
    return records.with_columns(
        provider=source.replace_strict(list(providers), list(providers.values()), return_dtype=pl.String),
        rank=source.replace_strict(list(ranks), list(ranks.values()), return_dtype=pl.Int32),
    )


def with_told(records: pl.DataFrame) -> pl.DataFrame:
    """Adds `told`, a number for each race as its provider tells it: the same for the same records, in any order.

    Of one provider, what has one track and off is one race, and so is what has one market.

    Args:
        records: `provider`, `race_date`, `track_id`, `start_at`, `market_id`, `market_type`; one off per
            source and market.
    """
    offs = records.select(OFF).unique().sort(OFF).with_columns(told=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = records.join(offs, on=OFF, how="left", maintain_order="left")
    # Two sources of one provider may state one market's off differently: the race they tell is one.
    while (torn := _torn(joined)).height:
        joined = joined.join(torn, on="told", how="left", maintain_order="left")
        joined = joined.with_columns(told=pl.min_horizontal("told", "first")).drop("first")
    return joined


def _torn(frame: pl.DataFrame) -> pl.DataFrame:
    """Told races that share a market with one of a smaller number, and that number: `told`, `first`."""
    markets = frame.select(*MARKET, "told").unique()
    first = markets.group_by(MARKET).agg(first=pl.col("told").min(), races=pl.len()).filter(pl.col("races") > 1)
    return (
        markets.join(first, on=MARKET)
        .group_by("told")
        .agg(pl.col("first").min())
        .filter(pl.col("first") < pl.col("told"))
    )


def races(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per told race: `told`, `provider`, `rank`, MEETING, `start_at`: the off its best-ranked source states."""
    offs = frame.group_by("told", *OFF).agg(pl.col("rank").min(), pl.len())
    ordered = offs.sort("told", "rank", "len", "start_at", descending=[False, False, True, False])
    return ordered.unique("told", keep="first", maintain_order=True).drop("len")


def with_siblings_trap(records: pl.DataFrame) -> pl.DataFrame:
    """The records; a runner without trap gets the one its provider states for it elsewhere in that market."""
    runner = ["provider", "race_date", "market_id", "selection_id"]
    if not records.select((pl.col("trap").is_null() & pl.col("selection_id").is_not_null()).any()).item():
        return records
    known = records.drop_nulls(["trap", "selection_id"]).group_by(runner).agg(known=pl.col("trap").min())
    joined = records.join(known, on=runner, how="left", maintain_order="left")
    return joined.with_columns(trap=pl.coalesce("trap", "known")).drop("known")


def comparable(dog_name: str = "dog_name") -> pl.Expr:
    """A dog's name as it is compared."""
    return names.match_name(pl.col(dog_name))


def runners(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per told race, trap and name: `runner`, these, `is_cut`, `stands`, `is_reserve`; names are comparable.

    Args:
        frame: with `told`, `trap`, `dog_name`, `selection_name`, `status`.
    """
    named = frame.select(
        "told",
        "trap",
        name=comparable(),
        is_cut=names.is_truncated(pl.col("selection_name")),
        stands=pl.col("status") == STANDING,
        is_reserve=names.is_reserve(pl.col("selection_name")).fill_null(value=False),
    )
    told = (
        named.drop_nulls("name")
        .group_by("told", "trap", "name")
        .agg(pl.col("is_cut").all(), pl.col("stands").all(), pl.col("is_reserve").any())
    )
    return told.sort("told", "trap", "name").with_row_index("runner").with_columns(pl.col("runner").cast(pl.Int64))
