"""`race-assets feed`: check and suggest; what they do is in `console/feeds.py`."""

from pathlib import Path
from typing import Annotated

import typer

from race_assets.cli.common import DATA_FAILED, GOOD, open_settings
from race_assets.errors import SettingsError

app = typer.Typer(help="Feeds of CSV files.", no_args_is_help=True, rich_markup_mode="markdown")
File = Annotated[Path, typer.Argument(help="A file; it is only read.")]


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="The feed, as the settings name it.")],
    file: File,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rejects.")] = 10,
) -> None:
    """Read a file as a feed would, and say what would be accepted, and the first rejects with their reasons.

    Nothing is landed, and no warehouse is needed. Ends with 1 where a row is refused.

        race-assets feed check gbgb_results ~/Downloads/results.csv
    """
    from race_assets.console import feeds

    settings = open_settings()
    if name not in settings.sources.csv_feeds:
        known = ", ".join(sorted(settings.sources.csv_feeds))
        raise SettingsError(f"there is no feed {name!r}; sources.csv_feeds has {known}")
    if not file.is_file():
        raise SettingsError(f"no such file: {file}")
    raise typer.Exit(GOOD if feeds.check(settings, name, file, limit) else DATA_FAILED)


@app.command()
def suggest(file: File, name: Annotated[str, typer.Option(help="What the feed is to be called.")] = "my_feed") -> None:
    """Read a sample and print a feed entry for race_assets.yaml, with how sure each column is.

    The entry is tried on the sample: a column by which rows fail is left out, and it says how many rows pass. It ends
    with 1 where no column tells track, off or runner, or no row passes.

    The entry goes below `sources.csv_feeds`; where the settings have `sources` already, leave its first lines out.

    race-assets feed suggest ~/Downloads/results.csv --name my_results
    """
    from race_assets.console import feeds

    settings = open_settings()
    try:
        settings.sources.check_feed_name(name)
    except ValueError as error:
        raise SettingsError(f"--name: {error}") from None
    if not file.is_file():
        raise SettingsError(f"no such file: {file}")
    raise typer.Exit(GOOD if feeds.suggest(settings, file, name) else DATA_FAILED)
