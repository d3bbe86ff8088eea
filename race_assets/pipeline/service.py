"""Ingestion without Dagster: fetch, land, validate, build and publish. Commands and assets call the same stages."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from race_assets import settings as settings_module
from race_assets.errors import FileNotReadError, LoginRefusedError, PermanentError, RaceAssetsError, SettingsError
from race_assets.pipeline import drops, land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.reload import Reloading
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources import record_files, registry
from race_assets.storage.files import scratch_folder

if TYPE_CHECKING:
    import polars as pl

    from race_assets.pipeline.build import Built
    from race_assets.pipeline.fetch import Fetched
    from race_assets.pipeline.live import Session
    from race_assets.pipeline.metrics import IngestionMetrics
    from race_assets.storage.ledger import LedgerFile, WantedDay
    from race_assets.values.cron import NextRun

log = logging.getLogger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")

LIVE_SOURCES = ("betfair_exchange",)
"""Sources that are polled."""
HASH_SHOWN = 16


def available_sources(settings: Settings | None = None) -> list[str]:
    """Return the names of all sources, feeds of the settings included, sorted.

    Args:
        settings: None loads them as the commands do.
    """
    return registry.available(settings or settings_module.load())


def unit_of_work(
    method: Callable[Concatenate["IngestionService", Given], Result],
) -> Callable[Concatenate["IngestionService", Given], Result]:
    """Have a method take over changed settings and tracks before it begins, unless another one has called it."""

    @wraps(method)
    def call(service: "IngestionService", /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        if not service._calls:  # noqa: SLF001 - a method of that class
            service.take_over_changes()
        service._calls += 1  # noqa: SLF001
        try:
            return method(service, *args, **kwargs)
        finally:
            service._calls -= 1  # noqa: SLF001

    return call


class IngestionService:
    """Ingestion for scripts and notebooks. Dagster is not needed, and shows none of its runs.

    The first three methods do all that one kind of ingestion takes, and return its metrics; those below are the stages
    that they, the commands and the assets are made of. An embedded database server runs until the process ends.

    A method that is called takes over what has changed in race_assets.yaml and in the user's own tracks since the last
    one; nothing changes while it works. What cannot be read leaves the former settings in force, with a warning.

    Args:
        settings: None loads them as the commands do: race_assets.yaml, then RACE_ASSETS_ variables. Given ones stay.

    Raises:
        SettingsError: a setting is wrong, or `home` cannot be written.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._reloading: Reloading | None = Reloading(settings)
        self._calls = 0
        self.workshop = self._reloading.workshop()

    @classmethod
    def over(cls, workshop: Workshop) -> "IngestionService":
        """Return the service over objects that are open already."""
        service = cls.__new__(cls)
        vars(service).update(workshop=workshop, _reloading=None, _calls=0)
        return service

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.workshop.settings

    def take_over_changes(self) -> None:
        """Put in force what has changed in race_assets.yaml and in the user's own tracks, or by another process."""
        if self._reloading is not None:
            self.workshop = self._reloading.workshop()
            self.workshop.state_configuration_again()

    # --- whole ingestions

    @unit_of_work
    def ingest_historical_data(
        self, source: str, first: date | str, last: date | str | None = None, *, fetch: bool | None = None
    ) -> "IngestionMetrics":
        """Bring a source's race days in: fetch what the archive lacks, land its drop folder, build the days.

        Args:
            source: name of an enabled source.
            first: first race day, a date or `2024-06-27`.
            last: last race day; None means only `first`.
            fetch: whether to ask the source's API; None does so where `sources.<name>.fetch.enabled` is set.

        Raises:
            SettingsError: the source is unknown or not enabled, the dates are no range of race days, or it is to be
                fetched and has no API or lacks credentials.
            LoginRefusedError: the API does not accept the credentials.
            WarehouseError: Postgres cannot be reached.
        """
        registry.check_enabled(source, self.settings)
        days = self.settings.partitions.days(_day(first, "first"), _day(last or first, "last"))
        began, run_id, problems = time.perf_counter(), _run_id(), []
        if fetch and source not in registry.FETCHERS:
            raise SettingsError(f"fetch=True: {registry.no_api(source)}")
        fetched: Fetched | None = None
        landed: list[Landed] = []
        if registry.fetches(source, self.settings) if fetch is None else fetch:
            try:
                fetched = self.fetch(source, days, run_id, tell=landed.append)
                problems = [*fetched.api_problems]
            except (LoginRefusedError, SettingsError):
                raise
            except RaceAssetsError as error:
                # What is here already is landed and built all the same.
                problems = [str(error)]
        landed += land.bring_up_to_date(self.workshop)
        landed += self.land_recordings() if source in LIVE_SOURCES else []
        landed += self.land_drop_folder(source)
        return self._built(source, landed, days, began, run_id, problems, fetched)

    @unit_of_work
    def ingest_live_data(
        self,
        source: str,
        duration: timedelta,
        *,
        stopping: threading.Event | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> "IngestionMetrics":
        """Poll a source for a while, then land what was recorded and build its days.

        Ctrl-C stores what was answered before it raises KeyboardInterrupt; the recording is landed by a later call.

        Args:
            source: name of an enabled source that is polled: `betfair_exchange`.
            duration: how long at most; the session ends earlier when every market has its result.
            stopping: ends the session when it is set from another thread.
            tell: called with a sentence on progress about once a minute.

        Raises:
            SettingsError: the source is unknown, not enabled or not polled, the duration is not above 0, credentials
                are not set, or another session of this home is polling.
            LoginRefusedError: the API does not accept the credentials.
            ApiUnavailableError: it does not say which markets there are, at the very start.
        """
        registry.check_enabled(source, self.settings)
        if source not in LIVE_SOURCES:
            raise SettingsError(f"source {source} cannot be polled; sources that can: {', '.join(LIVE_SOURCES)}")
        if not isinstance(duration, timedelta):
            raise SettingsError(f"duration {duration!r}: must be a timedelta, such as timedelta(hours=2)")
        if duration <= timedelta():
            raise SettingsError(f"duration {duration}: must be above 0")
        from race_assets.pipeline import live

        began, run_id = time.perf_counter(), _run_id()
        session = self.poll(duration, stopping or threading.Event(), tell=tell)
        problems = [] if session.is_stored else [live.NOT_STORED]
        # A session lasts for hours: what it recorded is landed by the settings and tracks as they are at its end.
        self.take_over_changes()
        landed = [*land.bring_up_to_date(self.workshop), *self.land_recordings()]
        return self._built(source, landed, None, began, run_id, problems, session=session)

    @unit_of_work
    def validate_and_store(
        self, data: "pl.DataFrame | pl.LazyFrame | Path | str", source: str, *, name: str | None = None
    ) -> "IngestionMetrics":
        """Land one file, or one frame of records, and build its days.

        Args:
            data: path of a file as the source has them, or a frame with one row per runner and market; a lazy one is
                collected. A frame needs the columns `track_name`, `start_at` and `selection_name`, and may have the
                others of `record_files.COLUMNS`. A `start_at` with a time zone is an instant; without one it is what
                the clocks at the track show.
            source: name of the enabled source the records belong to.
            name: the file's identity: data landed later under the same name is its next version, and replaces it for
                the days both hold. None takes the file's name, or for a frame a name made of its content.

        Raises:
            SettingsError: the source is unknown or not enabled, `data` is neither path nor frame, there is no such
                file, or the frame's columns are not those of a record.
            WarehouseError: Postgres cannot be reached.
        """
        registry.check_enabled(source, self.settings)
        if name is not None and not (isinstance(name, str) and name.strip()):
            raise SettingsError(f"name {name!r}: must be a file's name, such as prices_2024-06-27.csv")
        data = record_files.as_frame_or_path(data)
        began, run_id = time.perf_counter(), _run_id()
        landed = land.bring_up_to_date(self.workshop)
        if isinstance(data, Path):
            path = data
            if not path.is_file():
                raise SettingsError(f"{path}: there is no such file; land one file at a time, or a frame")
            landed += self.land(source, [(path, name or path.name)])
        else:
            landed += self._land_frame(data, source, name)
        return self._built(source, landed, None, began, run_id, [])

    @unit_of_work
    def next_runs(self, count: int = 3) -> "list[NextRun]":
        """Return the next ticks of every schedule, the earliest first; those of schedules that are off are marked.

        Schedules tick while Dagster's daemon runs. Whether one is on is read from its setting; a schedule that was
        switched in Dagster's UI is shown by `race-assets schedule`.

        Args:
            count: ticks of each schedule.
        """
        from race_assets.values.cron import NextRun, next_ticks

        if not isinstance(count, int) or count < 1:
            raise SettingsError(f"count {count!r}: must be a whole number above 0")
        now, found = datetime.now(UTC), []
        for name, schedule in self.settings.schedules().items():
            try:
                ticks = next_ticks(schedule.cron, schedule.timezone, now, count)
            except ValueError as error:
                raise SettingsError(f"schedule {name}: {error}") from None
            found += [NextRun(name, tick, is_enabled=schedule.enabled) for tick in ticks]
        return sorted(found, key=lambda each: (each.at, each.schedule))

    # --- stages

    @unit_of_work
    def fetch(
        self, source: str, days: Sequence[date], run_id: str = "", *, tell: Callable[[Landed], None] = lambda _: None
    ) -> "Fetched":
        """Land what the source's API has for these days and the archive lacks; see `pipeline.fetch.fetch`."""
        from race_assets.pipeline import fetch

        return fetch.fetch(self.workshop, source, days, run_id, tell=tell)

    @unit_of_work
    def land(self, source: str, files: Iterable[tuple[Path, str]]) -> Iterator[Landed]:
        """Land files, each with its name in the inbox, one by one; a bad file is reported and stops no other."""
        return land.land(self.workshop, source, files)

    @unit_of_work
    def land_then_retry(self, source: str, files: Iterable[tuple[Path, str]]) -> Iterator[Landed]:
        """Land files, then read those of the source again that could not be read before."""
        began_at = datetime.now(UTC)
        yield from self.land(source, files)
        yield from self.read_failed_again(began_at, source)

    @unit_of_work
    def land_drop_folder(self, source: str, quiet_s: float = 0) -> list[Landed]:
        """Land the settled files of a source's drop folder; a folder that cannot be read is one failed file.

        Args:
            source: its name.
            quiet_s: a file that was written to in the last so many seconds is left for another time.
        """
        try:
            return drops.land_by_hand(self.workshop, source, quiet_s)
        except PermanentError as error:
            return [Landed(str(self.settings.drop_folder(source)), source, "failed", str(error))]

    @unit_of_work
    def land_recordings(self) -> list[Landed]:
        """Land what live sessions recorded, unless one is polling."""
        from race_assets.pipeline.live_recordings import land_recorded

        return land_recorded(self.workshop)

    @unit_of_work
    def land_everything(self) -> list[Landed]:
        """Land recordings and all drop folders, and parse anew what another parser or track registry reads better.

        Files that could not be read before are left out; `read_failed_again` reads them, best when all else is done.
        """
        landed = land.bring_up_to_date(self.workshop)
        landed += self.land_recordings()
        return [*landed, *(each for source in self.workshop.enabled for each in self.land_drop_folder(source))]

    @unit_of_work
    def read_failed_again(self, before: datetime, source: str | None = None) -> list[Landed]:
        """Read files again whose reading failed or was killed, and set those aside that failed too often.

        Args:
            before: only files whose last attempt was earlier: what this caller has tried itself is for the next one.
            source: only its files; None means those of every enabled source.
        """
        landed = list(land.read_failed_again(self.workshop, before, source))
        for name in {each.source for each in landed}:
            read = {each.sha256 for each in landed if each.source == name and each.state != "failed"}
            drops.note_bytes_taken(self.workshop, name, read)
        return landed

    @unit_of_work
    def withdraw(self, prefix: str, source: str | None = None) -> "LedgerFile":
        """Take a landed file back; see `land.withdraw`. Its copy in the drop folder is not landed again."""
        file = land.withdraw(self.workshop, prefix, source)
        drops.note_bytes_taken(self.workshop, file.source, {file.sha256})
        return file

    @unit_of_work
    def retry(self, prefix: str, source: str | None = None) -> Landed:
        """Read a file again that was set aside or could not be read; see `land.retry`."""
        landed = land.retry(self.workshop, prefix, source)
        if landed.state != "failed":
            drops.note_bytes_taken(self.workshop, landed.source, {landed.sha256})
        return landed

    @unit_of_work
    def poll(
        self, duration: timedelta, stopping: threading.Event, *, tell: Callable[[str], None] = lambda _: None
    ) -> "Session":
        """Poll the exchange; see `pipeline.live.run`. What it recorded is landed by `land_recordings`."""
        from race_assets.pipeline import live

        return live.run(self.workshop, duration, stopping, tell=tell)

    @unit_of_work
    def write_raw(self, source: str, days: Sequence[date], *, refresh: bool = False) -> Iterator[tuple[date, int]]:
        """Write the source's day files that are missing or out of date, a chunk of days at a time.

        Yields:
            each day written, and its records.
        """
        from race_assets.pipeline.days import ensure_raw, is_raw
        from race_assets.pipeline.shared_work import day_locks, locked_chunks

        workshop = self.workshop

        def needs_work(day: date, wanted: "WantedDay") -> bool:
            return source in wanted.inputs if refresh else not is_raw(workshop, source, day, wanted)

        def write(group: "Mapping[date, WantedDay]") -> dict[date, int]:
            return ensure_raw(workshop, source, group, refresh=refresh)

        with day_locks(workshop) as locks:
            for chunk in locked_chunks(workshop, days, locks, needs_work):
                yield from _day_by_day(write, chunk.work)
                locks.release(chunk.work)
                workshop.progress("raw", len(chunk.work) + len(chunk.done))

    @unit_of_work
    def write_validated(self, days: Sequence[date], *, refresh: bool = False) -> Iterator[tuple[date, int]]:
        """Validate days that are out of date, their raw files first, a chunk of days at a time.

        Yields:
            each day written, and its accepted records.
        """
        from race_assets.pipeline.judge import ensure_judged, is_judged
        from race_assets.pipeline.shared_work import day_locks, locked_chunks

        workshop = self.workshop

        def needs_work(day: date, wanted: "WantedDay") -> bool:
            return refresh or not is_judged(workshop, day, wanted)

        def write(group: "Mapping[date, WantedDay]") -> dict[date, int]:
            return ensure_judged(workshop, group, refresh=refresh)

        with day_locks(workshop) as locks:
            for chunk in locked_chunks(workshop, days, locks, needs_work):
                yield from _day_by_day(write, chunk.work)
                locks.release(chunk.work)
                workshop.progress("validated", len(chunk.work) + len(chunk.done))

    @unit_of_work
    def build(self, days: Sequence[date], run_id: str, *, refresh: bool = False) -> "Built":
        """Build and publish days that are out of date, with all that comes before; see `pipeline.build.build`."""
        from race_assets.pipeline.build import Built, build
        from race_assets.storage import statistics

        built = Built()
        for part in build(self.workshop, days, run_id, refresh=refresh):
            built.add(part)
        with self.workshop.timed("analyze"):
            statistics.refresh(self.workshop.warehouse, built.rows_by_table())
        return built

    @unit_of_work
    def stale_days(self) -> tuple[list[date], list[date]]:
        """Return the days that are out of date: those that can be built now, and those that `partitions` leaves out."""
        stale = [day for day, _ in self.workshop.ledger.stale_days()]
        return self._within(stale)

    # --- parts of whole ingestions

    def _land_frame(self, frame: "pl.DataFrame", source: str, name: str | None) -> list[Landed]:
        import hashlib

        text = record_files.written(frame).encode()
        name = name or f"frame-{hashlib.sha256(text).hexdigest()[:HASH_SHOWN]}.csv"
        with scratch_folder() as folder:
            path = folder / "frame.csv"
            path.write_bytes(text)
            return list(self.land(source, [(path, name)]))

    def _built(
        self,
        source: str,
        landed: Sequence[Landed],
        days: Sequence[date] | None,
        began: float,
        run_id: str,
        problems: Sequence[str],
        fetched: "Fetched | None" = None,
        session: "Session | None" = None,
    ) -> "IngestionMetrics":
        """Build the days, or those of the landed files where none are given, and return the metrics of the call."""
        from race_assets.pipeline.metrics import IngestionMetrics

        ledger = self.workshop.ledger
        files = [ledger.file(each.source, each.sha256) for each in landed if each.source == source and each.sha256]
        held, waiting = self._within({day for file in files if file for day in file.dates})
        due = held if days is None else days
        built = self.build(due, run_id)
        # What could not be read before comes last: it may take the process with it.
        began_at = datetime.now(UTC) - timedelta(seconds=time.perf_counter() - began)
        if again := self.read_failed_again(began_at, source):
            landed = [*landed, *again]
            more = sorted({day for each in again for day in each.days})
            built.add(self.build(more if days is None else [day for day in more if day in set(days)], run_id))
        traffic = fetched.traffic if fetched else session.traffic if session else None
        return IngestionMetrics.of(
            source,
            landed,
            built,
            duration_s=time.perf_counter() - began,
            traffic=traffic,
            ticks=session.ticks if session else 0,
            waiting=[*waiting, *(day for day in held if day not in set(due))],
            problems=problems,
        )

    def _within(self, days: Iterable[date]) -> tuple[list[date], list[date]]:
        first, last = self.settings.partitions.start, self.settings.partitions.last()
        ordered = sorted(days)
        return [day for day in ordered if first <= day <= last], [day for day in ordered if not first <= day <= last]


def _day_by_day(
    write: "Callable[[Mapping[date, WantedDay]], dict[date, int]]", group: "Mapping[date, WantedDay]"
) -> Iterator[tuple[date, int]]:
    """Write a chunk of days; where a file cannot be read, each day by itself: the build names the days that fail."""
    try:
        written = write(group)
    except (FileNotReadError, MemoryError) as error:
        if len(group) == 1:
            log.error("%s: not written: %s", min(group), error)  # noqa: TRY400 - the build of the day says all of it
        else:
            for day, wanted in group.items():
                yield from _day_by_day(write, {day: wanted})
    else:
        yield from written.items()


def _run_id() -> str:
    return f"service-{uuid.uuid4()}"


def _day(value: date | str, name: str) -> date:
    """Return the day a caller names.

    Raises:
        SettingsError: it is no date.
    """
    if isinstance(value, datetime):
        raise SettingsError(f"{name} {value}: a race day is a date without a time, such as {value.date()}")
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{name} {value!r} is not a date; write it as 2024-06-27") from None
