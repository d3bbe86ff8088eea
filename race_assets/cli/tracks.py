"""`race-assets tracks`: list, find, add-alias; what they do is in `console/tracks.py`."""

from typing import TYPE_CHECKING, Annotated

import typer

from race_assets.cli.common import Format, open_settings

if TYPE_CHECKING:
    from race_assets.identity.tracks import TrackRegistry

app = typer.Typer(help="The registry of tracks and their names.", no_args_is_help=True, rich_markup_mode="markdown")
Country = Annotated[str | None, typer.Option(help="GB, IE, AU or NZ.")]


@app.command("list")
def listed(
    country: Country = None, output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table
) -> None:
    """List the tracks there are, with their ids and further names."""
    from race_assets.console import report, tracks

    registry = _registry()
    rows = tracks.listed(registry, tracks.known_country(registry, country))
    report.rows(["track_id", "track", "country", "timezone", "further names"], rows, output.value)


@app.command()
def find(name: Annotated[str, typer.Argument(help="A name as a source writes it.")], country: Country = None) -> None:
    """Say which track a name means, or which come nearest."""
    from race_assets.console import terminal, tracks

    registry = _registry()
    country = tracks.known_country(registry, country)
    track_id = tracks.found(registry, name, country)
    if track_id is not None:
        terminal.line(f"{name!r} is {track_id}")
        return
    if len(registry.fitting_tracks(name, country)) == 1:
        terminal.line(f"{name!r} is no track's name; {registry.advice(name, country)}")
        return
    near = ", ".join(f"{each.name} ({each.track_id})" for each in registry.nearest_tracks(name, country, 5))
    terminal.line(f"{name!r} is no track's name; nearest: {near}")


@app.command("add-alias")
def add_alias(
    track_id: Annotated[str, typer.Argument(help="The track, as `tracks list` names it: gb-romford.")],
    name: Annotated[str, typer.Argument(help="What a source calls it; with (AUS) behind it, in Australia alone.")],
) -> None:
    """Give a track another name, kept in `<home>/tracks.yaml`; `race-assets rejects replay` then tries its rows again.

    A name that means another track of the same country is refused. One that means a track elsewhere must bear the
    country's tag: (GB), (IRE), (AUS) or (NZ).

    race-assets tracks add-alias gb-romford "Rumford"
    """
    from race_assets.console import terminal, tracks

    if tracks.add_alias(open_settings(writes=True).home, track_id, name):
        terminal.line(
            f"{name!r} is {track_id} from now on; `race-assets rejects replay --rule track_known` tries again"
        )
    else:
        terminal.line(f"{name!r} means {track_id} already; nothing changes")


def _registry() -> "TrackRegistry":
    from race_assets.identity.tracks import TrackRegistry, own_file

    file = own_file(open_settings().home)
    return TrackRegistry.load(file if file.exists() else None)
