"""Addresses of Postgres servers: every form that psql takes, given to each driver without loss.

The shell's PG* variables fill in what an address leaves out, as they do for psql, with three exceptions: PGOPTIONS and
PGCLIENTENCODING change how a session behaves and are not used; PGHOSTADDR is not used where the address names a host;
none of them reaches the embedded server.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from race_assets.errors import SettingsError

FORMS = "postgresql://user@host:5432/database or host=... dbname=... user=..."
NO_ADDRESS = f"postgres.url is no libpq URL and no libpq connection string, such as {FORMS}"
SECOND_AT = "postgres.url holds a second @; write one in the password as %40"

PREFIX = "PG"
"""libpq's variables all begin so."""

SESSION_VARIABLES = ("PGOPTIONS", "PGCLIENTENCODING", "PGTZ", "PGDATESTYLE", "PGGEQO")
"""Variables that change how a session behaves: replaced by what `session` states."""

STARTUP_VARIABLES = ("PGTZ", "PGDATESTYLE")
"""Those of them that libpq sends in any case: a value that the server does not know keeps it from connecting."""

LOCATION_VARIABLES = ("PGSERVICE", "PGSERVICEFILE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")
"""Variables that choose the server, the database or the role where an address leaves them out."""


@dataclass(frozen=True)
class Address:
    """Where a database is and how to log in.

    Attributes:
        parameters: libpq's parameters by name, the password among them.
        is_embedded: the server is the one below `home`; no variable of the shell applies to it.
    """

    parameters: Mapping[str, str] = field(repr=False)
    is_embedded: bool = False

    @classmethod
    def parse(cls, text: str, *, is_embedded: bool = False) -> "Address":
        """Read a libpq URL or connection string.

        Raises:
            SettingsError: it is neither.
        """
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            found = conninfo_to_dict(text)
        except ProgrammingError:
            # libpq's message shows a part of the text, which may be the password.
            raise SettingsError(NO_ADDRESS) from None
        parameters = {name: str(value) for name, value in found.items() if value is not None}
        if "@" in parameters.get("host", "") and not parameters["host"].startswith(("/", "@")):
            # What libpq takes for the host is then the end of the password, and its messages show the host.
            raise SettingsError(SECOND_AT)
        return cls(MappingProxyType(parameters), is_embedded)

    def text(self) -> str:
        """Return a connection string that `parse` reads as this address."""
        from psycopg.conninfo import make_conninfo

        return make_conninfo("", **self.parameters)

    def conninfo(self, **more: str) -> str:
        """Return a connection string for any driver, complete with what must not come from the shell."""
        from psycopg.conninfo import make_conninfo

        fixed = {"client_encoding": "UTF8", "options": self.parameters.get("options", "")}
        if "host" in self.parameters:
            fixed["hostaddr"] = self.parameters.get("hostaddr", "")
        return make_conninfo("", **{**self.parameters, **fixed, **more})

    def without_password(self) -> "Address":
        """Return the address as it may be shown and given to other programs."""
        parameters = {name: value for name, value in self.parameters.items() if name != "password"}
        return Address(MappingProxyType(parameters), self.is_embedded)

    def with_password(self, password: str) -> "Address":
        """Return the address with this password."""
        return Address(MappingProxyType({**self.parameters, "password": password}), self.is_embedded)

    @property
    def place(self) -> str:
        """Return the host and database, for messages."""
        host = self.parameters.get("host") or self.parameters.get("hostaddr") or "the default host"
        return f"{host}, database {self.parameters.get('dbname', 'of the default name')}"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a client program, such as psql, that is given `without_password().conninfo()`."""
        kept = {name: value for name, value in inherited.items() if not (self.is_embedded and _is_libpq(name))}
        password = self.parameters.get("password")
        return {**kept, **({"PGPASSWORD": password} if password else {})}


def _is_libpq(name: str) -> bool:
    return name.startswith(PREFIX)


class _HiddenVariables:
    """The PG* variables taken out of this process's environment while connections to embedded servers are made.

    libpq has no other way to ignore PGSERVICE. Overlapping calls are counted: the last one puts the variables back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._values: dict[str, str] = {}

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the variables until the block ends."""
        with self._lock:
            self._users += 1
            for name in [name for name in os.environ if _is_libpq(name)]:
                self._values[name] = os.environ.pop(name)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    os.environ.update(self._values)
                    self._values.clear()


_variables = _HiddenVariables()


@contextmanager
def environment_for(address: Address) -> Iterator[None]:
    """Keep the shell's variables from an embedded server while a driver connects to it."""
    if not address.is_embedded:
        yield
        return
    with _variables.hidden():
        yield


def set_variables(names: tuple[str, ...]) -> list[str]:
    """Return which of these variables the shell has set."""
    return [name for name in names if os.environ.get(name)]
