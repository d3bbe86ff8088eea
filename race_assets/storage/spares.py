"""Connections that wait for their next use: a new one costs a server more than most statements do."""

import selectors
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

IDLE_S = 30.0
"""What has idled for longer may be dead without a word: gateways forget connections after some minutes."""


class Spares:
    """The connections given back while somebody keeps them; any number of threads may use it."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._keepers = 0
        self._idle: list[tuple[float, psycopg.Connection[Any]]] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Until its end, and that of all others that overlap with it, connections given back are lent again."""
        with self._turn:
            self._keepers += 1
        try:
            yield
        finally:
            with self._turn:
                self._keepers -= 1
                over, self._idle = ([], self._idle) if self._keepers else (self._idle, [])
            for _, connection in over:
                connection.close()

    def take(self) -> "psycopg.Connection[Any] | None":
        """One that still lives, if there is any."""
        while True:
            with self._turn:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_S and _lives(connection):
                return connection
            connection.close()

    def give_back(self, connection: "psycopg.Connection[Any]") -> None:
        """Takes one whose session is as it was at its beginning; closes it where nobody keeps any."""
        from psycopg.pq import TransactionStatus

        if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE:
            with self._turn:
                if self._keepers:
                    self._idle.append((time.monotonic(), connection))
                    return
        connection.close()


def _lives(connection: "psycopg.Connection[Any]") -> bool:
    """Whether its server has said nothing unasked: that would be its good-bye. Asks nothing of it."""
    with selectors.DefaultSelector() as heard:
        heard.register(connection, selectors.EVENT_READ)
        return not heard.select(0)
