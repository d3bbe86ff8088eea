"""Settings of live polling: which markets are asked about, how often, how fast; polling itself is elsewhere."""

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from race_assets.settings.countries import Countries
from race_assets.settings.nodes import RateLimit
from race_assets.settings.rules import ComingRacesRules
from race_assets.settings.source import SourceSettings
from race_assets.settings.streams import GridSettings
from race_assets.settings.urls import encrypted


class ExchangeRate(RateLimit):
    """Far below what the API takes; it allows five calls a second about one market (API_CONTRACTS 3.5)."""

    requests_per_second: PositiveFloat = 10
    burst_size: PositiveInt = 10


class ExchangeSettings(SourceSettings):
    """Prices as they move, polled up to the off and until the result is known."""

    url: str = "https://api.betfair.com/exchange/betting/rest/v1.0"
    rate_limit: ExchangeRate = ExchangeRate()
    market_types: tuple[str, ...] = Field(("WIN", "PLACE"), min_length=1, description="as Betfair names them")
    countries: Countries = Field(("GB", "IE", "AU", "NZ"), description="ISO codes; empty: all")
    live_polling_interval_seconds: PositiveFloat = Field(5, description="between two polls of a market near its off")
    far_polling_interval_seconds: PositiveFloat = Field(60, description="between two polls further from the off")
    result_polling_interval_seconds: PositiveFloat = Field(30, description="between the off and the result")
    catalogue_interval_seconds: PositiveFloat = Field(60, description="between two looks at which markets there are")
    near_minutes: PositiveFloat = Field(10, description="before the off, and after it while betting goes on")
    hours_ahead: PositiveFloat = Field(12, description="how long before its off a market is first asked about")
    result_hours: PositiveFloat = Field(3, description="after its off; a market that has not closed then is given up")
    price_depth: PositiveInt = Field(3, description="levels on offer, on each side")
    shutdown_timeout_seconds: PositiveFloat = Field(5, description="from a request to stop until the process ends")
    price_points: GridSettings = GridSettings()
    rules: ComingRacesRules = ComingRacesRules()
    processes: PositiveInt | None = Field(None, description="that read a recording; none means one per core")

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        return encrypted(url, "the session's token is")
