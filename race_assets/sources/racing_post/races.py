"""The `racing_post_races` source: races of a day with runners, forecasts, starting prices and results."""

import polars as pl

from race_assets.sources.findings import Problem, with_notes, with_problems
from race_assets.sources.racing_post import cells
from race_assets.sources.racing_post.cells import quoted
from race_assets.sources.racing_post.reading import RACES
from race_assets.sources.racing_post.records import RacingPostFile, bad_price, told
from race_assets.values import positions
from race_assets.values.texts import formatted

VOID = ("VOID", "NO_RACE", "ABANDONED")
STATUSES = ("DECLARED", "OFF", "RESULT", *VOID)
RACE_NUMBER = r"(?i)\brace\s*(\d{1,2})\b"
TRAPS = 6
"""A dog above is a reserve that has no trap yet (API_CONTRACTS 8.3)."""


class RacingPostRaces(RacingPostFile):
    """Answers of GetRaceInfo: one record per runner of a race."""

    name = "racing_post_races"
    title = "Racing Post races: runners, forecasts, starting prices, results"
    operation = RACES

    def records(self, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
        """See `RacingPostFile.records`."""
        del runs
        frame = _with_outcome(_with_standing(rows))
        frame = frame.with_columns(
            race_type=pl.col("grade"),
            distance_m=cells.metres(pl.col("distance")),
            race_number=pl.col("race_title").str.extract(RACE_NUMBER, 1).cast(pl.Int16, strict=False),
            sp_fraction=pl.when(cells.price(pl.col("sp")).struct.field("decimal").is_not_null()).then("sp"),
            sp_decimal=cells.price(pl.col("sp")).struct.field("decimal"),
            favourite=cells.price(pl.col("sp")).struct.field("favourite"),
            price=cells.price(pl.col("forecast")).struct.field("decimal"),
            filtered=pl.when(cells.is_set(pl.col("vacant"))).then(pl.lit("vacant_trap")),
        )
        frame = frame.with_columns(price_kind=pl.when(pl.col("price").is_not_null()).then(pl.lit("FORECAST")))
        said = formatted("position {} is no place, no word for a dog that did not run or finish", quoted("position"))
        frame = with_problems(
            frame,
            [
                bad_price("sp", "sp_fraction"),
                bad_price("forecast", "price"),
                Problem("number", ~positions.is_readable(pl.col("position")), said, column="finish_position"),
            ],
        )
        frame = with_notes(
            frame,
            {
                "distance_unread": pl.col("distance").is_not_null() & pl.col("distance_m").is_null(),
                "race_status_unknown": ~_status().is_in(list(STATUSES)),
            },
        )
        return told(
            frame, "filtered", "trap", "race_type", "distance_m", "race_number", "status", "result", "is_dead_heat",
            "finish_position", "price", "price_kind", "sp_fraction", "sp_decimal", "favourite",
        )  # fmt: skip


def _status() -> pl.Expr:
    return pl.col("race_status").str.to_uppercase().str.replace_all(r"[\s-]+", "_")


def _with_standing(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `status`. A reserve stands in a trap that no declared dog has, or where it has a place in the result."""
    position = pl.col("position")
    is_out = cells.is_set(pl.col("non_runner")) | positions.is_scratched(position)
    is_reserve = cells.is_set(pl.col("reserved")) & ~is_out
    is_declared = ~is_reserve & ~is_out & ~cells.is_set(pl.col("vacant"))
    frame = frame.with_columns(is_out=is_out, is_reserve=is_reserve, is_declared=is_declared)
    is_held = pl.col("is_declared").any().over("market_id", "trap")
    got_in = (pl.col("trap").is_between(1, TRAPS).fill_null(value=False) & ~is_held) | positions.place(
        position
    ).is_not_null()
    return frame.with_columns(
        status=pl.when("is_out")
        .then(pl.lit("SCRATCHED"))
        .when(pl.col("is_reserve") & ~got_in)
        .then(pl.lit("INACTIVE"))
        .otherwise(pl.lit("ACTIVE"))
    )


def _with_outcome(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `result`, `finish_position` and `is_dead_heat`; of a void race all that stood are void."""
    is_void = (_status().is_in(list(VOID)) | cells.is_set(pl.col("abandoned"))).fill_null(value=False)
    stands = pl.col("status") == "ACTIVE"
    finish = pl.when(stands & ~is_void).then(positions.finish_position(pl.col("position")))
    frame = frame.with_columns(
        finish_position=finish,
        result=pl.when(~stands)
        .then(None)
        .when(is_void)
        .then(pl.lit("VOID"))
        .otherwise(positions.win_result(pl.col("position"))),
    )
    # Dogs are counted, not rows: a race may stand on two pages.
    is_shared = pl.col("selection_id").n_unique().over("market_id", "finish_position") > 1
    return frame.with_columns(is_dead_heat=pl.when(pl.col("finish_position").is_not_null()).then(is_shared))
