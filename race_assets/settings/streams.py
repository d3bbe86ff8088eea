"""Settings of stream archives: how they are read and fetched, and which moments of the price grid are noted."""

from collections.abc import Sequence
from itertools import pairwise

from pydantic import Field, PositiveInt, field_validator

from race_assets.settings.fetching import HistoricFetch, HistoricRate
from race_assets.settings.nodes import Node
from race_assets.settings.source import SourceSettings


class GridStep(Node):
    """A stretch of the grid, up to the next one or the off."""

    start: PositiveInt = Field(description="seconds before the scheduled off at which it begins")
    every: PositiveInt = Field(description="seconds between its points")


class GridSettings(Node):
    """The moments before the scheduled off whose prices become `core.price_points`."""

    enabled: bool = True
    steps: tuple[GridStep, ...] = (GridStep(start=600, every=30), GridStep(start=60, every=5))

    @field_validator("steps")
    @classmethod
    def _earliest_first(cls, steps: Sequence[GridStep]) -> Sequence[GridStep]:
        if any(later.start >= earlier.start for earlier, later in pairwise(steps)):
            raise ValueError("must begin with the step that starts earliest, each later one with a smaller start")
        return steps

    def offsets(self) -> list[int]:
        """Seconds before the off, the earliest first, 0 last; empty when switched off."""
        if not self.enabled or not self.steps:
            return []
        ends = [*(step.start for step in self.steps[1:]), 0]
        moments = {at for step, end in zip(self.steps, ends, strict=True) for at in range(step.start, end, -step.every)}
        return sorted(moments | {0}, reverse=True)


class StreamSettings(SourceSettings):
    """A source of stream archives."""

    rate_limit: HistoricRate = HistoricRate()
    fetch: HistoricFetch = HistoricFetch()
    price_points: GridSettings = GridSettings()
    processes: PositiveInt | None = Field(None, description="that read an archive at once; none means one per core")
