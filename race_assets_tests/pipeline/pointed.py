"""A source that tells price points: the rows of `betfair_csv`, each with what its own cells make of a grid."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from race_assets.schemas.beside import POINTS
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_csv import BetfairCsv

OFFSETS = (60, 30, 0)
"""In the order a market is read in: the last second comes last."""
AS_TEXT = "race_assets_tests.pipeline.pointed:PointedCsv"


class PointedCsv(BetfairCsv):
    """A row with a price has points; at each its best back is the price and a hundredth of the seconds more."""

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        for frame in super().read(path, name, report):
            price = pl.col("price") if "price" in frame.columns else pl.lit(None, dtype=pl.Float64)
            grid = pl.concat_list(_point(seconds, price) for seconds in OFFSETS).cast(POINTS.lists)
            yield frame.with_columns(points=pl.when(price.is_not_null()).then(grid))


def _point(seconds: int, price: pl.Expr) -> pl.Expr:
    unknown = pl.lit(None, dtype=pl.Float64)
    return pl.struct(
        seconds_before_off=pl.lit(seconds, dtype=pl.Int32),
        best_back=price + seconds / 100,
        best_back_age_s=pl.lit(seconds / 4),
        best_lay=unknown,
        best_lay_age_s=unknown,
        last_traded=price if seconds < OFFSETS[0] else unknown,
        last_traded_age_s=pl.lit(1.5) if seconds < OFFSETS[0] else unknown,
        volume=pl.lit(100.0 - seconds),
        volume_age_s=pl.lit(0.25),
        best_back_stood_s=pl.lit(seconds / 2),
        best_lay_stood_s=unknown,
    )
