"""Fetching what an API has and the archive lacks, file by file into the archive; which files there are, sources say.

Below `<home>/fetching/<source>` lie files on their way: whole ones that a killed process had not landed are landed by
the next, half ones are begun anew.
"""

import hashlib
import logging
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from threading import Event

from race_assets.errors import (
    ApiRefusedError,
    ApiUnavailableError,
    LoginRefusedError,
    RaceAssetsError,
    SettingsError,
    TransientError,
)
from race_assets.http.download import clear_unfinished
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.pipeline import land
from race_assets.pipeline.figures import traffic_frame
from race_assets.pipeline.land import Landed
from race_assets.pipeline.log_fields import about, carried
from race_assets.pipeline.workshop import Workshop
from race_assets.sources import registry
from race_assets.sources.base import Extent, Fetcher, Gap, Remote
from race_assets.storage import coverage, disk, publish
from race_assets.storage.api_lock import api_lock

log = logging.getLogger(__name__)
REST = "the rest"
AHEAD = 2
"""Files asked for per thread, those on their way included: landing one must leave no thread idle."""

PATIENCE = 5
"""Files that may fail in a row before the rest is left to another time: then it is not the files."""


@dataclass
class Fetched:
    """What a fetch came to.

    Attributes:
        landed: what became of each file that came, in order of landing.
        known: files that were not asked for, since the archive has them.
        gaps: what is not to be had, and why.
        failed: why files did not come, by name; the next fetch asks for them again.
        traffic: of the source's API.
        days_failed: why files of these days did not come.
        may_pass: something did not come that may come when it is asked for again in a moment.
    """

    source: str
    landed: list[Landed] = field(default_factory=list)
    known: int = 0
    gaps: list[Gap] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    seconds: float = 0
    days_failed: dict[date, str] = field(default_factory=dict)
    may_pass: bool = False

    @property
    def problems(self) -> list[str]:
        """Why not everything is here that should be, a sentence each; what a file here holds is not its matter."""
        return [*self.api_problems, *(f"{each.path}: {each.detail}" for each in self.landed if each.state == "failed")]

    @property
    def api_problems(self) -> list[str]:
        """Why not everything came that should have, a sentence each."""
        return [
            *(gap.reason for gap in self.gaps if gap.is_failure),
            *(f"{name}: {reason}" for name, reason in self.failed.items()),
        ]

    @property
    def states(self) -> dict[str, str]:
        """What became of each file that came, by name; one that a killed process archived is there twice."""
        return {each.path: each.state for each in reversed(self.landed)}

    @property
    def notes(self) -> dict[str, int]:
        """What is counted in `ops.ingestion_runs`."""
        counts = {
            "files_fetched": len(self.states),
            "files_known": self.known,
            "files_failed": len(self.failed),
            "gaps": len(self.gaps),
        }
        return {name: count for name, count in counts.items() if count}


@dataclass
class Outlook:
    """What a fetch would ask for.

    Attributes:
        remotes: files the archive lacks, or that may have changed.
        known: files the archive has.
        gaps: what is not to be had, and why.
        extent: of everything the API has for the days, what the archive has included.
    """

    remotes: list[Remote]
    known: int
    gaps: list[Gap]
    extent: Extent


