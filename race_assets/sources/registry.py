"""The list of sources and the factory that makes one by name; nothing about any one source.

A feed of the settings is a source like the others: its name is the feed's, what it does is what the feed says.
"""

from importlib import import_module

from race_assets.errors import SettingsError
from race_assets.settings import Settings
from race_assets.sources.base import FileSource

# Modules are named, not imported: a command pays only for the sources it uses.
FILE_SOURCES = {
    "betfair_csv": "race_assets.sources.betfair.betfair_csv:BetfairCsv",
    "betfair_bsp": "race_assets.sources.betfair.betfair_bsp:BetfairBsp",
    "betfair_historic": "race_assets.sources.betfair.betfair_historic:BetfairHistoric",
}


def available(settings: Settings) -> list[str]:
    """Every source's name, sorted."""
    return sorted({*FILE_SOURCES, *settings.sources.csv_feeds})


def enabled(settings: Settings) -> list[str]:
    """Names of the sources that the settings switch on, sorted."""
    return [name for name in available(settings) if settings.source(name).enabled]


def create(name: str, settings: Settings) -> FileSource:
    """The source of that name.

    Raises:
        SettingsError: there is no such source; the message lists those there are.
    """
    if name in settings.sources.csv_feeds:
        from race_assets.sources.csv_feed.feed import CsvFeed

        return CsvFeed(name, settings.sources.csv_feeds[name])
    if name not in FILE_SOURCES:
        raise SettingsError(f"there is no source {name!r}; available: {', '.join(available(settings))}")
    module, _, attribute = FILE_SOURCES[name].partition(":")
    source: FileSource = getattr(import_module(module), attribute).configured(settings.source(name))
    return source
