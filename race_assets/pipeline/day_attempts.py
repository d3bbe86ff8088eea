"""Builds of days that were killed: such days are built last and one by one, and given up after a few."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from race_assets.errors import WarehouseError, WarehouseRefusedError
from race_assets.pipeline import process
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import day_attempts as store
from race_assets.storage.ledger import WantedDay

log = logging.getLogger(__name__)


def interrupted(workshop: Workshop, wanted: Mapping[date, WantedDay]) -> dict[date, int]:
    """Return how often building each stale day from its present inputs ended in the middle; never: left out."""
    stale = {day: each.fingerprint for day, each in wanted.items() if each.is_stale}
    return store.interrupted(workshop.warehouse, stale, process.is_gone, process.is_here) if stale else {}


@contextmanager
def counted(workshop: Workshop, group: Mapping[date, WantedDay]) -> Iterator[None]:
    """Count the work on a chunk of days before it begins: a process that is killed in this block has not ended it."""
    stale = {day: each.fingerprint for day, each in group.items() if each.is_stale}
    if not stale:
        yield
        return
    mark = process.process_mark()
    store.begin(workshop.warehouse, stale, mark)
    try:
        yield
    finally:
        try:
            store.end(workshop.warehouse, list(stale), mark)
        except (WarehouseError, WarehouseRefusedError) as error:
            log.warning("the end of the work on some days cannot be noted", extra={"error": str(error)})


def given_up(workshop: Workshop) -> dict[date, str]:
    """Return the stale days that were killed too often to be built again unasked, and what to do about each."""
    stale = dict(workshop.ledger.stale_days())
    limit = workshop.settings.automation.stale_days.attempts
    counts = store.interrupted(workshop.warehouse, stale, process.is_gone, process.is_here) if stale else {}
    return {day: reason(day, count) for day, count in sorted(counts.items()) if count >= limit}


def reason(day: date, count: int) -> str:
    """Return why a day is not built again unasked, and what to do."""
    return (
        f"its build was killed {count} times, perhaps for want of memory; lower chunk_rows or give it more, then "
        f"`race-assets ingest --from {day} --to {day}`"
    )
