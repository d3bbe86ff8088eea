"""What a CSV feed says of its files, below `sources.csv_feeds.<name>`; reading them is `sources/csv_feed/`.

Cells are texts. A field turns cells into one value of a record; whatever a feed leaves out is inferred from the file.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from race_assets.settings import safe_yaml
from race_assets.settings.currencies import CURRENCIES
from race_assets.settings.nodes import Node
from race_assets.settings.patterns import checked_pattern, groups
from race_assets.settings.source import SourceSettings

TARGETS = (
    "market_id", "event_id", "event_name", "track_name", "country", "start_at", "race_date", "race_type", "distance_m",
    "race_number", "selection_id", "selection_name", "trap", "status", "result", "is_dead_heat", "finish_position",
    "price", "price_kind", "volume", "currency", "bsp", "last_traded", "pre_off_wap", "pre_off_max", "pre_off_min",
    "pre_off_volume", "morning_wap", "morning_volume", "sp_fraction", "sp_decimal", "favourite", "actual_off_at",
)  # fmt: skip
"""The columns of a record that a feed may fill."""

SHIPPED = Path(__file__).with_name("feeds.yaml")
PLACE = re.compile(r"\{([^{}]+)\}")
"""A column's place in a template; whatever stands between the braces is its name."""
TRACK = "track"
"""The time zone that means the clocks at each row's track."""
NULL_WORDS = ("", "-", "--", "n/a", "na", "n/o", "n/p", "nan", "none", "null", "nil", "\\n")


def _as_text(value: Any) -> Any:
    """YAML reads 1 and 2.5 as numbers; cells are texts."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _pattern(text: str) -> str:
    """Return a checked pattern; those that come with race_assets are checked by its tests."""
    return text if text in _shipped_patterns() else checked_pattern(text)


@cache
def _shipped_patterns() -> frozenset[str]:
    """Return all texts of the shipped feeds, their patterns among them."""
    found: set[str] = set()
    left: list[Any] = [shipped_entries()]
    while left:
        node = left.pop()
        if isinstance(node, dict | list):
            left += node.values() if isinstance(node, dict) else node
        elif isinstance(node, str):
            found.add(node)
    return frozenset(found)


Text = Annotated[str, BeforeValidator(_as_text)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Test(Node):
    """What a cell must be like; all that is given must hold. Texts are compared without case and outer blanks."""

    __test__ = False  # pytest: not a test of ours

    equals: Text | list[Text] | None = None
    matches: Pattern | None = Field(None, description="a regular expression found anywhere in the cell")
    blank: bool | None = Field(None, description="true: the cell holds nothing or a null word; false: it does not")
    negate: bool = Field(default=False, description="the opposite")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """A text or a list of texts is `equals`; nothing is `blank`."""
        if value is None or value == "":
            return {"blank": True}
        return value if isinstance(value, dict | Test) else {"equals": value}


When = dict[str, Test]
"""Conditions by column of the file, all of which must hold."""


class Case(Node):
    """A value and when it is given."""

    when: When
    value: Text | None


class FieldSpec(Node):
    """Where one value of a record comes from: exactly one of `column`, `template`, `constant`, or `cases` alone."""

    column: str | None = Field(None, description="a column of the file, in any case")
    template: str | None = Field(None, description="several columns in one text: `{raceDate} {raceTime}`")
    constant: Text | None = None
    pattern: Pattern | None = Field(None, description="what its only group finds in the text is taken, else nothing")
    values: dict[Text, Text | None] | None = Field(None, description="texts and what they mean, without case")
    otherwise: Text | None = Field(None, description="what texts that `values` does not list mean; else themselves")
    cases: list[Case] = Field(default_factory=list, description="the first whose conditions hold gives the value")
    formats: list[str] = Field(default_factory=list, description="of dates and times, as strptime has them")
    unit: Literal["m", "yd"] = Field("m", description="of distances without a unit")
    odds: Literal["decimal", "fractional"] | None = Field(
        None, description="what a bare whole number is; none: what the column's other prices are"
    )
    decimal: Literal[".", ","] | None = Field(None, description="sign before decimals; none: as the feed's")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """A text with braces is a template, another text a column."""
        if isinstance(value, str):
            return {"template" if "{" in value else "column": value}
        return value

    @model_validator(mode="after")
    def _has_one_origin(self) -> "FieldSpec":
        given = [name for name in ("column", "template", "constant") if getattr(self, name) is not None]
        if len(given) != 1 and not (not given and self.cases):
            raise ValueError(f"needs one of column, template, constant or cases; has {', '.join(given) or 'none'}")
        if self.template is not None and re.search("[{}]", PLACE.sub("", self.template)):
            raise ValueError(f"template {self.template!r} has a brace without its other, or nothing between two")
        if self.pattern is not None and len(groups(self.pattern)) != 1:
            raise ValueError(f"pattern {self.pattern!r} must have exactly one group: what it finds is the value")
        if "otherwise" in self.model_fields_set and self.values is None:
            raise ValueError("otherwise says what texts that values does not list mean: there are no values")
        return self

    def columns(self) -> Iterator[str]:
        """The columns of the file that it reads."""
        if self.column is not None:
            yield self.column
        if self.template is not None:
            yield from PLACE.findall(self.template)
        for case in self.cases:
            yield from case.when


Fields = dict[str, FieldSpec]


def _known_targets(fields: Fields) -> Fields:
    if unknown := sorted(set(fields) - set(TARGETS)):
        raise ValueError(f"{', '.join(unknown)}: no column of a record; there are {', '.join(TARGETS)}")
    return fields


class Market(Node):
    """A record that each row makes: what it has beside the feed's own columns, or instead of them."""

    market_type: Literal["WIN", "PLACE"] = "WIN"
    columns: Annotated[Fields, AfterValidator(_known_targets)] = Field(default_factory=dict)
    when: When = Field(default_factory=dict, description="rows that make this record; none means all")


