"""What `race-assets live` shows, and how it is told to stop; polling is in `pipeline/live.py`."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from race_assets.console import report
from race_assets.pipeline import live
from race_assets.pipeline.service import IngestionService
from race_assets.settings import Settings


def run(settings: Settings, duration: timedelta, *, land: bool) -> bool:
    """One session; says how it went. What was recorded is landed unless it was told to stop: then time is short.

    Returns:
        whether everything is stored, and landed if it was to be.
    """
    service = IngestionService(settings)
    with told_to_stop() as stopping:
        session = service.poll(duration, stopping, tell=report.line)
        is_stopped = stopping.is_set()
    _show(session)
    landed = service.land_recordings() if land and not is_stopped else []
    for each in landed:
        report.landed_file(each)
    if not land or is_stopped:
        report.line(
            "what was recorded is landed by the next `race-assets live` that ends by itself, or `race-assets ingest`"
        )
    return session.is_stored and not any(each.is_bad for each in landed)


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; a second one does what it always does."""
    stopping = threading.Event()

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, before[number])
        # Not here: the thread this interrupts may hold the event's own lock.
        threading.Thread(target=stopping.set).start()

    before: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(session: live.Session) -> None:
    figures = session.figures
    report.line(
        f"session {session.session_id} {session.ended}: {figures.markets:,} markets, {figures.polls:,} polls, "
        f"{session.ticks:,} ticks stored"
    )
    on_time = figures.polls_near - figures.polls_late
    report.line(
        f"near the off {figures.polls_near:,} polls: {on_time:,} on time, {figures.polls_late:,} late, "
        f"{figures.polls_missed:,} missed"
    )
    if session.recovered:
        report.line(f"{session.recovered:,} ticks of a session that was killed were stored, out of its recording")
    if not session.is_stored:
        report.failure(live.NOT_STORED)
