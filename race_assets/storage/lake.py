"""The Parquet lake: parsed files, and one file per table and race date; what the tables mean is in `schemas/`.

A day's file carries in its own metadata the fingerprint of the inputs it was made from, so a stage can tell a fresh
file from an outdated one without asking anybody.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import MappingProxyType

import polars as pl

from race_assets.errors import PermanentError
from race_assets.storage.access import file_mode
from race_assets.storage.files import commit, commit_folder, replacing, temporary_folder

FINGERPRINT = "race_assets:fingerprint"
ACCOUNT = "race_assets:account"
ROW_GROUP = 50_000


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
        is_declared: bool = True,
    ) -> None:
        """Replaces the table's day; a reader sees the old file or the new one.

        Columns of nulls are left out where a schema of ours brings them back (`is_declared`).
        """
        with replacing(self.day_path(table, day)) as part:
            (_told(frame) if is_declared else frame).write_parquet(
                part,
                compression="lz4",
                statistics=False,
                metadata={FINGERPRINT: fingerprint, **(metadata or {})},
            )

    def remove_day(self, table: str, day: date) -> None:
        """Remove the table's day, if it is there; the next stage that needs it makes it again."""
        self.day_path(table, day).unlink(missing_ok=True)

    def copy_day(self, table: str, day: date, other: Path) -> None:
        """Gives the day's file as it is now another name, whatever takes its place under this one later."""
        with temporary_folder(other.parent) as folder:
            part = folder / "copy"
            try:
                part.hardlink_to(self.day_path(table, day))
            except OSError:
                # Not every file system has links.
                shutil.copyfile(self.day_path(table, day), part)
                part.chmod(file_mode(other.parent))
            commit(part, other)

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
        return _scan(paths, schema)

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
            frame.write_parquet(part, compression="lz4")

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
        return _scan(parts, schema)


class ParsedWriter:
    """Writes frames as parts, one behind the caller: a part is written while the next is parsed."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._pool = pool
        self._parts = 0
        self._pending: Future[None] | None = None

    def write(self, frame: pl.DataFrame, beside: Mapping[str, pl.DataFrame] = MappingProxyType({})) -> None:
        """Appends the frame as a part, each kind of rows beside it as one of theirs; columns of nulls are left out."""
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
        path.parent.mkdir(exist_ok=True)
        # Statistics let a reader of one day pass over the parts of others.
        _told(frame).write_parquet(path, compression="lz4", row_group_size=ROW_GROUP)


def _told(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that say anything."""
    return frame.select(name for name in frame.columns if frame[name].null_count() < frame.height)


def _scan(paths: list[Path], schema: pl.Schema) -> pl.LazyFrame:
    """Scan files that this or an earlier version wrote: columns and fields of structs that they lack are null."""
    cast = pl.ScanCastOptions(missing_struct_fields="insert")
    return pl.scan_parquet(
        paths, schema=schema, missing_columns="insert", cast_options=cast, glob=False, hive_partitioning=False
    )
