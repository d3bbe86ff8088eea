"""Attempts at reading files, counted in `ops.file_attempts` before each begins, so that a killed process counts too."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from race_assets.storage.postgres import Warehouse

SET_ASIDE = "set_aside"
"""State in `ops.source_files` of a new file that was set aside; one that was landed before stays as it was read."""

KILLED = "the process that read it ended in the middle: killed, perhaps for want of memory, or it crashed"
UNSEEN_S = 3600
"""After so many seconds an attempt of a process on another machine counts as one that was killed."""

_COLUMNS = "source, sha256, name, parser_version, failures, excused, running, last_failure, last_at, set_aside_at"


@dataclass(frozen=True)
class FileAttempts:
    """A row of `ops.file_attempts`: a file that was not read to its end, or is being read.

    Attributes:
        failures: attempts that failed because of the file, or whose process ended in the middle.
        excused: attempts that ended for another reason: a database that went away, a full disk, Ctrl-C.
        running: when each attempt began that has not ended, seconds since 1970, by the mark of its process.
        set_aside_at: when it was set aside: it is read no more until a person retries it.
    """

    source: str
    sha256: str
    name: str
    parser_version: int
    failures: int
    excused: int
    running: dict[str, float]
    last_failure: str | None
    last_at: datetime
    set_aside_at: datetime | None

    @property
    def count(self) -> int:
        """All attempts that have ended."""
        return self.failures + self.excused

    @property
    def said(self) -> str:
        """What happened to the file, for people."""
        times = "once" if self.failures == 1 else f"{self.failures} times"
        reason = self.last_failure or "stopped before its end"
        if self.set_aside_at is None:
            return f"{self.name} of {self.source} was not read to its end yet: {reason}"
        return f"{self.name} of {self.source} is set aside: reading it failed {times}, the last time: {reason}"


def begin(warehouse: Warehouse, source: str, sha256: str, name: str, parser_version: int, process: str) -> FileAttempts:
    """Note that a process begins to read a file; another parser version starts the count again.

    Returns:
        the attempts so far. The one that begins is among `running`, unless the file is set aside.
    """
    now = datetime.now(UTC)
    mark = json.dumps({process: now.timestamp()})
    with warehouse.connect() as connection:
        row = connection.execute(
            f"""insert into ops.file_attempts as old ({_COLUMNS})
                values (%(source)s, %(sha256)s, %(name)s, %(version)s, 0, 0, %(mark)s, null, %(now)s, null)
                on conflict (source, sha256) do update set
                    failures = case when old.parser_version = excluded.parser_version then old.failures else 0 end,
                    set_aside_at = case when old.parser_version = excluded.parser_version then old.set_aside_at end,
                    running = case when old.parser_version <> excluded.parser_version then excluded.running
                                   when old.set_aside_at is null then old.running || excluded.running
                                   else '{{}}' end,
                    parser_version = excluded.parser_version,
                    last_at = case when old.parser_version = excluded.parser_version and old.set_aside_at is not null
                                   then old.last_at else excluded.last_at end
                returning {_COLUMNS}""".encode(),
            {"source": source, "sha256": sha256, "name": name, "version": parser_version, "mark": mark, "now": now},
        ).fetchone()
    if row is None:
        raise AssertionError("an upsert returns its row")
    return FileAttempts(*row)


def change(
    warehouse: Warehouse,
    attempts: FileAttempts,
    *,
    ended: Sequence[str],
    failures: int = 0,
    excused: int = 0,
    failure: str | None = None,
    limit: int,
) -> FileAttempts | None:
    """Note how attempts ended, and set the file aside once `limit` of them failed.

    Args:
        warehouse: where they are counted.
        attempts: the file's.
        ended: marks of processes whose attempts are no longer running.
        failures: how many of them failed.
        excused: how many ended for a reason that is not the file's.
        failure: why the last one failed.
        limit: failures after which the file is set aside.

    Returns:
        the attempts now; None where another process has read the file, or noted this, meanwhile.
    """
    with warehouse.connect() as connection:
        row = connection.execute(
            f"""update ops.file_attempts set
                    failures = failures + %(failures)s, excused = excused + %(excused)s,
                    running = running - %(ended)s::text[],
                    last_failure = coalesce(%(failure)s, last_failure), last_at = %(now)s,
                    set_aside_at = case when failures + %(failures)s >= %(limit)s
                                        then coalesce(set_aside_at, %(now)s) end
                where source = %(source)s and sha256 = %(sha256)s and running ?& %(ended)s::text[]
                returning {_COLUMNS}""".encode(),
            {
                "source": attempts.source,
                "sha256": attempts.sha256,
                "ended": list(ended),
                "failures": failures,
                "excused": excused,
                "failure": failure,
                "limit": limit,
                "now": datetime.now(UTC),
            },
        ).fetchone()
    return FileAttempts(*row) if row else None


def forget(warehouse: Warehouse, source: str, sha256: str) -> None:
    """Start the count of a file again: it may be read as often as a new one."""
    with warehouse.connect() as connection:
        connection.execute("delete from ops.file_attempts where source = %s and sha256 = %s", [source, sha256])


def forget_read(cursor: Any, source: str, sha256: str) -> None:
    """Drop, in the transaction of a cursor, the count of a file that was read to its end."""
    cursor.execute("delete from ops.file_attempts where source = %s and sha256 = %s", [source, sha256])


def of_source(warehouse: Warehouse, source: str | None = None) -> list[FileAttempts]:
    """Return the attempts of all files, or those of one source, that were not read to their end, oldest first."""
    query = f"select {_COLUMNS} from ops.file_attempts where source = coalesce(%s, source) order by last_at, sha256"
    with warehouse.connect() as connection:
        return [FileAttempts(*row) for row in connection.execute(query.encode(), [source])]


def not_read(connection: Any) -> list[FileAttempts]:
    """Return the files that were set aside, or whose reading failed so far, unless a newer version of them is here."""
    rows = connection.execute(
        f"""select {_COLUMNS} from ops.file_attempts as tried
            where (set_aside_at is not null or failures + excused > 0) and not exists (
                select from ops.source_files as file join ops.source_files as newer using (source, name)
                where file.source = tried.source and file.sha256 = tried.sha256
                and newer.version > file.version and newer.withdrawn_at is null)
            order by set_aside_at is null, source, name""".encode()
    ).fetchall()
    return [FileAttempts(*row) for row in rows]


def killed(running: Mapping[str, float], is_gone: Callable[[str], bool], is_here: Callable[[str], bool]) -> list[str]:
    """Return the marks of running attempts whose process has ended without a word.

    Args:
        running: when each attempt began, by the mark of its process.
        is_gone: whether the process of a mark ran on this machine and does no longer.
        is_here: whether it ran on this machine; one that did not is given `UNSEEN_S`.
    """
    latest = datetime.now(UTC).timestamp() - UNSEEN_S
    return [mark for mark, began in running.items() if (is_gone(mark) if is_here(mark) else began < latest)]
