"""Secrets planted in every credential setting there is turn up nowhere: no text, output, log, error, file or table."""

import json
import logging
import os
import subprocess
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from race_assets.errors import SettingsError
from race_assets.observability import logs
from race_assets.pipeline.workshop import Workshop
from race_assets.resources.dagster_storage import WarehouseStorage
from race_assets.settings import LoggingSettings, Settings, load
from race_assets.settings.secrets import Secret
from race_assets.settings.shape import holds, paths_of
from race_assets.storage.postgres import Warehouse
from race_assets_tests.conftest import PROJECT, SAMPLES, environment_of, run_in
from race_assets_tests.databases import Databases
from race_assets_tests.fake_betfair import FakeBetfair, fixtures
from race_assets_tests.fake_racing_post import FakeRacingPost
from race_assets_tests.pipeline.feed import CSV, CSV_HEADER, DAY1, csv_race, csv_row

MARK = "pl4nted"
PATHS = [".".join(path) for path in paths_of(Settings, Secret)]
Run = Callable[..., subprocess.CompletedProcess[str]]


def planted(path: str) -> str:
    """A secret of this setting's own, like no other text."""
    return f"{MARK}-{path.replace('.', '-')}-9f3a"


@dataclass(frozen=True)
class House:
    """A warehouse that is entered with a planted password, and commands that know all planted secrets.

    Attributes:
        url: with the planted password.
        secrets: by setting; those of `postgres` are URLs.
        run: a command, whose output must hold none of them.
        admin: the database without a password.
    """

    url: str
    home: Path
    secrets: dict[str, str]
    run: Run
    admin: str


def shows(text: str) -> list[str]:
    """Every place of a text where a planted secret stands."""
    return [text[max(0, at - 80) : at + 40] for at in range(len(text)) if text.startswith(MARK, at)]


def variable(path: str) -> str:
    return f"RACE_ASSETS_{path.upper().replace('.', '__')}"


