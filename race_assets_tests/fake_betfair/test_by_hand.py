"""The fake as a command: it says how it is used, serves, and ends without a trace."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_betfair import FakeBetfair, Shelf, identity
from race_assets_tests.fake_betfair.server import PREFIXES
from race_assets_tests.waiting import PATIENCE_S

COMMAND = [sys.executable, "-m", "race_assets_tests.fake_betfair"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The running command, and the settings it told."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                told += line
            yield process, dict(re.findall(r"^RACE_ASSETS_(?:BETFAIR__)?(\w+)=(.+)$", told, re.MULTILINE))
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_cleanly(number: signal.Signals) -> None:
    with started("--days", "1", "--fault", "GetMyData=5xx:1") as (process, settings):
        login = requests.post(
            f"{settings['IDENTITY_URL']}/api/login",
            data={"username": settings["USERNAME"], "password": settings["PASSWORD"]},
            headers={"Accept": "application/json", "X-Application": settings["APP_KEY"]},
            timeout=PATIENCE_S,
        ).json()
        with requests.Session() as session:  # its connection is still open when the signal comes
            session.headers["ssoid"] = login["token"]
            historic = settings["SOURCES__BETFAIR_HISTORIC__FETCH__URL"]
            url = f"{historic}/GetMyData"
            assert [session.get(url, timeout=PATIENCE_S).status_code for _ in range(2)] == [503, 200]
            session.headers.update({"X-Authentication": login["token"], "X-Application": settings["APP_KEY"]})
            exchange = historic.replace(PREFIXES["historic"], PREFIXES["exchange_rest"])
            events = session.post(f"{exchange}/listEvents/", json={"filter": {}}, timeout=PATIENCE_S)
            assert events.json()
            process.send_signal(number)
            output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    log = [line.split(" ", 1)[1] for line in errors.splitlines()]
    assert log == ["login 200", "GetMyData 503 status", "GetMyData 200", "rest 200 listEvents"]
    assert output == "4 requests answered\n"
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, timeout=PATIENCE_S)


def test_a_port_in_use_is_told_in_one_line() -> None:
    with FakeBetfair(Shelf()) as taken:
        done = subprocess.run(
            [*COMMAND, "--port", str(taken.port), "--days", "0"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"cannot listen on port {taken.port}: Address already in use; try --port 0\n"


@pytest.mark.parametrize("given", ["GetMyDatum=5xx", "GetMyData=boom", "GetMyData=5xx:often"])
def test_a_fault_that_is_none_is_refused(given: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--fault", given], cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "--fault" in done.stderr


def test_stopping_leaves_no_thread_and_may_be_done_twice() -> None:
    before = threading.active_count()
    with requests.Session() as session:
        fake = FakeBetfair(Shelf())
        session.post(f"{fake.url}/identity/api/login", headers={"X-Application": identity.APP_KEY}, timeout=PATIENCE_S)
        fake.stop()
        fake.stop()
        assert threading.active_count() == before
