"""Settings of coverage: which sources are expected to tell of which meetings, and until when."""

from typing import Any

from pydantic import Field, PositiveInt, field_validator

from race_assets.settings.feeds import known_zone
from race_assets.settings.nodes import Node

ALL = ("GB", "IE", "AU", "NZ")


class Expectation(Node):
    """What is expected of one source."""

    countries: tuple[str, ...] = Field(ALL, min_length=1, description="whose meetings it tells of")
    due_days: int = Field(2, description="days after the race day by which it has told of it; 0 is that day")
    due_time: str = Field("12:00", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="the time of that day")
    timezone: str = "Europe/London"
    results: bool = Field(
        default=False, description="a race that nobody has the result of is missing from it: it was left before its end"
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)


DEFAULT: dict[str, Expectation | None] = {
    "betfair_bsp": Expectation(),
    "betfair_historic": Expectation(due_days=45),
    "betfair_exchange": Expectation(due_days=1, results=True),
    "racing_post_races": Expectation(countries=("GB", "IE"), due_days=1),
}


class CoverageSettings(Node):
    """Which sources are expected; one that never brought anything is not, until it does."""

    shown_days: PositiveInt = Field(14, description="days `race-assets status` looks back without --from")
    sources: dict[str, Expectation | None] = Field(
        default_factory=lambda: dict(DEFAULT), description="by name; null takes one out that is expected by default"
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _over_defaults(cls, value: Any) -> Any:
        """A source that is left out has its default, and so has what is left out of a source."""
        if not isinstance(value, dict):
            return value
        return {**DEFAULT, **{name: _over_default(name, each) for name, each in value.items()}}


def _over_default(name: str, value: Any) -> Any:
    default = DEFAULT.get(name)
    return {**default.model_dump(), **value} if default is not None and isinstance(value, dict) else value
