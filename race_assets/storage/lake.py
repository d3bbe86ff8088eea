"""The Parquet lake: parsed files, and one file per table and race date; what the tables mean is in `schemas/`.

A day's file carries in its own metadata the fingerprint of the inputs it was made from, so a stage can tell a fresh
file from an outdated one without asking anybody.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from race_assets.storage.files import replacing

FINGERPRINT = "race_assets:fingerprint"
ACCOUNT = "race_assets:account"


class Lake:
    """The lake below a home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "lake"

    def parsed_path(self, source: str, sha256: str, parser_version: int) -> Path:
        """The Parquet file that holds what a parser made of a landed file."""
        return self.folder / "parsed" / source / f"{sha256}-{parser_version}.parquet"

    def day_path(self, table: str, day: date) -> Path:
        """The Parquet file of one table and day."""
        return self.folder / table / f"{day:%Y}" / f"{day:%Y-%m-%d}.parquet"

    def write_day(
        self, table: str, day: date, frame: pl.DataFrame, fingerprint: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Replaces the table's day; a reader sees the old file or the new one."""
        with replacing(self.day_path(table, day)) as part:
            frame.write_parquet(
                part,
                compression="lz4",
                statistics=False,
                metadata={FINGERPRINT: fingerprint, **(metadata or {})},
            )

    def metadata(self, table: str, day: date) -> dict[str, str]:
        """What `write_day` wrote beside the rows; empty when there is no such file."""
        try:
            return pl.read_parquet_metadata(self.day_path(table, day))
        except FileNotFoundError:
            return {}

    def fingerprint(self, table: str, day: date) -> str | None:
        """What the day's file was made from, or None when there is none."""
        return self.metadata(table, day).get(FINGERPRINT)

    def scan(self, table: str, days: Sequence[date], schema: pl.Schema) -> pl.LazyFrame:
        """The table's rows of these days, lazily; days without a file add no rows."""
        paths = [path for day in days if (path := self.day_path(table, day)).exists()]
        if not paths:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(paths, schema=schema, missing_columns="insert", glob=False, hive_partitioning=False)

    @contextmanager
    def parsed_writer(self, path: Path) -> Iterator["ParsedWriter"]:
        """A writer whose file appears at `path` once the block ends without an error."""
        with replacing(path) as part:
            writer = ParsedWriter(part)
            try:
                yield writer
            finally:
                writer.close()


class ParsedWriter:
    """Appends frames of one schema to a Parquet file as row groups, so that memory stays bounded."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: object = None

    def write(self, frame: pl.DataFrame) -> None:
        """Appends the frame."""
        import pyarrow.parquet as pq

        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="lz4")
        self._writer.write_table(table, row_group_size=100_000)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Completes the file."""
        if self._writer is not None:
            self._writer.close()  # type: ignore[attr-defined]
