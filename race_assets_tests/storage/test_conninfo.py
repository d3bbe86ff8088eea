"""Tests of addresses: each form that psql takes reaches each driver unchanged, whatever the shell has set."""

import os
import threading

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from race_assets.errors import SettingsError
from race_assets.resources.dialect import SessionDialect, dagster_url
from race_assets.storage.conninfo import Address, environment_for

FORMS = {
    "postgresql://u:p%40%2F%3A@h:5433/d": {"user": "u", "password": "p@/:", "host": "h", "port": "5433", "dbname": "d"},
    "postgres://h1:1,h2:2/d?target_session_attrs=read-write": {
        "host": "h1,h2",
        "port": "1,2",
        "dbname": "d",
        "target_session_attrs": "read-write",
    },
    "postgresql:///d?host=/a%20b/c:d&options=-c%20role%3Dx": {
        "dbname": "d",
        "host": "/a b/c:d",
        "options": "-c role=x",
    },
    r"host=/socket/dir dbname='a b' password='it\'s' sslmode=require": {
        "host": "/socket/dir",
        "dbname": "a b",
        "password": "it's",
        "sslmode": "require",
    },
    "service=racing": {"service": "racing"},
    "postgresql://": {},
    "postgresql://u@[::1]:5432/d?connect_timeout=3": {
        "user": "u",
        "host": "::1",
        "port": "5432",
        "dbname": "d",
        "connect_timeout": "3",
    },
}


@pytest.mark.parametrize("text", FORMS)
def test_no_part_of_an_address_is_lost(text: str) -> None:
    wanted = FORMS[text]
    address = Address.parse(text)
    assert dict(address.parameters) == wanted
    for given in (address.conninfo(), _of_dagster(address)):
        assert wanted.items() <= conninfo_to_dict(given).items()


def _of_dagster(address: Address) -> str:
    """What Dagster's engine connects to: its URL goes through text and back."""
    from sqlalchemy import make_url

    (found, schema), _ = SessionDialect().create_connect_args(make_url(dagster_url(address, "dagster")))
    assert schema == "dagster"
    assert found == address
    assert isinstance(found, Address)
    return found.conninfo()


@pytest.mark.parametrize(
    "text", ["mysql://h/d", "postgresql://h:port/d?x=y", "racing db", "host=h password='unclosed", "x=y"]
)
def test_what_is_no_address_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(SettingsError, match=r"postgres\.url is no libpq URL") as raised:
        Address.parse(text)
    assert text not in str(raised.value)


def test_the_password_is_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    address = Address.parse("postgresql://u:hunter2@h/d")
    for text in (repr(address), str(address), address.place, address.without_password().conninfo()):
        assert "hunter2" not in text
    assert address.environment({"A": "b"}) == {"A": "b", "PGPASSWORD": "hunter2"}


def test_options_and_host_addresses_of_the_shell_are_replaced() -> None:
    given = conninfo_to_dict(Address.parse("postgresql://h/d").conninfo())
    assert (given["options"], given["hostaddr"], given["client_encoding"]) == ("", "", "UTF8")
    own = conninfo_to_dict(Address.parse("postgresql://h/d?hostaddr=10.0.0.1&options=-cx%3Dy").conninfo())
    assert (own["options"], own["hostaddr"]) == ("-cx=y", "10.0.0.1")
    assert "hostaddr" not in conninfo_to_dict(Address.parse("dbname=d").conninfo())


def test_nothing_of_the_shell_reaches_programs_and_drivers_of_the_embedded_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGSERVICE", "nowhere")
    address = Address.parse("postgresql://u@/d?host=/x", is_embedded=True)
    assert "PGSERVICE" not in address.environment(os.environ)
    with environment_for(address):
        assert "PGSERVICE" not in os.environ
    assert os.environ["PGSERVICE"] == "nowhere"
    with environment_for(Address.parse("postgresql://u@h/d")):
        assert os.environ["PGSERVICE"] == "nowhere"


def test_variables_stay_hidden_until_the_last_of_several_threads_has_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOSTADDR", "10.0.0.1")
    address = Address.parse("host=/x", is_embedded=True)
    entered, leave = threading.Event(), threading.Event()

    def connect() -> None:
        with environment_for(address):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=connect)
    thread.start()
    entered.wait()
    with environment_for(address):
        pass
    assert "PGHOSTADDR" not in os.environ
    leave.set()
    thread.join()
    assert os.environ["PGHOSTADDR"] == "10.0.0.1"


def test_psycopg_itself_would_take_the_shells_options(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The premise of the tests above."""
    monkeypatch.setenv("PGOPTIONS", "-c DateStyle=German")
    with psycopg.connect(database) as connection:
        assert connection.execute("show DateStyle").fetchone() == ("German, DMY",)
    with psycopg.connect(Address.parse(database).conninfo()) as connection:
        assert connection.execute("show DateStyle").fetchone() == ("ISO, MDY",)
