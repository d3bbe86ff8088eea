"""`race-assets status`: the calendar of what every source told; what counts as told is the view `ops.coverage`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from race_assets.cli.common import DATA_FAILED, GOOD, Format, day_of, known_source, open_settings
from race_assets.errors import SettingsError


def status(
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First race day.")] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last race day; today without.")
    ] = None,
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="One day, track by track, with reasons.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    track: Annotated[str | None, typer.Option(help="Only this track's id.")] = None,
    output: Annotated[Format, typer.Option("--format", help="A calendar, or rows as csv or json.")] = Format.table,
) -> None:
    """Show what arrived of every day: a calendar of sources, held against the meetings that any source told of.

    Ends with 1 where a day is partial, blocked or failed though its time has come; each such is named with what to do.

        race-assets status --from 2024-06-01 --to 2024-06-30
    """
    from race_assets.console import status as console
    from race_assets.pipeline.workshop import Workshop

    settings = open_settings()
    if day is not None and (first or last):
        raise SettingsError("--day stands alone: leave out --from and --to")
    end = day_of(day or last, "--day" if day else "--to") or datetime.now(UTC).date()
    begin = day_of(day or first, "--from") or end - timedelta(days=settings.coverage.shown_days - 1)
    if begin > end:
        raise SettingsError(f"--from {begin} is after --to {end}")
    is_well = console.show(
        Workshop(settings), (begin, end), known_source(settings, source), track, output.value, in_detail=day is not None
    )
    raise typer.Exit(GOOD if is_well else DATA_FAILED)
