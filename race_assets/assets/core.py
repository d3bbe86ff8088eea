"""The `core/*` assets: races, selections, prices, price points, published together, a chunk of whole days at a time."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg

from race_assets import retries
from race_assets.assets import checks, metadata
from race_assets.assets.days import POSTGRES, SINGLE_RUN, days_of, is_refresh, mark_process
from race_assets.assets.validated import KEY as VALIDATED
from race_assets.display import visible
from race_assets.pipeline.build import Built
from race_assets.pipeline.pictures import charts, figures
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE
from race_assets.storage import coverage, tables
from race_assets.validation.account import total

PICTURED_DAYS = 31
KEYS = {name: dg.AssetKey(name.split(".")) for name in CORE}
RACES = KEYS["core.races"]


def core_assets(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The assets, one for each core table, made by one step."""

    @dg.multi_asset(
        name="core",
        specs=[
            dg.AssetSpec(
                KEYS[name],
                deps=[VALIDATED],
                group_name="core",
                kinds={"postgres"},
                description=schema.description,
                metadata={"dagster/column_schema": metadata.columns(schema), "dagster/table_name": name},
            ).with_io_manager_key(POSTGRES)
            for name, schema in CORE.items()
        ],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        check_specs=[
            checks.spec(checks.CONSERVATION, RACES, "Every record that came in is accounted for."),
            checks.spec(checks.RACE_RULES, RACES, "Traps are held once, fields and books are of a usual size."),
            checks.spec(checks.SOURCES_AGREE, RACES, "Sources name one winner, and starting prices within a percent."),
            checks.spec(checks.RUNNERS_REJECTED, RACES, "No race lacks a runner whose record was rejected."),
            checks.spec(checks.NOT_EMPTY, RACES, "Every day has races."),
            checks.spec(checks.ARRIVED, RACES, "What was expected in the last four weeks, up to today, is here."),
        ],
    )
    def _core(context: dg.AssetExecutionContext, workshop: dg.ResourceParam[Workshop]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Dagster takes an annotation for an output's type
        days = days_of(context)
        policy = workshop.settings.automation.retries
        with retries.retried(context, policy):
            mark_process(context)
            built = IngestionService.over(workshop).build(days, context.run.run_id, refresh=is_refresh(context))
            unreadable = workshop.ledger.unreadable_files(since=_started_at(context))
        context.log.info("seconds by stage: %s", {name: round(s, 2) for name, s in workshop.seconds.items()})
        if built.may_pass and retries.is_left(context, policy):
            _log_good_days(context, built)
            raise retries.again(context, policy, "; ".join(sorted({built.failed[day] for day in built.may_pass})))
        not_fetched = checks.not_fetched(context)
        if built.failed or unreadable or not_fetched:
            _log_good_days(context, built)
            reasons = [f"{day}: {reason}" for day, reason in sorted(built.failed.items())]
            reasons += [f"file {file.name} of {file.source}: {file.detail}" for file in unreadable]
            reasons += not_fetched
            raise dg.Failure(visible("; ".join(reasons)), allow_retries=False)
        yield from _results(context, workshop, built)

    return _core


def _started_at(context: dg.AssetExecutionContext) -> float:
    record = context.instance.get_run_record_by_id(context.run.run_id)
    return record.create_timestamp.timestamp() if record else 0.0


def _day_metadata(built: Built, day: date, name: str) -> dict[str, Any]:
    """Return the figures that the page of one day shows, whatever other days the run built."""
    rows = {"dagster/partition_row_count": built.published[day][name]}
    if name != "core.races":
        return rows
    return rows | metadata.of_account(total(each for (_, of), each in built.accounts.items() if of == day))


def _log_good_days(context: dg.AssetExecutionContext, built: Built) -> None:
    """A step that fails records nothing by itself: the days that were published say so here."""
    for day in sorted([*built.published, *built.unchanged]):
        for name, key in KEYS.items():
            rows = _day_metadata(built, day, name) if day in built.published else {}
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=rows))


def _pictures(workshop: Workshop, name: str, days: Sequence[date]) -> dict[str, dg.MarkdownMetadataValue]:
    """Rejects and charts of a table's days, where they are few enough to be looked at; a year's events stay small."""
    if len(days) > PICTURED_DAYS:
        return {}
    warehouse, last = workshop.warehouse, max(days)
    drawn = {"rows per day": charts.bars(f"{name}: rows per day", figures.rows_per_day(warehouse, name, last))}
    rules = {rule: int(count) for rule, count in figures.rejects_by_rule(warehouse, days)}
    told = {"rejects by rule": metadata.tally(rules)}
    if name == "core.selections":
        drawn["prices"] = charts.bars("Runners by price, decimal odds", figures.prices(warehouse, days))
    if name == "core.races":
        implied = figures.over_rounds(warehouse, days)
        drawn["over-round"] = charts.bars("Over-round by track, average of its races", implied, "{:.3f}")
        told["coverage"] = metadata.calendar(figures.calendar(warehouse, last))
    return {**{title: metadata.picture(svg, title) for title, svg in drawn.items()}, **told}


def _results(
    context: dg.AssetExecutionContext, workshop: Workshop, built: Built
) -> Iterator[dg.MaterializeResult[None]]:
    for name, key in KEYS.items():
        for day in built.published:
            context.add_asset_metadata(_day_metadata(built, day, name), asset_key=key, partition_key=day.isoformat())
        rows = sum(counts[name] for counts in built.published.values())
        told = {
            "days published by the run": len(built.published),
            "days unchanged in the run": len(built.unchanged),
            "rows published by the run": rows,
        }
        sample = tables.head(workshop.warehouse, name, days_of(context), metadata.PREVIEW_ROWS)
        results = []
        if key == RACES:
            empty = [day for day, counts in built.published.items() if not counts["core.races"]]
            results = [
                checks.conservation(key, built.accounts, built.failed),
                checks.race_rules(key, built.findings_by_rule()),
                checks.sources_agree(key, built.contradictions),
                checks.runners_rejected(key, built.incomplete),
                checks.not_empty(key, sorted(empty)),
                checks.arrived(key, coverage.late(workshop.warehouse)),
            ]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={**told, "preview": metadata.preview(sample), **_pictures(workshop, name, days_of(context))},
            check_results=results,
        )
