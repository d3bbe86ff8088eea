"""One typed tree of settings: race_assets.yaml, the environment on top; what a setting does lives where it is used.

`RACE_ASSETS_POSTGRES__URL` sets `postgres.url`: the prefix, then the path with two underscores between levels.
"""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from race_assets.backoff import pause_s
from race_assets.errors import SettingsError
from race_assets.settings import project, safe_yaml
from race_assets.settings.aws import AwsSettings
from race_assets.settings.betfair import BetfairAccount
from race_assets.settings.betfair_csv import BetfairCsvSettings
from race_assets.settings.coverage import CoverageSettings
from race_assets.settings.cron import Cron
from race_assets.settings.exchange import ExchangeSettings
from race_assets.settings.feeds import FeedSettings, known_zone, shipped, shipped_entries
from race_assets.settings.fetching import BspSettings, FetchSettings
from race_assets.settings.file_limits import FileLimits
from race_assets.settings.linking import LinkSettings
from race_assets.settings.mistakes import PREFIX as PREFIX
from race_assets.settings.mistakes import Layer, explained
from race_assets.settings.nodes import Node
from race_assets.settings.precedence import Precedence
from race_assets.settings.racing_post import RacingPostSettings, RacingPostSource
from race_assets.settings.rules import RuleSettings
from race_assets.settings.safe_yaml import StrictLoader
from race_assets.settings.secrets import Secret
from race_assets.settings.shape import is_or_may_be, kind_at, paths_of
from race_assets.settings.source import SourceSettings
from race_assets.settings.streams import StreamSettings

FEED_NAME = re.compile("[a-z][a-z0-9_]*")
NOT_SETTINGS = {"CONFIG", "REALDATA", "KILLS"}
"""Variables with our prefix that are not in the tree: where the file is, and two switches of the test suite."""

CardSource = Literal["racing_post_races", "racing_post_form", "racing_post_analysis"]


class PostgresSettings(Node):
    """Where the warehouse is."""

    url: Secret | None = Field(None, description="libpq URL; none means the embedded server below `home`")
    reader_url: Secret | None = Field(
        None, description="libpq URL of a role of that server that only reads: `query` and `race_assets.read` use it"
    )

    @model_validator(mode="after")
    def _reads_what_is_written(self) -> "PostgresSettings":
        if self.reader_url is not None and self.url is None:
            raise ValueError(
                "reader_url is set and url is not, so commands would write to the embedded server and read another; "
                "set both (to the same role where this machine only reads), or leave reader_url out"
            )
        return self


class SourcesSettings(Node):
    """The sources, by name."""

    betfair_csv: BetfairCsvSettings = BetfairCsvSettings()
    betfair_bsp: BspSettings = BspSettings()
    betfair_historic: StreamSettings = StreamSettings()
    betfair_exchange: ExchangeSettings = ExchangeSettings()
    racing_post_races: RacingPostSource = RacingPostSource()
    racing_post_form: RacingPostSource = RacingPostSource()
    racing_post_analysis: RacingPostSource = RacingPostSource()
    csv_feeds: dict[str, FeedSettings] = Field(default_factory=shipped, description="kinds of CSV files, by name")

    @field_validator("csv_feeds")
    @classmethod
    def _named_as_sources_are(cls, feeds: dict[str, FeedSettings]) -> dict[str, FeedSettings]:
        for name in feeds:
            cls.check_feed_name(name)
        return feeds

    @classmethod
    def check_feed_name(cls, name: str) -> None:
        """Refuses a name that no feed can have.

        Raises:
            ValueError: another source has it, or it is not made as names of sources are.
        """
        if name in cls.model_fields:
            raise ValueError(f"{name} is the name of another source; give the feed another")
        if not FEED_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a source; write lower-case letters, digits and _")


