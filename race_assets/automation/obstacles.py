"""What keeps a sensor from asking for runs while settings, definitions and the configuration in force disagree."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from race_assets.automation.jobs import INGEST, LAND
from race_assets.automation.ranges import LIVE
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.storage.ledger import Ledger

RELOAD = "reload the code location in Dagster's UI (Deployment, Code locations), or restart Dagster"


def obstacle(context: dg.SensorEvaluationContext, built_with: Settings, workshop: Workshop) -> str | None:
    """Return why no run is to be asked for now, and what to do; None where nothing is in the way.

    A changed configuration is put in force by the first tick that finds no run under way, since a run that works by
    another one than that in force fails. One that another process put in force is left: two processes with different
    settings would otherwise build every day again and again, each for itself.

    Args:
        context: of the tick.
        built_with: the settings that the definitions were made of.
        workshop: the tools, with the settings and tracks of this tick.
    """
    if workshop.not_taken_over:
        return f"nothing is started: {workshop.not_taken_over}; correct it"
    if changed := needs_reload(built_with, workshop.settings):
        return f"nothing is started: race_assets.yaml changed ({', '.join(changed)}); {RELOAD}"
    now = Ledger(workshop.warehouse).in_force()
    if now is None or (now.configuration, now.enabled) == (workshop.configuration, workshop.enabled):
        return None
    if workshop.has_stated_configuration:
        since = f"{now.set_at:%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"nothing is started: another process put other settings, rules or tracks in force at {since}, perhaps "
            "from a shell with RACE_ASSETS_ variables of its own; run `race-assets ingest` with the settings that are "
            f"meant, or to build by those of Dagster, {RELOAD}"
        )
    if live_runs(context.instance, LAND) or live_runs(context.instance, INGEST):
        return "settings or tracks changed: they are put in force when the runs under way have ended"
    return None


def needs_reload(built_with: Settings, now: Settings) -> list[str]:
    """Return the names of the settings that definitions are made of, and that changed since."""
    before, after = _of_definitions(built_with), _of_definitions(now)
    return [name for name, value in after.items() if before[name] != value]


def live_runs(instance: dg.DagsterInstance, job: str) -> list[dg.DagsterRun]:
    """Return the runs of a job that are waiting or under way."""
    return list(instance.get_runs(dg.RunsFilter(job_name=job, statuses=LIVE)))


def _of_definitions(settings: Settings) -> Mapping[str, Any]:
    enabled = registry.enabled(settings)
    sensors = (settings.automation.drops, settings.automation.stale_days)
    return {
        "enabled sources": enabled,
        "sources that are fetched": [name for name in enabled if registry.fetches(name, settings)],
        "partitions": settings.partitions,
        "schedules": settings.schedules(),
        "automation.historical_sync": settings.automation.historical_sync,
        "automation.upcoming_cards": settings.automation.upcoming_cards,
        "whether and how often sensors look": [(each.enabled, each.interval_seconds) for each in sensors],
    }
