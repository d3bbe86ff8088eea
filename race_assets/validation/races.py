"""The rules a race is judged by as a whole; rules for a single record are in `rows.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from race_assets.settings.rules import RuleSettings
from race_assets.values.texts import formatted

STANDING = "ACTIVE"


@dataclass(frozen=True)
class RaceFinding:
    """Races that break a rule.

    Attributes:
        rule: the rule's id.
        is_refusal: whether the races are refused; else it is a warning.
        races: `race_date`, `race_id` and `message`, one row per race.
    """

    rule: str
    is_refusal: bool
    races: pl.DataFrame


def judge_races(runners: pl.DataFrame, settings: RuleSettings) -> list[RaceFinding]:
    """What is wrong with each race.

    Args:
        runners: one row per runner: `race_date`, `race_id`, `trap`, `dog_name`, `status`, `result`, `price`.
    """
    races = race_counts(runners)
    findings = [_trap_once(runners, settings)]
    counted = settings.runners
    standing, book, bounds = pl.col("standing"), pl.col("book"), settings.over_round
    findings.append(
        _finding(
            "runners",
            counted.severity,
            races.filter(~standing.is_between(counted.min, counted.max)),
            formatted(f"{{}} runners: {counted.min:g} to {counted.max:g} is usual", standing),
        )
    )
    findings.append(
        _finding(
            "over_round",
            bounds.severity,
            races.filter(pl.col("is_priced") & ~book.is_between(bounds.min, bounds.max)),
            formatted(f"the prices make a book of {{}}: {bounds.min:g} to {bounds.max:g} is usual", book.round(3)),
        )
    )
    findings.append(
        _finding(
            "winner",
            settings.winner.severity,
            races.filter((pl.col("results") > 0) & (pl.col("wins") == 0) & (pl.col("voids") < pl.col("results"))),
            pl.lit("it has results, is not void, and nobody won"),
        )
    )
    return [finding for finding in findings if finding is not None]


def race_counts(runners: pl.DataFrame) -> pl.DataFrame:
    """Return what the rules count in each race; it `is_priced` where all of several runners have a price."""
    stands = pl.col("status") == STANDING
    priced = (stands & pl.col("price").is_not_null()).sum()
    return runners.group_by("race_date", "race_id", maintain_order=True).agg(
        standing=stands.sum(),
        results=pl.col("result").is_not_null().sum(),
        wins=pl.col("result").is_in(["WINNER", "PLACED"]).sum(),
        voids=(pl.col("result") == "VOID").sum(),
        is_priced=(priced == stands.sum()) & (stands.sum() > 1),
        book=(1 / pl.col("price").filter(stands)).sum(),
    )


def _trap_once(runners: pl.DataFrame, settings: RuleSettings) -> RaceFinding | None:
    shared = (
        runners.filter((pl.col("status") == STANDING) & pl.col("trap").is_not_null())
        .group_by("race_date", "race_id", "trap", maintain_order=True)
        .agg("dog_name")
        .filter(pl.col("dog_name").list.len() > 1)
    )
    said = formatted(
        "trap {} is held by {}: one dog stands in a trap", "trap", pl.col("dog_name").list.sort().list.join(" and ")
    )
    races = shared.group_by("race_date", "race_id", maintain_order=True).agg(message=said.first())
    return _finding("trap_once", settings.trap_once.severity, races, pl.col("message"))


def _finding(rule: str, severity: str, races: pl.DataFrame, message: pl.Expr) -> RaceFinding | None:
    if severity == "off":
        return None
    return RaceFinding(rule, severity == "reject", races.select("race_date", "race_id", message=message))


def refused(findings: Sequence[RaceFinding]) -> pl.DataFrame:
    """Every refused race once: `race_date`, `race_id`, `rules`, `messages`."""
    frames = [f.races.with_columns(rule=pl.lit(f.rule)) for f in findings if f.is_refusal]
    schema = {"race_date": pl.Date, "race_id": pl.String, "message": pl.String, "rule": pl.String}
    together = pl.concat([pl.DataFrame(schema=schema), *frames])
    return together.group_by("race_date", "race_id", maintain_order=True).agg(rules="rule", messages="message")
