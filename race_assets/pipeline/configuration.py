"""The configuration that days are built by, made of the settings and the track registry."""

import hashlib
import json
from typing import Any

from race_assets.identity.tracks import TrackRegistry
from race_assets.settings import Settings
from race_assets.settings.precedence import Precedence
from race_assets.settings.rules import RuleSettings, SourceRules
from race_assets.sources import registry
from race_assets.storage.configuration import Configuration, Former

BUILD_VERSION = 6
"""Raised whenever the same records would be judged or built to something else; every day is then stale."""

OFF = "off"
HASH_LENGTH = 32
ROW_RULES = frozenset(SourceRules.model_fields)
"""The rules for single records; the others are for races, or cannot be changed."""


def configuration_of(settings: Settings, tracks: TrackRegistry) -> Configuration:
    """Return the configuration of these settings and tracks."""
    enabled = registry.enabled(settings)
    race_rules = in_force(settings.rules, {name for name in RuleSettings.model_fields if name not in ROW_RULES})
    return Configuration(
        _hash(f"{BUILD_VERSION} {_text(race_rules)}"),
        {name: _hash(_text(in_force(settings.rules_of(name), ROW_RULES))) for name in enabled},
        _hash(settings.linking.model_dump_json()),
        {fact: _order(settings.precedence, fact, enabled) for fact in sorted(Precedence.model_fields)},
        tracks.fingerprint,
    )


def former_of(settings: Settings, tracks: TrackRegistry) -> Former:
    """Return the same configuration as it was stated before migration 0017."""
    whole = (settings.rules, settings.linking, settings.precedence)
    parts = (str(BUILD_VERSION), *(each.model_dump_json() for each in whole), tracks.fingerprint)
    of_sources = {name: settings.source(name).rules for name in registry.enabled(settings)}
    changed = {name: rules.model_dump_json() for name, rules in of_sources.items() if rules.model_dump()}
    return Former(_hash("\n".join(parts)), {name: _hash(text) for name, text in changed.items()})


def in_force(rules: RuleSettings, names: set[str] | frozenset[str]) -> dict[str, Any]:
    """Return what these rules do: their settings, of which nothing but the severity counts for one that is off."""
    settings = {name: getattr(rules, name).model_dump() for name in sorted(names)}
    return {name: {"severity": OFF} if rule["severity"] == OFF else rule for name, rule in settings.items()}


def _order(precedence: Precedence, fact: str, sources: list[str]) -> list[str]:
    ranks = precedence.ranks(fact, sources)
    return sorted(ranks, key=ranks.__getitem__)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]
