"""List the files of a drop folder and of the folders in it, and name each part that cannot be read."""

import errno
import logging
import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from race_assets.storage.file_errors import explained
from race_assets.storage.files import readable_name

log = logging.getLogger(__name__)

DONE = ".done"
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", "~", DONE)


@dataclass(frozen=True)
class SeenFile:
    """A file of a drop folder as it was when the folder was listed.

    Attributes:
        name: its path below the drop folder, as text.
        is_done: a `.done` marker stands beside it.
    """

    name: str
    size: int
    mtime_ns: int
    is_done: bool


@dataclass(frozen=True)
class UnreadablePath:
    """A file or folder that cannot be read.

    Attributes:
        path: where it is.
        name: its path below the drop folder, as text; a folder's ends in `/`.
        reason: why, and what to do.
    """

    path: str
    name: str
    reason: str


@dataclass
class Listing:
    """The files of a drop folder, sorted by name, and what could not be read."""

    files: list[SeenFile] = field(default_factory=list)
    unreadable: list[UnreadablePath] = field(default_factory=list)

    def is_below_unreadable(self, name: str) -> bool:
        """Return whether a file of this name may be there unseen, in a folder that cannot be read."""
        folders = tuple(each.name for each in self.unreadable if each.name.endswith("/"))
        return name.startswith(folders) or any(name == each.name for each in self.unreadable)


def listed(top: Path) -> Listing:
    """List a drop folder. A folder reached by several links is listed once, by its own name where it has one here.

    Hidden and unfinished files, links that lead nowhere, pipes and sockets are left alone.

    Raises:
        OSError: the drop folder itself cannot be read.
    """
    listing = Listing()
    walk = _Walk(top, listing)
    walk.folder(top)
    # Links come last, so that a folder that lies here is listed under its own name.
    while walk.folders or walk.links:
        walk.folder(Path((walk.folders or walk.links).popleft()))
    listing.files.sort(key=lambda each: each.name)
    listing.unreadable.sort(key=lambda each: each.name)
    return listing


class _Walk:
    def __init__(self, top: Path, listing: Listing) -> None:
        self.top = top
        self.listing = listing
        self.folders: deque[str] = deque()
        self.links: deque[str] = deque()
        self.visited: set[tuple[int, int]] = set()

    def folder(self, folder: Path) -> None:
        """List one folder; the folders in it are queued."""
        try:
            identity = folder.stat()
            if (identity.st_dev, identity.st_ino) in self.visited:
                self._warn("a link to a folder that is listed already", folder)
                return
            self.visited.add((identity.st_dev, identity.st_ino))
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if folder == self.top:
                raise
            if not isinstance(error, FileNotFoundError):
                self._unreadable(folder, error, is_folder=True)
            return
        if found and not _may(folder, os.X_OK):
            # Its names may be listed, and nothing in it opened: that is one fault, not one a file.
            self._unreadable(folder, _denied(), is_folder=True)
            return
        names = {entry.name for entry in found}
        for entry in found:
            if not (entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED)):
                self._entry(entry, names)

    def _entry(self, entry: "os.DirEntry[str]", names: set[str]) -> None:
        try:
            stat = entry.stat()
        except OSError as error:
            if error.errno == errno.ELOOP or (isinstance(error, FileNotFoundError) and entry.is_symlink()):
                self._warn("a link that leads nowhere", entry.path)
            elif not isinstance(error, FileNotFoundError):
                self._unreadable(entry.path, error, is_folder=False)
            return
        if S_ISDIR(stat.st_mode):
            (self.links if entry.is_symlink() else self.folders).append(entry.path)
        elif not S_ISREG(stat.st_mode):
            # Reading from a pipe waits for its writer, for ever.
            self._warn("neither a file nor a folder", entry.path)
        elif not _may(entry.path, os.R_OK):
            self._unreadable(entry.path, _denied(), is_folder=False)
        else:
            name = self._name(entry.path)
            self.listing.files.append(SeenFile(name, stat.st_size, stat.st_mtime_ns, entry.name + DONE in names))

    def _unreadable(self, path: Path | str, error: OSError, *, is_folder: bool) -> None:
        name = self._name(path) + ("/" if is_folder else "")
        self.listing.unreadable.append(UnreadablePath(readable_name(str(path)), name, explained(error)))

    def _warn(self, what: str, path: Path | str) -> None:
        log.warning("%s; it is left alone", what, extra={"folder": str(self.top), "file": self._name(path)})

    def _name(self, path: Path | str) -> str:
        return readable_name(os.path.relpath(path, self.top))


def _may(path: Path | str, mode: int) -> bool:
    """Return whether the account that this process acts as has a right."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _denied() -> PermissionError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES))