@pytest.fixture(scope="module")
def house(server: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A database of its own, of roles whose passwords are planted."""
    role, reader = f"race_assets_test_{os.getpid()}_planted", f"race_assets_test_{os.getpid()}_planted_reader"
    home = tmp_path_factory.mktemp("planted") / "home"
    with psycopg.connect(server, autocommit=True) as connection:
        try:
            connection.execute(f"create role {role} superuser login password '{planted('postgres.url')}'".encode())
            reads = f"create role {reader} in role pg_read_all_data login password '{planted('postgres.reader_url')}'"
            connection.execute(reads.encode())
        except psycopg.errors.InsufficientPrivilege:
            pytest.skip("the server's role may not create another")
        with databases.lend() as admin:
            url = _as_role(admin, role, planted("postgres.url"))
            reader_url = _as_role(admin, reader, planted("postgres.reader_url"))
            urls = {"postgres.url": url, "postgres.reader_url": reader_url}
            secrets = {path: planted(path) for path in PATHS} | urls
            ours = {variable(path): value for path, value in secrets.items()}
            yield House(url, home, secrets, run_in({**environment_of(home, url), **ours}), admin)
        connection.execute(f"drop role {role}, {reader}".encode())


def _as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}"))


# Texts and errors of this process


def test_every_credential_is_among_those_that_are_planted() -> None:
    assert "postgres.url" in PATHS
    # One within a mapping or list would be found by no walk, and told without its path.
    known = {path.split(".", maxsplit=1)[0] for path in PATHS}
    assert {name for name, field in Settings.model_fields.items() if holds(field.annotation, Secret)} == known


def test_no_text_that_settings_give_of_themselves_holds_a_secret(house: House) -> None:
    told = load(None, {variable(path): value for path, value in house.secrets.items()})
    texts = [
        repr(told), str(told), f"{told}", str(told.model_dump()), told.model_dump_json(), str(vars(told)),
        str(dict(told)), str(told.model_dump(mode="json")), json.dumps(told.model_dump(), default=str),
        repr(Workshop(told)), repr(Warehouse(house.url)), str(told.model_copy()), str(list(told.model_dump().values())),
    ]  # fmt: skip
    for path in PATHS:
        value: object = told
        for level in path.split("."):
            value = getattr(value, level)
        assert isinstance(value, Secret)
        assert value.setting == path
        texts += [str(value), repr(value), f"{value:}", "%s %r" % (value, value)]  # noqa: UP031 - a way there is
    assert [found for text in texts for found in shows(text)] == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", ["list", "mapping", "below", "beside", "above", "number", "unclosed"])
def test_no_mistake_in_the_settings_tells_a_secret(tmp_path: Path, path: str, shape: str) -> None:
    *levels, leaf = path.split(".")
    secret = planted(path)
    trees: dict[str, object] = {
        "list": {leaf: [secret]},
        "mapping": {leaf: {"x": secret}},
        "below": {leaf: {"value": {"x": [secret]}}},
        "beside": {f"{leaf}s": secret},
        "above": secret,
        "number": {leaf: 7, "x": secret},
        "unclosed": {leaf: secret},
    }
    tree = trees[shape]
    for level in reversed(levels):
        tree = {level: tree}
    file = tmp_path / "race_assets.yaml"
    file.write_text(json.dumps(tree)[: -1 if shape == "unclosed" else None])
    with pytest.raises(SettingsError) as raised:
        load(file, {})
    assert shows("".join(traceback.format_exception(raised.value))) == []


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_log_of_an_exception_tells_a_secret_that_a_variable_holds(
    house: House, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = logging.getLogger("race_assets").handlers[:]
    logs.configure(LoggingSettings.model_validate({"format": style, "level": "DEBUG"}))
    log = logging.getLogger("race_assets.test")
    try:
        told = load(None, {variable(path): value for path, value in house.secrets.items()})
        try:
            _go_wrong(dict(house.secrets))
        except OSError:
            log.exception("it failed", extra={"settings": told})
    finally:
        logging.getLogger("race_assets").handlers[:] = before
        logging.getLogger("race_assets").propagate = True
    said = capsys.readouterr().err
    assert "something else went wrong" in said
    assert shows(said) == []


def _go_wrong(held: dict[str, str]) -> None:
    raise OSError(f"{len(held)} held, and something else went wrong")


def test_no_error_of_the_warehouse_tells_its_password(house: House) -> None:
    gone = f"postgresql://racing:{planted('postgres.url')}"
    for url in (f"{gone}@127.0.0.1:1/races", f"{gone}@[::1/races", f"{gone}@127.0.0.1:x/races", f"{gone}%ZZ@h/x"):
        warehouse = Warehouse(url)
        for work in (warehouse.session, warehouse.migrate, lambda url=url: Warehouse(url).arrow().__enter__()):
            with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
                work()
            assert shows("".join(traceback.format_exception(raised.value))) == []
    storage = WarehouseStorage.__mro__[1](house.url)
    assert shows(repr(storage) + str(storage.inst_data)) == []


# Whatever commands leave behind


def test_nothing_that_commands_say_or_leave_behind_tells_a_secret(house: House, tmp_path: Path) -> None:
    bad = csv_row(DAY1, "4. Delta", selection=4, price="0.5")
    lost = csv_row(DAY1, "5. Echo", selection=5, track="Nowhere Park")
    file = tmp_path / "first.csv"
    file.write_text(CSV_HEADER + csv_race(DAY1) + bad + lost)
    samples = sorted((SAMPLES / CSV).glob("*.csv"))[:2]
    loud = {"RACE_ASSETS_LOGGING__LEVEL": "DEBUG"}
    done = [
        house.run("land", file, *samples, "--source", CSV, **loud),
        house.run("ingest", **loud, RACE_ASSETS_LOGGING__FORMAT="json"),
        house.run("ingest", "--from", str(DAY1), "--to", str(DAY1), "--refresh", "--json", **loud),
        house.run("rejects", "list"),
        house.run("query", "select * from ops.ingestion_runs"),
        house.run("sources"),
        house.run("schedule"),
        house.run("diff", str(DAY1)),
        house.run("report", str(DAY1), "--output", house.home / "report.html"),
        house.run("metrics", "--once", **loud),
        house.run("psql", "-c", r"\! tr '\0' ' ' < /proc/$PPID/cmdline"),
    ]
    assert [each.stdout + each.stderr for each in done if each.returncode] == []
    assert "psql" in done[-1].stdout
    # And commands that fail: usage, SQL, a file, a day that does not add up, a warehouse that is not there.
    for parquet in (house.home / "lake").rglob("*.parquet"):
        parquet.write_bytes(b"damaged") if parquet.is_file() and "parsed" not in parquet.parts else None
    elsewhere = f"postgresql://racing:{planted('postgres.url')}@127.0.0.1:1/races"
    failed = [
        house.run("ingest", "--from", "yesterday"),
        house.run("query", "select * from nowhere"),
        house.run("land", tmp_path / "none.csv", "--source", CSV),
        house.run("ingest", "--from", str(DAY1), "--to", str(DAY1), "--refresh", RACE_ASSETS_CHUNK_ROWS="0"),
        house.run("query", "select 1", RACE_ASSETS_POSTGRES__URL=elsewhere),
        house.run("schedule", RACE_ASSETS_POSTGRES__URL=elsewhere),
        house.run("ingest", RACE_ASSETS_POSTGRES__URL=f"{elsewhere}?nonsense=1", **loud),
        house.run("ingest", RACE_ASSETS_POSTGRES__URL=f"[{elsewhere}", **loud),
        house.run("ingest", "--from", str(DAY1), "--to", str(DAY1), RACE_ASSETS_RULES__TRAP__SEVERITY="off", **loud),
    ]
    with FakeRacingPost([]) as feed:
        base = {"RACE_ASSETS_RACING_POST__BASE_URL": feed.url}
        failed.insert(
            0, house.run("fetch", "racing_post_races", "--from", str(DAY1), "--to", str(DAY1), **loud, **base)
        )
        assert [each.headers["x-api-key"] for each in feed.requests] == [house.secrets["racing_post.api_key"]]
    with FakeBetfair(fixtures.month(days=1)) as betfair:
        # Its addresses, and not its credentials: the planted ones are refused.
        urls = {name: value for name, value in betfair.environment().items() if name.endswith("_URL")}
        failed.insert(0, house.run("live", "--for", "2s", **loud, **urls))
        failed.insert(0, house.run("fetch", "betfair_historic", "--from", str(DAY1), "--to", str(DAY1), **loud, **urls))
        racing_post = {"RACE_ASSETS_RACING_POST__BASE_URL": betfair.url}
        failed.insert(0, house.run("doctor", **loud, **urls, **racing_post))
        asked = [each.params.get("username") for each in betfair.requests_to("login")]
        assert set(asked) == {house.secrets["betfair.username"]}
    assert all(each.returncode for each in failed[:-1])
    assert [found for each in (*done, *failed) for found in shows(each.stdout + each.stderr)] == []
    assert _in_tables(house) == []
    assert _in_files(house.home) == []


def _in_tables(house: House) -> list[tuple[str, str]]:
    """Every table of the database, Dagster's runs, tags and events among them, with what was found in its text."""
    found: list[tuple[str, str]] = []
    with psycopg.connect(house.admin) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        searched = 0
        for (table,) in tables:
            rows = connection.execute(f"select t::text from {table} as t".encode()).fetchall()
            searched += len(rows)
            found += [(table, each) for (text,) in rows for each in shows(text)]
        names = {table for (table,) in tables}
        assert {"dagster.runs", "dagster.run_tags", "dagster.event_logs", "ops.configuration"} <= names
        assert searched > 100
    return found


def _in_files(home: Path) -> list[str]:
    """The files below home, and Dagster's own, that hold a planted secret."""
    folders = [home, PROJECT / "data" / "dagster"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if MARK.encode() in path.read_bytes()]
