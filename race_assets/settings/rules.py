"""Declare the rules' severities and limits, and what one source may change of them."""

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    FiniteFloat,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from race_assets.settings.nodes import Node

Severity = Literal["reject", "warn", "off"]
CellSeverity = Literal["reject", "null_value", "warn", "off"]
Days = Annotated[float, Field(ge=0, le=36_525)]


class Rule(Node):
    """What happens to a row or race that breaks a rule."""

    severity: Severity = "reject"


class CellRule(Node):
    """A rule about an optional cell; `null_value` empties the cell, counts a note and keeps the record."""

    severity: CellSeverity = "reject"


class Requirement(Node):
    """What a row must have to be placed in a race at all: it can only be rejected without."""

    severity: Literal["reject"] = "reject"


class Remark(Rule):
    """A rule that warns by default."""

    severity: Severity = "warn"


class Limits(Node):
    """A lowest and a highest value that are both allowed."""

    min: FiniteFloat
    max: FiniteFloat

    @model_validator(mode="after")
    def _in_order(self) -> "Limits":
        if self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}: nothing would pass")
        return self


class PriceRange(CellRule, Limits):
    """Decimal odds of the exchange; both limits are allowed."""

    min: FiniteFloat = 1.01
    max: FiniteFloat = 1000


class TrapRange(Rule):
    """Highest trap by country, and the highest that passes without a warning; a country left out has its default."""

    usual: dict[str, int] = Field({"GB": 6, "IE": 6, "AU": 10, "NZ": 10})
    most: dict[str, int] = Field({"GB": 8, "IE": 8, "AU": 10, "NZ": 10})

    @field_validator("usual", "most", mode="before")
    @classmethod
    def _over_defaults(cls, value: Any, info: ValidationInfo) -> Any:
        """Variables name countries in any case, and one country's limit says nothing of the others'."""
        if not isinstance(value, dict) or info.field_name is None:
            return value
        default: dict[str, int] = cls.model_fields[info.field_name].default
        return default | _upper(value)


def _upper(limits: dict[Any, Any]) -> dict[str, Any]:
    """Return the limits with country codes in capitals, as variables may write them in any case."""
    return {str(country).upper(): limit for country, limit in limits.items()}


class StartWindow(Rule):
    """How far a race's off may be from the moment its record was stated; both limits are allowed.

    Off for archives, which tell of any day; sources of coming races switch it on below `sources.<name>.rules`.
    """

    severity: Severity = "off"
    past_days: Days = 30
    future_days: Days = Field(
        92, description="also, for every source and severity, how far ahead of the clock a record may have a day"
    )


class RunnersRange(Remark, Limits):
    """Dogs of a race; both limits are allowed."""

    min: FiniteFloat = 1
    max: FiniteFloat = 10


class OverRoundRange(Remark, Limits):
    """What the prices of a race imply together; both limits are allowed."""

    min: FiniteFloat = 0.8
    max: FiniteFloat = 1.8


class SourcesAgree(Remark):
    """What sources may not contradict each other in: the winner, and starting prices by more than a share."""

    bsp_tolerance: float = Field(0.01, ge=0)


class RuleSettings(Node):
    """The rules by id; their meaning is in `validation/`."""

    price_range: PriceRange = PriceRange()
    selection_name: Rule = Rule()
    volume: CellRule = CellRule()
    trap: TrapRange = TrapRange()
    number: CellRule = CellRule()
    value: CellRule = CellRule()
    sport: Rule = Rule()
    start_window: StartWindow = StartWindow()
    start_time: Requirement = Requirement()
    track_known: Requirement = Requirement()
    local_time: Requirement = Requirement()
    field_count: Requirement = Requirement()
    text: Requirement = Requirement()
    readable: Requirement = Requirement()
    market_defined: Requirement = Requirement()
    runner_known: Requirement = Requirement()
    settled: Rule = Rule()
    keys: Requirement = Requirement()
    trap_once: Rule = Rule()
    runners: RunnersRange = RunnersRange()
    over_round: OverRoundRange = OverRoundRange()
    winner: Remark = Remark()
    sources_agree: SourcesAgree = SourcesAgree()
    currency: Remark = Remark()
    link_ambiguous: Requirement = Requirement()
    clock_shift: Requirement = Requirement()


class Override(Node):
    """What one source changes of a rule or of the rules; what is null here is as for every source."""

    @model_serializer(mode="wrap")
    def _named(self, handler: SerializerFunctionWrapHandler, _info: SerializationInfo) -> dict[str, Any]:
        """Return only what the source changes."""
        return {name: value for name, value in handler(self).items() if value is not None}


class RuleOverride(Override):
    """The severity of a rule."""

    severity: Severity | None = None


class CellRuleOverride(Override):
    """The severity of a rule about an optional cell."""

    severity: CellSeverity | None = None


class PriceRangeOverride(CellRuleOverride):
    """`price_range`."""

    min: FiniteFloat | None = None
    max: FiniteFloat | None = None


class TrapRangeOverride(RuleOverride):
    """`trap`; a country left out has the limit of every source."""

    usual: dict[str, int] | None = None
    most: dict[str, int] | None = None

    @field_validator("usual", "most", mode="before")
    @classmethod
    def _in_capitals(cls, value: Any) -> Any:
        return _upper(value) if isinstance(value, dict) else value


class StartWindowOverride(RuleOverride):
    """`start_window`."""

    past_days: Days | None = None
    future_days: Days | None = None


class SourceRules(Override):
    """The rules for single records, as one source changes them; rules for races concern several sources at once."""

    price_range: PriceRangeOverride | None = None
    selection_name: RuleOverride | None = None
    volume: CellRuleOverride | None = None
    trap: TrapRangeOverride | None = None
    number: CellRuleOverride | None = None
    value: CellRuleOverride | None = None
    sport: RuleOverride | None = None
    start_window: StartWindowOverride | None = None
    settled: RuleOverride | None = None

    def over(self, rules: RuleSettings) -> RuleSettings:
        """Return the rules with the leaves that this source changes; all others are those of every source."""
        changed = {}
        for name, leaves in self.model_dump().items():
            rule = getattr(rules, name)
            limits = {
                leaf: getattr(rule, leaf) | value if isinstance(value, dict) else value
                for leaf, value in leaves.items()
            }
            changed[name] = rule.model_copy(update=limits)
        return rules.model_copy(update=changed)


class ComingRacesWindow(StartWindowOverride):
    """`start_window`, on unless the source switches it off."""

    severity: Severity | None = "reject"


class ComingRacesRules(SourceRules):
    """The rules of a source of live prices or cards."""

    start_window: ComingRacesWindow = ComingRacesWindow()
