"""Trying refused rows again: their files read anew, and the days that are then to be built; not building them."""

from datetime import date

from race_assets.pipeline import land
from race_assets.pipeline.judge import VALIDATED
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import rejects
from race_assets.storage.rejects import Selection

CLOCKED = "start_window"


def begin(workshop: Workshop, selection: Selection) -> tuple[list[str], list[date], list[Landed]]:
    """Reads anew the files of the rejects that are meant where that may change anything.

    Returns:
        ids of the rejects; the days to build, those that are stale among theirs; the files that were read.
    """
    chosen = rejects.selected(workshop.warehouse, selection)
    ids = [each[0] for each in chosen]
    undated = {(source, sha256) for _, source, sha256, day, *_ in chosen if day is None}
    _forget_clock(workshop, {day for *_, day, _, rules in chosen if day is not None and CLOCKED in rules})
    # Asking for the ledger states today's configuration, which is what makes days stale.
    landed = land.bring_up_to_date(workshop)
    days = {day for *_, day, _, _ in chosen if day is not None}
    days |= _days_of(workshop, undated).union(*(each.days for each in landed))
    stale = {day for day, _ in workshop.ledger.stale_days()}
    return ids, sorted(days & stale), landed


def _forget_clock(workshop: Workshop, days: set[date]) -> None:
    """Have days validated again whose rejects depend on what the clock showed: their inputs are the same as then."""
    for day in days:
        workshop.lake.remove_day(VALIDATED, day)
    rejects.mark_stale(workshop.warehouse, sorted(days), "the clock is asked again")


def _days_of(workshop: Workshop, files: set[tuple[str, str]]) -> set[date]:
    """The days that these files tell of now: a row that had none may have one."""
    found = (workshop.ledger.file(source, sha256) for source, sha256 in files)
    return {day for file in found if file is not None for day in file.dates}
