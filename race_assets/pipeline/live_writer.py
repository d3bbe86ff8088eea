"""The thread that stores what a live session polls: soon, in batches, again where the database is away; not polling."""

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from race_assets.errors import RaceAssetsError
from race_assets.pipeline.log_fields import carried
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.betfair.exchange.ticks import Row
from race_assets.storage import live as store
from race_assets.storage.recording import Recorder

log = logging.getLogger(__name__)

LINGER_S = 0.1
"""How long a first tick waits for others of its poll."""

AGAIN_S = 1.0
MOST_KEPT = 200_000
"""Ticks kept while the database is away; more are left to the recording, out of which they are stored later."""


class Writer:
    """Stores the ticks of a session.

    Attributes:
        stored: rows that were new to the table.
        is_behind: ticks are in the recording only.
    """

    def __init__(
        self, workshop: Workshop, session_id: str, recorder: Recorder, figures: Callable[[], dict[str, Any]]
    ) -> None:
        self._warehouse, self._session_id, self._recorder, self._figures = (
            workshop.warehouse, session_id, recorder, figures,
        )  # fmt: skip
        self._queue: SimpleQueue[list[Row]] = SimpleQueue()
        self._kept: list[Row] = []
        self._closing = threading.Event()
        self.stored = 0
        self.is_behind = False

    def start(self) -> None:
        """Begins to store."""
        self._thread = threading.Thread(target=carried(self._work), name="ticks", daemon=True)
        self._thread.start()

    def put(self, rows: list[Row]) -> None:
        """Hands over the rows of one answer."""
        self._queue.put(rows)

    def finish(self, seconds: float) -> bool:
        """Stores what is left, for so many seconds at most; whether all is stored."""
        self._closing.set()
        self._thread.join(seconds)
        return not self._thread.is_alive() and not self._kept and not self.is_behind

    def _work(self) -> None:
        while not self._closing.is_set():
            if self._gather():
                self._closing.wait(LINGER_S)
            self._drain()
            if self._kept and not self._store():
                self._closing.wait(AGAIN_S)
        self._drain()
        self._store()

    def _gather(self) -> bool:
        try:
            self._kept += self._queue.get(timeout=LINGER_S)
        except Empty:
            return False
        return True

    def _drain(self) -> None:
        while not self._queue.empty():
            self._kept += self._queue.get()
        if len(self._kept) > MOST_KEPT:
            log.error("the database is away: %d ticks are in the recording only until a later session", len(self._kept))
            self._kept, self.is_behind = [], True

    def _store(self) -> bool:
        """Stores what is kept; what fails is kept, and tried again."""
        try:
            self._recorder.sync()
            self.stored += store.store(self._warehouse, self._session_id, self._kept, self._figures())
        except (RaceAssetsError, OSError) as error:
            log.warning("ticks not stored, trying again: %s", error)
            return False
        except Exception:
            log.exception("ticks not stored")
            return False
        self._kept = []
        return True
