"""How the command line shows things: files, figures, tables; the things themselves come from below."""

import csv
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from race_assets.pipeline.land import Landed
from race_assets.validation.account import Account, total

STYLES = {"landed": "green", "known": "dim", "no_data": "yellow"}


def console() -> Console:
    """The terminal; wide enough for a file when there is no terminal."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=200)


def line(text: str) -> None:
    """A sentence."""
    console().print(Text(text), soft_wrap=True)


def heading(text: str) -> None:
    """A title with room above."""
    console().print(Text(f"\n{text}", style="bold"))


def errors() -> Console:
    """Where progress and failures go: stderr, so that output can be piped."""
    return Console(stderr=True, highlight=False)


def failure(text: str) -> None:
    """A failure, on stderr."""
    errors().print(Text(text, style="red"), soft_wrap=True)


def landed_file(each: Landed) -> None:
    """One line for a file that was landed, or was not."""
    line = Text(f"{each.state:12} ", style=STYLES.get(each.state, "red")).append(each.path, style="default")
    if each.state == "landed":
        days = (
            f"{each.days[0]} to {each.days[-1]}" if len(each.days) > 1 else str(each.days[0]) if each.days else "no day"
        )
        line.append(f"  version {each.version}, {each.records:,} records, {days}", style="default")
        if each.undated:
            told = f", {each.undated:,} whose day cannot be told: those refused are in `race-assets rejects`"
            line.append(told, style="yellow")
    if each.rows_careful:
        line.append(f", {each.rows_careful:,} rows read one by one", style="dim")
    if each.detail:
        line.append(f"  {each.detail}", style="yellow" if each.is_bad or each.state == "landed" else "dim")
    console().print(line, soft_wrap=True)


def landed_total(landed: Sequence[Landed]) -> None:
    """What a landing came to."""
    bad = sum(each.is_bad for each in landed)
    text = f"{len(landed)} files: {sum(e.state == 'landed' for e in landed)} landed, {bad} could not be read"
    console().print(Text(text, style="red" if bad else "default"))


def rows(columns: Sequence[str], values: Sequence[Sequence[Any]], output: str) -> None:
    """A query's rows as a table, CSV or JSON."""
    if output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_as_json(cell) if isinstance(cell, dict | list) else cell for cell in row] for row in values)
    elif output == "json":
        names = _distinct(columns)
        sys.stdout.write(_as_json([dict(zip(names, row, strict=True)) for row in values], indent=1) + "\n")
    else:
        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in values:
            table.add_row(*(Text("" if value is None else _shown(value)) for value in row))
        console().print(table)


def as_json(value: Any) -> None:
    """Print a value as JSON, dates and times as text."""
    sys.stdout.write(_as_json(value, indent=1) + "\n")


def _distinct(columns: Sequence[str]) -> list[str]:
    """Column names with the second of a name as `name_2`, since an object holds a name once."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names or (name != column and name in columns):
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return names


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(_finite(value), default=str, ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    """The value with null for each number that JSON has no way to write."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float | Decimal) and not math.isfinite(value) else value


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(map(str, value))
    else:
        text = _as_json(value) if isinstance(value, dict) else str(value)
    # A cell of a file may hold what a terminal takes for a command.
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def conservation(accounts: Mapping[tuple[str, date | None], Account]) -> None:
    """The account of each source, and of all: what came in and where it went."""
    table = Table(title="Every record accounted for", title_justify="left", box=None, header_style="bold")
    table.add_column("source")
    for name in ("records in", "accepted", "quarantined", "duplicates", "filtered", "adds up"):
        table.add_column(name, justify="right")
    by_source = {source: total(a for (s, _), a in accounts.items() if s == source) for source, _ in accounts}
    for source, account in [*sorted(by_source.items()), ("all", total(by_source.values()))]:
        table.add_row(
            source,
            *(
                f"{n:,}"
                for n in (
                    account.records_in,
                    account.accepted,
                    account.quarantined,
                    account.duplicate_count,
                    account.filtered_count,
                )
            ),
            "no" if account.imbalance() else "yes",
        )
    console().print(table)
    everything = total(by_source.values())
    for name, counts in (
        ("quarantined by rule", everything.rejected_by),
        ("duplicates", everything.duplicates),
        ("filtered", everything.filtered),
        ("noted", everything.notes),
    ):
        if counts:
            console().print(
                f"{name}: " + ", ".join(f"{key} {count:,}" for key, count in counts.items()), soft_wrap=True
            )


def figures(account: Account, days: int, seconds: float) -> None:
    """Duration, speed and success rate of a run."""
    rate = (
        f"{account.success_rate:.2%}" if account.success_rate is not None else "undefined: no record could be accepted"
    )
    speed = account.records_in / seconds if seconds else 0
    console().print(f"{days:,} days in {seconds:.1f} s, {speed:,.0f} records/s, success rate {rate}")
