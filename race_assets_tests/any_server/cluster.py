"""A PostgreSQL cluster of the system's own packages, and a PgBouncer before it, for the time of a test."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

ADMIN = "admin"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
PATIENCE_S = 600

MISSING = "PostgreSQL's server is not installed below /usr/lib/postgresql (apt-get install postgresql)"
NO_POOLER = "PgBouncer is not installed (apt-get install pgbouncer)"


class Cluster:
    """A running server, on a Unix socket and on loopback.

    Attributes:
        folder: of its data, its socket and the files of its programs.
        port: on loopback, and in the socket's name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binaries = BINARIES[-1].parent
        self.port = free_port()
        self._programs: list[subprocess.Popen[bytes]] = []

    def url(self, database: str, role: str = ADMIN) -> str:
        """Return where a database is, by TCP."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Create the cluster and start its server."""
        data = self.folder / "data"
        command = [str(self.binaries / "initdb"), "-D", str(data), "-U", ADMIN, "--auth=trust", "--encoding=UTF8"]
        subprocess.run(
            [*command, "--locale=C", "--no-sync"], check=True, capture_output=True, **_as_account(self.folder)
        )
        self.serve(data, self.port)

    def serve(self, data: Path, port: int) -> None:
        """Start a server over a data folder and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "max_connections": "60",
            "max_wal_senders": "2",
            "wal_level": "replica",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.run([str(self.binaries / "postgres"), "-D", str(data), *options], data.with_suffix(".log"))
        wait_for(f"postgresql://{ADMIN}@127.0.0.1:{port}/postgres")

    def replica(self) -> int:
        """Start a hot standby of this server; return its port."""
        data, port = self.folder / "replica", free_port()
        command = [str(self.binaries / "pg_basebackup"), "-D", str(data), "-R", "-d", self.url("postgres")]
        subprocess.run(
            [*command, "--checkpoint=fast", "--no-sync"], check=True, capture_output=True, **_as_account(self.folder)
        )
        self.serve(data, port)
        return port

    def pooler(self, modes: Mapping[str, str]) -> int:
        """Start PgBouncer with these databases, each in its pool mode, and return its port."""
        assert PGBOUNCER is not None
        port = free_port()
        databases = [
            f"{name} = host=127.0.0.1 port={self.port} dbname={name} pool_mode={mode}" for name, mode in modes.items()
        ]
        with psycopg.connect(self.url("postgres")) as connection:
            roles = connection.execute("select rolname from pg_roles").fetchall()
        (self.folder / "users.txt").write_text("".join(f'"{role}" ""\n' for (role,) in roles))
        lines = [
            "[databases]",
            *databases,
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "auth_type = trust",
            f"auth_file = {self.folder / 'users.txt'}",
        ]
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text("\n".join(lines) + "\n")
        self.run([PGBOUNCER, str(configuration)], self.folder / "pgbouncer.log")
        wait_for(f"postgresql://{ADMIN}@127.0.0.1:{port}/{next(iter(modes))}")
        return port

    def run(self, command: list[str], log: Path) -> None:
        """Start a program that ends with the cluster."""
        with log.open("ab") as output:
            program = subprocess.Popen(command, stdout=output, stderr=output, **_as_account(self.folder))
        self._programs.append(program)

    def stop(self) -> None:
        """End its programs, the last first."""
        for program in reversed(self._programs):
            program.send_signal(signal.SIGINT)
            try:
                program.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster in a folder of its own, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="any_server-", dir="/tmp"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _as_account(folder: Path) -> dict[str, Any]:
    """Return how a program is run that refuses to be root."""
    options: dict[str, Any] = {"cwd": folder, "env": ENVIRONMENT, "stdin": subprocess.DEVNULL}
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
