"""What recordings of live polling become: files of the archive, ticks a killed session had not stored; not polling.

A race day has one file, `<day>.jsonl.gz`: what the archive has of it already and what was recorded since, line by line
in the order in which answers came. So whatever session saw a part of a market, one reading sees all of it.
"""

import gzip
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from race_assets.errors import PermanentError, RaceAssetsError
from race_assets.pipeline import land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.process import is_gone
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.betfair.exchange.ticks import Row, Ticker
from race_assets.sources.betfair.stream.messages import BrokenLineError
from race_assets.storage import live as store
from race_assets.storage.attempts import SET_ASIDE
from race_assets.storage.files import replacing
from race_assets.storage.recording import Recordings, whole_lines

log = logging.getLogger(__name__)

SOURCE = "betfair_exchange"
PT = re.compile(rb'"pt":\s*(\d+)')
DEFINITION = b'"marketDefinition"'
AT_ONCE = 20_000
"""Ticks recovered in one transaction."""


class _Defined(msgspec.Struct, rename={"definition": "marketDefinition"}):
    id: str
    definition: dict[str, Any] | None = None


class _Defining(msgspec.Struct):
    """Of a line, what it says of definitions."""

    mc: list[_Defined]


def land_recorded(workshop: Workshop) -> list[Landed]:
    """Brings what is recorded into the archive and the ledger, a day at a time, unless a session is polling.

    A day that could not be landed is told and stays where it is.
    """
    recordings = Recordings(workshop.settings.home, SOURCE)
    if not recordings.folder.exists() or SOURCE not in workshop.enabled:
        return []
    with recordings.held() as is_ours:
        if not is_ours:
            log.info("a live session is polling: its recordings are landed when it has ended")
            return []
        bury_the_killed(workshop, recordings)
        # A process that was killed while it landed a day leaves what it had packed; it is packed again.
        for packed in recordings.folder.glob("*.jsonl.gz"):
            packed.unlink()
        return [landed for day in recordings.days() for landed in _landed_or_told(workshop, recordings, day)]


def _landed_or_told(workshop: Workshop, recordings: Recordings, day: date) -> list[Landed]:
    try:
        return _land_day(workshop, recordings, day)
    except (OSError, RaceAssetsError) as error:
        log.warning("the recordings of %s are not landed: %s", day, error)
        return [Landed(str(recordings.folder / str(day)), SOURCE, "failed", str(error))]


def _land_day(workshop: Workshop, recordings: Recordings, day: date) -> list[Landed]:
    recorded = recordings.of_day(day)
    name = f"{day}.jsonl.gz"
    path = recordings.folder / name
    # Without the time it was packed: equal lines must be equal bytes.
    with (
        replacing(path) as part,
        part.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed,
    ):
        packed.writelines(together([_landed_lines(workshop, day), *map(whole_lines, recorded)]))
    # Before it come files that an earlier process archived and did not live to enter.
    landed = list(land.land(workshop, SOURCE, [(path, name)], given_by_people=False))
    # A later recording of the day is landed with these lines, which only a file that could be read would give.
    if landed[-1].state not in {"failed", SET_ASIDE}:
        recordings.remove(recorded)
    path.unlink()
    return landed


def together(parts: Sequence[Iterable[bytes]]) -> Iterator[bytes]:
    """The lines of all parts by when they were published, each once; those of one moment in the order given.

    Args:
        parts: lines, each part's in that order already.
    """
    for _, lines in groupby(merge(*parts, key=_published), key=_published):
        yield from dict.fromkeys(lines)


def _published(line: bytes) -> int:
    found = PT.search(line)
    return int(found[1]) if found else 0


def _landed_lines(workshop: Workshop, day: date) -> Iterator[bytes]:
    """The lines that the archive has of a day: of the newest version of its file.

    Raises:
        PermanentError: that file is not there, or cut.
    """
    files = [each for each in workshop.ledger.files(SOURCE) if each.name == f"{day}.jsonl.gz"]
    counting = [each for each in files if each.withdrawn_at is None and each.state == "landed"]
    if not counting:
        return
    newest = max(counting, key=lambda each: each.version)
    path = workshop.archive.path(SOURCE, newest.sha256)
    try:
        with gzip.open(path) as file:
            yield from file
    except (OSError, EOFError) as error:
        raise PermanentError(
            f"{newest.name} version {newest.version} cannot be read in the archive, {path}: {error}; bring the archive "
            "back from its copy, or withdraw that version"
        ) from error


def definitions_of(workshop: Workshop, recordings: Recordings) -> dict[str, tuple[date, dict[str, Any]]]:
    """By market, the last definition recorded for today and the days beside it, and the day it is recorded for."""
    today = datetime.now(UTC).date()
    found: dict[str, tuple[date, dict[str, Any]]] = {}
    for day in (today + timedelta(days=beside) for beside in (-1, 0, 1)):
        for line in together([_landed_or_none(workshop, day), *map(whole_lines, recordings.of_day(day))]):
            if DEFINITION in line:
                found |= {market_id: (day, definition) for market_id, definition in _defined_in(line).items()}
    return found


def _landed_or_none(workshop: Workshop, day: date) -> Iterator[bytes]:
    """The same lines; a file that cannot be read is told, and keeps nobody from polling."""
    try:
        yield from _landed_lines(workshop, day)
    except PermanentError as error:
        log.warning("markets of %s that the catalogue has no more are not polled: %s", day, error)


def _defined_in(line: bytes) -> dict[str, dict[str, Any]]:
    try:
        message = msgspec.json.decode(line, type=_Defining)
    except msgspec.DecodeError as error:
        log.warning("a recorded line cannot be read: %s", error)
        return {}
    return {change.id: change.definition for change in message.mc if change.definition}


def bury_the_killed(workshop: Workshop, recordings: Recordings) -> int:
    """Stores the ticks that sessions had written down and not stored; how many. The caller holds the recordings.

    No session of this home is running then: one without an end whose files lie here, or whose process is gone, was
    killed, unless it left word that it could not reach the database at its end.
    """
    recovered = 0
    for session_id, process in store.without_end(workshop.warehouse):
        files, word = recordings.of_session(session_id), recordings.end_of(session_id)
        if not (files or word or is_gone(process)):
            continue
        new = sum(store.recover(workshop.warehouse, session_id, ticks) for ticks in _ticks(files))
        store.end(workshop.warehouse, session_id, msgspec.json.decode(word, type=store.End) if word else store.KILLED)
        recordings.forget_end(session_id)
        how = "could not reach the database at its end" if word else "was killed"
        log.warning("live session %s %s: %d ticks it had not stored are stored now", session_id, how, new)
        recovered += new
    return recovered


def _ticks(files: Sequence[Path]) -> Iterator[list[Row]]:
    """What the lines of a session say, in batches."""
    ticker = Ticker()
    rows: list[Row] = []
    for day, line in ((file.parent.name, line) for file in files for line in whole_lines(file)):
        try:
            rows += [{**row, "race_date": row["race_date"] or date.fromisoformat(day)} for row in ticker.rows(line)]
        except BrokenLineError as error:
            log.warning("a recorded line cannot be read: %s", error)
        if len(rows) >= AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows
