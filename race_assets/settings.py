"""One typed tree of settings: race_assets.yaml, the environment on top; what a setting does lives where it is used.

`RACE_ASSETS_POSTGRES__URL` sets `postgres.url`: the prefix, then the path with two underscores between levels.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError

from race_assets.errors import SettingsError

PREFIX = "RACE_ASSETS_"
FILE_NAME = "race_assets.yaml"
NOT_SETTINGS = {"CONFIG", "REALDATA", "KILLS"}
"""Variables with our prefix that are not in the tree: where the file is, and two switches of the test suite."""

Severity = Literal["reject", "warn", "off"]


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class PostgresSettings(_Node):
    """Where the warehouse is."""

    url: SecretStr | None = Field(None, description="libpq URL; none means the embedded server below `home`")


class RateLimit(_Node):
    """How fast a source may be asked."""

    requests_per_second: PositiveFloat = 50
    burst_size: PositiveInt = 100


class SourceSettings(_Node):
    """What every source has."""

    enabled: bool = True
    path: Path | None = Field(None, description="its drop folder; none means `<home>/drops/<source>`")
    rate_limit: RateLimit = RateLimit()


class SourcesSettings(_Node):
    """The sources, by name."""

    betfair_csv: SourceSettings = SourceSettings()
    betfair_bsp: SourceSettings = SourceSettings()


class PartitionSettings(_Node):
    """The days there are."""

    start: date = date(2008, 5, 1)
    end_offset: int = Field(3, ge=0, description="days beyond yesterday: New Zealand is tomorrow, cards come early")


class Rule(_Node):
    """What happens to a row or race that breaks a rule."""

    severity: Severity = "reject"


class Requirement(_Node):
    """What a row must have to be placed in a race at all: it can only be rejected without."""

    severity: Literal["reject"] = "reject"


class Range(Rule):
    """A rule with two limits, both allowed."""

    min: float
    max: float


class PriceRange(Range):
    """Decimal odds of the exchange."""

    min: float = 1.01
    max: float = 1000


class TrapRange(Rule):
    """Highest trap by country, and the highest that passes without a warning."""

    usual: dict[str, int] = {"GB": 6, "IE": 6, "AU": 10, "NZ": 10}
    most: dict[str, int] = {"GB": 8, "IE": 8, "AU": 10, "NZ": 10}


class RuleSettings(_Node):
    """The rules by id; their meaning is in `validation/`."""

    price_range: PriceRange = PriceRange()
    selection_name: Rule = Rule()
    volume: Rule = Rule()
    trap: TrapRange = TrapRange()
    number: Rule = Rule()
    start_time: Requirement = Requirement()
    track_known: Requirement = Requirement()
    local_time: Requirement = Requirement()
    field_count: Requirement = Requirement()
    text: Requirement = Requirement()
    keys: Requirement = Requirement()
    trap_once: Rule = Rule()
    runners: Range = Range(severity="warn", min=1, max=10)
    over_round: Range = Range(severity="warn", min=0.8, max=1.8)
    winner: Rule = Rule(severity="warn")


class ScheduleSettings(_Node):
    """The nightly run."""

    enabled: bool = False
    cron: str = "0 2 * * *"
    timezone: str = "Europe/London"
    trailing_days: PositiveInt = 7


class SensorSettings(_Node):
    """A sensor and how often it looks."""

    enabled: bool = True
    interval_seconds: PositiveInt = 30


class StaleSensorSettings(SensorSettings):
    """The sensor that has stale days built."""

    attempts: PositiveInt = Field(3, description="runs asked for per day and state of its inputs")


class DropSensorSettings(SensorSettings):
    """The sensor that looks into the drop folders."""

    attempts: PositiveInt = Field(3, description="landings asked for per state of a file")
    settle_seconds: float = Field(2, ge=0, description="pause between the two looks when a person lands by hand")


class AutomationSettings(_Node):
    """What runs by itself while the daemon does."""

    historical_sync: ScheduleSettings = ScheduleSettings()
    drops: DropSensorSettings = DropSensorSettings()
    stale_days: StaleSensorSettings = StaleSensorSettings()


class LoggingSettings(_Node):
    """How logs look."""

    format: Literal["console", "json"] = "console"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(_Node):
    """The whole tree."""

    home: Path = Field(Path("data"), description="everything is written below it; relative to the settings file")
    postgres: PostgresSettings = PostgresSettings()
    partitions: PartitionSettings = PartitionSettings()
    sources: SourcesSettings = SourcesSettings()
    rules: RuleSettings = RuleSettings()
    automation: AutomationSettings = AutomationSettings()
    logging: LoggingSettings = LoggingSettings()
    chunk_rows: PositiveInt = Field(300_000, description="records worked on at once; bounds memory")
    shutdown_timeout_seconds: PositiveFloat = 30

    def source(self, name: str) -> SourceSettings:
        """The settings of one source."""
        found: SourceSettings = getattr(self.sources, name)
        return found

    def drop_folder(self, source: str) -> Path:
        """The folder whose files belong to the source."""
        return (self.source(source).path or self.home / "drops" / source).absolute()


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings.

    Args:
        file: the YAML file; none finds it: `RACE_ASSETS_CONFIG`, then the working folder, then the project's.
        environment: the variables; none means the process's own.

    Raises:
        SettingsError: a key or value is not allowed; names its path, where it comes from and what is allowed.
    """
    environment = os.environ if environment is None else environment
    file = file or find_file(environment)
    tree = _overlaid(_from_yaml(file), _from_environment(environment))
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError("\n".join(_explained(error, environment, file))) from None
    base = file.parent if file else Path.cwd()
    return settings.model_copy(update={"home": (base / settings.home.expanduser()).absolute()})


def find_file(environment: Mapping[str, str]) -> Path | None:
    """The settings file in force, or None where there is none."""
    if named := environment.get(f"{PREFIX}CONFIG"):
        return Path(named).absolute()
    for folder in (Path.cwd(), project_folder()):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def project_folder() -> Path:
    """The checkout this package runs from."""
    return Path(__file__).absolute().parent.parent


def _from_yaml(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    import yaml

    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: there is no such settings file; {PREFIX}CONFIG names it") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: not readable as YAML: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError(f"{file}: must be a mapping of settings, found {type(tree).__name__}")
    return tree


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    import yaml

    tree: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable.removeprefix(PREFIX) in NOT_SETTINGS:
            continue
        *levels, leaf = variable.removeprefix(PREFIX).lower().split("__")
        node = tree
        for level in levels:
            node = node.setdefault(level, {})
        node[leaf] = (text or None) if leaf in {"url", "home", "path"} else yaml.safe_load(text)
    return tree


def _overlaid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _overlaid(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _explained(error: ValidationError, environment: Mapping[str, str], file: Path | None) -> Iterator[str]:
    for problem in error.errors():
        path = tuple(map(str, problem["loc"]))
        variable = PREFIX + "__".join(path).upper()
        where = variable if variable in environment else str(file or "the settings")
        if problem["type"] == "extra_forbidden":
            allowed = _keys_at(path[:-1])
            close = difflib.get_close_matches(path[-1], allowed, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{where}: {'.'.join(path)} is not a setting{hint} Allowed here: {', '.join(allowed)}"
        else:
            shown = "(hidden)" if "url" in path else repr(problem.get("input"))
            yield f"{where}: {'.'.join(path)} is {shown}: {problem['msg']}"


def _keys_at(path: tuple[str, ...]) -> list[str]:
    model: Any = Settings
    for level in path:
        declared = model.model_fields.get(level)
        model = declared.annotation if declared else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return sorted(model.model_fields)
