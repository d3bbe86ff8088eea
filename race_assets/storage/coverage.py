"""What stood in the way of a source's day, and reading what every source told of every meeting (`ops.coverage`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from race_assets.storage.postgres import Warehouse

EVERY = "*"
"""In place of a source: the day as a whole could not be built."""

TRAILING = timedelta(days=27)
"""How far back calendars look: four weeks with their last day."""

BLOCKED, FAILED = "blocked", "failed"
STATES = ("complete", "no_racing", "not_yet_published", "partial", "blocked", "failed")
"""From nothing to do to the most to do."""


@dataclass(frozen=True)
class Coverage:
    """A row of `ops.coverage`: one source, day and track, or, without a track, the whole day of that source.

    Attributes:
        reason: what is missing, and what to do, for people.
        is_late: something is missing whose time has come.
    """

    race_date: date
    source: str
    track_id: str | None
    track: str | None
    state: str
    reason: str
    races_known: int
    races_told: int
    deadline_at: datetime
    is_late: bool


def covered(
    warehouse: Warehouse, first: date, last: date, source: str | None = None, track_id: str | None = None
) -> list[Coverage]:
    """What was told of these days, both ends included, by day, source and track."""
    query = """select race_date, source, track_id, track, state, reason, races_known, races_told, deadline_at, is_late
               from ops.coverage where race_date between %s and %s and source = coalesce(%s, source)
               and (%s::text is null or track_id = %s) order by race_date, source, track_id nulls first"""
    with warehouse.connect() as connection:
        return [Coverage(*row) for row in connection.execute(query, [first, last, source, track_id, track_id])]


def late(warehouse: Warehouse) -> list[Coverage]:
    """What is missing of the last four weeks, up to today, though its time has come."""
    today = datetime.now(UTC).date()
    return [each for each in covered(warehouse, today - TRAILING, today) if each.is_late]


def note(cursor: Any, source: str, problems: Mapping[date, tuple[str, str]], solved: Iterable[date]) -> None:
    """Notes, in the transaction of a cursor, what stands in the way of days of a source, and which days are free again.

    Args:
        source: its name, or `EVERY`.
        problems: by day the kind, `BLOCKED` or `FAILED`, and the reason.
        solved: days that nothing stands in the way of.
    """
    free = [day for day in solved if day not in problems]
    if free:
        cursor.execute("delete from ops.day_problems where source = %s and race_date = any(%s)", [source, free])
    if problems:
        cursor.executemany(
            """insert into ops.day_problems (source, race_date, kind, reason, noted_at) values (%s, %s, %s, %s, now())
               on conflict (race_date, source) do update
               set kind = excluded.kind, reason = excluded.reason, noted_at = excluded.noted_at""",
            [(source, day, kind, reason) for day, (kind, reason) in sorted(problems.items())],
        )


def note_alone(
    warehouse: Warehouse, source: str, problems: Mapping[date, tuple[str, str]], solved: Sequence[date] = ()
) -> None:
    """The same in a transaction of its own."""
    if problems or solved:
        with warehouse.transaction() as connection, connection.cursor() as cursor:
            note(cursor, source, problems, solved)
