"""The one partitions definition all assets share, and how they run over ranges; the days themselves come from settings."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from race_assets.settings import PartitionSettings

KEY_FORMAT = "%Y-%m-%d"
SINGLE_RUN = dg.BackfillPolicy.single_run()


def race_days(settings: PartitionSettings) -> dg.DailyPartitionsDefinition:
    """One partition per race date, from the setting's start to a few days ahead."""
    return dg.DailyPartitionsDefinition(start_date=settings.start.isoformat(), end_offset=settings.end_offset)


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The race dates this run is about."""
    return [date.fromisoformat(key) for key in context.partition_keys]
