"""The pipeline's tools as a Dagster resource; what they do is in `pipeline/`."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from structlog.contextvars import bound_contextvars

from race_assets import settings
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.files import prepare_home

_opened: list[Workshop] = []


def workshop_in_use() -> Workshop:
    """The tools of this process for the settings in force: the same ones as long as those stay the same.

    Dagster copies a resource for every run; the tools, with their caches and figures, are shared.
    """
    wanted = settings.load()
    if not _opened or _opened[0].settings != wanted:
        prepare_home(wanted.home, is_group=wanted.home_group)
        _opened[:] = [Workshop(wanted)]
    return _opened[0]


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
