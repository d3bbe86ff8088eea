"""The historic service: filters, ownership, the request limit and the files."""

import bz2
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from race_assets_tests.fake_betfair import FakeBetfair
from race_assets_tests.fake_betfair.streams import MarketFile
from race_assets_tests.waiting import PATIENCE_S

JUNE = {
    "sport": "Greyhound Racing",
    "plan": "Basic Plan",
    "fromDay": 1,
    "fromMonth": 6,
    "fromYear": 2024,
    "toDay": 30,
    "toMonth": 6,
    "toYear": 2024,
}

Owner = dict[str, str]


def ask(betfair: FakeBetfair, owner: Owner, operation: str, **changes: Any) -> requests.Response:
    body = {key: value for key, value in {**JUNE, **changes}.items() if value is not ...}
    return requests.post(f"{betfair.url}/historic/api/{operation}", json=body, headers=owner, timeout=PATIENCE_S)


def listed(betfair: FakeBetfair, owner: Owner, **changes: Any) -> set[str]:
    paths = ask(betfair, owner, "DownloadListOfFiles", **changes).json()
    assert len(paths) == len(set(paths))
    return set(paths)


def download(betfair: FakeBetfair, owner: Owner, path: str, **headers: str) -> requests.Response:
    url = f"{betfair.url}/historic/api/DownloadFile"
    return requests.get(url, params={"filePath": path}, headers={**owner, **headers}, timeout=PATIENCE_S)


def of_june(betfair: FakeBetfair) -> Iterator[MarketFile]:
    return (each for each in betfair.files.values() if each.plan == "BASIC" and each.day.month == 6)


def is_page(answer: requests.Response) -> bool:
    return answer.status_code == 200 and answer.content.startswith(b"<!doctype html>")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_my_data_has_an_element_a_month_and_plan(betfair: FakeBetfair, owner: Owner, method: str) -> None:
    url = f"{betfair.url}/historic/api/GetMyData"
    mine = requests.request(method, url, headers=owner, timeout=PATIENCE_S).json()
    assert {tuple(each) for each in mine} == {("sport", "plan", "forDate", "purchaseItemId")}
    bought = {(each["plan"], each["forDate"]) for each in mine}
    assert {("Basic Plan", "2024-01-01T00:00:00"), ("Advanced Plan", "2024-06-01T00:00:00")} < bought
    assert len({each["purchaseItemId"] for each in mine}) == len(mine)


def test_the_list_is_what_the_filter_says(betfair: FakeBetfair, owner: Owner) -> None:
    june = list(of_june(betfair))
    assert listed(betfair, owner) == {each.path for each in june}
    assert listed(betfair, owner, **{key: str(value) for key, value in JUNE.items()}) == {each.path for each in june}
    win = listed(betfair, owner, marketTypesCollection=["WIN"], fileTypeCollection=["M"])
    assert win == {each.path for each in june if each.market_types == ("WIN",) and each.kind == "M"}
    australian = listed(betfair, owner, countriesCollection=["AU"])
    assert australian == {each.path for each in june if each.country == "AU"}
    event = june[0].event_id
    assert listed(betfair, owner, eventId=event) == {each.path for each in june if each.event_id == event}
    assert listed(betfair, owner, eventName="Kinsley 27th Jun") == listed(betfair, owner, eventId=event)
    assert listed(betfair, owner, fromDay=28) == set()
    assert listed(betfair, owner, fromDay=27, toDay=27) == {each.path for each in june}
    assert listed(betfair, owner, sport="Horse Racing") == set()


def test_options_count_what_the_list_has(betfair: FakeBetfair, owner: Owner) -> None:
    options = ask(betfair, owner, "GetCollectionOptions").json()
    counts = {name: {each["name"]: each["count"] for each in found} for name, found in options.items()}
    june = list(of_june(betfair))
    assert counts["fileTypeCollection"] == Counter(each.kind for each in june)
    single = [each for each in june if each.kind == "M"]
    assert counts["marketTypesCollection"] == Counter(each.market_types[0] for each in single)
    assert counts["countriesCollection"] == Counter(each.country for each in single)
    assert {"WIN", "PLACE", "FORECAST", "TRAP_CHALLENGE"} <= set(counts["marketTypesCollection"])
    size = ask(betfair, owner, "GetAdvBasketDataSize").json()
    assert size == {"totalSizeMB": 1, "fileCount": len(june)}


