"""Price points of judged records, read from the parsed files they were told in; what is made of them is not here."""

import polars as pl

from race_assets.normalise import points
from race_assets.pipeline.land import ensure_parsed
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.core import PRICE_POINTS
from race_assets.schemas.records import PARSED_POINTS
from race_assets.schemas.table import polars_schema
from race_assets.storage.ledger import LedgerFile


def price_points(workshop: Workshop, told: pl.DataFrame) -> pl.DataFrame:
    """`core.price_points` of the records that `normalise.points.tellers` gives; asks nobody where it gives none.

    A file that counts no more has no points: its days have moved on and are not published from this.
    """
    if not told.height:
        return pl.DataFrame(schema=polars_schema(PRICE_POINTS))
    scans = []
    for (source,), of_source in told.partition_by("source", as_dict=True).items():
        days = of_source["race_date"].unique().to_list()
        files = {file.sha256: file for file in workshop.ledger.live_files(source, days)}
        for (sha256,), of_file in of_source.partition_by("source_file", as_dict=True).items():
            if sha256 in files:
                scans.append(_of_file(workshop, files[sha256], of_file))
    parsed = pl.concat(scans) if scans else pl.LazyFrame(schema={**polars_schema(PARSED_POINTS), "file": pl.UInt32})
    return points.price_points(told, parsed)


def _of_file(workshop: Workshop, file: LedgerFile, told: pl.DataFrame) -> pl.LazyFrame:
    """The file's points of the days that these records of it are of, numbered as the file is."""
    ensure_parsed(workshop, file, with_points=True)
    folder = workshop.lake.parsed_points_path(file.source, file.sha256, file.parser_version)
    days = told["race_date"].unique().sort().to_list()
    on_days = pl.col("race_date").is_between(days[0], days[-1]) & pl.col("race_date").is_in(days)
    scan = workshop.lake.scan_parsed(folder, polars_schema(PARSED_POINTS)).filter(on_days)
    return scan.with_columns(file=pl.lit(told["file"][0], dtype=pl.UInt32))
