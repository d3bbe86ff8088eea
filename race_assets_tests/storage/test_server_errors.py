"""What a server or driver reports becomes one sentence that says whether to try again, and what to do."""

import psycopg
import pytest

from race_assets.errors import WarehouseError, WarehouseRefusedError
from race_assets.storage.postgres import Warehouse
from race_assets.storage.server_errors import no_connection, translation

CODES = {
    "42501": (WarehouseRefusedError, "the role 'reader' lacks rights"),
    "25006": (WarehouseRefusedError, "the server is a replica, or the role 'reader' is set to read only"),
    "42P01": (WarehouseRefusedError, "a table of ours was removed or renamed by hand"),
    "3F000": (WarehouseRefusedError, "a schema of ours was removed or renamed by hand"),
    "53100": (WarehouseRefusedError, "Postgres refuses"),
    "57014": (WarehouseRefusedError, "Postgres refuses"),
    "55P03": (WarehouseRefusedError, "Postgres refuses"),
    "57P01": (WarehouseError, "Postgres went away"),
    "40001": (WarehouseError, "Postgres went away"),
    "53300": (WarehouseError, "Postgres went away"),
}


@pytest.mark.parametrize("code", CODES)
def test_an_error_says_what_to_do(code: str) -> None:
    kind, said = CODES[code]
    ours = translation(psycopg.errors.lookup(code)("as the server says it"), "reader")
    assert type(ours) is kind
    assert said in str(ours)
    assert "as the server says it" in str(ours)


def test_a_mistake_in_a_statement_stays_one() -> None:
    for code in ("42601", "22012", "23505"):
        assert translation(psycopg.errors.lookup(code)("x")) is None


@pytest.mark.parametrize(
    "said", ['FATAL:  too many connections for role "x"', "FATAL:  sorry, too many clients already"]
)
def test_a_server_that_is_full_is_not_said_to_be_away(said: str) -> None:
    ours = str(no_connection(psycopg.OperationalError(said), is_embedded=False))
    assert ours.startswith("Postgres has no connection free")
    assert "connection limit" in ours


def test_a_shell_that_names_another_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "another")
    ours = str(no_connection(psycopg.OperationalError("no such host"), is_embedded=False))
    assert "this shell sets PGSERVICE: unset PGSERVICE" in ours
    assert "PGSERVICE" not in str(no_connection(psycopg.OperationalError("no such host"), is_embedded=True))


def test_all_drivers_errors_are_ours(database: str) -> None:
    warehouse = Warehouse(database)
    with pytest.raises(WarehouseRefusedError, match="removed or renamed by hand"), warehouse.connect() as connection:
        connection.execute("select * from core.nothing")
    with (
        pytest.raises(WarehouseRefusedError, match="removed or renamed by hand"),
        warehouse.arrow() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select * from core.nothing")
