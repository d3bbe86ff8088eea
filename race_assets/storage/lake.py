"""The Parquet lake: parsed files, and one file per table and race date.

Every file has all columns of its table with their types, also those without a value, so that DuckDB, pandas and Polars
read any set of files of a table without further options. A day's file carries in its own metadata the fingerprint of
the inputs it was made from, which tells a stage whether the file is out of date.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import polars as pl

from race_assets.errors import PermanentError
from race_assets.schemas.table import with_schema
from race_assets.storage.access import file_mode, make_folder
from race_assets.storage.files import commit, commit_folder, replacing, temporary, temporary_folder

FINGERPRINT = "race_assets:fingerprint"
ACCOUNT = "race_assets:account"
MEASURES = "race_assets:measures"
ROW_GROUP = 50_000
COMPRESSION: Literal["lz4"] = "lz4"


class Lake:
    """A folder of Parquet files: the lake below a home folder, or one beside it."""

    def __init__(self, home: Path, name: str = "lake") -> None:
        self.folder = home / name

    def parsed_path(self, source: str, sha256: str, parser_version: int) -> Path:
        """The folder of Parquet parts that hold what a parser made of a landed file."""
        return self.folder / "parsed" / source / f"{sha256}-{parser_version}.parquet"

    def parsed_beside_path(self, source: str, sha256: str, parser_version: int, kind: str) -> Path:
        """The folder of Parquet parts with what a landed file tells beside its records; there is none without any.

        It lies in the folder of the records, which gets its name in one step: neither is ever there without the other.
        """
        return self.parsed_path(source, sha256, parser_version) / kind

    def day_path(self, table: str, day: date) -> Path:
        """The Parquet file of one table and day."""
        return self.folder / table / f"{day:%Y}" / f"{day:%Y-%m-%d}.parquet"

    def write_day(
        self,
        table: str,
        day: date,
        frame: pl.DataFrame,
        fingerprint: str,
        metadata: Mapping[str, str] | None = None,
        *,
        schema: pl.Schema | None = None,
    ) -> None:
        """Replace the table's day; a reader sees the old file or the new one.

        Args:
            schema: the table's; columns that the frame lacks are added as nulls. None: the frame has all columns.
        """
        path = self.day_path(table, day)
        with temporary(path.parent) as part:
            write_day_file(part, frame if schema is None else with_schema(frame, schema), fingerprint, metadata)
            with self.changing():
                commit(part, path)

    def remove_day(self, table: str, day: date) -> None:
        """Remove the table's day, if it is there; the next stage that needs it makes it again."""
        with self.changing():
            self.day_path(table, day).unlink(missing_ok=True)

    @contextmanager
    def changing(self, *, alone: bool = False) -> Iterator[None]:
        """Hold the lake's lock while a day's file gets its name or is removed.

        Args:
            alone: wait until no other process or thread changes a day, and keep them waiting.
        """
        make_folder(self.folder)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            # A file system without locks on folders (NFS) has none: a day's name still changes in one step.
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)

    def copy_day(self, table: str, day: date, other: "Lake", other_table: str) -> None:
        """Give the day's file as it is now a second name in another lake, which later changes here do not affect."""
        path, copied = self.day_path(table, day), other.day_path(other_table, day)
        with temporary_folder(copied.parent) as folder:
            part = folder / "copy"
            try:
                part.hardlink_to(path)
            except OSError:
                # Not every file system has links.
                shutil.copyfile(path, part)
                part.chmod(file_mode(copied.parent))
            with other.changing():
                commit(part, copied)

    def metadata(self, table: str, day: date) -> dict[str, str]:
        """What `write_day` wrote beside the rows; empty without a file, or with a damaged one."""
        try:
            return pl.read_parquet_metadata(self.day_path(table, day))
        except (FileNotFoundError, pl.exceptions.ComputeError):
            return {}

    def fingerprint(self, table: str, day: date) -> str | None:
        """What the day's file was made from, or None when there is none."""
        return self.metadata(table, day).get(FINGERPRINT)

    def scan(self, table: str, days: Sequence[date], schema: pl.Schema) -> pl.LazyFrame:
        """The table's rows of these days, lazily, with all columns of `schema`; days without a file add no rows."""
        paths = [path for day in days if (path := self.day_path(table, day)).exists()]
        if not paths:
            return pl.LazyFrame(schema=schema)
        return scan_files(paths, schema)

    def scan_days(self, table: str, days: Sequence[date]) -> pl.LazyFrame:
        """Like `scan`, for a table that no schema here declares: its columns are those its days' files have.

        Where none of these days has a file, the columns are those of the newest day that has one.

        Raises:
            PermanentError: the table has no day at all.
        """
        frames = [pl.scan_parquet(path) for day in days if (path := self.day_path(table, day)).exists()]
        if frames:
            return pl.concat(frames, how="diagonal_relaxed")
        stored = max((self.folder / table).glob("*/*.parquet"), default=None)
        if stored is None:
            raise PermanentError(f"there is no table {table} in the lake; materialise the asset that makes it first")
        return pl.scan_parquet(stored).clear()

    def write_table(self, table: str, frame: pl.DataFrame) -> None:
        """Replaces a table that has no days; a reader sees the old file or the new one."""
        with replacing(self._table_path(table)) as part:
            frame.write_parquet(part, compression=COMPRESSION)

    def scan_table(self, table: str) -> pl.LazyFrame:
        """Return a lazy scan of a table that has no days.

        Raises:
            PermanentError: there is no such table.
        """
        path = self._table_path(table)
        if not path.exists():
            raise PermanentError(f"there is no table {table} in the lake; materialise the asset that makes it first")
        return pl.scan_parquet(path)

    def _table_path(self, table: str) -> Path:
        return self.folder / f"{table}.parquet"

    @contextmanager
    def parsed_writer(self, path: Path) -> Iterator["ParsedWriter"]:
        """A writer whose folder of parts appears at `path` once the block ends without an error."""
        with temporary_folder(path.parent) as folder:
            with ThreadPoolExecutor(1, thread_name_prefix="parts") as pool:
                writer = ParsedWriter(folder, pool)
                yield writer
                writer.finish()
            commit_folder(folder, path)

    def scan_parsed(self, path: Path, schema: pl.Schema) -> pl.LazyFrame:
        """The rows of a folder of parts that `parsed_writer` wrote, lazily, with all columns of `schema`."""
        parts = sorted(path.glob("*.parquet"))
        if not parts:
            return pl.LazyFrame(schema=schema)
        return scan_files(parts, schema)


