"""`race-assets metrics`: figures for Prometheus; what they are is in `observability/`."""

from typing import Annotated

import typer

from race_assets.cli.common import open_settings

PORT = 9108


def metrics(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = PORT,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 is for everyone.")] = "127.0.0.1",
    once: Annotated[bool, typer.Option("--once", help="Print the page and end.")] = False,
) -> None:
    """Serve what Prometheus scrapes: records, rejects, requests, durations, coverage, live polling; until Ctrl-C.

    The figures are read from the database when they are asked for, and are those of all processes.

        race-assets metrics --port 9108
    """
    from race_assets.console import metrics as console

    settings = open_settings()
    console.show(settings) if once else console.serve(settings, host, port)
