"""Who may read what lies below a home folder: its owner, and its group where the settings say so.

A new file or folder is readable by the group where its folder is, and never by others. So `prepare`, which sets the
modes of the folders directly below home, decides for everything in them.
"""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

FOLDERS = ("archive", "lake", "published", "recordings", "fetching", "dagster")
"""Folders directly below home that hold what we write. Drop folders are people's, `postgres` is the server's."""

OTHERS, GROUP = 0o007, 0o070
GROUP_READS = 0o050


def prepare(home: Path, *, is_group: bool, is_new: bool) -> None:
    """Close what is ours below a home folder to other accounts.

    A home that was there before keeps its mode, since it may hold other things of the user's. So does a folder that a
    link leads to, or that another disk is mounted on.

    Args:
        is_group: the group of each file may read it.
        is_new: the home has just been made.
    """
    if is_new:
        _set_mode(home, is_group=is_group)
    for name in FOLDERS:
        folder = home / name
        if is_group and not os.path.lexists(folder):
            folder.mkdir(mode=0o700)
        if _is_ours(folder) and not _has_mode(folder, is_group=is_group):
            _set_modes_below(folder, is_group=is_group)


def open_to_others(home: Path) -> Iterator[Path]:
    """Yield the folders of ours below home that every account may enter, such as those that links lead to."""
    if home.is_dir() and not home.stat().st_mode & OTHERS:
        return
    for folder in (home / name for name in FOLDERS):
        if folder.is_dir() and folder.stat().st_mode & OTHERS:
            yield folder


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each readable by the group where the one above is."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    is_group = _is_for_group(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    if is_group:
        _set_mode(folder, is_group=True)


def restrict(path: Path) -> None:
    """Give a file or folder that a library made the mode of what lies in its folder."""
    _set_mode(path, is_group=_is_for_group(path.parent))


def file_mode(folder: Path) -> int:
    """Return the mode of a new file in this folder."""
    return 0o640 if _is_for_group(folder) else 0o600


def opener(name: str, flags: int) -> int:
    """Open a file for `open`; a new one has the `file_mode` of its folder, however much the umask leaves open."""
    return os.open(name, flags | os.O_CLOEXEC, file_mode(Path(name).parent))


def _is_for_group(folder: Path) -> bool:
    """Return whether the folder is one of ours that the group may read; one that others may read says nothing."""
    mode = folder.stat().st_mode
    return mode & GROUP_READS == GROUP_READS and not mode & OTHERS


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not folder.is_mount()


def _has_mode(folder: Path, *, is_group: bool) -> bool:
    return folder.stat().st_mode & (GROUP | OTHERS) == (GROUP_READS if is_group else 0)


def _set_modes_below(folder: Path, *, is_group: bool) -> None:
    """Set the modes of a folder and all in it, its own last: where this is stopped, the next start goes on."""
    log.info("%s is made readable by its owner%s only", folder, " and group" if is_group else "")
    for path, names, files in os.walk(folder):
        for name in (*names, *files):
            # What another process is done with may be gone by now; what is another account's stays as it is.
            with suppress(FileNotFoundError, PermissionError):
                _set_mode(Path(path, name), is_group=is_group)
    _set_mode(folder, is_group=is_group)


def _set_mode(path: Path, *, is_group: bool) -> None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return
    readable = 0o750 if is_group else 0o700
    mode = readable if stat.S_ISDIR(found.st_mode) else readable & 0o640
    # A folder may hand its group on to what is made in it.
    wanted = mode | (found.st_mode & stat.S_ISGID)
    if stat.S_IMODE(found.st_mode) != wanted:
        path.chmod(wanted)
