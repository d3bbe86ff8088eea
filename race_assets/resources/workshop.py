"""The pipeline's tools as a Dagster resource; what they do is in `pipeline/`."""

import dagster as dg
from pydantic import PrivateAttr

from race_assets import settings
from race_assets.pipeline.workshop import Workshop


class WorkshopResource(dg.ConfigurableResource[Workshop]):
    """Opens one `Workshop` per process, so that the steps of a run share their connections and caches."""

    _workshop: Workshop | None = PrivateAttr(default=None)

    def create_resource(self, context: dg.InitResourceContext) -> Workshop:
        """The tools; the warehouse is opened when it is first used."""
        del context
        return self.workshop

    @property
    def workshop(self) -> Workshop:
        """The tools, the same ones every time."""
        if self._workshop is None:
            self._workshop = Workshop(settings.load())
        return self._workshop
