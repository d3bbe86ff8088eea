"""race_assets: greyhound-racing data from files and feeds into two tables a day that can be trusted.

`read` returns a table's days as a Polars frame, `IngestionService` brings data in, `available_sources` names the
sources. Everything else is reached through the `race-assets` command or Dagster.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from race_assets.pipeline.metrics import IngestionMetrics
    from race_assets.pipeline.service import IngestionService, available_sources

__all__ = ["IngestionMetrics", "IngestionService", "available_sources", "read"]

# How long Polars' allocator keeps what was freed before it gives the pages back, read when Polars is loaded. Its
# default has the kernel clear the same gigabyte over and over: a third of a backfill's system time.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:3000")


def __getattr__(name: str) -> Any:
    """Return what is imported when it is first used: the package alone costs next to nothing."""
    if name == "IngestionMetrics":
        from race_assets.pipeline import metrics

        return metrics.IngestionMetrics
    if name in {"IngestionService", "available_sources"}:
        from race_assets.pipeline import service

        return getattr(service, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def read(table: str, first: str | date, last: str | date | None = None) -> pl.DataFrame:
    """A table's rows from `first` to `last`, both included.

    Args:
        table: a core table: `core.races`, `core.selections`, `core.prices`, `core.price_points`, `core.dog_form` or
            `core.race_analysis`.
        first: a race date, `2024-06-27`.
        last: none means only `first`.

    Raises:
        SettingsError: the table is none of those, a date is not one, or `last` is before `first`.
        WarehouseError: Postgres cannot be reached.
    """
    from race_assets import settings
    from race_assets.storage import reader, tables

    return tables.read_range(reader.reading_warehouse(settings.load()), table, first, last or first)
