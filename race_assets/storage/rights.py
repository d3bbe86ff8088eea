"""What a role may do in a database: its own schemas, their tables, writing at all."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from race_assets.errors import WarehouseRefusedError

OWN_SCHEMAS = ("core", "live", "ops", "quarantine")
DAGSTER_SCHEMA = "dagster"
SCHEMAS = (*OWN_SCHEMAS, DAGSTER_SCHEMA)


class Obstacle(NamedTuple):
    """Something that keeps a role from writing.

    Attributes:
        problem: what it is.
        step: what a person does about it.
    """

    problem: str
    step: str

    def __str__(self) -> str:
        return f"{self.problem}: {self.step}"


def missing_schemas(connection: Any) -> list[str]:
    """Return which of our schemas the database lacks."""
    query = "select name from unnest(%s::text[]) as wanted (name) where to_regnamespace(name) is null order by 1"
    return [name for (name,) in connection.execute(query, [list(SCHEMAS)]).fetchall()]


def create_schemas(connection: Any) -> None:
    """Create our schemas where they are missing; needs no right on the database where all exist.

    The caller holds the lock for migrations.

    Raises:
        WarehouseRefusedError: the role may not create them.
    """
    if obstacle := schemas_obstacle(connection):
        raise WarehouseRefusedError(str(obstacle))
    for name in missing_schemas(connection):
        connection.execute(f"create schema {name}".encode())


def schemas_obstacle(connection: Any) -> Obstacle | None:
    """Return why our schemas cannot be created; None where they exist or can be."""
    missing = missing_schemas(connection)
    if not missing or _one(connection, "select has_database_privilege(current_database(), 'create')"):
        return None
    role = _one(connection, "select quote_ident(current_user)")
    database = _one(connection, "select current_database()")
    statements = "; ".join(f"create schema {name} authorization {role}" for name in missing)
    return Obstacle(
        f"the database {database!r} has no schema {', '.join(missing)}, and the role {role} may not create one",
        f"let an administrator run in that database: {statements};",
    )


def writing_obstacle(connection: Any, schemas: Sequence[str] = SCHEMAS) -> Obstacle | None:
    """Return what keeps this session's role from writing the tables of these schemas; None if nothing does."""
    return read_only_obstacle(connection) or schemas_obstacle(connection) or grants_obstacle(connection, schemas)


def check_writable(connection: Any, schemas: Sequence[str] = SCHEMAS) -> None:
    """Check that rows of these schemas can be written.

    Raises:
        WarehouseRefusedError: they cannot; the message says why and what to do.
    """
    if obstacle := writing_obstacle(connection, schemas):
        raise WarehouseRefusedError(str(obstacle))


def check_connections(connection: Any) -> None:
    """Check that a Dagster run can have all connections it needs: it would wait for one it holds itself.

    Raises:
        WarehouseRefusedError: it cannot; the message says which limit to raise.
    """
    if obstacle := connections_obstacle(connection):
        raise WarehouseRefusedError(str(obstacle))


def read_only_obstacle(connection: Any) -> Obstacle | None:
    """Return why transactions are read-only by default; None if they are not."""
    if _one(connection, "select pg_is_in_recovery()"):
        return Obstacle(
            "the server is a replica, which can only be read",
            "set postgres.url to the primary server (with several hosts, add target_session_attrs=read-write)",
        )
    if _one(connection, "select current_setting('default_transaction_read_only')") == "off":
        return None
    query = """select source, current_user, quote_ident(current_user), current_database(),
                      quote_ident(current_database()) from pg_settings where name = 'default_transaction_read_only'"""
    source, role, role_name, database, database_name = connection.execute(query).fetchone()
    reset = "reset default_transaction_read_only"
    where, statement = {
        "user": (f"the role {role!r}", f"alter role {role_name} {reset};"),
        "database": (f"the database {database!r}", f"alter database {database_name} {reset};"),
        "database user": (
            f"the role {role!r} in the database {database!r}",
            f"alter role {role_name} in database {database_name} {reset};",
        ),
        "client": ("the options of postgres.url", ""),
    }.get(source, ("the whole server", f"alter system {reset}; select pg_reload_conf();"))
    told = f"let an administrator run: {statement}" if statement else "take it out of them"
    return Obstacle(
        f"default_transaction_read_only is on for {where}, so nothing can be written",
        f"set postgres.url to one that may write, or, if it was not set on purpose, {told}",
    )


_LACKING = """
    select pg_get_userbyid(relowner), format('%%I', pg_get_userbyid(relowner)), oid::regclass::text
    from pg_class where relnamespace::regnamespace::text = any(%s) and relkind in ('r', 'p')
    and not (has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'select')
             and has_table_privilege(oid, 'insert') and has_table_privilege(oid, 'update')
             and has_table_privilege(oid, 'delete'))
    order by 3"""


def grants_obstacle(connection: Any, schemas: Sequence[str] = SCHEMAS) -> Obstacle | None:
    """Return which rights on tables or on the database the role lacks; None if it has all."""
    lacking = connection.execute(_LACKING, [list(schemas)]).fetchall()
    role, name = connection.execute("select current_user, quote_ident(current_user)").fetchone()
    if lacking:
        owner, owner_name, table = lacking[0]
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        return Obstacle(
            f"the role {role!r} may not read and write {table}{more}, owned by {owner!r}",
            f"let an administrator run: grant {owner_name} to {name}; or set postgres.url to {owner!r}",
        )
    if not _one(connection, "select has_database_privilege(current_database(), 'temporary')"):
        database = _one(connection, "select quote_ident(current_database())")
        return Obstacle(
            f"the role {role!r} may not create temporary tables in the database {database}",
            f"let an administrator run: grant temporary on database {database} to {name};",
        )
    return None


def _one(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


CONNECTIONS = 6
"""The most that one run needs at once: Dagster's three storages, the run's own two, and one that is being opened."""


def connections_obstacle(connection: Any) -> Obstacle | None:
    """Return which limit allows fewer connections than one run needs; None if none does."""
    query = """
        select 'the role ' || quote_ident(rolname), rolconnlimit,
               format('alter role %%I connection limit %%s;', rolname, %(needed)s::int)
        from pg_roles where rolname = current_user and not rolsuper
        union all
        select 'the database ' || quote_ident(datname), datconnlimit,
               format('alter database %%I connection limit %%s;', datname, %(needed)s::int)
        from pg_database where datname = current_database()
        union all
        select 'the server (max_connections)', current_setting('max_connections')::int,
               format('alter system set max_connections = %%s; then restart it', %(needed)s::int + 10)"""
    for where, limit, statement in connection.execute(query, {"needed": CONNECTIONS}).fetchall():
        if 0 <= limit < CONNECTIONS:
            return Obstacle(
                f"{where} allows {limit} connections, and one run needs up to {CONNECTIONS}",
                f"let an administrator run: {statement}",
            )
    return None
