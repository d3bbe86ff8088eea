"""Next ticks of schedules in cron's five fields, as Dagster's daemon would have them."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
"""Of minute, hour, day of the month, month and day of the week, 0 being Sunday."""
DAY_PLACE, MONTH_PLACE, WEEKDAY_PLACE = 2, 3, 4
LAST_DAY = -1
PART = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/([1-9][0-9]*))?")
YEARS = 30
"""A schedule that does not tick within so many years never does, such as one of 30 February."""


@dataclass(frozen=True)
class NextRun:
    """A tick of a schedule: its name, the moment in the schedule's own time zone, and whether its setting is on."""

    schedule: str
    at: datetime
    is_enabled: bool


def next_ticks(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """Return the next ticks of a schedule, in its time zone.

    As with Dagster, a time that the clocks skip ticks once they have gone forward, and one that they show twice ticks
    the second time; a schedule of every hour ticks in each of them.

    Args:
        cron: minute, hour, day of the month, month, day of the week.
        timezone: IANA name.
        after: ticks at this instant and later.
        count: number of ticks; fewer where the schedule has no more.

    Raises:
        ValueError: a field is none that is read here.
    """
    return list(islice(_ticks(cron, ZoneInfo(timezone), after), count))


def _ticks(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    fields = cron.lower().split()
    if len(fields) != len(RANGES):
        raise ValueError(f"cron {cron!r}: must have five fields: minute, hour, day, month, weekday")
    minutes, hours, days, months, weekdays = (_values(cron, text, place) for place, text in enumerate(fields))
    is_every_hour = len(hours) == len(range(24))
    first, latest = after.astimezone(zone).date(), None
    for day in _days(first, date(first.year + YEARS, 1, 1)):
        if day.month not in months or not _falls_on(day, days, weekdays):
            continue
        offs = [datetime.combine(day, time(hour, minute), zone) for hour in sorted(hours) for minute in sorted(minutes)]
        placed = (_both(off) if is_every_hour else [_once(off)] for off in offs)
        for tick in sorted({tick for ticks in placed for tick in ticks}):
            if tick >= after and tick != latest:
                latest = tick
                yield tick.astimezone(zone)


def _days(first: date, end: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((end - first).days))


def _falls_on(day: date, days: frozenset[int], weekdays: frozenset[int]) -> bool:
    """Return whether a day is one of the fields' days: where both restrict it, either is enough."""
    is_last = day.day == monthrange(day.year, day.month)[1]
    in_month = day.day in days or (is_last and LAST_DAY in days)
    in_week = day.isoweekday() % len(WEEKDAYS) in weekdays
    if len(days) == len(range(1, 32)):
        return in_week
    return in_month if len(weekdays) == len(WEEKDAYS) else in_month or in_week


def _once(local: datetime) -> datetime:
    """Return the one instant, in UTC, at which a local time ticks."""
    at = local.replace(fold=1).astimezone(UTC)
    if at.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    # Clocks skip it: the first moment after the gap, which begins at a full hour.
    before = local.replace(minute=0, fold=0).astimezone(UTC)
    return before.replace(minute=0)


def _both(local: datetime) -> list[datetime]:
    """Return the instants, in UTC, at which clocks show a local time: none, one or two."""
    instants = {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    shown = local.replace(tzinfo=None)
    return [at for at in instants if at.astimezone(local.tzinfo).replace(tzinfo=None) == shown]


def _values(cron: str, text: str, place: int) -> frozenset[int]:
    """Return the numbers that a field stands for; the last day of the month is `LAST_DAY`."""
    lowest, highest = RANGES[place]
    found: set[int] = set()
    for part in text.split(","):
        if part == "l" and place == DAY_PLACE:
            found.add(LAST_DAY)
            continue
        matched = PART.fullmatch(part)
        if matched is None:
            raise ValueError(f"cron {cron!r}: {part!r} is not a number, name, range or step")
        begin, end, step = matched.groups()
        first = lowest if begin == "*" else _number(cron, begin, place)
        last = _number(cron, end, place) if end else highest if begin == "*" or step else first
        # Sunday is 7 as well, so that a range may end with it.
        numbers = range(first, last + 1, int(step or 1))
        if not numbers:
            raise ValueError(f"cron {cron!r}: {part!r} has no number in it")
        found |= {number % len(WEEKDAYS) for number in numbers} if place == WEEKDAY_PLACE else set(numbers)
    return frozenset(found)


def _number(cron: str, text: str, place: int) -> int:
    lowest, highest = RANGES[place]
    names = {MONTH_PLACE: MONTHS, WEEKDAY_PLACE: WEEKDAYS}.get(place, [])
    number = names.index(text) + lowest if text in names else int(text) if text.isdigit() else -1
    if not lowest <= number <= highest + (place == WEEKDAY_PLACE):
        raise ValueError(f"cron {cron!r}: {text!r} is not from {lowest} to {highest}")
    return number