class PartitionSettings(Node):
    """The days there are."""

    start: date = date(2008, 5, 1)
    end_offset: int = Field(3, ge=0, description="days beyond yesterday: New Zealand is tomorrow, cards come early")

    def last(self) -> date:
        """The last race day there is now; days begin in UTC."""
        return datetime.now(UTC).date() + timedelta(days=self.end_offset - 1)

    def days(self, first: date, last: date) -> list[date]:
        """Return the race days from `first` to `last`, both included.

        Raises:
            SettingsError: `first` is after `last`, or one of them is no race day there can be.
        """
        if first > last:
            raise SettingsError(f"first day {first} is after last day {last}")
        if first < self.start or last > self.last():
            outside, setting = (first, "start") if first < self.start else (last, "end_offset")
            raise SettingsError(
                f"{outside} is no race day there can be: they go from {self.start} to {self.last()}; "
                f"partitions.{setting} in race_assets.yaml changes that"
            )
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


class CronSettings(Node):
    """When something begins by itself."""

    enabled: bool = False
    cron: Cron
    timezone: str = "Europe/London"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)


class ScheduleSettings(CronSettings):
    """The nightly run."""

    cron: Cron = "0 2 * * *"
    trailing_days: PositiveInt = 7
    fresh_for_hours: PositiveFloat = Field(
        28, description="how old an asset may grow, while this is on, before it shows as stale"
    )


class LiveScheduleSettings(CronSettings):
    """The session of live polling: each tick starts it unless it runs, so that one that was killed goes on."""

    cron: Cron = "*/5 8-22 * * *"
    hours: PositiveFloat = Field(16, description="how long at most")


class CardScheduleSettings(CronSettings):
    """The polling of cards of races to come; while it is on, runs fetch these sources."""

    cron: Cron = "*/30 6-22 * * *"
    days_ahead: NonNegativeInt = Field(1, description="days after today whose cards are asked for, too")
    sources: tuple[CardSource, ...] = Field(
        ("racing_post_races", "racing_post_form", "racing_post_analysis"),
        min_length=1,
        description="which are asked; one that is not enabled is not",
    )


class SensorSettings(Node):
    """A sensor and how often it looks."""

    enabled: bool = True
    interval_seconds: PositiveInt = 30


class AskingSensorSettings(SensorSettings):
    """A sensor that asks for a run again while there is need of one, a bounded number of times."""

    attempts: PositiveInt = Field(3, description="runs asked for per day, or file, in the state it is in")
    backoff_seconds: float = Field(60, ge=0, description="pause after the first; doubles with each further one")
    max_backoff_seconds: float = Field(3600, ge=0, description="longest pause")

    def pause_s(self, attempts: int) -> float:
        """Return how long the sensor waits after so many attempts, in seconds."""
        return pause_s(attempts, self.backoff_seconds, self.max_backoff_seconds) if attempts else 0


class StaleSensorSettings(AskingSensorSettings):
    """The sensor that has stale days built."""


class DropSensorSettings(AskingSensorSettings):
    """The sensor that looks into the drop folders."""

    settle_seconds: float = Field(2, ge=0, description="pause between the two looks when a person lands by hand")


class RetrySettings(Node):
    """How a run goes on when a step meets an error that may pass by itself: a database or an API that is away.

    The pauses are exponential with full jitter: a random part of the longest there can be.
    """

    max_retries: NonNegativeInt = Field(3, description="of a step; 0: none")
    base_seconds: float = Field(10, ge=0, description="longest pause before the first; doubles with each further one")
    max_seconds: float = Field(300, ge=0, description="longest pause there is")


class LandingSettings(Node):
    """How files are taken in."""

    attempts: PositiveInt = Field(
        3, description="failed or killed attempts to read a file after which it is set aside; others go before it"
    )


class AutomationSettings(Node):
    """What runs by itself while the daemon does, and how runs go on after errors that may pass."""

    retries: RetrySettings = RetrySettings()
    historical_sync: ScheduleSettings = ScheduleSettings()
    live_session: LiveScheduleSettings = LiveScheduleSettings()
    upcoming_cards: CardScheduleSettings = CardScheduleSettings()
    drops: DropSensorSettings = DropSensorSettings()
    stale_days: StaleSensorSettings = StaleSensorSettings()


