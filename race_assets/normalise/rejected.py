"""Count the runners that races lack because their records were rejected."""

from collections.abc import Mapping

import polars as pl

from race_assets.values import names

RACE = ["race_date", "race_id"]
COUNTS = {"race_date": pl.Date, "race_id": pl.String, "rejected_runners": pl.Int32}
OF_RECORD = ("source", "market_id", "track_id", "start_at", "selection_id", "trap", "dog_name")
RUNS = "ACTIVE"


def rejected_runners(
    rejects: pl.DataFrame, keyed: pl.DataFrame, chosen: pl.DataFrame, providers: Mapping[str, str]
) -> pl.DataFrame:
    """Return how many runners of each race are in quarantine and in no accepted record.

    A rejected record belongs to the race of its provider's market, else to the one of its track and off. Its runner is
    there all the same where an accepted record of the race, from any source, has its name, or its id within the
    provider, or where another provider has a dog that runs in its trap. Scratched runners are not counted, and those of
    one trap that several providers or markets report are one.

    Args:
        rejects: the shape of `schemas.ops.REJECTED`.
        keyed: accepted records as `runners.assign` gives them.
        chosen: their `core.selections`.
        providers: by source, whose ids its markets and selections have.

    Returns:
        `race_date`, `race_id`, `rejected_runners`; races that lack nobody are left out.
    """
    due = rejects.filter(pl.col("status").is_null() | (pl.col("status") == RUNS))
    if not due.height or not keyed.height:
        return pl.DataFrame(schema=COUNTS)
    known = _with_provider(keyed.select(*RACE, *OF_RECORD, "core_selection_id"), providers)
    placed = _placed(_with_provider(due, providers).with_row_index("reject"), known)
    # Names take time to compare: only those of the races in question are.
    known = _with_name(known.join(placed, on=RACE, how="semi"))
    missing = _missing(_with_name(placed), known, chosen)
    by_provider = missing.group_by(*RACE, "slot", "provider").agg(dogs=pl.col("who").n_unique())
    by_slot = by_provider.group_by(*RACE, "slot").agg(pl.col("dogs").max())
    counts = by_slot.group_by(RACE).agg(rejected_runners=pl.col("dogs").sum().cast(pl.Int32))
    return counts.sort(RACE).select(list(COUNTS))


def _with_provider(records: pl.DataFrame, providers: Mapping[str, str]) -> pl.DataFrame:
    provider = pl.col("source").replace_strict(list(providers), list(providers.values()), default=pl.col("source"))
    return records.with_columns(provider=provider)


def _with_name(records: pl.DataFrame) -> pl.DataFrame:
    return records.with_columns(name=names.match_name(pl.col("dog_name")))


def _placed(due: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rejected records that belong to a race which has accepted ones, with its `race_id`."""
    market, off = ["race_date", "provider", "market_id"], ["race_date", "track_id", "start_at"]
    by_market = known.select(*market, of_market="race_id").unique(market, keep="first", maintain_order=True)
    by_off = known.select(*off, of_off="race_id").unique(off, keep="first", maintain_order=True)
    joined = due.join(by_market, on=market, how="left").join(by_off, on=off, how="left")
    return joined.with_columns(race_id=pl.coalesce("of_market", "of_off")).drop_nulls("race_id")


def _missing(placed: pl.DataFrame, known: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Those of the rejected records whose runner the race lacks, with `slot` and `who`, which tell runners apart."""
    runs = chosen.filter(pl.col("status") == RUNS).select("race_date", core_selection_id="selection_id")
    standing = known.join(runs, on=["race_date", "core_selection_id"], how="semi")
    in_trap = placed.join(standing.select(*RACE, "trap", other="provider"), on=[*RACE, "trap"])
    there = [
        placed.join(known, on=[*RACE, "name"], how="semi"),
        placed.join(known, on=[*RACE, "provider", "selection_id"], how="semi"),
        in_trap.filter(pl.col("provider") != pl.col("other")),
    ]
    found = pl.concat([each.select("reject") for each in there]).unique()
    number = pl.col("reject").cast(pl.String)
    return placed.join(found, on="reject", how="anti").with_columns(
        slot=pl.coalesce(
            pl.concat_str(pl.lit("t"), pl.col("trap").cast(pl.String)),
            pl.concat_str(pl.lit("n"), "name"),
            pl.concat_str(pl.lit("i"), "provider", "selection_id"),
            pl.concat_str(pl.lit("r"), number),
        ),
        who=pl.coalesce("name", "selection_id", number),
    )
