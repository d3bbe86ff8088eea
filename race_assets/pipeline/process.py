"""Which process does a piece of work, and whether it still lives; what to do about a dead one is decided elsewhere."""

import os
import socket
from pathlib import Path

import psutil

PROC = Path("/proc")
START_TICKS = 19
"""Place of `starttime` among what follows the name in `/proc/<pid>/stat`."""

TAG = "race_assets/process"
"""The run tag that carries a mark."""


def process_mark() -> str:
    """This process, told apart from a later one with the same pid."""
    return f"{socket.gethostname()} {os.getpid()} {_started(psutil.Process())}"


def is_here(mark: str) -> bool:
    """Return whether the process of that mark ran on this machine."""
    return mark.split(maxsplit=1)[0] == socket.gethostname()


def is_gone(mark: str) -> bool:
    """Whether the process of that mark ran on this machine and does no longer."""
    host, pid, started = mark.split()
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        # Marks of an earlier version have the time by the clock.
        return (_started(process) if ":" in started else f"{process.create_time():.2f}") != started
    except psutil.NoSuchProcess:
        return True


def _started(process: psutil.Process) -> str:
    """When it was started, by a clock that nobody sets: on Linux in ticks since the boot, which has an id.

    Raises:
        psutil.NoSuchProcess: it is gone.
    """
    try:
        stat = (PROC / str(process.pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii")
    except OSError:
        return f"{process.create_time():.2f}"
    # The name before it, in brackets, may hold anything.
    return f"{boot.strip()}:{stat.rpartition(')')[2].split()[START_TICKS]}"
