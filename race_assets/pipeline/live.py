"""A session of live polling: ticks on a clock that only goes forward, answers written down, then stored; bounded.

Each answer is a line of the recording before it is anything else. Answers come on threads of their own and are stored
by another, so that neither a slow answer nor a slow database holds up the next poll.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from race_assets.errors import DiskError, LoginRefusedError, RaceAssetsError, SettingsError, TransientError
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.pipeline.live_recordings import SOURCE, bury_the_killed, definitions_of
from race_assets.pipeline.live_writer import Writer
from race_assets.pipeline.log_fields import about, carried
from race_assets.pipeline.process import process_mark
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.betfair.exchange import weights
from race_assets.sources.betfair.exchange.client import API, ExchangeClient
from race_assets.sources.betfair.exchange.messages import Book, Entry
from race_assets.sources.betfair.exchange.plan import Plan, Planned
from race_assets.sources.betfair.exchange.recorder import MarketRecorder, facts_of, names_of, resumed
from race_assets.sources.betfair.exchange.ticks import Row, Ticker, race_date
from race_assets.sources.betfair.identity import Identity
from race_assets.sources.betfair.stream.market import milliseconds
from race_assets.sources.betfair.stream.messages import BrokenLineError, Definition
from race_assets.storage import live as store
from race_assets.storage.api_lock import api_lock
from race_assets.storage.recording import Recorder, Recordings

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Requests on their way; a tick that would need more leaves its last markets to the next, and counts them missed."""

LATE = 0.1
"""Share of the interval by which a poll may be off the one before."""

FOR_STORING = 0.4
"""Share of the time to stop in that is left for storing once no answer is waited for any more."""

REPORT_S = 60

NOT_STORED = "not every tick could be stored: the next session stores the rest, out of the recording"
"""The problem of a session that is not `is_stored`."""


@dataclass
class Figures:
    """What a session has done so far, as `live.sessions` has it."""

    markets: int = 0
    polls: int = 0
    polls_near: int = 0
    polls_late: int = 0
    polls_missed: int = 0


@dataclass
class Session:
    """What became of a session.

    Attributes:
        ended: `done`, `stopped` or `failed`.
        ticks: rows stored.
        recovered: rows stored of killed sessions before it.
        is_stored: every tick is in the table; else they are in the recording, and the next session stores them.
        traffic: of the exchange's API.
    """

    session_id: str
    figures: Figures = field(default_factory=Figures)
    ended: str = "done"
    ticks: int = 0
    recovered: int = 0
    is_stored: bool = True
    traffic: Traffic = field(default_factory=Traffic)


