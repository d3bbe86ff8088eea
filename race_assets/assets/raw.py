"""The `raw/<source>` assets, one per enabled source, all from one factory; what a source is lives in `sources/`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from race_assets import retries
from race_assets.assets import checks, metadata
from race_assets.assets.days import LAKE, SINGLE_RUN, days_of, is_refresh, mark_process
from race_assets.display import visible
from race_assets.errors import LoginRefusedError, RaceAssetsError, SettingsError, TransientError
from race_assets.pipeline.days import days_with_records, raw_table
from race_assets.pipeline.land import Landed
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW
from race_assets.schemas.table import polars_schema

DAEMON_TAGS = {"dagster/sensor_name", "dagster/schedule_name"}


def raw_asset(
    source: str, title: str, partitions: dg.PartitionsDefinition, *, fetches: bool = False
) -> dg.AssetsDefinition:
    """The asset of a source's records by day, as the source tells them.

    Args:
        source: its name.
        title: one line for people.
        partitions: the days.
        fetches: whether a run first gets from the source's API what the archive lacks of its days.
    """
    key = dg.AssetKey(["raw", source])
    specs = [checks.spec(checks.SHAPE, key, "Every file of the source can be read and has its columns.")]
    if fetches:
        specs.append(checks.spec(checks.FETCHED, key, "Everything the source's API has for the days is here."))

    @dg.asset(
        key=key,
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        io_manager_key=LAKE,
        group_name="raw",
        kinds={"parquet"},
        description=f"{title}. All records of the day, also the filtered, doubtful and superseded ones.",
        metadata={"dagster/column_schema": metadata.columns(RAW), "dagster/table_name": raw_table(source)},
        check_specs=specs,
    )
    def _raw(context: dg.AssetExecutionContext, workshop: dg.ResourceParam[Workshop]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Dagster takes an annotation for an output's type
        policy = workshop.settings.automation.retries
        with retries.retried(context, policy):
            mark_process(context)
            days = days_of(context)
            fetched = _fetch(context, workshop, source, days) if fetches else _Fetching()
            if fetched.may_pass and fetched.problems and retries.is_left(context, policy):
                raise retries.again(context, policy, "; ".join(fetched.problems[:5]))
            landed = [*fetched.landed, *_land(context, workshop, source)]
            written = 0
            for day, rows in IngestionService.over(workshop).write_raw(source, days, refresh=is_refresh(context)):
                context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=day.isoformat())
                written += 1
            scan = workshop.lake.scan(raw_table(source), days, polars_schema(RAW))
            sample = scan.head(metadata.PREVIEW_ROWS).collect()
            stored = days_with_records(workshop, days, source)
            unreadable = [f"{file.name}: {file.detail}" for file in workshop.ledger.unreadable_files(source)]
        if fetched.refusal:
            # The days of the files that are here have been written all the same.
            raise dg.Failure(visible(fetched.refusal), allow_retries=False)
        return dg.MaterializeResult(
            value=stored,
            metadata={
                "days written by the run": written,
                "files landed by the run": len(landed),
                "rows read one by one by the run": sum(each.rows_careful for each in landed),
                **metadata.preview_of(days, sample),
                **{f"{name} by the run": figure for name, figure in fetched.figures.items()},
            },
            check_results=[checks.shape(key, landed, unreadable), *fetched.results(key)],
        )

    return _raw


@dataclass
class _Fetching:
    """What fetching came to; nothing for a source that does not fetch.

    `problems` are null where nothing was fetched; `may_pass` says that they may be gone in a moment. A `refusal` is for
    a person to deal with: no request can succeed.
    """

    landed: Sequence[Landed] = ()
    problems: Sequence[str] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    refusal: str = ""
    may_pass: bool = False

    def results(self, key: dg.AssetKey) -> list[dg.AssetCheckResult]:
        return [] if self.problems is None else [checks.fetched(key, self.problems, self.counts)]


def _fetch(context: dg.AssetExecutionContext, workshop: Workshop, source: str, days: Sequence[date]) -> _Fetching:
    try:
        done = IngestionService.over(workshop).fetch(source, days, context.run.run_id)
    except (LoginRefusedError, SettingsError) as error:
        context.log.error(visible(error))  # noqa: TRY400 - the message says it all
        return _Fetching(refusal=str(error))
    except RaceAssetsError as error:
        context.log.error(visible(error))  # noqa: TRY400 - the message says it all
        return _Fetching(problems=[str(error)], may_pass=isinstance(error, TransientError))
    for gap in done.gaps:
        context.log.log(logging.ERROR if gap.is_failure else logging.INFO, visible(gap.reason))
    for name, reason in done.failed.items():
        context.log.error(visible(f"{name}: {reason}"))
    traffic = done.traffic
    figures = {
        "requests": traffic.requests,
        "requests repeated": traffic.retries,
        "seconds waited": round(traffic.waited_s, 1),
        "bytes received": traffic.bytes_in,
    }
    return _Fetching(done.landed, done.problems, done.notes, figures, may_pass=done.may_pass)


def _land(context: dg.AssetExecutionContext, workshop: Workshop, source: str) -> list[Landed]:
    # Somebody who types a command has dropped what is to be taken; a run of the daemon's may come in the middle of it.
    is_daemons = DAEMON_TAGS & context.run.tags.keys()
    quiet_s = workshop.settings.automation.drops.interval_seconds if is_daemons else 0
    landed = IngestionService.over(workshop).land_drop_folder(source, quiet_s)
    for each in landed:
        level = context.log.error if each.is_bad else context.log.info
        level(visible(f"{each.path}: {each.state}. {each.detail}"))
    return landed
