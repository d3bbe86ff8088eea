"""The nightly run over a trailing window of days, computed from the tick, never from `the latest partition`."""

from datetime import timedelta

import dagster as dg

from race_assets.automation.jobs import IngestJob
from race_assets.automation.ranges import range_tags
from race_assets.settings import Settings

HISTORICAL_SYNC = "historical_sync"


def historical_sync(settings: Settings, job: IngestJob) -> dg.ScheduleDefinition:
    """One run over the last days and those that exist ahead."""
    wanted = settings.automation.historical_sync

    @dg.schedule(
        name=HISTORICAL_SYNC,
        job=job,
        cron_schedule=wanted.cron,
        execution_timezone=wanted.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if wanted.enabled else dg.DefaultScheduleStatus.STOPPED,
        description=f"Builds the last {wanted.trailing_days} days anew where their inputs have changed.",
    )
    def _sync(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = context.scheduled_execution_time.date()
        first = max(today - timedelta(days=wanted.trailing_days), settings.partitions.start)
        last = today + timedelta(days=settings.partitions.end_offset - 1)
        return dg.RunRequest(run_key=f"{HISTORICAL_SYNC}-{today}", tags=range_tags(first, last))

    return _sync
