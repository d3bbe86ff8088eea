"""IO managers: load any table of ours into other assets, and store assets that people add, in Postgres or in the lake.

Our own assets publish through `pipeline/`, and name the manager that loads them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, TypeAlias, get_args

import dagster as dg
import polars as pl

from race_assets.errors import PermanentError
from race_assets.pipeline.days import DaysWithRecords
from race_assets.pipeline.inputs import lake_days
from race_assets.resources.workshop import workshop_in_use
from race_assets.storage import own_tables, tables

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


def _as_annotated(context: dg.InputContext, rows: pl.LazyFrame) -> Frame:
    """Return the rows collected where the parameter is annotated `pl.DataFrame`, or that or None; else lazy."""
    annotation = context.dagster_type.typing_type
    return rows.collect() if pl.DataFrame in (annotation, *get_args(annotation)) else rows


def _postgres_table(context: dg.InputContext | dg.OutputContext) -> str:
    """Return the asset's table, `schema.table`, or `table` of the schema `public`.

    Raises:
        dg.Failure: the asset's key is no such name.
    """
    path = context.asset_key.path
    if len(path) > 2 or any("." in part for part in path):  # noqa: PLR2004 - a schema and a table
        raise dg.Failure(
            f"{context.asset_key.to_user_string()} names no table of Postgres; give the asset a key of two parts, "
            'without dots, such as ["analysis", "favourites"]',
            allow_retries=False,
        )
    return ".".join(path)


@contextmanager
def _failing_for_good() -> Iterator[None]:
    """Fail the step without retries on a PermanentError, whatever the asset's own retry policy.

    Raises:
        dg.Failure: the block raised a PermanentError.
    """
    try:
        yield
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _checked(output: object, days: Sequence[date] | None, name: str) -> pl.DataFrame:
    """Return the frame, collected.

    Raises:
        dg.Failure: the output is no frame, or has no columns; the run is about days, and a row is not of one of them.
    """
    if not isinstance(output, pl.DataFrame | pl.LazyFrame):
        raise dg.Failure(
            f"{name} returned {_described(output)}; an asset that is stored returns a pl.DataFrame or a pl.LazyFrame, "
            "one that stores its own output is annotated `-> None`",
            allow_retries=False,
        )
    rows = output.collect() if isinstance(output, pl.LazyFrame) else output
    if fault := _fault(rows, days):
        raise dg.Failure(f"{name} {fault}", allow_retries=False)
    return rows


def _described(output: object) -> str:
    if output is None:
        return "None"
    kind = type(output)
    return f"a value of type {'' if kind.__module__ == 'builtins' else f'{kind.__module__}.'}{kind.__name__}"


def _fault(rows: pl.DataFrame, days: Sequence[date] | None) -> str | None:
    """Return why the rows cannot be stored, by these days where there are any; None where they can."""
    if days is None:
        return None if rows.columns else "has no columns"
    if "race_date" not in rows.columns:
        return "has no race_date column, by which its days are stored"
    race_date = rows["race_date"]
    if race_date.dtype != pl.Date:
        return f"has a race_date that is {race_date.dtype}, cast it to Date"
    if nulls := race_date.null_count():
        return f"holds {nulls} {'row' if nulls == 1 else 'rows'} whose race_date is null; give it, or filter them"
    strays = sorted(set(race_date.unique()) - set(days))
    if strays:
        return f"holds rows of {', '.join(map(str, strays[:5]))}, days this run is not about; filter them"
    return None


BACKFILL_TAG = "dagster/backfill"


def _record_only(context: dg.OutputContext, stored: DaysWithRecords) -> None:
    """Have Dagster record an asset of ours as materialised for these days of the run, and for no others.

    A backfill is left as it is: Dagster takes a day of it that is not recorded for a failed one.

    Dagster has no public way to record fewer partitions than a run has; without this attribute all are recorded.
    """
    subset = getattr(context, "_asset_partitions_subset", None)
    if subset is None or BACKFILL_TAG in context.step_context.dagster_run.tags:
        return
    keys = {day.isoformat() for day in stored.days}
    context._asset_partitions_subset = context.asset_partitions_def.subset_with_partition_keys(  # noqa: SLF001 - see above
        [key for key in context.asset_partition_keys if key in keys]
    )


def _is_untyped(dtype: Any) -> bool:
    """Return whether values of this type, or values within it, are null only."""
    if isinstance(dtype, pl.Struct):
        return any(_is_untyped(field) for field in dtype.to_schema().values())
    inner = getattr(dtype, "inner", None)
    return dtype == pl.Null or (inner is not None and _is_untyped(inner))


class PostgresIOManager(dg.ConfigurableIOManager):
    """Store an asset `schema/table` as that table, whole days in one transaction; load any table of Postgres.

    An asset without partitions is stored and loaded as a whole table.
    """

    def handle_output(self, context: dg.OutputContext, obj: Frame | DaysWithRecords) -> None:
        """Replace the days of the run; the table is created from the frame, and follows it as `own_tables` says."""
        if isinstance(obj, DaysWithRecords):
            _record_only(context, obj)
            return
        table = _postgres_table(context)
        days = _days(context)
        rows = _checked(obj, days, table)
        with _failing_for_good():
            own_tables.replace_days(workshop_in_use().warehouse, table, rows, days)
        context.add_output_metadata({"dagster/row_count": rows.height, "dagster/table_name": table})

    def load_input(self, context: dg.InputContext) -> Frame:
        """Return the days of the run, read when they are collected."""
        table = _postgres_table(context)
        with _failing_for_good():
            return _as_annotated(context, tables.scan_days(workshop_in_use().warehouse, table, _days(context)))


class LakeIOManager(dg.ConfigurableIOManager):
    """Store an asset as Parquet files of the lake, one per day; load any table of the lake, ours too.

    An asset without partitions is one file.
    """

    def handle_output(self, context: dg.OutputContext, obj: Frame | DaysWithRecords) -> None:
        """Replace the days of the run."""
        if isinstance(obj, DaysWithRecords):
            _record_only(context, obj)
            return
        table = "/".join(context.asset_key.path)
        days = _days(context)
        rows = _checked(obj, days, table)
        if untyped := [name for name, dtype in rows.schema.items() if _is_untyped(dtype)]:
            raise dg.Failure(
                f"{table} has no type for {', '.join(untyped)}, which is null in every row: files of other days "
                f'would have another type; cast it: pl.col("{untyped[0]}").cast(pl.String)',
                allow_retries=False,
            )
        lake = workshop_in_use().lake
        if days is None:
            lake.write_table(table, rows)
        for day in days or ():
            lake.write_day(table, day, rows.filter(pl.col("race_date") == day), context.run_id)
        context.add_output_metadata({"dagster/row_count": rows.height, "dagster/table_name": table})

    def load_input(self, context: dg.InputContext) -> Frame:
        """Return the days of the run, read when they are collected."""
        table = "/".join(context.asset_key.path)
        days = _days(context)
        workshop = workshop_in_use()
        with _failing_for_good():
            rows = workshop.lake.scan_table(table) if days is None else lake_days(workshop, table, days)
            return _as_annotated(context, rows)
