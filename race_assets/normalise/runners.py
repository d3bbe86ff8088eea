"""Which race and which runner each record is about; the tables made of them are in `tables.py`."""

import polars as pl

from race_assets.identity import keys
from race_assets.normalise.beliefs import is_out
from race_assets.normalise.place import settled_by_win, withdrawn
from race_assets.values import names, times

STANDING = "ACTIVE"
PLACES = 10_000
"""Room for the traps of a race in one number with it."""


def assign(records: pl.DataFrame, tracks: pl.DataFrame) -> pl.DataFrame:
    """The records with their race's and runner's keys: one track and minute is one race.

    Args:
        records: the shape of `schemas.records.RECORDS`, each with the off and trap that stand for its race and dog; may
            have `runner_name`, the comparable name of its dog where that is not its own.
        tracks: `track_id` and `timezone`.

    Returns:
        the records, sorted by race and trap, with `start_local`, `race_id`, `runner` (what tells runners of one race
        and trap apart), `runner_seq` and `core_selection_id`.
    """
    return _with_runner(settled_by_win(withdrawn(_with_race(records, tracks))))


def one_start_per_market(frame: pl.DataFrame) -> pl.DataFrame:
    """A market of a day whose rows differ in their off gets the one most of them state, then the earliest."""
    market = ["race_date", "source", "market_id"]
    offs = frame.select(*market, "start_at").unique()
    if offs.height == offs.select(market).unique().height:
        return frame
    settled = (
        frame.group_by(*market, "start_at")
        .agg(pl.len())
        .sort("len", "start_at", descending=[True, False])
        .unique(market, keep="first", maintain_order=True)
        .select(*market, settled="start_at")
    )
    joined = frame.join(settled, on=market, how="left", maintain_order="left")
    return joined.with_columns(start_at="settled").drop("settled")


def _with_race(frame: pl.DataFrame, tracks: pl.DataFrame) -> pl.DataFrame:
    """Adds the race's key, and `place`: numbers that sort as race_date, race_id and trap do as text."""
    at, zone = pl.col("start_at"), pl.col("timezone")
    offs = frame.select("race_date", "track_id", "start_at").unique()
    offs = offs.join(tracks.select("track_id", "timezone"), on="track_id", how="left")
    zones = offs["timezone"].unique().to_list()
    offs = offs.with_columns(start_local=times.in_zone(at, zone, zones), second=times.is_second_pass(at, zone, zones))
    offs = offs.with_columns(race_id=keys.race_id(pl.col("track_id"), pl.col("start_local"), pl.col("second")))
    offs = offs.sort("race_date", "race_id", "start_at").with_columns(
        race_place=pl.struct("race_date", "race_id").rle_id().cast(pl.Int64)
    )
    offs = offs.select("race_date", "track_id", "start_at", "start_local", "race_id", "race_place")
    joined = frame.join(offs, on=["race_date", "track_id", "start_at"], how="left", maintain_order="left")
    return joined.with_columns(place=pl.col("race_place") * PLACES + _trap_place()).drop("race_place")


def _trap_place() -> pl.Expr:
    """Traps as their keys sort, as text: 1, 10, 2; without a trap, after all others."""
    trap = pl.col("trap").cast(pl.Int64)
    as_text = pl.when(trap < 10).then(trap * 100).otherwise(trap // 10 * 100 + trap % 10 + 1)  # noqa: PLR2004
    return as_text.clip(0, PLACES - 2).fill_null(PLACES - 1)


def _with_runner(frame: pl.DataFrame) -> pl.DataFrame:
    """Sorts by race and trap, and adds the runner's key; only those that share a trap need to be told apart."""
    frame = frame.with_columns(runner=pl.lit(None, dtype=pl.String), runner_seq=pl.lit(0, dtype=pl.Int16))
    alone = frame.select((~pl.col("place").is_duplicated() & pl.col("trap").is_not_null()).alias("alone")).to_series()
    if alone.all():
        frame = frame.sort("place")
    else:
        shared = frame.filter(~alone).sort(
            "place", "source", "market_type", "market_id", "source_file", "source_row",
            descending=[False, False, True, False, False, False],
        )  # fmt: skip
        shared = _told_apart(shared).sort("place", "runner_seq", "runner", maintain_order=True)
        frame = pl.concat([frame.filter(alone), shared]).sort("place", maintain_order=True)
    return frame.drop("place").with_columns(
        core_selection_id=keys.selection_id(pl.col("race_id"), pl.col("trap"), pl.col("runner_seq"), pl.col("runner"))
    )


def _told_apart(frame: pl.DataFrame) -> pl.DataFrame:
    """Runners that share a race and trap, told apart by name, numbered: 0 stands in the trap, 1, 2 were replaced."""
    trap = ["race_date", "race_id", "trap"]
    own = names.match_name(pl.col("dog_name"))
    linked = frame.columns.count("runner_name") == 1
    frame = frame.with_columns(runner=pl.coalesce("runner_name", own) if linked else own)
    longest = pl.col("runner").sort_by(pl.col("runner").str.len_chars(), descending=True).first().over(trap)
    cut = names.is_truncated(pl.col("selection_name")) & pl.col("trap").is_not_null()
    full = frame.select(longest.alias("longest"), cut.alias("cut"))
    # Betfair cut names at 16 characters for years: the short form of a neighbour is that neighbour.
    frame = frame.with_columns(full).with_columns(
        runner=pl.when(pl.col("cut") & pl.col("longest").str.starts_with(pl.col("runner")))
        .then("longest")
        .otherwise("runner")
    )
    runners = (
        frame.group_by(*trap, "runner", maintain_order=True)
        .agg(stands=(pl.col("status") == STANDING).any() & ~is_out(pl.col("market_type") == "PLACE"))
        .with_columns(place=pl.int_range(pl.len()).over(trap), runners=pl.len().over(trap))
        # Nobody stands in the trap: the last of them is its dog.
        # Of several that stand the first holds it; the rule `trap_once` must still see the others.
        .with_columns(
            holds=(pl.col("stands") & (pl.col("stands").cum_sum().over(trap) == 1))
            | (~pl.col("stands").any().over(trap) & (pl.col("place") == pl.col("runners") - 1))
        )
        .with_columns(
            runner_seq=pl.when(pl.col("trap").is_null() | pl.col("holds"))
            .then(0)
            .otherwise((~pl.col("holds")).cum_sum().over(trap))
            .cast(pl.Int16)
        )
        .select(*trap, "runner", seq="runner_seq")
    )
    joined = frame.join(runners, on=[*trap, "runner"], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(runner_seq="seq").drop("seq", "longest", "cut")
