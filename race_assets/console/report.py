"""How the command line shows things: files, figures, tables; the things themselves come from below."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from race_assets.console import terminal
from race_assets.console.terminal import failure, heading, line
from race_assets.display import json_text, sheet_cell
from race_assets.pipeline.land import Landed
from race_assets.validation.account import LEAST_TIMED, Account, total

__all__ = ["conservation", "failure", "figures", "heading", "landed_file", "landed_total", "line", "rows"]

TOTALS = {
    "landed": "landed", "known": "landed before", "no_data": "without rows", "set_aside": "set aside",
    "failed": "not landed, tried again next time",
}  # fmt: skip
STYLES = {"landed": "green", "known": "dim", "no_data": "yellow"}


def landed_file(each: Landed) -> None:
    """One line for a file that was landed, or was not."""
    parts = [(f"{each.state:12} ", STYLES.get(each.state, "red")), (each.path, "")]
    if each.state == "landed":
        days = (
            f"{each.days[0]} to {each.days[-1]}" if len(each.days) > 1 else str(each.days[0]) if each.days else "no day"
        )
        parts.append((f"  version {each.version}, {each.records:,} records, {days}", ""))
        if each.undated:
            told = f", {each.undated:,} whose day cannot be told: those refused are in `race-assets rejects`"
            parts.append((told, "yellow"))
    if each.rows_careful:
        parts.append((f", {each.rows_careful:,} rows read one by one", "dim"))
    if each.detail:
        parts.append((f"  {each.detail}", "yellow" if each.is_bad or each.state == "landed" else "dim"))
    terminal.styled(parts)


def landed_total(landed: Sequence[Landed]) -> None:
    """What a landing came to."""
    counts = Counter(each.state for each in landed)
    parts = [f"{counts.pop(state):,} {said}" for state, said in TOTALS.items() if state in counts]
    parts += [f"{count:,} could not be read ({state})" for state, count in sorted(counts.items())]
    text = f"{len(landed):,} {'file' if len(landed) == 1 else 'files'}: {', '.join(parts) or 'nothing to do'}"
    line(text, "red" if any(each.is_bad for each in landed) else "")


def rows(columns: Sequence[str], values: Sequence[Sequence[Any]], output: str) -> None:
    """Print a query's rows.

    Args:
        output: `table` for people; `csv` and `json` for programs, exact; `sheet` for a spreadsheet program, a CSV in
            which no text is run as a formula.
    """
    if output == "json":
        names = _distinct(columns)
        text = _as_json([dict(zip(names, row, strict=True)) for row in values], indent=1)
        terminal.data(json_text(text) + "\n")
    elif output in {"csv", "sheet"}:
        terminal.data(_as_csv([columns, *values], is_sheet=output == "sheet"))
    else:
        terminal.table(columns, ([_in_table(cell) for cell in row] for row in values))


BYTE_ORDER_MARK = "\ufeff"
"""Without it, a spreadsheet program takes UTF-8 for another encoding."""


def _as_csv(values: Sequence[Sequence[Any]], *, is_sheet: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n" if is_sheet else "\n")
    for row in values:
        cells = [_as_json(cell) if isinstance(cell, dict | list) else cell for cell in row]
        writer.writerow(map(sheet_cell, cells) if is_sheet else cells)
    return f"{BYTE_ORDER_MARK if is_sheet else ''}{text.getvalue()}"


def as_json(value: Any) -> None:
    """Print a value as JSON, dates and times as text."""
    terminal.data(json_text(_as_json(value, indent=1)) + "\n")


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


def _in_table(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _as_json(value) if isinstance(value, dict) else value


def conservation(accounts: Mapping[tuple[str, date | None], Account]) -> None:
    """The account of each source, and of all: what came in and where it went."""
    columns = ("records in", "accepted", "quarantined", "duplicates", "filtered", "adds up")
    by_source = {source: total(a for (s, _), a in accounts.items() if s == source) for source, _ in accounts}
    everything = total(by_source.values())
    by_name = [*sorted(by_source.items()), ("all", everything)]
    rows = [[name, *_counts(account), "no" if account.imbalance() else "yes"] for name, account in by_name]
    terminal.table(("source", *columns), rows, title="Every record accounted for", right=columns)
    for name, counts in (
        ("quarantined by rule", everything.rejected_by),
        ("duplicates", everything.duplicates),
        ("filtered", everything.filtered),
        ("noted", everything.notes),
    ):
        if counts:
            line(f"{name}: " + ", ".join(f"{key} {count:,}" for key, count in counts.items()))


def _counts(account: Account) -> list[str]:
    counts = (
        account.records_in,
        account.accepted,
        account.quarantined,
        account.duplicate_count,
        account.filtered_count,
    )
    return [f"{count:,}" for count in counts]


def figures(account: Account, days: int, seconds: float) -> None:
    """Duration, speed and success rate of a run."""
    rate = (
        f"{account.success_rate:.2%}" if account.success_rate is not None else "undefined: no record could be accepted"
    )
    is_measured = account.records_in >= LEAST_TIMED and seconds
    speed = f", {account.records_in / seconds:,.0f} records/s" if is_measured else ""
    unit = "day" if days == 1 else "days"
    line(f"{days:,} {unit} in {seconds:.1f} s{speed}, success rate {rate}")
