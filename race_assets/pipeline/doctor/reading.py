"""Check the role that `race-assets query` reads as."""

from typing import Any

from race_assets.errors import RaceAssetsError
from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, well
from race_assets.settings import Settings
from race_assets.storage import reader, rights

THING = "queries"

TABLES = f"""
    select oid::regclass::text,
           not (has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'select')),
           has_table_privilege(oid, 'insert') or has_table_privilege(oid, 'update')
           or has_table_privilege(oid, 'delete') or has_table_privilege(oid, 'truncate')
    from pg_class
    where relkind in ('r', 'p', 'v') and relnamespace::regnamespace::text in
          ({", ".join(f"'{name}'" for name in rights.OWN_SCHEMAS)})
    order by 1"""
"""Each table of ours, and whether the role cannot read it, and whether it can write it."""


def finding(settings: Settings, connection: Any) -> Finding:
    """Check that the role is a reader of all our tables and no more.

    Args:
        settings: name the role.
        connection: of the role of `postgres.url`.
    """
    if settings.postgres.url is None:
        return well(THING, "run as a role of their own, which only reads")
    if settings.postgres.reader_url is None:
        return _as_owner(connection)
    try:
        _, rows = reader.query(reader.reading_warehouse(settings), TABLES)
    except RaceAssetsError as error:
        step = "correct postgres.reader_url, or leave it out"
        return Finding(THING, PROBLEM, f"the role of postgres.reader_url cannot be used: {error}", step)
    unreadable, writable = ([name for name, *flags in rows if flags[number]] for number in (0, 1))
    (owner,) = connection.execute("select quote_ident(current_user)").fetchone()
    step = f"let an administrator run what is missing of: {' '.join(reader.grants(owner=owner).splitlines())}"
    if unreadable:
        return Finding(THING, PROBLEM, f"the role of postgres.reader_url may not read {', '.join(unreadable)}", step)
    if writable:
        said = f"the role of postgres.reader_url may write {', '.join(writable)}"
        return Finding(THING, WARNING, said, "set postgres.reader_url to a role that only reads")
    return well(THING, "run as the role of postgres.reader_url, which only reads")


def _as_owner(connection: Any) -> Finding:
    if power := reader.too_powerful(connection):
        role, _, step = power.partition(": ")
        return Finding(THING, WARNING, f"`race-assets query` is not run as {role}", step)
    said = "run as the role of postgres.url, in a transaction that only reads (postgres.reader_url names another role)"
    return well(THING, said)
