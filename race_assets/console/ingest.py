"""What `race-assets ingest` does: settles which days, runs them, shows the figures; the run is Dagster's."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime

import dagster as dg

from race_assets import definitions
from race_assets.automation import runs
from race_assets.automation.ranges import contiguous
from race_assets.console import report, terminal
from race_assets.pipeline import day_attempts
from race_assets.pipeline.figures import accounts_of
from race_assets.pipeline.land import Landed, bring_up_to_date
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Progress
from race_assets.resources.workshop import workshop_in_use
from race_assets.storage import rejects
from race_assets.storage.ledger import LedgerFile
from race_assets.validation.account import Account, total


@dataclass(frozen=True)
class Ingested:
    """What an ingest came to.

    Attributes:
        outcomes: how each run ended.
        accounts: by source and day of the days that were built.
        reread: files that were landed from the drop folders, or parsed or dated anew.
        stages: seconds by stage.
        without_day: open rejects whose day cannot be told, of all files there are.
        waiting: stale days that are no partitions, so that nothing builds them now.
        given_up: stale days that were left out because their builds were killed too often, and what to do.
    """

    outcomes: Sequence[runs.Outcome]
    accounts: Mapping[tuple[str, date | None], Account]
    reread: Sequence[Landed]
    days: int
    seconds: float
    stages: Mapping[str, float]
    without_day: int = 0
    waiting: Sequence[date] = ()
    given_up: Mapping[date, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """1 when a run failed, a file could not be read, or a day was left out."""
        is_failed = any(not each.succeeded for each in self.outcomes) or any(each.is_bad for each in self.reread)
        return int(is_failed or bool(self.given_up))


def run(
    wanted: Sequence[tuple[date, date]] | None,
    source: str | None = None,
    *,
    refresh: bool = False,
    hidden: bool = False,
) -> Ingested:
    """Builds days as Dagster runs, one per range, with a progress bar.

    Args:
        wanted: the ranges of days; None means all that are stale.
        source: whose day files are refreshed; None means all sources'.
        refresh: builds days that are not stale too.
        hidden: leaves the progress bar out.
    """
    workshop = workshop_in_use()
    service = IngestionService.over(workshop)
    started_at = datetime.now(UTC)
    reread = service.land_everything() if wanted is None else bring_up_to_date(workshop)
    given_up = day_attempts.given_up(workshop) if wanted is None else {}
    ranges = contiguous(set(service.stale_days()[0]) - given_up.keys()) if wanted is None else wanted
    days = sum((last - first).days + 1 for first, last in ranges)
    began = time.perf_counter()
    with dg.DagsterInstance.get() as instance, _bar(days, hidden=hidden) as progress:
        workshop.progress = progress
        outcomes = runs.ingest(definitions.defs, instance, ranges, source=source, refresh=refresh)
        if wanted is None and (again := service.read_failed_again(started_at)):
            reread += again
            more = contiguous(set(service.stale_days()[0]) & {day for each in again for day in each.days})
            outcomes += runs.ingest(definitions.defs, instance, more, source=source)
            days += sum((last - first).days + 1 for first, last in more)
    accounts = accounts_of(workshop, [each.run_id for each in outcomes])
    told = {(each.source, each.sha256) for each in reread}
    reread += [
        _landed(each) for each in workshop.ledger.landed_since(started_at) if (each.source, each.sha256) not in told
    ]
    seconds, without_day = time.perf_counter() - began, rejects.without_day(workshop.warehouse)
    _, waiting = service.stale_days()
    return Ingested(outcomes, accounts, reread, days, seconds, dict(workshop.seconds), without_day, waiting, given_up)


def _landed(file: LedgerFile) -> Landed:
    """A file that a run took from a drop folder, as the ledger has it."""
    days = tuple(sorted(file.dates))
    return Landed(
        file.name, file.source, file.state, file.detail or "", file.sha256, file.version,
        file.rows_read, file.records, file.undated, file.rows_careful, days,
    )  # fmt: skip


@contextmanager
def _bar(days: int, *, hidden: bool) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=terminal.errors(), disable=hidden, transient=True) as bar:
        tasks = {stage: bar.add_task(stage, total=days) for stage in ("raw", "validated", "core")}
        yield lambda stage, done: bar.update(tasks[stage], advance=done)


def show(ingested: Ingested) -> None:
    """The figures, for people."""
    for file in ingested.reread:
        report.landed_file(file)
    _show_days(ingested)
    for day, reason in ingested.given_up.items():
        report.failure(f"{day} is left out: {reason}")
    if ingested.waiting:
        days = f"{min(ingested.waiting)} to {max(ingested.waiting)}"
        report.line(
            f"{len(ingested.waiting):,} stale days are no partitions yet or any more, {days}: they are built when "
            "partitions.start and partitions.end_offset let them"
        )
    if ingested.without_day:
        report.line(f"{ingested.without_day:,} refused records have no day: `race-assets rejects` lists them first")


def _show_days(ingested: Ingested) -> None:
    if not ingested.outcomes:
        if not ingested.waiting and not ingested.given_up:
            report.line("No day is stale: every published day is what its files make.")
        return
    report.conservation(ingested.accounts)
    is_whole, built = all(each.succeeded for each in ingested.outcomes), len({day for _, day in ingested.accounts})
    report.figures(total(ingested.accounts.values()), ingested.days if is_whole else built, ingested.seconds)
    idle = ingested.days - built
    if idle > 0 and is_whole:
        report.line(f"{idle:,} days were as they should be already, or have no files")
    for each in ingested.outcomes:
        if not each.succeeded:
            report.failure(f"{each.first} to {each.last} (run {each.run_id}): {each.reason}")


def as_json(ingested: Ingested) -> str:
    """The figures, for programs."""
    everything = total(ingested.accounts.values())
    told = {
        "runs": [asdict(each) for each in ingested.outcomes],
        "days": ingested.days,
        "account": asdict(everything),
        "success_rate": everything.success_rate,
        "duration_s": ingested.seconds,
        "records_per_s": everything.records_in / ingested.seconds if ingested.seconds else None,
        "stages": ingested.stages,
        "rejects_without_day": ingested.without_day,
        "days_waiting": ingested.waiting,
        "days_given_up": {str(day): reason for day, reason in ingested.given_up.items()},
    }
    return json.dumps(told, default=str, indent=1)
