"""What `race-assets rejects` does: shows a refused row, tries it again, sets it aside; explaining is `explain.py`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from race_assets.console import report, terminal
from race_assets.display import json_text
from race_assets.errors import SettingsError
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import rejects
from race_assets.storage.rejects import Reject, Selection

DAYS_SHOWN = 5


def show(reject: Reject, output: str) -> None:
    """All that is kept of a refused row."""
    told = asdict(reject)
    if output == "json":
        terminal.data(json_text(json.dumps(told, default=str, indent=1, ensure_ascii=False)) + "\n")
        return
    report.rows(["column", "value"], [[name, value] for name, value in told.items() if value is not None], "table")


def whole_ids(workshop: Workshop, prefixes: Sequence[str]) -> list[str]:
    """The ids that begin so, each of exactly one reject."""
    return [rejects.find(workshop.warehouse, prefix).reject_id for prefix in prefixes]


@dataclass(frozen=True)
class Replayed:
    """What a replay came to: how the meant rejects stand now, and how the days' runs ended."""

    meant: int
    states: dict[str, int]
    by_rule: dict[str, int]
    days: Sequence[date]
    failed: Sequence[str]


def replay(workshop: Workshop, selection: Selection) -> Replayed:
    """Builds the days of the meant rejects with today's settings, feeds, parsers and registry."""
    import dagster as dg

    from race_assets import definitions
    from race_assets.automation import runs
    from race_assets.automation.ranges import contiguous
    from race_assets.pipeline import replay as replaying

    ids, days, landed = replaying.begin(workshop, selection)
    failed = [f"{each.path}: {each.detail}" for each in landed if each.is_bad]
    with dg.DagsterInstance.get() as instance:
        outcomes = runs.ingest(definitions.defs, instance, contiguous(days))
    failed += [f"{each.first} to {each.last}: {each.reason}" for each in outcomes if not each.succeeded]
    now = rejects.states(workshop.warehouse, ids)
    return Replayed(len(ids), now, rejects.rules_of(workshop.warehouse, ids), days, failed)


def show_replayed(done: Replayed) -> None:
    """The figures of a replay."""
    days = f"{len(done.days):,} days built" if done.days else "no day had changed"
    report.line(
        f"{done.meant:,} rejects tried again, {days}: {done.states.get('replayed', 0):,} pass now, "
        f"{done.states.get('open', 0):,} are still refused"
    )
    for rule, count in done.by_rule.items():
        report.line(f"  {rule}: {count:,}")
    for reason in done.failed:
        report.failure(reason)


@dataclass(frozen=True)
class Chosen:
    """Rejects named by the start of their ids.

    Attributes:
        ids: whole ids of those that are in the wanted state.
        refused: what is said of each of the others.
    """

    ids: Sequence[str]
    refused: Sequence[str]


def chosen(workshop: Workshop, prefixes: Sequence[str], state: str) -> Chosen:
    """The rejects that begin so and are in this state; the others are told one by one."""
    ids, refused = [], []
    for prefix in prefixes:
        try:
            reject = rejects.find(workshop.warehouse, prefix)
        except SettingsError as error:
            refused.append(str(error))
            continue
        if reject.state != state:
            refused.append(f"reject {prefix!r} is {reject.state}{_because(reject)}, not {state}: nothing is changed")
        elif state == rejects.DISCARDED and reject.withdrawn_at is not None:
            refused.append(f"reject {prefix!r}: its file {reject.file} was withdrawn; land it again to have it judged")
        else:
            ids.append(reject.reject_id)
    return Chosen(ids, refused)


def _because(reject: Reject) -> str:
    return f" ({reject.state_reason})" if reject.state_reason else ""


def discard(workshop: Workshop, selection: Selection, reason: str) -> int:
    """Sets open rejects aside, with the reason; gives how many."""
    ids = [each[0] for each in rejects.selected(workshop.warehouse, selection)]
    return rejects.discard(workshop.warehouse, ids, reason.strip())


def reopen(workshop: Workshop, ids: Sequence[str]) -> None:
    """Takes discarded rejects up again, and tells what has them judged again."""
    done = rejects.reopen(workshop.warehouse, ids)
    report.line(f"{done.count:,} open again")
    if done.days:
        named = ", ".join(map(str, done.days[:DAYS_SHOWN])) + (", …" if len(done.days) > DAYS_SHOWN else "")
        report.line(f"stale now, and judged again by the next `race-assets ingest`: {named}")
    if done.undated:
        report.line(f"{done.undated:,} of no known day: the next `race-assets ingest` reads their files again")
