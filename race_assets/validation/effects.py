"""Measure a day for the rules, to tell whether a changed rule can change it: only where something breaks it.

Limits are compared with the extremes of the day, whatever the severity; for a rule without limits it counts whether
anything breaks it. A rule that is not measured here, and a day that was not measured, may always be changed.
"""

from collections.abc import Mapping
from datetime import date, datetime
from math import inf
from typing import Any

import polars as pl

from race_assets.settings.rules import RuleSettings
from race_assets.validation.races import judge_races, race_counts
from race_assets.validation.rows import EXCHANGE_PRICES, JUDGED, row_rules
from race_assets.validation.sources import RUNNER, judge_currencies

BROKEN, PRICES, TRAPS, RUNNERS, BOOK, GAP = "broken", "price", "trap", "runners", "book", "bsp_gap"
EXTREMES = {"price_range": PRICES, "runners": RUNNERS, "over_round": BOOK}
"""The measure that the limits of a rule are compared with."""
OF_RECORDS = ("volume", "value", "selection_name", "number", "sport", "settled")
OF_RACES = ("trap_once", "winner", "currency")
WITHOUT_LIMITS = frozenset([*OF_RECORDS, *OF_RACES])
DAY = ["source", "race_date"]
ROUNDING, LARGEST = 1e-9, 1e300
Measures = dict[str, Any]
NOTHING: Measures = {BROKEN: []}
"""The measures of no record and no race."""
Rules = Mapping[str, Mapping[str, Any]]
"""Settings of rules by id."""


def of_records(placed: pl.DataFrame, now: datetime) -> dict[tuple[str, date], Measures]:
    """Return the measures of each source and day, over the records that the rules for single records are applied to.

    Args:
        placed: holds the columns in `rows.JUDGED`, `source` and `problems`.
        now: what the clock shows.
    """
    all_on = row_rules(RuleSettings(), now)
    fixed = {rule.id: rule.passes for rule in all_on if rule.id in WITHOUT_LIMITS}
    starting_prices = [rule.passes for rule in all_on if "sp_decimal" in rule.cells]
    rows = placed.select(*dict.fromkeys([*JUDGED, "source", "problems"]))
    finite = [pl.when(pl.col(name).is_finite()).then(name) for name in EXCHANGE_PRICES]
    is_odd = pl.any_horizontal(~pl.col(name).is_finite() for name in EXCHANGE_PRICES)
    days = rows.group_by(DAY).agg(
        *((~passes).any().alias(name) for name, passes in fixed.items()),
        price_range=(~starting_prices[0]).any() | is_odd.any(),
        low=pl.min_horizontal(finite).min(),
        high=pl.max_horizontal(finite).max(),
        problems=pl.col("problems").explode().struct.field("rule").drop_nulls().unique(),
    )
    traps = (
        rows.drop_nulls(["trap", "country"])
        .group_by(*DAY, "country")
        .agg(low=pl.col("trap").min(), high=pl.col("trap").max())
    )
    by_day: dict[tuple[str, date], dict[str, list[int]]] = {}
    for source, day, country, low, high in traps.sort("country").iter_rows():
        by_day.setdefault((source, day), {})[country] = [low, high]
    found = {}
    for row in days.iter_rows(named=True):
        key = (row["source"], row["race_date"])
        broken = {name for name in (*fixed, "price_range") if row[name]} | set(row["problems"])
        prices = None if row["low"] is None else [row["low"], row["high"]]
        found[key] = {BROKEN: sorted(broken), PRICES: prices, TRAPS: by_day.get(key, {})}
    return found


def of_races(keyed: pl.DataFrame, chosen: pl.DataFrame, disputes: pl.DataFrame) -> dict[date, Measures]:
    """Return the measures of each day with races, over the races that the rules for races are applied to.

    Args:
        keyed: records that know their race and runner, as for `sources.judge_sources`.
        chosen: one row per runner, as for `races.judge_races`.
        disputes: runners whose results are in dispute.
    """
    rules = RuleSettings()
    findings = [*judge_races(chosen, rules), judge_currencies(keyed, rules.currency)]
    found: dict[date, Measures] = {day: {BROKEN: []} for day in chosen["race_date"].unique().sort()}
    for finding in findings:
        if finding and finding.rule in WITHOUT_LIMITS:
            for day in finding.races["race_date"].unique():
                found[day][BROKEN].append(finding.rule)
    for day in disputes["race_date"].unique():
        found[day][BROKEN].append("sources_agree")
    counts = race_counts(chosen)
    runners = counts.group_by("race_date").agg(pl.col("standing").min().alias("low"), high=pl.col("standing").max())
    books = counts.filter(is_priced=True).group_by("race_date").agg(low=pl.col("book").min(), high=pl.col("book").max())
    for name, extremes in ((RUNNERS, runners), (BOOK, books)):
        for day, low, high in extremes.iter_rows():
            found[day][name] = [low, high if high < inf else LARGEST]
    bsp = (
        keyed.filter(pl.col("market_type") == "WIN")
        .group_by(RUNNER)
        .agg(low=pl.col("bsp").min(), high=pl.col("bsp").max())
    )
    gaps = bsp.group_by("race_date").agg(gap=(pl.col("high") / pl.col("low") - 1).max())
    for day, gap in gaps.drop_nulls().iter_rows():
        found[day][GAP] = gap if gap < inf else None
    return found


def changes_nothing(before: Rules, after: Rules, measures: Measures) -> bool:
    """Return whether a day with these measures comes out the same under both settings of the rules."""
    return all(_is_harmless(rule, before.get(rule, {}), after.get(rule, {}), measures) for rule in {*before, *after})


def _is_harmless(rule: str, before: Mapping[str, Any], after: Mapping[str, Any], measures: Measures) -> bool:
    if before == after:
        return True
    if rule in measures[BROKEN]:
        return False
    return rule in WITHOUT_LIMITS or (_passes(rule, before, measures) and _passes(rule, after, measures))


def _passes(rule: str, limits: Mapping[str, Any], measures: Measures) -> bool:
    """Return whether everything is within a rule's limits; where the rule is off there is nothing to pass."""
    if limits.get("severity") == "off":
        return True
    if rule in EXTREMES:
        extremes = measures.get(EXTREMES[rule])
        return extremes is None or bool(limits["min"] <= extremes[0] and extremes[1] <= limits["max"])
    if rule == "trap":
        return all(
            low >= 1 and high <= min(limits["usual"].get(country, inf), limits["most"].get(country, inf))
            for country, (low, high) in measures.get(TRAPS, {}).items()
        )
    if rule == "sources_agree":
        gap = measures.get(GAP, 0.0)
        return gap is not None and (gap == 0 or bool(gap < limits["bsp_tolerance"] - ROUNDING))
    return False
