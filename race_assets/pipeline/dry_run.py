"""What would become of a file, without landing it: read, dated and judged as it would be, nothing kept."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from race_assets.pipeline import land
from race_assets.pipeline.judge import FILES, judge
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import PARSED, RAW
from race_assets.schemas.table import conform, polars_schema
from race_assets.sources.base import FileSource, ReadReport
from race_assets.sources.record_files import reader_of
from race_assets.storage.archive import ArchivedFile
from race_assets.validation.account import Account, total

MOST_BATCHES = 4
"""Batches of a file that are tried: enough to tell whether it is read rightly."""
NOT_LANDED = "0" * 64


@dataclass(frozen=True)
class Tried:
    """What would become of a file's records.

    Attributes:
        rejects: as `quarantine.rejects` would have them, by line.
        accepted: the records that would be accepted, as `validated/records` would have them.
        is_whole: whether the file was read to its end.
    """

    account: Account
    rejects: pl.DataFrame
    accepted: pl.DataFrame
    report: ReadReport
    is_whole: bool


def dry_run(workshop: Workshop, parser: FileSource, path: Path) -> Tried:
    """Tries a file, or the first batches of a large one.

    Raises:
        UnreadableFileError: it cannot be read as a whole.
    """
    report = ReadReport()
    batches = reader_of(parser, path).read(path, path.name, report)
    frames = [land.prepared(batch, workshop, parser.name).records for batch in islice(batches, MOST_BATCHES)]
    is_whole = next(batches, None) is None
    parsed = pl.concat([pl.DataFrame(schema=polars_schema(PARSED)), *frames])
    now = workshop.clock()
    file = ArchivedFile(parser.name, NOT_LANDED, path.name, path.stat().st_size, now, path)
    has_day = pl.col("race_date").is_not_null()
    undated, account = land.undated_account(workshop, parser, file, parsed.filter(~has_day), "")
    raw = parsed.filter(has_day).with_columns(
        source=pl.lit(parser.name),
        source_file=pl.lit(NOT_LANDED),
        superseded=pl.lit(value=False),
    )
    files = pl.DataFrame([(parser.name, NOT_LANDED, now, path.name)], schema=FILES, orient="row")
    judged = judge(workshop, conform(raw, RAW), lambda _source, _sha: path, files)
    rejects = pl.concat([undated, judged.rejects]).sort("source_row")
    together = total([account, *judged.accounts.values()])
    together.records_in = parsed.height
    return Tried(together, rejects, judged.accepted, report, is_whole)
