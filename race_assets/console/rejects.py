"""What `race-assets rejects` does: shows a refused row, explains it, tries it again, sets it aside."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from race_assets.console import report
from race_assets.errors import SettingsError
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import rejects
from race_assets.storage.rejects import Reject, Selection
from race_assets.validation.accepts import accepts

CELL = 80


def show(reject: Reject, output: str) -> None:
    """All that is kept of a refused row."""
    told = asdict(reject)
    if output == "json":
        report.line(json.dumps(told, default=str, indent=1, ensure_ascii=False))
        return
    report.rows(["column", "value"], [[name, value] for name, value in told.items() if value is not None], "table")


def explain(workshop: Workshop, reject: Reject) -> None:
    """The row as read, where it stands, each rule it broke with what would pass, and what to do about it."""
    report.heading(f"reject {reject.reject_id[: rejects.SHOWN_ID]} of {reject.source}: {reject.state}")
    report.line(_place(reject))
    text = (reject.row or {}).get("text", "")
    report.heading("as read")
    report.line(text)
    report.rows(["column", "cell"], _laid_out(workshop, reject, text), "table")
    report.heading("rules it broke")
    allowed = accepts(workshop.settings.rules)
    broken = zip(reject.rules, reject.messages, strict=True)
    report.rows(
        ["rule", "severity", "what is wrong", "what would pass"],
        [[rule, _severity(workshop, rule), message, allowed.get(rule, "")] for rule, message in broken],
        "table",
    )
    report.heading("what to do")
    for advice in _advice(reject):
        report.line(advice)


def _place(reject: Reject) -> str:
    day = f"race day {reject.race_date}" if reject.race_date else "a day that cannot be told"
    where = f"{reject.file or 'a file'} version {reject.version}, line {reject.source_row:,}"
    force = "withdrawn" if reject.withdrawn_at else "in force" if reject.version == reject.newest else "replaced since"
    return (
        f"{where}, byte {reject.byte_offset:,} of its text ({force}; sha256 {reject.source_file[:12]}), {day}, "
        f"refused at stage {reject.stage}"
    )


def _laid_out(workshop: Workshop, reject: Reject, text: str) -> list[list[str]]:
    """The row's cells beside the names of their columns."""
    path = workshop.archive.path(reject.source, reject.source_file)
    cells = workshop.source(reject.source).cells_of(path, text)
    names = (reject.columns or "").split(",")
    width = max(len(names), len(cells))
    padded = zip([*names, *["(no column)"] * width][:width], [*cells, *["(missing)"] * width][:width], strict=True)
    return [[name, cell if len(cell) <= CELL else f"{cell[:CELL]}…"] for name, cell in padded]


def _severity(workshop: Workshop, rule: str) -> str:
    return str(getattr(getattr(workshop.settings.rules, rule, None), "severity", ""))


def _advice(reject: Reject) -> Iterator[str]:
    short = reject.reject_id[: rejects.SHOWN_ID]
    if "track_known" in reject.rules:
        yield "name the track: `race-assets tracks add-alias TRACK_ID 'name as written'` (`tracks find` has the ids)"
    yield f"once the cause is mended (file, feed, settings, registry): `race-assets rejects replay {short}`"
    yield f"if the row is rightly refused: `race-assets rejects discard {short} --reason '…'`"


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


def discard(workshop: Workshop, selection: Selection, reason: str) -> int:
    """Sets open rejects aside, with the reason; gives how many."""
    if not reason.strip():
        raise SettingsError("--reason must say why these rows are rightly refused; it is kept beside them")
    ids = [each[0] for each in rejects.selected(workshop.warehouse, selection)]
    return rejects.change(workshop.warehouse, ids, rejects.OPEN, rejects.DISCARDED, reason.strip())


def reopen(workshop: Workshop, ids: Sequence[str]) -> int:
    """Takes discarded rejects up again; gives how many."""
    return rejects.change(workshop.warehouse, ids, rejects.DISCARDED, rejects.OPEN, None)
