"""The table from a reply to what is done about it."""

import pytest

from race_assets.http.actions import Action, Actions, Reply, Verdict, looks_like_html

S, R, G, N, L = Action.SUCCESS, Action.RETRY, Action.GIVE_UP, Action.NO_DATA, Action.RELOGIN
PAGE = b"<!DOCTYPE html><title>ngErrorRedirect</title>"


@pytest.mark.parametrize(
    ("status", "action"),
    [(200, S), (206, S), (204, N), (408, R), (425, R), (429, R), (500, R), (502, R), (503, R), (504, R), (599, R)]
    + [
        (status, G)
        for status in (100, 203, 301, 302, 307, 400, 401, 403, 404, 405, 409, 410, 417, 418, 501, 505, 600, 999)
    ],
)
def test_by_status_and_unknown_is_given_up(status: int, action: Action) -> None:
    assert Actions().verdict(Reply(status, {}, b"{}")).action is action


def test_an_api_may_mean_something_else_by_a_status() -> None:
    assert Actions(statuses={404: N}).verdict(Reply(404, {}, b"")).action is N


@pytest.mark.parametrize("action", [G, L, R, S])
def test_a_page_in_place_of_data_is_no_success_unless_the_api_says_so(action: Action) -> None:
    assert Actions(html=action).verdict(Reply(200, {}, PAGE)).action is action


def test_a_page_with_an_error_status_goes_by_its_status() -> None:
    assert Actions(html=L).verdict(Reply(502, {}, PAGE)).action is R


def test_the_body_is_judged_before_the_status() -> None:
    actions = Actions(
        judge=lambda reply: Verdict(L, "has no session", "NO_SESSION") if b"NO_SES" in reply.body else None
    )
    assert actions.verdict(Reply(400, {}, b'"NO_SESSION"')) == Verdict(L, "has no session", "NO_SESSION")
    assert actions.verdict(Reply(200, {}, b"[]")).action is S


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        b"<html><body>Error</body></html>",
        b"\xef\xbb\xbf<!doctype html>",
        b"\xef\xbb\xbf \r\n\t<HTML lang='en'>",
        b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML'>",
        b"<!-- proxy -->\n<html>",
        b"<",
        b"\n<!DocT",
    ],
)
def test_pages_are_told(body: bytes) -> None:
    assert looks_like_html(body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"html": "<html>"}', b"BZh91AY", b"EVENT_ID,MENU_HINT", b"<?xml?><feed/>"]
)
def test_data_is_no_page(body: bytes) -> None:
    assert not looks_like_html(body)


def test_deep_or_broken_json_is_none() -> None:
    assert Reply(200, {}, b"[" * 100_000).document is None
    assert Reply(200, {}, b'{"a":').document is None
    assert Reply(200, {}, b'{"a": [1]}').document == {"a": [1]}
