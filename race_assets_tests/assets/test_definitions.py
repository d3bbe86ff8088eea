"""The graph as people see it: assets, their order, jobs, schedule, sensors, checks, and what the settings leave out."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from race_assets import definitions
from race_assets.assets.days import race_days
from race_assets.automation.jobs import live_job
from race_assets.settings import Settings

MakeSettings = Callable[..., Settings]
OWN = {
    *("raw/betfair_bsp", "raw/betfair_csv", "raw/betfair_historic", "raw/betfair_exchange"),
    *("raw/racing_post_races", "raw/racing_post_form", "raw/racing_post_analysis"),
}
RAW = OWN | {"raw/betfair_hub", "raw/gbgb_results"}


def graph(built: dg.Definitions) -> dict[str, set[str]]:
    """Each asset and those it is made from."""
    return {
        each.key.to_user_string(): {dep.asset_key.to_user_string() for dep in each.deps}
        for each in built.resolve_all_asset_specs()
    }


def test_the_assets_follow_the_journey_of_the_data(make_settings: MakeSettings) -> None:
    core = {"validated/records"}
    assert graph(definitions.build(make_settings())) == {
        **{raw: set() for raw in RAW},
        "validated/records": RAW,
        "core/races": core,
        "core/selections": core,
        "core/prices": core,
        "core/price_points": core,
        "core/race_links": core,
        "core/dog_form": core,
        "core/race_analysis": core,
    }


def test_a_source_that_is_not_enabled_is_not_in_the_graph(make_settings: MakeSettings) -> None:
    built = definitions.build(make_settings(sources={"betfair_csv": {"enabled": False}}))
    assert "raw/betfair_csv" not in graph(built)
    assert graph(built)["validated/records"] == RAW - {"raw/betfair_csv"}


def test_a_feed_is_an_asset_by_its_own_name_and_a_shipped_one_can_be_switched_off(make_settings: MakeSettings) -> None:
    columns = {"track_name": "Track", "start_at": "Off", "selection_name": "Dog"}
    feeds = {"club": {"columns": columns}, "rival": {"columns": columns, "enabled": False}}
    built = graph(definitions.build(make_settings(sources={"csv_feeds": feeds})))
    assert {name for name in built if name.startswith("raw/")} == {*OWN, "raw/club"}


def test_jobs_schedule_and_sensors_are_those_people_know(make_settings: MakeSettings) -> None:
    repository = definitions.build(make_settings()).get_repository_def()
    assert {"ingest", "land", "live_session"} <= set(repository.job_names)
    schedules = {(each.name, each.cron_schedule, each.execution_timezone) for each in repository.schedule_defs}
    london = "Europe/London"
    assert schedules == {
        ("historical_sync", "0 2 * * *", london),
        ("live_session", "*/5 8-22 * * *", london),
        ("upcoming_cards", "*/30 6-22 * * *", london),
    }
    assert {each.default_status for each in repository.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}
    assert {each.name for each in repository.sensor_defs} == {"drop_folders", "stale_days"}


def test_the_schedule_is_switched_on_by_its_setting(make_settings: MakeSettings) -> None:
    for name in ("historical_sync", "live_session"):
        switched_on = make_settings(automation={name: {"enabled": True}})
        schedules = definitions.build(switched_on).get_repository_def().schedule_defs
        running = [each.name for each in schedules if each.default_status is dg.DefaultScheduleStatus.RUNNING]
        assert running == [name]


def test_assets_go_stale_where_a_nightly_run_is_expected(make_settings: MakeSettings) -> None:
    def policies(*, nightly: bool) -> set[object]:
        asked = {"historical_sync": {"enabled": nightly, "fresh_for_hours": 30}}
        return {
            each.freshness_policy
            for each in definitions.build(make_settings(automation=asked)).resolve_all_asset_specs()
        }

    assert policies(nightly=False) == {None}
    assert policies(nightly=True) == {dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30))}


def test_a_session_is_not_started_while_one_is_polling(make_settings: MakeSettings, tmp_path: Path) -> None:
    schedule = definitions.build(make_settings()).get_repository_def().get_schedule_def("live_session")
    # A tick asks an instance that it can find again, so none that is only in memory.
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        tick = dg.build_schedule_context(instance=instance)
        assert isinstance(schedule(tick), dg.RunRequest)
        run = instance.create_run_for_job(job_def=live_job)
        instance.report_run_canceling(run)
        assert isinstance(schedule(tick), dg.SkipReason)
        instance.report_run_canceled(run)
        assert isinstance(schedule(tick), dg.RunRequest)


def test_without_the_exchange_there_is_no_session_to_start(make_settings: MakeSettings) -> None:
    built = definitions.build(make_settings(sources={"betfair_exchange": {"enabled": False}})).get_repository_def()
    assert not built.has_schedule_def("live_session")
    assert "live_session" not in built.job_names


def test_every_asset_has_its_checks_columns_and_one_run_for_a_range(make_settings: MakeSettings) -> None:
    built = definitions.build(make_settings())
    checks = {(key.asset_key.to_user_string(), key.name) for key in built.resolve_asset_graph().asset_check_keys}
    assert checks == {
        *((raw, "shape") for raw in RAW),
        ("validated/records", "row_rules"),
        ("core/races", "conservation"),
        ("core/races", "race_rules"),
        ("core/races", "sources_agree"),
        ("core/races", "runners_rejected"),
        ("core/races", "not_empty"),
        ("core/races", "arrived"),
    }
    for assets in built.assets or []:
        assert isinstance(assets, dg.AssetsDefinition)
        assert assets.backfill_policy == dg.BackfillPolicy.single_run()
        assert all("dagster/column_schema" in spec.metadata for spec in assets.specs)


@pytest.mark.parametrize("end_offset", [0, 3])
def test_the_last_partition_is_the_last_day_that_commands_take(make_settings: MakeSettings, end_offset: int) -> None:
    partitions = make_settings(partitions={"end_offset": end_offset}).partitions
    assert race_days(partitions).get_last_partition_key() == partitions.last().isoformat()
