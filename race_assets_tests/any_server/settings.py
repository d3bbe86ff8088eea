"""The ways in which servers, databases, roles, addresses and shells are set up, and what each is to come to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WORKS = ""
"""What is expected where everything works."""


@dataclass(frozen=True)
class Setting:
    """One way.

    Attributes:
        name: in the table.
        statements: run by an administrator in the database; `{database}`, `{role}` and `{admin}` are filled in.
        refused: a part of the one sentence with which steps are rejected; `WORKS` where none is.
        works: the steps that work though others do not; of `query` only that it finds no rows.
        url: the address; `{role}`, `{port}`, `{database}`, `{socket}`, `{dead}` (a port without a server) and
            `{pooler}` are filled in.
        variables: of the shell.
        is_owner: the role owns the database.
        has_tables: the database has all tables at first, owned by the role.
        create: options of `create database`.
        pool_mode: of PgBouncer, where it is between.
        is_replica: the address is a hot standby's.
        doctor: a part of what doctor says; where nothing is refused, of a warning.
    """

    name: str
    statements: tuple[str, ...] = ()
    refused: str = WORKS
    url: str = "postgresql://{role}@127.0.0.1:{port}/{database}"
    variables: Mapping[str, str] = field(default_factory=dict)
    is_owner: bool = True
    has_tables: bool = True
    create: str = ""
    works: tuple[str, ...] = ()
    pool_mode: str = ""
    is_replica: bool = False
    doctor: str = ""


def _database(name: str, *values: str, **more: Any) -> Setting:
    statements = tuple(f"alter database {{database}} set {value}" for value in values)
    return Setting(f"database: {name}", statements, **more)


def _role(name: str, *values: str, **more: Any) -> Setting:
    statements = tuple(f"alter role {{role}} set {value}" for value in values)
    return Setting(f"role: {name}", statements, **more)


OWN_SCHEMAS = ("core", "dagster", "live", "ops", "quarantine")
READERS_GRANTS = tuple(
    statement
    for schema in OWN_SCHEMAS
    for statement in (
        f"grant usage on schema {schema} to {{role}}",
        f"grant select on all tables in schema {schema} to {{role}}",
    )
)

ALL = (
    Setting("nothing unusual"),
    Setting("empty database of the role's own", has_tables=False),
    _database("DateStyle German", "datestyle = 'German'", doctor="DateStyle"),
    _role("DateStyle SQL, DMY", "datestyle = 'SQL, DMY'", doctor="DateStyle"),
    _database("IntervalStyle iso_8601", "intervalstyle = 'iso_8601'", doctor="IntervalStyle"),
    _database("TimeZone Australia/Sydney", "timezone = 'Australia/Sydney'", doctor="TimeZone"),
    _role("TimeZone America/New_York", "timezone = 'America/New_York'", doctor="TimeZone"),
    _database("client_encoding LATIN1", "client_encoding = 'LATIN1'", doctor="client_encoding"),
    _role("client_encoding SQL_ASCII", "client_encoding = 'SQL_ASCII'", doctor="client_encoding"),
    _database(
        "strings, bytes and floats as of old",
        "standard_conforming_strings = off",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
        "quote_all_identifiers = on",
        doctor="standard_conforming_strings",
    ),
    Setting(
        "encoding LATIN1",
        refused="encoding LATIN1",
        has_tables=False,
        create="encoding 'LATIN1' locale 'C' template template0",
        doctor="encoding LATIN1",
    ),
    Setting(
        "encoding SQL_ASCII",
        refused="encoding SQL_ASCII",
        has_tables=False,
        create="encoding 'SQL_ASCII' locale 'C' template template0",
        doctor="encoding SQL_ASCII",
    ),
    _database("search_path names no schema", "search_path = 'nowhere'", doctor="search_path"),
    Setting(
        "role: search_path with tables of the same names",
        (
            "create schema decoy authorization {role}",
            "create table decoy.runs (x int)",
            "create table decoy.event_logs (x int)",
            "create table decoy.stage (x int)",
            "alter role {role} set search_path = decoy, core, ops",
        ),
        doctor="search_path",
    ),
    _database("statement_timeout 1 min", "statement_timeout = '1min'", doctor="statement_timeout"),
    _role(
        "other timeouts 1 min",
        "lock_timeout = '1min'",
        "idle_in_transaction_session_timeout = '1min'",
        "idle_session_timeout = '1min'",
        doctor="lock_timeout",
    ),
    _database("isolation serializable", "default_transaction_isolation = 'serializable'", doctor="isolation"),
    _role("isolation repeatable read", "default_transaction_isolation = 'repeatable read'", doctor="isolation"),
    _role(
        "read only",
        "default_transaction_read_only = on",
        refused="default_transaction_read_only is on for the role",
        works=("query",),
        doctor="default_transaction_read_only",
    ),
    _database(
        "read only",
        "default_transaction_read_only = on",
        refused="default_transaction_read_only is on for the database",
        works=("query",),
        doctor="default_transaction_read_only",
    ),
    Setting("replica", is_replica=True, works=("query",), refused="the server is a replica", doctor="replica"),
    Setting(
        "no right to create, schemas made beforehand",
        tuple(f"create schema {schema} authorization {{role}}" for schema in OWN_SCHEMAS),
        is_owner=False,
        has_tables=False,
    ),
    Setting(
        "no right to create, no schemas",
        is_owner=False,
        has_tables=False,
        refused="create schema core authorization",
        doctor="create schema core authorization",
    ),
    Setting(
        "role that may only select",
        (
            *("alter schema {schema} owner to {admin}".format(schema=s, admin="{admin}") for s in OWN_SCHEMAS),
            "reassign owned by {role} to {admin}",
            *READERS_GRANTS,
        ),
        is_owner=False,
        refused="let an administrator run: grant",
        works=("query",),
        doctor="may not read and write",
    ),
    Setting(
        "no right to temporary tables",
        ("revoke temporary on database {database} from public",),
        is_owner=False,
        refused="grant temporary on database",
        works=("query",),
        doctor="temporary tables",
    ),
    Setting(
        "a table was dropped by hand",
        ("drop table ops.source_files cascade",),
        refused="removed or renamed by hand",
        works=("query", "UI storage"),
        doctor="source_files",
    ),
    Setting("PgBouncer, session mode", url="postgresql://{role}@127.0.0.1:{pooler}/{database}", pool_mode="session"),
    Setting(
        "PgBouncer, transaction mode",
        url="postgresql://{role}@127.0.0.1:{pooler}/{database}",
        pool_mode="transaction",
        refused="pool_mode",
        doctor="pool_mode",
    ),
    Setting(
        "PgBouncer, statement mode",
        url="postgresql://{role}@127.0.0.1:{pooler}/{database}",
        pool_mode="statement",
        refused="pool_mode",
        doctor="pool_mode",
    ),
    Setting(
        "URL with options",
        url="postgresql://{role}@127.0.0.1:{port}/{database}?options=-c%20datestyle%3DGerman%20-c%20search_path%3Dx",
        doctor="DateStyle",
    ),
    Setting("URL of a socket folder", url="postgresql:///{database}?host={socket}&port={port}&user={role}"),
    Setting("host, dbname and user", url="host={socket} port={port} dbname={database} user={role}"),
    Setting(
        "several hosts, the first without a server",
        url="postgresql://{role}@127.0.0.1:{dead},127.0.0.1:{port}/{database}?target_session_attrs=read-write",
    ),
    Setting(
        "password with @ / : % and a letter beyond ASCII",
        url="postgresql://{role}:p%40%2F%3A%25%C3%A9@127.0.0.1:{port}/{database}",
    ),
    Setting("shell: PGTZ", variables={"PGTZ": "Asia/Tokyo"}, doctor="PGTZ"),
    Setting("shell: PGDATESTYLE", variables={"PGDATESTYLE": "German"}, doctor="PGDATESTYLE"),
    Setting(
        "shell: PGOPTIONS",
        variables={"PGOPTIONS": "-c default_transaction_read_only=on -c search_path=nowhere -c timezone=Asia/Tokyo"},
        doctor="PGOPTIONS",
    ),
    Setting("shell: PGCLIENTENCODING", variables={"PGCLIENTENCODING": "LATIN1"}, doctor="PGCLIENTENCODING"),
    Setting("shell: PGHOSTADDR", variables={"PGHOSTADDR": "127.0.0.99"}, doctor="PGHOSTADDR"),
    Setting("shell: PGTZ that is no time zone", variables={"PGTZ": "Mars"}, refused="unset PGTZ", doctor="unset PGTZ"),
    Setting(
        "shell: PGSERVICE without such a service",
        variables={"PGSERVICE": "nowhere"},
        refused="PGSERVICE",
        doctor="PGSERVICE",
    ),
    Setting(
        "role: two connections only",
        ("alter role {role} connection limit 2",),
        refused="allows 2 connections, and one run needs up to",
        works=("land", "ingest", "query"),
        doctor="allows 2 connections",
    ),
)
