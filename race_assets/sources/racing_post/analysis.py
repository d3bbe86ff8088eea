"""The `racing_post_analysis` source: what an expert thinks of a race's runners before it."""

import polars as pl

from race_assets.schemas.beside import ANALYSIS as BESIDE
from race_assets.sources.findings import with_notes, with_problems
from race_assets.sources.racing_post import cells
from race_assets.sources.racing_post.reading import ANALYSIS
from race_assets.sources.racing_post.records import RacingPostFile, bad_price, told

MOST_PICKS = 10


class RacingPostAnalysis(RacingPostFile):
    """Answers of GetExpertAnalysis: one record per runner of a race, the view of it beside it.

    A payload gives dogs by number only; their names come with the archived file, from the races of the day.
    """

    name = "racing_post_analysis"
    title = "Racing Post analysis: picks, forecasts and comments"
    operation = ANALYSIS

    def records(self, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
        """See `RacingPostFile.records`."""
        del runs
        forecast = cells.price(pl.col("forecast")).struct.field("decimal")
        frame = rows.with_columns(
            pick_rank=_pick_rank(),
            is_selection=_is_named("selection_trap"),
            is_danger=_is_named("danger_trap"),
            is_forecast_alt=_is_named("forecast_alt_trap"),
            forecast_fraction=pl.when(forecast.is_not_null()).then("forecast"),
            forecast_decimal=forecast,
            chance_of_win=cells.number(pl.col("chance_of_win")),
            top_speed=cells.number(pl.col("top_speed")),
            price=forecast,
            price_kind=pl.when(forecast.is_not_null()).then(pl.lit("FORECAST")),
            chance_text=pl.col("chance_of_win"),
            speed_text=pl.col("top_speed"),
        )
        frame = with_problems(frame, [bad_price("forecast", "price")])
        frame = with_notes(
            frame,
            {
                "chance_of_win_unread": pl.col("chance_text").is_not_null() & pl.col("chance_of_win").is_null(),
                "top_speed_unread": pl.col("speed_text").is_not_null() & pl.col("top_speed").is_null(),
            },
        )
        view = pl.concat_list(pl.struct(BESIDE.fields))
        return told(frame.with_columns(view.alias(BESIDE.name)), BESIDE.name, "trap", "price", "price_kind")


def _is_named(column: str) -> pl.Expr:
    """Whether a race's answer names this runner's trap; null where it names none."""
    return cells.whole(pl.col(column)) == pl.col("trap")


def _pick_rank() -> pl.Expr:
    """The place of a runner's trap in `3-1-6`."""
    picks = pl.col("post_pick").str.extract_all(r"\d+")
    rank = pl.lit(None, dtype=pl.Int16)
    for number in reversed(range(MOST_PICKS)):
        is_it = cells.whole(picks.list.get(number, null_on_oob=True)) == pl.col("trap")
        rank = pl.when(is_it).then(pl.lit(number + 1, dtype=pl.Int16)).otherwise(rank)
    return rank
