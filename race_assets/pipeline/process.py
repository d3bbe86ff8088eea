"""Which process does a piece of work, and whether it still lives; what to do about a dead one is decided elsewhere."""

import os
import socket

import psutil

TAG = "race_assets/process"
"""The run tag that carries a mark."""


def process_mark() -> str:
    """This process, told apart from a later one with the same pid."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def is_gone(mark: str) -> bool:
    """Whether the process of that mark ran on this machine and does no longer."""
    host, pid, created = mark.split()
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True
