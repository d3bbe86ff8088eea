"""Recordings of live polling: lines of the stream format, written by `exchange/` and read as every stream file is."""

from datetime import timedelta

import polars as pl

from race_assets.settings import Settings
from race_assets.sources.betfair.betfair_historic import BetfairHistoric
from race_assets.sources.findings import with_notes

SHORT = timedelta(seconds=60)
"""A market that was not polled for longer before its off is not known to have had that price last."""

EARLY = timedelta(minutes=5)
AT_THE_OFF = ("actual_off_at", "last_traded", "pre_off_wap", "pre_off_max", "pre_off_min", "pre_off_volume")


class BetfairExchange(BetfairHistoric):
    """Markets as they were polled, one file a race day; one that was not polled to its close is open, not broken."""

    name = "betfair_exchange"
    title = "Betfair exchange, live: markets polled up to the off and until their result"
    must_close = False
    version = 4

    @classmethod
    def configured(cls, settings: Settings) -> "BetfairExchange":
        """See `FileSource.configured`."""
        return cls(settings.sources.betfair_exchange)

    def seen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """See `BetfairHistoric.seen`.

        `observed_at` is when the market was last polled before its off. Of a market that was left well before its off,
        the last price seen is a plain price, not the last before the off; nor is the off known, where polling began
        again after it. Its price points end where polling did.
        """
        if "points" in frame.columns:
            frame = _without_points_unseen(frame)
        # A market that is suspended so early is no race going off, though nothing was heard of it since.
        off = pl.when(pl.col("actual_off_at") >= pl.col("start_at") - EARLY).then("actual_off_at")
        left = (pl.col("heard_at") < pl.coalesce(off, "start_at") - SHORT).fill_null(value=False)
        is_priced = left & pl.col("last_traded").is_not_null()
        priced = frame.with_columns(
            price=pl.when(is_priced).then("last_traded"),
            price_kind=pl.when(is_priced).then(pl.lit("PRICE")),
            is_left=left,
            observed_at=pl.max_horizontal("heard_at", "observed_at"),
        )
        known = priced.with_columns(pl.when(~pl.col("is_left")).then(name).alias(name) for name in AT_THE_OFF)
        return with_notes(known, {"left_before_the_off": pl.col("is_left")}).drop("is_left", "heard_at")


def _without_points_unseen(frame: pl.DataFrame) -> pl.DataFrame:
    """The grid goes on from the last price known until the market is heard of again."""
    rows = frame.with_row_index("row")
    points = rows.select("row", "start_at", "heard_at", "points").drop_nulls().explode("points", empty_as_null=False)
    moment = pl.col("start_at") - pl.duration(seconds=pl.col("points").struct.field("seconds_before_off"))
    seen = points.filter(moment <= pl.col("heard_at") + SHORT).group_by("row", maintain_order=True).agg("points")
    return rows.drop("points").join(seen, on="row", how="left", maintain_order="left").drop("row")
