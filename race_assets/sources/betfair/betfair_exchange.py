"""Recordings of live polling: lines of the stream format, written by `exchange/` and read as every stream file is."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl

from race_assets.settings import Settings
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_historic import BetfairHistoric
from race_assets.sources.findings import with_notes

SHORT = timedelta(seconds=60)
"""A recording that ends longer before the off does not know the last price before it."""

TO_THE_OFF = ("last_traded", "pre_off_wap", "pre_off_max", "pre_off_min", "pre_off_volume")


class BetfairExchange(BetfairHistoric):
    """Markets as they were polled, one file a race day; one that was not polled to its close is open, not broken."""

    name = "betfair_exchange"
    title = "Betfair exchange, live: markets polled up to the off and until their result"
    must_close = False

    @classmethod
    def configured(cls, settings: Settings) -> "BetfairExchange":
        """See `FileSource.configured`."""
        return cls(settings.sources.betfair_exchange)

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`."""
        for frame in super().read(path, name, report):
            yield _without_what_was_not_seen(frame)


def _without_what_was_not_seen(frame: pl.DataFrame) -> pl.DataFrame:
    """Of a market that was left well before its off, the last price seen is a plain price, not the last before the off.

    Its price points end where the recording does; the grid has none beyond.
    """
    is_short = (
        pl.col("actual_off_at").is_null()
        & pl.col("result").is_null()
        & (pl.col("observed_at") < pl.col("start_at") - SHORT)
    ).fill_null(value=False)
    is_priced = is_short & pl.col("last_traded").is_not_null()
    priced = frame.with_columns(
        price=pl.when(is_priced).then("last_traded"),
        price_kind=pl.when(is_priced).then(pl.lit("PRICE")),
        is_short=is_short,
    )
    seen = priced.with_columns(pl.when(~pl.col("is_short")).then(name).alias(name) for name in TO_THE_OFF)
    return with_notes(seen, {"left_before_the_off": pl.col("is_short")}).drop("is_short")
