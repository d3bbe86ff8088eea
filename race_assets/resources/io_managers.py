"""IO managers: load any table of ours into other assets, and store assets that people add, in Postgres or in the lake.

Our own assets publish through `pipeline/`, and name the manager that loads them.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeAlias

import dagster as dg
import polars as pl

from race_assets.pipeline.inputs import lake_days
from race_assets.resources.workshop import workshop_in_use
from race_assets.storage import publish, tables

Frame: TypeAlias = pl.DataFrame | pl.LazyFrame
DAY = timedelta(days=1)


def _days(context: dg.InputContext | dg.OutputContext) -> Sequence[date] | None:
    """Return the days of the asset's partitions in this run; None for an asset without partitions.

    Raises:
        dg.Failure: a partition is not a day, or several whole days.
    """
    if not context.has_asset_partitions:
        return None
    partitions = context.asset_partitions_def
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        raise dg.Failure(
            f"{context.asset_key.to_user_string()} is not partitioned by time; partition it by day, week or month, "
            "or not at all",
            allow_retries=False,
        )
    if isinstance(partitions, dg.DailyPartitionsDefinition) and partitions.fmt == "%Y-%m-%d":
        return [date.fromisoformat(key) for key in context.asset_partition_keys]
    windows = [partitions.time_window_for_partition_key(key) for key in context.asset_partition_keys]
    return [
        window.start.date() + number * DAY
        for window in windows
        for number in range((window.end.date() - window.start.date()).days)
    ]


def _as_asked(context: dg.InputContext, rows: pl.LazyFrame) -> Frame:
    """Return the rows as the asset's parameter is annotated: collected for `pl.DataFrame`, else lazy."""
    return rows.collect() if context.dagster_type.typing_type is pl.DataFrame else rows


def _checked(frame: Frame, days: Sequence[date] | None, name: str) -> pl.DataFrame:
    """Return the frame, collected.

    Raises:
        dg.Failure: the run is about days, and a row is not of one of them.
    """
    rows = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    if days is None:
        return rows
    if "race_date" not in rows.columns:
        raise dg.Failure(f"{name} has no race_date column, by which its days are stored", allow_retries=False)
    strays = sorted(set(rows["race_date"].to_list()) - set(days), key=str)
    if strays:
        raise dg.Failure(
            f"{name} holds rows of {', '.join(map(str, strays[:5]))}, days this run is not about; filter them",
            allow_retries=False,
        )
    return rows


class PostgresIOManager(dg.ConfigurableIOManager):
    """Store an asset `schema/table` as that table, whole days in one transaction; load any table of Postgres.

    An asset without partitions is stored and loaded as a whole table.
    """

    def handle_output(self, context: dg.OutputContext, obj: Frame) -> None:
        """Replace the days of the run; the table is created from the frame when there is none."""
        table = ".".join(context.asset_key.path)
        days = _days(context)
        rows = _checked(obj, days, table)
        publish.replace_days(workshop_in_use().warehouse, table, rows, days)
        context.add_output_metadata({"dagster/row_count": rows.height, "dagster/table_name": table})

    def load_input(self, context: dg.InputContext) -> Frame:
        """Return the days of the run, read when they are collected."""
        table = ".".join(context.asset_key.path)
        return _as_asked(context, tables.scan_days(workshop_in_use().warehouse, table, _days(context)))


class LakeIOManager(dg.ConfigurableIOManager):
    """Store an asset as Parquet files of the lake, one per day; load any table of the lake, ours too.

    An asset without partitions is one file.
    """

    def handle_output(self, context: dg.OutputContext, obj: Frame) -> None:
        """Replace the days of the run."""
        table = "/".join(context.asset_key.path)
        days = _days(context)
        rows = _checked(obj, days, table)
        lake = workshop_in_use().lake
        if days is None:
            lake.write_table(table, rows)
        for day in days or ():
            lake.write_day(table, day, rows.filter(pl.col("race_date") == day), context.run_id, is_declared=False)
        context.add_output_metadata({"dagster/row_count": rows.height, "dagster/table_name": table})

    def load_input(self, context: dg.InputContext) -> Frame:
        """Return the days of the run, read when they are collected."""
        table = "/".join(context.asset_key.path)
        days = _days(context)
        workshop = workshop_in_use()
        rows = workshop.lake.scan_table(table) if days is None else lake_days(workshop, table, days)
        return _as_asked(context, rows)
