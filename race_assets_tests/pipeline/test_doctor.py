"""Each thing that keeps race_assets from working is told apart from the others, with one next step."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from race_assets.console import doctor
from race_assets.pipeline.doctor.finding import Finding
from race_assets.settings import Settings
from race_assets.storage.rights import OWN_SCHEMAS
from race_assets_tests.databases import READER, reader_url
from race_assets_tests.fake_betfair import FakeBetfair, faults
from race_assets_tests.fake_betfair.__main__ import live_card
from race_assets_tests.fake_racing_post import FakeRacingPost

Make = Callable[..., Settings]


@pytest.fixture
def betfair() -> Iterator[FakeBetfair]:
    now = datetime.now(UTC)
    with FakeBetfair(now=now, running=True) as fake:
        yield fake


def pointed(betfair: FakeBetfair, **account: Any) -> dict[str, Any]:
    urls = betfair.urls()
    told = {
        "username": betfair.identity.username,
        "password": betfair.identity.password,
        "app_key": betfair.identity.app_key,
        "identity_url": urls["identity"].removesuffix("/api"),
    }
    sources = {
        "betfair_exchange": {"url": urls["exchange_rest"]},
        "betfair_historic": {"fetch": {"enabled": True, "url": urls["historic"]}},
    }
    return {"betfair": {**told, **account}, "sources": sources}


def found(settings: Settings, *, offline: bool = False) -> dict[str, Finding]:
    told = doctor.run(settings, offline=offline)
    assert len({each.thing for each in told}) == len(told)
    for each in told:
        assert bool(each.step) == (each.state in {"warning", "problem"}), each
    return {each.thing: each for each in told}


def test_where_all_is_well_it_says_so(make_settings: Make, betfair: FakeBetfair) -> None:
    told = found(
        make_settings(**pointed(betfair), automation={"drops": {"enabled": False}, "stale_days": {"enabled": False}})
    )
    assert {each.state for each in told.values()} <= {"ok", "skipped", "warning"}
    assert told["database"].state == told["tables"].state == told["Betfair login"].state == "ok"
    assert told["Betfair historic data"].said.startswith(("2 months", "3 months", "4 months"))
    assert told["daemon"].state == "skipped"
    assert len(betfair.requests_to("login")) == 1


@pytest.mark.parametrize(
    ("account", "said", "step"),
    [
        ({"password": "nonsense"}, "wrong username or password", "correct betfair.username"),
        ({"password": None}, "betfair.password", "set what is missing"),
        ({"app_key": None}, "betfair.app_key", "set what is missing"),
    ],
)
def test_credentials_that_are_wrong_or_missing(
    make_settings: Make, betfair: FakeBetfair, account: dict[str, Any], said: str, step: str
) -> None:
    told = found(make_settings(**pointed(betfair, **account)))
    login = told["Betfair login"]
    assert (login.state, login.is_credentials) == ("problem", True)
    assert said in login.said
    assert step in login.step
    assert {told[name].state for name in ("Betfair application key", "Betfair markets")} == {"skipped"}
    assert len(betfair.requests_to("login")) <= 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("STRONG_AUTH_CODE_REQUIRED", "a second factor is wanted"),
        ("BETTING_RESTRICTED_LOCATION", "this region is refused"),
        ("TEMPORARY_BAN_TOO_MANY_REQUESTS", "banned for 20 minutes"),
        ("SELF_EXCLUDED", "it is refused (SELF_EXCLUDED)"),
    ],
)
def test_refusals_of_the_login_are_told_apart(make_settings: Make, betfair: FakeBetfair, code: str, said: str) -> None:
    betfair.identity.refusal = code
    login = found(make_settings(**pointed(betfair)))["Betfair login"]
    assert login.state == "problem"
    assert said in login.said


def test_a_refused_password_is_not_tried_again(make_settings: Make, betfair: FakeBetfair) -> None:
    settings = make_settings(**pointed(betfair, password="nonsense"))  # noqa: S106 - nobody's
    for _ in range(2):
        assert "wrong username or password" in found(settings)["Betfair login"].said
    assert len(betfair.requests_to("login")) == 1


def test_a_key_that_is_not_active_a_delayed_one_and_no_markets(make_settings: Make, betfair: FakeBetfair) -> None:
    login = betfair.identity.app_key
    betfair.identity.app_key = "the account's live key"
    key = found(make_settings(**pointed(betfair, app_key=login)))["Betfair application key"]
    assert (key.state, key.is_credentials) == ("problem", True)
    betfair.identity.app_key = login
    told = found(make_settings(**pointed(betfair)))
    assert (told["Betfair application key"].state, told["Betfair markets"].state) == ("ok", "warning")
    assert "none in the next 12 hours" in told["Betfair markets"].said
    betfair.exchange.lives = live_card(datetime.now(UTC))
    betfair.exchange.delayed = True
    told = found(make_settings(**pointed(betfair)))
    assert "delayed key" in told["Betfair application key"].said
    assert told["Betfair markets"].state == "ok"


def test_an_exchange_that_is_busy_is_no_fault_of_the_key(make_settings: Make, betfair: FakeBetfair) -> None:
    betfair.fault("listMarketCatalogue", faults.status(503, 99))
    told = found(make_settings(**pointed(betfair)))
    assert (told["Betfair application key"].state, told["Betfair markets"].state) == ("ok", "problem")
    assert told["Betfair markets"].step == "try again later"
    assert not any(each.is_credentials for each in told.values())


def test_a_login_service_that_does_not_answer(make_settings: Make, betfair: FakeBetfair) -> None:
    betfair.fault("login", faults.status(503))
    assert "does not answer" in found(make_settings(**pointed(betfair)))["Betfair login"].said


def test_the_feed_of_racing_post(make_settings: Make) -> None:
    with FakeRacingPost() as feed:
        told = {"base_url": feed.url, "api_key": feed.key}
        assert found(make_settings(racing_post=told))["Racing Post"].state == "ok"
        refused = found(make_settings(racing_post={**told, "api_key": "another"}))["Racing Post"]
        assert (refused.said, refused.is_credentials) == ("the key is refused (INVALID_API_KEY)", True)
        feed.entitled.clear()
        assert "licence does not hold" in found(make_settings(racing_post=told))["Racing Post"].said
        missing = found(make_settings(racing_post={"base_url": feed.url}))["Racing Post"]
        assert "racing_post.api_key" in missing.said


# Database, machine


def test_a_database_that_cannot_be_reached(make_settings: Make) -> None:
    told = found(make_settings(postgres={"url": "postgresql://nobody@127.0.0.1:1/none"}), offline=True)
    assert told["database"].state == "problem"
    assert "postgres.url" in told["database"].step
    assert {told[name].state for name in ("tables", "clock of the database", "daemon")} == {"skipped"}


@pytest.mark.parametrize(
    ("version", "state", "said"), [("0001", "warning", "behind"), ("9999", "problem", "only knows")]
)
def test_tables_of_another_version(make_settings: Make, database: str, version: str, state: str, said: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update ops.alembic_version set version_num = %s", [version])
    tables = found(make_settings(), offline=True)["tables"]
    assert (tables.state, said in tables.said) == (state, True)


def test_a_database_that_refuses_to_tell(make_settings: Make, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        role = f"stranger_{connection.info.dbname}"
        # A server of one's own may let nobody in without a password: the stranger has that of the address.
        password = connection.info.password or "none"
        connection.execute(
            sql.SQL("create role {} login password {}").format(sql.Identifier(role), sql.Literal(password))
        )
        try:
            url = make_conninfo(database, user=role, password=password)
            told = found(
                make_settings(postgres={"url": f"postgresql:///?{urlencode(conninfo_to_dict(url))}"}), offline=True
            )
        finally:
            connection.execute(f"drop role {role}".encode())
    assert (told["database"].state, told["tables"].state) == ("ok", "problem")
    assert "permission denied for schema ops" in told["tables"].said
    assert told["clock of the database"].state == "ok"


def test_the_role_that_queries_are_run_as(make_settings: Make, database: str) -> None:
    def queries(**urls: str) -> Finding:
        return found(make_settings(postgres={"url": database, **urls}), offline=True)["queries"]

    reads = reader_url(database)
    assert queries(reader_url=reads).state == "ok"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"grant insert on core.races to {READER}".encode())
        assert "may write core.races" in queries(reader_url=reads).said
        connection.execute(f"revoke all on core.races, live.sessions from {READER}".encode())
    missing = queries(reader_url=reads)
    assert (missing.state, missing.said) == (
        "problem",
        "the role of postgres.reader_url may not read core.races, live.sessions",
    )
    assert f"grant select on all tables in schema {', '.join(OWN_SCHEMAS)}" in missing.step
    assert "cannot be used" in queries(reader_url=reads.replace("reads@", "another@")).said
    if os.environ.get("RACE_ASSETS_POSTGRES__URL") is None:
        assert "which is a superuser" in queries().said
        assert "create role race_assets_reader login" in queries().step


def test_everything_that_is_to_run_by_itself_is_named_where_the_daemon_does_not_live(make_settings: Make) -> None:
    off = {"enabled": False}
    own = {
        "betfair_bsp": {"fetch": {"cron": "0 13 * * *"}},
        "betfair_historic": {**off, "fetch": {"cron": "0 4 * * 1"}},
    }
    told = make_settings(automation={"drops": off, "stale_days": off, "upcoming_cards": {"enabled": True}}, sources=own)
    assert "upcoming_cards, historical_sync_betfair_bsp do nothing" in found(told, offline=True)["daemon"].said


def test_a_daemon_that_lives_and_one_that_does_not(make_settings: Make, database: str) -> None:
    def daemon() -> Finding:
        return found(make_settings(), offline=True)["daemon"]

    with psycopg.connect(database, autocommit=True) as connection:
        assert "never run" in daemon().said
        now = datetime.now(UTC).replace(tzinfo=None)
        for age, state in ((timedelta(minutes=30), "warning"), (timedelta(seconds=20), "ok")):
            beat = "insert into dagster.daemon_heartbeats (daemon_type, timestamp) values (%s, %s)"
            connection.execute(beat, [state, now - age])
            assert daemon().state == state
        connection.execute("drop table dagster.daemon_heartbeats")
        assert "never run" in daemon().said


def test_a_disk_that_is_nearly_full(make_settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((1 << 29, "problem"), (2 << 30, "warning"), (90 << 30, "ok")):
        usage = shutil._ntuple_diskusage(100 << 30, (100 << 30) - free, free)  # type: ignore[attr-defined]
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert found(make_settings(), offline=True)["disk"].state == state


def test_drop_folders_that_cannot_be_read(make_settings: Make, tmp_path: Path) -> None:
    settings = make_settings(
        sources={"betfair_csv": {"path": tmp_path / "a file"}, "betfair_bsp": {"path": tmp_path / "gone"}}
    )
    (tmp_path / "a file").touch()
    told = found(settings, offline=True)
    assert told["drop folder of betfair_csv"].said.endswith("is no folder")
    assert told["drop folder of betfair_bsp"].state == "problem"
    assert "drop folder of betfair_historic" not in told
    if os.geteuid() == 0:
        return
    (tmp_path / "gone").mkdir(mode=0)
    assert "cannot be read" in found(settings, offline=True)["drop folder of betfair_bsp"].said


def test_the_command_ends_by_what_it_found(
    command: Callable[..., "subprocess.CompletedProcess[str]"], betfair: FakeBetfair
) -> None:
    good = command("doctor", "--offline")
    assert good.returncode == 0, good.stderr
    assert "told to ask none" in good.stdout
    bad = command(
        "doctor", "--format", "json", **{**betfair.environment(), "RACE_ASSETS_BETFAIR__PASSWORD": "nonsense"}
    )
    assert bad.returncode == 2
    (problem,) = [each for each in json.loads(bad.stdout) if each["state"] == "problem"]
    assert (problem["thing"], problem["is_credentials"]) == ("Betfair login", True)
    assert "nonsense" not in bad.stdout + bad.stderr
