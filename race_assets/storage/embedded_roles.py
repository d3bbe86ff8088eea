"""Roles of the embedded PostgreSQL: one that owns the tables, one that only reads, and no login for the superuser.

`set_up` alone uses the superuser, on a server that nobody else reaches.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_assets.storage.embedded_passwords import DATABASE, OWNER, READER, Passwords, verifier, write_private

if TYPE_CHECKING:
    import psycopg

SUPERUSER = "postgres"

STAMP_NAME = "race_assets_roles"
"""File in the data folder with the hash of the statements that set the roles up last."""

# Only the socket in a private folder is listened on; even so nobody enters without a password.
ACCESS_RULES = f"""# Written by race_assets at every start of the server.
local all {SUPERUSER} reject
local all all scram-sha-256
"""
SETUP_ACCESS_RULES = f"""# Written by race_assets: only for the moment in which it sets the roles up.
local all {SUPERUSER} trust
local all all reject
"""

OWNER_RIGHTS = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit"
READER_RIGHTS = OWNER_RIGHTS
READER_SETTINGS = {
    "default_transaction_read_only": "on",
    # A forgotten or endless query keeps dead rows and a CPU; a sort must not fill the disk.
    "statement_timeout": "15min",
    "idle_in_transaction_session_timeout": "15min",
    "temp_file_limit": "20GB",
}

READER_FUNCTIONS = (
    *("array_sample", "array_shuffle", "clock_timestamp", "current_query", "gen_random_uuid", "random"),
    *("random_normal", "setseed", "timeofday", "uuidv4", "uuidv7", "pg_is_in_recovery", "pg_collation_actual_version"),
    # Of its own session only; every role may do as much by SET.
    "set_config",
    *("pg_database_size", "pg_indexes_size", "pg_relation_size", "pg_table_size", "pg_total_relation_size"),
)
"""Volatile functions a reader may call: they change nothing outside the statement."""

WITHHELD_FUNCTIONS = (
    *("pg_current_xact_id", "txid_current"),
    *(
        f"{what}_to_{result}"
        for what in ("table", "schema", "database")
        for result in ("xml", "xmlschema", "xml_and_xmlschema")
    ),
)
"""Functions that are not volatile and still use up transaction numbers, or hold a whole database in memory."""

USER_SCHEMA = "nspname !~ '^pg_' and nspname <> 'information_schema'"
OBJECTS = (
    (
        *("pg_class", "rel"),
        # A sequence of a column follows its table.
        """(relkind in ('r', 'p', 'v', 'm', 'f') or relkind = 'S' and not exists (select from pg_depend
               where classid = 'pg_class'::regclass and objid = o.oid and deptype in ('a', 'i')))""",
        """case relkind when 'S' then 'sequence ' when 'v' then 'view ' when 'm' then 'materialized view '
           when 'f' then 'foreign table ' else 'table ' end || o.oid::regclass""",
    ),
    ("pg_proc", "pro", "true", "'routine ' || o.oid::regprocedure"),
    (
        *("pg_type", "typ"),
        """(typtype in ('d', 'e', 'r')
            or typtype = 'c' and (select relkind = 'c' from pg_class where pg_class.oid = typrelid))""",
        "'type ' || o.oid::regtype",
    ),
)
"""Catalogue, prefix of its columns, which of its rows `alter ... owner` takes, and how it names them."""

Connect = Callable[[str], "psycopg.Connection[tuple[Any, ...]]"]


def write_access_rules(path: Path, rules: str, owner: tuple[int, int] | None) -> None:
    """Write a file of rules who may connect how; other rules that stood there are kept beside it."""
    if path.exists():
        before = path.read_text(encoding="utf-8", errors="surrogateescape")
        if before == rules:
            return
        kept = path.with_name(f"{path.name}.before")
        if not kept.exists():
            os.link(path, kept)
    write_private(path, rules, owner)


def stamp(passwords: Passwords) -> str:
    """Return the hash of the statements that `set_up` would run now."""
    statements = (*_role_statements(passwords), *_owner_statements(), *_reader_statements())
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def is_set_up(data: Path, passwords: Passwords) -> bool:
    """Return whether the roles of a data folder are those of this code, with these passwords."""
    try:
        return (data / STAMP_NAME).read_text(encoding="ascii", errors="replace") == stamp(passwords)
    except FileNotFoundError:
        return False


def set_up(connect: Connect, passwords: Passwords) -> None:
    """Create the roles and the database, give the owner what is the superuser's, and limit the reader.

    Every statement may be run again, and after a kill between any two of them.

    Args:
        connect: returns a connection of the superuser to a database.
        passwords: of the roles.
    """
    with connect("postgres") as connection:
        _run(connection, _role_statements(passwords))
        if connection.execute("select from pg_database where datname = %s", [DATABASE]).rowcount == 0:
            connection.execute(f"create database {DATABASE} owner {OWNER}".encode())
        used = "select datname from pg_database where datallowconn and not datistemplate"
        databases = [name for (name,) in connection.execute(used).fetchall()]
    for database in databases:
        with connect(database) as connection:
            _run(connection, _owner_statements())
            if database == DATABASE:
                _run(connection, _reader_statements())


def write_stamp(data: Path, passwords: Passwords, owner: tuple[int, int] | None) -> None:
    """Note in the data folder that its roles are set up."""
    write_private(data / STAMP_NAME, stamp(passwords), owner)


def _run(connection: "psycopg.Connection[tuple[Any, ...]]", statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement.encode())


# --- statements -----------------------------------------------------------------------------------------------------


def _role_statements(passwords: Passwords) -> list[str]:
    """Return the statements that make the roles, in any database."""
    statements = []
    for role, rights in ((OWNER, OWNER_RIGHTS), (READER, READER_RIGHTS)):
        exists = f"exists (select from pg_roles where rolname = '{role}')"
        statements += [
            f"do $$ begin if not {exists} then create role {role}; end if; end $$",
            f"alter role {role} with {rights} password '{verifier(passwords.by_role[role])}'",
        ]
    statements += [
        f"""do $$ declare granted text; begin
                for granted in select roleid::regrole::text from pg_auth_members where member = '{READER}'::regrole loop
                    execute format('revoke %s from {READER}', granted);
                end loop; end $$""",
        f"alter role {READER} reset all",
        *(f"alter role {READER} set {name} = '{value}'" for name, value in READER_SETTINGS.items()),
        # In other databases of this server nothing is limited, so only who was given the right enters them.
        "revoke connect on database postgres, template1 from public",
    ]
    return statements


def _owner_statements() -> list[str]:
    """Return the statements that give the owner, in one database, what earlier versions made as the superuser."""
    return [
        f"do $$ begin execute format('alter database %I owner to {OWNER}', current_database()); end $$",
        _alter_each(
            f"select format('schema %I', nspname) from pg_namespace as n where nspowner = 10 and {USER_SCHEMA}"
        ),
        _alter_each("select 'large object ' || oid from pg_largeobject_metadata where lomowner = 10"),
        *(_alter_each(_objects(*each)) for each in OBJECTS),
    ]


def _objects(catalogue: str, prefix: str, condition: str, name: str) -> str:
    """Return the query for the superuser's objects of a catalogue, each as `alter` names it."""
    of_extension = f"classid = '{catalogue}'::regclass and objid = o.oid and deptype = 'e'"
    return (
        f"select {name} from {catalogue} as o join pg_namespace as n on n.oid = {prefix}namespace "
        f"where {prefix}owner = 10 and {USER_SCHEMA} and {condition} "
        f"and not exists (select from pg_depend where {of_extension})"
    )


