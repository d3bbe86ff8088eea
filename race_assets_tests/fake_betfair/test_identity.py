"""The identity service: what it says to good and bad logins, and for how long a session lasts."""

from typing import Any

import pytest
import requests

from race_assets_tests.fake_betfair import FakeBetfair
from race_assets_tests.fake_betfair.identity import APP_KEY, CERTIFICATE_HEADER, PASSWORD, USERNAME
from race_assets_tests.waiting import PATIENCE_S

JSON = {"Accept": "application/json"}
NO_SESSION = {"token": "", "product": APP_KEY, "status": "FAIL", "error": "NO_SESSION"}


def log_in(betfair: FakeBetfair, password: str = PASSWORD, **headers: str) -> requests.Response:
    return requests.post(
        f"{betfair.url}/identity/api/login",
        data={"username": USERNAME, "password": password},
        headers={**JSON, "X-Application": APP_KEY, **headers},
        timeout=PATIENCE_S,
    )


def cert_log_in(betfair: FakeBetfair, password: str = PASSWORD, **headers: str) -> Any:
    return requests.post(
        f"{betfair.url}/identity-cert/api/certlogin",
        data={"username": USERNAME, "password": password},
        headers={**JSON, "X-Application": APP_KEY, **headers},
        timeout=PATIENCE_S,
    ).json()


def with_token(betfair: FakeBetfair, name: str, token: str, method: str = "POST") -> Any:
    headers = {**JSON, "X-Application": APP_KEY, "X-Authentication": token}
    return requests.request(method, f"{betfair.url}/identity/api/{name}", headers=headers, timeout=PATIENCE_S).json()


def test_a_good_login_gives_a_new_token_each_time(betfair: FakeBetfair) -> None:
    first, second = log_in(betfair), log_in(betfair)
    assert first.status_code == 200
    assert first.json() == {**first.json(), "status": "SUCCESS", "error": "", "product": APP_KEY}
    assert first.json()["token"] != second.json()["token"]
    assert betfair.identity.logins == 2
    assert betfair.identity.is_valid(first.json()["token"])


def test_a_bad_password_is_told_in_the_body_and_shown_in_no_log(betfair: FakeBetfair) -> None:
    answer = log_in(betfair, "wrong")
    expected = {"token": "", "product": APP_KEY, "status": "FAIL", "error": "INVALID_USERNAME_OR_PASSWORD"}
    assert (answer.status_code, answer.json()) == (200, expected)
    assert (betfair.identity.logins, betfair.identity.failures) == (0, 1)
    assert betfair.requests[0].params == {"username": USERNAME, "password": "***"}


def test_without_accept_json_there_is_a_page(betfair: FakeBetfair) -> None:
    answer = log_in(betfair, Accept="*/*")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!doctype html>")


def test_only_a_form_is_read(betfair: FakeBetfair) -> None:
    headers = {**JSON, "X-Application": APP_KEY}
    body = {"username": USERNAME, "password": PASSWORD}
    answer = requests.post(f"{betfair.url}/identity/api/login", json=body, headers=headers, timeout=PATIENCE_S)
    assert answer.json()["error"] == "INPUT_VALIDATION_ERROR"


def test_certlogin_has_names_of_its_own(betfair: FakeBetfair) -> None:
    good = cert_log_in(betfair)
    assert set(good) == {"sessionToken", "loginStatus"}
    assert good["loginStatus"] == "SUCCESS"
    assert cert_log_in(betfair, "wrong") == {"loginStatus": "INVALID_USERNAME_OR_PASSWORD"}
    betfair.identity.needs_certificate = True
    assert cert_log_in(betfair) == {"loginStatus": "CERT_AUTH_REQUIRED"}
    assert cert_log_in(betfair, **{CERTIFICATE_HEADER: "ours"})["loginStatus"] == "SUCCESS"


def test_account_errors_and_limited_access(betfair: FakeBetfair) -> None:
    betfair.identity.refusal = "KYC_SUSPEND"
    assert log_in(betfair).json()["error"] == "KYC_SUSPEND"
    betfair.identity.refusal, betfair.identity.limited = None, "TERMS_AND_CONDITIONS"
    told = log_in(betfair).json()
    assert (told["status"], told["error"], bool(told["token"])) == ("LIMITED_ACCESS", "TERMS_AND_CONDITIONS", True)


def test_over_a_hundred_logins_a_minute_are_banned_for_twenty(betfair: FakeBetfair) -> None:
    tokens = [cert_log_in(betfair)["sessionToken"] for _ in range(100)]
    assert cert_log_in(betfair) == {"loginStatus": "TEMPORARY_BAN_TOO_MANY_REQUESTS"}
    betfair.clock.advance(minutes=19)
    assert log_in(betfair).json()["error"] == "TEMPORARY_BAN_TOO_MANY_REQUESTS"
    assert with_token(betfair, "keepAlive", tokens[0])["status"] == "SUCCESS"
    betfair.clock.advance(minutes=1)
    assert log_in(betfair).json()["status"] == "SUCCESS"
    assert betfair.identity.logins == 101


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_keep_alive_starts_the_session_anew(betfair: FakeBetfair, method: str) -> None:
    token = log_in(betfair).json()["token"]
    betfair.clock.advance(hours=11)
    expected = {"token": token, "product": APP_KEY, "status": "SUCCESS", "error": ""}
    assert with_token(betfair, "keepAlive", token, method) == expected
    betfair.clock.advance(hours=11)
    assert betfair.identity.is_valid(token)
    betfair.clock.advance(hours=1)
    assert with_token(betfair, "keepAlive", token, method) == NO_SESSION


def test_keep_alive_may_give_another_token(betfair: FakeBetfair) -> None:
    betfair.identity.rotates = True
    old = betfair.token()
    new = with_token(betfair, "keepAlive", old)["token"]
    assert (betfair.identity.is_valid(old), betfair.identity.is_valid(new)) == (False, True)


def test_logout_ends_the_session(betfair: FakeBetfair) -> None:
    token = betfair.token()
    assert with_token(betfair, "logout", token)["status"] == "SUCCESS"
    assert with_token(betfair, "logout", token) == NO_SESSION
