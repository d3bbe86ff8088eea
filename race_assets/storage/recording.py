"""Recordings of polled markets on their way to the archive: lines per race day and session; not their meaning.

Below `<home>/recordings/<source>` lies a folder per race day, in it a file per session, which only ever grows. A line
is handed to the system as soon as it is written: a killed process loses none that it had finished.
"""

import fcntl
import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock

from race_assets.storage import access, disk
from race_assets.storage.files import beside_lake, replacing

log = logging.getLogger(__name__)
SUFFIX = ".jsonl"
HELD = ".lock"


class Recordings:
    """The recordings of one source."""

    def __init__(self, home: Path, source: str) -> None:
        self.folder = beside_lake(home, "recordings", "live") / source

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Holds the recordings, as long as the block or the process lasts; whether they were free."""
        access.make_folder(self.folder)
        with open(self.folder / HELD, "w", opener=access.opener) as file:
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


BACKLOG_BYTES = 256 << 20
"""Lines kept in memory while the disk takes no more: some hours of polling."""


class Recorder:
    """Appends lines to a session's files; threads may share it.

    While the disk takes no more, lines are kept in memory, and are appended in their order as soon as it does.
    """

    def __init__(self, recordings: Recordings, session_id: str) -> None:
        self._folder, self._session = recordings.folder, session_id
        self._files: dict[date, int] = {}
        self._lock = Lock()
        self._unsynced: set[int] = set()
        self._backlog: deque[tuple[date, bytes]] = deque()
        self._backlog_bytes = 0

    @property
    def waiting(self) -> int:
        """Lines that the disk has not taken yet."""
        return len(self._backlog)

    def append(self, day: date, line: bytes) -> None:
        """Append a whole line of that race day, or keep it until the disk takes it.

        Raises:
            OSError: nothing was appended, and nothing more can be kept.
        """
        with self._lock:
            self._backlog.append((day, line))
            self._backlog_bytes += len(line)
            try:
                self._append_backlog()
            except OSError as error:
                if disk.number_of(error) is None or self._backlog_bytes > BACKLOG_BYTES:
                    self._backlog.pop()
                    self._backlog_bytes -= len(line)
                    raise
                if len(self._backlog) == 1:
                    log.error(  # noqa: TRY400 - where it happened says nothing
                        "%s; what is polled is kept in memory, and is written as soon as the disk takes it",
                        disk.trouble(error, self._folder),
                    )

    def _append_backlog(self) -> None:
        """Append what is kept, oldest first; the caller holds the lock."""
        was_waiting = len(self._backlog) > 1
        while self._backlog:
            day, line = self._backlog[0]
            file = self._file(day)
            _append(file, line)
            self._unsynced.add(file)
            self._backlog.popleft()
            self._backlog_bytes -= len(line)
        if was_waiting:
            log.warning("the disk of %s takes more again: everything that was polled is written", self._folder)

    def _file(self, day: date) -> int:
        if day not in self._files:
            folder = self._folder / str(day)
            access.make_folder(folder)
            path = folder / f"{self._session}{SUFFIX}"
            self._files[day] = access.opener(str(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return self._files[day]

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
        """Append what is kept, sync and close the files.

        Raises:
            OSError: the disk still takes no more; says how many lines are lost.
        """
        try:
            with self._lock:
                self._append_backlog()
            self.sync()
        except OSError as error:
            if self._backlog and (ours := disk.trouble(error, self._folder)):
                raise OSError(f"{len(self._backlog):,} recorded answers are lost: {ours}") from error
            raise
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
