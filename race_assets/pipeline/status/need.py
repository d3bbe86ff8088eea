"""One thing that needs an operator, and contiguous ranges of days."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)
MISSING, PARTIAL, REJECTED, NOT_COLLECTED = "missing", "partial", "rejected", "not collected"
FAILED, OUT_OF_DATE, NO_PARTITION = "failed", "out of date", "no partition"
UNREADABLE, NOT_LANDED, NOT_ENTERED = "unreadable", "not landed", "unfinished"
TO_READ_AGAIN, REJECTS = "read again", "rejects"

Range = tuple[date, date]


@dataclass(frozen=True)
class Need:
    """Something that is not as it should be, and what to do about it.

    Attributes:
        kind: one of the kinds of this module, or the state of coverage it is about.
        source: whose it is; None where it concerns all.
        first: the first day; None where it concerns no days.
        last: the last day.
        days: how many days between the two it concerns.
        reason: what is wrong.
        command: what to run next.
        advice: words that lead to the command; empty where it is enough.
    """

    kind: str
    source: str | None
    first: date | None
    last: date | None
    days: int
    reason: str
    command: str
    advice: str = ""

    @property
    def is_urgent(self) -> bool:
        """Whether something is missing or wrong; rejects, and days that settings leave out, are worth knowing."""
        return self.kind not in {REJECTS, NO_PARTITION}


def ranges(days: Iterable[date]) -> list[Range]:
    """Return the days as contiguous ranges, in order."""
    found: list[Range] = []
    for day in sorted(set(days)):
        if found and day - found[-1][1] == DAY:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def of_ranges(
    kind: str, source: str | None, days: Iterable[date], reason: str, command: Callable[[Range], str]
) -> list[Need]:
    """Return a need for each contiguous range of the days."""
    return [
        Need(kind, source, first, last, (last - first).days + 1, reason, command((first, last)))
        for first, last in ranges(days)
    ]


def from_to(days: Range) -> str:
    """Return the options that name a range."""
    return f"--from {days[0]} --to {days[1]}"


def over_all(needs: Sequence[Need]) -> str | None:
    """Return the one command that does what those of all needs do, on all days between; None where there is none."""
    stems = set()
    for each in needs:
        options = from_to((each.first, each.last)) if each.first and each.last else ""
        if not options or not each.command.endswith(options):
            return None
        stems.add(each.command.removesuffix(options))
    first = min(each.first for each in needs if each.first)
    last = max(each.last for each in needs if each.last)
    return f"{stems.pop()}{from_to((first, last))}" if len(stems) == 1 else None
