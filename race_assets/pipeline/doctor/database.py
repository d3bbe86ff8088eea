"""The database: whether it answers and can be used, the version of its tables, its clock, and Dagster's daemon."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from race_assets.errors import RaceAssetsError, SettingsError
from race_assets.pipeline.doctor import reading
from race_assets.pipeline.doctor import session as session_findings
from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, skipped, well
from race_assets.schemas.catalogue import IN_POSTGRES
from race_assets.settings import Settings, find_file, project
from race_assets.sources import registry
from race_assets.storage import attempts, rights
from race_assets.storage.conninfo import Address
from race_assets.storage.dagster_runs import HEARTBEAT_S, heartbeat_age_s
from race_assets.storage.postgres import newest_migration, server_url
from race_assets.storage.server_errors import no_connection
from race_assets.storage.session import ENCODING, ENCODING_STEP, connect, state_settings

SKEW_S = 5
SESSION_THINGS = ("connection pooler", "session settings", "connections")
THINGS = ("rights", "tables", "clock of the database", "files", "daemon", "queries")


def findings(settings: Settings) -> Iterator[Finding]:
    """Whether it can be reached, then what is in it; nothing is migrated."""
    from psycopg import Error

    is_embedded = settings.postgres.url is None
    try:
        address = Address.parse(server_url(settings), is_embedded=is_embedded)
        yield session_findings.variables(address)
        try:
            connection = connect(address)
        except Error as error:
            raise no_connection(error, is_embedded=is_embedded) from None
        with connection:
            where = f"the embedded server in {settings.home / 'postgres'}" if is_embedded else "postgres.url"
            yield well("database", f"{where} answers")
            yield from _of(settings, address, connection)
    except (RaceAssetsError, OSError) as error:
        step = (
            "start the server that postgres.url names, or correct the URL"
            if not is_embedded
            else "mend home first"
            if isinstance(error, SettingsError)
            else f"see {settings.home / 'postgres.log'}"
        )
        yield Finding("database", PROBLEM, f"it cannot be reached: {error}", step)
        for thing in (*SESSION_THINGS, *THINGS):
            yield skipped(thing, "the database cannot be asked")


def _of(settings: Settings, address: Address, connection: Any) -> Iterator[Finding]:
    """Look at a database that answers: at its defaults first, then with our own settings."""
    checks: tuple[Callable[[Any], Finding], ...] = (
        partial(session_findings.pooler, address=address),
        session_findings.overridden,
        session_findings.connections,
    )
    for thing, check in zip(SESSION_THINGS, checks, strict=True):
        yield _answer(check, thing, connection)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        yield Finding("encoding", PROBLEM, f"the database has the encoding {encoding}: names are lost", ENCODING_STEP)
        for thing in THINGS:
            yield skipped(thing, "a database of another encoding is not used")
        return
    state_settings(connection.cursor())
    yield _answer(_rights, "rights", connection)
    yield _answer(_tables, "tables", connection)
    yield _answer(_clock, "clock of the database", connection)
    yield _answer(_files, "files", connection)
    yield _answer(partial(_daemon, settings), "daemon", connection)
    yield _answer(partial(reading.finding, settings), "queries", connection)


def _answer(ask: Callable[[Any], Finding], thing: str, connection: Any) -> Finding:
    """What the database says, or that it refuses to."""
    from psycopg import Error

    try:
        return ask(connection)
    except Error as error:
        step = "give the role of postgres.url rights on the schemas core, quarantine, ops, live and dagster"
        return Finding(thing, PROBLEM, f"the database refuses to tell: {str(error).splitlines()[0]}", step)


def _rights(connection: Any) -> Finding:
    if obstacle := rights.writing_obstacle(connection):
        return Finding("rights", PROBLEM, obstacle.problem, obstacle.step)
    return well("rights", "the role may write all tables")


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
        return Finding("tables", PROBLEM, said, project.update_advice())
    query = "select name from unnest(%s::text[]) as wanted (name) where to_regclass(name) is null"
    if missing := [name for (name,) in connection.execute(query, [list(IN_POSTGRES)]).fetchall()]:
        step = "restore the database from a backup, or set postgres.url to an empty one and land the files again"
        return Finding("tables", PROBLEM, f"version {version}, but {', '.join(missing)} removed by hand", step)
    return well("tables", f"version {version}, as this code expects")


def _clock(connection: Any) -> Finding:
    began = time.time()
    (now,) = connection.execute("select clock_timestamp()").fetchone()
    here = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    return skew("clock of the database", (now - here).total_seconds())


def _files(connection: Any) -> Finding:
    """Whether every archived file could be read."""
    (there,) = connection.execute("select to_regclass('ops.file_attempts') is not null").fetchone()
    if not there:
        return skipped("files", "the tables are behind")
    not_read = attempts.not_read(connection)
    if not not_read:
        return well("files", "every file could be read to its end")
    first = not_read[0]
    more = f"; {len(not_read) - 1:,} more in ops.file_attempts" if len(not_read) > 1 else ""
    if first.set_aside_at is None:
        return Finding("files", WARNING, first.said + more, "race-assets ingest tries again")
    sha = first.sha256[:12]
    step = f"race-assets land --retry {sha}, or take it back: race-assets land --withdraw {sha}"
    return Finding("files", PROBLEM, first.said + more, step)


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
        return Finding("daemon", WARNING, said, project.serve_command(find_file(os.environ)))
    return well("daemon", "it lives")
