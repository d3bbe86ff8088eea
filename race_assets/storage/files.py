"""Files on disk: their names as text, and writing them so that nobody meets half of one; not what is in them."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from race_assets.errors import SettingsError

log = logging.getLogger(__name__)
PART = ".part"
ESCAPED = re.compile(r"\\x[89a-f][0-9a-f]")
ESCAPED_BYTES = re.compile(rb"\\x([89a-f][0-9a-f])")
"""A byte of a name that is no UTF-8, as `readable_name` writes it."""


@contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """A path for a new file in `folder`; what is still there at the end is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=PART)
    os.close(handle)
    part = Path(name)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def check_home(home: Path) -> None:
    """Makes the folder that everything is written below, if need be, and sees whether files can be made in it.

    Raises:
        SettingsError: it cannot be made or written.
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
    path.parent.mkdir(parents=True, exist_ok=True)
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
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`; what is still there at the end is removed with all that is in it."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=".", suffix=PART))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commit_folder(folder: Path, path: Path) -> None:
    """Syncs all that is in a temporary folder and names it; one that was there before is put aside and removed."""
    for file in folder.rglob("*"):
        _sync(file)
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
