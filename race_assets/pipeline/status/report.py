"""The whole status: what runs, what each source has, and everything that needs an operator."""

from dataclasses import dataclass
from datetime import date

from race_assets.pipeline.status import days, files, machine, missing, rejects, sources
from race_assets.pipeline.status.machine import MachineStatus
from race_assets.pipeline.status.need import Need
from race_assets.pipeline.status.sources import SourceStatus
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import coverage


@dataclass(frozen=True)
class Status:
    """The status as of now.

    Attributes:
        machine: what runs.
        sources: what each source has, of all days.
        needs: what needs an operator, the most urgent kinds first.
    """

    machine: MachineStatus
    sources: list[SourceStatus]
    needs: list[Need]

    @property
    def is_well(self) -> bool:
        """Whether nothing needs an operator; rejects alone do not."""
        return not any(each.is_urgent for each in self.needs)


def status(workshop: Workshop, first: date, last: date, source: str | None = None) -> Status:
    """Return the status.

    Args:
        workshop: the tools.
        first: needs that end before this day are left out.
        last: needs that begin after this day are left out.
        source: leave out what is of another source.
    """
    rows = coverage.covered(workshop.reading)
    failed = days.failures(workshop)
    of_coverage = missing.needs(workshop, rows, set(failed))
    found = [*files.needs(workshop), *days.needs(workshop, failed), *of_coverage, *rejects.needs(workshop)]
    shown = [each for each in found if _is_of(each, first, last, source)]
    of_sources = [each for each in sources.statuses(workshop, rows, of_coverage) if source in (None, each.source)]
    return Status(machine.status(workshop), of_sources, shown)


def _is_of(need: Need, first: date, last: date, source: str | None) -> bool:
    is_of_source = need.source in (None, source) or source is None
    is_of_days = need.first is None or need.last is None or (need.first <= last and need.last >= first)
    return is_of_source and is_of_days
