"""What other markets and sources of a race say of a record: facts and outcome of PLACE markets, withdrawn dogs."""

import polars as pl

from race_assets.identity.told_races import is_void_place

RACE = ["race_date", "race_id"]
ENTRY = [*RACE, "market_id", "market_type", "selection_id"]
"""A dog in a market of one race, whichever source tells of it."""
MEETING = ["source", "event_id", "event_name", "start_at"]
FACTS = ["race_type", "distance_m", "race_number"]


def with_facts_of_win(records: pl.DataFrame) -> pl.DataFrame:
    """The records, those of PLACE markets with grade, distance and race number of their WIN market.

    Betfair names every PLACE market alike; the WIN market of the same event and off names the race (API_CONTRACTS 3.8).

    Args:
        records: the shape of `schemas.records.RECORDS`, in any order; it is kept.
    """
    is_place = (pl.col("market_type") == "PLACE") & pl.any_horizontal(pl.col(FACTS).is_null())
    is_named = pl.any_horizontal(pl.col("event_id", "event_name").is_not_null())
    if not records.select((is_place & is_named).any()).item():
        return records
    told = (
        records.filter((pl.col("market_type") == "WIN") & is_named)
        .group_by(MEETING)
        .agg(
            # Two races of one event and off are told apart by nothing: then neither is taken.
            *(
                pl.when(pl.col(name).drop_nulls().n_unique() == 1).then(pl.col(name).drop_nulls().first())
                for name in FACTS
            )
        )
    )
    joined = records.join(told, on=MEETING, how="left", nulls_equal=True, maintain_order="left", suffix="_of_win")
    filled = [
        pl.coalesce(name, pl.when(pl.col("market_type") == "PLACE").then(f"{name}_of_win")).alias(name)
        for name in FACTS
    ]
    return joined.with_columns(filled).drop(f"{name}_of_win" for name in FACTS)


def withdrawn(records: pl.DataFrame) -> pl.DataFrame:
    """Return the records, those of dogs that another source has as withdrawn from the same market as SCRATCHED.

    A price file has no mark for a withdrawn dog: it is there with WIN_LOSE 0, as one that lost. A record with another
    result or a position contradicts the withdrawal and stays as it is.

    Args:
        records: with ENTRY, `source`, `status`, `result` and `finish_position`; their order is kept.
    """
    states = (pl.col("status") == "SCRATCHED") & pl.col("result").ne_missing("VOID")
    out = records.filter(states).select(*ENTRY, is_withdrawn=True).drop_nulls().unique()
    if not out.height or records["source"].n_unique() == 1:
        return records
    joined = records.join(out, on=ENTRY, how="left", maintain_order="left")
    has_run = (pl.col("result") != "LOSER").fill_null(value=False) | (pl.col("finish_position") > 0).fill_null(
        value=False
    )
    is_out = pl.col("is_withdrawn").fill_null(value=False) & ~has_run
    return joined.with_columns(
        status=pl.when(is_out).then(pl.lit("SCRATCHED")).otherwise("status"), result=pl.when(~is_out).then("result")
    ).drop("is_withdrawn")


def settled_by_win(records: pl.DataFrame) -> pl.DataFrame:
    """Return the records, those of PLACE markets with status and result as the race's WIN market allows them.

    The WIN market settles who runs (API_CONTRACTS 3.8): a PLACE market may be void long before the race, for too few
    runners. A runner of a void PLACE market is SCRATCHED unless a WIN record says more of it; one whose own source
    removed it from the WIN market is SCRATCHED in the PLACE market too; where the WIN market is void, so is the race.

    Args:
        records: with `race_date`, `race_id`, `source`, `market_type`, `selection_id`, `status`, `result`; their order
            is kept.
    """
    kind, result, status = pl.col("market_type"), pl.col("result"), pl.col("status")
    if not records.select((kind == "PLACE").any()).item():
        return records
    is_place, is_win = kind == "PLACE", kind == "WIN"
    runner = [*RACE, "source", "selection_id"]
    removed = records.filter(is_win & (status == "SCRATCHED")).select(*runner, is_removed=True).unique()
    ran = is_win & result.is_in(["WINNER", "LOSER", "PLACED"])
    is_void_race = (is_win & (result == "VOID")).any().over(RACE) & ~ran.any().over(RACE)
    is_out = is_void_place(RACE) | (is_place & pl.col("is_removed").fill_null(value=False))
    is_void = is_place & result.is_in(["LOSER", "PLACED"]) & is_void_race
    joined = records.join(removed, on=runner, how="left", maintain_order="left")
    joined = joined.with_columns(is_out=is_out, is_void=is_void.fill_null(value=False))
    return joined.with_columns(
        status=pl.when("is_out").then(pl.lit("SCRATCHED")).otherwise("status"),
        result=pl.when("is_void").then(pl.lit("VOID")).when(~pl.col("is_out")).then("result"),
    ).drop("is_removed", "is_out", "is_void")
