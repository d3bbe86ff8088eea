"""What recordings of live polling become: files of the archive, ticks a killed session had not stored; not polling.

A race day has one file, `<day>.jsonl.gz`: what the archive has of it already and what was recorded since, line by line
in the order in which answers came. So whatever session saw a part of a market, one reading sees all of it.
"""

import gzip
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from race_assets.pipeline import land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.process import is_gone
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.betfair.exchange.ticks import Row, Ticker
from race_assets.sources.betfair.stream.messages import BrokenLineError
from race_assets.storage import live as store
from race_assets.storage.files import replacing
from race_assets.storage.recording import Recordings, whole_lines

log = logging.getLogger(__name__)

SOURCE = "betfair_exchange"
PT = re.compile(rb'"pt":\s*(\d+)')
DEFINITION = b'"marketDefinition"'


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
        return [_land_day(workshop, recordings, day) for day in recordings.days()]


def _land_day(workshop: Workshop, recordings: Recordings, day: date) -> Landed:
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
    (landed,) = land.land(workshop, SOURCE, [(path, name)])
    if landed.state != "failed":
        recordings.remove(recorded)
    path.unlink()
    return landed


def together(parts: Sequence[Iterable[bytes]]) -> list[bytes]:
    """The lines of all parts by when they were published, each once; those of one moment in the order given."""
    lines = dict.fromkeys(line for part in parts for line in part)
    return sorted(lines, key=_published)


def _published(line: bytes) -> int:
    found = PT.search(line)
    return int(found[1]) if found else 0


def _landed_lines(workshop: Workshop, day: date) -> Iterator[bytes]:
    """The lines that the archive has of a day: of the newest version of its file."""
    files = [each for each in workshop.ledger.files(SOURCE) if each.name == f"{day}.jsonl.gz"]
    counting = [each for each in files if each.withdrawn_at is None and each.state == "landed"]
    if not counting:
        return
    newest = max(counting, key=lambda each: each.version)
    with gzip.open(workshop.archive.path(SOURCE, newest.sha256)) as file:
        yield from file


def definitions_of(workshop: Workshop, recordings: Recordings) -> dict[str, dict[str, Any]]:
    """The last definition of each market recorded for today and the days beside it, by market."""
    today = datetime.now(UTC).date()
    found: dict[str, dict[str, Any]] = {}
    for day in (today + timedelta(days=beside) for beside in (-1, 0, 1)):
        for line in together([_landed_lines(workshop, day), *map(whole_lines, recordings.of_day(day))]):
            if DEFINITION in line:
                for change in msgspec.json.decode(line)["mc"]:
                    if definition := change.get("marketDefinition"):
                        found[change["id"]] = definition
    return found


def bury_the_killed(workshop: Workshop, recordings: Recordings) -> int:
    """Stores the ticks that killed sessions had written down and not stored; how many. The caller holds the recordings.

    No session of this home is running then: one without an end whose files lie here, or whose process is gone, was
    killed or could not reach the database at its end.
    """
    recovered = 0
    for session_id, process in store.without_end(workshop.warehouse):
        files = recordings.of_session(session_id)
        if files or is_gone(process):
            new = store.bury(workshop.warehouse, session_id, _ticks(files))
            log.warning("live session %s was killed: %d ticks it had not stored are stored now", session_id, new)
            recovered += new
    return recovered


def _ticks(files: Sequence[Path]) -> list[Row]:
    ticker = Ticker()
    rows: list[Row] = []
    for line in together([whole_lines(file) for file in files]):
        try:
            rows += ticker.rows(line)
        except BrokenLineError as error:
            log.warning("a recorded line cannot be read: %s", error)
    return rows
