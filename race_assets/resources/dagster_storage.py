"""Dagster's own storage, kept in the warehouse's database under the schema `dagster`; nothing of our tables.

Named in dagster.yaml under `storage.custom`. It starts the embedded server when the settings name no other, and sets
the two variables without which a run over a year writes thousands of events one by one.
"""

import os
from typing import Any

from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from race_assets import settings
from race_assets.storage.postgres import Warehouse, sqlalchemy_url

SCHEMA = "dagster"
STATEMENT_TIMEOUT_MS = 600_000
POOL_RECYCLE_S = 600
MAX_OVERFLOW = 20
BATCHED = {"DAGSTER_EVENT_BATCH_SIZE": "1000", "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true"}


class WarehouseStorage(DagsterPostgresStorage):
    """Runs, events and schedules in the warehouse."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure: the settings of race_assets say where the warehouse is."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "WarehouseStorage":
        """Makes the storage, with its server running and its schema there."""
        del config_value
        for variable, value in BATCHED.items():
            os.environ.setdefault(variable, value)
        warehouse = Warehouse.open(settings.load())
        storage = cls(sqlalchemy_url(warehouse.url, "psycopg2", SCHEMA), inst_data=inst_data)
        # Dagster connects anew for each statement, some 150 times a run, unless told to keep its connections.
        for part in (storage.event_log_storage, storage.run_storage, storage.schedule_storage):
            part.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, MAX_OVERFLOW)
        return storage
