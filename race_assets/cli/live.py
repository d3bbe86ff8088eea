"""`race-assets live`: polls the exchange for a while; what a session does is in `pipeline/live.py`."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from race_assets.cli.common import DATA_FAILED, GOOD, check_source, open_settings
from race_assets.errors import SettingsError

DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")


def live(
    duration: Annotated[str, typer.Option("--for", metavar="2h30m", help="How long at most.")] = "2h",
    land: Annotated[bool, typer.Option(help="At the end, bring what was recorded into the archive.")] = True,
) -> None:
    """Poll Betfair's exchange: prices up to the off of every greyhound race ahead, then results and starting prices.

    Ticks are in live.price_ticks within a second. Ends when the time is over or every market has its result; on Ctrl-C
    or SIGTERM within `sources.betfair_exchange.shutdown_timeout_seconds`: a later session goes on. `race-assets ingest`
    builds the days from what was recorded.

        race-assets live --for 2h
    """
    settings = open_settings(writes=True)
    check_source(settings, "betfair_exchange")
    from race_assets.console import live as console

    is_well = console.run(settings, duration_of(duration), land=land)
    raise typer.Exit(GOOD if is_well else DATA_FAILED)


def duration_of(text: str) -> timedelta:
    """`2h`, `90m`, `1h30m`, `45s`.

    Raises:
        SettingsError: it is none.
    """
    found = DURATION.fullmatch(text.strip())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    whole = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not whole:
        raise SettingsError(f"--for {text!r} is no duration; write it as 2h, 90m or 1h30m")
    return whole
