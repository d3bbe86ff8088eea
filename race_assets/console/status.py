"""What `race-assets status` shows: a letter a day for each source, the worst of its tracks; what is late, by name."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from itertools import groupby

from rich.text import Text

from race_assets.console import report, terminal
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.coverage import STATES, Coverage, covered

LETTERS = {
    "complete": ("C", "green"), "no_racing": ("-", "dim"), "not_yet_published": (".", "cyan"),
    "partial": ("P", "yellow"), "blocked": ("B", "red"), "failed": ("F", "bold red"),
}  # fmt: skip
WEEK = 7
SHOWN = 20


def show(
    workshop: Workshop,
    days: tuple[date, date],
    source: str | None,
    track: str | None,
    output: str,
    *,
    in_detail: bool,
) -> bool:
    """Shows the days; whether nothing is late."""
    found = covered(workshop.reading, *days, source, track)
    late = [each for each in found if each.is_late]
    if output != "table":
        report.rows(list(Coverage.__dataclass_fields__), [list(asdict(each).values()) for each in found], output)
        return not late
    if not found:
        report.line(
            "nothing to show: no file told of these days, or no source that is expected (coverage.sources in "
            "race_assets.yaml) has brought anything yet"
        )
        return True
    if in_detail:
        columns = ["source", "track", "state", "told", "known", "reason"]
        rows = [
            [each.source, each.track or "(any)", each.state, each.races_told, each.races_known, each.reason]
            for each in found
        ]
        report.rows(columns, rows, "table")
    else:
        for line in calendar(found, days):
            terminal.text(line)
    for text in _told(late):
        report.failure(text)
    return not late


def calendar(found: Sequence[Coverage], days: tuple[date, date]) -> Iterator[Text]:
    """A line for each source and month, and what the letters mean."""
    worst: dict[tuple[str, date], str] = {}
    for each in found:
        before = worst.get((each.source, each.race_date), STATES[0])
        state = each.state if (each.source, each.race_date) not in worst else max(before, each.state, key=STATES.index)
        worst[each.source, each.race_date] = state
    sources = sorted({source for source, _ in worst})
    width = max(map(len, sources))
    every = [days[0] + timedelta(days=number) for number in range((days[1] - days[0]).days + 1)]
    for month, within in groupby(every, key=lambda day: f"{day:%Y-%m}"):
        of_month = list(within)
        numbers = " ".join(f"{day:%d}" for day in of_month)
        yield Text(f"{month:{width}}  {numbers}", style="bold")
        for source in sources:
            line = Text(f"{source:{width}}  ")
            for day in of_month:
                letter, style = LETTERS.get(worst.get((source, day), ""), (" ", ""))
                line.append(f" {letter} ", style=style)
            yield line
    yield Text(", ".join(f"{letter} {state.replace('_', ' ')}" for state, (letter, _) in LETTERS.items()), style="dim")


def _told(late: Sequence[Coverage]) -> Iterator[str]:
    for each in late[:SHOWN]:
        yield f"{each.race_date} {each.source} {each.track or 'any track'}: {each.state}, {each.reason}"
    if len(late) > SHOWN:
        yield f"… and {len(late) - SHOWN:,} more; `race-assets status --format csv` has all"
