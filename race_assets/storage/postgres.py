"""The way into Postgres: where it is, its connections, its migrations; what is stored there is beside this.

Without a URL in the settings the embedded server is started; the rest of the code cannot tell the difference.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from race_assets.backoff import PAUSES, Pauses, pause_s
from race_assets.errors import WarehouseError, WarehouseRefusedError
from race_assets.settings import Settings
from race_assets.storage import rights
from race_assets.storage.conninfo import Address
from race_assets.storage.files import secure_home
from race_assets.storage.pooler import check_keeps_sessions
from race_assets.storage.server_errors import no_connection, translated, translation
from race_assets.storage.session import arrow_session, open_psycopg
from race_assets.storage.spares import Spares
from race_assets.storage.waiting import session_at_work, session_lock, watch

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)
Result = TypeVar("Result")
ATTEMPTS, BASE_S, CAP_S = 3, 1.0, 10.0
"""Attempts at one transaction, and the pauses between them: what takes longer is left to the retries of a run."""

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x7261_6365_0001
PUBLISH_LOCK = 0x7261_6365_0002
LANDING_LOCK = 0x7261_6365_0003
"""Keys of our advisory locks ("race" in ASCII, then a number)."""

PURPOSES = {
    MIGRATION_LOCK: "creating or changing tables",
    PUBLISH_LOCK: "publishing days",
    LANDING_LOCK: "entering landed files",
}
"""What each is held for, in messages."""


class Warehouse:
    """A Postgres database that holds our tables, migrated to what this code expects.

    Args:
        url: where it is: any address that psql takes.
        revive: starts the embedded server again where it has died, and returns its URL; None for any other server.

    Raises:
        SettingsError: the URL is no address.
    """

    def __init__(self, url: str, revive: Callable[[], str] | None = None) -> None:
        self.url = url
        self._address = Address.parse(url, is_embedded=revive is not None)
        self._revive = revive
        self._spares = Spares()
        self._working: set[psycopg.Connection[tuple[Any, ...]]] = set()

    @classmethod
    def open(cls, settings: Settings) -> "Warehouse":
        """The warehouse of these settings, started and migrated as needed.

        Raises:
            WarehouseError: it cannot be reached.
            WarehouseRefusedError: its encoding, the role's rights or a pooler keep it from being used.
        """
        revive = partial(server_url, settings) if settings.postgres.url is None else None
        warehouse = cls(server_url(settings), revive)
        warehouse.migrate()
        return warehouse

    @property
    def address(self) -> Address:
        """Where it is, for other drivers and programs; an embedded server that has died is started."""
        if self._revive is not None and (url := self._revive()) != self.url:
            self.url, self._address = url, Address.parse(url, is_embedded=True)
        return self._address

    def session(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Open an autocommit connection that nothing else uses, before or after; the caller closes it.

        Raises:
            WarehouseError: Postgres cannot be reached.
        """
        return _session(self.address)

    @contextmanager
    def connect(self) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
        """A connection for small statements, each its own transaction; nothing of its session may be set.

        Raises:
            WarehouseError: it was lost, or cannot be had.
            WarehouseRefusedError: the role may not do this, or the server cannot.
        """
        connection = self._spares.take() or self.session()
        # What hands connections around (PgBouncer) would not know a statement that was prepared a while ago.
        connection.prepare_threshold = None
        try:
            with self._watched(connection.info.backend_pid), translated(connection):
                yield connection
        except BaseException:
            connection.close()
            raise
        self._spares.give_back(connection)

    def _watched(self, pid: int) -> AbstractContextManager[None]:
        return watch.over(session_at_work(pid, partial(_session, self._address)))

    def kept(self) -> AbstractContextManager[None]:
        """Until its end connections are used again: for who has many statements and pauses between them."""
        return self._spares.kept()

    @contextmanager
    def transaction(self) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
        """A connection whose statements are one transaction, which `cancel` may stop: committed on a clean exit."""
        with self.connect() as connection:
            self._working.add(connection)
            try:
                with connection.transaction():
                    yield connection
            finally:
                self._working.discard(connection)

    def cancel(self) -> None:
        """Stops what is being written, from another thread; nothing of those transactions is kept."""
        for connection in list(self._working):
            connection.cancel_safe()

    @contextmanager
    def arrow(self) -> "Iterator[Any]":
        """Lend an ADBC connection, which gives the rows of a query as Arrow.

        Raises:
            WarehouseError: it was lost, or cannot be had.
            WarehouseRefusedError: the role may not read this, or the server cannot.
        """
        from adbc_driver_manager import Error

        try:
            with arrow_session(self.address) as (connection, facts), self._watched(facts.pid):
                yield connection
        except Error as error:
            if (ours := translation(error)) is None:
                raise
            raise ours from error

    def check_writable(self) -> None:
        """Check that files can be landed and days published.

        Raises:
            WarehouseRefusedError: the server is a replica, or the role lacks a right; the message says what to do.
        """
        with self.connect() as connection:
            rights.check_writable(connection, rights.OWN_SCHEMAS)

    def migrate(self) -> None:
        """Brings the tables up to this code's version; costs two small queries when they are.

        Raises:
            WarehouseRefusedError: the role may not, or a pooler would lose the lock that lets one process do it.
        """
        address = self.address
        with _session(address) as connection, translated(connection):
            check_keeps_sessions(connection, address)
            if _version(connection) == newest_migration():
                return
            if obstacle := rights.read_only_obstacle(connection):
                raise WarehouseRefusedError(str(obstacle))
            with session_lock(connection, MIGRATION_LOCK, PURPOSES[MIGRATION_LOCK]):
                rights.create_schemas(connection)
                upgrade(address)


