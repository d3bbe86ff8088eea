"""Ranges of days as runs carry them in their tags; why a range is wanted is decided elsewhere."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import dagster as dg

START_TAG = "dagster/asset_partition_range_start"
END_TAG = "dagster/asset_partition_range_end"
DAY_TAG = "dagster/partition"
LIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of a run over these days and all between."""
    return {START_TAG: first.isoformat(), END_TAG: last.isoformat()}


def contiguous(days: Iterable[date]) -> list[tuple[date, date]]:
    """The days as ranges without gaps, in order."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def covered(runs: Iterable[dg.DagsterRun]) -> list[tuple[date, date]]:
    """The ranges these runs are about."""
    return [found for run in runs if (found := _range_of(run.tags))]


def _range_of(tags: Mapping[str, str]) -> tuple[date, date] | None:
    if START_TAG in tags and END_TAG in tags:
        return date.fromisoformat(tags[START_TAG]), date.fromisoformat(tags[END_TAG])
    if DAY_TAG in tags:
        return date.fromisoformat(tags[DAY_TAG]), date.fromisoformat(tags[DAY_TAG])
    return None
