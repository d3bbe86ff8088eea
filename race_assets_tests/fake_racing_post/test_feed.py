"""The fake feed keeps the contract of API_CONTRACTS 6.4: who may ask, pages, refusals, switches; by hand too."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_racing_post import FakeRacingPost, faults
from race_assets_tests.waiting import PATIENCE_S

COMMAND = [sys.executable, "-m", "race_assets_tests.fake_racing_post"]
DAY = {"date": "2024-06-26"}


@pytest.fixture
def feed() -> Iterator[FakeRacingPost]:
    with FakeRacingPost() as fake:
        yield fake


def ask(feed: FakeRacingPost, operation: str = "GetRaceInfo", key: str = "", **asked: Any) -> requests.Response:
    headers = {"X-Api-Key": key or feed.key}
    return requests.get(f"{feed.url}/{operation}", params=asked or DAY, headers=headers, timeout=PATIENCE_S)


def test_pages_hold_every_race_of_a_day_once(feed: FakeRacingPost) -> None:
    pages = [ask(feed, **DAY, page=number).json() for number in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [5, 5, 2]
    assert {page["meta"]["pageCount"] for page in pages} == {3}
    told = [race["raceId"] for page in pages for race in page["data"]]
    assert told == [race.race_id for race in feed.races if f"{race.day}" == DAY["date"]]


def test_who_is_not_known_or_asks_for_what_is_not_there_is_refused_in_the_feeds_words(feed: FakeRacingPost) -> None:
    feed.entitled.remove("GetExpertAnalysis")
    race_id = feed.races[0].race_id
    answers = [
        ask(feed, key="x"),
        ask(feed, "GetExpertAnalysis", raceId=race_id),
        ask(feed, "GetHorseForm", raceId="1"),
        ask(feed, "GetHorseForm", dogId="1"),
    ]
    assert [(each.status_code, each.json()["error"]["code"]) for each in answers] == [
        (401, "INVALID_API_KEY"),
        (403, "NOT_ENTITLED"),
        (404, "NOT_FOUND"),
        (400, "BAD_REQUEST"),
    ]
    basic = requests.get(f"{feed.url}/GetRaceInfo", params=DAY, auth=("licensee", "of the fake"), timeout=PATIENCE_S)
    assert basic.status_code == 200


def test_pages_repeated_answers_bare_and_faults_fire_as_often_as_they_are_told(feed: FakeRacingPost) -> None:
    feed.repeats = 1
    first, again, second = (ask(feed, **DAY, page=number).json()["data"] for number in (1, 2, 2))
    assert first == again != second
    feed.is_bare = True
    assert isinstance(ask(feed).json(), list)
    feed.fault("GetRaceInfo", faults.status(503, 1))
    feed.fault("GetRaceInfo", faults.too_many(1, retry_after=faults.IN_SECONDS, seconds=7))
    answers = [ask(feed) for _ in range(3)]
    assert [each.status_code for each in answers] == [503, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"
    with pytest.raises(ValueError, match="no route"):
        feed.fault("GetDogForm", faults.reset())


def test_the_command_serves_and_ends_cleanly() -> None:
    arguments = ["--port", "0", "--days", "1", "--bare", "--fault", "GetRaceInfo=5xx:1"]
    with subprocess.Popen([*COMMAND, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line
                told += line
            given = dict(re.findall(r"^RACE_ASSETS_RACING_POST__(\w+)=(.+)$", told, re.MULTILINE))
            headers = {"X-Api-Key": given["API_KEY"]}
            url = f"{given['BASE_URL']}/GetRaceInfo"
            answers = [requests.get(url, params=DAY, headers=headers, timeout=PATIENCE_S) for _ in range(2)]
            assert [each.status_code for each in answers] == [503, 200]
            assert len(answers[1].json()) == 12
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, output) == (0, "2 requests answered\n")


@pytest.mark.parametrize("given", ["GetRaceInf=5xx", "GetRaceInfo=boom"])
def test_a_fault_that_is_none_is_refused(given: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--fault", given], cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, "--fault" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
