"""Locks on race days: of several processes that are to build one day, one does the work and the others wait for it."""

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import date
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from race_assets.errors import WarehouseError
from race_assets.storage.server_errors import translated

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

DAY_LOCKS = 0x7261_6365
"""First key of the advisory locks; the second one is the number of the day."""
LOOK_EVERY_S, SAY_EVERY_S = 0.25, 10.0
HOLDERS = """select distinct activity.pid, activity.application_name, activity.backend_start
             from pg_locks as held join pg_stat_activity as activity using (pid)
             where held.locktype = 'advisory' and held.granted
               and held.classid = %s and held.objid::bigint = any(%s::bigint[])
               and held.database = (select oid from pg_database where datname = current_database()) order by 1"""


class DayLocks:
    """The days that this process works on. They are free again when it releases them, or when its session ends.

    Without a session to hold locks, every day counts as taken: then two processes may do the same work, and the second
    finds that out when it publishes.

    Args:
        open_session: opens a connection that no pooler shares with others.
    """

    def __init__(self, open_session: "Callable[[], psycopg.Connection[tuple[Any, ...]]]") -> None:
        self._open_session = open_session
        self._session: psycopg.Connection[tuple[Any, ...]] | None = None
        self._is_off = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def try_take(self, days: Collection[date]) -> set[date]:
        """Lock those of the days that no other process works on, and return them."""
        if not days:
            return set()
        query = "select day, pg_try_advisory_lock(%s, day - '0001-01-01'::date) from unnest(%s::date[]) as day"
        rows = self._execute(query, [DAY_LOCKS, sorted(days)])
        return set(days) if rows is None else {day for day, is_taken in rows if is_taken}

    def take(self, days: Collection[date]) -> None:
        """Lock the days, waiting for the processes that work on them; say so from time to time.

        They are locked one after the other in order, so that two processes that wait never wait for each other.
        """
        for day in sorted(days):
            looks = 0
            while day not in self.try_take([day]):
                if looks and looks % round(SAY_EVERY_S / LOOK_EVERY_S) == 0:
                    log.warning("waiting for another process that builds %s: %s", day, self._holders(day))
                Event().wait(LOOK_EVERY_S)
                looks += 1

    def release(self, days: Iterable[date]) -> None:
        """Unlock the days."""
        if self._session is not None and (held := sorted(days)):
            query = "select pg_advisory_unlock(%s, day - '0001-01-01'::date) from unnest(%s::date[]) as day"
            self._execute(query, [DAY_LOCKS, held])

    def close(self) -> None:
        """Unlock all days."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _holders(self, day: date) -> str:
        rows = self._execute(HOLDERS, [DAY_LOCKS, [(day - date.min).days]]) or []
        told = [f"backend {pid} ({name or 'unnamed'}, connected at {since:%H:%M:%S})" for pid, name, since in rows]
        return ", ".join(told) or "it has just ended"

    def _execute(self, query: str, parameters: list[Any]) -> list[tuple[Any, ...]] | None:
        """Return the rows; None where no session can be had. One that was lost has lost its locks, and is replaced."""
        if self._is_off:
            return None
        try:
            with translated():
                if self._session is None:
                    self._session = self._open_session()
                return self._session.execute(query.encode(), parameters).fetchall()
        except WarehouseError as error:
            log.warning("days are built without locks, another process may do the same work: %s", error)
            self._is_off = True
            with suppress(Exception):
                self.close()
            return None
