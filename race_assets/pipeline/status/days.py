"""Days that failed, and days that are out of date, as ranges with the command that builds them."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from race_assets.pipeline.status.need import FAILED, NO_PARTITION, OUT_OF_DATE, Need, from_to, of_ranges
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import coverage
from race_assets.storage.ledger import Ledger


def failures(workshop: Workshop) -> dict[date, str]:
    """Return the days that could not be built, with the reason."""
    return coverage.problems(workshop.warehouse, coverage.EVERY)


def needs(workshop: Workshop, failed: Mapping[date, str]) -> list[Need]:
    """Return failed days by reason, then days whose files, settings or tracks changed since they were built."""
    by_reason: dict[str, list[date]] = defaultdict(list)
    for day, reason in sorted(failed.items()):
        by_reason[reason].append(day)
    found = [need for reason, days in by_reason.items() for need in of_ranges(FAILED, None, days, reason, _ingest)]
    stale = [day for day, _ in Ledger(workshop.warehouse).stale_days() if day not in failed]
    partitions = workshop.settings.partitions
    first, last = partitions.start, partitions.last()
    held = [day for day in stale if first <= day <= last]
    reason = "files, settings or tracks changed since the day was built, or it was never built"
    found += of_ranges(OUT_OF_DATE, None, held, reason, _ingest)
    outside = [day for day in stale if not first <= day <= last]
    reason = f"landed, but outside partitions ({first} to {last}): partitions.start and end_offset let them in"
    return found + of_ranges(NO_PARTITION, None, outside, reason, lambda _: "race-assets ingest")


def _ingest(days: tuple[date, date]) -> str:
    return f"race-assets ingest {from_to(days)}"
