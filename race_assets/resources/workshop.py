"""The pipeline's tools as a Dagster resource; what they do is in `pipeline/`."""

import dagster as dg
from pydantic import PrivateAttr

from race_assets import settings
from race_assets.pipeline.workshop import Progress, Workshop


class WorkshopResource(dg.ConfigurableResource[Workshop]):
    """Opens one `Workshop` per process, so that the steps of a run share their connections and caches."""

    _progress: Progress | None = PrivateAttr(default=None)
    _workshop: Workshop | None = PrivateAttr(default=None)

    def reporting(self, progress: Progress) -> "WorkshopResource":
        """This resource, telling `progress` what it has done."""
        self._progress = progress
        return self

    def create_resource(self, context: dg.InitResourceContext) -> Workshop:
        """The tools; the warehouse is opened when it is first used."""
        del context
        return self.workshop

    @property
    def workshop(self) -> Workshop:
        """The tools, the same ones every time."""
        if self._workshop is None:
            self._workshop = Workshop(settings.load())
            if self._progress:
                self._workshop.progress = self._progress
        return self._workshop
