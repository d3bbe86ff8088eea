"""Whether the settings and tracks of this command are those that days are built by."""

import os
from collections.abc import Iterator

from race_assets.errors import RaceAssetsError, SettingsError
from race_assets.identity.tracks import TrackRegistry, own_file
from race_assets.pipeline.configuration import configuration_of
from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, well
from race_assets.settings import NOT_SETTINGS, PREFIX, Settings
from race_assets.sources import registry
from race_assets.storage.configuration import in_force
from race_assets.storage.postgres import Warehouse, newest_migration, server_url

THING = "settings in force"


def findings(settings: Settings) -> Iterator[Finding]:
    """Return nothing where no day was ever to be built, or the database cannot be asked: another finding says so."""
    from psycopg import Error

    try:
        tracks = TrackRegistry.load(own_file(settings.home))
    except SettingsError as error:
        yield Finding("tracks", PROBLEM, str(error), f"correct {own_file(settings.home)}", is_credentials=True)
        return
    try:
        with Warehouse(server_url(settings)).connect() as connection:
            (there,) = connection.execute("select to_regclass('ops.alembic_version') is not null").fetchone() or (
                False,
            )
            query = "select max(version_num) from ops.alembic_version"
            if not there or connection.execute(query).fetchone() != (newest_migration(),):
                return
            now = in_force(connection)
    except (RaceAssetsError, OSError, Error):
        return
    if now is None:
        return
    since = f"{now.set_at:%Y-%m-%d %H:%M} UTC"
    if (now.configuration, now.enabled) == (configuration_of(settings, tracks), registry.enabled(settings)):
        yield well(THING, f"days are built by the settings and tracks of this command, in force since {since}")
        return
    variables = sorted(
        name for name in os.environ if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in NOT_SETTINGS
    )
    shell = f"; variables of this shell: {', '.join(variables)}" if variables else ""
    yield Finding(
        THING,
        WARNING,
        f"another process put other settings, rules or tracks in force at {since}{shell}",
        "race-assets ingest builds by those of this command; if those in force are meant, correct race_assets.yaml, "
        "the variables or tracks.yaml here",
    )
