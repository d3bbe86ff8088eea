"""Retries: how long, how often, until when, and what Retry-After says."""

from datetime import UTC, datetime
from email.utils import format_datetime
from time import tzset

import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets.errors import ApiUnavailableError
from race_assets.http.retry import Retries, RetryPolicy, retry_after_s
from race_assets_tests.http.server import EPOCH, FakeTime

POLICY = RetryPolicy(attempts=6, base_s=1, cap_s=5, deadline_s=100)


def date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(EPOCH + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(("chance", "pauses"), [(1.0, [1, 2, 4, 5, 5]), (0.5, [0.5, 1, 2, 2.5, 2.5]), (0, [0] * 5)])
def test_pauses_are_a_random_part_of_a_ceiling_that_doubles_to_the_cap(chance: float, pauses: list[float]) -> None:
    time = FakeTime(chance)
    retries = Retries(POLICY, time.timing)
    for _ in pauses:
        retries.pause("GET x", "answered 503")
    assert time.slept == pauses
    with pytest.raises(ApiUnavailableError, match="GET x answered 503; tried 6 times in"):
        retries.pause("GET x", "answered 503")


def test_what_the_server_asks_for_is_never_cut_short(time: FakeTime) -> None:
    retries = Retries(POLICY, time.timing)
    assert retries.pause("GET x", "answered 429", 30) == 30
    assert retries.pause("GET x", "answered 429", 0.1) == 1


@pytest.mark.parametrize("asked", [100.5, 1e15])
def test_a_pause_beyond_the_deadline_is_not_begun(asked: float, time: FakeTime) -> None:
    with pytest.raises(ApiUnavailableError, match="asks for a pause of"):
        Retries(POLICY, time.timing).pause("GET x", "answered 429", asked)
    assert time.slept == []


@given(chance=st.floats(0, 1), spent=st.lists(st.floats(0, 60), max_size=10))
def test_no_try_begins_after_the_deadline(chance: float, spent: list[float]) -> None:
    time = FakeTime(chance)
    retries = Retries(RetryPolicy(attempts=1000, base_s=1, cap_s=20, deadline_s=60), time.timing)
    try:
        for seconds in spent:
            time.at += seconds
            retries.pause("GET x", "answered 503")
            assert time.at <= 60
    except ApiUnavailableError:
        assert time.at >= 60 - 20


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 120 "}, 120),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "1.5"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "\u0663"}, 0),
        ({"Retry-After": date(90)}, 90),
        ({"Retry-After": date(-90)}, 0),
        ({"Retry-After": date(90).replace("GMT", "-0000")}, 90),
        ({"Retry-After": date(1000), "Date": date(940)}, 60),
        ({"Retry-After": date(30), "Date": "yesterday"}, 30),
        ({"Retry-After": "Wed, 99 Foo 2026 99:99:99 GMT"}, 0),
    ],
)
def test_retry_after_in_both_forms(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers, EPOCH) == seconds


def test_a_date_without_a_zone_is_utc_wherever_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Australia/Sydney")
    tzset()
    try:
        assert retry_after_s({"Retry-After": date(90).replace("GMT", "-0000")}, EPOCH) == 90
    finally:
        monkeypatch.undo()
        tzset()
