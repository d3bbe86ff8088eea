"""The `validated/records` asset: accepted records of all sources by day; the rules are in `validation/`."""

import json
from collections.abc import Sequence
from datetime import date

import dagster as dg

from race_assets import retries
from race_assets.assets import checks, metadata
from race_assets.assets.days import LAKE, SINGLE_RUN, days_of, is_refresh, mark_process
from race_assets.pipeline.days import days_with_records
from race_assets.pipeline.judge import VALIDATED
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.storage.lake import ACCOUNT
from race_assets.validation.account import Account, total

KEY = dg.AssetKey(["validated", "records"])


def validated_asset(sources: Sequence[str], partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset over these sources."""

    @dg.asset(
        key=KEY,
        deps=[dg.AssetKey(["raw", source]) for source in sources],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        io_manager_key=LAKE,
        group_name="validated",
        kinds={"parquet", "polars"},
        description=RECORDS.description,
        metadata={"dagster/column_schema": metadata.columns(RECORDS), "dagster/table_name": VALIDATED},
        check_specs=[
            checks.spec(checks.ROW_RULES, KEY, "No row broke a rule; those that did are in quarantine.rejects.")
        ],
    )
    def _validated(context: dg.AssetExecutionContext, workshop: dg.ResourceParam[Workshop]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Dagster takes an annotation for an output's type
        days = days_of(context)
        written = 0
        with retries.retried(context, workshop.settings.automation.retries):
            mark_process(context)
            for day, rows in IngestionService.over(workshop).write_validated(days, refresh=is_refresh(context)):
                account = total(_accounts(workshop, [day]).values())
                figures = {"dagster/partition_row_count": rows, **metadata.of_account(account)}
                rules = {"rejects by rule": metadata.tally(account.rejected_by)}
                context.add_asset_metadata({**figures, **rules}, partition_key=day.isoformat())
                written += 1
            stored = days_with_records(workshop, days)
        sample = workshop.lake.scan(VALIDATED, days, polars_schema(RECORDS)).head(metadata.PREVIEW_ROWS).collect()
        accounts = _accounts(workshop, days)
        return dg.MaterializeResult(
            value=stored,
            metadata={
                "days written by the run": written,
                **metadata.preview_of(days, sample),
            },
            check_results=[checks.row_rules(KEY, accounts)],
        )

    return _validated


def _accounts(workshop: Workshop, days: Sequence[date]) -> dict[tuple[str, date], Account]:
    accounts = {}
    for day in days:
        for source, told in json.loads(workshop.lake.metadata(VALIDATED, day).get(ACCOUNT, "{}")).items():
            account = Account(**told)
            account.records_in = account.accounted_for
            accounts[source, day] = account
    return accounts
