"""IO managers for assets that people add: days of a table in Postgres or in the lake; ours publish through `pipeline/`.

An asset may hand over a frame or a lazy one with a `race_date` column; it is stored by day, each replaced as a whole.
An asset that takes one of ours as input is given a lazy scan of the days it runs for.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import polars as pl

from race_assets.resources.workshop import workshop_in_use
from race_assets.storage import publish, tables

Frame = pl.DataFrame | pl.LazyFrame


def _days(context: dg.InputContext | dg.OutputContext) -> Sequence[date]:
    return [date.fromisoformat(key) for key in context.asset_partition_keys]


def _checked(frame: Frame, days: Sequence[date], name: str) -> pl.DataFrame:
    """The frame, collected; its rows must be of the days the run is about."""
    rows = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
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
    """Stores an asset `schema/table` as that table, whole days in one transaction; loads any table with a race_date."""

    def handle_output(self, context: dg.OutputContext, obj: Frame) -> None:
        """Replaces the days of the run; creates the table from the frame when there is none."""
        table = ".".join(context.asset_key.path)
        days = _days(context)
        rows = _checked(obj, days, table)
        publish.replace_days(workshop_in_use().warehouse, table, rows, days)
        context.add_output_metadata({"dagster/row_count": rows.height, "dagster/table_name": table})

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """The days of the run, read when they are collected."""
        table, days = ".".join(context.asset_key.path), _days(context)
        return tables.scan_days(workshop_in_use().warehouse, table, days)


class LakeIOManager(dg.ConfigurableIOManager):
    """Stores an asset as Parquet files of the lake, one per day; loads any table of the lake, ours too."""

    def handle_output(self, context: dg.OutputContext, obj: Frame) -> None:
        """Replaces the days of the run."""
        table = "/".join(context.asset_key.path)
        days = _days(context)
        rows = _checked(obj, days, table)
        for day in days:
            workshop_in_use().lake.write_day(
                table, day, rows.filter(pl.col("race_date") == day), context.run_id, is_declared=False
            )
        context.add_output_metadata({"dagster/row_count": rows.height, "dagster/table_name": table})

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """A lazy scan of the days of the run."""
        table, days = "/".join(context.asset_key.path), _days(context)
        return workshop_in_use().lake.scan_days(table, days)
