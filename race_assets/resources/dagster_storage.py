"""Dagster's own storage, kept in the warehouse's database under the schema `dagster`; nothing of our tables.

Named in dagster.yaml under `storage.custom`. It starts the embedded server when the settings name no other, and sets
the two variables without which a run over a year writes thousands of events one by one.
"""

import logging
import os
from contextlib import suppress
from typing import Any

from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from race_assets import settings
from race_assets.backoff import PAUSES, pause_s
from race_assets.errors import TransientError
from race_assets.resources.dialect import dagster_url
from race_assets.settings import Settings
from race_assets.storage.access import make_folder
from race_assets.storage.postgres import Warehouse, server_url
from race_assets.storage.rights import DAGSTER_SCHEMA, check_connections, check_writable
from race_assets.storage.server_errors import no_connection
from race_assets.storage.waiting import session_at_work, watch

log = logging.getLogger(__name__)

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
        wanted = settings.load()
        warehouse = Warehouse.open(wanted)
        # Dagster would make it readable by everybody.
        with suppress(OSError):
            make_folder(wanted.home / "dagster")
        with warehouse.connect() as connection:
            check_writable(connection)
            check_connections(connection)
        storage = cls(dagster_url(warehouse.address, DAGSTER_SCHEMA), inst_data=inst_data)
        # Dagster connects anew for each statement, some 150 times a run, unless told to keep its connections.
        for part in (storage.event_log_storage, storage.run_storage, storage.schedule_storage):
            part.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, MAX_OVERFLOW)
            engine = getattr(part, "_engine")  # noqa: B009 - no other way leads to its connections
            _outlive_outages(engine, wanted)
            _report_waits(engine, warehouse)
        return storage


def _report_waits(engine: Engine, warehouse: Warehouse) -> None:
    """Have statements that wait for another session's lock reported, as those on our own tables are."""
    watched: dict[int, int] = {}

    @event.listens_for(engine, "before_cursor_execute")
    def _begin(_connection: Any, cursor: Any, *_: Any) -> None:
        watched[id(cursor)] = watch.begin(session_at_work(cursor.connection.get_backend_pid(), warehouse.session))

    def end(cursor: Any) -> None:
        watch.end(watched.pop(id(cursor), 0))

    @event.listens_for(engine, "after_cursor_execute")
    def _end(_connection: Any, cursor: Any, *_: Any) -> None:
        end(cursor)

    @event.listens_for(engine, "handle_error")
    def _failed(context: Any) -> None:
        end(context.cursor)


def _outlive_outages(engine: Engine, wanted: Settings) -> None:
    """Have a storage wait for a database that is away, as long as a run's retries go on.

    A step that asks to be retried has that written down at once: without this the run would end there. Errors are ours
    once that time is over, since Dagster repeats a connection that fails with one of SQLAlchemy's.
    """
    # A server that was killed is no OperationalError to this driver: "server closed the connection unexpectedly".
    lost: type[Exception] = engine.dialect.loaded_dbapi.Error

    @event.listens_for(engine, "checkout")
    def _lives(connection: Any, _record: Any, _proxy: Any) -> None:
        """Replace a connection of the pool that has died since it was last used."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        except lost as error:
            raise DisconnectionError from error

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        policy = wanted.automation.retries
        for attempt in range(1, policy.max_retries + 2):
            try:
                # Ours is started again where it has died.
                server_url(wanted)
                return dialect.connect(*arguments, **named)
            except (TransientError, lost) as error:
                if attempt > policy.max_retries:
                    raise no_connection(error, is_embedded=wanted.postgres.url is None) from error
                pause = pause_s(attempt, policy.base_seconds, policy.max_seconds, PAUSES.chance())
                log.warning("Dagster's storage has no connection to Postgres, trying again in %.0f s: %s", pause, error)
                PAUSES.sleep(pause)
        raise AssertionError("unreachable: the loop returns or raises")
