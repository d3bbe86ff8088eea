"""Temporary files and folders: held by a lock while they are written, and removed once their writer is gone."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from race_assets.storage.access import FOLDERS

PART = ".part"
PREFIX = ".w-"
SCRATCH = "race_assets-"
"""They begin the names of what is locked while it is written, the second one in the system's own temporary folder."""

DAY_S = 86_400
"""Age at which a leftover without a lock is nobody's: an earlier version took none, and some file systems have none."""

PARTS = ".parquet"
"""Ends the name of a folder with the parts of one parsed file, in which no temporary file is made."""


class Held:
    """A new temporary file or folder, locked until `release`. One without a lock was left by a killed process."""

    def __init__(self, folder: Path, *, is_folder: bool = False, prefix: str = PREFIX) -> None:
        while True:
            self.handle, self.path = _new_folder(folder, prefix) if is_folder else _new_file(folder, prefix)
            # A sweep may have taken it for a leftover just before it was locked.
            if _lock(self.handle, fcntl.LOCK_EX) is not False and _is_named(self.handle, self.path):
                return
            os.close(self.handle)

    def release(self) -> None:
        """Let it go; the file or folder stays."""
        # Explicitly: a child forked meanwhile may hold a copy of the handle.
        _lock(self.handle, fcntl.LOCK_UN)
        os.close(self.handle)


def _new_folder(folder: Path, prefix: str) -> tuple[int, Path]:
    while True:
        path = Path(tempfile.mkdtemp(dir=folder, prefix=prefix, suffix=PART))
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC), path


def _new_file(folder: Path, prefix: str) -> tuple[int, Path]:
    handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=PART)
    return handle, Path(name)


def sweep_home(home: Path) -> int:
    """Remove what killed processes left below home, never what a living one is writing; return how many."""
    return sweep(home) + sum(sweep(folder) for name in FOLDERS for folder in _folders(home / name))


def sweep(folder: Path, prefix: str = ".") -> int:
    """Remove the leftovers that lie directly in a folder; return how many."""
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith(PART):
                removed += _removed(Path(entry.path))
    return removed


def _folders(top: Path) -> Iterator[Path]:
    """The folder and all in it that temporary files are made in: not those that are the parts of one parsed file."""
    yield top
    with suppress(OSError), os.scandir(top) as entries:
        below = [entry for entry in entries if not entry.name.endswith((PART, PARTS))]
        for entry in below:
            if entry.is_dir(follow_symlinks=False):
                yield from _folders(Path(entry.path))


def _removed(path: Path) -> bool:
    """Whether it was a leftover, and is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if _is_held(handle, path) or not _is_named(handle, path):
            return False
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(handle)


def _is_held(handle: int, path: Path) -> bool:
    """Whether somebody may be writing it; the caller has its lock afterwards where not."""
    is_free = _lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if is_free and path.name.startswith((PREFIX, SCRATCH)):
        return False
    return is_free is False or time.time() - os.fstat(handle).st_mtime < DAY_S


def _lock(handle: int, kind: int) -> bool | None:
    """Whether the lock was had; None where the file system has none, as some of the network's."""
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_named(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False
