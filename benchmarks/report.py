"""What the benchmarks found, as tables for people and as one JSON file for machines."""

import datetime as dt
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import measure
from benchmarks.contestants import Outcome

PACKAGES = (
    "race-assets",
    "dlt",
    "polars",
    "pyarrow",
    "dagster",
    "adbc-driver-postgresql",
    "psycopg",
    "betfair_data",
    "betfairlightweight",
)


def machine() -> dict[str, object]:
    """Where the figures come from; they say nothing without it."""
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def summarise(outcomes: dict[str, list[Outcome]]) -> dict[str, dict]:
    """Medians of every contestant, and the median of its ratios to each other one, round by round.

    ``times_as_fast_as`` is the other's seconds divided by this one's.
    """
    summary = {}
    for name, runs in outcomes.items():
        seconds = [run.seconds for run in runs]
        summary[name] = {
            "rows": runs[0].rows,
            "seconds": measure.median(seconds),
            "rows_per_s": round(measure.median(run.rows / run.seconds for run in runs)),
            "cpu_s": measure.median(run.cpu_s for run in runs),
            "peak_process_mib": round(max(run.peak_process_mib for run in runs)),
            "peak_tree_mib": round(max(run.peak_tree_mib for run in runs)),
            "times_as_fast_as": {
                other: measure.median_ratio([run.seconds for run in theirs], seconds)
                for other, theirs in outcomes.items()
                if other != name
            },
            "detail": runs[0].detail,
            "runs": [asdict(run) for run in runs],
        }
    return summary


def show(results: dict, console: Console) -> None:
    """Print every part that was measured."""
    _show_contest("The same file into the same Postgres server", results["contest"], console)
    for name, entry in results["contest"].items():
        if entry["runs"][-1]["stages"]:
            _show_figures(f"Where the time goes, last round: {name}", entry["runs"][-1]["stages"], console)
    if results.get("feed"):
        _show_contest("A generic CSV through a feed", results["feed"], console)
        _show_figures("Where the time goes, last round: feed", results["feed"]["ours"]["runs"][-1]["stages"], console)
    if results.get("stream"):
        _show_contest("An archive of stream files", results["stream"], console, unit="messages")
        for figure in results["stream"]["plain bz2"]["runs"][-1]["stages"]:
            figures = {name: entry["runs"][-1]["stages"][figure] for name, entry in results["stream"].items()}
            _show_figures(f"Without process start, last round: {figure}", figures, console)
    for title, key in (
        ("Stages on their own, rows/s", "stages"),
        ("One small day", "small_day"),
        ("Linking, the least over all labelled corpora", "linking"),
    ):
        if results.get(key):
            _show_figures(title, results[key], console)


def _show_contest(title: str, contest: dict[str, dict], console: Console, unit: str = "rows") -> None:
    table = Table(title=title)
    for heading in ("", unit, "seconds", f"{unit}/s", "CPU s", "peak MiB", "peak MiB of tree", "faster than"):
        table.add_column(heading, justify="left" if heading in {"", "faster than"} else "right")
    for name, entry in contest.items():
        table.add_row(
            name,
            f"{entry['rows']:,}",
            f"{entry['seconds']:.1f}",
            f"{entry['rows_per_s']:,}",
            f"{entry['cpu_s']:.1f}",
            f"{entry['peak_process_mib']:,}",
            f"{entry['peak_tree_mib']:,}",
            ", ".join(f"{other} x{ratio:.2f}" for other, ratio in entry["times_as_fast_as"].items()),
        )
    console.print(table)
    for name, entry in contest.items():
        console.print(f"  {name}: {entry['detail']}")


def _show_figures(title: str, figures: dict[str, float], console: Console) -> None:
    console.print(f"\n{title}")
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, figure in figures.items():
        table.add_row(name, f"{figure:,}" if isinstance(figure, int) else f"{figure:,.2f}")
    console.print(table)


def save(results: dict, path: Path) -> None:
    """Write the JSON file."""
    path.write_text(json.dumps(results, indent=2) + "\n")
