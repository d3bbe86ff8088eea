"""What every stage needs at hand: settings, archive, lake, warehouse, ledger, track registry; no stage's own work."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property, partial

from race_assets.identity.track_names import meanings
from race_assets.identity.tracks import TrackRegistry, own_file
from race_assets.pipeline.configuration import configuration_of, former_of, is_harmless
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.sources.base import FileSource
from race_assets.storage.archive import Archive
from race_assets.storage.configuration import Configuration
from race_assets.storage.files import beside_lake
from race_assets.storage.lake import Lake
from race_assets.storage.lake_upgrade import LAKE, PUBLISHED, upgrade
from race_assets.storage.ledger import Ledger, WantedDay
from race_assets.storage.postgres import Warehouse

REFRESH_TAG = "race_assets/refresh"
"""The run tag that asks for days to be built anew whether they are stale or not."""

Progress = Callable[[str, int], None]
"""Told the stage's name and how many days it has just finished."""


@dataclass
class Workshop:
    """One set of tools for one process; opening it starts and migrates the warehouse as needed.

    Attributes:
        not_taken_over: why changed settings or tracks are not in force; empty where nothing has changed since.
    """

    settings: Settings
    progress: Progress = lambda *_: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    not_taken_over: str = ""

    @cached_property
    def archive(self) -> Archive:
        """Original bytes."""
        return Archive(self.settings.home)

    @cached_property
    def lake(self) -> Lake:
        """Parquet."""
        return Lake(self.settings.home)

    @cached_property
    def published(self) -> Lake:
        """The records that days were published with, for what changes later; they cannot be made again."""
        folder = beside_lake(self.settings.home, "published", former="published")
        return Lake(folder.parent, folder.name)

    @cached_property
    def tracks(self) -> TrackRegistry:
        """The track registry with the user's own additions."""
        return TrackRegistry.load(own_file(self.settings.home))

    @cached_property
    def warehouse(self) -> Warehouse:
        """Postgres."""
        return Warehouse.open(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """Put this process's configuration in force and return the ledger; for landing and building."""
        upgrade(self.lake, LAKE)
        upgrade(self.published, PUBLISHED)
        ledger = Ledger(self.warehouse)
        with self.warehouse.kept():
            self.warehouse.check_writable()
            former = former_of(self.settings, self.tracks)
            resolve = partial(meanings, self.tracks)
            ledger.configure(self.configuration, self.enabled, resolve, former, is_harmless)
            self._expect()
        return ledger

    @property
    def has_stated_configuration(self) -> bool:
        """Whether these tools have put their configuration in force, or found it so."""
        return "ledger" in vars(self)

    def state_configuration_again(self) -> None:
        """Have the configuration put in force again when the ledger is next used, since another process may differ."""
        vars(self).pop("ledger", None)

    @cached_property
    def reading(self) -> Warehouse:
        """Return the warehouse with the expectations of the settings entered; no configuration is put in force."""
        self._expect()
        return self.warehouse

    def _expect(self) -> None:
        """State what is expected of enabled sources; one that runs fetch or poll is current without further ado."""
        coverage = self.settings.coverage
        expected = {
            name: each.model_copy(update={"current": True})
            if each.current is None and self.settings.collects(name)
            else each
            for name, each in coverage.of(self.enabled).items()
        }
        Ledger(self.warehouse).expect(expected, coverage)

    def source(self, name: str) -> FileSource:
        """The source of that name, as the settings have it."""
        return registry.create(name, self.settings)

    @property
    def enabled(self) -> list[str]:
        """Names of the sources that are switched on."""
        return registry.enabled(self.settings)

    @cached_property
    def configuration(self) -> Configuration:
        """What a built day depends on beside its files."""
        return configuration_of(self.settings, self.tracks)

    def wanted(self, days: Sequence[date]) -> dict[date, WantedDay]:
        """What each of these days should be built from now, under this process's configuration."""
        return self.ledger.wanted(days, self.configuration)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Adds the block's wall time to `seconds[what]`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - began
