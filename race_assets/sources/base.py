"""What a source must offer, and what it hands over; how a particular source does it lives in its own package."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic


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
        row_is: what `source_row` counts in its files, in a word for people.
        may_repeat: people name its files as they like, so that one may repeat another's rows; landing compares them.
    """

    name: str
    title: str
    parser_version: int
    row_is: str = "line"
    may_repeat: bool = False

    @classmethod
    def configured(cls, settings: Any) -> "FileSource":
        """The source as the whole tree of settings has it; most have nothing there that concerns a parser."""
        del settings
        return cls()

    @property
    def header(self) -> frozenset[str]:
        """The columns that the header of its files must name, in lower case; empty for files without a header."""
        return frozenset()

    @abstractmethod
    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """The file's records in batches of bounded size.

        Args:
            path: where the original bytes are; their suffix says nothing.
            name: the name the file had in the inbox.
            report: filled while the batches are drawn.

        Yields:
            frames of `schemas.records.PARSED` columns; a column that the source does not know may be absent. It may add
            columns of lists by the names of `schemas.beside.KINDS`, null or empty where there are none; their counts
            are not the source's to fill. `points`: what was known of the runner so many seconds before `start_at`, each
            second at most once a record, and no value told later than its moment. `form`: the runner's past runs, each
            `run_number` at most once. `analysis`: at most one view of the runner.

        Raises:
            UnreadableFileError: the file as a whole cannot be read.
        """

    @abstractmethod
    def cells_of(self, path: Path, text: str) -> list[str]:
        """The cells of a row of this file, given as read."""

    @abstractmethod
    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """The rows that begin at these offsets, by offset: what a reject shows."""


@dataclass(frozen=True)
class Remote:
    """A file that an API has.

    Attributes:
        name: its name in the inbox, which is its identity; may have folders in it.
        day: the day its name tells; what it holds may reach into the days beside it.
        address: what the API calls it.
        may_change: it is issued anew at times, under the same name.
    """

    name: str
    day: date
    address: str
    may_change: bool = False


@dataclass(frozen=True)
class Gap:
    """What was asked for and an API does not have.

    Attributes:
        reason: which days or file, why it is not there, and what to do if anything can be done.
        is_failure: somebody has to do something; else it comes by itself, or there never was anything.
        may_pass: of a failure, whether it may be gone when asked again in a moment.
        days: the race days it is about; empty where all that were asked for are.
    """

    reason: str
    is_failure: bool = False
    days: tuple[date, ...] = ()
    may_pass: bool = False


@dataclass(frozen=True)
class Extent:
    """How much there is, as the API says before anything is fetched; null where it does not say.

    Attributes:
        files: their number.
        megabytes: rounded up.
        kinds: how many files of each kind, by a word for people.
    """

    files: int | None = None
    megabytes: int | None = None
    kinds: dict[str, int] = field(default_factory=dict)


class Fetcher(ABC):
    """Gets a source's files from its API; knows nothing of what we have already.

    Its requests are those of one process at a time: whoever makes one holds the API's lock until it is closed.

    Attributes:
        api: the name of the API, which other sources may share.
        threads: how many files may be fetched at once; as many as it takes to use the API's limit.
    """

    api: str
    threads: int

    @classmethod
    @abstractmethod
    def configured(cls, settings: Any, timing: Timing) -> "Fetcher":
        """The fetcher as the whole tree of settings has it; `timing` is its clock.

        Raises:
            SettingsError: credentials that it needs are not set.
        """

    @abstractmethod
    def wanted(self, days: Sequence[date]) -> Iterator[Remote | Gap]:
        """The files that tell of these race days, the earliest first, and what is missing.

        Raises:
            LoginRefusedError: the API does not let us in.
            ApiUnavailableError: it does not answer as it should, so that there is no sense in going on.
            ApiRefusedError: it answers with what nobody knows.
        """

    @abstractmethod
    def fetch(self, remote: Remote, folder: Path) -> Path | Gap:
        """The file whole and verified below the folder, under its name; or why there is none. Threads may call it.

        Raises:
            ApiUnavailableError: it did not come on any try.
            ApiRefusedError: the API refuses it, or sends something else in its place.
        """

    @abstractmethod
    def extent(self, days: Sequence[date]) -> Extent:
        """How much the API says there is for these race days. Errors as for `wanted`."""

    @property
    @abstractmethod
    def traffic(self) -> Traffic:
        """What was sent, repeated, waited and received so far."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
