"""What is fetched from an API, how fast and from where, below `sources.<name>.fetch`; fetching is in `sources/`."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from race_assets.settings.countries import Countries
from race_assets.settings.cron import Cron
from race_assets.settings.nodes import Node, RateLimit
from race_assets.settings.source import SourceSettings
from race_assets.settings.urls import encrypted

Plan = Literal["BASIC", "ADVANCED", "PRO"]


class FetchSettings(Node):
    """What every source with an API has."""

    enabled: bool = Field(False, description="runs fetch the days they build; `race-assets fetch` does so without")
    cron: Cron | None = Field(None, description="a schedule of its own; switches fetching on")
    trailing_days: PositiveInt | None = Field(
        None, description="days back that schedules fetch again; none: automation.historical_sync.trailing_days"
    )


class HistoricFetch(FetchSettings):
    """Betfair's historic data: needs the account below `betfair`, and months bought on its site."""

    plan: Plan = Field("BASIC", description="which of the plans bought")
    market_types: tuple[str, ...] = Field(("WIN", "PLACE"), description="empty: all")
    countries: Countries = Field(("GB", "IE", "AU", "NZ"), description="ISO codes; empty: all")
    url: str = "https://historicdata.betfair.com/api"

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        return encrypted(url, "the session's token is")


class HistoricRate(RateLimit):
    """Below 90 requests in any 10 s: the API refuses more than 100 (API_CONTRACTS 2.5)."""

    requests_per_second: PositiveFloat = 8.52
    burst_size: PositiveInt = 3


class BspFetch(FetchSettings):
    """Betfair's daily starting-price files; no account."""

    url: str = "https://promo.betfair.com/betfairsp/prices"

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        return encrypted(url, "what is believed comes from there, and our address is")


class BspRate(RateLimit):
    """A second between requests: a web site, not an API, serves these files (API_CONTRACTS 5.1)."""

    requests_per_second: PositiveFloat = 1
    burst_size: PositiveInt = 1


class BspSettings(SourceSettings):
    """The source of starting-price files."""

    rate_limit: BspRate = BspRate()
    fetch: BspFetch = BspFetch()
