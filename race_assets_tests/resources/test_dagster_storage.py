"""Dagster's own storage on a database that goes away: it waits as long as a run's retries go on, and no longer."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from race_assets.backoff import Pauses
from race_assets.errors import WarehouseError
from race_assets.resources import dagster_storage
from race_assets.resources.dagster_storage import WarehouseStorage

CLOSE = """select pg_terminate_backend(pid) from pg_stat_activity
           where datname = %s and pid <> pg_backend_pid()"""


class Outage:
    """A database that takes no connections until so many pauses have been made."""

    def __init__(self, url: str, lasts: int) -> None:
        self.name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        self.url = psycopg.conninfo.make_conninfo(url, dbname="postgres")
        self.lasts = lasts
        self.pauses: list[float] = []

    def begin(self) -> None:
        self._allow(connections=False)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == self.lasts:
            self._allow(connections=True)

    def _allow(self, *, connections: bool) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'alter database "{self.name}" with allow_connections {connections}'.encode())
            if not connections:
                connection.execute(CLOSE, [self.name])


@pytest.fixture
def instance(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance whose storage is in the test's database."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    (tmp_path / "dagster.yaml").write_text(
        f"""storage: {{custom: {{module: {WarehouseStorage.__module__}, class: WarehouseStorage, config: {{}}}}}}
telemetry: {{enabled: false}}
"""
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def outage(monkeypatch: pytest.MonkeyPatch, database: str, lasts: int) -> Outage:
    made = Outage(database, lasts)
    monkeypatch.setattr(dagster_storage, "PAUSES", Pauses(made.sleep, lambda: 0.5))
    return made


def test_connections_that_were_ended_are_made_again(instance: dg.DagsterInstance, database: str) -> None:
    assert instance.get_runs_count() == 0
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as other:
        assert len(other.execute(CLOSE, [name]).fetchall()) > 0
    assert instance.get_runs_count() == 0


def test_a_database_that_is_away_for_a_while_is_waited_for(
    instance: dg.DagsterInstance, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = outage(monkeypatch, database, lasts=3)
    away.begin()
    assert instance.get_runs_count() == 0
    assert away.pauses == [5, 10, 20]


def test_a_run_whose_database_is_away_for_a_while_succeeds(
    instance: dg.DagsterInstance, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run loses the database, and has to write down that it is to be retried while there is none."""
    from race_assets import retries
    from race_assets.settings import RetrySettings

    away = outage(monkeypatch, database, lasts=2)
    tried: list[int] = []

    @dg.asset
    def loses(context: dg.AssetExecutionContext) -> None:
        tried.append(context.retry_number)
        with retries.retried(context, RetrySettings(base_seconds=0.01)):
            if not context.retry_number:
                away.begin()
                raise WarehouseError("Postgres went away")

    done = dg.materialize([loses], instance=instance)
    assert done.success
    assert tried == [0, 1]
    assert away.pauses == [5, 10]


def test_a_database_that_stays_away_is_one_error_after_the_retries_there_are(
    instance: dg.DagsterInstance, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = outage(monkeypatch, database, lasts=99)
    away.begin()
    try:
        with pytest.raises(WarehouseError, match="Postgres cannot be reached"):
            instance.get_runs_count()
        assert away.pauses == [5, 10, 20]
    finally:
        away._allow(connections=True)
