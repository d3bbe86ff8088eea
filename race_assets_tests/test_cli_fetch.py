"""`race-assets fetch`, and fetching in Dagster's runs: exit codes, one login, kills, runs that say what is missing."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from threading import Event

import dagster as dg
import pytest

from race_assets import definitions
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW
from race_assets.schemas.table import polars_schema
from race_assets.settings import Settings
from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_betfair import FakeBetfair, faults, fixtures
from race_assets_tests.fetching import HISTORIC, meant, pointed_at, published
from race_assets_tests.pipeline.feed import ask, build_stale
from race_assets_tests.waiting import PATIENCE_S

DAYS = ("--from", "2024-05-01", "--to", "2024-05-02")
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def betfair() -> Iterator[FakeBetfair]:
    with FakeBetfair(fixtures.month(date(2024, 5, 1), days=2)) as fake:
        yield fake


@pytest.fixture
def pointed(environment: dict[str, str], betfair: FakeBetfair) -> dict[str, str]:
    """The environment of commands that talk to the fake, in a hurry."""
    hurry = {"RACE_ASSETS_SOURCES__BETFAIR_HISTORIC__RATE_LIMIT__REQUESTS_PER_SECOND": "40"}
    return {**environment, **betfair.environment(), **hurry}


@pytest.fixture
def start(pointed: dict[str, str]) -> Callable[..., "subprocess.Popen[str]"]:
    def start(*arguments: str, module: str = "race_assets", **extra: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT,
            env={**pointed, **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    with process:
        out, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, errors


def workshop_of(environment: dict[str, str]) -> Workshop:
    url = environment["RACE_ASSETS_POSTGRES__URL"]
    return Workshop(Settings.model_validate({"home": environment["RACE_ASSETS_HOME"], "postgres": {"url": url}}))


def test_a_wrong_password_is_tried_once_and_says_what_to_do(
    start: Callable[..., "subprocess.Popen[str]"], betfair: FakeBetfair
) -> None:
    code, out, errors = ended(start("fetch", HISTORIC, *DAYS, RACE_ASSETS_BETFAIR__PASSWORD="not-this-one"))  # noqa: S106 - of a fake
    assert code == 2, out + errors
    assert "correct betfair.username and betfair.password" in errors.replace("\n", " ")
    assert "not-this-one" not in out + errors
    assert [each.route for each in betfair.requests] == ["login"]


def test_without_credentials_it_names_the_settings(command: Command) -> None:
    done = command("fetch", HISTORIC, *DAYS)
    assert done.returncode == 2
    assert "RACE_ASSETS_BETFAIR__APP_KEY" in done.stderr


def test_two_processes_log_in_once_and_fetch_each_file_once(
    start: Callable[..., "subprocess.Popen[str]"], betfair: FakeBetfair
) -> None:
    both = [start("fetch", HISTORIC, *DAYS) for _ in range(2)]
    results = [ended(process) for process in both]
    assert [code for code, *_ in results] == [0, 0], results
    assert betfair.identity.logins == 1
    assert betfair.downloads == Counter(list(betfair.files))
    assert betfair.historic.arrivals.refused == 0


def test_after_a_sigkill_in_the_middle_the_next_fetch_brings_the_rest(
    start: Callable[..., "subprocess.Popen[str]"], betfair: FakeBetfair, pointed: dict[str, str]
) -> None:
    betfair.fault("DownloadFile", faults.drip(0.02, 128))
    process = start("fetch", HISTORIC, *DAYS)
    pause = Event()
    while sum(betfair.downloads.values()) < 5 and process.poll() is None:
        pause.wait(0.01)
    process.send_signal(signal.SIGKILL)
    assert ended(process)[0] == -signal.SIGKILL
    betfair.faults.clear()

    code, out, errors = ended(start("fetch", HISTORIC, *DAYS))
    assert code == 0, out + errors
    workshop = workshop_of(pointed)
    build_stale(workshop)
    assert published(workshop) == meant(betfair.files.values())
    (came, known) = map(int, re.search(r"(\d+) files fetched .*; (\d+) were in the archive", out).groups())
    assert came + known == len(betfair.files)
    # What was on its way when it ended, and no more, came twice.
    assert sum(betfair.downloads.values()) <= len(betfair.files) + 8
    assert [path for path in Path(pointed["RACE_ASSETS_HOME"], "fetching").rglob("*") if path.is_file()] == []


def test_ctrl_c_says_how_far_it_came(start: Callable[..., "subprocess.Popen[str]"], betfair: FakeBetfair) -> None:
    betfair.fault("DownloadFile", faults.drip(0.02, 128))
    process = start("fetch", HISTORIC, *DAYS)
    pause = Event()
    while sum(betfair.downloads.values()) < 5 and process.poll() is None:
        pause.wait(0.01)
    process.send_signal(signal.SIGINT)
    code, _, errors = ended(process)
    assert code == 1, errors
    assert re.search(r"told to stop; \d+ files were landed, the next `race-assets fetch betfair_historic` gets", errors)
    assert "Traceback" not in errors


def test_the_list_is_of_what_would_be_fetched(
    start: Callable[..., "subprocess.Popen[str]"], betfair: FakeBetfair
) -> None:
    code, out, errors = ended(start("fetch", HISTORIC, *DAYS, "--list"))
    assert code == 0, errors
    assert "16 files would be asked for; 0 are in the archive" in out
    assert "the API has 16 files of at most 1 MB in all (GB 16, PLACE 8, WIN 8)" in out
    assert not betfair.downloads


def test_an_asset_fetches_its_days(
    start: Callable[..., "subprocess.Popen[str]"], betfair: FakeBetfair, pointed: dict[str, str]
) -> None:
    enabled = {"RACE_ASSETS_SOURCES__BETFAIR_HISTORIC__FETCH__ENABLED": "true"}
    arguments = ("asset", "materialize", "-m", "race_assets.definitions", "--select", f"raw/{HISTORIC}")
    code, out, errors = ended(start(*arguments, "--partition", "2024-05-01", module="dagster", **enabled))
    assert code == 0, out + errors
    assert set(betfair.downloads.values()) == {1}
    workshop = workshop_of(pointed)
    query = "select records_in, api_requests > 9, notes from ops.ingestion_runs where race_date is null"
    assert ask(workshop, query) == [(0, True, {"files_fetched": 8, "gaps": 1})]
    ((rows,),) = ask(workshop, "select sum(records) from ops.source_files")
    assert workshop.lake.scan(f"raw/{HISTORIC}", [date(2024, 5, 1)], polars_schema(RAW)).collect().height == rows


def run_here(workshop: Workshop, day: str) -> dg.ExecuteInProcessResult:
    """All assets over the workshop's settings, in this process."""
    built = definitions.build(workshop.settings)
    resources = {**(built.resources or {}), "workshop": workshop}
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            list(built.assets or []), resources=resources, partition_key=day, instance=instance, raise_on_error=False
        )


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    steps = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return [str(data and data.description) for data in steps]


