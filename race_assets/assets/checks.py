"""The checks beside the assets: their names, and how a figure becomes a verdict; the figures come from below."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from race_assets.assets.metadata import rows, tally
from race_assets.display import markdown
from race_assets.pipeline.land import Landed
from race_assets.storage.coverage import Coverage
from race_assets.validation.account import Account, total

SHAPE = "shape"
FETCHED = "fetched"
ROW_RULES = "row_rules"
CONSERVATION = "conservation"
RACE_RULES = "race_rules"
NOT_EMPTY = "not_empty"
ARRIVED = "arrived"
SOURCES_AGREE = "sources_agree"
RUNNERS_REJECTED = "runners_rejected"
SHOWN_RACES = 100
SHOWN_LATE = 5

Accounts = Mapping[tuple[str, date], Account]


def spec(name: str, asset: dg.AssetKey, description: str) -> dg.AssetCheckSpec:
    """A check's declaration."""
    return dg.AssetCheckSpec(name, asset=asset, description=description)


def _result(*, description: str, **fields: Any) -> dg.AssetCheckResult:
    """Return a check's result; the UI reads its description, which names files and repeats answers, as Markdown."""
    return dg.AssetCheckResult(description=markdown(description), **fields)


def shape(asset: dg.AssetKey, landed: Sequence[Landed], unreadable: Sequence[str]) -> dg.AssetCheckResult:
    """Fails when a file of the source could not be read."""
    bad = sorted({*(f"{each.path}: {each.detail}" for each in landed if each.is_bad), *unreadable})
    return _result(
        passed=not bad,
        asset_key=asset,
        check_name=SHAPE,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(bad[:5]) or "every file has the columns it should",
        metadata={"unreadable files": len(bad)},
    )


def fetched(asset: dg.AssetKey, problems: Sequence[str], counts: Mapping[str, int]) -> dg.AssetCheckResult:
    """Fails when the source's API did not give what it should; for that the core step fails the run at its end."""
    return _result(
        passed=not problems,
        asset_key=asset,
        check_name=FETCHED,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(problems[:5]) or "everything the API has for these days is here",
        metadata={"problems": len(problems), **counts},
    )


def not_fetched(context: dg.AssetExecutionContext) -> list[str]:
    """What raw steps of this run said of their APIs, where it was nothing good."""
    events = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    told = [each.dagster_event.asset_check_evaluation_data for each in events if each.dagster_event]
    return [str(each.description) for each in told if each.check_name == FETCHED and not each.passed]


def row_rules(asset: dg.AssetKey, accounts: Accounts) -> dg.AssetCheckResult:
    """Warns when rows were quarantined, and says by which rules."""
    everything = total(accounts.values())
    return _result(
        passed=not everything.quarantined,
        asset_key=asset,
        check_name=ROW_RULES,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{everything.quarantined:,} of {everything.records_in:,} records quarantined",
        metadata={"rejects by rule": tally(everything.rejected_by), "notes": tally(everything.notes)},
    )


def conservation(asset: dg.AssetKey, accounts: Accounts, failed: Mapping[date, str]) -> dg.AssetCheckResult:
    """Fails when the records of a published day are not all accounted for, or a day could not be published."""
    off = {f"{source} {day}": text for (source, day), each in accounts.items() if (text := each.imbalance())}
    off |= {str(day): reason for day, reason in failed.items()}
    everything = total(accounts.values())
    return _result(
        passed=not off,
        asset_key=asset,
        check_name=CONSERVATION,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"{name}: {text}" for name, text in sorted(off.items())[:5])
        or "records in = accepted + quarantined + duplicates + filtered, for every source and day",
        metadata={
            "records in": everything.records_in,
            "accepted": everything.accepted,
            "quarantined": everything.quarantined,
            "duplicates": tally(everything.duplicates),
            "filtered": tally(everything.filtered),
        },
    )


def race_rules(asset: dg.AssetKey, findings: Mapping[str, int]) -> dg.AssetCheckResult:
    """Warns when races broke a rule of races."""
    return _result(
        passed=not findings,
        asset_key=asset,
        check_name=RACE_RULES,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{sum(findings.values()):,} findings" if findings else "every race is as races are",
        metadata={"races by rule": tally(findings)},
    )


def sources_agree(asset: dg.AssetKey, contradictions: Sequence[tuple[date, str, str]]) -> dg.AssetCheckResult:
    """Warns when sources contradict each other, with who says what of which runner."""
    said = pl.DataFrame(contradictions[:SHOWN_RACES], schema=["day", "race", "who says what"], orient="row")
    return _result(
        passed=not contradictions,
        asset_key=asset,
        check_name=SOURCES_AGREE,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"sources differ about {len(contradictions):,} races" if contradictions else "sources agree",
        metadata={"races": len(contradictions), "first of them": rows(said)},
    )


def runners_rejected(asset: dg.AssetKey, incomplete: Sequence[tuple[date, str, int]]) -> dg.AssetCheckResult:
    """Warn when races lack runners whose records are in quarantine, with the races and how many each lacks."""
    shown = pl.DataFrame(incomplete[:SHOWN_RACES], schema=["day", "race", "runners rejected"], orient="row")
    runners = sum(count for *_, count in incomplete)
    return _result(
        passed=not incomplete,
        asset_key=asset,
        check_name=RUNNERS_REJECTED,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(incomplete):,} races lack {runners:,} runners that are in quarantine"
        if incomplete
        else "no race lacks a runner that is in quarantine",
        metadata={"races": len(incomplete), "runners": runners, "first of them": rows(shown)},
    )


def not_empty(asset: dg.AssetKey, empty: Sequence[date]) -> dg.AssetCheckResult:
    """Warns when a day was published without races: valid, but worth a look."""
    shown = ", ".join(map(str, empty[:10]))
    return _result(
        passed=not empty,
        asset_key=asset,
        check_name=NOT_EMPTY,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(empty)} days without races: {shown}" if empty else "every day has races",
        metadata={"empty days": len(empty)},
    )


def arrived(asset: dg.AssetKey, recent: Sequence[Coverage]) -> dg.AssetCheckResult:
    """Warn when something is missing that is due, whichever days the run was about.

    Args:
        asset: what the check belongs to.
        recent: the last four weeks of the sources that are expected up to today.
    """
    late = [each for each in recent if each.is_late]
    current = sorted({each.source for each in recent})
    if late:
        shown = "; ".join(f"{each.race_date}, {each.source}: {each.state}, {each.reason}" for each in late[:SHOWN_LATE])
        more = f"; and {len(late) - SHOWN_LATE} more" if len(late) > SHOWN_LATE else ""
        description = f"{shown}{more}. `race-assets status` has the command for each"
    elif current:
        description = f"all that is due of the last four weeks is here, of {', '.join(current)}"
    else:
        description = (
            "no source is expected up to today: none has data of the last weeks, and runs fetch none "
            "(coverage.sources.<name>.current sets it)"
        )
    return _result(
        passed=not late,
        asset_key=asset,
        check_name=ARRIVED,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"late": len(late), "current sources": ", ".join(current) or "none"},
    )
