"""The database: whether it answers, the version of its tables, its clock, and whether Dagster's daemon lives."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from race_assets.errors import RaceAssetsError, SettingsError
from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, skipped, well
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.storage.dagster_runs import HEARTBEAT_S, heartbeat_age_s
from race_assets.storage.postgres import Warehouse, newest_migration, server_url

SKEW_S = 5
THINGS = ("tables", "clock of the database", "daemon")


def findings(settings: Settings) -> Iterator[Finding]:
    """Whether it can be reached, then what is in it; nothing is migrated."""
    try:
        warehouse = Warehouse(server_url(settings))
        with warehouse.connect() as connection:
            where = "postgres.url" if settings.postgres.url else f"the embedded server in {settings.home / 'postgres'}"
            yield well("database", f"{where} answers")
            yield _answer(_tables, "tables", connection)
            yield _answer(_clock, "clock of the database", connection)
            yield _answer(partial(_daemon, settings), "daemon", connection)
    except (RaceAssetsError, OSError) as error:
        step = (
            "start the server that postgres.url names, or correct the URL"
            if settings.postgres.url
            else "mend home first"
            if isinstance(error, SettingsError)
            else f"see {settings.home / 'postgres.log'}"
        )
        yield Finding("database", PROBLEM, f"it cannot be reached: {error}", step)
        for thing in THINGS:
            yield skipped(thing, "the database cannot be asked")


def _answer(ask: Callable[[Any], Finding], thing: str, connection: Any) -> Finding:
    """What the database says, or that it refuses to."""
    from psycopg import Error

    try:
        return ask(connection)
    except Error as error:
        step = "give the role of postgres.url rights on the schemas core, quarantine, ops, live and dagster"
        return Finding(thing, PROBLEM, f"the database refuses to tell: {str(error).splitlines()[0]}", step)


def _tables(connection: Any) -> Finding:
    (there,) = connection.execute("select to_regclass('ops.alembic_version') is not null").fetchone()
    rows = connection.execute("select version_num from ops.alembic_version").fetchall() if there else []
    newest = newest_migration()
    if not rows:
        return Finding("tables", WARNING, "there are none yet", "race-assets ingest makes them")
    ((version,),) = rows
    if version < newest:
        said = f"they are of version {version}, this code's are {newest}: behind"
        return Finding("tables", WARNING, said, "race-assets ingest brings them up to date")
    if version > newest:
        said = f"they are of version {version}, this code only knows {newest}"
        return Finding("tables", PROBLEM, said, "update this checkout to the newer race_assets that made them")
    return well("tables", f"version {version}, as this code expects")


def _clock(connection: Any) -> Finding:
    began = time.time()
    (now,) = connection.execute("select clock_timestamp()").fetchone()
    here = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    return skew("clock of the database", (now - here).total_seconds())


def skew(thing: str, seconds: float) -> Finding:
    """A clock that is off by so many seconds from this machine's."""
    if abs(seconds) > SKEW_S:
        said = f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
        return Finding(thing, WARNING, said, "have both set their clocks by NTP (timedatectl set-ntp true)")
    return well(thing, "agrees with this machine's")


def _daemon(settings: Settings, connection: Any) -> Finding:
    """By its heartbeats, which Dagster writes into its schema of this database."""
    automation = settings.automation
    wanted = [name for name, each in automation if getattr(each, "enabled", False)]
    own = [name for name in registry.enabled(settings) if (fetching := settings.fetching(name)) and fetching.cron]
    wanted += [f"historical_sync_{name}" for name in own]
    if not wanted:
        return skipped("daemon", "nothing is to run by itself (automation)")
    age = heartbeat_age_s(connection)
    if age is None or age > HEARTBEAT_S:
        since = "it has never run" if age is None else f"it was last seen {age / 60:,.0f} minutes ago"
        said = f"{since}: {', '.join(wanted)} do nothing meanwhile"
        return Finding(
            "daemon", WARNING, said, "make dev, or Dagster's own services with DAGSTER_HOME set to this folder"
        )
    return well("daemon", "it lives")
