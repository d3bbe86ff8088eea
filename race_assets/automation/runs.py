"""Running `ingest` in this process as a Dagster run like any other, and failing runs whose process died."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from race_assets.automation.jobs import INGEST
from race_assets.automation.ranges import LIVE, range_tags
from race_assets.errors import WarehouseError
from race_assets.pipeline import process
from race_assets.pipeline.workshop import REFRESH_TAG

LOCATION, MODULE = "race_assets", "race_assets.definitions"
"""The code location as workspace.yaml names it, and what it loads."""
STOPPED = "told to stop; the transaction in flight was finished, days that were not begun are as they were"
INTERRUPTED = "DagsterExecutionInterruptedError"


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
    """One run per range, one after the other.

    A failed one does not keep the next from running; one that was told to stop does, and the rest are named.
    """
    fail_abandoned(instance)
    job = definitions.resolve_job_def(INGEST)
    selection = _selection(job, source)
    outcomes = []
    for number, (first, last) in enumerate(ranges):
        tags = {
            **range_tags(first, last),
            **({REFRESH_TAG: "true"} if refresh else {}),
            process.TAG: process.process_mark(),
        }
        with database_held(), listed_in_location(instance, INGEST):
            result = job.execute_in_process(
                instance=instance,
                tags=tags,
                raise_on_error=False,
                asset_selection=selection,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        outcomes.append(Outcome(result.run_id, first, last, result.success, _reason(result)))
        if _was_stopped(result):
            why = "not begun: the command was told to stop; `race-assets ingest` builds what is still stale"
            outcomes += [Outcome("", *each, succeeded=False, reason=why) for each in ranges[number + 1 :]]
            break
    return outcomes


@contextmanager
def listed_in_location(instance: dg.DagsterInstance, job: str) -> Iterator[None]:
    """Have runs that are created in this block belong to the code location of workspace.yaml.

    The UI's timeline and the page of a job leave out runs that name no code location, which are those that
    `execute_in_process` creates.
    """
    create = instance.create_run_for_job
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=MODULE), LOCATION)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)
    instance.create_run_for_job = partial(create, remote_job_origin=origin)  # type: ignore[method-assign]
    try:
        yield
    finally:
        instance.create_run_for_job = create  # type: ignore[method-assign]


@contextmanager
def database_held() -> Iterator[None]:
    """Dagster notes its events in the same database, and has more words for its loss than anybody reads."""
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DagsterPostgresException, DBAPIError, WarehouseError) as error:
        raise WarehouseError(
            f"Postgres went away during the run: {str(error).splitlines()[0]}; days published before stay, the others "
            "are as they were: see that it runs, then run this again"
        ) from None


def _was_stopped(result: dg.ExecuteInProcessResult) -> bool:
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return any(error is not None and error.cls_name == INTERRUPTED for error in errors)


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
        texts.append(told or (STOPPED if data.error and data.error.cls_name == INTERRUPTED else _innermost(data.error)))
    return "; ".join(texts)


def _innermost(error: Any) -> str:
    """The message of what went wrong at first; Dagster wraps it in messages of its own."""
    if error is None:
        return "failed"
    while error.cause is not None:
        error = error.cause
    return str(error.message).strip()


def fail_abandoned(instance: dg.DagsterInstance) -> list[str]:
    """Reports runs as failed whose process on this machine is gone; gives their ids."""
    gone = [run for run in instance.get_runs(dg.RunsFilter(statuses=LIVE)) if _is_abandoned(run)]
    for run in gone:
        instance.report_run_failed(run, "its process is gone; the days it had not published are built by the next run")
    return [run.run_id for run in gone]


def _is_abandoned(run: dg.DagsterRun) -> bool:
    mark = run.tags.get(process.TAG)
    return mark is not None and process.is_gone(mark)