def fetch(
    workshop: Workshop,
    source: str,
    days: Sequence[date],
    run_id: str = "",
    *,
    tell: Callable[[Landed], None] = lambda _: None,
    timing: Timing | None = None,
) -> Fetched:
    """Lands what the source's API has for these race days and the archive lacks, each file as it comes.

    A file that may be issued anew is asked for again while its day is in the trailing window
    (`Settings.trailing_days`) or to come. The API's lock is held meanwhile: other processes wait.

    Args:
        workshop: the tools.
        source: one with an API.
        days: race days.
        run_id: under which `ops.ingestion_runs` tells of it; empty makes one.
        tell: told of each file when it is landed.
        timing: the clock, for tests.

    Raises:
        SettingsError: the source has no API, or needs credentials that are not set.
        LoginRefusedError: the API does not let us in.
        ApiUnavailableError: it does not say what there is.
    """
    done = Fetched(source)
    began = datetime.now(UTC)
    run_id = run_id or f"fetch-{uuid.uuid4()}"
    with about(run_id=run_id, source=source), _fetcher(workshop, source, timing) as (fetcher, clock, stopping):
        try:
            selection = _Selection(workshop, source, clock, done)
            for landed in _fetched(workshop, fetcher, selection, days, stopping):
                tell(landed)
        except (LoginRefusedError, ApiUnavailableError, ApiRefusedError) as error:
            kind = coverage.FAILED if isinstance(error, ApiUnavailableError) else coverage.BLOCKED
            coverage.note_alone(workshop.warehouse, source, dict.fromkeys(days, (kind, str(error))))
            raise
        finally:
            done.traffic = fetcher.traffic
            ended = datetime.now(UTC)
            done.seconds = (ended - began).total_seconds()
            row = traffic_frame(run_id, source, done.traffic, done.notes, began, ended)
            publish.add_traffic(workshop.warehouse, row)
        coverage.note_alone(workshop.warehouse, source, _in_the_way(done, days), days)
    return done


def _in_the_way(done: Fetched, days: Sequence[date]) -> dict[date, tuple[str, str]]:
    """What stood in the way of days that were asked for: refused or not bought is blocked, what did not come failed."""
    problems = {
        day: (coverage.BLOCKED, gap.reason)
        for gap in done.gaps
        if gap.is_failure
        for day in (gap.days or days)
        if day in days
    }
    return problems | {day: (coverage.FAILED, reason) for day, reason in done.days_failed.items() if day in days}


def outlook(workshop: Workshop, source: str, days: Sequence[date], timing: Timing | None = None) -> Outlook:
    """What `fetch` would ask for, without asking for any file. Errors as for `fetch`."""
    done = Fetched(source)
    with _fetcher(workshop, source, timing) as (fetcher, clock, _):
        remotes = list(_Selection(workshop, source, clock, done).of(fetcher.wanted(days)))
        return Outlook(remotes, done.known, done.gaps, fetcher.extent(days))


@contextmanager
def _fetcher(workshop: Workshop, source: str, timing: Timing | None) -> Iterator[tuple[Fetcher, Timing, Event]]:
    """The source's fetcher, its clock and what ends its pauses, while the lock of its API is held."""
    if source not in registry.FETCHERS:
        raise SettingsError(registry.no_api(source))
    stopping = Event()

    def sleep(seconds: float) -> None:
        # A thread that waits for its turn or its next try must not keep a process that was told to stop.
        if stopping.wait(seconds):
            raise TransientError("told to stop")

    clock = timing or Timing(sleep=sleep)
    # Before the fetcher is made: its bucket starts empty, however much another process has just sent.
    with api_lock(workshop.warehouse, registry.api_of(source)):
        fetcher = registry.fetcher(source, workshop.settings, clock)
        if fetcher is None:
            raise AssertionError("unreachable: the source is one of those that have a fetcher")
        with fetcher:
            yield fetcher, clock, stopping


