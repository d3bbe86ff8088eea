"""The betting API: catalogue, books, limits and errors in both protocols."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from race_assets_tests.fake_betfair import FakeBetfair
from race_assets_tests.fake_betfair.identity import APP_KEY
from race_assets_tests.waiting import PATIENCE_S

ALL = {"filter": {"eventTypeIds": ["4339"]}}


def headers(betfair: FakeBetfair, **changes: str) -> dict[str, str]:
    given = {"X-Application": APP_KEY, "X-Authentication": betfair.token(), "Content-Type": "application/json"}
    return {**given, **changes}


def rest(betfair: FakeBetfair, operation: str, params: Any, **changes: str) -> requests.Response:
    url = f"{betfair.url}/exchange/betting/rest/v1.0/{operation}/"
    return requests.post(url, json=params, headers=headers(betfair, **changes), timeout=PATIENCE_S)


def rpc(betfair: FakeBetfair, body: Any, **changes: str) -> Any:
    url = f"{betfair.url}/exchange/betting/json-rpc/v1"
    answer = requests.post(url, json=body, headers=headers(betfair, **changes), timeout=PATIENCE_S)
    assert answer.status_code == 200
    return answer.json()


def call(operation: str, params: Any, number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": f"SportsAPING/v1.0/{operation}", "params": params, "id": number}


def error(answer: requests.Response) -> str:
    assert answer.status_code == 400
    told = answer.json()
    assert told["faultcode"] == "Client"
    assert told["detail"]["exceptionname"] == "APINGException"
    return str(told["detail"]["APINGException"]["errorCode"])


def market(betfair: FakeBetfair, case: str, at: int = 0) -> str:
    return betfair.shelf.case(case)[at].expected[0].market_id


def test_events_are_those_with_open_markets(betfair: FakeBetfair) -> None:
    events = rest(betfair, "listEvents", ALL).json()
    kinsley = next(each for each in events if each["event"]["name"] == "Kinsley 27th Jun")
    # The void PLACE market closed before noon.
    assert kinsley["marketCount"] == 21
    assert set(kinsley["event"]) == {"id", "name", "countryCode", "timezone", "venue", "openDate"}
    assert "Murray Bridge (AUS) 27th Jun" not in {each["event"]["name"] for each in events}
    challenge = next(each for each in events if each["event"]["name"].startswith("Trap Challenge"))
    assert "venue" not in challenge["event"]
    assert rpc(betfair, call("listEvents", ALL))["result"] == events


def test_catalogue_tells_what_was_asked_for(betfair: FakeBetfair) -> None:
    wanted = {"filter": {"marketIds": [market(betfair, "plain")]}, "maxResults": 10}
    (bare,) = rest(betfair, "listMarketCatalogue", wanted).json()
    assert set(bare) == {"marketId", "marketName", "totalMatched"}
    projection = ["EVENT", "EVENT_TYPE", "MARKET_START_TIME", "MARKET_DESCRIPTION", "RUNNER_METADATA"]
    (full,) = rest(betfair, "listMarketCatalogue", {**wanted, "marketProjection": projection}).json()
    assert full["marketStartTime"] == full["description"]["marketTime"] == "2024-06-27T13:36:00.000Z"
    assert full["eventType"] == {"id": "4339", "name": "Greyhound Racing"}
    runners = betfair.shelf.case("plain")[0].expected[0].runners
    names = [f"{each.trap}. {each.name}" for each in runners]
    assert [each["runnerName"] for each in full["runners"]] == names
    assert [each["metadata"] for each in full["runners"]] == [{"runnerId": str(each.selection_id)} for each in runners]


def test_filter_and_sort(betfair: FakeBetfair) -> None:
    params = {
        "filter": {
            "venues": ["Kinsley"],
            "marketTypeCodes": ["WIN"],
            "marketStartTime": {"from": "2024-06-27T14:00:00Z", "to": "2024-06-27T15:00:00Z"},
        },
        "marketProjection": ["MARKET_START_TIME"],
        "sort": "FIRST_TO_START",
        "maxResults": 1000,
    }
    found = [each["marketStartTime"][11:16] for each in rest(betfair, "listMarketCatalogue", params).json()]
    assert found == ["14:12", "14:30", "14:48"]
    params |= {"sort": "LAST_TO_START", "maxResults": 2}
    found = [each["marketStartTime"][11:16] for each in rest(betfair, "listMarketCatalogue", params).json()]
    assert found == ["14:48", "14:30"]


def test_a_market_lives_by_the_clock(betfair: FakeBetfair) -> None:
    market_id, expected = market(betfair, "plain"), betfair.shelf.case("plain")[0].expected[0]
    params = {"marketIds": [market_id], "priceProjection": {"priceData": ["EX_BEST_OFFERS", "EX_TRADED"]}}
    betfair.clock.set(datetime(2024, 6, 27, 13, 35, tzinfo=UTC))
    (book,) = rest(betfair, "listMarketBook", params).json()
    assert (book["status"], book["inplay"], book["isMarketDataDelayed"]) == ("OPEN", False, False)
    runner = book["runners"][0]
    assert len(runner["ex"]["availableToBack"]) == len(runner["ex"]["availableToLay"]) == 3
    assert runner["ex"]["availableToBack"][0]["price"] < runner["ex"]["availableToLay"][0]["price"]
    traded = round(sum(each["size"] for each in runner["ex"]["tradedVolume"]), 2)
    assert runner["totalMatched"] == traded > 0
    assert expected.off is not None
    betfair.clock.set(expected.off)
    assert rest(betfair, "listMarketBook", params).json()[0]["status"] == "SUSPENDED"
    betfair.clock.advance(minutes=5)
    (book,) = rest(betfair, "listMarketBook", params).json()
    assert (book["status"], book["numberOfActiveRunners"]) == ("CLOSED", 0)
    assert [each["status"] for each in book["runners"]] == [each.result for each in expected.runners]
    assert "ex" not in book["runners"][0]
    assert int(book["runners"][0]["sp"]["actualSP"] * 100) == int((expected.runners[0].bsp or 0) * 100)
    catalogue = {"filter": {"marketIds": [market_id]}, "maxResults": 1}
    assert rest(betfair, "listMarketCatalogue", catalogue).json() == []


def test_a_call_that_mixes_open_and_closed_gets_the_open(betfair: FakeBetfair) -> None:
    void, plain = market(betfair, "void_place", 1), market(betfair, "plain")
    assert [each["marketId"] for each in rest(betfair, "listMarketBook", {"marketIds": [void, plain]}).json()] == [
        plain
    ]
    (closed,) = rest(betfair, "listMarketBook", {"marketIds": [void]}).json()
    assert {each["status"] for each in closed["runners"]} == {"REMOVED"}


def test_a_delayed_key_has_no_traded_volume(betfair: FakeBetfair) -> None:
    betfair.exchange.delayed = True
    params = {"marketIds": [market(betfair, "plain")], "priceProjection": {"priceData": ["EX_TRADED"]}}
    (book,) = rest(betfair, "listMarketBook", params).json()
    assert book["isMarketDataDelayed"]
    assert "ex" not in book["runners"][0]


@pytest.mark.parametrize(
    ("data", "most"),
    [
        ([], 100),
        (["SP_AVAILABLE"], 66),
        (["EX_BEST_OFFERS"], 40),
        (["EX_BEST_OFFERS", "SP_AVAILABLE"], 25),
        (["EX_BEST_OFFERS", "EX_TRADED"], 10),
        (["EX_ALL_OFFERS", "EX_TRADED"], 6),
        (["EX_BEST_OFFERS", "EX_TRADED", "SP_AVAILABLE"], 8),
    ],
)
def test_books_are_limited_by_weight(betfair: FakeBetfair, data: list[str], most: int) -> None:
    ids = [f"1.{number}" for number in range(most + 1)]
    projection = {"priceData": data}
    good = rest(betfair, "listMarketBook", {"marketIds": ids[:most], "priceProjection": projection})
    assert good.status_code == 200
    over = rest(betfair, "listMarketBook", {"marketIds": ids, "priceProjection": projection})
    assert error(over) == "TOO_MUCH_DATA"


def test_deeper_offers_weigh_more(betfair: FakeBetfair) -> None:
    projection = {"priceData": ["EX_BEST_OFFERS"], "exBestOffersOverrides": {"bestPricesDepth": 6}}
    ids = [f"1.{number}" for number in range(21)]
    assert rest(betfair, "listMarketBook", {"marketIds": ids[:20], "priceProjection": projection}).status_code == 200
    assert error(rest(betfair, "listMarketBook", {"marketIds": ids, "priceProjection": projection})) == "TOO_MUCH_DATA"


@pytest.mark.parametrize(
    ("projection", "most"),
    [([], 1000), (["MARKET_DESCRIPTION"], 200), (["MARKET_DESCRIPTION", "RUNNER_METADATA"], 100)],
)
def test_catalogues_are_limited_by_what_could_come_back(betfair: FakeBetfair, projection: list[str], most: int) -> None:
    params = {**ALL, "marketProjection": projection, "maxResults": most}
    assert rest(betfair, "listMarketCatalogue", params).status_code == 200
    code = "INVALID_INPUT_DATA" if most == 1000 else "TOO_MUCH_DATA"
    assert error(rest(betfair, "listMarketCatalogue", {**params, "maxResults": most + 1})) == code


def test_at_most_250_ids(betfair: FakeBetfair) -> None:
    ids = [f"1.{number}" for number in range(251)]
    assert error(rest(betfair, "listMarketBook", {"marketIds": ids})) == "REQUEST_SIZE_EXCEEDS_LIMIT"
    catalogue = {"filter": {"marketIds": ids}, "maxResults": 1}
    assert error(rest(betfair, "listMarketCatalogue", catalogue)) == "REQUEST_SIZE_EXCEEDS_LIMIT"


@pytest.mark.parametrize(
    ("changes", "code", "number"),
    [
        ({"X-Application": ""}, "NO_APP_KEY", "ANGX-0004"),
        ({"X-Application": "other"}, "INVALID_APP_KEY", "ANGX-0007"),
        ({"X-Authentication": ""}, "NO_SESSION", "ANGX-0005"),
        ({"X-Authentication": "made-up"}, "INVALID_SESSION_INFORMATION", "ANGX-0003"),
    ],
)
def test_who_may_not_ask(betfair: FakeBetfair, changes: dict[str, str], code: str, number: str) -> None:
    answer = rest(betfair, "listEvents", ALL, **changes)
    assert error(answer) == code
    assert answer.json()["faultstring"] == number
    told = rpc(betfair, call("listEvents", ALL, 7), **changes)
    assert (told["id"], told["error"]["code"], told["error"]["message"]) == (7, -32099, number)
    assert told["error"]["data"]["APINGException"]["errorCode"] == code


def test_gateway_faults(betfair: FakeBetfair) -> None:
    missing = rest(betfair, "listMarketCatalogue", ALL)
    expected = {"faultcode": "Client", "faultstring": "DSC-0018", "detail": {}}
    assert (missing.status_code, missing.json()) == (400, expected)
    unknown = rest(betfair, "listNothing", ALL)
    assert (unknown.status_code, unknown.json()["faultstring"]) == (404, "DSC-0021")
    assert rpc(betfair, call("listNothing", ALL))["error"]["code"] == -32601
    assert rpc(betfair, call("listEvents", None))["error"]["code"] == -32602
    assert rest(betfair, "listEvents", ALL, **{"Content-Type": "text/plain"}).status_code == 415
    url = f"{betfair.url}/exchange/betting/json-rpc/v1"
    broken = requests.post(url, data=b"{", headers=headers(betfair), timeout=PATIENCE_S).json()
    assert broken["error"]["code"] == -32700


def test_a_batch_is_answered_call_by_call(betfair: FakeBetfair) -> None:
    calls = [call("listEvents", ALL, 1), call("listMarketCatalogue", ALL, 2)]
    good, bad = rpc(betfair, calls)
    assert (good["id"], bad["id"]) == (1, 2)
    assert "result" in good
    assert "error" in bad
    assert betfair.requests[-1].operations == ("listEvents", "listMarketCatalogue")


def test_expect_100_continue_is_refused(betfair: FakeBetfair) -> None:
    assert rest(betfair, "listEvents", ALL, Expect="100-continue").status_code == 417
    assert [(each.route, each.status) for each in betfair.requests] == [("rest", 417)]
