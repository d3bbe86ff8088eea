"""Every rule says what it accepts, with the limits in force."""

from race_assets.settings.rules import RuleSettings
from race_assets.validation.accepts import accepts


def test_every_rule_of_the_settings_says_what_would_pass() -> None:
    assert accepts(RuleSettings()).keys() == RuleSettings.model_fields.keys()
    assert all(accepts(RuleSettings()).values())


def test_the_limits_are_those_in_force() -> None:
    rules = RuleSettings.model_validate({"price_range": {"max": 500}, "trap": {"most": {"GB": 6}}})
    told = accepts(rules)
    assert "1.01 to 500" in told["price_range"]
    assert "GB 1 to 6" in told["trap"]