class ParsedWriter:
    """Writes frames as parts, one behind the caller: a part is written while the next is parsed."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._pool = pool
        self._parts = 0
        self._pending: Future[None] | None = None

    def write(self, frame: pl.DataFrame, beside: Mapping[str, pl.DataFrame] = MappingProxyType({})) -> None:
        """Append the frame as a part, and each kind of child rows as a part of its own."""
        self.finish()
        name = f"{self._parts:06}.parquet"
        parts = {self._folder / name: frame}
        parts |= {self._folder / kind / name: rows for kind, rows in beside.items() if rows.height}
        self._pending = self._pool.submit(_write_parts, parts)
        self._parts += 1

    def finish(self) -> None:
        """Waits until everything is written."""
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def _write_parts(parts: Mapping[Path, pl.DataFrame]) -> None:
    for path, frame in parts.items():
        make_folder(path.parent)
        write_part(path, frame)


def write_part(path: Path, frame: pl.DataFrame) -> None:
    """Write a part of a parsed file, with the statistics that let a reader of one day skip the rows of others."""
    frame.write_parquet(path, compression=COMPRESSION, row_group_size=ROW_GROUP)


def write_day_file(
    path: Path, frame: pl.DataFrame, fingerprint: str, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the rows of a table's day, with what they were made from."""
    carried = {FINGERPRINT: fingerprint, **(metadata or {})}
    frame.write_parquet(path, compression=COMPRESSION, statistics=False, metadata=carried)


def scan_files(paths: list[Path], schema: pl.Schema) -> pl.LazyFrame:
    """Scan files that this or another version wrote; columns and struct fields they lack are null, others left out."""
    return pl.scan_parquet(
        paths,
        schema=schema,
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(missing_struct_fields="insert"),
        glob=False,
        hive_partitioning=False,
    )
