"""What a PLACE market does not say of its race and its WIN market does; races are put together in `tables.py`."""

import polars as pl

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
