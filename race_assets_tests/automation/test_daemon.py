"""`dagster dev` as `make dev` starts it: a dropped file becomes tables, a year is one run, a kill loses nothing."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from race_assets_tests.conftest import PROJECT, SAMPLES

WAITED_FOR_S = 150
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
def address() -> tuple[str, int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return "127.0.0.1", free.getsockname()[1]


@pytest.fixture
def start(environment: dict[str, str], address: tuple[str, int], tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Starts `dagster dev`; whatever still runs at the end is ended, with all its children."""
    fast = {f"RACE_ASSETS_AUTOMATION__{name}__INTERVAL_SECONDS": "1" for name in ("DROPS", "STALE_DAYS")}
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        with (tmp_path / "dev.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml"),
                    *("-h", address[0], "-p", str(address[1])),
                ],
                cwd=PROJECT,
                env={**environment, **fast},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield run
    for process in started:
        end(process, signal.SIGKILL)


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Sends the signal to the process and all that it started, and waits for it."""
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        return
    process.wait(60)


def until(condition: Callable[[], object], what: str) -> None:
    """Polls until the condition holds."""
    for _ in range(WAITED_FOR_S * 2):
        if condition():
            return
        Event().wait(0.5)
    raise AssertionError(f"waited {WAITED_FOR_S} s in vain for {what}")


def rows(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def graphql(address: tuple[str, int], query: str, **variables: object) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    url = f"http://{address[0]}:{address[1]}/graphql"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback, an address of our own
        told: dict[str, Any] = json.load(answer)
    return told["data"]


def answers(address: tuple[str, int]) -> bool:
    try:
        return bool(graphql(address, "{ version }"))
    except OSError:
        return False


@pytest.mark.timeout(420)
def test_dropped_files_become_tables_though_the_daemon_is_killed_and_a_year_is_one_run(
    start: Callable[[], Any], address: tuple[str, int], database: str, tmp_path: Path
) -> None:
    inbox = tmp_path / "home" / "drops" / "betfair_csv"
    inbox.mkdir(parents=True)
    process = start()
    until(lambda: answers(address), "the web server")

    (inbox / "a.csv").write_bytes((SAMPLES / "betfair_csv" / "greyhounds_2024-06-27.csv").read_bytes())
    until(lambda: rows(database, "select 1 from ops.source_files"), "the file to be landed")
    end(process, signal.SIGKILL)

    start()
    built = "select count(*) from core.races where race_date = '2024-06-27'"
    until(lambda: rows(database, built) == [(31,)], "the day to be built after the kill")

    until(lambda: answers(address), "the web server")
    days = [str(dt.date(2023, 7, 1) + dt.timedelta(days=n)) for n in range(365)]
    launched = graphql(
        address,
        """mutation ($given: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $given) {
           __typename ... on LaunchBackfillSuccess { backfillId } } }""",
        given={"assetSelection": [{"path": name.split("/")} for name in ASSETS], "partitionNames": days},
    )["launchPartitionBackfill"]

    def backfill() -> dict[str, Any]:
        query = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
                   ... on PartitionBackfill { status runs(limit: 10) { status } } } }"""
        told: dict[str, Any] = graphql(address, query, id=launched["backfillId"])["partitionBackfillOrError"]
        return told

    until(lambda: backfill()["status"] != "REQUESTED", "the backfill to end")
    assert backfill() == {"status": "COMPLETED_SUCCESS", "runs": [{"status": "SUCCESS"}]}
    assert rows(database, built) == [(31,)]
