"""The `betfair_csv` source: one row per runner with a plain price; nothing of starting-price or stream files."""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from race_assets.ahead import ahead
from race_assets.settings import Settings
from race_assets.settings.feeds import TRACK
from race_assets.sources import delimited, sport
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.betfair import menu
from race_assets.sources.delimited import Dialect
from race_assets.sources.findings import Problem, broken_lines, with_notes, with_problems
from race_assets.values import distances, ids, markets, names, odds, times
from race_assets.values.texts import formatted

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

# Markets of the place: `To Be Placed`, and those of so many places, `2 TBP`.
PLACE = r"(?i)\bto be placed\b|\b\d TBP\b"
PLACE_MARKET = "place_market"

VERSION = 6
"""Raised whenever the same file and time zone would parse to something else."""


class BetfairCsv(FileSource):
    """Rows of event, track, off, runner, price and volume, one win market per event and off; others are filtered.

    `start_time` is ISO 8601; without an offset it is read in `timezone`, or rejected where none is set. Prices are
    decimal or fractional; volumes are GBP, the exchange's currency (API_CONTRACTS 8.8). With a time zone set, the
    parser version is a number made of it: with another zone, the files are parsed anew.

    Attributes:
        timezone: zone of times without an offset: an IANA name, `track` for the clocks at the track, or None.
    """

    name = "betfair_csv"
    title = "CSV rows of Betfair events: track, off, runner, price, volume"
    may_repeat = True

    def __init__(self, timezone: str | None = None) -> None:
        self.timezone = timezone
        is_set = timezone is not None
        self.parser_version = zlib.crc32(f"{VERSION} {timezone}".encode()) & 0x7FFF_FFFF if is_set else VERSION

    @property
    def header(self) -> frozenset[str]:
        """See `FileSource.header`."""
        return frozenset(COLUMNS)

    @classmethod
    def configured(cls, settings: Settings) -> "BetfairCsv":
        """See `FileSource.configured`."""
        return cls(settings.sources.betfair_csv.timezone)

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`."""
        for block in ahead(delimited.read(path, Dialect(COLUMNS), report)):
            if block.broken.height:
                yield broken_lines(block.broken)
            if block.rows.height:
                yield _records(block.rows, name, self.timezone)

    def cells_of(self, path: Path, text: str) -> list[str]:
        """See `FileSource.cells_of`."""
        del path
        return delimited.cells_of(text)

    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """See `FileSource.rows_as_read`."""
        return delimited.rows_as_read(path, byte_offsets)


def _records(rows: pl.DataFrame, name: str, timezone: str | None) -> pl.DataFrame:
    frame = names.with_trap_and_dog(_with_start(rows, timezone), "selection_name")
    frame = with_notes(frame, {"local_time_ambiguous": pl.col("is_ambiguous")})
    frame = frame.with_columns(
        decimal=odds.decimal_odds(pl.col("price")),
        number=pl.col("volume").str.strip_chars().cast(pl.Float64, strict=False),
    )
    frame = sport.with_sport(frame, name, "event_name", "event_id", track="track")
    frame = frame.with_columns(
        filtered=pl.coalesce(_no_win_runner(), pl.when("is_horses").then(pl.lit(sport.NOT_GREYHOUNDS)))
    ).with_columns(sport_signs=pl.when(pl.col("filtered").is_null()).then("sport_signs"))
    frame = with_problems(frame, _problems(timezone))
    return frame.select(
        "source_row",
        "byte_offset",
        "notes",
        "problems",
        "event_name",
        "selection_name",
        "start_at",
        "start_local",
        "race_date",
        "trap",
        "dog_name",
        "filtered",
        event_id=ids.without_decimal(pl.col("event_id")),
        selection_id=ids.without_decimal(pl.col("selection_id")),
        market_id=markets.event_market_id(ids.without_decimal(pl.col("event_id")), pl.col("stamp")),
        market_type=pl.lit("WIN"),
        track_name=pl.col("track"),
        status=pl.lit("ACTIVE"),
        price=pl.col("decimal"),
        price_kind=pl.lit("PRICE"),
        volume=pl.col("number"),
        currency=pl.lit("GBP"),
    )


def _no_win_runner() -> pl.Expr:
    """Why a row is no runner of a win market, or null; a dog with a trap in a market named by a distance always is."""
    event, selection = pl.col("event_name").str.strip_chars(), pl.col("selection_name").str.strip_chars()
    distance = distances.grade_and_distance(event).struct.field("distance_m")
    is_dog = pl.col("trap").is_not_null() & distance.is_not_null()
    place = pl.when(event.str.contains(PLACE)).then(pl.lit(PLACE_MARKET))
    return pl.when(~is_dog).then(pl.coalesce(menu.no_runner(event, event, selection), place))


def _with_start(rows: pl.DataFrame, timezone: str | None) -> pl.DataFrame:
    """Add the scheduled off, reading each distinct text once.

    Args:
        rows: has `start_time`, text.
        timezone: zone of texts without an offset: IANA name, `track`, or None for none.

    Returns:
        the rows with `start_at`; `start_local`, the clock at the track, where the zone is `track`; `stamp` of the off;
        `race_date` where the text states the track's own date; `has_offset`, and `is_ambiguous` and `is_missing` of a
        local time that clocks show twice or never.
    """
    start, local = times.iso_instant(pl.col("start_time")).struct, times.iso_local(pl.col("start_time"))
    offs = (
        rows.select("start_time")
        .unique()
        .with_columns(
            # A Z is no statement about the track's calendar; an offset of its own is.
            race_date=pl.when(start.field("offset_minutes") != 0).then(start.field("local_date")),
            start_at=start.field("at"),
            start_local=local,
            has_offset=local.is_null(),
            is_ambiguous=pl.lit(value=False),
            is_missing=pl.lit(value=False),
        )
    )
    if timezone == TRACK:
        offs = offs.with_columns(race_date=pl.coalesce("race_date", pl.col("start_local").dt.date()))
    else:
        if timezone is not None:
            placed = times.localise(pl.col("start_local"), timezone).struct
            offs = offs.with_columns(
                placed.field("is_ambiguous", "is_missing").fill_null(value=False),
                start_at=pl.coalesce("start_at", placed.field("at")),
            )
        offs = offs.with_columns(start_local=pl.lit(None, dtype=pl.Datetime("us")))
    stamp = pl.coalesce(markets.stamp(pl.col("start_at")), markets.local_stamp(pl.col("start_local")))
    return rows.join(
        offs.with_columns(stamp=stamp), on="start_time", how="left", nulls_equal=True, maintain_order="left"
    )


def _problems(timezone: str | None) -> list[Problem]:
    price, volume, start = pl.col("price"), pl.col("volume"), pl.col("start_time")
    not_finite = price.str.contains(r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$")
    unread = pl.col("decimal").is_null() & (price.str.strip_chars() != "")
    no_number = pl.col("number").is_null() | ~pl.col("number").is_finite()
    no_start = pl.col("start_at").is_null() & pl.col("start_local").is_null()
    return [
        Problem(
            "start_time",
            pl.col("has_offset"),
            formatted(
                "start_time {} is not a date and time in ISO 8601 with an offset or Z, such as 2024-06-27T14:52:00Z",
                _quoted(start),
            ),
            among=no_start,
        ),
        Problem(
            "start_time",
            ~pl.col("has_offset") & ~pl.col("is_missing"),
            formatted(
                "start_time {} has no offset: add one or Z in ISO 8601, as in 2024-06-27T14:52:00Z, or set "
                "sources.betfair_csv.timezone to the zone it is in (`track` or an IANA name)",
                _quoted(start),
            ),
            among=no_start,
        ),
        Problem(
            "local_time",
            pl.col("is_missing"),
            formatted(f"start_time {{}} does not exist in {timezone}: the clocks go forward over it", _quoted(start)),
            among=no_start,
        ),
        Problem(
            "price_range",
            unread & not_finite,
            formatted("price {} is not a price; decimal or fractional odds, or a blank, are", _quoted(price)),
            among=pl.col("decimal").is_null(),
            column="price",
        ),
        Problem(
            "number",
            unread & ~not_finite,
            formatted("price {} is neither decimal nor fractional odds, such as 3.5 or 5/2", _quoted(price)),
            among=pl.col("decimal").is_null(),
            column="price",
        ),
        Problem(
            "number",
            volume.str.strip_chars() != "",
            formatted("volume {} is not a number", _quoted(volume)),
            among=no_number,
            column="volume",
        ),
        sport.problem(),
    ]


def _quoted(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit("'"), text.fill_null("").str.slice(0, 60), pl.lit("'"))
