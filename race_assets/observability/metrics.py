"""Prometheus' page over HTTP: the figures as they are when it is asked for; what they are is in `figures.py`."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from race_assets.errors import RaceAssetsError
from race_assets.observability.figures import FIGURES, Figure
from race_assets.storage.postgres import Warehouse

log = logging.getLogger(__name__)

PREFIX = "race_assets_"
UP = f"{PREFIX}up"
TIMEOUT_MS = 10_000
"""A scrape is worth nothing later: Prometheus gives up by then."""


class WarehouseCollector(Collector):
    """Reads every figure in one transaction, so that they belong together.

    Args:
        warehouse: opens it, or raises; asked at every scrape.
    """

    def __init__(self, warehouse: Callable[[], Warehouse]) -> None:
        self._warehouse = warehouse

    def collect(self) -> Iterator[Any]:
        """The metrics; without a database only that it is down."""
        try:
            families = self._read()
        except Exception as error:
            if not isinstance(error, RaceAssetsError) and not _is_of_postgres(error):
                raise
            log.log(logging.ERROR, "the figures cannot be read: %s", error)
            families = []
        yield GaugeMetricFamily(UP, "Whether the database could be asked.", value=float(bool(families)))
        yield from families

    def describe(self) -> Iterator[Any]:
        """Nothing is asked when the page is set up."""
        yield GaugeMetricFamily(UP, "Whether the database could be asked.")

    def _read(self) -> list[Any]:
        with self._warehouse().transaction() as connection:
            connection.execute(f"set local statement_timeout = {TIMEOUT_MS}".encode())
            return [_family(figure, connection.execute(figure.query.encode()).fetchall()) for figure in FIGURES]


def _family(figure: Figure, rows: list[tuple[Any, ...]]) -> Any:
    kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    # The library adds the end of a counter's name itself.
    made = kind(PREFIX + figure.name.removesuffix("_total"), figure.meaning, labels=figure.labels)
    for *labels, value in rows:
        if value is not None:
            made.add_metric([str(label) for label in labels], float(value))
    return made


def _is_of_postgres(error: Exception) -> bool:
    import psycopg

    return isinstance(error, psycopg.Error)


def registry(warehouse: Callable[[], Warehouse]) -> CollectorRegistry:
    """What a page is made of: our figures, none of the process that serves them."""
    made = CollectorRegistry()
    made.register(WarehouseCollector(warehouse))
    return made


def page(warehouse: Callable[[], Warehouse]) -> str:
    """The page once."""
    return generate_latest(registry(warehouse)).decode()


def serve(warehouse: Callable[[], Warehouse], host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Serves the page on a thread of its own; gives the port and what ends it.

    Raises:
        OSError: the port cannot be had.
    """
    server, thread = start_http_server(port, addr=host, registry=registry(warehouse))

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return int(server.server_port), end
