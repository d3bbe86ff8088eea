"""What all assets share: the partitions definition, and what a run says of itself in its tags; no asset's own work."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import dagster as dg

from race_assets.pipeline import process
from race_assets.pipeline.workshop import REFRESH_TAG
from race_assets.settings import PartitionSettings

KEY_FORMAT = "%Y-%m-%d"
SINGLE_RUN = dg.BackfillPolicy.single_run()
POSTGRES, LAKE = "io_manager", "lake"
"""The resources that load our assets into others: tables of Postgres, and of the lake."""


def race_days(settings: PartitionSettings) -> dg.DailyPartitionsDefinition:
    """One partition per race date, from the setting's start to a few days ahead."""
    return dg.DailyPartitionsDefinition(start_date=settings.start.isoformat(), end_offset=settings.end_offset)


def fresh_for(hours: float) -> Callable[[dg.AssetSpec], dg.AssetSpec]:
    """Puts on an asset how old it may grow.

    Dagster looks at the newest materialisation of any day: this tells that the nightly run did not come. Whether its
    days are here is what the check `arrived` tells, which an old day that is filled again does not deceive.
    """
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours))
    return lambda spec: dg.apply_freshness_policy(spec, policy)


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The race dates this run is about."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def is_refresh(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was asked to build days that are not stale too."""
    return bool(context.run.tags.get(REFRESH_TAG) == "true")


def mark_process(context: dg.AssetExecutionContext) -> None:
    """Notes which process carries the run, so that it can be failed once that process is gone."""
    mark = process.process_mark()
    if context.run.tags.get(process.TAG) != mark:
        context.instance.add_run_tags(context.run.run_id, {process.TAG: mark})
