"""Recordings of polled markets on their way to the archive: lines per race day and session; not their meaning.

Below `<home>/recordings/<source>` lies a folder per race day, in it a file per session, which only ever grows. A line
is handed to the system as soon as it is written: a killed process loses none that it had finished.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock

from race_assets.storage.files import beside_lake, replacing

SUFFIX = ".jsonl"
HELD = ".lock"


class Recordings:
    """The recordings of one source."""

    def __init__(self, home: Path, source: str) -> None:
        self.folder = beside_lake(home, "recordings", "live") / source

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Holds the recordings, as long as the block or the process lasts; whether they were free."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / HELD).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def days(self) -> list[date]:
        """Race days of which something is recorded and not yet in the archive."""
        return sorted(date.fromisoformat(path.name) for path in self.folder.glob("????-??-??") if any(path.iterdir()))

    def of_day(self, day: date) -> list[Path]:
        """The files of a day, by session."""
        return sorted((self.folder / str(day)).glob(f"*{SUFFIX}"))

    def of_session(self, session_id: str) -> list[Path]:
        """The files of a session, by day."""
        return sorted(self.folder.glob(f"*/{session_id}{SUFFIX}"))

    def leave_end(self, session_id: str, end: bytes) -> None:
        """Leaves word of how a session ended, where the database cannot be told."""
        with replacing(self._end_path(session_id)) as part:
            part.write_bytes(end)

    def end_of(self, session_id: str) -> bytes | None:
        """What a session left word of."""
        path = self._end_path(session_id)
        return path.read_bytes() if path.exists() else None

    def forget_end(self, session_id: str) -> None:
        """The database knows."""
        self._end_path(session_id).unlink(missing_ok=True)

    def _end_path(self, session_id: str) -> Path:
        return self.folder / f"{session_id}.end.json"

    def remove(self, paths: list[Path]) -> None:
        """Removes files that are in the archive, and folders that are empty then."""
        for path in paths:
            path.unlink()
        for folder in {path.parent for path in paths}:
            if not any(folder.iterdir()):
                folder.rmdir()


class Recorder:
    """Appends lines to a session's files; threads may share it."""

    def __init__(self, recordings: Recordings, session_id: str) -> None:
        self._folder, self._session = recordings.folder, session_id
        self._files: dict[date, int] = {}
        self._lock = Lock()
        self._unsynced: set[int] = set()

    def append(self, day: date, line: bytes) -> None:
        """Appends a whole line of that race day, or nothing.

        Raises:
            OSError: nothing was appended, such as on a full disk.
        """
        with self._lock:
            file = self._files.get(day)
            if file is None:
                folder = self._folder / str(day)
                folder.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                file = self._files[day] = os.open(folder / f"{self._session}{SUFFIX}", flags, 0o644)
            _append(file, line)
            self._unsynced.add(file)

    def sync(self) -> None:
        """Has the disk keep what was appended so far."""
        with self._lock:
            files, self._unsynced = self._unsynced, set()
        try:
            for file in files:
                os.fsync(file)
        except OSError:
            with self._lock:
                self._unsynced |= files
            raise

    def close(self) -> None:
        """Syncs and closes the files."""
        try:
            self.sync()
        finally:
            with self._lock:
                for file in self._files.values():
                    os.close(file)
                self._files.clear()


def _append(file: int, line: bytes) -> None:
    size = os.fstat(file).st_size
    left = memoryview(line)
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        # The next line would go on in the middle of this one.
        os.ftruncate(file, size)
        raise


def whole_lines(path: Path) -> Iterator[bytes]:
    """The finished lines of a file, each with its end; one that a power cut has torn is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line
