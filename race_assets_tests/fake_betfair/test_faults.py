"""Every fault as a client meets it, alone, counted and together."""

import gzip
import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from race_assets_tests.fake_betfair import FakeBetfair, faults
from race_assets_tests.fake_betfair.identity import APP_KEY, PASSWORD, USERNAME
from race_assets_tests.waiting import PATIENCE_S

LONG = 60.0  # seconds nobody waits

Owner = dict[str, str]


def my_data(betfair: FakeBetfair, owner: Owner, timeout: float = PATIENCE_S, **more: Any) -> requests.Response:
    return requests.get(f"{betfair.url}/historic/api/GetMyData", headers=owner, timeout=timeout, **more)


def download(betfair: FakeBetfair, owner: Owner, timeout: float = PATIENCE_S) -> requests.Response:
    path = next(iter(betfair.files))
    url = f"{betfair.url}/historic/api/DownloadFile"
    return requests.get(url, params={"filePath": path}, headers=owner, timeout=timeout)


def body(betfair: FakeBetfair) -> bytes:
    return next(iter(betfair.files.values())).body


def test_a_few_5xx_then_success(betfair: FakeBetfair, owner: Owner) -> None:
    fault = betfair.fault("GetMyData", faults.status(503, times=2))
    assert [my_data(betfair, owner).status_code for _ in range(4)] == [503, 503, 200, 200]
    assert fault.fired == 2
    log = [(each.route, each.status, each.faults, each.token) for each in betfair.requests]
    bad, good = ("GetMyData", 503, ("status",), owner["ssoid"]), ("GetMyData", 200, (), owner["ssoid"])
    assert log == [bad, bad, good, good]
    assert betfair.requests[0].at <= betfair.requests[-1].at


def test_a_service_behind_a_fault_is_not_asked(betfair: FakeBetfair) -> None:
    betfair.fault("login", faults.status(503, times=1))
    form = {"username": USERNAME, "password": PASSWORD}
    headers = {"X-Application": APP_KEY, "Accept": "application/json"}
    url = f"{betfair.url}/identity/api/login"
    statuses = [requests.post(url, data=form, headers=headers, timeout=PATIENCE_S).status_code for _ in range(2)]
    assert (statuses, betfair.identity.logins) == ([503, 200], 1)