class LoggingSettings(Node):
    """How logs look."""

    format: Literal["console", "json"] = "console"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(Node):
    """The whole tree."""

    home: Path = Field(Path("data"), description="everything is written below it; relative to the settings file")
    home_group: bool = Field(False, description="the group of what is written below home may read it; others never may")
    postgres: PostgresSettings = PostgresSettings()
    aws: AwsSettings = AwsSettings()
    partitions: PartitionSettings = PartitionSettings()
    sources: SourcesSettings = SourcesSettings()
    betfair: BetfairAccount = BetfairAccount()
    racing_post: RacingPostSettings = RacingPostSettings()
    rules: RuleSettings = RuleSettings()
    linking: LinkSettings = LinkSettings()
    precedence: Precedence = Precedence()
    automation: AutomationSettings = AutomationSettings()
    landing: LandingSettings = LandingSettings()
    coverage: CoverageSettings = Field(default_factory=CoverageSettings)
    logging: LoggingSettings = LoggingSettings()
    file_limits: FileLimits = FileLimits()
    chunk_rows: PositiveInt = Field(300_000, description="records worked on at once; bounds memory")
    shutdown_timeout_seconds: PositiveFloat = 30

    @model_validator(mode="after")
    def _name_secrets(self) -> "Settings":
        for path in paths_of(type(self), Secret):
            value: Any = self
            for level in path:
                value = getattr(value, level)
            if isinstance(value, Secret):
                value.setting = ".".join(path)
        return self

    @model_validator(mode="after")
    def _limits_in_order(self) -> "Settings":
        """Check the limits that come of a source's own and those of every source together."""
        sources = self.sources
        named = [(name, getattr(sources, name)) for name in SourcesSettings.model_fields if name != "csv_feeds"]
        for name, source in (*named, *((f"csv_feeds.{name}", feed) for name, feed in sources.csv_feeds.items())):
            limits = source.rules.over(self.rules).price_range
            if limits.min > limits.max:
                raise ValueError(
                    f"sources.{name}.rules.price_range: min {limits.min:g} is above max {limits.max:g}, one of the two "
                    "being that of every source: nothing would pass"
                )
        return self

    def source(self, name: str) -> SourceSettings:
        """The settings of one source, a feed or another."""
        found: SourceSettings = self.sources.csv_feeds.get(name) or getattr(self.sources, name)
        return found

    def rules_of(self, source: str) -> RuleSettings:
        """Return the rules as they apply to records of this source."""
        return self.source(source).rules.over(self.rules)

    def fetching(self, source: str) -> FetchSettings | None:
        """Return how one source is fetched; None for one without an API."""
        return getattr(self.source(source), "fetch", None)

    def fetches(self, source: str) -> bool:
        """Return whether runs fetch the source's days: by itself, on a schedule of its own, or as a card."""
        wanted, cards = self.fetching(source), self.automation.upcoming_cards
        is_card = cards.enabled and source in cards.sources
        return wanted is not None and (wanted.enabled or wanted.cron is not None or is_card)

    def collects(self, source: str) -> bool:
        """Return whether data of the source comes in by itself: runs fetch it, or live sessions poll it."""
        is_polled = source == "betfair_exchange" and self.automation.live_session.enabled
        return self.fetches(source) or is_polled

    def schedules(self) -> dict[str, CronSettings]:
        """Return what starts by the clock, by the name of its schedule; nothing of sources that are not enabled."""
        wanted, names = self.automation, [name for name in SourcesSettings.model_fields if name != "csv_feeds"]
        enabled = [name for name in names if self.source(name).enabled]
        found: dict[str, CronSettings] = {"historical_sync": wanted.historical_sync}
        for name in enabled:
            fetching = self.fetching(name)
            if fetching is not None and fetching.cron is not None:
                zone = wanted.historical_sync.timezone
                # It is on, since somebody wrote down when.
                found[f"historical_sync_{name}"] = CronSettings(enabled=True, cron=fetching.cron, timezone=zone)
        if any(name in enabled for name in wanted.upcoming_cards.sources):
            found["upcoming_cards"] = wanted.upcoming_cards
        if "betfair_exchange" in enabled:
            found["live_session"] = wanted.live_session
        return found

    def trailing_days(self, source: str) -> int:
        """Return how many days back a source is fetched again by itself."""
        wanted = self.fetching(source)
        return (wanted and wanted.trailing_days) or self.automation.historical_sync.trailing_days

    def drop_folder(self, source: str) -> Path:
        """The folder whose files belong to the source."""
        return (self.source(source).path or self.home / "drops" / source).absolute()


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings.

    Args:
        file: the YAML file; none finds it, as `find_file` says.
        environment: the variables; none means the process's own.

    Raises:
        SettingsError: a key or value is not allowed; names its path, where it comes from and what is allowed.
    """
    environment = os.environ if environment is None else environment
    file = file or find_file(environment)
    layers = [Layer("", {"sources": {"csv_feeds": shipped_entries()}}), Layer(str(file), _from_yaml(file))]
    layers += _from_environment(environment)
    tree: dict[str, Any] = {}
    for layer in layers:
        tree = _overlaid(tree, layer.tree)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(*explained(error, layers, Settings)) from None
    base = file.parent if file else Path.cwd()
    return settings.model_copy(update={"home": (base / settings.home.expanduser()).absolute()})


def find_file(environment: Mapping[str, str]) -> Path | None:
    """Return the settings file in force, or None where there is none.

    `RACE_ASSETS_CONFIG` names it; else it is in the working folder, in `DAGSTER_HOME`, or in the clone.
    """
    if named := environment.get(f"{PREFIX}CONFIG"):
        return Path(named).absolute()
    files = (folder / project.SETTINGS for folder in project.search_path(environment))
    return next((file for file in files if file.is_file()), None)


LEFT_TO_THE_MODEL = (":bool", ":timestamp", ":int", ":float")
PLAIN_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
PLAIN_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.(?:0|[0-9]*[1-9])$")


class _Loader(StrictLoader):
    """YAML whose words and dates are left to the model, which knows what is meant.

    `off` is a severity, and 31 February is told with its path. A number is one only where it is written as numbers are
    shown: the null words `0.00` and `010` of a feed and its constant `17:00` are text.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(LEFT_TO_THE_MODEL)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    @classmethod
    def with_plain_numbers(cls) -> "type[_Loader]":
        """The loader, once its own idea of a number is known to it."""
        signs_and_digits = list("-+0123456789")
        cls.add_implicit_resolver("tag:yaml.org,2002:int", PLAIN_INT, signs_and_digits)
        cls.add_implicit_resolver("tag:yaml.org,2002:float", PLAIN_FLOAT, signs_and_digits)
        return cls