def _alter_each(query: str) -> str:
    return (
        f"do $$ declare name text; begin for name in {query} loop "
        f"execute 'alter ' || name || ' owner to {OWNER}'; end loop; end $$"
    )


def _reader_statements() -> list[str]:
    """Return the statements that let the reader read our schemas and those the owner makes later, and nothing else."""
    allowed, withheld = (", ".join(f"'{name}'" for name in names) for names in (READER_FUNCTIONS, WITHHELD_FUNCTIONS))
    grantable = "prorettype not in ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)"
    public_may = "exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)"
    return [
        f"revoke temporary on database {DATABASE} from public",
        f"grant connect on database {DATABASE} to {READER}",
        # Dagster's events hold whatever a run wrote; they are read in its own pages.
        f"create schema if not exists dagster authorization {OWNER}",
        f"""do $$ declare schema name; begin
                for schema in select nspname from pg_namespace
                        where nspname !~ '^pg_' and nspname not in ('information_schema', 'dagster') loop
                    execute format('grant usage on schema %I to {READER}', schema);
                    execute format('grant select on all tables in schema %I to {READER}', schema);
                end loop; end $$""",
        f"revoke all on schema dagster from {READER}, public",
        f"alter default privileges for role {OWNER} grant usage on schemas to {READER}",
        f"alter default privileges for role {OWNER} grant select on tables to {READER}",
        f"revoke usage on language plpgsql from public; grant usage on language plpgsql to {OWNER}",
        # Locks, notices, signals, settings, large objects, sleeping: whatever has an effect outside its statement.
        f"""do $$ declare routine regprocedure; begin
                for routine in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
                        and prokind in ('f', 'p') and {grantable} and {public_may}
                        and (provolatile = 'v' and proname not in ({allowed}) or proname in ({withheld})) loop
                    execute format('revoke execute on routine %s from public', routine);
                    execute format('grant execute on routine %s to {OWNER}', routine);
                end loop; end $$""",
    ]