def test_a_month_that_is_not_owned_has_nothing() -> None:
    with FakeBetfair(owned=[("PRO", 2024, 6)]) as betfair:
        owner = {"ssoid": betfair.token()}
        assert listed(betfair, owner) == set()
        assert ask(betfair, owner, "GetAdvBasketDataSize").json() == {"totalSizeMB": 0, "fileCount": 0}
        options = ask(betfair, owner, "GetCollectionOptions").json()
        empty: dict[str, list[object]] = {
            "marketTypesCollection": [],
            "countriesCollection": [],
            "fileTypeCollection": [],
        }
        assert options == empty
        assert listed(betfair, owner, plan="Pro Plan")
        assert is_page(download(betfair, owner, next(of_june(betfair)).path))


@pytest.mark.parametrize("key", sorted(JUNE))
def test_a_filter_without_a_required_key_gets_a_page(betfair: FakeBetfair, owner: Owner, key: str) -> None:
    assert is_page(ask(betfair, owner, "DownloadListOfFiles", **{key: ...}))


def test_without_a_session_there_is_a_page_with_status_200(betfair: FakeBetfair, owner: Owner) -> None:
    path = next(of_june(betfair)).path
    betfair.clock.advance(hours=12)
    for headers in ({}, {"ssoid": "made-up"}, owner):
        assert is_page(requests.get(f"{betfair.url}/historic/api/GetMyData", headers=headers, timeout=PATIENCE_S))
        assert is_page(ask(betfair, headers, "DownloadListOfFiles"))
        assert is_page(download(betfair, headers, path))


def test_every_file_is_served_as_it_is_and_counted(betfair: FakeBetfair, owner: Owner) -> None:
    paths = list(betfair.files)[:20]
    for path in [*paths, paths[0]]:
        answer = download(betfair, owner, path)
        assert answer.headers["content-filename"] == path.rpartition("/")[2]
        assert answer.content == betfair.files[path].body
        assert answer.content.startswith(b"BZh")
        assert bz2.decompress(answer.content).startswith(b'{"op":"mcm"')
    assert betfair.downloads == Counter([*paths, paths[0]])
    assert is_page(download(betfair, owner, "/xds_nfs/edp_processed/BASIC/2024/Jun/27/1/1.1.bz2"))


def test_a_range_is_ignored_unless_switched_on(betfair: FakeBetfair, owner: Owner) -> None:
    file = next(of_june(betfair))
    ignored = download(betfair, owner, file.path, Range="bytes=100-")
    assert (ignored.status_code, ignored.content) == (200, file.body)
    betfair.historic.ranges = True
    part = download(betfair, owner, file.path, Range="bytes=100-")
    assert (part.status_code, part.content) == (206, file.body[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{len(file.body) - 1}/{len(file.body)}"
    assert download(betfair, owner, file.path, Range="bytes=0-9").content == file.body[:10]
    assert download(betfair, owner, file.path, Range=f"bytes={len(file.body)}-").status_code == 416
    assert (betfair.downloads[file.path], betfair.historic.parts[file.path]) == (1, 2)


def test_over_a_hundred_requests_in_ten_seconds_are_too_many(betfair: FakeBetfair, owner: Owner) -> None:
    seconds = 0.0
    betfair.historic.arrivals.clock = lambda: seconds
    url = f"{betfair.url}/historic/api/GetMyData"
    with requests.Session() as session:
        statuses = [session.get(url, headers=owner, timeout=PATIENCE_S).status_code for _ in range(102)]
        assert statuses == [200] * 100 + [429] * 2
        seconds = 9.9
        assert session.get(url, headers=owner, timeout=PATIENCE_S).status_code == 429
        seconds = 10.0
        assert session.get(url, headers=owner, timeout=PATIENCE_S).status_code == 200
    assert betfair.historic.arrivals.refused == 3


def test_the_limit_is_the_historic_services_own(betfair: FakeBetfair) -> None:
    with requests.Session() as session:
        statuses = {session.get(f"{betfair.url}/betfairsp/prices", timeout=PATIENCE_S).status_code for _ in range(101)}
    assert statuses == {200}
