"""The process's tools in real Dagster runs: what lasts as long as a run does, and no longer."""

from pathlib import Path

import dagster as dg
import pytest
from structlog.contextvars import get_contextvars

from race_assets.pipeline.workshop import Workshop
from race_assets.resources.workshop import WorkshopResource, workshop_in_use


@pytest.fixture(autouse=True)
def _in_force(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name this test's database."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)


def pid(workshop: Workshop) -> int:
    """The server's process behind the connection that is lent next."""
    with workshop.warehouse.connect() as connection:
        return connection.info.backend_pid


def run(asset: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [asset], instance=instance, resources={"workshop": WorkshopResource()}, raise_on_error=False
        )


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_uses_one_connection_again_and_again_until_it_ends(*, fails: bool) -> None:
    seen = []

    @dg.asset
    def asset(workshop: dg.ResourceParam[Workshop]) -> None:
        seen.extend(pid(workshop) for _ in range(5))
        assert not fails

    assert run(asset).success is not fails
    assert len(seen) == 5
    assert len(set(seen)) == 1
    assert pid(workshop_in_use()) != pid(workshop_in_use())


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_logged_in_a_run_tells_it_and_what_is_logged_after_does_not(*, fails: bool) -> None:
    seen = []

    @dg.asset
    def asset(context: dg.AssetExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
        del workshop
        seen.append((get_contextvars()["run_id"], context.run.run_id))
        assert not fails

    assert run(asset).success is not fails
    ((told, wanted),) = seen
    assert told == wanted
    assert "run_id" not in get_contextvars()


def test_outside_a_run_the_database_is_not_opened() -> None:
    with dg.build_resources({"workshop": WorkshopResource()}) as resources:
        assert "warehouse" not in vars(resources.workshop)
