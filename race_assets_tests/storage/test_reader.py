"""`query` is read-only: what public lists of Postgres escapes try, and what people rightly ask."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql as composed

from race_assets.errors import SettingsError
from race_assets.settings import Settings
from race_assets.storage import embedded, reader, tables
from race_assets.storage.postgres import PUBLISH_LOCK, Warehouse
from race_assets_tests.databases import Databases, reader_url

SPY = "race_assets_escape"
"""A file, role, schema, table or channel that a statement would make."""

STAT = "ts_stat('select to_tsvector(pg_read_file(''PG_VERSION''))')"
"""A function that runs a text, which reads a file."""

REFUSED = [
    # Files of the server.
    ("select pg_read_file('/etc/passwd')", "read a file"),
    ("select pg_read_file('/etc/passwd', 0, 200)", "read a part of a file"),
    ("select pg_read_binary_file('postgresql.conf')", "read the server's configuration"),
    ("select * from pg_ls_dir('/')", "list a folder"),
    ("select * from pg_stat_file('/etc/passwd')", "learn of a file"),
    ("select * from pg_ls_logdir()", "list logs"),
    ("select * from pg_ls_waldir()", "list the write-ahead log"),
    ("select * from pg_ls_tmpdir()", "list temporary files"),
    ("select * from pg_ls_archive_statusdir()", "list archived logs"),
    ("select pg_current_logfile()", "find the log"),
    ("select * from pg_hba_file_rules", "read who may connect"),
    ("select * from pg_ident_file_mappings", "read who is mapped to whom"),
    ("select * from pg_file_settings", "read the configuration"),
    ("select lo_import('/etc/passwd')", "copy a file into the database"),
    (f"select lo_export(1, '/tmp/{SPY}')", "write a file"),
    (f"copy core.races to '/tmp/{SPY}'", "write a file"),
    ("copy core.races from '/etc/passwd'", "read a file into a table"),
    ("select pg_read_file(setting) from pg_settings where name = 'hba_file'", "read a file named by a setting"),
    ("select (xpath('/row', query_to_xml('select pg_read_file(''/etc/passwd'')', true, true, '')))[1]", "hide it"),
    # Programs.
    (f"copy (select 1) to program 'touch /tmp/{SPY}'", "run a program"),
    (f"copy core.races from program 'touch /tmp/{SPY}; echo'", "run a program"),
    (f"do $$ begin execute 'copy (select 1) to program ''touch /tmp/{SPY}'''; end $$", "run a program in a block"),
    ("create function escape(cstring) returns int as '/lib/libc.so.6', 'system' language c", "call a library"),
    (f"load '/tmp/{SPY}.so'", "load a library"),
    ("create extension dblink", "install an extension"),
    ("create extension plpython3u", "install a language without limits"),
    ("select dblink_connect('host=/tmp user=postgres')", "connect from the server"),
    ("create server escape foreign data wrapper postgres_fdw", "make a remote server"),
    (f"alter system set archive_command = 'touch /tmp/{SPY}'", "run a program later"),
    ("select pg_reload_conf()", "have changed settings take effect"),
    # Other roles.
    ("set role postgres", "become the superuser"),
    ("set local role race_assets", "become the owner"),
    ("reset role", "take a role back"),
    ("set session authorization postgres", "become the superuser"),
    ("reset session authorization", "take a role back"),
    ("select set_config('role', 'postgres', true)", "become the superuser"),
    ("select set_config('session_authorization', 'postgres', false)", "become the superuser"),
    (f"select set_config('role', 'postgres', true), (select count(*) from {STAT})", "read a file as the superuser"),
    (
        f"select * from (select set_config('role', 'postgres', true)) as r, lateral (select * from {STAT}) as t",
        "read a file as the superuser",
    ),
    (
        "select set_config('role', 'postgres', true), query_to_xml('select pg_read_file(''x'')', true, true, '')",
        "read a file as the superuser",
    ),
    (
        "select set_config('role', 'postgres', true), pg_terminate_backend(pid) from pg_stat_activity",
        "end sessions as the superuser",
    ),
    (f"create role {SPY} superuser", "make a superuser"),
    ("alter role current_user superuser", "become a superuser"),
    ("grant pg_read_server_files to current_user", "take rights"),
    ("alter default privileges grant all on tables to public", "give rights away"),
    ("select * from pg_authid", "read password hashes"),
    ("select passwd from pg_shadow", "read password hashes"),
    ("select umoptions from pg_user_mapping", "read passwords of remote servers"),
    ("select subconninfo from pg_subscription", "read passwords of remote servers"),
    ("select stavalues1 from pg_statistic", "read samples of every table"),
    # Writing.
    ("insert into core.races select * from core.races returning *", "insert"),
    ("update core.races set track = 'x' returning *", "update"),
    ("delete from core.races returning *", "delete"),
    ("with gone as (delete from core.races returning 1) select * from gone", "delete in a query"),
    (
        "merge into core.races r using core.races s on true when matched then delete returning *",
        "delete by merging",
    ),
    ("explain analyze delete from core.races", "delete while explaining"),
    ("truncate core.races", "empty a table"),
    ("drop table core.races", "drop a table"),
    ("drop schema core cascade", "drop a schema"),
    ("alter table core.races add column x int", "change a table"),
    (f"create table {SPY} (a int)", "make a table"),
    (f"create table {SPY} as select 1 as a", "make a table"),
    (f"select 1 as a into {SPY}", "make a table"),
    (f"create temporary table {SPY} (a int)", "make a temporary table"),
    (f"create schema {SPY}", "make a schema"),
    ("create view core.escape as select 1", "make a view"),
    ("create rule escape as on select to core.races do instead select 1", "rewrite queries of others"),
    ("comment on table core.races is 'x'", "change a comment"),
    ("vacuum core.races", "vacuum"),
    ("analyze core.races", "change statistics"),
    ("reindex table core.races", "rebuild indexes"),
    ("checkpoint", "force a checkpoint"),
    ("select nextval('ops.escape')", "use up a sequence"),
    ("select setval('ops.escape', 7)", "change a sequence"),
    ("select lo_creat(-1)", "make a large object"),
    ("select lo_from_bytea(0, 'x')", "make a large object"),
    ("select lo_put(1, 0, 'x')", "write a large object"),
    ("select lo_unlink(1)", "delete a large object"),
    # The transaction.
    ("select 1; delete from core.races", "delete after a query"),
    ("select 1 /* ; */ ; delete from core.races", "delete behind a comment"),
    ("commit; delete from core.races", "leave the transaction and delete"),
    ("rollback; begin read write; delete from core.races; commit", "leave the transaction and delete"),
    ("set transaction read write", "let the transaction write"),
    ("select set_config('transaction_read_only', 'off', true)", "let the transaction write"),
    ("begin", "begin another transaction"),
    ("commit", "end the transaction"),
    ("prepare transaction 'escape'", "leave a transaction behind"),
    ("prepare escape as delete from core.races", "prepare a statement"),
    ("execute race_assets_query", "run the statement that is being checked"),
    ("deallocate all", "forget the checked statement"),
    ("discard all", "forget the session's settings"),
    ("declare escape cursor with hold for select 1", "keep a cursor"),
    ("call core.escape()", "call a procedure that deletes"),
    ("do $$ begin null; end $$", "run a block of code"),
    ("-- select\ndelete from core.races", "delete behind a comment"),
    # Other sessions.
    ("select * from core.races for update", "lock rows"),
    ("select * from core.races for key share", "lock rows"),
    ("lock table core.races", "lock a table"),
    ("listen escape", "listen"),
    (f"notify {SPY}", "send a notice"),
    ("select pg_rotate_logfile()", "change the log"),
    ("select pg_promote()", "promote a replica"),
    ("select pg_switch_wal()", "write the log"),
    ("select pg_create_restore_point('escape')", "write the log"),
    ("select pg_backup_start('escape')", "begin a backup"),
    ("select pg_stat_reset()", "reset statistics"),
    ("select pg_log_backend_memory_contexts(pg_backend_pid())", "write the log"),
    ("select pg_create_physical_replication_slot('escape', true)", "have the log kept until the disk is full"),
    ("select pg_create_logical_replication_slot('escape', 'pgoutput')", "have the log kept until the disk is full"),
    ("select pg_replication_origin_create('escape')", "change replication"),
    ("select set_config('log_statement', 'all', false)", "have every statement logged"),
    ("select set_config('session_preload_libraries', '/tmp/x', false)", "load a library"),
    ("select set_config('temp_file_limit', '-1', false)", "fill the disk"),
]
"""Statements that no door lets through, and what they would do."""

REFUSED_BY_THE_EMBEDDED_SERVER = [
    (f"select pg_advisory_lock({PUBLISH_LOCK})", "stop publishing"),
    (f"select pg_try_advisory_lock({PUBLISH_LOCK})", "stop publishing"),
    (f"select pg_advisory_xact_lock_shared({PUBLISH_LOCK})", "stop publishing"),
    ("select pg_advisory_unlock_all()", "give locks back"),
    ("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()", "end other sessions"),
    ("select pg_cancel_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()", "cancel other statements"),
    ("select pg_terminate_backend(pg_backend_pid())", "end its own session"),
    (f"select pg_notify('{SPY}', 'x')", "send a notice"),
    ("select pg_sleep(3600)", "hold a connection"),
    ("select pg_sleep_for('1 hour')", "hold a connection"),
    ("select (select pg_sleep(3600)) from core.races", "hold a connection, in a subquery"),
    ("select txid_current()", "use up transaction numbers"),
    ("select pg_current_xact_id()", "use up transaction numbers"),
    ("select pg_export_snapshot()", "write a snapshot file"),
    ("select pg_logical_emit_message(true, 'escape', 'x')", "write the log"),
    ("select query_to_xml('select 1', true, true, '')", "run a statement that is a text"),
    ("select cursor_to_xml('escape', 1, true, true, '')", "run a cursor"),
    ("select * from ts_stat('select to_tsvector(''a'')')", "run a statement that is a text"),
    ("select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')", "run a statement that is a text"),
    ("select database_to_xml(true, true, '')", "hold the whole database in memory"),
    ("select schema_to_xml('core', true, true, '')", "hold a schema in memory"),
    ("select lo_get(1)", "read a large object"),
    ("select * from dagster.runs", "read Dagster's events"),
    ("select pg_stat_clear_snapshot()", "change statistics"),
]
"""Statements that an ordinary role may run on another server: the embedded one has withdrawn the right."""

GIVEN = [
    ("select track, count(*) from core.races group by track order by 2 desc", 1),
    ("with r as (select * from core.races) select r.track, s.trap from r join core.selections s using (race_id)", 0),
    ("select percentile_cont(0.5) within group (order by price) from core.selections", 1),
    ("select race_id, row_number() over (partition by track order by start_at) from core.races", 1),
    ("table core.races", 1),
    ("values (1, 'a'), (2, 'b')", 2),
    ("select date_trunc('month', start_at), random() < 2, gen_random_uuid() is not null from core.races", 1),
    ("select source, rules[1], \"row\"->>'text' from quarantine.rejects", 0),
    ("explain (analyze, costs off, timing off, summary off) select * from core.races", None),
    ("select jsonb_agg(to_jsonb(r)) from core.races as r;", 1),
    ("select * from generate_series(1, 3) as n cross join lateral (select n * 2 as twice) as t", 3),
    ("select regexp_replace(track, '[aeiou]', '', 'g') ~ '^R' from core.races tablesample system (100)", 1),
    ("select table_schema, table_name from information_schema.tables where table_schema = 'ops' limit 3", 3),
    ("select pg_size_pretty(pg_total_relation_size('core.races')), current_setting('TimeZone')", 1),
    ("show timezone", 1),
    ("select * from live.price_ticks limit 5", 0),
    ("select array_agg(distinct source order by source) from ops.source_files", 1),
    ("select * from core.races where 'betfair_csv' = any(sources) and race_date >= current_date - 10000", 1),
]
"""Statements that people ask, and how many rows there are; None where that is not said."""

TARGETS = """
create sequence if not exists ops.escape;
create or replace procedure core.escape() language sql as 'delete from core.races';
insert into core.races (race_date, race_id, track_id, track, country, timezone, start_at, start_local, status,
                        runner_count, sources, processed_at, has_conflicting_results)
values ('2024-06-27', 'r1', 'romford', 'Romford', 'GB', 'Europe/London', '2024-06-27 18:00Z', '2024-06-27 19:00',
        'OPEN', 6, '{betfair_csv}', now(), false) on conflict do nothing"""

STATE = """
select (select array_agg(race_id || track) from core.races),
       (select last_value from ops.escape), (select count(*) from core.selections),
       (select count(*) from pg_class), (select count(*) from pg_proc), (select count(*) from pg_namespace),
       (select array_agg(rolname || rolsuper order by rolname) from pg_roles), (select count(*) from pg_auth_members),
       (select count(*) from pg_default_acl where defaclrole::regrole::text !~ 'reader$'),
       (select count(*) from pg_extension),
       (select count(*) from pg_largeobject_metadata), (select count(*) from pg_replication_slots),
       (select count(*) from pg_prepared_xacts), (select count(*) from pg_locks where locktype = 'advisory'),
       (select count(*) from pg_description where objoid = 'core.races'::regclass)"""


@dataclass
class Door:
    """A way to ask.

    Attributes:
        ask: runs a statement as `query` does.
        state: what a statement could have changed, as the owner sees it.
    """

    ask: Callable[[str], Any]
    state: Callable[[], Any]


@contextmanager
def door(reading: Warehouse, writing: str) -> Iterator[Door]:
    """Give a door to a database with a race."""
    with psycopg.connect(writing, autocommit=True) as owner:
        owner.execute(TARGETS.encode())
        yield Door(partial(reader.query, reading), lambda: owner.execute(STATE.encode()).fetchone())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of an embedded server."""
    home = tmp_path_factory.mktemp("asked")
    yield home
    embedded.release(home)


@pytest.fixture(scope="module")
def embedded_door(home: Path) -> Iterator[Door]:
    reading = reader.reading_warehouse(Settings.model_validate({"home": home}))
    with door(reading, embedded.ensure(home)) as opened:
        yield opened


@pytest.fixture
def reader_door(database: str, tmp_path: Path) -> Iterator[Door]:
    """The role of `postgres.reader_url`, made as the documentation says."""
    urls = {"url": database, "reader_url": reader_url(database)}
    settings = Settings.model_validate({"home": tmp_path, "postgres": urls})
    with door(reader.reading_warehouse(settings), database) as opened:
        yield opened


@pytest.fixture
def owner_url(databases: Databases, database: str) -> Iterator[str]:
    """URL of an ordinary role that may write every table."""
    role, password = f"{databases.template}_owner", "writes"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(composed.SQL("create role {} login password {}").format(composed.Identifier(role), password))
        for schema in ("core", "live", "ops", "quarantine", "dagster"):
            admin.execute(f"grant all on schema {schema} to {role}".encode())
            admin.execute(f"grant all on all tables in schema {schema} to {role}".encode())
        yield reader_url(database).replace(reader_role(database), f"{role}:{password}@", 1)
        admin.execute(f"drop owned by {role}".encode())
        admin.execute(f"drop role {role}".encode())


def reader_role(database: str) -> str:
    """Return the part of the reader's URL that says who logs in."""
    return reader_url(database).removeprefix("postgresql://").partition("@")[0] + "@"


@pytest.fixture
def owner_door(database: str, owner_url: str, tmp_path: Path) -> Iterator[Door]:
    """An ordinary role that may write, where `postgres.reader_url` is not set."""
    settings = Settings.model_validate({"home": tmp_path, "postgres": {"url": owner_url}})
    with door(reader.reading_warehouse(settings), database) as opened:
        yield opened


def passed(door: Door, statements: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the statements that are not refused, or change something; files are looked for too."""
    found, before = [], door.state()
    for statement, _ in statements:
        try:
            door.ask(statement)
            found.append((statement, "was run"))
        except SettingsError as error:
            if "the query was refused" not in str(error):
                found.append((statement, str(error)))
        if (after := door.state()) != before:
            found.append((statement, f"changed {before} to {after}"))
            before = after
        if left := list(Path("/tmp").glob(f"{SPY}*")):  # noqa: S108 - what the statements name
            found.append((statement, f"wrote {left}"))
    return found


@pytest.mark.parametrize(("statement", "effect"), REFUSED + REFUSED_BY_THE_EMBEDDED_SERVER)
def test_the_embedded_server_refuses(embedded_door: Door, statement: str, effect: str) -> None:
    assert passed(embedded_door, [(statement, effect)]) == []


def test_the_role_itself_can_change_nothing(home: Path, embedded_door: Door) -> None:
    """Without what `query` does: any number of statements, in transactions that may write."""
    before = embedded_door.state()
    for statement, _ in REFUSED + REFUSED_BY_THE_EMBEDDED_SERVER:
        with psycopg.connect(embedded.reader_url(home), autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = off")
            with suppress(psycopg.Error):
                connection.execute(statement.encode())
        assert embedded_door.state() == before, statement
    assert not list(Path("/tmp").glob(f"{SPY}*"))  # noqa: S108 - what the statements name


def test_the_role_of_reader_url_is_refused_the_same(reader_door: Door) -> None:
    assert passed(reader_door, REFUSED) == []


def test_an_ordinary_role_that_may_write_is_refused_the_same(owner_door: Door) -> None:
    assert passed(owner_door, REFUSED) == []


@pytest.mark.parametrize(("statement", "rows"), GIVEN)
def test_what_people_ask_is_answered(embedded_door: Door, statement: str, rows: int | None) -> None:
    columns, found = embedded_door.ask(statement)
    assert columns
    assert rows is None or len(found) == rows


def test_every_door_answers_what_people_ask(reader_door: Door, owner_door: Door) -> None:
    for statement, rows in GIVEN:
        if "ops" not in statement:
            for door in (reader_door, owner_door):
                assert rows is None or len(door.ask(statement)[1]) == rows


def test_statements_of_other_roles_are_not_shown(embedded_door: Door) -> None:
    _, rows = embedded_door.ask("select distinct query from pg_stat_activity where usename = 'race_assets'")
    assert rows == [("<insufficient privilege>",)]


def test_tables_and_schemas_made_later_can_be_read(home: Path, embedded_door: Door) -> None:
    with psycopg.connect(embedded.ensure(home)) as owner:
        owner.execute("create schema analysis; create table analysis.favourites as select 7 as a")
        owner.execute("create table core.later as select 7 as a")
    assert embedded_door.ask("select a from analysis.favourites") == (["a"], [(7,)])
    assert embedded_door.ask("select a from core.later") == (["a"], [(7,)])


# --- roles that are too powerful


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ("superuser", "is a superuser"),
        ("in role pg_read_server_files", "is a member of pg_read_server_files"),
        ("in role pg_signal_backend", "is a member of pg_signal_backend"),
        ("noinherit in role pg_execute_server_program", "is a member of pg_execute_server_program"),
        ("replication", "may replicate"),
    ],
)
def test_no_query_is_run_as_a_role_that_reaches_beyond_the_database(
    database: str, databases: Databases, rights: str, said: str
) -> None:
    role = f"{databases.template}_powerful"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"create role {role} {rights} login password 'reaches'".encode())
        try:
            warehouse = Warehouse(reader_url(database).replace(reader_role(database), f"{role}:reaches@", 1))
            with pytest.raises(SettingsError) as raised:
                reader.query(warehouse, "select 1")
        finally:
            admin.execute(f"drop role {role}".encode())
    assert str(raised.value).startswith(f"no query is run as the role '{role}', which {said}")
    assert "set postgres.reader_url to a role that only reads" in str(raised.value)
    assert "grant select on all tables in schema core, live, ops, quarantine" in str(raised.value)


def test_a_superuser_that_gave_its_role_up_in_the_url_is_found(database: str) -> None:
    reading = f"{database}{'&' if '?' in database else '?'}options=-crole%3Dpg_read_all_data"
    with pytest.raises(SettingsError, match="is a superuser"):
        reader.query(Warehouse(reading), "select set_config('role', 'none', true)")


# --- time, and the reading functions of Python


def test_a_query_that_takes_too_long_is_ended(database: str, owner_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert owner_door.ask("show statement_timeout")[1] == [("15min",)]
    monkeypatch.setattr(reader, "TIMEOUT_MS", 50)
    with pytest.raises(SettingsError, match="statement timeout"):
        owner_door.ask("select pg_sleep(3600)")
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"alter role {owner_door.ask('select current_user::text')[1][0][0]} set statement_timeout = '7s'")
    assert owner_door.ask("show statement_timeout")[1] == [("7s",)]


def test_the_reading_functions_connect_as_the_reader(home: Path, embedded_door: Door) -> None:
    del embedded_door
    reading = reader.reading_warehouse(Settings.model_validate({"home": home}))
    assert tables.read(reading, "select current_user::text as role")["role"].to_list() == ["race_assets_reader"]
    day = tables.read_range(reading, "core.races", "2024-06-27", date(2024, 6, 27))
    assert day["race_id"].to_list() == ["r1"]
    with pytest.raises(Exception, match=r"permission denied|read-only"), reading.arrow() as connection:
        connection.cursor().execute("delete from core.races")


def test_a_reader_alone_is_no_warehouse() -> None:
    with pytest.raises(ValueError, match="reader_url is set and url is not"):
        Settings.model_validate({"postgres": {"reader_url": "postgresql://reader@127.0.0.1/race_assets"}})
