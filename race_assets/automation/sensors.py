"""The sensors: they look and ask for runs, and do no work; what they remember is in the ledger, not in cursors."""

from datetime import date

import dagster as dg

from race_assets.automation.jobs import INGEST, LAND, IngestJob, land_job
from race_assets.automation.obstacles import live_runs, obstacle
from race_assets.automation.ranges import contiguous, covered, range_tags
from race_assets.display import visible
from race_assets.errors import PermanentError
from race_assets.pipeline import drops
from race_assets.pipeline.day_attempts import given_up as given_up_days
from race_assets.pipeline.land import has_outdated_files
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import SensorSettings, Settings
from race_assets.storage.ledger import Attempts

DROP_SENSOR = "drop_folders"
STALE_SENSOR = "stale_days"
KILLED_TIMES = 10
"""So many times as many runs are asked for a day that was in a run that was killed."""


def _status(settings: SensorSettings) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if settings.enabled else dg.DefaultSensorStatus.STOPPED


def drop_sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks for the `land` job when a dropped file has settled."""
    of_definition = settings.automation.drops

    @dg.sensor(
        name=DROP_SENSOR,
        job=land_job,
        minimum_interval_seconds=of_definition.interval_seconds,
        default_status=_status(of_definition),
        description="Looks into the drop folders; a file unchanged for two looks, or with a .done marker, is landed.",
    )
    def _look(
        context: dg.SensorEvaluationContext, workshop: dg.ResourceParam[Workshop]
    ) -> dg.SensorResult | dg.SkipReason:
        if why := obstacle(context, settings, workshop):
            return dg.SkipReason(why)
        wanted = workshop.settings.automation.drops
        ready: list[drops.Settled] = []
        broken: list[str] = []
        for source in workshop.enabled:
            try:
                found = drops.look(workshop, source)
            except PermanentError as error:
                broken.append(str(error))
                continue
            ready += found.settled
            broken += [f"{each.path}: {each.reason}" for each in found.unreadable]
        asked = [file for file in ready if file.attempts < wanted.attempts]
        due = [file for file in asked if file.asked_s >= wanted.pause_s(file.attempts)]
        is_work = bool(due) or has_outdated_files(workshop, wanted.pause_s)
        # A folder that cannot be read must not hold up the others, nor pass for an empty one: the files that can be
        # taken are asked for first, and the tick fails as soon as there is nothing more to ask for.
        if is_work and not _live(context, LAND):
            drops.count_attempts(workshop, due)
            for text in broken:
                context.log.error(visible(text))
            return dg.SensorResult(run_requests=[dg.RunRequest()])
        given_up = [f"{file.source}/{file.name}" for file in ready if file.attempts >= wanted.attempts]
        if given_up:
            broken.append(
                f"asked {wanted.attempts} times for {', '.join(given_up)} to be landed, without success; "
                "see the `land` runs, then change the file or land it by hand"
            )
        if broken:
            raise PermanentError("; ".join(broken))
        if is_work:
            return dg.SkipReason("a landing is under way")
        waiting = len(asked) - len(due)
        return dg.SkipReason(f"{waiting} files wait for their next attempt" if waiting else "nothing new has settled")

    return _look


def stale_sensor(settings: Settings, job: IngestJob, partitions: dg.PartitionsDefinition) -> dg.SensorDefinition:
    """Asks for runs over days whose inputs have changed since they were built."""
    of_definition = settings.automation.stale_days

    @dg.sensor(
        name=STALE_SENSOR,
        job=job,
        minimum_interval_seconds=of_definition.interval_seconds,
        default_status=_status(of_definition),
        description="Has stale days built, one run per stretch of days, a bounded number of times.",
    )
    def _stale(
        context: dg.SensorEvaluationContext, workshop: dg.ResourceParam[Workshop]
    ) -> dg.SensorResult | dg.SkipReason:
        if why := obstacle(context, settings, workshop):
            return dg.SkipReason(why)
        wanted = workshop.settings.automation.stale_days
        last = date.fromisoformat(partitions.get_partition_keys()[-1])
        stale = {day: each for day, each in workshop.ledger.stale_days() if settings.partitions.start <= day <= last}
        running = covered(_live(context, INGEST))
        free = {day: each for day, each in stale.items() if not any(first <= day <= end for first, end in running)}
        spent = workshop.ledger.spent_attempts()
        tried = {day: spent[day] for day, each in free.items() if day in spent and spent[day].fingerprint == each}
        killed = given_up_days(workshop)
        given_up = {day for day, each in tried.items() if each.failure or each.count >= _most(each, wanted.attempts)}
        given_up |= free.keys() & killed.keys()
        waiting = {day for day, each in tried.items() if each.age_s < wanted.pause_s(each.count)} - given_up
        due = {day: each for day, each in free.items() if day not in given_up | waiting}
        if due:
            workshop.ledger.count_attempts(due.items())
            return dg.SensorResult(run_requests=[dg.RunRequest(tags=range_tags(*each)) for each in contiguous(due)])
        if given_up:
            reasons = [
                f"{day}: {killed.get(day) or tried[day].failure or f'asked for {tried[day].count} times'}"
                for day in given_up
            ]
            raise PermanentError(
                f"days that could not be built: {'; '.join(sorted(reasons))}; see the failed `ingest` runs, mend the "
                "cause, then run `race-assets ingest`"
            )
        if waiting:
            return dg.SkipReason(f"{len(waiting)} stale days wait for their next attempt")
        return dg.SkipReason(f"{len(stale)} stale days, all being built" if stale else "no day is stale")

    return _stale


def _most(tried: Attempts, attempts: int) -> int:
    """Return how many runs are asked for; a day beside one that kills the run is not held to account for that."""
    return attempts * KILLED_TIMES if tried.interrupted else attempts


def _live(context: dg.SensorEvaluationContext, job: str) -> list[dg.DagsterRun]:
    return live_runs(context.instance, job)
