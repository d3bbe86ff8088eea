"""What a Dagster run costs before any work is done: as many partitioned assets as we have, each doing nothing.

The shape of our own definitions comes in as JSON in the environment, so that this module imports nothing of ours.
"""

import json
import os

import dagster as dg

from benchmarks import EMPTY_SHAPE_VARIABLE

shape = json.loads(os.environ[EMPTY_SHAPE_VARIABLE])
days = dg.DailyPartitionsDefinition(start_date=shape["start"], end_offset=shape["end_offset"])


def no_op(number: int) -> dg.AssetsDefinition:
    """One asset that does nothing, in the same partitions and under the same backfill policy as ours."""

    @dg.asset(name=f"empty_{number}", partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def empty() -> None: ...

    return empty


defs = dg.Definitions(
    assets=[no_op(number) for number in range(shape["assets"])],
    executor=dg.in_process_executor,
)
