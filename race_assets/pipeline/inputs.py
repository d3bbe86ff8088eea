"""Reading our tables of the lake for other people's assets."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from race_assets.pipeline.days import chunks, ensure_raw, raw_table
from race_assets.pipeline.judge import VALIDATED, ensure_judged
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW, RECORDS
from race_assets.schemas.table import polars_schema


def lake_days(workshop: Workshop, table: str, days: Sequence[date]) -> pl.LazyFrame:
    """Return a lazy scan of days of a table in the lake; one of ours has all its columns, also where it has no rows.

    Days of ours that landed files tell of and the lake lacks are written first: the lake is a cache, which may be
    deleted at any time, and a day that is not in it must not look like a day without races.

    Args:
        table: `raw/<source>`, `validated/records`, or a table of the user's own.

    Raises:
        PermanentError: a table of the user's own has never been stored.
    """
    source = next((name for name in workshop.enabled if raw_table(name) == table), None)
    if source is None and table != VALIDATED:
        return workshop.lake.scan_days(table, days)
    missing = [day for day in days if not workshop.lake.day_path(table, day).exists()]
    for group in chunks(workshop, missing) if missing else ():
        if source is None:
            ensure_judged(workshop, {day: each for day, each in group.items() if each.inputs})
        else:
            ensure_raw(workshop, source, group)
    return workshop.lake.scan(table, days, polars_schema(RECORDS if source is None else RAW))
