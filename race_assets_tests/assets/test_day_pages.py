"""The page of a day shows the figures of that day, also where one run built several."""

from pathlib import Path

import dagster as dg
import pytest

from race_assets import definitions
from race_assets.automation import runs
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.pipeline.feed import DAY1, DAY2, csv_race, csv_row, drop

OF_A_RUN = "by the run"


def test_each_day_of_a_run_over_several_has_its_own_figures(
    workshop: Workshop, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY2, "1. Delta", selection=4, price="x") + csv_race(DAY2))
    defs = definitions.build(definitions.settings.load())
    with dg.DagsterInstance.ephemeral() as instance:
        (outcome,) = runs.ingest(defs, instance, [(DAY1, DAY2)])
        assert outcome.succeeded

        def shown(*key: str) -> dict[str, dict[str, object]]:
            events = instance.fetch_materializations(dg.AssetKey([*key]), limit=10).records
            found = [each.asset_materialization for each in events]
            return {str(each.partition): {n: v.value for n, v in each.metadata.items()} for each in found if each}

        raw, validated, races = shown("raw", "betfair_csv"), shown("validated", "records"), shown("core", "races")
    rows = "dagster/partition_row_count"
    assert [raw[str(day)][rows] for day in (DAY1, DAY2)] == [3, 4]
    assert [validated[str(day)]["records in"] for day in (DAY1, DAY2)] == [3, 4]
    assert [validated[str(day)]["quarantined"] for day in (DAY1, DAY2)] == [0, 1]
    assert "number | 1" in str(validated[str(DAY2)]["rejects by rule"])
    assert "number" not in str(validated[str(DAY1)]["rejects by rule"])
    assert [races[str(day)]["accepted"] for day in (DAY1, DAY2)] == [3, 3]
    assert [races[str(day)]["quarantined"] for day in (DAY1, DAY2)] == [0, 1]
    # What is the same on both pages and is a figure says that it is the run's.
    for pages in (raw, validated):
        same = {name for name, value in pages[str(DAY1)].items() if pages[str(DAY2)].get(name) == value}
        assert [name for name in same if "written" in name or "landed" in name]
        assert all(OF_A_RUN in name for name in same if "written" in name or "landed" in name)
        assert "preview" not in same
