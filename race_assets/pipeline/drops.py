"""The drop folders: what lies there, what has settled, and landing it; a file is never moved, changed or removed.

What was seen is remembered in `ops.watched_files`, so that looks by the sensor, by hand and after a restart add up.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from threading import Event

from race_assets.errors import PermanentError
from race_assets.pipeline import land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.files import path_of_name, readable_name

log = logging.getLogger(__name__)

DONE = ".done"
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", "~", DONE)
LOOKS_TO_SETTLE = 2


@dataclass(frozen=True)
class Seen:
    """A file in a drop folder, as it was when looked at."""

    name: str
    size: int
    mtime_ns: int
    is_done: bool


@dataclass(frozen=True)
class Settled:
    """A file that is ready to be landed.

    Attributes:
        attempts: landings asked for since it last changed.
        asked_s: seconds since the last one was asked for.
    """

    source: str
    name: str
    size: int
    mtime_ns: int
    attempts: int
    asked_s: float


def look(workshop: Workshop, source: str) -> list[Settled]:
    """Looks into a source's drop folder, notes what is there, and says which files are settled and not landed yet.

    A file is settled when two looks in a row found its size and time unchanged, or a `.done` marker stands beside it.

    Raises:
        PermanentError: the folder cannot be read.
    """
    seen = _seen(workshop, source)
    settle = workshop.settings.automation.drops.settle_seconds
    with workshop.warehouse.connect() as connection, connection.transaction():
        connection.cursor().executemany(
            """insert into ops.watched_files as old (source, name, size, mtime_ns, looks, attempts, seen_at)
               values (%(source)s, %(name)s, %(size)s, %(mtime_ns)s, %(looks)s, 0, clock_timestamp())
               on conflict (source, name) do update set
                   size = excluded.size, mtime_ns = excluded.mtime_ns,
                   attempts = case when (old.size, old.mtime_ns) = (excluded.size, excluded.mtime_ns)
                                   then old.attempts else 0 end,
                   looks = case when (old.size, old.mtime_ns) <> (excluded.size, excluded.mtime_ns) then excluded.looks
                                when clock_timestamp() - old.seen_at < make_interval(secs => %(settle)s)
                                then greatest(old.looks, excluded.looks)
                                else greatest(old.looks + 1, excluded.looks) end,
                   seen_at = case when (old.size, old.mtime_ns) = (excluded.size, excluded.mtime_ns)
                                   and clock_timestamp() - old.seen_at < make_interval(secs => %(settle)s)
                                  then old.seen_at else excluded.seen_at end""",
            [
                {
                    "source": source,
                    "name": each.name,
                    "size": each.size,
                    "mtime_ns": each.mtime_ns,
                    "looks": LOOKS_TO_SETTLE if each.is_done else 1,
                    "settle": settle,
                }
                for each in seen
            ],
        )
        names = [each.name for each in seen]
        connection.execute("delete from ops.watched_files where source = %s and name <> all(%s)", [source, names])
    return settled(workshop, source)


def settled(workshop: Workshop, source: str) -> list[Settled]:
    """Files that were settled when last looked at and have not been landed in that state."""
    query = """select source, name, size, mtime_ns, attempts,
                      coalesce(extract(epoch from clock_timestamp() - asked_at), 0)::float8 from ops.watched_files
               where source = %s and looks >= %s and (taken_size, taken_mtime_ns) is distinct from (size, mtime_ns)
               order by name"""
    with workshop.warehouse.connect() as connection:
        return [Settled(*row) for row in connection.execute(query, [source, LOOKS_TO_SETTLE])]


def count_attempts(workshop: Workshop, files: Sequence[Settled]) -> None:
    """Notes that a landing was asked for each of these files."""
    with workshop.warehouse.connect() as connection, connection.transaction():
        connection.cursor().executemany(
            """update ops.watched_files set attempts = attempts + 1, asked_at = clock_timestamp()
               where source = %s and name = %s""",
            [(file.source, file.name) for file in files],
        )


def land_settled(workshop: Workshop, source: str, quiet_s: float = 0) -> Iterator[Landed]:
    """Lands the source's settled files, one by one; a bad file is reported and stops no other.

    Args:
        quiet_s: a file that was written to since is left for another time.
    """
    folder = workshop.settings.drop_folder(source)
    ready = [(path_of_name(folder, file.name), file) for file in settled(workshop, source)]
    latest_ns = time.time_ns() - round(quiet_s * 1e9)
    ready = [
        (path, file) for path, file in ready if _is_as_seen(path, file) and (not quiet_s or file.mtime_ns < latest_ns)
    ]
    by_name = {file.name: file for _, file in ready}
    for landed in land.land(workshop, source, [(path, file.name) for path, file in ready]):
        file = by_name.get(os.path.relpath(landed.path, folder)) if Path(landed.path).is_absolute() else None
        if file and landed.state != "failed":
            _note_taken(workshop, file)
        yield landed


def land_by_hand(workshop: Workshop, source: str, quiet_s: float = 0) -> list[Landed]:
    """Lands what lies settled in the source's drop folder, looking twice at what is new.

    Args:
        workshop: the tools.
        source: its name.
        quiet_s: see `land_settled`.

    Raises:
        PermanentError: the folder cannot be read.
    """
    look(workshop, source)
    if _unsettled(workshop, source):
        # One pause serves all sources: the others' files are looked at now, and again when their turn comes.
        for other in workshop.enabled:
            with suppress(PermanentError):
                look(workshop, other)
        Event().wait(workshop.settings.automation.drops.settle_seconds)
        look(workshop, source)
    return list(land_settled(workshop, source, quiet_s))


def _unsettled(workshop: Workshop, source: str) -> bool:
    with workshop.warehouse.connect() as connection:
        query = "select exists (select from ops.watched_files where source = %s and looks < %s)"
        row = connection.execute(query, [source, LOOKS_TO_SETTLE]).fetchone()
        return bool(row and row[0])


def _note_taken(workshop: Workshop, file: Settled) -> None:
    with workshop.warehouse.connect() as connection:
        connection.execute(
            """update ops.watched_files set taken_size = %s, taken_mtime_ns = %s, attempts = 0
               where source = %s and name = %s""",
            [file.size, file.mtime_ns, file.source, file.name],
        )


def _is_as_seen(path: Path, file: Settled) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_size, now.st_mtime_ns) == (file.size, file.mtime_ns)


def _seen(workshop: Workshop, source: str) -> list[Seen]:
    folder = workshop.settings.drop_folder(source)
    try:
        # Our own folder is made; one that the settings name must be there, or a lost mount would pass for no files.
        if workshop.settings.source(source).path is None:
            folder.mkdir(parents=True, exist_ok=True)
        return sorted(_walk(folder, folder), key=lambda each: each.name)
    except OSError as error:
        raise PermanentError(
            f"the drop folder of {source}, {folder}, cannot be read: {error.strerror or error}; "
            "mend its rights or sources.<name>.path"
        ) from error


def _walk(folder: Path, top: Path, above: frozenset[Path] = frozenset()) -> Iterator[Seen]:
    """The files of a folder and those in it; `above` are the folders it lies in, as the disk knows them."""
    above |= {folder.resolve()}
    with os.scandir(folder) as entries:
        listed = list(entries)
    names = {entry.name for entry in listed}
    for entry in listed:
        if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
            continue
        name = readable_name(os.path.relpath(entry.path, top))
        told = {"folder": str(top), "file": name}
        try:
            stat = entry.stat()
        except OSError as error:
            if entry.is_symlink():
                log.warning("a link that leads nowhere; it is left alone", extra=told)
            elif not isinstance(error, FileNotFoundError):
                raise
            continue
        if S_ISDIR(stat.st_mode):
            if Path(entry.path).resolve() in above:
                log.warning("a link to a folder it lies in; it is left alone", extra=told)
            else:
                yield from _walk(Path(entry.path), top, above)
            continue
        if not S_ISREG(stat.st_mode):
            # Reading from a pipe waits for whoever writes into it, for ever.
            log.warning("neither a file nor a folder; it is left alone", extra=told)
            continue
        yield Seen(name, stat.st_size, stat.st_mtime_ns, entry.name + DONE in names)


def not_landed(workshop: Workshop, source: str) -> list[str]:
    """Return the files of the source's drop folder that were not landed as they are now; note nothing.

    Raises:
        PermanentError: the folder cannot be read.
    """
    if workshop.settings.source(source).path is None and not workshop.settings.drop_folder(source).exists():
        return []
    taken = """select name, taken_size from ops.watched_files
               where source = %(source)s and (taken_size, taken_mtime_ns) = (size, mtime_ns)
               union select name, bytes from ops.source_files where source = %(source)s"""
    with workshop.warehouse.connect() as connection:
        landed = set(connection.execute(taken, {"source": source}).fetchall())
    return [each.name for each in _seen(workshop, source) if (each.name, each.size) not in landed]
