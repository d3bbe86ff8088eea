"""What shapes a session on the database: variables of the shell, a pooler, other defaults, the limit of connections."""

from typing import Any

from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, well
from race_assets.storage.conninfo import LOCATION_VARIABLES, SESSION_VARIABLES, Address, set_variables
from race_assets.storage.pooler import SHARES_SESSIONS, STEP, is_pooled, shares_sessions
from race_assets.storage.rights import CONNECTIONS, connections_obstacle
from race_assets.storage.session import SETTINGS

NEVER_STATED = ("client_encoding",)
"""Settings that a client states when it connects: what a database or role has instead is only in the catalogue."""

OF_PARAMETERS = {
    "PGSERVICE": "service",
    "PGHOST": "host",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "user",
}
"""The parameter of an address that each variable stands for where it is left out."""


def variables(address: Address) -> Finding:
    """Return which of the shell's PG* variables are set, and whether they are used."""
    thing = "shell variables"
    if address.is_embedded:
        unused = set_variables((*LOCATION_VARIABLES, *SESSION_VARIABLES))
        if unused:
            return well(thing, f"{', '.join(unused)}: not used, since the server is the embedded one")
        return well(thing, "none of Postgres's is set")
    unused = set_variables(SESSION_VARIABLES)
    if "host" in address.parameters:
        unused += set_variables(("PGHOSTADDR",))
    if unused:
        said = f"{', '.join(unused)}: set in this shell and not used, but other programs started here behave by them"
        return Finding(thing, WARNING, said, f"unset {' '.join(unused)}; what is meant belongs into postgres.url")
    used = [name for name in set_variables(tuple(OF_PARAMETERS)) if OF_PARAMETERS[name] not in address.parameters]
    if used:
        return well(thing, f"{', '.join(used)}: used, since postgres.url leaves that out")
    return well(thing, "none of Postgres's that matters is set")


def pooler(connection: Any, address: Address) -> Finding:
    """Return whether a pooler is between, and whether it keeps sessions."""
    thing = "connection pooler"
    if not is_pooled(connection):
        return well(thing, "none: this is the server itself")
    if shares_sessions(connection, address):
        return Finding(thing, PROBLEM, SHARES_SESSIONS, STEP)
    return well(thing, "there is one, and it gives each client a session of its own")


_DEFAULTS = """
    select name, setting, source from pg_settings
    where name = any(%(names)s) and source in ('database', 'user', 'database user', 'client')
    union
    select split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1),
           case when setrole = 0 then 'database' when setdatabase = 0 then 'user' else 'database user' end
    from pg_db_role_setting, unnest(setconfig) as entry
    where split_part(entry, '=', 1) = any(%(stated)s)
    and setdatabase in (0, (select oid from pg_database where datname = current_database()))
    and setrole in (0, (select oid from pg_roles where rolname = current_user))
    order by 1"""

_SOURCES = {
    "database": "the database",
    "user": "the role",
    "database user": "the role in this database",
    "client": "postgres.url or the shell",
}


def overridden(connection: Any) -> Finding:
    """Return which defaults of the database and role differ from what every session of ours states."""
    thing = "session settings"
    names = [name for name in SETTINGS if name not in NEVER_STATED]
    rows = connection.execute(_DEFAULTS, {"names": names, "stated": list(NEVER_STATED)}).fetchall()
    wanted = {name.lower(): value for name, value in SETTINGS.items()}
    others = [
        f"{name} {value!r} for {_SOURCES[source]}" for name, value, source in rows if value != wanted[name.lower()]
    ]
    if not others:
        return well(thing, "the defaults of database and role are usual ones")
    said = f"{', '.join(others)}: race_assets states its own in each session, other readers of the tables do not"
    step = "leave them where they are meant, or have them reset: alter database ... reset ..., alter role ... reset ..."
    return Finding(thing, WARNING, said, step)


def connections(connection: Any) -> Finding:
    """Return whether the server, database and role let one run have the connections it needs."""
    thing = "connections"
    if obstacle := connections_obstacle(connection):
        return Finding(thing, PROBLEM, obstacle.problem, obstacle.step)
    query = """select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                      - count(*) from pg_stat_activity where backend_type = 'client backend'"""
    (free,) = connection.execute(query).fetchone()
    if free < CONNECTIONS:
        said = f"{free} free; one run needs up to {CONNECTIONS}"
        return Finding(thing, WARNING, said, "end other programs that use the server, or raise its max_connections")
    return well(thing, f"{free} free; one run needs up to {CONNECTIONS}")
