"""`race-assets diff`: what published days said otherwise before; how that is found is in `pipeline/revisions.py`."""

from typing import Annotated

import typer

from race_assets.cli.common import Format, day_of, known_source, open_settings
from race_assets.errors import SettingsError


def diff(
    day: Annotated[str, typer.Argument(metavar="YYYY-MM-DD", help="The race day.")],
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="The last of several days.")] = None,
    source: Annotated[str | None, typer.Option(help="Only what this source says.")] = None,
    since: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Only what was published since.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows, the newest first.")] = 100,
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """List what changed in a day after it was published: cells with their old and new value, records that came or went.

    A source's first records of a day are no change, nor is a day that is built again from the same files.

        race-assets diff 2024-06-27
    """
    from race_assets.console import report, terminal
    from race_assets.pipeline.workshop import Workshop
    from race_assets.storage import revisions

    first = day_of(day, "DAY")
    end = day_of(last, "--to") or first
    if first is None or end is None or end < first:
        raise SettingsError(f"--to {last} is before {day}")
    settings = open_settings()
    named, published = known_source(settings, source), day_of(since, "--since")
    found = revisions.listed(Workshop(settings).warehouse, (first, end), named, published, limit)
    report.rows(found.columns, found.rows, output.value)
    if output is Format.table:
        more = f"; --limit shows more than {limit:,}" if found.total > len(found.rows) else ""
        terminal.line(f"{found.total:,} changes{more}")
