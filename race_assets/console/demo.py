"""The demo: the whole pipeline on the bundled samples, in a home of its own; the samples explain themselves."""

import os
import shlex

from race_assets import settings as settings_module
from race_assets.console import report
from race_assets.errors import RaceAssetsError
from race_assets.settings import PREFIX, Settings, project

SAMPLES = "data/samples"

RACES = """select race_id, track, start_local, race_type, distance_m, status, runner_count, sources
           from core.races where race_date = '2024-06-27' order by start_at limit 8"""
SELECTIONS = """select selection_id, dog_name, result, is_dead_heat, price, price_kind, price_source, volume
                from core.selections where race_date = '2024-06-27' order by race_id, trap limit 12"""


def run(settings: Settings) -> int:
    """Land the samples, build their days and show some of them; return the command's exit code.

    Raises:
        RaceAssetsError: there are no samples, or of no enabled source.
    """
    home, has_server = settings.home / "demo", settings.postgres.url is not None
    # Run config, storage and definitions all read the settings: the demo is set where they all look.
    os.environ[f"{PREFIX}HOME"] = str(home)
    for name in ("URL", "READER_URL"):
        os.environ[f"{PREFIX}POSTGRES__{name}"] = ""
    settings = settings_module.load()
    from race_assets.automation.ranges import contiguous
    from race_assets.console import ingest
    from race_assets.pipeline import land
    from race_assets.pipeline.service import IngestionService
    from race_assets.resources.instance import use_instance
    from race_assets.storage import reader

    use_instance(project.instance_below(home))
    samples = project.bundled(SAMPLES)
    service = IngestionService(settings)
    workshop = service.workshop
    files = {source: sorted((samples / source).glob("*.csv")) for source in workshop.enabled}
    if not any(files.values()):
        raise RaceAssetsError(
            f"there are no samples of an enabled source ({', '.join(workshop.enabled)}) in {samples}; enable "
            "betfair_csv or betfair_bsp, or install race_assets again"
        )
    report.heading(f"Landing the samples of {samples}")
    for source, paths in files.items():
        for each in service.land(source, land.named(paths)):
            report.landed_file(each)
    report.heading("Building their days")
    days = {day for file in workshop.ledger.files() for day in file.dates}
    ingested = ingest.run(contiguous(days), refresh=True)
    reading = reader.reading_warehouse(settings)
    for title, query in (("core.races", RACES), ("core.selections", SELECTIONS)):
        report.heading(f"{title}, 27 June 2024")
        report.rows(*reader.query(reading, query), "table")
    report.heading("What became of every record")
    ingest.show(ingested)
    report.heading("Where it is")
    report.line(f"all of it is below {home}; delete that folder to be rid of it. To read its tables:")
    embedded = f"{PREFIX}POSTGRES__URL= {PREFIX}POSTGRES__READER_URL= " if has_server else ""
    report.line(f'{embedded}{PREFIX}HOME={shlex.quote(str(home))} race-assets query "select * from core.races"')
    return ingested.exit_code
