"""What a source must offer, and what it hands over; how a particular source does it lives in its own package."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl


@dataclass
class ReadReport:
    """What a reading found besides records; complete once the batches are used up.

    Attributes:
        rows_read: data lines, whatever became of them.
        rows_careful: those of them that had to be looked at one by one.
        shape: the file's columns as found, joined by commas.
        warnings: what a person should know about the file, each a sentence.
    """

    rows_read: int = 0
    rows_careful: int = 0
    shape: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RowAsRead:
    """One row of a file as it stands there: at most 64 kB of text, and the length it really has."""

    text: str
    length: int


class FileSource(ABC):
    """A source that is read from files.

    Attributes:
        name: the source's name in settings, folders, assets and tables.
        title: one line for people.
        parser_version: raised whenever the same bytes would parse to something else; files are then parsed anew.
    """

    name: str
    title: str
    parser_version: int

    @classmethod
    def configured(cls, settings: Any) -> "FileSource":
        """The source as its branch of the settings has it; most have nothing there that concerns a parser."""
        del settings
        return cls()

    @abstractmethod
    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """The file's records in batches of bounded size.

        Args:
            path: where the original bytes are; their suffix says nothing.
            name: the name the file had in the inbox.
            report: filled while the batches are drawn.

        Yields:
            frames of `schemas.records.PARSED` columns; a column that the source does not know may be absent. A source
            that knows how prices moved may add one more, `points`, of the type `schemas.records.POINTS`: what was known
            of the runner so many seconds before `start_at`, each second at most once a record, and no value told later
            than its moment; null or an empty list where there is none. `point_count` is not the source's to fill.

        Raises:
            UnreadableFileError: the file as a whole cannot be read.
        """

    @abstractmethod
    def cells_of(self, path: Path, text: str) -> list[str]:
        """The cells of a row of this file, given as read."""

    @abstractmethod
    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """The rows that begin at these offsets, by offset: what a reject shows."""