def test_a_fault_is_on_its_own_route_only(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("DownloadFile", faults.status(500))
    assert my_data(betfair, owner).status_code == 200
    assert download(betfair, owner).status_code == 500
    betfair.faults.clear("DownloadFile")
    betfair.fault(faults.ANY, faults.status(502, times=1, after=1))
    assert [download(betfair, owner).status_code, my_data(betfair, owner).status_code] == [200, 502]
    with pytest.raises(ValueError, match="no route"):
        betfair.fault("DownloadFiles", faults.reset())


def test_a_reset_connection(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("GetMyData", faults.reset(times=1))
    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        my_data(betfair, owner)
    assert my_data(betfair, owner).status_code == 200
    assert [each.status for each in betfair.requests] == [None, 200]


@pytest.mark.parametrize("at_byte", [None, 0, 100])
def test_a_truncated_body(betfair: FakeBetfair, owner: Owner, at_byte: int | None) -> None:
    betfair.fault("DownloadFile", faults.truncate(at_byte, times=1))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        download(betfair, owner)
    assert not betfair.downloads
    assert not betfair.requests[0].complete
    assert download(betfair, owner).content == body(betfair)
    assert set(betfair.downloads.values()) == {1}


def test_a_body_cut_at_a_byte(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("DownloadFile", faults.cut(300, times=1))
    answer = download(betfair, owner)
    assert answer.headers["Content-Length"] == "300"
    assert answer.content == body(betfair)[:300]
    assert not betfair.downloads


def test_a_page_instead_of_data(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault(faults.ANY, faults.page(times=2))
    for answer in (my_data(betfair, owner), download(betfair, owner)):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.content.startswith(b"<!doctype html>")


def test_too_many_with_and_without_retry_after(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("GetMyData", faults.too_many(times=1))
    betfair.fault("GetMyData", faults.too_many(times=1, retry_after="seconds", seconds=7))
    betfair.fault("GetMyData", faults.too_many(times=1, retry_after="date", seconds=7))
    answers = [my_data(betfair, owner) for _ in range(4)]
    assert [each.status_code for each in answers] == [429, 429, 429, 200]
    assert "Retry-After" not in answers[0].headers
    assert answers[1].headers["Retry-After"] == "7"
    wait = parsedate_to_datetime(answers[2].headers["Retry-After"]) - parsedate_to_datetime(answers[2].headers["Date"])
    assert 6 <= wait.total_seconds() <= 8


def test_latency_and_drip_outlast_a_read_timeout_and_hold_nothing_up(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("GetMyData", faults.latency(LONG))
    with pytest.raises(requests.exceptions.ReadTimeout):
        my_data(betfair, owner, timeout=0.2)
    betfair.fault("DownloadFile", faults.drip(LONG))
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        download(betfair, owner, timeout=0.2)
    assert not betfair.downloads
    # Stopping, after this test, waits for neither.


def test_a_drip_comes_to_the_whole(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("DownloadFile", faults.drip(0.001, chunk=100))
    assert download(betfair, owner).content == body(betfair)


def test_a_token_that_expires_after_some_calls(betfair: FakeBetfair, owner: Owner) -> None:
    betfair.fault("DownloadFile", faults.expire(after=2))
    kinds = [download(betfair, owner).content[:3] for _ in range(3)]
    assert kinds == [b"BZh", b"BZh", b"<!d"]
    assert not betfair.identity.is_valid(owner["ssoid"])
    assert download(betfair, {"ssoid": betfair.token()}).content == body(betfair)


def test_a_token_that_expires_on_the_exchange(betfair: FakeBetfair) -> None:
    betfair.fault("listEvents", faults.expire())
    headers = {"X-Application": APP_KEY, "X-Authentication": betfair.token()}
    call = {"jsonrpc": "2.0", "method": "SportsAPING/v1.0/listEvents", "params": {"filter": {}}, "id": 1}
    url = f"{betfair.url}/exchange/betting/json-rpc/v1"
    told = requests.post(url, json=call, headers=headers, timeout=PATIENCE_S).json()
    assert told["error"]["data"]["APINGException"]["errorCode"] == "INVALID_SESSION_INFORMATION"


def test_gzip(betfair: FakeBetfair, owner: Owner) -> None:
    plain = my_data(betfair, owner)
    betfair.fault("GetMyData", faults.gzipped())
    with my_data(betfair, owner, stream=True) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        raw = answer.raw.read()
    assert gzip.decompress(raw) == plain.content
    assert my_data(betfair, owner).json() == plain.json()


def test_entries_that_come_twice(betfair: FakeBetfair, owner: Owner) -> None:
    once = my_data(betfair, owner).json()
    betfair.fault("GetMyData", faults.duplicate())
    twice = my_data(betfair, owner).json()
    assert len(twice) == len(once) + (len(once) + 1) // 2
    assert [each for at, each in enumerate(twice) if each not in twice[:at]] == once


def test_a_seeded_share_fails(betfair: FakeBetfair, owner: Owner) -> None:
    def statuses(seed: int) -> list[int]:
        betfair.faults.clear()
        betfair.fault("GetMyData", faults.sometimes(0.4, seed=seed))
        return [my_data(betfair, owner).status_code for _ in range(20)]

    first = statuses(1)
    assert set(first) == {200, 500}
    assert statuses(1) == first != statuses(2)


def test_faults_together(betfair: FakeBetfair, owner: Owner) -> None:
    """Two refusals, then a slow answer that is cut short, then a whole one: each waits for its turn."""
    betfair.fault("DownloadFile", faults.latency(0.001))
    betfair.fault("DownloadFile", faults.truncate(50, times=1))
    betfair.fault("DownloadFile", faults.status(503, times=1))
    betfair.fault("DownloadFile", faults.page(times=1))
    assert download(betfair, owner).status_code == 503
    assert download(betfair, owner).content.startswith(b"<!doctype")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        download(betfair, owner)
    assert download(betfair, owner).content == body(betfair)
    told = [each.faults for each in betfair.requests]
    assert told == [("latency", "status"), ("latency", "page"), ("latency", "truncate"), ("latency",)]


def test_the_same_request_is_spared_after_so_many_failures_and_the_faults_wait_for_another(
    betfair: FakeBetfair, owner: Owner
) -> None:
    betfair.faults.mercy = 2
    refused = betfair.fault("*", faults.status(503, times=4))
    assert [my_data(betfair, owner).status_code for _ in range(4)] == [503, 503, 200, 200]
    assert refused.fired == 2
    assert [download(betfair, owner).status_code for _ in range(3)] == [503, 503, 200]


def test_a_connection_is_kept_over_faults(betfair: FakeBetfair) -> None:
    betfair.fault("bsp-index", faults.status(503, times=1))
    connection = http.client.HTTPConnection("127.0.0.1", betfair.port, timeout=PATIENCE_S)
    sockets = set()
    with closing(connection):
        for expected in (503, 200, 200):
            connection.request("GET", "/betfairsp/prices")
            answer = connection.getresponse()
            assert (answer.status, len(answer.read()) > 0) == (expected, True)
            sockets.add(connection.sock)
    assert len(sockets) == 1


def test_many_clients_at_once(betfair: FakeBetfair, owner: Owner) -> None:
    fault = betfair.fault("DownloadFile", faults.status(503, times=7))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: download(betfair, owner).status_code, range(60)))
    assert (answers.count(503), answers.count(200)) == (7, 53)
    assert (fault.fired, len(betfair.requests), betfair.downloads.total()) == (7, 60, 53)
