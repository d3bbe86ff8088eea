"""`race-assets report`: a day as one page; what is on it is in `console/day_page.py`."""

from pathlib import Path
from typing import Annotated

import typer

from race_assets.cli.common import day_of, open_settings
from race_assets.errors import SettingsError


def report(
    day: Annotated[str, typer.Argument(metavar="YYYY-MM-DD", help="The race day.")],
    output: Annotated[Path | None, typer.Option(help="The file; report-DAY.html in this folder without.")] = None,
) -> None:
    """Write one page of HTML about a day: what came in, races, prices, over-rounds, what was refused, what changed.

    It needs nothing beside it: mail it, or print it.

        race-assets report 2024-06-27
    """
    from race_assets.console import day_page, terminal
    from race_assets.pipeline.workshop import Workshop

    wanted = day_of(day, "DAY")
    if wanted is None:
        raise AssertionError("unreachable: the day is given")
    file = output or Path(f"report-{wanted}.html")
    text = day_page.page(Workshop(open_settings()), wanted)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written: {error.strerror or error}; --output names another file"
        ) from None
    terminal.line(f"{file}, {len(text.encode()):,} bytes")
