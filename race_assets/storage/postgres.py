"""The way into Postgres: where it is, its connections, its migrations; what is stored there is beside this.

Without a URL in the settings the embedded server is started; the rest of the code cannot tell the difference.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from race_assets.backoff import PAUSES, Pauses, pause_s
from race_assets.errors import SettingsError, WarehouseError, WarehouseRefusedError
from race_assets.settings import Settings
from race_assets.storage.files import secure_home
from race_assets.storage.spares import Spares

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)
Result = TypeVar("Result")
ATTEMPTS, BASE_S, CAP_S = 3, 1.0, 10.0
"""Attempts at one transaction, and the pauses between them: what takes longer is left to the retries of a run."""

NO_URL = "postgres.url is no libpq URL, such as postgresql://user@host:5432/database"
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x7261_6365_0001
PUBLISH_LOCK = 0x7261_6365_0002
LANDING_LOCK = 0x7261_6365_0003
"""Keys of our advisory locks ("race" in ASCII, then a number)."""


class Warehouse:
    """A Postgres database that holds our tables, migrated to what this code expects.

    Args:
        url: where it is.
        revive: starts the server again where it is ours and has died; says where it is then.
    """

    def __init__(self, url: str, revive: Callable[[], str] | None = None) -> None:
        self.url = url
        self._revive = revive
        self._spares = Spares()
        self._working: set[psycopg.Connection[tuple[Any, ...]]] = set()

    @classmethod
    def open(cls, settings: Settings) -> "Warehouse":
        """The warehouse of these settings, started and migrated as needed.

        Raises:
            WarehouseError: it cannot be reached.
        """
        revive = partial(server_url, settings) if settings.postgres.url is None else None
        warehouse = cls(server_url(settings), revive)
        warehouse.migrate()
        return warehouse

    def session(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection that nobody had before and nobody gets after; whoever asks for it closes it."""
        import psycopg

        try:
            if self._revive is not None:
                self.url = self._revive()
            return psycopg.connect(self.url, autocommit=True, application_name="race_assets")
        except psycopg.ProgrammingError:
            # The message would show a part of the URL, which may be the password.
            raise SettingsError(NO_URL) from None
        except psycopg.OperationalError as error:
            if "@" in without_password(self.url)[0]:
                # What libpq takes for the host is then the end of the password, and the message shows it.
                raise SettingsError("postgres.url holds a second @; write one in the password as %40") from None
            step = "check postgres.url and that it runs" if self._revive is None else "see postgres.log below home"
            raise WarehouseError(f"Postgres cannot be reached: {error}; {step}") from error

    @contextmanager
    def connect(self) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
        """A connection for small statements, each its own transaction; nothing of its session may be set.

        Raises:
            WarehouseError: it was lost, or cannot be had.
        """
        connection = self._spares.take() or self.session()
        # What hands connections around (PgBouncer) would not know a statement that was prepared a while ago.
        connection.prepare_threshold = None
        try:
            with translated():
                yield connection
        except BaseException:
            connection.close()
            raise
        self._spares.give_back(connection)

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
        """
        from adbc_driver_manager import OperationalError
        from adbc_driver_postgresql import dbapi

        # What this driver says of a URL that is none shows all of it.
        without_password(self.url)
        try:
            with dbapi.connect(self.url, autocommit=False) as connection:
                yield connection
        except OperationalError as error:
            raise _as_ours(error, error.sqlstate) from error

    def migrate(self) -> None:
        """Brings the tables up to this code's version; costs one small query when they are."""
        with self.session() as connection:
            if _version(connection) == newest_migration():
                return
            connection.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
            try:
                connection.execute("create schema if not exists ops")
                connection.execute("create schema if not exists dagster")
                upgrade(self.url)
            finally:
                connection.execute("select pg_advisory_unlock(%s)", [MIGRATION_LOCK])


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


def without_password(url: str) -> tuple[str, str | None]:
    """A libpq address without its password, and the password.

    Raises:
        SettingsError: it is no libpq address.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise SettingsError(NO_URL) from None
    parts = {name: str(value) for name, value in given.items() if value is not None}
    password = parts.pop("password", None)
    return make_conninfo("", **parts), password


def sqlalchemy_url(url: str, driver: str, schema: str | None = None) -> str:
    """The libpq URL as SQLAlchemy wants it, by driver, with `schema` as the only one searched."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    if schema:
        query.append(("options", f"-csearch_path={schema}"))
    encoded = urlencode(query, quote_via=quote)
    return urlunsplit((f"postgresql+{driver}", parts.netloc, parts.path, encoded, ""))


def newest_migration() -> str:
    """The version this code expects."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _version(connection: "psycopg.Connection[tuple[Any, ...]]") -> str | None:
    if connection.execute("select to_regclass('ops.alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from ops.alembic_version").fetchone()
    return row[0] if row else None


def upgrade(url: str, version: str = "head") -> None:
    """Brings the tables up to a version, the newest unless told; the caller holds the lock and has made `ops`."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = create_engine(sqlalchemy_url(url, "psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
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


@contextmanager
def translated() -> "Iterator[None]":
    """Turn what drivers say of a lost connection into our own errors, which say whether to try again.

    Raises:
        WarehouseError: the connection was lost, cannot be had now, or the transaction lost a deadlock.
        WarehouseRefusedError: the server refuses what was asked for want of something: disk, memory, time.
    """
    import psycopg

    try:
        yield
    except psycopg.OperationalError as error:
        raise _as_ours(error, error.sqlstate) from error


def _as_ours(error: Exception, state: str | None) -> WarehouseError | WarehouseRefusedError:
    if may_pass(state):
        return WarehouseError(f"Postgres went away: {error}; nothing of the transaction was kept")
    return WarehouseRefusedError(f"Postgres refuses: {error}; nothing of the transaction was kept")


def may_pass(state: str | None) -> bool:
    """Return whether an operational error with this SQLSTATE may pass by itself.

    Classes 08 (connection), 57P (shutdown, crash), 40 (deadlock, serialisation), 53300 (too many connections), or no
    SQLSTATE because nobody answered. Source: PostgreSQL documentation, appendix A.
    """
    return not state or state[:2] in {"08", "40"} or state[:3] == "57P" or state == "53300"
