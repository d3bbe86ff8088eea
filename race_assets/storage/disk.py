"""Errors of a disk that takes no more, as one sentence: which folder, what is wrong, what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from race_assets.errors import DiskError

REASONS = {
    errno.ENOSPC: ("no space is left there", "free some (`df -h` and `df -i` show how much there is)"),
    errno.EDQUOT: ("this user's quota of disk space is used up", "free some, or have the quota raised"),
    errno.EFBIG: ("a file may not grow any further there", "raise the limit (`ulimit -f`, or that of the file system)"),
    errno.EROFS: ("its file system is mounted read-only", "mount it for writing"),
}
"""What each error number means and what to do about it; other errors are none of the disk's."""

FROM_RUST = re.compile(r"\(os error (\d+)\)")
"""How Polars ends its messages, whose exceptions have no error number."""


def number_of(error: BaseException) -> int | None:
    """Return the error number of an error that is the disk's; None of others."""
    number = getattr(error, "errno", None)
    if number is None and (found := FROM_RUST.search(str(error))):
        number = int(found[1])
    return number if number in REASONS else None


def trouble(error: BaseException, path: object) -> DiskError | None:
    """Return the error of writing below `path` as ours; None where it is not the disk's."""
    number = number_of(error)
    if number is None:
        return None
    what, remedy = REASONS[number]
    return DiskError(f"{path} cannot be written: {what}; {remedy}, then do the same again: nothing is lost")


def trouble_in(text: str, path: object) -> DiskError | None:
    """Return the error of writing below `path` that another program's text tells of, in English; None without any."""
    numbers = [number for number in REASONS if os.strerror(number) in text]
    return trouble(OSError(numbers[0], ""), path) if numbers else None


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise a DiskError that names the path where the block fails because the disk takes no more."""
    try:
        yield
    except DiskError:
        raise
    except Exception as error:
        if ours := trouble(error, path):
            raise ours from error
        raise
