"""Dagster shows a day as materialised only where the asset has records of it."""

from collections.abc import Mapping
from datetime import date

import dagster as dg
import pytest

from race_assets import definitions, settings
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.pipeline.feed import BSP, CSV, DAY1, DAY2, DAY3, bsp_row, build_stale, csv_race, drop

RANGE = {"dagster/asset_partition_range_start": str(DAY1), "dagster/asset_partition_range_end": str(DAY3)}
RAW = {source: dg.AssetKey(["raw", source]) for source in (CSV, BSP, "betfair_historic")}
VALIDATED, RACES, LINKS = (
    dg.AssetKey(["validated", "records"]),
    dg.AssetKey(["core", "races"]),
    dg.AssetKey(["core", "race_links"]),
)
CORE = [dg.AssetKey(["core", name]) for name in (
    "races", "selections", "prices", "price_points", "dog_form", "race_analysis", "race_links"
)]  # fmt: skip


def materialised(
    environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tags: Mapping[str, str] = {}
) -> dict[dg.AssetKey, set[date]]:
    """The days that Dagster shows as materialised after one run over three days."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    built = definitions.build(settings.load())
    keys = [*RAW.values(), VALIDATED, *CORE]
    with dg.DagsterInstance.ephemeral() as instance:
        done = built.resolve_implicit_global_asset_job_def().execute_in_process(
            asset_selection=keys, resources=built.resources, instance=instance, tags={**RANGE, **tags}
        )
        assert done.success
        found = {key: instance.get_materialized_partitions(key) for key in keys}
    return {key: {date.fromisoformat(day) for day in days} for key, days in found.items()}


@pytest.fixture
def landed(workshop: Workshop) -> Workshop:
    """One source has records of two days, another of one, a third of none; nothing reports the second day."""
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY3))
    drop(workshop, "b.csv", "".join(bsp_row(DAY3, f"{n}. {dog}", selection=n) for n, dog in enumerate("XYZ", 1)), BSP)
    return workshop


@pytest.mark.usefixtures("landed")
def test_only_days_with_records_are_recorded(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = materialised(environment, monkeypatch)
    assert found[RAW[CSV]] == {DAY1, DAY3}
    assert found[RAW[BSP]] == {DAY3}
    assert found[RAW["betfair_historic"]] == set()
    assert found[VALIDATED] == {DAY1, DAY3}
    assert found[RACES] == found[LINKS] == {DAY1, DAY3}


def test_a_day_that_lost_its_records_is_recorded_as_published_empty(
    landed: Workshop, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(landed, "second.csv", csv_race(DAY2))
    build_stale(landed)
    (file,) = [file for file in landed.ledger.files(CSV) if file.name == "second.csv"]
    landed.ledger.withdraw(CSV, file.sha256)
    found = materialised(environment, monkeypatch)
    assert (found[RAW[CSV]], found[RACES]) == ({DAY1, DAY3}, {DAY1, DAY2, DAY3})


@pytest.mark.usefixtures("landed")
def test_a_backfill_records_all_its_days(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster marks a backfill as failed that leaves a day of it unrecorded."""
    found = materialised(environment, monkeypatch, {"dagster/backfill": "b"})
    assert {len(days) for days in found.values()} == {3}