class _Selection:
    """Which of an API's files are asked for; books the others."""

    def __init__(self, workshop: Workshop, source: str, timing: Timing, done: Fetched) -> None:
        self.done = done
        self.folder = workshop.settings.home / "fetching" / source
        self._ledger = workshop.ledger
        self._timing = timing
        self._trailing = timedelta(days=workshop.settings.trailing_days(source))
        self._names: set[str] | None = None
        self._names_left: set[str] = set()

    def of(self, told: Iterator[Remote | Gap]) -> Iterator[Remote]:
        """The files to ask for."""
        if self._names is None:
            self._names = self._ledger.names(self.done.source)
            # What an earlier fetch left behind has just been landed by this one, and is counted so.
            self._names_left = {each.path for each in self.done.landed}
        since = datetime.fromtimestamp(self._timing.now(), UTC).date() - self._trailing
        for each in told:
            if isinstance(each, Gap):
                self.missing(each)
            elif each.name in self._names and not (each.may_change and each.day >= since):
                self.done.known += each.name not in self._names_left
            else:
                yield each

    def missing(self, gap: Gap) -> None:
        """Books what is not to be had."""
        log.log(logging.WARNING if gap.is_failure else logging.INFO, "not to be had: %s", gap.reason)
        self.done.gaps.append(gap)
        self.done.may_pass |= gap.may_pass

    def is_withdrawn(self, path: Path) -> bool:
        """Whether a person took these very bytes back: landing them would undo that."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        known = self._ledger.file(self.done.source, sha256)
        return known is not None and known.withdrawn_at is not None


def _fetched(
    workshop: Workshop, fetcher: Fetcher, selection: _Selection, days: Sequence[date], stopping: Event
) -> Iterator[Landed]:
    coming = _coming(fetcher, selection, days, stopping)
    failures = 0
    try:
        for landed in _landing(workshop, selection, chain(_left_behind(selection.folder), coming)):
            yield landed
            failures = failures + 1 if landed.state == "failed" else 0
            if failures >= PATIENCE:
                selection.done.failed[REST] = f"{failures} files in a row were not landed; left to the next fetch"
                break
    finally:
        coming.close()


def _landing(workshop: Workshop, selection: _Selection, files: Iterator[tuple[Path, str]]) -> Iterator[Landed]:
    """Lands files one by one as they come; what is in the archive then is removed here."""
    for landed in land.land(workshop, selection.done.source, files, given_by_people=False):
        path = Path(landed.path)
        if landed.state != "failed" and path.is_relative_to(selection.folder):
            path.unlink()
            landed = replace(landed, path=path.relative_to(selection.folder).as_posix())  # noqa: PLW2901 - as it stays known
        selection.done.landed.append(landed)
        yield landed


def _left_behind(folder: Path) -> Iterator[tuple[Path, str]]:
    """Whole files of a process that did not live to land them; half ones are removed."""
    for inner in sorted({path.parent for path in folder.rglob("*")}):
        clear_unfinished(inner)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path, path.relative_to(folder).as_posix()


def _coming(
    fetcher: Fetcher, selection: _Selection, days: Sequence[date], stopping: Event
) -> Generator[tuple[Path, str]]:
    """Files as they come, several on their way at once; asks for no more than can be landed soon."""
    failures = 0
    asked: dict[Future[Path | Gap], Remote] = {}
    remotes = selection.of(fetcher.wanted(days))
    pool = ThreadPoolExecutor(fetcher.threads, thread_name_prefix="fetch")
    try:
        while failures < PATIENCE:
            for remote in islice(remotes, AHEAD * fetcher.threads - len(asked)):
                with about(day=str(remote.day), file=remote.name):
                    asked[pool.submit(carried(fetcher.fetch), remote, selection.folder)] = remote
            if not asked:
                return
            future = next(iter(wait(asked, return_when=FIRST_COMPLETED).done))
            came = _came(selection, asked.pop(future), future)
            failures = failures + 1 if came is None else 0
            yield from came or ()
        selection.done.failed[REST] = f"{failures} files in a row failed; left to the next fetch"
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)


def _came(selection: _Selection, remote: Remote, future: Future[Path | Gap]) -> list[tuple[Path, str]] | None:
    """The file to land, if there is one; None where it failed."""
    try:
        came = future.result()
        if isinstance(came, Gap):
            selection.missing(came)
            return []
        if remote.may_change and selection.is_withdrawn(came):
            came.unlink()
            selection.missing(Gap(f"{remote.name}: these bytes were withdrawn by hand, and stay so"))
            return []
    except LoginRefusedError:
        raise
    except (RaceAssetsError, OSError) as error:
        error = disk.trouble(error, selection.folder) or error
        with about(day=str(remote.day), file=remote.name):
            log.warning("file not fetched", extra={"error": str(error)})
        selection.done.failed[remote.name] = str(error)
        selection.done.may_pass |= isinstance(error, TransientError)
        selection.done.days_failed[remote.day] = f"{remote.name}: {error}"
        return None
    return [(came, remote.name)]
