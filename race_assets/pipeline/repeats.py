"""Notice a file that mostly repeats the rows of another one of its source with other values.

Such a file is mostly meant as a correction, and does not act as one: between files of different names the record with
more known values stands, whichever is newer.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import PARSED, RECORD_KEY
from race_assets.schemas.table import polars_schema
from race_assets.storage.archive import ArchivedFile
from race_assets.storage.lake import Lake
from race_assets.storage.ledger import LedgerFile
from race_assets.validation.duplicates import FACTS

DAYS = 31
"""How many of the days that two files share are compared, the latest of them."""
MOSTLY = 0.5
"""The share of a file's keys that must be the other one's."""
CACHED_ROWS = 200_000

SCHEMA = polars_schema(PARSED)
KEY = ["race_date", *(name for name in RECORD_KEY if name != "source")]
COUNTS = {"point_count", "form_count", "analysis_count"}
VALUES = [name for name in FACTS if name in SCHEMA and name not in {*KEY, *COUNTS}]


class RowCache:
    """Rows of parsed files, up to a number of rows; what was read first goes first.

    Files of one day that are landed one after the other are read once each.
    """

    def __init__(self, most: int = CACHED_ROWS) -> None:
        self._most = most
        self._rows: dict[tuple[Path, tuple[date, ...]], pl.DataFrame] = {}

    def rows(self, lake: Lake, path: Path, days: tuple[date, ...]) -> pl.DataFrame:
        """Return key, values and `source_row` of a parsed file's records of these days that have a key."""
        if (path, days) in self._rows:
            return self._rows[path, days]
        has_key = pl.all_horizontal(pl.col(name).is_not_null() for name in KEY)
        scan = lake.scan_parsed(path, SCHEMA).filter(pl.col("race_date").is_in(days) & has_key)
        rows = scan.select(*KEY, *VALUES, "source_row").unique(KEY, keep="last", maintain_order=True).collect()
        self._rows[path, days] = rows
        held = sum(each.height for each in self._rows.values())
        while held > self._most:
            held -= self._rows.pop(next(iter(self._rows))).height
        return rows


CACHE = RowCache()


def warnings(workshop: Workshop, archived: ArchivedFile, path: Path, dates: Mapping[date, int]) -> list[str]:
    """Return a sentence for each file landed before that this one mostly repeats with other values.

    Only files of other names that share a day are compared, in their newest version.

    Args:
        workshop: for its ledger and lake.
        archived: the file that is being landed.
        path: where its parsed form is.
        dates: how many records it has of each day.
    """
    found = []
    for other in _others(workshop, archived, dates):
        days = tuple(sorted(dates.keys() & other.dates.keys()))[-DAYS:]
        # A file of too few rows need not be read.
        if sum(other.dates[day] for day in days) < MOSTLY * sum(dates[day] for day in days):
            continue
        theirs_at = workshop.lake.parsed_path(other.source, other.sha256, other.parser_version)
        if theirs_at.is_dir():
            mine, theirs = (CACHE.rows(workshop.lake, each, days) for each in (path, theirs_at))
            found.append(_contradiction(mine, theirs, other))
    return [sentence for sentence in found if sentence]


def _others(workshop: Workshop, archived: ArchivedFile, dates: Mapping[date, int]) -> list[LedgerFile]:
    if not dates:
        return []
    newest: dict[str, LedgerFile] = {}
    for file in workshop.ledger.live_files(archived.source, list(dates)):
        if file.name != archived.name and file.landed_at <= archived.landed_at and file.sha256 != archived.sha256:
            newest[file.name] = max(file, newest.get(file.name, file), key=lambda each: each.version)
    return list(newest.values())


def _contradiction(mine: pl.DataFrame, theirs: pl.DataFrame, other: LedgerFile) -> str | None:
    """Return what is to be said of two files' rows, or None where few are shared or no value differs."""
    both = mine.join(theirs, on=KEY, suffix=" there", maintain_order="left")
    if both.height < MOSTLY * mine.height or not both.height:
        return None
    # A value that only one of them knows contradicts nothing.
    differs = {name: (pl.col(name) != pl.col(f"{name} there")).fill_null(value=False) for name in VALUES}
    rows = both.with_columns(value.alias(f"{name} differs") for name, value in differs.items())
    rows = rows.filter(pl.any_horizontal(f"{name} differs" for name in VALUES))
    if not rows.height:
        return None
    first = rows.row(0, named=True)
    name = next(name for name in VALUES if first[f"{name} differs"])
    return (
        f"{both.height} of its {mine.height} runners are also in {other.name} (version {other.version}), {rows.height} "
        f"of them with other values, such as line {first['source_row']}: {name} {first[name]}, there "
        f"{first[f'{name} there']}. Of two files the record with more known values stands, whichever is newer: to "
        f"correct {other.name}, land this file under that name; to take it back: race-assets land --withdraw "
        f"{other.sha256[:12]}"
    )
