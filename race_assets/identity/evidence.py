"""How much speaks for two told races being one; what follows from it is decided in `linking.py`."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from race_assets.settings.linking import LinkSettings

NAMES_WEIGH = 0.9
"""How much of a score is names; the rest is how close the offs are, which settles what names leave open."""
FEWEST = 2
"""One dog alone is not more than half of a proof."""
MINUTE_S = 60

EVIDENCE = {
    "pair": pl.Int64, "left": pl.Int64, "right": pl.Int64, "is_one": pl.Boolean, "offset_s": pl.Int64,
    "names_agreed": pl.Int64, "traps_agreed": pl.Int64, "compared": pl.Int64, "score": pl.Float64,
}  # fmt: skip
"""Two told races; what people decided; the second's off minus the first's; runners whose names agree, those of them in
the same trap, and how many there were to agree; 0 to 1."""
Evidence = Mapping[str, Any]
"""A row of EVIDENCE."""


def weighed(
    pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, agreed: pl.DataFrame, settings: LinkSettings
) -> pl.DataFrame:
    """The pairs with their evidence.

    Args:
        pairs: `pair`, `left`, `right`, `is_one`, `offset_s`.
        left: runners of the races on the left; one number for all spellings of a dog.
        right: runners of those on the right.
        agreed: as `agreement.agreeing` gives them.
        settings: the window.
    """
    counts = agreed.group_by("pair").agg(names_agreed=pl.len(), traps_agreed=pl.col("same_trap").sum())
    frame = pairs.join(counts, on="pair", how="left", maintain_order="left")
    frame = frame.join(_sizes(left, "left"), on="left", how="left", maintain_order="left")
    frame = frame.join(_sizes(right, "right"), on="right", how="left", maintain_order="left")
    whole = ["names_agreed", "traps_agreed", "left_size", "right_size"]
    frame = frame.with_columns(pl.col(whole).fill_null(0).cast(pl.Int64))
    frame = frame.with_columns(compared=pl.min_horizontal("left_size", "right_size"))
    return frame.with_columns(score=_score(settings)).select(*EVIDENCE)


def _sizes(runners: pl.DataFrame, side: str) -> pl.DataFrame:
    return runners.group_by(pl.col("told").alias(side)).agg(pl.col("runner").n_unique().alias(f"{side}_size"))


def _score(settings: LinkSettings) -> pl.Expr:
    share = pl.col("names_agreed") / pl.max_horizontal("compared", pl.lit(FEWEST))
    apart = pl.col("offset_s").abs() / (MINUTE_S * settings.window_minutes)
    by_names = NAMES_WEIGH * share + (1 - NAMES_WEIGH) * (1 - apart.clip(0, 1))
    # Without names only the minute is left to go by.
    by_minute = pl.when(pl.col("offset_s").abs() < MINUTE_S).then(settings.min_score).otherwise(0.0)
    return (
        pl.when(pl.col("is_one").fill_null(value=False))
        .then(1.0)
        .when(pl.col("compared") == 0)
        .then(by_minute)
        .when(pl.col("names_agreed") == 0)
        .then(0.0)
        .otherwise(by_names)
    )


def runner_up(row: Evidence, rows: Iterable[Evidence]) -> float:
    """The best score among the other pairs that either race is in."""
    rivals = [
        each["score"]
        for each in rows
        if each["pair"] != row["pair"] and (each["left"] == row["left"] or each["right"] == row["right"])
    ]
    return float(max(rivals, default=0.0))
