"""The configuration in force: what days depend on beside their files, and what a change of it makes out of date."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from race_assets.storage.current_days import days_stay_current
from race_assets.storage.postgres import Warehouse
from race_assets.storage.track_names import Resolve, resolve_all

NEAR_DAYS = 2
"""How far around a day its clocks are compared with those of other sources."""


@dataclass(frozen=True)
class Configuration:
    """What a day depends on beside its files.

    Attributes:
        fingerprint: of what every day depends on.
        source_rules: by source, the fingerprint of the rules for its records; only its own days depend on it.
        linking: fingerprint of the linking settings; only days with several sources depend on them.
        precedence: by fact, the enabled sources in order; only the order of a day's own sources counts for it.
        tracks: fingerprint of the track registry; a day depends on what the track names of its files mean.
    """

    fingerprint: str
    source_rules: Mapping[str, str] = field(default_factory=dict)
    linking: str = ""
    precedence: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tracks: str = ""


@dataclass(frozen=True)
class InForce:
    """The configuration in force and since when; `configuration` is None where it was stated before migration 0017."""

    configuration: Configuration | None
    enabled: Sequence[str]
    set_at: datetime


@dataclass(frozen=True)
class Former:
    """The configuration as it was stated before migration 0017, for days that were built by it."""

    fingerprint: str
    source_rules: Mapping[str, str]


def in_force(connection: Any, *, lock: str = "") -> InForce | None:
    """Return the configuration in force; None before any was stated.

    Args:
        connection: to read it by.
        lock: `for share` or `for update`, kept until the end of the transaction.
    """
    columns = "fingerprint, source_rules, linking, precedence, tracks, enabled_sources, set_at"
    row = connection.execute(f"select {columns} from ops.configuration {lock}").fetchone()
    if row is None:
        return None
    fingerprint, rules, linking, precedence, tracks, enabled, set_at = row
    if tracks is None:
        return InForce(None, enabled, set_at)
    return InForce(Configuration(fingerprint, rules, linking, precedence, tracks), enabled, set_at)


def state(
    warehouse: Warehouse,
    configuration: Configuration,
    enabled: Sequence[str],
    resolve: Resolve | None = None,
    former: Former | None = None,
) -> None:
    """Put a configuration in force; write only what changed.

    Args:
        warehouse: where.
        configuration: the one days are to be built by.
        enabled: the sources whose files count.
        resolve: what names mean in the configuration's registry; None where no file has names.
        former: the same configuration as it was stated before migration 0017: days that are up to date by it stay so.
    """
    with warehouse.transaction() as connection:
        before = in_force(connection)
        if before and (before.configuration, before.enabled) == (configuration, list(enabled)):
            if _has_open_names(connection) and resolve:
                in_force(connection, lock="for update")
                resolve_all(connection.cursor(), resolve)
            return
        before = in_force(connection, lock="for update")
        was_former = before is not None and before.configuration is None and _is_former(connection, former, enabled)
        with days_stay_current(connection) if was_former else nullcontext():
            _write(connection, configuration, enabled)
            if resolve:
                resolve_all(connection.cursor(), resolve)
        if before and before.configuration and _moves_clocks(before.configuration, configuration):
            _mark_days_near_other_sources(connection)


def _has_open_names(connection: Any) -> bool:
    query = "select exists (select from ops.track_names where meaning is null)"
    return bool(connection.execute(query).fetchone()[0])


def _write(connection: Any, configuration: Configuration, enabled: Sequence[str]) -> None:
    connection.execute(
        """insert into ops.configuration
               (fingerprint, source_rules, linking, precedence, tracks, enabled_sources, set_at)
           values (%s, %s, %s, %s, %s, %s, now())
           on conflict (only_row) do update
           set fingerprint = excluded.fingerprint, source_rules = excluded.source_rules, linking = excluded.linking,
               precedence = excluded.precedence, tracks = excluded.tracks,
               enabled_sources = excluded.enabled_sources, set_at = now()""",
        [
            configuration.fingerprint,
            json.dumps(configuration.source_rules),
            configuration.linking,
            json.dumps(configuration.precedence),
            configuration.tracks,
            list(enabled),
        ],
    )


def _moves_clocks(before: Configuration, after: Configuration) -> bool:
    """Return whether the comparison of clocks changed: its settings, or which source is held against which."""
    return (before.linking, before.precedence.get("start")) != (after.linking, after.precedence.get("start"))


def _mark_days_near_other_sources(connection: Any) -> None:
    """Mark the built days whose clocks are compared with those of sources that they have no records of themselves."""
    connection.execute(
        f"""with wanted as materialized (select race_date, inputs from ops.wanted_days)
           update ops.built_days as built set fingerprint = 'the comparison of clocks changed at ' || now()
           from wanted as own
           join generate_series(-{NEAR_DAYS}, {NEAR_DAYS}) as steps on true
           join wanted as other on other.race_date = own.race_date + steps
           where built.race_date = own.race_date
             and exists (select from jsonb_object_keys(other.inputs) as source where not own.inputs ? source)"""
    )


def _is_former(connection: Any, former: Former | None, enabled: Sequence[str]) -> bool:
    row = connection.execute("select fingerprint, source_rules, enabled_sources from ops.configuration").fetchone()
    return former is not None and row == (former.fingerprint, former.source_rules, list(enabled))