def run(
    workshop: Workshop,
    duration: timedelta,
    stopping: threading.Event,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Session:
    """Polls until the time is over, every market has its result, or `stopping` is set.

    Args:
        workshop: the tools.
        duration: how long at most.
        stopping: set from elsewhere; what was answered by then is stored before this returns.
        tell: told a sentence now and then.

    Raises:
        SettingsError: credentials are not set, or a session of this home is polling already.
        LoginRefusedError: Betfair does not let us in.
        ApiUnavailableError: it does not say which markets there are, at the very start.
    """
    recordings = Recordings(workshop.settings.home, SOURCE)
    with about(source=SOURCE), recordings.held() as is_ours:
        if not is_ours:
            raise SettingsError(
                "a live session of this home is polling already, or recordings are being landed; wait until that ends"
            )
        recovered = bury_the_killed(workshop, recordings)
        with api_lock(workshop.warehouse, API), _asking(workshop, stopping) as client:
            session = Polling(workshop, client, recordings, tell).run(duration, stopping)
    session.recovered = recovered
    return session


@contextmanager
def _asking(workshop: Workshop, stopping: threading.Event) -> Iterator[ExchangeClient]:
    """A client whose pauses end when the session is to stop."""

    def sleep(seconds: float) -> None:
        if stopping.wait(seconds):
            raise TransientError("told to stop")

    timing, whole = Timing(sleep=sleep), workshop.settings
    identity = Identity(whole.betfair, whole.home, whole.aws, timing=timing)
    client = ExchangeClient(whole.sources.betfair_exchange, identity, timing)
    try:
        yield client
    finally:
        client.close()
        identity.close()


class Polling:
    """One session at work. What answers change is changed under one lock, and no longer once the session has ended."""

    def __init__(
        self, workshop: Workshop, client: ExchangeClient, recordings: Recordings, tell: Callable[[str], None]
    ) -> None:
        self._settings = workshop.settings.sources.betfair_exchange
        self._workshop, self._client, self._tell = workshop, client, tell
        self._timing = Timing()
        self._interval = self._settings.live_polling_interval_seconds
        self.session = Session(f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}")
        self._plan = Plan(self._settings)
        self._markets: dict[str, MarketRecorder] = {}
        self._recordings = recordings
        self._recorder = Recorder(recordings, self.session.session_id)
        self._ticker = Ticker()
        self._writer = Writer(workshop, self.session.session_id, self._recorder, self._counts)
        self._answered: dict[str, float] = {}
        self._in_flight: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._began_at = self._timing.now() - self._timing.clock()
        self._last_pt = 0
        self._is_open = True
        self._refused: LoginRefusedError | None = None
        self._resume(recordings)

    def _resume(self, recordings: Recordings) -> None:
        """Takes up markets that an earlier session saw open: the catalogue has none that closed meanwhile."""
        for market_id, (day, definition) in definitions_of(self._workshop, recordings).items():
            if definition.get("status") != "CLOSED":
                self._markets[market_id] = resumed(market_id, definition)
                self._place(market_id, definition, day)

    def run(self, duration: timedelta, stopping: threading.Event) -> Session:
        """See the module's `run`."""
        with about(session=self.session.session_id):
            return self._run(duration, stopping)

    def _run(self, duration: timedelta, stopping: threading.Event) -> Session:
        self._look()
        store.begin(self._workshop.warehouse, self.session.session_id, process_mark())
        self._writer.start()
        ended, detail = "stopped", None
        try:
            self._tick_on(duration.total_seconds(), stopping)
            ended = "stopped" if stopping.is_set() else "done"
        except Exception as error:
            # Whatever else comes here is a person who ends the process: Dagster cancels a run so.
            ended, detail = "failed", str(error) or type(error).__name__
            raise
        finally:
            self._end(ended, detail)
        return self.session

    def _tick_on(self, seconds: float, stopping: threading.Event) -> None:
        began, tick = self._timing.clock(), 0
        looked = reported = 0.0
        while not stopping.is_set() and self._refused is None:
            passed = self._timing.clock() - began
            if passed >= seconds or self._is_over():
                return
            behind = int(passed / self._interval) - tick
            if behind > 0:
                self._miss(behind)
                tick += behind
            if passed - looked >= self._settings.catalogue_interval_seconds:
                looked = passed
                self._start(self._look_again)
            if passed - reported >= REPORT_S:
                reported = passed
                self._tell(self._progress())
            self._poll(tick)
            tick += 1
            stopping.wait(max(0.0, began + tick * self._interval - self._timing.clock()))
        if self._refused is not None:
            raise self._refused

    def _is_over(self) -> bool:
        with self._lock:
            return bool(self._plan.markets) and self._plan.is_over(self._timing.now())

    # --- which markets there are

    def _look(self) -> None:
        """Asks for the catalogue."""
        self._learn(self._client.catalogue(datetime.fromtimestamp(self._timing.now(), UTC)))

    def _look_again(self) -> None:
        try:
            self._look()
        except LoginRefusedError as error:
            self._refused = error
        except RaceAssetsError as error:
            log.warning("the catalogue did not come, going on with the markets known: %s", error)

    def _learn(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            for entry in entries:
                known = self._markets.get(entry.market_id)
                if known is None:
                    self._markets[entry.market_id] = MarketRecorder(entry.market_id, facts_of(entry), names_of(entry))
                else:
                    known.learn(entry)
                self._place(entry.market_id, facts_of(entry))
            self.session.figures.markets = len(self._markets)

    def _place(self, market_id: str, facts: dict[str, Any], day: date | None = None) -> None:
        """Plans a market, or moves it where its off has moved; `day` is of the recording it has already."""
        try:
            start = milliseconds(facts.get("marketTime") or "") / 1000
        except BrokenLineError as error:
            log.warning("market %s is not polled: %s", market_id, error)
            return
        planned = self._plan.markets.get(market_id)
        if planned is None:
            day = day or _race_date(facts) or datetime.fromtimestamp(start, UTC).date()
            planned = self._plan.markets[market_id] = Planned(market_id, start, day)
        planned.start = start

    # --- asking

    def _poll(self, tick: int) -> None:
        """Has the markets that are due asked about."""
        now = self._timing.now()
        with self._lock:
            groups = self._plan.due(tick, now)
            for due in groups:
                idle = [each.market_id for each in due if each.market_id not in self._in_flight]
                self._count_missed(each for each in due if each.market_id in self._in_flight)
                for ids in weights.packed(idle, self._client.most):
                    if len(self._threads) >= AT_ONCE:
                        self._count_missed(self._plan.markets[market_id] for market_id in ids)
                        continue
                    self._in_flight.update(ids)
                    self._start_locked(partial(self._ask, ids))

    def _start(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._start_locked(work)

    def _start_locked(self, work: Callable[[], None]) -> None:
        """A thread that does not keep the process: an answer nobody waits for any more is let go."""

        def run_and_leave() -> None:
            try:
                work()
            except Exception:
                log.exception("a poll failed; this is a fault of race_assets")
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=carried(run_and_leave), name="poll", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _ask(self, ids: Sequence[str]) -> None:
        books: list[Book] | None = None
        try:
            books = self._client.books(ids)
            self._name_strangers(books)
        except LoginRefusedError as error:
            self._refused = error
        except RaceAssetsError as error:
            log.warning("%d markets not polled: %s", len(ids), error)
        finally:
            with self._lock:
                self._in_flight.difference_update(ids)
                if self._is_open and books is None:
                    self._count_missed(self._plan.markets[market_id] for market_id in ids)
                elif self._is_open and books is not None:
                    self._take(ids, books)

    def _name_strangers(self, books: Sequence[Book]) -> None:
        """Has the catalogue name runners that came in since it was asked, such as a reserve."""
        known = self._markets
        strange = [
            book.market_id for book in books if book.market_id in known and not known[book.market_id].knows(book)
        ]
        if strange:
            try:
                self._learn(self._client.entries(strange))
            except RaceAssetsError as error:
                log.warning("runners of %s have no names yet: %s", ", ".join(strange), error)

    # --- taking answers in

    def _take(self, ids: Sequence[str], books: Sequence[Book]) -> None:
        """Writes the answer down; the caller holds the lock."""
        now = self._timing.now()
        # Each answer has a moment of its own, whatever becomes of the wall clock meanwhile.
        self._last_pt = pt = max(self._last_pt + 1, int((self._began_at + self._timing.clock()) * 1000))
        answered = {book.market_id: book for book in books if book.market_id in self._plan.markets}
        rows: list[Row] = []
        lost: list[tuple[Planned, Exception]] = []
        for market_id in ids:
            planned, book = self._plan.markets[market_id], answered.get(market_id)
            if book is None:
                self._count_missed([planned])
                planned.is_missing = True
                continue
            try:
                rows += self._ticker.rows(self._write(planned, pt, book))
            except (OSError, BrokenLineError) as error:
                # Those of the answer's other markets are none the worse for it.
                lost.append((planned, error))
                continue
            self._count(planned, now)
            planned.status, planned.is_missing = book.status, False
        if lost:
            self._count_missed(planned for planned, _ in lost)
            log.error("%d polls are lost, they could not be written down or read back: %s", len(lost), lost[0][1])
        self._writer.put(
            [{**row, "race_date": row["race_date"] or self._plan.markets[row["market_id"]].day} for row in rows]
        )

    def _write(self, planned: Planned, pt: int, book: Book) -> bytes:
        recorder = self._markets[planned.market_id]
        line = recorder.line(pt, book)
        try:
            self._recorder.append(planned.day, line)
        except OSError:
            # The next line may not build on one that is not there.
            recorder.start_over()
            raise
        return line

    def _count(self, planned: Planned, now: float) -> None:
        """Counts a poll, and whether it came in time after the one before."""
        figures, at = self.session.figures, self._timing.clock()
        figures.polls += 1
        before = self._answered.get(planned.market_id)
        self._answered.pop(planned.market_id, None)
        if self._plan.is_near(planned, now):
            figures.polls_near += 1
            self._answered[planned.market_id] = at
            # What is off by more than half was missed, and is counted as that.
            if before is not None and LATE < abs(at - before - self._interval) / self._interval <= 1 / 2:
                figures.polls_late += 1

    def _count_missed(self, markets: Any) -> None:
        now = self._timing.now()
        self.session.figures.polls_missed += sum(self._plan.is_near(each, now) for each in markets)

    def _miss(self, ticks: int) -> None:
        """Ticks that have gone by without being looked at."""
        with self._lock:
            for _ in range(ticks):
                self._count_missed(each for each in self._plan.markets.values() if not each.is_done)

    # --- the end

    def _end(self, ended: str, detail: str | None) -> None:
        """Waits a while for answers on their way, then stores everything."""
        left = self._settings.shutdown_timeout_seconds
        until = self._timing.clock() + left * (1 - FOR_STORING)
        for thread in list(self._threads):
            thread.join(max(0.0, until - self._timing.clock()))
        with self._lock:
            self._is_open = False
        self.session.ended = ended
        self.session.is_stored = self._writer.finish(left * FOR_STORING)
        self.session.ticks = self._writer.stored
        self.session.traffic = self._client.traffic
        try:
            self._recorder.close()
        except OSError as error:
            log.error("the recording is not whole: %s", error)  # noqa: TRY400 - the message says it all
        self._note_end(store.End(ended, datetime.now(UTC), detail, self._counts()))

    def _note_end(self, end: store.End) -> None:
        """To the database where all is stored; else the next session stores what is missing, and notes it then."""
        import psycopg

        session_id, why = self.session.session_id, "ticks are not stored yet"
        if self.session.is_stored:
            try:
                store.end(self._workshop.warehouse, session_id, end)
            except (RaceAssetsError, psycopg.Error) as error:
                why = str(error)
            else:
                return
        log.warning("the next session notes the end of this one: %s", why)
        try:
            self._recordings.leave_end(session_id, msgspec.json.encode(end))
        except (OSError, DiskError) as error:
            log.warning("it will take it for killed, no word could be left of its end: %s", error)

    def _counts(self) -> dict[str, Any]:
        traffic = self._client.traffic
        sent = {
            "api_requests": traffic.requests,
            "api_retries": traffic.retries,
            "api_wait_s": traffic.waited_s,
            "bytes_in": traffic.bytes_in,
        }
        with self._lock:
            return {**asdict(self.session.figures), **sent}

    def _progress(self) -> str:
        figures = self.session.figures
        with self._lock:
            done = sum(each.is_done for each in self._plan.markets.values())
        return (
            f"{figures.markets:,} markets, {done:,} of them settled; {figures.polls:,} polls, near the off "
            f"{figures.polls_near:,}: {figures.polls_late:,} late, {figures.polls_missed:,} missed"
        )


def _race_date(facts: dict[str, Any]) -> date | None:
    told = {name: facts.get(name) for name in ("marketTime", "timezone")}
    return race_date(msgspec.convert(told, Definition))