def _session(address: Address) -> "psycopg.Connection[tuple[Any, ...]]":
    import psycopg

    try:
        return open_psycopg(address)
    except psycopg.OperationalError as error:
        raise no_connection(error, is_embedded=address.is_embedded) from error


def server_url(settings: Settings) -> str:
    """The libpq URL of the database; starts the embedded server where the settings name no other.

    Raises:
        SettingsError: `postgres.url` refers to a credential that is not there, or `home` cannot be written.
        SecretUnreachableError: it cannot be looked up now.
    """
    if settings.postgres.url is not None:
        return settings.postgres.url.reveal(settings.aws)
    from race_assets.storage import embedded

    secure_home(settings.home, is_group=settings.home_group)
    return embedded.ensure(settings.home)


def newest_migration() -> str:
    """The version this code expects."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _version(connection: "psycopg.Connection[tuple[Any, ...]]") -> str | None:
    if connection.execute("select to_regclass('ops.alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from ops.alembic_version").fetchone()
    return row[0] if row else None


def upgrade(address: Address, version: str = "head") -> None:
    """Migrate the tables to a version, the newest by default; the caller holds the lock.

    Raises:
        WarehouseRefusedError: the role may not create or change them.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    def connect() -> Any:
        connection = _session(address)
        rights.create_schemas(connection)
        connection.autocommit = False
        return connection

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, version)
    except DBAPIError as error:
        if error.orig is None or (ours := translation(error.orig)) is None:
            raise
        raise ours from error
    log.info("tables migrated", extra={"version": version})


def retrying(work: Callable[[], Result], attempts: int = ATTEMPTS, pauses: Pauses = PAUSES) -> Result:
    """Run a whole transaction again when its connection was lost or it lost a deadlock; raise any other error at once.

    The pauses between attempts are exponential, with full jitter and a cap: processes that lost the same server do not
    come back all at once.

    Raises:
        WarehouseError: the connection was lost every time.
    """
    for attempt in range(1, attempts + 1):
        try:
            with translated():
                return work()
        except WarehouseError as error:
            if attempt == attempts:
                raise
            pause = pause_s(attempt, BASE_S, CAP_S, pauses.chance())
            log.warning("doing a transaction again", extra={"attempt": attempt, "pause_s": pause, "error": str(error)})
            pauses.sleep(pause)
    raise AssertionError("unreachable: the loop returns or raises")
