"""Winners and positions on which sources disagree: which of them stand, and which races are in dispute."""

import polars as pl

from race_assets.normalise.beliefs import with_ranks
from race_assets.settings.precedence import Precedence
from race_assets.values.texts import formatted

RACE = ["race_date", "race_id"]
RUNNER = [*RACE, "core_selection_id"]
REPORT = ["source", "market_id"]
"""One account of a race: a source may report a race by two markets, the second opened after the first was void."""


def settled_places(told: pl.DataFrame, records: pl.DataFrame, precedence: Precedence) -> pl.DataFrame:
    """Return the selections with one winner, or those that ran a dead heat by one source's own account.

    Each runner has the result of the source believed first of it. Where these put several runners at one place and
    no source puts them there together, the runner of the source believed first keeps the place, and what the others
    reached is not known. Places that one source gives to two runners are a dead heat.

    Args:
        told: selections with RUNNER, `status`, `result`, `finish_position` (1 for winners) and `is_dead_heat`.
        records: those they are made of, with RUNNER, `source`, `market_id`, `result` and `finish_position`.
        precedence: the order of sources by fact.

    Returns:
        the selections in their order.
    """
    ran = (pl.col("status") == "ACTIVE").fill_null(value=True) & (pl.col("finish_position") > 0)
    is_crowded = (ran & (ran.sum().over([*RACE, "finish_position"]) > 1)).fill_null(value=False)
    crowded = told.filter(is_crowded).select(*RUNNER, "finish_position")
    if not crowded.height:
        return told
    verdicts = _verdicts(crowded, records, precedence)
    joined = told.join(verdicts, on=RUNNER, how="left", maintain_order="left")
    is_lost = (~pl.col("keeps")).fill_null(value=False)
    return joined.with_columns(
        finish_position=pl.when(~is_lost).then("finish_position"),
        result=pl.when(~(is_lost & (pl.col("result") == "WINNER").fill_null(value=False))).then("result"),
        is_dead_heat=~is_lost & (pl.col("is_dead_heat") | pl.col("is_shared").fill_null(value=False)),
    ).drop("keeps", "is_shared")


def _verdicts(crowded: pl.DataFrame, records: pl.DataFrame, precedence: Precedence) -> pl.DataFrame:
    """Return RUNNER, `keeps` and `is_shared` of runners that share a place."""
    own = records.join(crowded, on=RUNNER, suffix="_stands").filter(place() == pl.col("finish_position_stands"))
    own = with_ranks(own, {"result": precedence.ranks("result", own["source"].unique().to_list())})
    report = pl.struct("by_result", "market_id").rank("dense")
    reports = own.select(*RUNNER, place="finish_position_stands", report=report).unique()
    at_place = [*RACE, "place"]
    best = pl.col("report").min()
    reports = reports.with_columns(is_first=best.over(RUNNER) == best.over(at_place))
    # A source that puts a runner beside the one that keeps the place says that both reached it.
    reports = reports.with_columns(keeps=pl.col("is_first").any().over([*at_place, "report"]))
    reports = reports.with_columns(keeps=pl.col("keeps").any().over(RUNNER))
    reports = reports.with_columns(is_shared=pl.col("keeps") & (pl.col("keeps").sum().over([*at_place, "report"]) > 1))
    return reports.group_by(RUNNER).agg(pl.col("keeps", "is_shared").any())


def place() -> pl.Expr:
    """Return the place at the line that a record's `result` and `finish_position` give; a loser's 1 is none."""
    result, position = pl.col("result"), pl.col("finish_position")
    is_denied = ((position == 1) & (result == "LOSER")).fill_null(value=False)
    return pl.when(result == "WINNER").then(pl.lit(1, pl.Int16)).when(~is_denied).then(position)


def _won() -> pl.Expr:
    """Return whether the runner won; null where that is not said, or the runner was void."""
    result = pl.col("result")
    return (
        pl.when(result.is_null()).then(pl.col("finish_position") == 1).when(result != "VOID").then(result == "WINNER")
    )


def disputed(records: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Return the runners of whose result in the WIN market a source says something else than what stands.

    A runner that is void by one market and ran in another is in no dispute; one that in the same market is void by one
    source and has a place by another is.

    Args:
        records: with RUNNER, `source`, `market_type`, `market_id`, `result` and `finish_position`.
        chosen: `core.selections` made of them.

    Returns:
        RUNNER and `said`: who says what.
    """
    result, position = pl.col("result"), pl.col("finish_position")
    stated = records.filter((pl.col("market_type") == "WIN") & (result.is_not_null() | position.is_not_null()))
    if not stated.height:
        return stated.select(*RUNNER, said=pl.lit(None, dtype=pl.String))
    part = pl.concat_str(
        formatted("result {}", result), formatted("position {}", position), separator=", ", ignore_nulls=True
    )
    stated = stated.select(
        *RUNNER, "source", "market_id", "result", won=_won(), place=place(), part=formatted("{} by {}", part, "source")
    )
    stands = chosen.filter(result.ne_missing("VOID")).select(
        "race_date", core_selection_id="selection_id", has_won=_won().fill_null(value=False), reached="finish_position"
    )
    both = stated.join(stands, on=["race_date", "core_selection_id"], how="left", maintain_order="left")
    is_won_otherwise = (pl.col("won") != pl.col("has_won")).fill_null(value=False)
    is_placed_otherwise = pl.col("place").is_not_null() & pl.col("place").ne_missing(pl.col("reached"))
    market = [*RUNNER, "market_id"]
    is_void, is_placed = pl.col("result") == "VOID", pl.col("place").is_not_null()
    is_void_elsewhere = is_void.any().over(market) & is_placed.any().over(market) & pl.col("market_id").is_not_null()
    stands_unvoided = pl.col("has_won").is_not_null()
    differs = (stands_unvoided & (is_won_otherwise | is_placed_otherwise)) | is_void_elsewhere
    runners = both.filter(differs.any().over(RUNNER)).sort("source", "part", maintain_order=True)
    runners = runners.group_by(RUNNER, maintain_order=True).agg(said=pl.col("part").unique(maintain_order=True))
    return runners.sort(RUNNER).select(*RUNNER, pl.col("said").list.join(", "))
