"""The validator and the normaliser on their own: rows a second, on the raw records that the contest has just landed.

The only place that knows what our stages are called: `validator` and `normaliser` below.
"""

import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks import measure
from benchmarks.contestants import SOURCE
from benchmarks.synthetic import Shape
from race_assets import settings
from race_assets.normalise import results, runners, tables
from race_assets.normalise.rejected import COUNTS
from race_assets.pipeline.days import raw_table
from race_assets.pipeline.judge import judge
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW
from race_assets.schemas.table import polars_schema

# As many rows as one chunk of an ingest holds.
SAMPLE_ROWS = 250_000
REPEATS = 3


def open_workshop(home: Path) -> Workshop:
    """Our own tools on the home that a contest has filled."""
    return Workshop(settings.load(environment={**os.environ, "RACE_ASSETS_HOME": str(home)}))


def raw_records(workshop: Workshop, shape: Shape) -> pl.DataFrame:
    """The raw records of as many days as make one chunk."""
    days = [
        shape.first + dt.timedelta(days=n) for n in range(min(shape.days, max(1, SAMPLE_ROWS // shape.rows_per_day)))
    ]
    schema = polars_schema(RAW)
    return (
        workshop.lake.scan(raw_table(SOURCE), days, schema)
        .select(pl.col(n).cast(t) for n, t in schema.items())
        .collect()
    )


def validator(workshop: Workshop, raw: pl.DataFrame) -> pl.DataFrame:
    """All row rules, duplicates and accounts; returns the accepted records."""
    return judge(workshop, raw).accepted


def normaliser(workshop: Workshop, records: pl.DataFrame) -> None:
    """Keys and the three core tables, from accepted records."""
    now = dt.datetime.now(dt.UTC)
    tracks = workshop.tracks.frame
    keyed = runners.assign(runners.one_start_per_market(records), tracks)
    chosen = tables.selections(keyed, now, workshop.settings.precedence)
    no_rejects = pl.DataFrame(schema=COUNTS)
    tables.races(keyed, chosen, tracks, no_rejects, now, workshop.settings.precedence, results.disputed(keyed, chosen))
    tables.prices(keyed)


def rows_per_second(stage: Callable[[], object], rows: int) -> int:
    """The median of some repeats, the first one (which imports and warms up) left out."""
    speeds = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        stage()
        speeds.append(rows / (time.perf_counter() - began))
    return round(measure.median(speeds[1:]))


def time_validator(workshop: Workshop, raw: pl.DataFrame) -> int:
    """Rows a second of the validator."""
    return rows_per_second(lambda: validator(workshop, raw), raw.height)


def time_normaliser(workshop: Workshop, records: pl.DataFrame) -> int:
    """Rows a second of the normaliser."""
    return rows_per_second(lambda: normaliser(workshop, records), records.height)


def time_all(home: Path, shape: Shape) -> dict[str, int]:
    """Both stages, on one chunk of what the contest left in ``home``."""
    workshop = open_workshop(home)
    raw = raw_records(workshop, shape)
    return {
        "rows": raw.height,
        "validator_rows_per_s": time_validator(workshop, raw),
        "normaliser_rows_per_s": time_normaliser(workshop, validator(workshop, raw)),
    }
