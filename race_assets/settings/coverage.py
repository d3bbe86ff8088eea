"""Settings of coverage: which sources are expected to report which meetings, and until when."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import Field, PositiveInt, field_validator

from race_assets.settings.feeds import known_zone
from race_assets.settings.nodes import Node

ALL = ("GB", "IE", "AU", "NZ")
EVERY_YEAR = re.compile(r"\d{2}-\d{2}")
PERIOD_SEPARATOR = " to "
LEAP_YEAR = 2000


class Expectation(Node):
    """What is expected of one source."""

    countries: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="whose meetings it reports: those that any source reports there are expected of it; null compares "
        "it with no other source",
    )
    due_days: int = Field(2, description="days after the race day by which it is there; 0 is that day")
    due_time: str = Field("12:00", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="the time of that day")
    timezone: str = "Europe/London"
    results: bool = Field(
        default=False, description="a race without a result from any source is missing from it: it ended too early"
    )
    since: date | None = Field(None, description="first day that is expected; null is its first day with data")
    current: bool | None = Field(
        None,
        description="whether it is expected up to today; null: while runs fetch or poll it, or its last data is at "
        "most current_days old",
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)


DEFAULT: dict[str, Expectation | None] = {
    "betfair_bsp": Expectation(countries=ALL),
    "betfair_historic": Expectation(countries=ALL, due_days=45),
    "betfair_exchange": Expectation(countries=ALL, due_days=1, results=True),
    "racing_post_races": Expectation(countries=("GB", "IE"), due_days=1),
}


class CoverageSettings(Node):
    """Which days and meetings are expected of which source."""

    shown_days: PositiveInt = Field(
        14, description="days back of the calendar of `race-assets status --all`, and of the rejects that it counts"
    )
    current_days: PositiveInt = Field(28, description="a source with data of the last so many days is current")
    gap_days: PositiveInt = Field(
        100, description="a source without data for longer had stopped; the days between are not expected"
    )
    not_expected: tuple[str, ...] = Field(
        ("12-25",), description="days without racing: MM-DD, YYYY-MM-DD, or YYYY-MM-DD to YYYY-MM-DD"
    )
    sources: dict[str, Expectation | None] = Field(
        default_factory=lambda: dict(DEFAULT),
        description="by name; one that is left out is compared with no other source, null expects nothing of it",
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _over_defaults(cls, value: Any) -> Any:
        """A source that is left out has its default, and so has what is left out of a source."""
        if not isinstance(value, dict):
            return value
        return {**DEFAULT, **{name: _over_default(name, each) for name, each in value.items()}}

    @field_validator("not_expected", mode="before")
    @classmethod
    def _dates_as_text(cls, value: Any) -> Any:
        """A date without quotes is a date in YAML."""
        return [str(each) if isinstance(each, date) else each for each in value] if isinstance(value, list) else value

    @field_validator("not_expected")
    @classmethod
    def _as_periods(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_period(text) for text in value)

    def of(self, sources: Iterable[str]) -> dict[str, Expectation]:
        """Return what is expected of each of these sources, without those that nothing is expected of."""
        expected = {name: self.sources.get(name, Expectation()) for name in sources}
        return {name: each for name, each in expected.items() if each is not None}


def _over_default(name: str, value: Any) -> Any:
    default = DEFAULT.get(name)
    return {**default.model_dump(), **value} if default is not None and isinstance(value, dict) else value


def _period(text: str) -> str:
    """Return the text as it is, a single date as a period of one day.

    Raises:
        ValueError: it is none of the forms.
    """
    try:
        if EVERY_YEAR.fullmatch(text):
            date.fromisoformat(f"{LEAP_YEAR}-{text}")
            return text
        first, _, last = text.partition(PERIOD_SEPARATOR)
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise ValueError(f"{text!r} is no day; write 12-25, 2020-04-01 or 2020-03-24 to 2020-05-31") from None
    if end < begin:
        raise ValueError(f"{text!r} ends before it begins")
    return f"{begin}{PERIOD_SEPARATOR}{end}"
