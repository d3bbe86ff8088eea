"""The Dagster entry point: puts assets, jobs, schedule, sensors and resources together, nothing else."""

import dagster as dg

from race_assets import settings
from race_assets.assets.core import core_assets
from race_assets.assets.days import race_days
from race_assets.assets.raw import raw_asset
from race_assets.assets.validated import validated_asset
from race_assets.automation.jobs import ingest_job, land_job
from race_assets.automation.schedules import historical_sync
from race_assets.automation.sensors import drop_sensor, stale_sensor
from race_assets.observability import logs
from race_assets.resources.workshop import WorkshopResource
from race_assets.settings import Settings
from race_assets.sources import registry


def build(settings: Settings, workshop: WorkshopResource) -> dg.Definitions:
    """The definitions of these settings; a source that is not enabled is not among them."""
    logs.configure(settings.logging)
    sources = registry.enabled(settings)
    partitions = race_days(settings.partitions)
    ingest = ingest_job()
    return dg.Definitions(
        assets=[
            *(raw_asset(source, partitions) for source in sources),
            validated_asset(sources, partitions),
            core_assets(partitions),
        ],
        jobs=[ingest, land_job],
        schedules=[historical_sync(settings, ingest)],
        sensors=[drop_sensor(settings), stale_sensor(settings, ingest, partitions)],
        resources={"workshop": workshop},
        executor=dg.in_process_executor,
    )


defs = build(settings.load(), WorkshopResource())
