"""What Dagster's own tables in our database say: when its daemon was last seen, and the last run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

HEARTBEAT_S = 90
"""A daemon that runs notes it every half minute."""
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end", "dagster/partition")


@dataclass(frozen=True)
class LastRun:
    """The run that was created last.

    Attributes:
        job: its job.
        days: the days it is about, for people; empty where it is about none.
        status: Dagster's word, such as SUCCESS.
        created_at: when it was asked for, UTC.
    """

    job: str
    days: str
    status: str
    created_at: datetime


def heartbeat_age_s(connection: Any) -> float | None:
    """Return the seconds since the daemon was last seen; None where it never ran on this database."""
    if not _exists(connection, "dagster.daemon_heartbeats"):
        return None
    query = (
        "select extract(epoch from (now() at time zone 'UTC') - max(timestamp))::float8 from dagster.daemon_heartbeats"
    )
    (age,) = connection.execute(query).fetchone()
    return None if age is None else float(age)


def last_run(connection: Any) -> LastRun | None:
    """Return the run that was created last; None without any."""
    if not _exists(connection, "dagster.runs"):
        return None
    query = """select run_id, pipeline_name, status, create_timestamp at time zone 'UTC' from dagster.runs
               order by id desc limit 1"""
    row = connection.execute(query).fetchone()
    if row is None:
        return None
    run_id, job, status, created_at = row
    query = "select key, value from dagster.run_tags where run_id = %s and key = any(%s)"
    tags: dict[str, str] = dict(connection.execute(query, [run_id, list(RANGE_TAGS)]).fetchall())
    one_day = tags.get(RANGE_TAGS[2], "")
    first, last = tags.get(RANGE_TAGS[0], one_day), tags.get(RANGE_TAGS[1], one_day)
    days = first if first == last else f"{first} to {last}"
    return LastRun("assets" if job.startswith("__") else job, days, status, created_at)


def _exists(connection: Any, table: str) -> bool:
    (there,) = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
    return bool(there)
