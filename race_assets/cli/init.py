"""`race-assets init`: a project folder."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to write; it is made if it is not there.")] = Path(),
) -> None:
    """Write a project folder: settings, Dagster's files, drop folders and a README; nothing is overwritten.

    Everything that later commands write in it stays below it.

        race-assets init races
    """
    from race_assets.console import init as console

    console.run(folder)
