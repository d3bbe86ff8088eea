"""The pipeline's tools as a Dagster resource; what they do is in `pipeline/`."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from structlog.contextvars import bound_contextvars

from race_assets.pipeline.reload import Reloading
from race_assets.pipeline.workshop import Workshop

_IN_USE = Reloading()


def workshop_in_use() -> Workshop:
    """Return the tools of this process for the settings and tracks in force, the same ones as long as those stay.

    Dagster copies a resource for every run; the tools, with their caches and figures, are shared.
    """
    return _IN_USE.workshop()


class WorkshopResource(dg.ConfigurableResource[Workshop]):
    """Hands the process's tools to assets, jobs and sensors; the warehouse is opened when it is first used."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Workshop]:
        """The tools; until the run is over every log line tells it, and connections are used again."""
        workshop = workshop_in_use()
        if not context.run:
            yield workshop
            return
        with bound_contextvars(run_id=context.run.run_id), workshop.warehouse.kept():
            yield workshop
