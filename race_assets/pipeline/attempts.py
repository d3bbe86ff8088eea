"""Count attempts at reading a file, tell its faults from the machine's, and set it aside after a few."""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl
import psycopg

from race_assets.errors import (
    DiskError,
    PermanentError,
    RaceAssetsError,
    ReaderDiedError,
    SettingsError,
    WarehouseError,
    WarehouseRefusedError,
)
from race_assets.pipeline import process
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import attempts as store
from race_assets.storage.archive import ArchivedFile
from race_assets.storage.attempts import FileAttempts

log = logging.getLogger(__name__)

REASON_LENGTH = 500
_OF_DATA = {"21", "22", "23", "54"}
"""Classes of SQLSTATE that are about the rows: cardinality, data, integrity, program limits."""
_OF_THE_SYSTEM = re.compile(r"\(os error \d+\)")
"""How libraries written in Rust report an error of the operating system."""


def begin(workshop: Workshop, file: ArchivedFile, parser_version: int) -> FileAttempts:
    """Count an attempt at reading the file before it begins; see `set_aside_at` of what is returned.

    Attempts of processes that ended in the middle are failures from now on, unless they left an excuse.
    """
    mark = process.process_mark()
    attempts = store.begin(workshop.warehouse, file.source, file.sha256, file.name, parser_version, mark)
    earlier = {each: began for each, began in attempts.running.items() if each != mark}
    ended = store.killed(earlier, process.is_gone, process.is_here)
    if not ended:
        return attempts
    excused = ended.count(workshop.archive.take_excuse(file.source, file.sha256) or "")
    killed = len(ended) - excused
    limit = workshop.settings.landing.attempts
    changed = store.change(
        workshop.warehouse,
        attempts,
        ended=[*ended, mark] if attempts.failures + killed >= limit else ended,
        failures=killed,
        excused=excused,
        failure=store.KILLED if killed else None,
        limit=limit,
    )
    return changed or attempts


def end(workshop: Workshop, file: ArchivedFile, attempts: FileAttempts, error: BaseException) -> FileAttempts:
    """Note that the attempt ended with an error; the file is set aside once enough of them are its own.

    Where the database cannot be told, the excuse is noted in the archive: that the process ends now is no failure.
    """
    mark, is_own = process.process_mark(), is_of_file(error)
    try:
        changed = store.change(
            workshop.warehouse,
            attempts,
            ended=[mark],
            failures=int(is_own),
            excused=int(not is_own),
            failure=reason_of(error) if is_own else None,
            limit=workshop.settings.landing.attempts,
        )
    except (WarehouseError, WarehouseRefusedError) as unreachable:
        log.warning("the end of an attempt is noted in the archive", extra={"error": str(unreachable)})
        if not is_own:
            workshop.archive.excuse(file.source, file.sha256, mark)
        return attempts
    return changed or attempts


def is_of_file(error: BaseException) -> bool:
    """Return whether reading failed because of what is in the file, as far as the error shows.

    A database that is away or full, a disk, a setting, Ctrl-C and SIGTERM have nothing to do with it.
    """
    if isinstance(error, WarehouseRefusedError | SettingsError | DiskError):
        return False
    if isinstance(error, RaceAssetsError):
        return isinstance(error, PermanentError | ReaderDiedError)
    if isinstance(error, OSError):
        return error.errno is None
    if isinstance(error, psycopg.Error):
        return isinstance(error, psycopg.DataError) or (error.sqlstate or "")[:2] in _OF_DATA
    if isinstance(error, Exception | pl.exceptions.PanicException):
        return not _OF_THE_SYSTEM.search(str(error))
    return False


def reason_of(error: BaseException) -> str:
    """Return the first line of an error, with its class where that is not one of ours."""
    text = str(error) if isinstance(error, RaceAssetsError) else f"{type(error).__name__}: {error}"
    return text.partition("\n")[0][:REASON_LENGTH].replace("\0", "\u2400")


def detail(attempts: FileAttempts) -> str:
    """Return why a file was set aside and what to do about it."""
    times = f"{attempts.failures} attempts" if attempts.failures != 1 else "1 attempt"
    sha = attempts.sha256[:12]
    return (
        f"set aside after {times} to read it; the last one: {attempts.last_failure or 'no reason was noted'}. "
        f"`race-assets land --retry {sha}` reads it again, `race-assets land --withdraw {sha}` takes it back"
    )


def failed_before(workshop: Workshop, source: str) -> Mapping[str, FileAttempts]:
    """Return, by hash, the files of a source whose reading was tried and is not given up, those tried last at the end.

    A file that another living process is reading for the first time is not among them.
    """
    return {
        each.sha256: each
        for each in store.of_source(workshop.warehouse, source)
        if each.set_aside_at is None and (each.count or store.killed(each.running, process.is_gone, process.is_here))
    }


def of_file(workshop: Workshop, source: str, sha256: str) -> FileAttempts | None:
    """Return the attempts at one file that was not read to its end."""
    return next((each for each in store.of_source(workshop.warehouse, source) if each.sha256 == sha256), None)


def forget(workshop: Workshop, source: str, sha256: str) -> None:
    """Start the count of a file again."""
    store.forget(workshop.warehouse, source, sha256)


def age_s(attempts: FileAttempts) -> float:
    """Return the seconds since the last attempt began or ended."""
    return (datetime.now(UTC) - attempts.last_at).total_seconds()
