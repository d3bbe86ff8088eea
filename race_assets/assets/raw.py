"""The `raw/<source>` assets, one per enabled source, all from one factory; what a source is lives in `sources/`."""

import dagster as dg

from race_assets.assets import checks, metadata
from race_assets.assets.days import SINGLE_RUN, days_of, is_refresh, mark_process
from race_assets.errors import PermanentError
from race_assets.pipeline import drops
from race_assets.pipeline.days import chunks, ensure_raw, raw_table
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW
from race_assets.schemas.table import polars_schema


def raw_asset(source: str, title: str, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a source's records by day, as the source tells them."""
    key = dg.AssetKey(["raw", source])

    @dg.asset(
        key=key,
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        group_name="raw",
        kinds={"parquet"},
        description=f"{title}. All records of the day, also the filtered, doubtful and superseded ones.",
        metadata={"dagster/column_schema": metadata.columns(RAW), "dagster/table_name": raw_table(source)},
        check_specs=[checks.spec(checks.SHAPE, key, "Every file of the source can be read and has its columns.")],
    )
    def _raw(context: dg.AssetExecutionContext, workshop: dg.ResourceParam[Workshop]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with its argument, Dagster reads it as a plain output
        mark_process(context)
        landed = _land(context, workshop, source)
        days = days_of(context)
        written = 0
        for group in chunks(workshop, days):
            for day, rows in ensure_raw(workshop, source, group, refresh=is_refresh(context)).items():
                context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=day.isoformat())
                written += 1
            workshop.progress("raw", len(group))
        sample = workshop.lake.scan(raw_table(source), days, polars_schema(RAW)).head(metadata.PREVIEW_ROWS).collect()
        unreadable = [f"{file.name}: {file.detail}" for file in workshop.ledger.unreadable_files(source)]
        return dg.MaterializeResult(
            metadata={
                "days written": written,
                "files landed": len(landed),
                "rows read one by one": sum(each.rows_careful for each in landed),
                "preview": metadata.preview(sample),
            },
            check_results=[checks.shape(key, landed, unreadable)],
        )

    return _raw


def _land(context: dg.AssetExecutionContext, workshop: Workshop, source: str) -> list[Landed]:
    try:
        landed = drops.land_by_hand(workshop, source)
    except PermanentError as error:
        # The days already landed are still good; the check says what is wrong.
        context.log.error(str(error))  # noqa: TRY400 - the message says it all
        return [Landed(str(workshop.settings.drop_folder(source)), source, "failed", str(error))]
    for each in landed:
        level = context.log.error if each.is_bad else context.log.info
        level(f"{each.path}: {each.state}. {each.detail}")
    return landed
