"""What all assets share: the partitions definition, and what a run says of itself in its tags; no asset's own work."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from race_assets.pipeline import process
from race_assets.pipeline.workshop import REFRESH_TAG
from race_assets.settings import PartitionSettings

KEY_FORMAT = "%Y-%m-%d"
SINGLE_RUN = dg.BackfillPolicy.single_run()


def race_days(settings: PartitionSettings) -> dg.DailyPartitionsDefinition:
    """One partition per race date, from the setting's start to a few days ahead."""
    return dg.DailyPartitionsDefinition(start_date=settings.start.isoformat(), end_offset=settings.end_offset)


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The race dates this run is about."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def is_refresh(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was asked to build days that are not stale too."""
    return bool(context.run_tags.get(REFRESH_TAG) == "true")


def mark_process(context: dg.AssetExecutionContext) -> None:
    """Notes which process carries the run, so that it can be failed once that process is gone."""
    mark = process.process_mark()
    if context.run_tags.get(process.TAG) != mark:
        context.instance.add_run_tags(context.run_id, {process.TAG: mark})