class Filter(Node):
    """Rows that are not about a runner of a race, and the reason they are counted under."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when: Annotated[When, Field(min_length=1)]


class FeedSettings(SourceSettings):
    """A kind of CSV file: how it is laid out, what its columns mean."""

    title: str = Field("CSV files", description="one line for people")
    encoding: str | None = Field(None, description="as Python names it: utf-8, cp1252, utf-16; none means inferred")
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(None, description="none: inferred")
    quote: Annotated[str, Field(max_length=1)] = Field('"', description="around cells; empty means there is none")
    decimal: Literal[".", ","] | None = Field(None, description="sign before decimals; none means inferred")
    header: Literal["none"] | int | None = Field(
        None, description="line of the header; `none`: there is none, columns are column_1, …; left out: inferred"
    )
    skip: int = Field(0, ge=0, description="lines before the first row where there is no header")
    null_words: list[Text] = Field(list(NULL_WORDS), description="cells that say nothing, without case")
    file_name: Pattern | None = Field(
        None, description="found in the file's name without case; its named groups are columns `file.<group>`"
    )
    timezone: str = Field("track", description="of times without offset: `track`, an IANA name, or `{column}`")
    country: Literal["GB", "IE", "AU", "NZ", "GB/IE"] | None = Field(None, description="where its tracks are")
    currency: str | None = Field(None, description="of its volumes, ISO 4217")
    columns: Annotated[Fields, AfterValidator(_known_targets)] = Field(
        default_factory=dict, description="columns of a record, and where their values come from"
    )
    markets: list[Market] = Field([Market()], min_length=1, description="the records a row makes")
    fill_down: list[str] = Field(default_factory=list, description="columns whose blanks mean the cell above")
    filters: list[Filter] = Field(default_factory=list, description="the first that holds gives the reason")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            "".encode(encoding or "utf-8")
        except LookupError:
            raise ValueError("no encoding of that name; use utf-8, cp1252, latin-1 or utf-16") from None
        return encoding

    @field_validator("header")
    @classmethod
    def _counts_from_one(cls, header: Any) -> Any:
        if isinstance(header, int) and header < 1:
            raise ValueError("lines are counted from 1")
        return header

    @field_validator("currency")
    @classmethod
    def _possible(cls, currency: str | None) -> str | None:
        if currency is not None and currency not in CURRENCIES:
            raise ValueError(f"must be a currency that is bet in, by its ISO 4217 code: {', '.join(CURRENCIES)}")
        return currency

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return zone if zone == TRACK or zone.startswith("{") else known_zone(zone)

    @model_validator(mode="after")
    def _tells_runners_of_races(self) -> "FeedSettings":
        for market in self.markets:
            mapped = {*self.columns, *market.columns}
            missing = [target for target in ("track_name", "start_at", "selection_name") if target not in mapped]
            if missing:
                raise ValueError(f"columns must say where {', '.join(missing)} come from")
        return self

    @property
    def timezone_column(self) -> str | None:
        """The column that names each row's zone."""
        return self.timezone.strip("{}") if self.timezone.startswith("{") else None

    def read_columns(self) -> set[str]:
        """Every column of the file that the feed reads, in lower case; those of the file's name are left out."""
        fields = [*self.columns.values(), *(field for market in self.markets for field in market.columns.values())]
        named = [name for field in fields for name in field.columns()]
        conditions = [*(each.when for each in self.filters), *(each.when for each in self.markets)]
        named += [name for when in conditions for name in when]
        named += [*self.fill_down, *filter(None, [self.timezone_column])]
        return {name.strip().lower() for name in named if not name.lower().startswith("file.")}


def shipped() -> dict[str, FeedSettings]:
    """The feeds that come with race_assets."""
    return {name: FeedSettings.model_validate(entry) for name, entry in shipped_entries().items()}


def shipped_entries() -> dict[str, Any]:
    """Their entries as written."""
    entries: dict[str, Any] = safe_yaml.load(SHIPPED.read_text(encoding="utf-8"))
    return entries


def known_zone(zone: str) -> str:
    """The zone, if there is one of that name.

    Raises:
        ValueError: there is none.
    """
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        raise ValueError("must be a time zone by its IANA name, such as Europe/London") from None
    return zone
