"""What the records of all three operations have in common: their race, their runner, and a file as a source."""

import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from race_assets.errors import UnreadableFileError
from race_assets.schemas.table import TEXTS
from race_assets.settings import Settings
from race_assets.settings.racing_post import RacingPostSettings
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.findings import Problem, with_notes, with_problems
from race_assets.sources.racing_post import cells, document, tracks
from race_assets.sources.racing_post.cells import quoted
from race_assets.sources.racing_post.reading import Operation, Reader
from race_assets.values import names
from race_assets.values.texts import formatted

VERSION = 3
"""Raised whenever the same file and settings would parse to something else."""

MEGABYTE = 10**6
MEANING = {"fields", "envelope", "source_timezone"}
"""Settings that change what a file says."""


class RacingPostFile(FileSource):
    """Archived answers of one operation, or payloads of it saved by hand.

    The parser version is a number made of the settings that hold the provider's words: with others, files are read anew
    """

    operation: Operation

    @classmethod
    def configured(cls, settings: Settings) -> "RacingPostFile":
        """See `FileSource.configured`."""
        return cls(settings.racing_post)

    def __init__(self, settings: RacingPostSettings) -> None:
        self._zone = settings.source_timezone
        self._reader = Reader(self.operation, settings)
        meaning = f"{VERSION} {settings.model_dump_json(include=MEANING)}"
        self.parser_version = zlib.crc32(meaning.encode()) & 0x7FFF_FFFF

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`; a file is a day or a race, and one batch."""
        del name
        try:
            most_bytes = int(self.limits.max_document_mb * MEGABYTE)
            rows, runs = self._reader.read(path, report, self.unpack_limits, most_bytes)
        except RecursionError:
            raise UnreadableFileError("unreadable", "its JSON is nested too deeply for any payload") from None
        yield self.records(of_races(rows, self._zone), runs)

    @abstractmethod
    def records(self, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
        """The records of rows that know their race, in the shape of `schemas.records.PARSED`.

        Args:
            rows: what `of_races` gives.
            runs: `reading.RUN_COLUMNS`, the past runs of these rows.
        """

    def cells_of(self, path: Path, text: str) -> list[str]:
        """See `FileSource.cells_of`; a JSON value is one cell."""
        del path
        return [text]

    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """See `FileSource.rows_as_read`; the JSON value of the runner."""
        return document.rows_as_read(path, byte_offsets)


def of_races(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Rows of `reading.COLUMNS` with the columns of `PARSED` that tell of race and dog, and what is wrong there."""
    named = pl.coalesce("dog_name", "known_name")
    frame = rows.with_columns(told=cells.moment(pl.col("race_at"), zone), trap_number=cells.whole(pl.col("trap")))
    at = pl.col("told").struct.field
    frame = frame.with_columns(
        market_id=pl.col("race_id"),
        event_id=pl.col("track_id"),
        market_type=pl.lit("WIN"),
        track_name=pl.coalesce("track", pl.col("track_id").replace_strict(tracks.NAMES, default=None)),
        country=cells.country(pl.col("country")),
        start_at=at("at"),
        race_date=at("day"),
        selection_id=pl.col("dog_id"),
        selection_name=named,
        dog_name=names.dog_name(named),
        notes=pl.lit(None, dtype=TEXTS),
    )
    frame = with_notes(frame, {"local_time_ambiguous": at("is_ambiguous")})
    is_odd = pl.col("odd_rule").is_not_null()
    return with_problems(
        frame,
        [
            *(
                Problem(rule, pl.col("odd_rule") == rule, pl.col("odd_message"), among=is_odd)
                for rule in ("readable", "market_defined")
            ),
            Problem(
                "local_time",
                at("is_missing"),
                formatted(f"off {{}} does not exist in {zone}: the clocks go forward over it", quoted("race_at")),
            ),
            Problem(
                "start_time",
                at("at").is_null()
                & ~at("is_missing").fill_null(value=False)
                & pl.col("odd_rule").ne_missing("readable"),
                formatted("off {} is no date and time, YYYY-MM-DDTHH:MM:SS+HH:MM", quoted("race_at")),
            ),
            Problem(
                "number",
                pl.col("trap_number").is_null() & pl.col("trap").is_not_null(),
                formatted("trap {} is not a whole number", quoted("trap")),
                column="trap",
            ),
        ],
    ).with_columns(trap=pl.col("trap_number"))


def bad_price(column: str, into: str) -> Problem:
    """Return the problem of a price that is neither odds nor a word for none.

    Args:
        column: of the payload.
        into: the record's column, null where the price cannot be read.
    """
    said = formatted(f"{column} {{}} is not fractional odds, such as 5/2 or Evs", quoted(column))
    return Problem("number", cells.is_bad_price(pl.col(column)), said, column=into)


IN_COMMON = (
    "source_row", "byte_offset", "market_id", "event_id", "market_type", "track_name", "country", "start_at",
    "race_date", "selection_id", "selection_name", "dog_name", "problems", "notes",
)  # fmt: skip


def told(frame: pl.DataFrame, *more: str) -> pl.DataFrame:
    """The columns that are the parser's to hand over: those all operations have, and more."""
    return frame.select(name for name in (*IN_COMMON, *more) if name in frame.columns)
