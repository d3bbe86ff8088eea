"""What starts by the clock: the nightly run over a trailing window, computed from the tick, and live sessions."""

from datetime import timedelta

import dagster as dg

from race_assets.automation.jobs import LIVE_SESSION, IngestJob, live_job
from race_assets.automation.ranges import LIVE, range_tags
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


def live_session(settings: Settings) -> dg.ScheduleDefinition:
    """A session of live polling, started by any tick that finds none: one that was killed goes on with the next."""
    wanted = settings.automation.live_session

    @dg.schedule(
        name=LIVE_SESSION,
        job=live_job,
        cron_schedule=wanted.cron,
        execution_timezone=wanted.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if wanted.enabled else dg.DefaultScheduleStatus.STOPPED,
        description=f"Polls the exchange, {wanted.hours:g} hours at most, unless a session is polling already.",
    )
    def _start(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(dg.RunsFilter(job_name=LIVE_SESSION, statuses=LIVE), limit=1):
            return dg.SkipReason("a session is polling")
        return dg.RunRequest()

    return _start
