"""The drop folders: what lies there, what has settled, and landing it; a file is never moved, changed or removed.

What was seen is remembered in `ops.watched_files`, so that looks by the sensor, by hand and after a restart add up.
"""

import hashlib
import logging
import os
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from race_assets.errors import PermanentError
from race_assets.pipeline import attempts, land
from race_assets.pipeline.drop_folder import Listing, UnreadablePath, listed
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.file_errors import explained
from race_assets.storage.files import path_of_name

log = logging.getLogger(__name__)

LOOKS_TO_SETTLE = 2


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


@dataclass(frozen=True)
class Look:
    """What a look into a drop folder found: files that are settled and not landed yet, and what cannot be read."""

    settled: list[Settled]
    unreadable: list[UnreadablePath]


def look(workshop: Workshop, source: str) -> Look:
    """Look into a source's drop folder, and note what is there.

    A file is settled when two looks in a row found its size and time unchanged, or a `.done` marker stands beside it.
    A file or folder in it that cannot be read holds up no other.

    Raises:
        PermanentError: the drop folder itself cannot be read.
    """
    listing = _listed(workshop, source)
    _note(workshop, source, listing)
    return Look(settled(workshop, source), listing.unreadable)


def _note(workshop: Workshop, source: str, listing: Listing) -> None:
    """Remember how each file looks; files that are gone are forgotten, those that cannot be seen now are not."""
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
                for each in listing.files
            ],
        )
        names = [each.name for each in listing.files]
        unseen = connection.execute(
            "select name from ops.watched_files where source = %s and name <> all(%s)", [source, names]
        )
        gone = [name for (name,) in unseen if not listing.is_below_unreadable(name)]
        connection.execute("delete from ops.watched_files where source = %s and name = any(%s)", [source, gone])


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
    """Land the source's settled files, one by one; a bad file is reported and stops no other.

    A file whose bytes could not be read before is left for `land.read_failed_again`.

    Args:
        workshop: the tools.
        source: its name.
        quiet_s: a file that was written to since is left for another time.
    """
    folder = workshop.settings.drop_folder(source)
    ready = [(path_of_name(folder, file.name), file) for file in settled(workshop, source)]
    latest_ns = time.time_ns() - round(quiet_s * 1e9)
    failed = attempts.failed_before(workshop, source)
    names = {each.name for each in failed.values()}
    ready = [
        (path, file)
        for path, file in ready
        if _is_as_seen(path, file)
        and (not quiet_s or file.mtime_ns < latest_ns)
        and not (file.name in names and _sha256_of(path) in failed)
    ]
    by_name = {file.name: file for _, file in ready}
    for landed in land.land(workshop, source, [(path, file.name) for path, file in ready]):
        path = Path(landed.path)
        file = by_name.get(os.path.relpath(path, folder)) if path.is_absolute() else None
        if file and landed.state == "failed" and not os.path.lexists(path_of_name(folder, file.name)):
            log.info("a file was removed while it was landed; there is nothing to do", extra={"file": file.name})
            continue
        if file and landed.state != "failed":
            _note_taken(workshop, file)
        yield landed


def note_bytes_taken(workshop: Workshop, source: str, sha256s: Container[str]) -> None:
    """Note as taken the settled files with these bytes, which were read, set aside or withdrawn by their hash."""
    folder = workshop.settings.drop_folder(source)
    for file in settled(workshop, source):
        path = path_of_name(folder, file.name)
        if _is_as_seen(path, file) and _sha256_of(path) in sha256s:
            _note_taken(workshop, file)


def _sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes; empty where it cannot be read, which the landing reports."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def land_by_hand(workshop: Workshop, source: str, quiet_s: float = 0) -> list[Landed]:
    """Land what lies settled in the source's drop folder, looking twice at what is new.

    A file or folder in it that cannot be read is among the results, as failed.

    Args:
        workshop: the tools.
        source: its name.
        quiet_s: see `land_settled`.

    Raises:
        PermanentError: the drop folder itself cannot be read.
    """
    found = look(workshop, source)
    if _unsettled(workshop, source):
        # One pause serves all sources: the others' files are looked at now, and again when their turn comes.
        for other in workshop.enabled:
            with suppress(PermanentError):
                look(workshop, other)
        Event().wait(workshop.settings.automation.drops.settle_seconds)
        found = look(workshop, source)
    unreadable = [Landed(each.path, source, "failed", each.reason) for each in found.unreadable]
    return [*land_settled(workshop, source, quiet_s), *unreadable]


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
    """Return whether the file is as it was when looked at; one that cannot be looked at now is for the next look."""
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (file.size, file.mtime_ns)


def _listed(workshop: Workshop, source: str) -> Listing:
    folder = workshop.settings.drop_folder(source)
    try:
        # Our own folder is made; one that the settings name must be there, or a lost mount would pass for no files.
        if workshop.settings.source(source).path is None:
            folder.mkdir(parents=True, exist_ok=True)
        return listed(folder)
    except OSError as error:
        raise PermanentError(
            f"the drop folder of {source}, {folder}, cannot be read: {explained(error)}; "
            f"mend that, or set sources.{source}.path to another folder"
        ) from error


def not_landed(workshop: Workshop, source: str) -> tuple[list[str], list[UnreadablePath]]:
    """Return what of the source's drop folder was not landed as it is now, and what cannot be read; note nothing.

    Raises:
        PermanentError: the folder cannot be read.
    """
    if workshop.settings.source(source).path is None and not workshop.settings.drop_folder(source).exists():
        return [], []
    taken = """select name, taken_size from ops.watched_files
               where source = %(source)s and (taken_size, taken_mtime_ns) = (size, mtime_ns)
               union select name, bytes from ops.source_files where source = %(source)s"""
    with workshop.warehouse.connect() as connection:
        landed = set(connection.execute(taken, {"source": source}).fetchall())
    listing = _listed(workshop, source)
    return [each.name for each in listing.files if (each.name, each.size) not in landed], listing.unreadable
