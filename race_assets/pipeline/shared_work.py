"""Share days with other processes that build them at the same time: each day's work is done once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from race_assets.pipeline.days import chunks
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.day_locks import DayLocks
from race_assets.storage.ledger import WantedDay

NeedsWork = Callable[[date, WantedDay], bool]


@dataclass(frozen=True)
class Chunk:
    """Days that fit in memory together.

    Attributes:
        work: those that need work and are locked; whoever does it releases them.
        done: those that need none.
    """

    work: dict[date, WantedDay]
    done: list[date]


def day_locks(workshop: Workshop) -> DayLocks:
    """Return locks on days, none taken yet."""
    return DayLocks(workshop.warehouse.session)


def locked_chunks(workshop: Workshop, days: Sequence[date], locks: DayLocks, needs_work: NeedsWork) -> Iterator[Chunk]:
    """Yield the days in chunks: first those that no other process works on, then the others, once they are free.

    What a day should be built from is read after it is locked: the work of another process that had it shows then.
    """
    busy: list[date] = []
    for group in chunks(workshop, days):
        needed = {day for day, wanted in group.items() if needs_work(day, wanted)}
        ours = locks.try_take(needed)
        busy += sorted(needed - ours)
        yield _looked_at_again(workshop, locks, needs_work, ours, [day for day in group if day not in needed])
    for group in chunks(workshop, busy) if busy else ():
        locks.take(list(group))
        yield _looked_at_again(workshop, locks, needs_work, set(group), [])


def _looked_at_again(
    workshop: Workshop, locks: DayLocks, needs_work: NeedsWork, ours: set[date], done: list[date]
) -> Chunk:
    wanted = workshop.wanted(sorted(ours)) if ours else {}
    work = {day: each for day, each in wanted.items() if needs_work(day, each)}
    finished = sorted(ours - work.keys())
    locks.release(finished)
    return Chunk(work, sorted([*done, *finished]))
