"""The list of sources and the factory that makes one by name; nothing about any one source.

A feed of the settings is a source like the others: its name is the feed's, what it does is what the feed says.
"""

from importlib import import_module
from typing import Any

from race_assets.errors import SettingsError
from race_assets.http.timing import Timing
from race_assets.settings import Settings
from race_assets.sources.base import Fetcher, FileSource

# Modules are named, not imported: a command pays only for the sources it uses.
FILE_SOURCES = {
    "betfair_csv": "race_assets.sources.betfair.betfair_csv:BetfairCsv",
    "betfair_bsp": "race_assets.sources.betfair.betfair_bsp:BetfairBsp",
    "betfair_historic": "race_assets.sources.betfair.betfair_historic:BetfairHistoric",
    "betfair_exchange": "race_assets.sources.betfair.betfair_exchange:BetfairExchange",
    "racing_post_races": "race_assets.sources.racing_post.races:RacingPostRaces",
    "racing_post_form": "race_assets.sources.racing_post.form:RacingPostForm",
    "racing_post_analysis": "race_assets.sources.racing_post.analysis:RacingPostAnalysis",
}

FETCHERS = {
    "betfair_bsp": "race_assets.sources.betfair.bsp_fetch:BspFetcher",
    "betfair_historic": "race_assets.sources.betfair.historic_fetch:HistoricFetcher",
    "racing_post_races": "race_assets.sources.racing_post.fetch:RacesFetcher",
    "racing_post_form": "race_assets.sources.racing_post.fetch:FormFetcher",
    "racing_post_analysis": "race_assets.sources.racing_post.fetch:AnalysisFetcher",
}
"""Of the sources that have an API."""


PROVIDERS = {
    "betfair_bsp": "betfair",
    "betfair_historic": "betfair",
    "betfair_exchange": "betfair",
    "betfair_hub": "betfair",
    "racing_post_races": "racing_post",
    "racing_post_form": "racing_post",
    "racing_post_analysis": "racing_post",
}
"""Whose ids a source's markets and selections have; a source that is not named has its own."""

BORROWERS = {"betfair_csv": "betfair"}
"""Sources whose ids may be another provider's, and that provider: each market is known by its selections."""


def provider(name: str) -> str:
    """Whose ids the source's markets and selections have."""
    return PROVIDERS.get(name, name)


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

        source: FileSource = CsvFeed(name, settings.sources.csv_feeds[name])
    elif name in FILE_SOURCES:
        source = _named(FILE_SOURCES[name]).configured(settings)
    else:
        raise SettingsError(f"there is no source {name!r}; available: {', '.join(available(settings))}")
    source.limits = settings.file_limits
    return source


def check_enabled(name: str, settings: Settings) -> None:
    """Check that there is a source of that name, and that it is switched on.

    Raises:
        SettingsError: there is none, and the message lists those there are; or it is not enabled.
    """
    create(name, settings)
    if not settings.source(name).enabled:
        raise SettingsError(f"source {name} is not enabled; set sources.{name}.enabled in race_assets.yaml")


def no_api(name: str) -> str:
    """Return what to say of a source that has no API."""
    return f"source {name} has no API to fetch from, its files are landed; with one: {', '.join(FETCHERS)}"


def fetches(name: str, settings: Settings) -> bool:
    """Whether runs fetch the source's days from its API."""
    return name in FETCHERS and settings.fetches(name)


def api_of(name: str) -> str:
    """The API that a source of `FETCHERS` is fetched from, by which its lock goes; several sources may share one."""
    api: str = _named(FETCHERS[name]).api
    return api


def fetcher(name: str, settings: Settings, timing: Timing | None = None) -> Fetcher | None:
    """What gets the source's files from its API, switched on for runs or not; None where it has no API.

    Raises:
        SettingsError: there is no such source, or credentials that it needs are not set.
    """
    if name not in FETCHERS:
        create(name, settings)
        return None
    made: Fetcher = _named(FETCHERS[name]).configured(settings, timing or Timing())
    return made


def _named(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
