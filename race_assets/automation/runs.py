"""Running `ingest` in this process as a Dagster run like any other, and failing runs whose process died."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import psutil

from race_assets.automation.jobs import INGEST
from race_assets.automation.ranges import LIVE, range_tags

PROCESS_TAG = "race_assets/process"
REFRESH_TAG = "race_assets/refresh"


@dataclass(frozen=True)
class Outcome:
    """How one run ended."""

    run_id: str
    first: date
    last: date
    succeeded: bool
    reason: str


def ingest(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    ranges: Sequence[tuple[date, date]],
    *,
    source: str | None = None,
    refresh: bool = False,
) -> list[Outcome]:
    """One run per range, one after the other; a failed one does not keep the next from running."""
    fail_abandoned(instance)
    job = definitions.resolve_job_def(INGEST)
    selection = _selection(job, source)
    outcomes = []
    for first, last in ranges:
        tags = {**range_tags(first, last), **({REFRESH_TAG: "true"} if refresh else {}), PROCESS_TAG: process_mark()}
        result = job.execute_in_process(
            instance=instance,
            tags=tags,
            raise_on_error=False,
            asset_selection=selection,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        outcomes.append(Outcome(result.run_id, first, last, result.success, _reason(result)))
    return outcomes


def _selection(job: dg.JobDefinition, source: str | None) -> list[dg.AssetKey] | None:
    """All assets, or those of one source and what follows from them."""
    if source is None:
        return None
    keys = job.asset_layer.executable_asset_keys
    return [key for key in keys if key.path[0] != "raw" or key.path[1] == source]


def _reason(result: dg.ExecuteInProcessResult) -> str:
    failures = [event for event in result.all_events if event.is_step_failure]
    texts = []
    for event in failures:
        data = event.step_failure_data
        told = data.user_failure_data.description if data.user_failure_data else None
        texts.append(told or _innermost(data.error))
    return "; ".join(texts)


def _innermost(error: Any) -> str:
    """The message of what went wrong at first; Dagster wraps it in messages of its own."""
    if error is None:
        return "failed"
    while error.cause is not None:
        error = error.cause
    return str(error.message).strip()


def process_mark() -> str:
    """This process, told apart from a later one with the same pid."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def mark_process(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Notes on a run which process carries it, so that it can be failed once that process is gone."""
    if tags.get(PROCESS_TAG) != process_mark():
        instance.add_run_tags(run_id, {PROCESS_TAG: process_mark()})


def fail_abandoned(instance: dg.DagsterInstance) -> list[str]:
    """Reports runs as failed whose process on this machine is gone; gives their ids."""
    gone = [run for run in instance.get_runs(dg.RunsFilter(statuses=LIVE)) if _is_abandoned(run.tags.get(PROCESS_TAG))]
    for run in gone:
        instance.report_run_failed(run, "its process is gone; the days it had not published are built by the next run")
    return [run.run_id for run in gone]


def _is_abandoned(mark: str | None) -> bool:
    if not mark:
        return False
    host, pid, created = mark.split()
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True
