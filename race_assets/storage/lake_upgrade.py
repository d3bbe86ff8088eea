"""Give files of the lake that an earlier version wrote the columns and types their tables have now."""

import logging
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import polars as pl

from race_assets.schemas.beside import KINDS
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.records import PARSED, RAW, RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.storage.files import commit, replacing, temporary
from race_assets.storage.lake import ACCOUNT, FINGERPRINT, Lake, scan_files, write_day_file, write_part

log = logging.getLogger(__name__)

LAKE = {
    "parsed/*/*.parquet/*.parquet": polars_schema(PARSED),
    **{f"parsed/*/*.parquet/{kind.name}/*.parquet": polars_schema(kind.parsed) for kind in KINDS},
    "raw/*/*/*.parquet": polars_schema(RAW),
    "validated/records/*/*.parquet": polars_schema(RECORDS),
    "validated/rejects/*/*.parquet": polars_schema(REJECTED),
}
"""The files of the lake by the schema of their table."""

PUBLISHED = {"[ab]/*/*.parquet": polars_schema(RECORDS)}
"""The records that days were published with."""

MARK = ".columns"
"""The file that says which columns all files of the lake have."""


def upgrade(lake: Lake, tables: Mapping[str, pl.Schema]) -> int:
    """Rewrite the files that lack a column or have another type; return how many were rewritten.

    A file that cannot be read or converted is left as it is, with a warning. Once all files were seen, later calls
    cost the reading of one small file, until the code declares other columns.
    """
    mark, wanted = lake.folder / MARK, _fingerprint(tables)
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return 0
    rewritten = 0
    failures: dict[Path, str] = {}
    for pattern, schema in tables.items():
        rewrite = _rewrite_part if pattern.startswith("parsed/") else _rewrite_day
        for path in _files(lake.folder, pattern):
            try:
                rewritten += _schema_of(path) != schema and rewrite(lake, path, schema)
            except FileNotFoundError:
                # Another process removed it, or has just put a newer one in its place.
                continue
            except (OSError, pl.exceptions.PolarsError) as error:
                failures[path] = str(error).splitlines()[0]
    if rewritten:
        log.info("gave %s below %s the columns of their tables now", _files_text(rewritten), lake.folder)
    if failures:
        count, keep = _files_text(len(failures)), "keeps" if len(failures) == 1 else "keep"
        first = "{}: {}".format(*next(iter(failures.items())))
        log.warning("%s below %s %s old columns; the first is %s", count, lake.folder, keep, first)
    with replacing(mark) as part:
        part.write_text(wanted, encoding="utf-8")
    return rewritten


def _files_text(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"


def _fingerprint(tables: Mapping[str, pl.Schema]) -> str:
    return sha256(repr([(pattern, *schema.items()) for pattern, schema in tables.items()]).encode()).hexdigest()


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of a pattern; temporary ones, which begin with a dot, are not among them."""
    for path in sorted(folder.glob(pattern)):
        if path.is_file() and not any(name.startswith(".") for name in path.relative_to(folder).parts):
            yield path


def _schema_of(path: Path) -> pl.Schema:
    return pl.Schema(pl.read_parquet_schema(path))


def _rewrite_part(_lake: Lake, path: Path, schema: pl.Schema) -> bool:
    """Rewrite a part of a parsed file, whose rows never change: its path names its bytes and parser version."""
    frame = scan_files([path], schema).collect()
    with replacing(path) as part:
        write_part(part, frame)
    return True


def _rewrite_day(lake: Lake, path: Path, schema: pl.Schema) -> bool:
    """Rewrite a day's file; return False where another process writes or removes it meanwhile, or it is not ours."""
    before = _identity(path)
    carried = pl.read_parquet_metadata(path)
    if FINGERPRINT not in carried:
        return False
    account = {ACCOUNT: carried[ACCOUNT]} if ACCOUNT in carried else {}
    frame = scan_files([path], schema).collect()
    with temporary(path.parent) as part:
        write_day_file(part, frame, carried[FINGERPRINT], account)
        with lake.changing(alone=True):
            if _identity(path) != before:
                return False
            commit(part, path)
    return True


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns
