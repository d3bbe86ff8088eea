"""Who may log in to the embedded server and with which rights; upgrades of older folders; kills while it is set up."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from race_assets.errors import PermanentError
from race_assets.settings import Settings
from race_assets.storage import embedded, embedded_passwords
from race_assets.storage import embedded_roles as roles
from race_assets.storage.postgres import Warehouse
from race_assets_tests.storage.test_embedded import ask, living_servers_in, postmasters_in, wait_until

ACTOR = """
import os, sys
from pathlib import Path
from race_assets.storage import embedded, embedded_passwords, embedded_roles

home, module, name, number = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
owner = {"embedded": embedded, "roles": embedded_roles, "passwords": embedded_passwords, "os": os}[module]
original, calls = getattr(owner, name), 0

def killing(*arguments, **named):
    global calls
    calls += 1
    if calls == number:
        os.kill(os.getpid(), 9)
    return original(*arguments, **named)

setattr(owner, name, killing)
embedded.ensure(home)
"""
KILLED_AT = [
    ("os", "fsync", 1),
    ("embedded", "_initialise", 1),
    ("roles", "write_access_rules", 1),
    ("roles", "set_up", 1),
    ("roles", "_run", 1),
    ("roles", "_run", 2),
    ("roles", "_run", 4),
    ("embedded", "_stop", 1),
    ("roles", "write_stamp", 1),
    ("roles", "write_access_rules", 2),
    ("embedded", "_spawn", 2),
    ("embedded", "_wait_until_ready", 2),
]
"""A function and the number of its call that ends the process instead, in the order of a first start."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    embedded.release(home)
    wait_until(lambda: not living_servers_in(tmp_path))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose server runs and holds our tables."""
    home = tmp_path_factory.mktemp("running")
    Warehouse.open(Settings.model_validate({"home": home}))
    yield home
    embedded.release(home)


def older_server(home: Path, statements: str) -> psutil.Process:
    """Start a server as versions before 15 did: whoever reaches the socket is the superuser, who owns everything."""
    home.mkdir()
    cluster = embedded._Cluster.of(home)
    account = embedded._account(cluster.data)
    binaries = embedded._binaries_for(account)
    embedded._initialise(cluster, account, binaries)
    owner = account.ids if account else None
    embedded_passwords.write_private(cluster.data / embedded.HBA, "local all all trust\n", owner)
    server = embedded._spawn(cluster, account, binaries, embedded.HBA)
    url = cluster.url(roles.SUPERUSER, "postgres")
    embedded._wait_until_ready(cluster, server, url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database race_assets")
        connection.execute("create database notes")
    for database in ("race_assets", "notes"):
        with psycopg.connect(cluster.url(roles.SUPERUSER, database)) as connection:
            connection.execute(statements.encode())
    return server


# --- logins


def test_both_roles_are_ordinary_and_the_reader_is_a_member_of_nothing(running: Path) -> None:
    rights = """select rolname, rolcanlogin, rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
                from pg_roles where rolname !~ '^pg_' order by 1"""
    with psycopg.connect(embedded.ensure(running)) as connection:
        assert connection.execute(rights).fetchall() == [
            ("postgres", True, True),
            ("race_assets", True, False),
            ("race_assets_reader", True, False),
        ]
        assert connection.execute("select * from pg_auth_members where member >= 16384").fetchall() == []
        others = "select nspname from pg_namespace where nspowner = 10 and nspname !~ '^pg_|information_schema'"
        assert connection.execute(others).fetchall() == []


@pytest.mark.parametrize(
    ("role", "password", "told"),
    [
        ("postgres", None, "rejects connection"),
        ("postgres", "postgres", "rejects connection"),
        ("race_assets", None, "no password supplied"),
        ("race_assets", "race_assets", "password authentication failed"),
        ("race_assets_reader", "", "no password supplied"),
        ("stranger", "stranger", "password authentication failed"),
    ],
)
def test_nobody_logs_in_without_the_password_of_the_file(
    running: Path, monkeypatch: pytest.MonkeyPatch, role: str, password: str | None, told: str
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    reached = conninfo_to_dict(embedded.ensure(running)) | {"user": role, "password": password, "passfile": os.devnull}
    with pytest.raises(psycopg.OperationalError, match=told):
        psycopg.connect(**reached)  # type: ignore[arg-type]


def test_passwords_are_in_one_private_file_and_nowhere_else(running: Path) -> None:
    url = embedded.ensure(running)
    path = running / embedded_passwords.FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    passwords = [line.rpartition(":")[2] for line in path.read_text().splitlines()]
    assert [len(bytes.fromhex(each)) for each in passwords] == [32, 32]
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error):
        connection.execute("select nothing from nowhere")
    shown = [url, embedded.reader_url(running), (running / "postgres.log").read_text()]
    shown += [" ".join(psutil.Process(pid).cmdline()) for pid in living_servers_in(running)]
    assert not [text for text in shown for password in passwords if password in text]
    # Not in a file of the data folder either: the server knows what checks them.
    words = [each.encode() for each in passwords]
    files = [file for file in (running / "postgres").rglob("*") if file.is_file() and not file.is_symlink()]
    assert len(files) > 100
    assert not [file for file in files for word in words if word in file.read_bytes()]


def test_who_may_connect_is_stated_in_the_data_folder_too(running: Path) -> None:
    lines = (running / "postgres" / "pg_hba.conf").read_text().splitlines()
    assert [line.split() for line in lines if not line.startswith("#")] == [
        ["local", "all", "postgres", "reject"],
        ["local", "all", "all", "scram-sha-256"],
    ]
    assert not (running / "postgres" / embedded.SETUP_HBA).exists()


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_the_reader_enters_no_other_database(running: Path, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(embedded.reader_url(running), dbname=database)


# --- the file with the passwords


@pytest.mark.parametrize("content", [None, "", "*:*:*:race_assets:abc\n", "\udcff"])
def test_a_lost_or_cut_file_of_passwords_is_made_anew(home: Path, content: str | None) -> None:
    with psycopg.connect(embedded.ensure(home)) as connection:
        connection.execute("create table kept as select 7 as a")
    embedded.release(home)
    path = home / embedded_passwords.FILE_NAME
    before = path.read_text()
    path.unlink()
    if content is not None:
        path.write_text(content, errors="surrogateescape")
    assert ask(embedded.ensure(home), "select a from kept") == 7
    assert ask(embedded.reader_url(home), "select a from kept") == 7
    assert path.read_text() != before


def test_a_file_of_passwords_that_others_may_read_becomes_private(home: Path) -> None:
    embedded.ensure(home)
    embedded.release(home)
    path = home / embedded_passwords.FILE_NAME
    before = path.read_text()
    path.chmod(0o644)
    assert ask(embedded.ensure(home), "select 1") == 1
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, before)


def test_a_home_that_was_moved_works(tmp_path: Path, home: Path) -> None:
    with psycopg.connect(embedded.ensure(home)) as connection:
        connection.execute("create table kept as select 7 as a")
    embedded.release(home)
    shutil.copytree(home, tmp_path / "backup", symlinks=True)
    shutil.rmtree(home)
    (tmp_path / "backup").rename(tmp_path / "räce data")
    moved = tmp_path / "räce data"
    try:
        assert ask(embedded.ensure(moved), "select a from kept") == 7
        assert ask(embedded.reader_url(moved), "select a from kept") == 7
    finally:
        embedded.release(moved)


def test_a_server_whose_passwords_were_replaced_is_left_to_those_who_use_it(home: Path) -> None:
    code = "import sys; from pathlib import Path; from race_assets.storage import embedded\n"
    code += "embedded.ensure(Path(sys.argv[1])); print('ready', flush=True); sys.stdin.read()"
    user = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout is not None
    assert user.stdout.readline() == "ready\n"
    (home / embedded_passwords.FILE_NAME).unlink()
    pids = postmasters_in(home)
    with pytest.raises(PermanentError, match="other processes use it: end them"):
        embedded.ensure(home)
    assert postmasters_in(home) == pids
    user.kill()
    user.communicate()
    # Nobody uses it now: it is restarted.
    assert ask(embedded.ensure(home), "select 1") == 1
    assert postmasters_in(home) != pids


# --- folders of older versions

OLDER = r"""
create schema core; create schema analysis;
create type analysis.mood as enum ('good', 'bad'); create domain analysis.odds as numeric check (value > 1);
create table core.races (id bigint generated always as identity, mood analysis.mood, name text unique);
create table core.days (day date) partition by range (day);
create table core.day_2024 partition of core.days for values from ('2024-01-01') to ('2025-01-01');
create view analysis.names as select name from core.races;
create materialized view analysis.counts as select count(*) from core.races;
create sequence analysis.numbers;
create type analysis.span as range (subtype = int); create type analysis.pair as (a int, b text);
create function analysis.twice(a int) returns int language sql as 'select 2 * a';
create table "Odd ""table" (a int);
insert into core.races (mood, name) values ('good', 'Romford');
"""


@pytest.mark.parametrize("is_running", [False, True])
def test_an_older_folder_is_the_owners_after_the_next_start(home: Path, *, is_running: bool) -> None:
    server = older_server(home, OLDER)
    if not is_running:
        embedded._stop(embedded._Cluster.of(home))
    url = embedded.ensure(home)
    assert not embedded._is_alive(server)
    strangers = """
        select count(*) from (
            select relowner as owner, relnamespace as schema from pg_class union all
            select proowner, pronamespace from pg_proc union all select typowner, typnamespace from pg_type union all
            select nspowner, oid from pg_namespace) as every
        where owner <> 'race_assets'::regrole and schema >= 16384"""
    for database in ("race_assets", "notes"):
        with psycopg.connect(url, dbname=database, autocommit=True) as connection:
            assert connection.execute(strangers.encode()).fetchone() == (0,)
            assert connection.execute("select name from analysis.names").fetchall() == [("Romford",)]
            # What a migration would do.
            connection.execute("alter table core.races add column more int")
            connection.execute("create schema live")
            connection.execute("drop table core.days")
    assert ask(embedded.reader_url(home), "select name from analysis.names") == "Romford"
    assert "trust" in (home / "postgres" / "pg_hba.conf.before").read_text()
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(url, user="postgres")


def test_an_older_folder_that_cannot_be_taken_over_says_what_is_in_the_way(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "_reader_statements", lambda: ["alter table nowhere owner to race_assets"])
    with pytest.raises(PermanentError, match='cannot be set up: relation "nowhere" does not exist'):
        embedded.ensure(home)
    assert not living_servers_in(home)
    monkeypatch.undo()
    assert ask(embedded.ensure(home), "select 1") == 1


# --- kills


@pytest.mark.parametrize(("module", "name", "number"), KILLED_AT)
def test_a_kill_at_any_step_of_the_first_start_leaves_nothing_in_the_way(
    home: Path, module: str, name: str, number: int
) -> None:
    actor = subprocess.run([sys.executable, "-c", ACTOR, str(home), module, name, str(number)], check=False)
    assert actor.returncode == -signal.SIGKILL
    assert ask(embedded.ensure(home), "select current_user::text") == "race_assets"
    assert ask(embedded.reader_url(home), "select current_user::text") == "race_assets_reader"
    assert len(postmasters_in(home)) == 1
    left = [path.name for path in (*home.iterdir(), *(home / "postgres").iterdir())]
    assert not [name for name in left if name.endswith((".part", embedded.SETUP_HBA)) or ".new-" in name]


def test_the_second_start_sets_nothing_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.ensure(home)
    embedded.release(home)
    monkeypatch.setattr(roles, "set_up", pytest.fail)
    assert ask(embedded.ensure(home), "select 1") == 1
