"""What is told beside judged records, read from the parsed files it was told in; what is made of it is not here."""

from datetime import date

import polars as pl

from race_assets.normalise import beside
from race_assets.pipeline.land import ensure_parsed
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.beside import KINDS, Beside
from race_assets.schemas.table import polars_schema
from race_assets.storage.ledger import LedgerFile


def tables_beside(
    workshop: Workshop, keyed: pl.DataFrame, records: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], dict[date, str]]:
    """The core tables of all kinds, by name, and the days that lack rows; arguments as for `beside.tellers`."""
    made: dict[str, pl.DataFrame] = {}
    short: dict[date, str] = {}
    for kind in KINDS:
        told = beside.tellers(kind, keyed, records)
        made[str(kind.core.name)] = found = _rows(workshop, kind, told)
        short |= beside.missing(kind, told, found)
    return made, short


def _rows(workshop: Workshop, kind: Beside, told: pl.DataFrame) -> pl.DataFrame:
    """The core rows of the records that `tellers` gives; asks nobody where it gives none.

    A file that counts no more has no rows: its days have moved on and are not published from this.
    """
    if not told.height:
        return pl.DataFrame(schema=polars_schema(kind.core))
    scans = []
    for (source,), of_source in told.partition_by("source", as_dict=True).items():
        days = of_source["race_date"].unique().to_list()
        files = {file.sha256: file for file in workshop.ledger.live_files(source, days)}
        for (sha256,), of_file in of_source.partition_by("source_file", as_dict=True).items():
            if sha256 in files:
                scans.append(_of_file(workshop, kind, files[sha256], of_file))
    parsed = pl.concat(scans) if scans else pl.LazyFrame(schema={**polars_schema(kind.parsed), "file": pl.UInt32})
    if "track_known_as" in kind.parsed.columns:
        parsed = workshop.tracks.resolve(parsed, name="track_known_as")
    return beside.rows(kind, told, parsed)


def _of_file(workshop: Workshop, kind: Beside, file: LedgerFile, told: pl.DataFrame) -> pl.LazyFrame:
    """The file's rows of the days that these records of it are of, numbered as the file is."""
    ensure_parsed(workshop, file, beside=kind.name)
    folder = workshop.lake.parsed_beside_path(file.source, file.sha256, file.parser_version, kind.name)
    days = told["race_date"].unique().sort().to_list()
    on_days = pl.col("race_date").is_between(days[0], days[-1]) & pl.col("race_date").is_in(days)
    scan = workshop.lake.scan_parsed(folder, polars_schema(kind.parsed)).filter(on_days)
    return scan.with_columns(file=pl.lit(told["file"][0], dtype=pl.UInt32))
