"""Writing files so that a reader, or a power cut, never meets half of one; what is in them is known elsewhere."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = ".part"


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


def commit(part: Path, path: Path) -> None:
    """Syncs a temporary file and gives it its name, in one step for any reader."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    part.replace(path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on a clean exit it takes its place, else it is removed."""
    with temporary(path.parent) as part:
        yield part
        commit(part, path)
