"""The page of metrics says what is in the database, in words Prometheus, its rules and the dashboard understand."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from race_assets.observability import metrics
from race_assets.observability.figures import FIGURES
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.postgres import Warehouse
from race_assets_tests.conftest import PROJECT
from race_assets_tests.pipeline.feed import BSP, CSV, DAY1, DAY2, ask, bsp_row, build_stale, csv_race, csv_row, drop
from race_assets_tests.waiting import PATIENCE_S

MONITORING = PROJECT / "docs" / "monitoring"
NAME = re.compile(r"\brace_assets_\w+")


def read(text: str) -> dict[tuple[str, ...], float]:
    """Samples by name and the values of their labels, in the labels' order."""
    return {
        (sample.name.removeprefix("race_assets_"), *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def told(workshop: Workshop) -> dict[tuple[str, ...], float]:
    """The page after a day of two sources, one bad row among them, altered once."""
    bad = csv_row(DAY1, "4. Delta", selection=4, price="x")
    drop(workshop, "a.csv", csv_race(DAY1) + bad)
    drop(
        workshop,
        "bsp.csv",
        "".join(bsp_row(DAY1, f"{n}. {dog}", selection=n) for n, dog in ((1, "Alpha"), (2, "Beta"))),
        BSP,
    )
    build_stale(workshop)
    again = bsp_row(DAY1, "1. Alpha", selection=1, bsp="9.0") + bsp_row(DAY1, "2. Beta", selection=2)
    drop(workshop, "bsp.csv", again, BSP)
    build_stale(workshop, "a later run")
    return read(metrics.page(lambda: workshop.warehouse))


def test_the_figures_are_those_of_the_ledger(told: dict[tuple[str, ...], float], workshop: Workshop) -> None:
    assert told["up",] == 1
    # Two builds of the CSV file's four records, one of them refused; of the BSP file two, then two and two superseded.
    assert (told["records_total", "in", CSV], told["records_total", "accepted", CSV]) == (8, 6)
    assert (told["rejects_total", "number", CSV], told["open_rejects", "number", CSV]) == (2, 1)
    assert (told["records_total", "in", BSP], told["records_total", "duplicates", BSP]) == (6, 2)
    assert (told["success_ratio", CSV], told["success_ratio", BSP]) == (0.75, 1)
    assert (told["files", BSP, "landed"], told["stale_days",], told["revised_cells_total", BSP]) == (2, 0, 1)
    ((seconds,),) = ask(
        workshop, "select extract(epoch from max(finished_at)) from ops.ingestion_runs where source = %s", CSV
    )
    assert told["last_success_timestamp_seconds", CSV] == pytest.approx(float(seconds))


def test_speed_is_of_all_sources_together_or_of_one_that_was_alone(
    told: dict[tuple[str, ...], float], workshop: Workshop
) -> None:
    # The later run built eight records of two sources in one go: nobody measured how long either took.
    ((seconds, speeds),) = ask(
        workshop,
        "select sum(duration_s), array_agg(records_per_s) from ops.ingestion_runs where run_id = 'a later run'",
    )
    assert speeds == [None, None]
    assert told["throughput_records_per_second",] == pytest.approx(8 / seconds)
    assert not [name for name in told if name[0] == "throughput_records_per_second" and len(name) > 1]
    ((built,),) = ask(workshop, "select sum(duration_s) from ops.ingestion_runs where race_date is not null")
    assert told["build_seconds_total",] == pytest.approx(built)

    drop(workshop, "alone.csv", csv_race(DAY2))
    build_stale(workshop, "alone")
    ((records, took, speed),) = ask(
        workshop, "select records_in, duration_s, records_per_s from ops.ingestion_runs where run_id = 'alone'"
    )
    assert speed == pytest.approx(records / took)


def test_series_are_bounded_and_names_are_as_prometheus_wants_them(told: dict[tuple[str, ...], float]) -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
    for figure in FIGURES:
        assert figure.name.endswith("_total") == (figure.kind == "counter")
        assert set(figure.labels) <= {"source", "rule", "state", "outcome", "ended", "kind"}
    assert len(told) < 120


def test_without_a_database_the_page_says_that_it_is_down(caplog: pytest.LogCaptureFixture) -> None:
    nobody = Warehouse("postgresql://nobody@127.0.0.1:1/none")
    assert read(metrics.page(lambda: nobody)) == {("up",): 0}
    assert "Postgres cannot be reached" in caplog.text


def test_what_is_a_fault_of_ours_is_not_taken_for_a_database_that_is_down() -> None:
    def broken() -> Warehouse:
        raise KeyError("x")

    with pytest.raises(KeyError):
        metrics.page(broken)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(environment: dict[str, str], number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "race_assets", "metrics", "--port", "0"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, process.communicate()
        answer = requests.get(found[0], timeout=PATIENCE_S)
        assert read(answer.text)["up",] == 1
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(found[0], timeout=PATIENCE_S)


def test_the_page_can_be_had_once(command: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    done = command("metrics", "--once")
    assert (done.returncode, read(done.stdout)["up",]) == (0, 1)


# Rules and dashboard

OURS = {f"race_assets_{figure.name}" for figure in FIGURES} | {metrics.UP}


def expressions() -> list[str]:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    dashboard: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    told = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return told + [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_rules_and_dashboard_name_metrics_there_are_and_the_dashboard_shows_all() -> None:
    named = {name for text in expressions() for name in NAME.findall(text)}
    assert named <= OURS
    shown = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    seen = {name for panel in shown for target in panel["targets"] for name in NAME.findall(target["expr"])}
    not_shown = {"up", "last_success_timestamp_seconds", "bytes_in_total", "live_last_tick_timestamp_seconds"}
    not_shown |= {"live_sessions", "live_unaccounted_seconds_total"}
    assert {f"race_assets_{name}" for name in not_shown} | seen == OURS


def test_every_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            summary = rule["annotations"]["summary"]
            assert "`race-assets" in summary or "see" in summary, rule["alert"]


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run(
        [promtool, "check", "rules", MONITORING / "alerts.yml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
