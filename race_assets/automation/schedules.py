"""What starts by the clock: fetching and building by night or by source, polling cards and live prices.

Each tick of a schedule that finds a run of that schedule still going skips: what it was to do is done by that run, or
by the next tick.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta

import dagster as dg

from race_assets.automation.jobs import LIVE_SESSION, IngestJob, live_job
from race_assets.automation.ranges import LIVE, range_tags
from race_assets.settings import Settings

HISTORICAL_SYNC = "historical_sync"
UPCOMING_CARDS = "upcoming_cards"
SCHEDULE_TAG = "dagster/schedule_name"
Days = Callable[[date], tuple[date, date]]


def schedules(
    settings: Settings, job: IngestJob, sources: Sequence[str], keys: Collection[dg.AssetKey]
) -> list[dg.ScheduleDefinition]:
    """Return the schedules of these settings.

    Args:
        settings: when what starts.
        job: builds days.
        sources: those that are enabled.
        keys: the assets of the job.
    """
    when = settings.schedules()
    own = [name for name in sources if f"{HISTORICAL_SYNC}_{name}" in when]
    found = [_nightly(settings, job, _without_raw(keys, own))]
    found += [_of_source(settings, job, name, _with_raw(keys, [name])) for name in own]
    if UPCOMING_CARDS in when:
        cards = [name for name in settings.automation.upcoming_cards.sources if name in sources]
        found.append(_upcoming_cards(settings, job, _with_raw(keys, cards)))
    if LIVE_SESSION in when:
        found.append(_live_session(settings))
    return found


def _with_raw(keys: Collection[dg.AssetKey], sources: Collection[str]) -> list[dg.AssetKey]:
    """Return the raw assets of these sources, and all that is made from raw assets."""
    return [key for key in keys if key.path[0] != "raw" or key.path[1] in sources]


def _without_raw(keys: Collection[dg.AssetKey], sources: Collection[str]) -> list[dg.AssetKey]:
    return [key for key in keys if key.path[0] != "raw" or key.path[1] not in sources]


def _nightly(settings: Settings, job: IngestJob, keys: Sequence[dg.AssetKey]) -> dg.ScheduleDefinition:
    """One run over the last days and those that exist ahead; a source with a schedule of its own is left to that."""
    wanted = settings.automation.historical_sync
    return _schedule(
        HISTORICAL_SYNC,
        job,
        (wanted.cron, wanted.timezone),
        lambda today: _window(settings, today, wanted.trailing_days),
        keys,
        f"Fetches and builds the last {wanted.trailing_days} days where their inputs have changed.",
        is_on=wanted.enabled,
    )


def _of_source(settings: Settings, job: IngestJob, source: str, keys: Sequence[dg.AssetKey]) -> dg.ScheduleDefinition:
    """One source's days, at times of its own."""
    days, name = settings.trailing_days(source), f"{HISTORICAL_SYNC}_{source}"
    wanted = settings.schedules()[name]
    return _schedule(
        name,
        job,
        (wanted.cron, wanted.timezone),
        lambda today: _window(settings, today, days),
        keys,
        f"Fetches {source} and builds the last {days} days where their inputs have changed.",
        is_on=wanted.enabled,
    )


def _upcoming_cards(settings: Settings, job: IngestJob, keys: Sequence[dg.AssetKey]) -> dg.ScheduleDefinition:
    """Cards of today and the days after it, so that races are there before they are run."""
    wanted = settings.automation.upcoming_cards
    return _schedule(
        UPCOMING_CARDS,
        job,
        (wanted.cron, wanted.timezone),
        lambda today: (today, min(today + timedelta(days=wanted.days_ahead), _last(settings, today))),
        keys,
        f"Fetches the cards of today and {wanted.days_ahead} days ahead, and builds the days whose cards have changed.",
        is_on=wanted.enabled,
    )


def _window(settings: Settings, today: date, trailing_days: int) -> tuple[date, date]:
    return max(today - timedelta(days=trailing_days), settings.partitions.start), _last(settings, today)


def _last(settings: Settings, today: date) -> date:
    return today + timedelta(days=settings.partitions.end_offset - 1)


def _schedule(
    name: str,
    job: IngestJob,
    when: tuple[str, str],
    days: Days,
    keys: Sequence[dg.AssetKey],
    description: str,
    *,
    is_on: bool,
) -> dg.ScheduleDefinition:
    """A schedule of the job over some of its assets and days that follow from the tick's own."""
    cron, timezone = when

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=timezone,
        default_status=_status(is_on=is_on),
        description=description,
    )
    def _tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(dg.RunsFilter(tags={SCHEDULE_TAG: name}, statuses=LIVE), limit=1):
            return dg.SkipReason(f"a run of {name} is under way")
        moment = context.scheduled_execution_time
        # By the moment and not by the day: a cron may tick several times a day, and a key counts once for ever.
        key = f"{name}-{moment.isoformat()}"
        return dg.RunRequest(run_key=key, tags=range_tags(*days(moment.date())), asset_selection=list(keys))

    return _tick


def _live_session(settings: Settings) -> dg.ScheduleDefinition:
    """A session of live polling, started by any tick that finds none: one that was killed goes on with the next."""
    wanted = settings.automation.live_session

    @dg.schedule(
        name=LIVE_SESSION,
        job=live_job,
        cron_schedule=wanted.cron,
        execution_timezone=wanted.timezone,
        default_status=_status(is_on=wanted.enabled),
        description=f"Polls the exchange, {wanted.hours:g} hours at most, unless a session is polling already.",
    )
    def _start(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(dg.RunsFilter(job_name=LIVE_SESSION, statuses=LIVE), limit=1):
            return dg.SkipReason("a session is polling")
        return dg.RunRequest()

    return _start


def _status(*, is_on: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
