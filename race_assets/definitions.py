"""The Dagster entry point: puts assets, jobs, schedule, sensors and resources together, nothing else."""

import warnings

import dagster as dg

# Named one by one: a new beta argument should be seen. Range runs need `backfill_policy`; sensors pass `owners` on.
warnings.filterwarnings("ignore", message="Parameter `(backfill_policy|owners)`", category=dg.BetaWarning)

from race_assets import settings  # noqa: E402 - the warnings are raised while these are imported
from race_assets.assets.core import core_assets  # noqa: E402
from race_assets.assets.days import LAKE, POSTGRES, fresh_for, race_days  # noqa: E402
from race_assets.assets.raw import raw_asset  # noqa: E402
from race_assets.assets.validated import validated_asset  # noqa: E402
from race_assets.automation.jobs import ingest_job, land_job, live_job  # noqa: E402
from race_assets.automation.schedules import schedules  # noqa: E402
from race_assets.automation.sensors import drop_sensor, stale_sensor  # noqa: E402
from race_assets.observability import logs  # noqa: E402
from race_assets.resources.io_managers import LakeIOManager, PostgresIOManager  # noqa: E402
from race_assets.resources.workshop import WorkshopResource  # noqa: E402
from race_assets.settings import Settings  # noqa: E402
from race_assets.sources import registry  # noqa: E402


def build(settings: Settings) -> dg.Definitions:
    """The definitions of these settings; a source that is not enabled is not among them."""
    sources = registry.enabled(settings)
    partitions = race_days(settings.partitions)
    is_live = settings.sources.betfair_exchange.enabled
    nightly = settings.automation.historical_sync
    raw = [
        raw_asset(
            source, registry.create(source, settings).title, partitions, fetches=registry.fetches(source, settings)
        )
        for source in sources
    ]
    assets = [*raw, validated_asset(sources, partitions), core_assets(partitions)]
    ingest = ingest_job(assets)
    return dg.Definitions(
        assets=dg.map_asset_specs(fresh_for(nightly.fresh_for_hours), assets) if nightly.enabled else assets,
        jobs=[ingest, land_job, *([live_job] if is_live else [])],
        schedules=schedules(settings, ingest, sources, [key for each in assets for key in each.keys]),
        sensors=[drop_sensor(settings), stale_sensor(settings, ingest, partitions)],
        resources={
            "workshop": WorkshopResource(),
            POSTGRES: PostgresIOManager(),
            LAKE: LakeIOManager(),
        },
        executor=dg.in_process_executor,
    )


_settings = settings.load()
logs.configure(_settings.logging, again=False)
defs = build(_settings)
