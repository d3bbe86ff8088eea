"""Runs of the command line: shown by the UI; and what becomes of one whose surroundings fail."""

import socket
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_graphql.schema import create_schema
from sqlalchemy import create_engine

from race_assets import definitions
from race_assets.automation import runs
from race_assets.errors import WarehouseError
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.conftest import PROJECT
from race_assets_tests.pipeline.feed import DAY1, csv_race, drop

TIMELINE = """query CompletedRunTimelineQuery($completedFilter: RunsFilter!, $limit: Int!) {
  completed: runsOrError(filter: $completedFilter, limit: $limit) { ... on Runs { results {
    id pipelineName status repositoryOrigin { id repositoryName repositoryLocationName } tags { key value }
  } } } }"""
"""What the timeline page asks; it leaves out every run whose repositoryOrigin is null."""


def test_a_database_that_goes_away_under_a_run_is_one_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg2://127.0.0.1:{free.getsockname()[1]}/gone"
        with (
            pytest.raises(
                WarehouseError, match=r"^Postgres went away during the run: [^\n]*; days published before stay"
            ),
            runs.database_held(),
        ):
            create_engine(url).connect()


def test_a_run_of_the_command_line_is_on_the_timeline_under_the_code_location(
    workshop: Workshop, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    drop(workshop, "a.csv", csv_race(DAY1))
    defs = definitions.build(definitions.settings.load())
    (location,) = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    named = location["python_module"]["location_name"]
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        (outcome,) = runs.ingest(defs, instance, [(DAY1, DAY1)])
        assert outcome.succeeded
        with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as process:
            asked = {"completedFilter": {"statuses": ["SUCCESS"]}, "limit": 10}
            answer = create_schema().execute(TIMELINE, variables=asked, context_value=process.create_request_context())
        (run,) = answer.data["completed"]["results"]
        # The runs of the page of a job are chosen by this tag.
        filtered = instance.get_runs(dg.RunsFilter(tags={".dagster/repository": f"__repository__@{named}"}))
    assert (run["id"], run["pipelineName"]) == (outcome.run_id, "ingest")
    origin = run["repositoryOrigin"]
    assert (origin["repositoryName"], origin["repositoryLocationName"]) == ("__repository__", named)
    assert [each.run_id for each in filtered] == [outcome.run_id]
