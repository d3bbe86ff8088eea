"""The `betfair_csv` source: one row per runner with a plain price; nothing of starting-price or stream files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from race_assets.ahead import ahead
from race_assets.sources import delimited
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.delimited import Dialect
from race_assets.sources.findings import Problem, broken_lines, with_problems
from race_assets.values import markets, names, odds, times

COLUMNS = (
    "event_id",
    "event_name",
    "track",
    "start_time",
    "selection_id",
    "selection_name",
    "price",
    "volume",
)


class BetfairCsv(FileSource):
    """Rows of event, track, off, runner, price and volume, one win market per event and off.

    `start_time` is ISO 8601 with an offset or `Z`; prices are decimal or fractional; volumes are GBP, the exchange's
    currency (API_CONTRACTS 8.8).
    """

    name = "betfair_csv"
    title = "CSV rows of Betfair events: track, off, runner, price, volume"
    parser_version = 3

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`; the name says nothing."""
        del name
        for block in ahead(delimited.read(path, Dialect(COLUMNS), report)):
            if block.broken.height:
                yield broken_lines(block.broken)
            if block.rows.height:
                yield _records(block.rows)

    def cells_of(self, path: Path, text: str) -> list[str]:
        """See `FileSource.cells_of`."""
        del path
        return delimited.cells_of(text)

    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """See `FileSource.rows_as_read`."""
        return delimited.rows_as_read(path, byte_offsets)


def _records(rows: pl.DataFrame) -> pl.DataFrame:
    frame = names.with_trap_and_dog(_with_start(rows), "selection_name")
    frame = frame.with_columns(
        decimal=odds.decimal_odds(pl.col("price")),
        number=pl.col("volume").str.strip_chars().cast(pl.Float64, strict=False),
    )
    frame = with_problems(frame, _problems())
    return frame.select(
        "source_row",
        "byte_offset",
        "notes",
        "problems",
        "event_id",
        "event_name",
        "selection_id",
        "selection_name",
        "start_at",
        "race_date",
        "trap",
        "dog_name",
        market_id=markets.event_market_id(pl.col("event_id"), pl.col("stamp")),
        market_type=pl.lit("WIN"),
        track_name=pl.col("track"),
        status=pl.lit("ACTIVE"),
        price=pl.col("decimal"),
        price_kind=pl.lit("PRICE"),
        volume=pl.col("number"),
        currency=pl.lit("GBP"),
    )


def _with_start(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `start_at`, its `stamp`, and `race_date` where an offset tells it; each text is read once."""
    start = times.iso_instant(pl.col("start_time"))
    offs = rows.select("start_time").unique().with_columns(start=start)
    offs = offs.select(
        "start_time",
        start_at=pl.col("start").struct.field("at"),
        stamp=markets.stamp(pl.col("start").struct.field("at")),
        # Z says nothing of the track's calendar; an offset of its own does.
        race_date=pl.when(pl.col("start").struct.field("offset_minutes") != 0).then(
            pl.col("start").struct.field("local_date")
        ),
    )
    return rows.join(offs, on="start_time", how="left", nulls_equal=True, maintain_order="left")


def _problems() -> list[Problem]:
    price, volume, start = pl.col("price"), pl.col("volume"), pl.col("start_time")
    not_finite = price.str.contains(r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$")
    unread = pl.col("decimal").is_null() & (price.str.strip_chars() != "")
    no_number = pl.col("number").is_null() | ~pl.col("number").is_finite()
    return [
        Problem(
            "start_time",
            pl.col("start_at").is_null(),
            pl.format(
                "start_time {} is not a date and time in ISO 8601 with an offset or Z, such as 2024-06-27T14:52:00Z",
                _quoted(start),
            ),
        ),
        Problem(
            "price_range",
            unread & not_finite,
            pl.format("price {} is not a price; 1.01 to 1000 or blank is", _quoted(price)),
            among=pl.col("decimal").is_null(),
        ),
        Problem(
            "number",
            unread & ~not_finite,
            pl.format("price {} is neither decimal nor fractional odds, such as 3.5 or 5/2", _quoted(price)),
            among=pl.col("decimal").is_null(),
        ),
        Problem(
            "number",
            volume.str.strip_chars() != "",
            pl.format("volume {} is not a number", _quoted(volume)),
            among=no_number,
        ),
    ]


def _quoted(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit("'"), text.fill_null("").str.slice(0, 60), pl.lit("'"))
