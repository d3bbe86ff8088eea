"""What Betfair's replies ask for, from the bodies of API_CONTRACTS 2.5 and 3.7."""

import json
from typing import Any

import pytest

from race_assets.http.actions import Action, Reply
from race_assets.sources.betfair.replies import EXCHANGE, HISTORIC

S, R, G, L = Action.SUCCESS, Action.RETRY, Action.GIVE_UP, Action.RELOGIN


def detail(code: str) -> dict[str, Any]:
    told = {"requestUUID": "prdang001-01010101-00000000ab", "errorCode": code, "errorDetails": ""}
    return {"exceptionname": "APINGException", "APINGException": told}


def rpc(code: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": -32099, "message": "ANGX-0003", "data": detail(code)}, "id": 1}


def reply(document: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("TOO_MUCH_DATA", G),
        ("INVALID_INPUT_DATA", G),
        ("INVALID_SESSION_INFORMATION", L),
        ("NO_APP_KEY", G),
        ("NO_SESSION", L),
        ("UNEXPECTED_ERROR", R),
        ("INVALID_APP_KEY", G),
        ("TOO_MANY_REQUESTS", R),
        ("SERVICE_BUSY", R),
        ("TIMEOUT_ERROR", R),
        ("REQUEST_SIZE_EXCEEDS_LIMIT", G),
        ("ACCESS_DENIED", G),
        ("SOMETHING_NEW", G),
    ],
)
def test_exchange_errors_in_both_forms(code: str, action: Action) -> None:
    fault = {"faultcode": "Client", "faultstring": "ANGX-0003", "detail": detail(code)}
    for told in (EXCHANGE.verdict(reply(rpc(code))), EXCHANGE.verdict(reply(fault, 400))):
        assert (told.action, told.code) == (action, code)
        assert told.reason.startswith(f"answered {code}: ")


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({"faultcode": "Client", "faultstring": "DSC-0018", "detail": {}}, 400, "DSC-0018"),
        ({"faultcode": "Client", "faultstring": "DSC-0021", "detail": {}}, 404, "DSC-0021"),
        ({"jsonrpc": "2.0", "error": {"code": -32601, "message": "DSC-0021"}, "id": 1}, 200, "JSON-RPC -32601"),
        (
            {"jsonrpc": "2.0", "error": {"code": -32099, "data": {"APINGException": []}}, "id": 1},
            200,
            "JSON-RPC -32099",
        ),
    ],
)
def test_faults_without_a_detail_are_given_up(document: Any, status: int, code: str) -> None:
    told = EXCHANGE.verdict(reply(document, status))
    assert (told.action, told.code) == (G, code)


def test_a_batch_goes_by_its_worst() -> None:
    fine = {"jsonrpc": "2.0", "result": [], "id": 0}
    assert EXCHANGE.verdict(reply([fine, fine])).action is S
    assert EXCHANGE.verdict(reply([fine, rpc("SERVICE_BUSY")])).action is R
    assert EXCHANGE.verdict(reply([rpc("SERVICE_BUSY"), rpc("NO_SESSION")])).action is L
    assert EXCHANGE.verdict(reply([rpc("SERVICE_BUSY"), rpc("NO_SESSION"), rpc("ACCESS_DENIED")])).action is G


@pytest.mark.parametrize(
    "document", [[], [{"marketId": "1.234", "error": "a name"}], {"error": None}, {"result": 1}, 5]
)
def test_a_result_is_no_error(document: Any) -> None:
    assert EXCHANGE.verdict(reply(document)).action is S


def test_an_error_without_a_body_of_theirs_goes_by_its_status() -> None:
    assert EXCHANGE.verdict(Reply(502, {}, b"<html>Bad gateway")).action is R
    assert EXCHANGE.verdict(reply([], 400)).action is G


def test_a_page_of_the_historic_data_is_a_session_that_has_ended() -> None:
    assert HISTORIC.verdict(Reply(200, {}, b"<!doctype html><title>ngErrorRedirect</title>Error")).action is L
    assert HISTORIC.verdict(Reply(200, {}, b"BZh91AY")).action is S
    assert HISTORIC.verdict(Reply(429, {}, b"")).action is R
    assert HISTORIC.verdict(Reply(403, {}, b"")).action is G