# The assets still name run id and tags as older versions of Dagster do.
@pytest.mark.filterwarnings("ignore:AssetExecutionContext:DeprecationWarning")
def test_a_run_builds_the_good_days_then_fails_and_says_what_did_not_come(
    make_settings: Callable[..., Settings], betfair: FakeBetfair
) -> None:
    settings = pointed_at(betfair, bsp={"rate_limit": {"requests_per_second": 100}, "fetch": {"enabled": True}})
    workshop = Workshop(make_settings(**settings))
    betfair.fault("bsp-file", faults.page(1))
    (reason,) = failures(run_here(workshop, "2024-05-01"))
    assert reason.startswith("dwbfgreyhoundwin01052024.csv: betfair_bsp: GET")
    assert "a web page in place of data" in reason
    assert ask(workshop, "select count(*) from core.races") == [(4,)]
    assert run_here(workshop, "2024-05-01").success


# The assets still name run id and tags as older versions of Dagster do.
@pytest.mark.filterwarnings("ignore:AssetExecutionContext:DeprecationWarning")
def test_a_login_that_is_refused_fails_the_step_with_the_remedy(
    make_settings: Callable[..., Settings], betfair: FakeBetfair
) -> None:
    workshop = Workshop(make_settings(**pointed_at(betfair, historic={"fetch": {"enabled": True}})))
    betfair.identity.refusal = "KYC_SUSPEND"
    (reason,) = failures(run_here(workshop, "2024-05-01"))
    assert "KYC_SUSPEND: ask Betfair's customer service what the account lacks" in reason
