"""Retry a step whose error may pass by itself.

This is the one level at which a run is tried again. Beneath it a single request or transaction is repeated for seconds
(`http/retry.py`, `storage/postgres.py`); above it nothing repeats a run that failed for good.

Dagster (1.13) counts the retries that a step asks for with `RetryRequested`, waits as long as it is told, and runs
other steps meanwhile. A step without a `RetryPolicy` is retried only so: what is not transient fails at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import dagster as dg

from race_assets.backoff import PAUSES, pause_s
from race_assets.display import visible
from race_assets.errors import TransientError, WarehouseError
from race_assets.settings import RetrySettings

Context: TypeAlias = dg.AssetExecutionContext | dg.OpExecutionContext


def is_left(context: Context, policy: RetrySettings) -> bool:
    """Return whether the step may be tried again."""
    return bool(context.retry_number < policy.max_retries)


def again(context: Context, policy: RetrySettings, reason: str) -> dg.RetryRequested:
    """Return what the step raises to be run again after a pause; says so in the run's log."""
    number = context.retry_number + 1
    pause = pause_s(number, policy.base_seconds, policy.max_seconds, PAUSES.chance())
    context.log.warning(visible(f"{reason}; retry {number} of {policy.max_retries} in {pause:.1f} s"))
    return dg.RetryRequested(policy.max_retries, pause)


@contextmanager
def retried(context: Context, policy: RetrySettings) -> Iterator[None]:
    """Have the step run again when the block raises a TransientError, or Dagster's storage in it loses the database.

    Any other error passes through.

    Raises:
        dg.RetryRequested: a TransientError, and a retry is left.
        TransientError: no retry is left.
    """
    try:
        with _dagsters_own_translated():
            yield
    except TransientError as error:
        if not is_left(context, policy):
            raise
        raise again(context, policy, str(error)) from error


@contextmanager
def _dagsters_own_translated() -> Iterator[None]:
    """Turn the loss of the database into our error where it was Dagster that lost it, noting what the step does."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise WarehouseError(f"Postgres went away: {error.orig}") from error
