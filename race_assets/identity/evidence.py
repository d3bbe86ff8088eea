"""How much speaks for two told races being one; what follows from it is decided in `linking.py`."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from race_assets.identity.agreement import HOW
from race_assets.settings.linking import LinkSettings

SAME, CUT, UNLIKE = 2.6, 0.7, -2.0
"""Log odds of one race against another race of like names at the track, per dog that is told on both sides.

A name that is the same speaks for one race, one of which only the beginning is known less so, and a dog that nobody
knows against.
"""
ALTERED = 0.95
"""The share of names that are some letters off in another race that looks alike: the next one of the same kennels."""
SLIPS, SLIPS_COUNT = 0.2, 20
"""That share in one race where little is known of a provider, and how many names that counts as."""
BEFORE = 5.0
"""Log odds before a name is looked at: races that look alike are rare."""
APART = -1.0
"""Log odds of offs that are a whole window apart: it settles what names leave open."""
SURE = 50.0
"""Log odds of what a person has decided."""
MINUTE_S = 60

EVIDENCE = {
    "pair": pl.Int64, "left": pl.Int64, "right": pl.Int64, "is_one": pl.Boolean, "offset_s": pl.Int64,
    "names_agreed": pl.Int64, "names_alike": pl.Int64, "traps_agreed": pl.Int64, "compared": pl.Int64,
    "score": pl.Float64,
}  # fmt: skip
"""Two told races; what people decided; the second's off minus the first's; runners whose names agree, those that are
only alike, those of both in the same trap, and how many there were to agree; how probable it is that they are one."""
Evidence = Mapping[str, Any]
"""A row of EVIDENCE."""


def weighed(
    pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, agreed: pl.DataFrame, settings: LinkSettings
) -> pl.DataFrame:
    """The pairs with their evidence.

    Args:
        pairs: `pair`, `left`, `right`, `race_date`, `is_one`, `offset_s`; the races on the right of one provider.
        left: runners of the races on the left; one number for all spellings of a dog.
        right: runners of those on the right.
        agreed: as `agreement.agreeing` gives them.
        settings: the window.
    """
    how = pl.col("how")
    counts = agreed.group_by("pair").agg(
        *((how == each).sum().alias(each) for each in HOW), traps_agreed=pl.col("same_trap").sum()
    )
    frame = pairs.join(counts, on="pair", how="left", maintain_order="left")
    frame = frame.join(_sizes(left, "left"), on="left", how="left", maintain_order="left")
    frame = frame.join(_sizes(right, "right"), on="right", how="left", maintain_order="left")
    whole = [*HOW, "traps_agreed", "left_size", "right_size"]
    frame = frame.with_columns(pl.col(whole).fill_null(0).cast(pl.Int64)).with_columns(
        compared=pl.min_horizontal("left_size", "right_size"),
        names_agreed=pl.col("same") + pl.col("cut"),
        names_alike="alike",
    )
    return _with_score(_with_slips(frame), settings).select(*EVIDENCE)


def _sizes(runners: pl.DataFrame, side: str) -> pl.DataFrame:
    return runners.group_by(pl.col("told").alias(side)).agg(pl.col("runner").n_unique().alias(f"{side}_size"))


def _with_slips(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `slips`: the share of names that the provider writes otherwise that day, in its most alike pairs."""
    met = pl.col("names_agreed") + pl.col("names_alike")
    best = frame.filter(met > 0).sort("right", met, "names_agreed", "left", descending=[False, True, True, False])
    best = best.unique("right", keep="first", maintain_order=True)
    days = best.group_by("race_date").agg(
        slips=(pl.col("names_alike").sum() + SLIPS * SLIPS_COUNT) / (met.sum() + SLIPS_COUNT)
    )
    return frame.join(days, on="race_date", how="left", maintain_order="left").with_columns(
        pl.col("slips").fill_null(SLIPS)
    )


def _with_score(frame: pl.DataFrame, settings: LinkSettings) -> pl.DataFrame:
    """Adds `score`: the pair's odds among all pairs that either race is in, and that of being none of them."""
    odds = pl.col("odds")
    frame = frame.with_columns(odds=_log_odds(settings).exp())
    rivals = odds.sum().over("left") + odds.sum().over("right") - odds
    return frame.with_columns(score=odds / (1 + rivals))


def _log_odds(settings: LinkSettings) -> pl.Expr:
    met = pl.col("names_agreed") + pl.col("names_alike")
    apart = pl.col("offset_s").abs() / (MINUTE_S * settings.window_minutes)
    unlike = (pl.col("compared") - met).clip(0)
    alike = (pl.col("slips") / ALTERED).log()
    by_names = BEFORE + APART * apart + UNLIKE * unlike
    by_names += SAME * pl.col("same") + CUT * pl.col("cut") + alike * pl.col("alike")
    # Without names only the minute is left to go by.
    by_minute = pl.when(pl.col("offset_s").abs() < MINUTE_S).then(BEFORE).otherwise(-SURE)
    return (
        pl.when(pl.col("is_one").fill_null(value=False))
        .then(SURE)
        .when(pl.col("compared") == 0)
        .then(by_minute)
        .when(met == 0)
        .then(-SURE)
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
