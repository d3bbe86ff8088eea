"""The demo: the whole pipeline on the bundled samples, in a home of its own; the samples explain themselves."""

import os

from race_assets import settings as settings_module
from race_assets.console import report
from race_assets.settings import PREFIX, Settings, project_folder

SAMPLES = project_folder() / "data" / "samples"

RACES = """select race_id, track, start_local, race_type, distance_m, status, runner_count, sources
           from core.races where race_date = '2024-06-27' order by start_at limit 8"""
SELECTIONS = """select selection_id, dog_name, result, is_dead_heat, price, price_kind, price_source, volume
                from core.selections where race_date = '2024-06-27' order by race_id, trap limit 12"""


def run(settings: Settings) -> int:
    """Lands the samples, builds their days, shows some of it; gives the command's exit code."""
    home = settings.home / "demo"
    # Run config, storage and definitions all read the settings: the demo is set where they all look.
    os.environ[f"{PREFIX}HOME"] = str(home)
    os.environ[f"{PREFIX}POSTGRES__URL"] = ""
    settings = settings_module.load()
    from race_assets.automation.ranges import contiguous
    from race_assets.console import ingest
    from race_assets.pipeline import land
    from race_assets.pipeline.service import IngestionService
    from race_assets.storage import reader

    service = IngestionService(settings)
    workshop = service.workshop
    report.heading(f"Landing the samples of {SAMPLES.relative_to(project_folder())}")
    landed = []
    for source in workshop.enabled:
        for each in service.land(source, land.named(sorted((SAMPLES / source).glob("*.csv")))):
            report.landed_file(each)
            landed.append(each)
    report.heading("Building their days")
    days = {day for file in workshop.ledger.files() for day in file.dates}
    ingested = ingest.run(contiguous(days), refresh=True)
    reading = reader.reading_warehouse(settings)
    for title, query in (("core.races", RACES), ("core.selections", SELECTIONS)):
        report.heading(f"{title}, 27 June 2024")
        report.rows(*reader.query(reading, query), "table")
    report.heading("What became of every record")
    ingest.show(ingested)
    return ingested.exit_code