LOADER = _Loader.with_plain_numbers()


def _parsed(text: str) -> Any:
    return safe_yaml.load(text, LOADER)


def _from_yaml(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        tree = _parsed(safe_yaml.text_of(file))
    except FileNotFoundError:
        raise SettingsError(f"{file}: there is no such settings file; {PREFIX}CONFIG names it") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: {_unreadable(error)}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError(f"{file}: must be a mapping of settings, found {type(tree).__name__}")
    return tree


def _from_environment(environment: Mapping[str, str]) -> list[Layer]:
    """A layer for each variable with our prefix, the stronger ones last."""
    layers = []
    # Sorted, so that a variable for a whole branch comes before those for its leaves, whatever the order they came in.
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable.removeprefix(PREFIX) in NOT_SETTINGS:
            continue
        *levels, leaf = variable.removeprefix(PREFIX).lower().split("__")
        try:
            value = (text or None) if _is_plain([*levels, leaf]) else _parsed(text)
        except yaml.YAMLError as error:
            raise SettingsError(f"{variable}: {_unreadable(error)}") from None
        branch = {leaf: value}
        for level in reversed(levels):
            branch = {level: branch}
        layers.append(Layer(variable, branch))
    return layers


def _is_plain(path: Sequence[str]) -> bool:
    """Whether a setting is text that YAML would only spoil: a path, a credential."""
    kind = kind_at(Settings, path)
    return is_or_may_be(kind, Path) or is_or_may_be(kind, Secret) or path[-1] == "url"


def _unreadable(error: Any) -> str:
    """What YAML says, without the lines it shows: they may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or "it holds characters that YAML does not allow"
    return f"not readable as YAML{place}: {problem}"


def _overlaid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _overlaid(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
