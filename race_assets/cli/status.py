"""`race-assets status`: what is here, what is missing since when, and the command that brings it."""

from datetime import date
from typing import Annotated

import typer

from race_assets.cli.common import DATA_FAILED, GOOD, Format, day_of, known_source, open_settings
from race_assets.errors import SettingsError


def status(
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="Only what is of later days.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Only what is of earlier days.")
    ] = None,
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="One day: each source, and tracks that lack races.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Leave nothing out, and show a calendar.")] = False,
    output: Annotated[Format, typer.Option("--format", help="A page, all of it as json, or what to do as csv.")] = (
        Format.table
    ),
) -> None:
    """Show what runs, what each source has, and what to do: missing days, files and failures, each with its command.

    A source is expected from its first day with data to its last, or to today while it is current (`coverage` in the
    settings). Ends with 1 where something is missing, failed, unreadable or out of date.

        race-assets status --from 2024-06-01 --to 2024-06-30 --source betfair_bsp
    """
    from race_assets.console import status as console
    from race_assets.pipeline.workshop import Workshop

    settings = open_settings()
    if day is not None and (first or last or everything):
        raise SettingsError("--day stands alone: leave out --from, --to and --all")
    workshop, name = Workshop(settings), known_source(settings, source)
    one_day = day_of(day, "--day")
    if one_day is not None:
        is_well = console.show_day(workshop, one_day, name, output.value)
    else:
        begin, end = day_of(first, "--from") or date.min, day_of(last, "--to") or date.max
        if begin > end:
            raise SettingsError(f"--from {begin} is after --to {end}")
        is_well = console.show(workshop, (begin, end), name, output.value, everything=everything)
    raise typer.Exit(GOOD if is_well else DATA_FAILED)
