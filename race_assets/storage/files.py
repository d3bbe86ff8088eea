"""Atomic file writes, temporary files, and names of files as text."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from race_assets.errors import SettingsError
from race_assets.storage import access, disk, leftovers
from race_assets.storage.leftovers import PREFIX, SCRATCH, Held

log = logging.getLogger(__name__)
ESCAPED = re.compile(r"\\x[89a-f][0-9a-f]")
ESCAPED_BYTES = re.compile(rb"\\x([89a-f][0-9a-f])")
"""A byte of a name that is no UTF-8, as `readable_name` writes it."""

_prepared: set[Path] = set()


@contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """A path for a new file in `folder`; what is still there at the end is removed.

    Raises:
        DiskError: the disk takes no more, here or in the block.
    """
    with disk.explained(folder):
        access.make_folder(folder)
        held = Held(folder)
        try:
            os.fchmod(held.handle, access.file_mode(folder))
            yield held.path
        finally:
            held.path.unlink(missing_ok=True)
            held.release()


def secure_home(home: Path, *, is_group: bool) -> None:
    """Make a home if need be, check that it can be written, and keep other accounts out of what is ours in it.

    Args:
        is_group: the group of each file may read it.

    Raises:
        SettingsError: it cannot be made or written.
        DiskError: its disk takes no more.
    """
    is_new = not home.is_dir()
    check_home(home)
    access.prepare(home, is_group=is_group, is_new=is_new)


def prepare_home(home: Path, *, is_group: bool) -> None:
    """Secure a home for a process that writes below it, and remove what killed processes left there.

    Raises:
        SettingsError: it cannot be made or written.
        DiskError: its disk takes no more.
    """
    secure_home(home, is_group=is_group)
    # Once a process is enough: what it leaves itself, it removes.
    if home not in _prepared:
        _prepared.add(home)
        if removed := leftovers.sweep_home(home):
            log.info("%d temporary files of processes that were killed are removed below %s", removed, home)


def check_home(home: Path) -> None:
    """Makes the folder that everything is written below, if need be, and sees whether files can be made in it.

    Raises:
        SettingsError: it cannot be made or written.
        DiskError: its disk takes no more.
    """
    try:
        with temporary(home):
            pass
    except OSError as error:
        raise SettingsError(
            f"home {home} cannot be written: {error.strerror or error}; give this user the right to, or set home in "
            "race_assets.yaml (or RACE_ASSETS_HOME) to another folder"
        ) from None


def beside_lake(home: Path, name: str, former: str) -> Path:
    """A folder of home, which an earlier version kept within the lake: what lies there is moved.

    Raises:
        OSError: it cannot be moved.
    """
    folder, before = home / name, home / "lake" / former
    if not before.is_dir():
        return folder
    if folder.exists():
        log.warning("%s is read by nobody any more: move what is in it to %s", before, folder)
        return folder
    # Another process may have done the same meanwhile.
    with suppress(FileNotFoundError):
        before.rename(folder)
    return folder


def commit(part: Path, path: Path) -> None:
    """Syncs a temporary file and gives it its name, in one step for any reader."""
    access.make_folder(path.parent)
    _sync(part)
    part.replace(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on a clean exit it takes its place, else it is removed."""
    with temporary(path.parent) as part:
        yield part
        commit(part, path)


@contextmanager
def temporary_folder(parent: Path, prefix: str = PREFIX) -> Iterator[Path]:
    """A new folder in `parent`; what is still there at the end is removed with all that is in it.

    Raises:
        DiskError: the disk takes no more, here or in the block.
    """
    with disk.explained(parent):
        access.make_folder(parent)
        held = Held(parent, is_folder=True, prefix=prefix)
        try:
            yield held.path
        finally:
            shutil.rmtree(held.path, ignore_errors=True)
            held.release()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in the system's temporary one, gone at the end; those of killed processes are removed first."""
    parent = Path(tempfile.gettempdir())
    leftovers.sweep(parent, SCRATCH)
    with temporary_folder(parent, SCRATCH) as folder:
        yield folder


def commit_folder(folder: Path, path: Path) -> None:
    """Syncs all that is in a temporary folder and names it; one that was there before is put aside and removed."""
    # Libraries make files that everybody may read. A folder comes before what is in it, whose mode follows from it.
    for each in (folder, *sorted(folder.rglob("*"))):
        access.restrict(each)
        _sync(each)
    with temporary_folder(path.parent) as aside:
        if path.exists():
            path.rename(aside / "old")
        folder.rename(path)


def readable_name(name: str) -> str:
    r"""A file's name as text that can be stored and shown; bytes that are no UTF-8 become `\xff`, all else stays."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def path_of_name(folder: Path, name: str) -> Path:
    """The file of a folder that has this name as `readable_name` gives it."""
    path = folder / name
    if not ESCAPED.search(name) or path.exists():
        return path
    return folder / os.fsdecode(ESCAPED_BYTES.sub(lambda found: bytes.fromhex(found[1].decode()), os.fsencode(name)))
