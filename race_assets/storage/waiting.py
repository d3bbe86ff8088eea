"""Waits for locks of other sessions, reported: what is waited for, who holds it, since when, and what to do."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

REPORT_AFTER_S = 10.0
"""Shorter waits are usual while another process publishes."""

REPEAT_AFTER_S = 300.0
TICK_S = 1.0
IDLE_TICKS = 30

HOLDERS = """
    select pid, coalesce(nullif(application_name, ''), 'unnamed'), usename::text, coalesce(state, 'state unknown'),
           extract(epoch from clock_timestamp() - coalesce(xact_start, state_change, backend_start))::float8
    from pg_stat_activity where pid = any(%s) order by pid"""

HOLDING = """
    select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and ((classid::bigint << 32) | objid::bigint) = %s"""

WAITING = """
    select waiting.pid, extract(epoch from clock_timestamp() - query_start)::float8, pg_blocking_pids(waiting.pid),
           coalesce(relation::regclass::text, 'a row')
    from pg_stat_activity as waiting
    join lateral (select relation, locktype from pg_locks where pg_locks.pid = waiting.pid and not granted limit 1)
         as wanted on true
    where waiting.pid = any(%s) and locktype <> 'advisory'"""
"""Waits for advisory locks are reported by whoever takes them."""


def take_transaction_lock(cursor: Any, key: int, purpose: str) -> None:
    """Take an advisory lock until the end of the cursor's transaction, and report a long wait.

    Args:
        purpose: what the lock is for: "publishing days".
    """
    _take(cursor, "pg_try_advisory_xact_lock", "pg_advisory_xact_lock", key, purpose)


@contextmanager
def session_lock(connection: Any, key: int, purpose: str) -> Iterator[None]:
    """Hold an advisory lock in the block, on an autocommit connection of its own, and report a long wait."""
    with connection.cursor() as cursor:
        take_session_lock(cursor, key, purpose)
        try:
            yield
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [key])


def take_session_lock(cursor: Any, key: int, purpose: str) -> None:
    """Take an advisory lock until the end of the cursor's session, and report a long wait."""
    _take(cursor, "pg_try_advisory_lock", "pg_advisory_lock", key, purpose)


def _take(cursor: Any, attempt: str, wait: str, key: int, purpose: str) -> None:
    cursor.execute(f"select {attempt}(%s)".encode(), [key])
    if cursor.fetchone()[0]:
        return
    began, timeout_s = time.monotonic(), REPORT_AFTER_S
    while not _taken_within(cursor, f"select {wait}(%s)".encode(), key, timeout_s):
        cursor.execute(HOLDING, [key])
        holders = [pid for (pid,) in cursor.fetchall()]
        cursor.execute(HOLDERS, [holders])
        _report(time.monotonic() - began, f"the lock for {purpose}", cursor.fetchall())
        timeout_s = REPEAT_AFTER_S


def _taken_within(cursor: Any, statement: bytes, key: int, timeout_s: float) -> bool:
    from psycopg.errors import LockNotAvailable

    setting = "select set_config('lock_timeout', %s, true)"
    try:
        with cursor.connection.transaction():
            cursor.execute(setting, [f"{timeout_s * 1000:.0f}ms"])
            cursor.execute(statement, [key])
            # Inside of another transaction it would hold on after this one.
            cursor.execute(setting, ["0"])
    except LockNotAvailable:
        return False
    return True


def _report(waited_s: float, wanted: str, holders: Sequence[tuple[int, str, str, str, float]]) -> None:
    shown = ", ".join(
        f"pid {pid} ({name}, role {role}, {state} for {seconds:.0f} s)" for pid, name, role, state, seconds in holders
    )
    step = f"select pg_terminate_backend({holders[0][0]})" if holders else "see pg_stat_activity"
    log.warning(
        "waiting for %s since %.0f s; held by %s; this goes on by itself once that session ends its transaction: if it "
        "hangs, end its program, or run: %s",
        wanted,
        waited_s,
        shown or "a session that has just ended",
        step,
    )


Look = Callable[[], float]
"""Looks at something that has taken long, reports it if it waits, and returns in how many seconds to look again."""


@dataclass
class _Watched:
    """Something this process waits for, perhaps.

    Attributes:
        look_at: when to look next, by the monotonic clock.
    """

    look: Look
    look_at: float = field(default_factory=lambda: time.monotonic() + REPORT_AFTER_S)


class Watch:
    """Looks, in a thread of its own, at what has taken `REPORT_AFTER_S`; the thread ends when there is nothing."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._lock = threading.Lock()
        self._entries: dict[int, _Watched] = {}
        self._numbers = 0
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, look: Look) -> Iterator[None]:
        """Watch until the block ends."""
        number = self.begin(look)
        try:
            yield
        finally:
            self.end(number)

    def begin(self, look: Look) -> int:
        """Watch until `end` is called with the number returned here."""
        with self._lock:
            self._numbers += 1
            self._entries[self._numbers] = _Watched(look)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watch of waits", daemon=True)
                self._thread.start()
            return self._numbers

    def end(self, number: int) -> None:
        """Stop watching."""
        with self._lock:
            self._entries.pop(number, None)

    def _run(self) -> None:
        idle = 0
        while idle < IDLE_TICKS:
            time.sleep(TICK_S)
            with self._lock:
                idle = 0 if self._entries else idle + 1
                due = [entry for entry in self._entries.values() if entry.look_at <= time.monotonic()]
                if idle == IDLE_TICKS:
                    self._thread = None
            for entry in due:
                entry.look_at = time.monotonic() + entry.look()


watch = Watch()
"""The watch of this process."""

# The thread does not run in a forked child, and the lock may be held there for ever.
os.register_at_fork(after_in_child=watch.reset)


def session_at_work(pid: int, open_session: Callable[[], Any]) -> Look:
    """Return how to look at a session of this process that runs statements.

    Args:
        pid: its server process.
        open_session: opens another session on the same server, to ask about this one.
    """

    def look() -> float:
        try:
            with open_session() as connection:
                row = connection.execute(WAITING, [[pid]]).fetchone()
                if row is None:
                    return REPORT_AFTER_S
                _, waited_s, blockers, wanted = row
                if waited_s < REPORT_AFTER_S:
                    return REPORT_AFTER_S - float(waited_s)
                holders = connection.execute(HOLDERS, [blockers]).fetchall()
        except Exception as error:  # noqa: BLE001 - whatever keeps this session from looking must not end the watch
            log.warning("a statement takes over %.0f s; whether it waits cannot be seen: %s", REPORT_AFTER_S, error)
        else:
            _report(waited_s, f"a lock on {wanted}", holders)
        return REPEAT_AFTER_S

    return look


def session_being_opened(where: str) -> Look:
    """Return how to look at a connection that is not open yet.

    Args:
        where: the server, without a password.
    """
    began = time.monotonic()

    def look() -> float:
        log.warning(
            "waiting for a connection to Postgres (%s) since %.0f s: the server cannot be reached, or a pooler has no "
            "session free; see whether it runs, and end other programs that use it",
            where,
            time.monotonic() - began,
        )
        return REPEAT_AFTER_S

    return look
