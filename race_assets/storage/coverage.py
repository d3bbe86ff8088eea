"""Reading what every source reported of every day (`ops.coverage`), and noting what stood in the way of a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from race_assets.storage.postgres import Warehouse

EVERY = "*"
"""In place of a source: all sources together, or the day as a whole."""

TRAILING = timedelta(days=27)
"""How far back calendars and the check `arrived` look: four weeks with their last day."""

COMPLETE, NO_RACING, NOT_YET, WAITING = "complete", "no_racing", "not_yet_published", "waiting"
PARTIAL, MISSING, REJECTED, BLOCKED, FAILED = "partial", "missing", "rejected", "blocked", "failed"
LETTERS = {
    COMPLETE: "C", NO_RACING: "-", NOT_YET: ".", WAITING: "W", PARTIAL: "P", MISSING: "M", REJECTED: "R", BLOCKED: "B",
    FAILED: "F",
}  # fmt: skip
"""A letter of calendars for each state, from nothing to do to the most to do."""


def letters(days: Sequence[tuple[date, str]]) -> str:
    """Return a letter for each day from the first to the last, a blank for one on which nothing is expected."""
    states = dict(days)
    first, last = min(states), max(states)
    span = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return "".join(LETTERS[states[day]] if day in states else " " for day in span)


@dataclass(frozen=True)
class Coverage:
    """A row of `ops.coverage`: one source and day.

    Attributes:
        reason: why it has its state, for people.
        races_known: races that any source reports in the countries of this source.
        races_reported: of those, the ones that this source reports.
        is_current: the source is expected up to today.
        is_late: something is missing although it is due.
    """

    race_date: date
    source: str
    state: str
    reason: str
    races_known: int
    races_reported: int
    deadline_at: datetime
    is_current: bool
    is_late: bool


@dataclass(frozen=True)
class TrackCoverage:
    """A row of `ops.track_coverage`: the races of one track and day that are known, and those that a source reports."""

    race_date: date
    source: str
    track_id: str
    track: str
    races_known: int
    races_reported: int


def covered(
    warehouse: Warehouse, first: date = date.min, last: date = date.max, source: str | None = None
) -> list[Coverage]:
    """Return what each source reported of these days, both ends included, by day and source."""
    query = f"""select {", ".join(Coverage.__dataclass_fields__)} from ops.coverage
                where race_date between %s and %s and source = coalesce(%s, source) order by race_date, source"""
    with warehouse.connect() as connection:
        return [Coverage(*row) for row in connection.execute(query.encode(), [first, last, source])]


def tracks(warehouse: Warehouse, day: date, source: str | None = None) -> list[TrackCoverage]:
    """Return the races of a day by source and track, of sources that are compared with others."""
    query = f"""select {", ".join(TrackCoverage.__dataclass_fields__)} from ops.track_coverage
                where race_date = %s and source = coalesce(%s, source) order by source, track"""
    with warehouse.connect() as connection:
        return [TrackCoverage(*row) for row in connection.execute(query.encode(), [day, source])]


def problems(warehouse: Warehouse, source: str) -> dict[date, str]:
    """Return the days of a source, or of `EVERY`, that something stood in the way of when they were last tried."""
    query = "select race_date, reason from ops.day_problems where source = %s order by race_date"
    with warehouse.connect() as connection:
        return dict(connection.execute(query, [source]).fetchall())


def recent(warehouse: Warehouse) -> list[Coverage]:
    """Return the last four weeks, up to today, of sources that are current."""
    today = datetime.now(UTC).date()
    return [each for each in covered(warehouse, today - TRAILING, today) if each.is_current]


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
