"""`dagster dev` as `make dev` starts it: a dropped file becomes tables, a year is one run, a kill loses nothing."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from race_assets_tests.automation.dev import Dev
from race_assets_tests.conftest import SAMPLES
from race_assets_tests.waiting import wait_until

CORE_ASSETS = (
    "core/races",
    "core/selections",
    "core/prices",
    "core/price_points",
    "core/dog_form",
    "core/race_analysis",
    "core/race_links",
)
ASSETS = ("raw/betfair_csv", "raw/betfair_bsp", "validated/records", *CORE_ASSETS)


@pytest.fixture
def dev(environment: dict[str, str], tmp_path: Path) -> Iterator[Dev]:
    """`dagster dev` whose sensors look every second."""
    fast = {f"RACE_ASSETS_AUTOMATION__{name}__INTERVAL_SECONDS": "1" for name in ("DROPS", "STALE_DAYS")}
    made = Dev({**environment, **fast}, tmp_path / "dev.log")
    yield made
    made.kill()


def rows(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.long
def test_dropped_files_become_tables_though_the_daemon_is_killed_and_a_year_is_one_run(
    dev: Dev, database: str, tmp_path: Path
) -> None:
    inbox = tmp_path / "home" / "drops" / "betfair_csv"
    inbox.mkdir(parents=True)
    dev.start()

    (inbox / "a.csv").write_bytes((SAMPLES / "betfair_csv" / "greyhounds_2024-06-27.csv").read_bytes())
    wait_until(lambda: rows(database, "select 1 from ops.source_files"), "the file to be landed")
    dev.kill()

    dev.start()
    built = "select count(*) from core.races where race_date = '2024-06-27'"
    wait_until(lambda: rows(database, built) == [(31,)], "the day to be built after the kill")

    days = [str(dt.date(2023, 7, 1) + dt.timedelta(days=n)) for n in range(365)]
    launched = dev.graphql(
        """mutation ($given: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $given) {
           __typename ... on LaunchBackfillSuccess { backfillId } } }""",
        given={"assetSelection": [{"path": name.split("/")} for name in ASSETS], "partitionNames": days},
    )["launchPartitionBackfill"]

    def backfill() -> dict[str, Any]:
        query = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
                   ... on PartitionBackfill { status runs(limit: 10) { status } } } }"""
        told: dict[str, Any] = dev.graphql(query, id=launched["backfillId"])["partitionBackfillOrError"]
        return told

    wait_until(lambda: backfill()["status"] != "REQUESTED", "the backfill to end")
    assert backfill() == {"status": "COMPLETED_SUCCESS", "runs": [{"status": "SUCCESS"}]}
    assert rows(database, built) == [(31,)]
