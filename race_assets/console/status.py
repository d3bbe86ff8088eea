"""What `race-assets status` prints: what runs, what each source has, and what to do, each with its command."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from itertools import groupby

from rich.text import Text

from race_assets.console import report, terminal
from race_assets.pipeline.status import report as whole
from race_assets.pipeline.status.machine import MachineStatus
from race_assets.pipeline.status.need import Need, over_all
from race_assets.pipeline.status.sources import SourceStatus
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import coverage
from race_assets.storage.coverage import LETTERS, Coverage

SHOWN_OF_A_KIND, SHOWN_NEEDS = 3, 10
MINUTE, HOUR, DAY = 60, 3600, 86_400
STYLES = {
    "C": "green", "-": "dim", ".": "cyan", "W": "cyan", "P": "yellow", "M": "bold red", "R": "red", "B": "red",
    "F": "bold red",
}  # fmt: skip


def show(
    workshop: Workshop, days: tuple[date, date], source: str | None, output: str, *, everything: bool = False
) -> bool:
    """Print the status, and return whether nothing is missing or wrong.

    Args:
        workshop: the tools.
        days: needs that concern none of these days are left out.
        source: leave out what is of another source.
        output: `table` for people; `json` is one object, `csv` has what to do, a row each.
        everything: leave nothing out for shortness, and end with a calendar.
    """
    found = whole.status(workshop, *days, source)
    if output == "csv":
        report.rows(list(Need.__dataclass_fields__), [list(asdict(each).values()) for each in found.needs], output)
    elif output == "json":
        report.as_json(asdict(found))
    else:
        _show_machine(found.machine)
        _show_sources(found.sources)
        _show_needs(found, everything=everything)
        if everything:
            _show_calendar(workshop, days, source)
    return found.is_well


def show_day(workshop: Workshop, day: date, source: str | None, output: str) -> bool:
    """Print the state of one day by source, and the tracks that lack races; return whether nothing is late."""
    rows = coverage.covered(workshop.reading, day, day, source)
    if output != "table":
        report.rows(list(Coverage.__dataclass_fields__), [list(asdict(each).values()) for each in rows], output)
    elif not rows:
        report.line(f"nothing is expected of {day}, and nothing was landed for it")
    else:
        columns = ["source", "state", "races", "of known", "reason"]
        report.rows(columns, [[e.source, e.state, e.races_reported, e.races_known, e.reason] for e in rows], "table")
        _show_lacking_tracks(workshop, day, source)
    return not any(each.is_late for each in rows)


def _show_lacking_tracks(workshop: Workshop, day: date, source: str | None) -> None:
    tracks = coverage.tracks(workshop.warehouse, day, source)
    expected = {each.source for each in coverage.covered(workshop.warehouse, day, day, source)}
    lacking = [e for e in tracks if e.source in expected and e.races_reported < e.races_known]
    if lacking:
        report.heading("Tracks that lack races")
        columns = ["source", "track", "races", "of known"]
        report.rows(columns, [[e.source, e.track, e.races_reported, e.races_known] for e in lacking], "table")


def _show_machine(machine: MachineStatus) -> None:
    if machine.is_daemon_running:
        daemon = "running"
    elif machine.daemon_age_s is None:
        daemon = "never ran on this database; `race-assets doctor` says how to start it"
    else:
        daemon = f"not running, last seen {_age(machine.daemon_age_s)} ago; `race-assets doctor` says how to start it"
    run, published = machine.run, "no day yet"
    last_run = (
        "none yet"
        if run is None
        else f"{run.job} {run.days}".rstrip() + f", {run.status}, {run.created_at:%Y-%m-%d %H:%M} UTC"
    )
    if machine.published_at is not None:
        published = f"{_count(machine.days, 'day')}, last at {machine.published_at:%Y-%m-%d %H:%M} UTC"
    for name, text in (
        ("server", machine.server), ("daemon", daemon), ("last run", last_run), ("published", published),
    ):  # fmt: skip
        report.line(f"{name:9}  {text}")


def _age(seconds: float) -> str:
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit:
            return _count(int(seconds // unit), name)
    return _count(int(seconds), "second")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _show_sources(sources: Sequence[SourceStatus]) -> None:
    with_files = [each for each in sources if each.files]
    report.heading("Sources")
    if with_files:
        columns = ["source", "enabled", "data from", "to", "expected to", "days landed", "built", "missing"]
        report.rows(columns, [_source_row(each) for each in with_files], "table")
    if without := [each.source for each in sources if not each.files]:
        report.line(f"enabled, no files yet: {', '.join(without)}")


def _source_row(each: SourceStatus) -> list[object]:
    until = {True: "today", False: each.last, None: "not expected"}[each.is_current]
    enabled = "yes" if each.is_enabled else "no"
    return [each.source, enabled, each.first, each.last, until, each.days_landed, each.days_built, each.days_missing]


def _show_needs(found: whole.Status, *, everything: bool) -> None:
    report.heading("To do")
    if not found.needs:
        report.line("nothing: every day that is expected is here, and is what its files make")
        return
    room, left_out = SHOWN_NEEDS, 0
    for _, group in groupby(found.needs, key=lambda each: (each.kind, each.source)):
        needs = list(group)
        size = len(needs) if everything else min(len(needs), SHOWN_OF_A_KIND, room)
        for each in needs[:size]:
            _show_need(each)
        if not size:
            left_out += len(needs)
        elif needs[size:]:
            _show_rest(needs[size:])
        room -= size
    if left_out:
        report.line(f"… and {_count(left_out, 'more thing')}: `race-assets status --all`")


def _show_need(need: Need) -> None:
    about = " ".join(part for part in (need.source, _days(need)) if part)
    head = (f"{need.kind:12} ", "bold red" if need.is_urgent else "yellow")
    terminal.styled([head, (f"{about}: {need.reason}" if about else need.reason, "")])
    advice = f"{need.advice} " if need.advice else ""
    report.line(f"{'':12}   {advice}`{need.command}`")


def _days(need: Need) -> str:
    if need.first is None:
        return ""
    if need.first == need.last:
        return f"{need.first}"
    return f"{need.first} to {need.last}" + (f" ({_count(need.days, 'day')})" if need.days else "")


def _show_rest(rest: Sequence[Need]) -> None:
    """Name how many more there are of a kind and source, and one command for all, or the command that lists them."""
    days = sum(each.days for each in rest)
    about = f", {_count(days, 'day')} up to {max(each.last for each in rest if each.last)}" if days else ""
    of_source = f" --source {rest[0].source}" if rest[0].source else ""
    command = over_all(rest) or f"race-assets status --all{of_source}"
    report.line(f"{rest[0].kind:12} … and {len(rest):,} more{about}")
    report.line(f"{'':12}   `{command}`")


def _show_calendar(workshop: Workshop, days: tuple[date, date], source: str | None) -> None:
    """A line for each source, a letter a day, of the last days asked about."""
    last = min(days[1], max((each.race_date for each in coverage.covered(workshop.warehouse)), default=days[1]))
    first = max(days[0], last - timedelta(days=workshop.settings.coverage.shown_days - 1))
    states: dict[str, dict[date, str]] = {}
    for each in coverage.covered(workshop.warehouse, first, last, source):
        states.setdefault(each.source, {})[each.race_date] = each.state
    if not states:
        return
    report.heading(f"{first} to {last}, a letter a day")
    width = max(map(len, states))
    for name, found in sorted(states.items()):
        line = Text(f"{name:{width}}  ")
        for number in range((last - first).days + 1):
            letter = LETTERS.get(found.get(first + timedelta(days=number), ""), " ")
            line.append(letter, style=STYLES.get(letter, ""))
        terminal.text(line)
    report.line(", ".join(f"{letter} {state.replace('_', ' ')}" for state, letter in LETTERS.items()))
