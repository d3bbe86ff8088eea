"""Accounts as rows of `ops.ingestion_runs`, written and read; how they are counted is elsewhere."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from race_assets.http.traffic import Traffic
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.ops import INGESTION_RUNS
from race_assets.schemas.table import polars_schema
from race_assets.validation.account import Account

Key = tuple[str, date | None]


def account_frame(
    run_id: str,
    accounts: Mapping[Key, Account],
    bytes_in: Mapping[Key, int],
    started_at: datetime,
    finished_at: datetime,
) -> pl.DataFrame:
    """Return one row per source and day; the time is shared out by records.

    Sources that are built together have one speed: `records_per_s` is of a source only where it was alone.
    """
    seconds = (finished_at - started_at).total_seconds()
    everything = sum(account.records_in for account in accounts.values()) or 1
    is_alone = len({source for (source, _), account in accounts.items() if account.records_in}) == 1
    rows = []
    for (source, day), account in accounts.items():
        duration = seconds * account.records_in / everything
        rows.append(
            {
                "run_id": run_id,
                "source": source,
                "race_date": day,
                "records_in": account.records_in,
                "accepted": account.accepted,
                "quarantined": account.quarantined,
                "duplicates": json.dumps(account.duplicates),
                "filtered": json.dumps(account.filtered),
                "rejected_by": json.dumps(account.rejected_by),
                "notes": json.dumps(account.notes),
                "api_requests": 0,
                "api_retries": 0,
                "api_wait_s": 0.0,
                "bytes_in": bytes_in.get((source, day), 0),
                "duration_s": duration,
                "records_per_s": account.records_in / duration if duration and is_alone else None,
                "success_rate": account.success_rate,
                "started_at": started_at,
                "finished_at": finished_at,
            }
        )
    return pl.DataFrame(rows, schema=polars_schema(INGESTION_RUNS))


def traffic_frame(
    run_id: str, source: str, traffic: Traffic, notes: Mapping[str, int], started_at: datetime, finished_at: datetime
) -> pl.DataFrame:
    """The row of a fetch: no day and no records; its bytes are those that came over the wire."""
    key: Key = (source, None)
    row = account_frame(run_id, {key: Account(notes=dict(notes))}, {key: traffic.bytes_in}, started_at, finished_at)
    return row.with_columns(
        api_requests=pl.lit(traffic.requests, pl.Int64),
        api_retries=pl.lit(traffic.retries, pl.Int64),
        api_wait_s=pl.lit(traffic.waited_s, pl.Float64),
        duration_s=pl.lit((finished_at - started_at).total_seconds()),
    )


def accounts_of(workshop: Workshop, run_ids: Sequence[str]) -> dict[Key, Account]:
    """What these runs made of each source and day."""
    query = """select source, race_date, records_in, accepted, quarantined, duplicates, filtered, rejected_by, notes
               from ops.ingestion_runs where run_id = any(%s) and (race_date is not null or records_in > 0)
               order by source, race_date"""
    with workshop.warehouse.connect() as connection:
        return {(row[0], row[1]): Account(*row[2:]) for row in connection.execute(query, [list(run_ids)])}
