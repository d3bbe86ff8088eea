"""The embedded server's life, with real processes: who starts it, who stops it, and what a kill leaves behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from race_assets.errors import PermanentError
from race_assets.settings import Settings
from race_assets.storage import embedded
from race_assets.storage.postgres import Warehouse
from race_assets_tests.waiting import PATIENCE_S, wait_until

CLIENT = Path(__file__).with_name("embedded_client.py")


def servers_in(home: Path) -> list[psutil.Process]:
    """Find every postgres that works in the home's data folder, by another way than the pid file."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()).is_relative_to(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def living_servers_in(home: Path) -> set[int]:
    """Their pids, those that have ended and are not collected yet left out."""
    living = set()
    for process in servers_in(home):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                living.add(process.pid)
    return living


def postmasters_in(home: Path) -> set[int]:
    """Those of them that no other one has started."""
    living, found = living_servers_in(home), set()
    for pid in living:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).ppid() not in living:
                found.add(pid)
    return found


def postmaster_pid(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def kill_server(home: Path) -> None:
    server = psutil.Process(postmaster_pid(home))
    server.kill()
    wait_until(lambda: not embedded._is_alive(server))


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


class Client:
    """Another process that holds a lease until told to end."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CLIENT), str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        word, url = self.process.stdout.readline().split()
        assert word == "ready"
        return url

    def end(self) -> None:
        self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Give homes, and see to it that no server of theirs outlives the test."""
    homes: list[Path] = []

    def make(name: str) -> Path:
        homes.append(tmp_path / name)
        return homes[-1]

    yield make
    for home in homes:
        embedded.release(home)
    left = [process for home in homes for process in living_servers_in(home)]
    for process in left:
        process.kill()
    assert not left


@pytest.fixture
def home(make_home: Callable[[str], Path]) -> Path:
    return make_home("home")


@pytest.fixture
def start_client() -> Iterator[Callable[[Path], Client]]:
    clients: list[Client] = []

    def start(home: Path) -> Client:
        clients.append(Client(home))
        return clients[-1]

    yield start
    for client in clients:
        if client.process.poll() is None:
            client.kill()


StartClient = Callable[[Path], Client]


def test_a_second_process_shares_the_server_and_the_last_one_stops_it(home: Path, start_client: StartClient) -> None:
    assert not embedded.is_running(home)
    url = embedded.ensure(home)
    pid = postmaster_pid(home)
    client = start_client(home)
    assert client.url() == url
    assert postmaster_pid(home) == pid

    embedded.release(home)
    assert embedded.is_running(home)
    assert ask(url, "SELECT 1") == 1
    client.end()
    assert not embedded.is_running(home)
    assert not living_servers_in(home)
    embedded.release(home)
    embedded.release(home)


def test_the_database_is_utf8_ordered_by_code_point_and_safe(home: Path) -> None:
    url = embedded.ensure(home)
    assert ask(url, "SELECT current_database()") == "race_assets"
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SELECT upper('dún') || ('Z' < 'a')") == "DÚNtrue"
    assert ask(url, "SHOW fsync") == "on"
    assert ask(url, "SHOW server_version_num") == ask(url, "SELECT '180004'::text")
    for name, value in embedded.SETTINGS.items():
        assert ask(url, f"SHOW {name}") == value
    version = subprocess.run([embedded.psql_path(), "-XtA", url, "-c", "SELECT 7"], capture_output=True, check=True)
    assert version.stdout == b"7\n"


def test_a_held_lease_needs_neither_a_process_nor_a_connection(home: Path) -> None:
    url = embedded.ensure(home)
    pid = postmaster_pid(home)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert embedded.ensure(home) == url
    finally:
        os.kill(pid, signal.SIGCONT)


def test_threads_get_one_server(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(embedded.ensure, [home] * 8))
    assert len(urls) == 1
    assert ask(urls.pop(), "SELECT 1") == 1


def test_three_processes_starting_at_once_share_one_server(home: Path, start_client: StartClient) -> None:
    clients = [start_client(home) for _ in range(3)]
    urls = {client.url() for client in clients}
    assert len(urls) == 1
    assert len(postmasters_in(home)) == 1
    for client in clients:
        client.end()
    wait_until(lambda: not living_servers_in(home))


def test_after_a_killed_client_the_next_command_stops_the_server(home: Path, start_client: StartClient) -> None:
    client = start_client(home)
    client.url()
    client.kill()
    assert embedded.is_running(home)
    pid = postmaster_pid(home)
    embedded.ensure(home)
    assert postmaster_pid(home) == pid
    embedded.release(home)
    assert not embedded.is_running(home)


@pytest.mark.parametrize(
    "content", ["{pid}\n{data}\n1700000000\n5432\n\n\n\nready\n", "", "garbage", "99999999999999\n"]
)
def test_a_pid_file_that_names_no_server_of_ours_does_not_matter(home: Path, content: str) -> None:
    embedded.release(home)
    url = embedded.ensure(home)
    embedded.release(home)
    data = home / "postgres"
    (data / "postmaster.pid").write_text(content.format(pid=os.getpid(), data=data))
    # The lock beside the socket names a pid too, and postgres believes it.
    (data / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{data}\n")

    assert not embedded.is_running(home)
    assert embedded.ensure(home) == url
    assert postmaster_pid(home) != os.getpid()
    assert ask(url, "SELECT 1") == 1


def test_a_cut_pid_file_of_a_living_server_gives_no_second_one(home: Path, start_client: StartClient) -> None:
    client = start_client(home)
    url = client.url()
    old = postmaster_pid(home)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    (home / "postgres" / "postmaster.pid").write_text("")
    assert embedded.ensure(home) == url
    assert old not in living_servers_in(home)
    assert ask(url, "SELECT a FROM kept") == 1


def test_committed_data_survives_a_killed_server(home: Path) -> None:
    url = embedded.ensure(home)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT a FROM generate_series(1, 1000) a")
    kill_server(home)
    assert not embedded.is_running(home)

    assert embedded.ensure(home) == url
    assert ask(url, "SELECT sum(a) FROM kept") == 500_500


def test_a_warehouse_whose_server_was_killed_starts_it_again(home: Path) -> None:
    warehouse = Warehouse.open(Settings.model_validate({"home": home}))
    with warehouse.connect() as connection:
        connection.execute("create table kept as select 7 as a")
    kill_server(home)
    with warehouse.connect() as connection:
        assert connection.execute("select a from kept").fetchone() == (7,)


def test_children_of_a_killed_server_are_ended_before_the_next_one_starts(home: Path) -> None:
    url = embedded.ensure(home)
    with psycopg.connect(url) as connection:
        pid = connection.info.backend_pid
        # Stopped, it cannot notice that the server is gone, as one in a long computation.
        os.kill(pid, signal.SIGSTOP)
        orphan = psutil.Process(pid)
        kill_server(home)
        assert embedded.ensure(home) == url
        assert not embedded._is_alive(orphan)
        connection.close()
    assert ask(url, "SELECT 1") == 1


def test_a_start_that_races_with_a_stop_loses_no_server(home: Path) -> None:
    rounds = [sys.executable, str(CLIENT), str(home), "rounds", "10"]
    others = [subprocess.Popen(rounds, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for _ in range(10):
        assert ask(embedded.ensure(home), "SELECT 1") == 1
        embedded.release(home)
    for other in others:
        assert other.communicate(timeout=PATIENCE_S)[0] == "done\n"
    assert not embedded.is_running(home)


def test_a_forked_child_neither_holds_the_lease_nor_stops_the_server(home: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from race_assets.storage import embedded
home = Path(sys.argv[1])
embedded.ensure(home)
child = os.fork()
if child == 0:
    embedded.release()
    sys.exit(0)  # runs atexit
assert os.waitpid(child, 0)[1] == 0
assert embedded.is_running(home)
reader, writer = os.pipe()
if os.fork() == 0:
    os.read(reader, 1)  # outlives its parent
    os._exit(0)
print("ready", flush=True)
os.read(0, 1)
embedded.release()
print("stopped" if not embedded.is_running(home) else "runs", flush=True)
os.write(writer, b"x")
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        input="x",
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\nstopped\n", "")


def test_a_child_forked_by_a_holder_keeps_no_lease_of_a_killed_parent(home: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from race_assets.storage import embedded
embedded.ensure(Path(sys.argv[1]))
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print("ready", flush=True)
os.kill(os.getpid(), 9)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert parent.wait(PATIENCE_S) == -signal.SIGKILL
    embedded.ensure(home)
    embedded.release(home)
    assert not embedded.is_running(home)
    parent.communicate(timeout=PATIENCE_S)


def test_two_homes_have_two_servers(make_home: Callable[[str], Path]) -> None:
    one, other = make_home("one"), make_home("other")
    urls = embedded.ensure(one), embedded.ensure(other)
    assert len(set(urls)) == 2
    assert postmaster_pid(one) != postmaster_pid(other)
    embedded.release(one)
    assert not embedded.is_running(one)
    assert ask(urls[1], "SELECT 1") == 1


@pytest.mark.parametrize("name", ["long-" + "x" * 120, "with a, comma & ü %20 'quotes'"])
def test_a_home_whose_path_fits_no_socket_url(make_home: Callable[[str], Path], name: str) -> None:
    home = make_home(name)
    url = embedded.ensure(home)
    assert ask(url, "SELECT current_database()") == "race_assets"
    folder = embedded._Cluster.of(home).socket_dir
    assert not folder.is_relative_to(home)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    embedded.release(home)
    assert not folder.exists()


def test_a_socket_folder_of_someone_else_is_refused(make_home: Callable[[str], Path]) -> None:
    home = make_home("long-" + "x" * 120)
    folder = embedded._Cluster.of(home).socket_dir
    folder.mkdir()
    folder.chmod(0o777)
    try:
        with pytest.raises(PermanentError, match="not a private folder"):
            embedded.ensure(home)
    finally:
        folder.rmdir()
    assert not embedded.is_running(home)


def test_no_folder_above_changes_its_mode_and_no_stranger_passes(tmp_path: Path, home: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (tmp_path / "home").symlink_to(private)
    above = [tmp_path, *tmp_path.parents, private]
    before = [folder.stat().st_mode for folder in above]
    url = embedded.ensure(home)
    assert ask(url, "SELECT 1") == 1
    assert [folder.stat().st_mode for folder in above] == before
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    embedded.release(home)
    assert not servers_in(private)


def test_another_path_to_the_same_home_is_the_same_server(tmp_path: Path, home: Path) -> None:
    url = embedded.ensure(home)
    (tmp_path / "link").symlink_to(home)
    assert embedded.ensure(tmp_path / "link") == url
    embedded.release(tmp_path / "link")
    assert not embedded.is_running(home)


def test_a_server_that_refuses_to_start_says_why_and_leaves_no_lease(home: Path) -> None:
    embedded.ensure(home)
    embedded.release(home)
    (home / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(PermanentError, match=r"(?s)postgres\.log says:.*not compatible with this version"):
        embedded.ensure(home)
    (home / "postgres" / "PG_VERSION").write_text("18\n")
    embedded.ensure(home)
    embedded.release(home)
    assert not embedded.is_running(home)


def test_a_folder_that_is_no_database_is_left_alone(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "thesis.txt").write_text("mine")
    with pytest.raises(PermanentError, match="holds no database"):
        embedded.ensure(home)
    assert (home / "postgres" / "thesis.txt").read_text() == "mine"


def test_what_a_killed_initdb_left_is_cleared(home: Path) -> None:
    unfinished = home / "postgres.new-abc"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure(home), "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_server_that_is_not_visible_here_is_not_started_twice(home: Path) -> None:
    """A socket that answers, without a postgres process: a home shared with another container."""
    embedded.ensure(home)
    embedded.release(home)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "postgres" / embedded.SOCKET))
        listener.listen()
        with pytest.raises(PermanentError, match="another container"):
            embedded.ensure(home)


def test_the_log_is_bounded(home: Path) -> None:
    home.mkdir()
    (home / "postgres.log").write_bytes(b"x" * (embedded.LOG_BYTES + 1))
    embedded.ensure(home)
    assert (home / "postgres.log").stat().st_size < embedded.LOG_BYTES
    assert (home / "postgres.log.1").stat().st_size == embedded.LOG_BYTES + 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_data_folder_restored_by_root_is_handed_over(home: Path) -> None:
    embedded.ensure(home)
    embedded.release(home)
    for path in (home / "postgres", *(home / "postgres").rglob("*")):
        os.chown(path, 0, 0)
    assert ask(embedded.ensure(home), "SELECT 1") == 1
    assert (home / "postgres").stat().st_uid != 0


ELSEWHERE = {
    "PGSERVICE": "nowhere",
    "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nowhere",
    "PGOPTIONS": "-c search_path=nowhere -c default_transaction_read_only=on",
    "PGTZ": "Mars",
    "PGDATESTYLE": "Martian",
    "PGCLIENTENCODING": "LATIN1",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCONNECT_TIMEOUT": "1",
}
"""What a shell set up for other servers has; 192.0.2.0/24 is nobody's (RFC 5737)."""


def test_no_variable_of_the_shell_reaches_the_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    warehouse = Warehouse.open(Settings(home=home))
    with warehouse.connect() as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)
    with warehouse.arrow() as connection, connection.cursor() as cursor:
        cursor.execute("select current_setting('DateStyle')")
        assert cursor.fetchone() == ("ISO, MDY",)
    done = subprocess.run(
        [str(embedded.psql_path()), warehouse.address.without_password().conninfo(), "-Atc", "show search_path"],
        env=warehouse.address.environment(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ['"$user",', "public"]
    assert {name: os.environ[name] for name in ELSEWHERE} == ELSEWHERE


def test_a_server_that_rejects_us_is_ended_and_said_so_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be where `pg_hba.conf` was changed: waiting for two minutes helps nobody."""
    embedded.ensure(home)
    embedded.release(home)
    (home / "postgres" / "pg_hba.conf").write_text("local all all reject\n")
    monkeypatch.setattr(embedded, "START_TIMEOUT_S", 10_000.0)
    with pytest.raises(PermanentError, match="the server runs and rejects this process"):
        embedded.ensure(home)
    wait_until(lambda: not living_servers_in(home))
