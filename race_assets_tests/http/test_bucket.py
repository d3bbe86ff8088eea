"""The bucket: never more than its promise in any span, nearly all of its rate, empty at the start."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets.errors import SettingsError
from race_assets.http.bucket import TokenBucket, within
from race_assets.http.timing import Timing
from race_assets_tests.http.server import FakeTime

SLACK = 1e-5
RATES = st.floats(0.1, 500)
BURSTS = st.integers(1, 200)


def most_in_a_span(sent: list[tuple[float, float]], rate: float, burst: float) -> None:
    """Every span that begins and ends with a sending, both included, holds no more than the bucket promises."""
    for first, (begin, _) in enumerate(sent):
        weight = 0.0
        for end, sent_weight in sent[first:]:
            weight += sent_weight
            assert weight <= burst + rate * (end - begin) + SLACK


@given(
    rate=RATES,
    burst=BURSTS,
    steps=st.lists(st.tuples(st.floats(0, 30), st.floats(0.01, 1), st.floats(0, 5)), min_size=1, max_size=60),
)
def test_no_span_of_time_holds_more_than_burst_and_rate(
    rate: float, burst: int, steps: list[tuple[float, float, float]]
) -> None:
    time = FakeTime()
    late = 0.0

    def sleep(seconds: float) -> None:
        time.sleep(seconds + late)

    bucket = TokenBucket(rate, burst, Timing(clock=lambda: time.at, sleep=sleep))
    sent = []
    for idle, share, overslept in steps:
        time.at += idle
        late = overslept
        bucket.take(share * burst)
        sent.append((time.at, share * burst))
    most_in_a_span(sent, rate, burst)


@given(rate=RATES, burst=BURSTS, requests=st.integers(200, 400))
def test_a_saturated_bucket_gives_its_rate(rate: float, burst: int, requests: int) -> None:
    time = FakeTime()
    bucket = TokenBucket(rate, burst, time.timing)
    for _ in range(requests):
        bucket.take()
    assert requests / time.at >= 0.99 * rate


def test_sleeping_too_long_costs_nothing_while_the_burst_has_room() -> None:
    time = FakeTime()
    bucket = TokenBucket(50, 4, Timing(clock=lambda: time.at, sleep=lambda seconds: time.sleep(seconds + 0.03)))
    for _ in range(1000):
        bucket.take()
    assert 1000 / time.at >= 0.99 * 50


def test_it_starts_empty_and_rests_to_its_burst_only(time: FakeTime) -> None:
    bucket = TokenBucket(10, 5, time.timing)
    assert bucket.take() == pytest.approx(0.1)
    time.at += 1000
    assert [bucket.take() for _ in range(5)] == [0] * 5
    assert bucket.take() == pytest.approx(0.1)
    assert bucket.waited_s == pytest.approx(0.2)


def test_weights_count(time: FakeTime) -> None:
    bucket = TokenBucket(10, 5, time.timing)
    assert bucket.take(5) == pytest.approx(0.5)
    assert bucket.take(2.5) == pytest.approx(0.25)


def test_a_weight_that_never_fits_is_told(time: FakeTime) -> None:
    with pytest.raises(SettingsError, match="weighs 6, and burst_size lets 5 through"):
        TokenBucket(10, 5, time.timing).take(6)


def test_a_clock_that_goes_back_gives_nothing(time: FakeTime) -> None:
    bucket = TokenBucket(10, 5, time.timing)
    time.at -= 100
    assert bucket.take() == pytest.approx(0.1)


def test_threads_wait_one_behind_the_other() -> None:
    """Two that slept at once would count on the same tokens."""
    time = FakeTime()
    meeting = threading.Barrier(2)
    met: list[bool] = []

    def sleep(seconds: float) -> None:
        try:
            meeting.wait(0.1)
            met.append(True)
        except threading.BrokenBarrierError:
            time.sleep(seconds)

    bucket = TokenBucket(10, 1, Timing(clock=lambda: time.at, sleep=sleep))
    threads = [threading.Thread(target=bucket.take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []
    assert time.at == pytest.approx(0.2)


def test_it_can_be_emptied(time: FakeTime) -> None:
    bucket = TokenBucket(10, 5, time.timing)
    time.at += 1000
    bucket.empty()
    assert bucket.take() == pytest.approx(0.1)


def test_threads_share_one_promise() -> None:
    time = FakeTime()
    bucket = TokenBucket(100, 3, time.timing)
    sent: list[tuple[float, float]] = []
    guard = threading.Lock()

    def work() -> None:
        for _ in range(25):
            bucket.take()
            with guard:
                sent.append((time.at, 1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each stamp is taken after its turn: it may be late, and the last one cannot be early.
    assert time.at >= (200 - 3) / 100 - SLACK
    assert bucket.waited_s == pytest.approx(time.at)


@given(requests=st.integers(20, 5000), seconds=st.floats(0.5, 3600))
def test_a_window_is_never_overdrawn_and_well_used(requests: int, seconds: float) -> None:
    limit = within(requests, seconds)
    assert limit.burst_size + limit.requests_per_second * seconds <= requests
    assert limit.requests_per_second * seconds >= 0.9 * requests


def test_betfair_never_sees_more_than_100_in_any_10_s() -> None:
    limit = within(100, 10)
    time = FakeTime()
    bucket = TokenBucket(limit.requests_per_second, limit.burst_size, time.timing)
    time.at += 60
    stamps = []
    for _ in range(1000):
        bucket.take()
        stamps.append(time.at)
    assert all(later - earlier > 10 for earlier, later in zip(stamps, stamps[100:], strict=False))
    assert 1000 / (stamps[-1] - 60) >= 9
    assert all(earlier <= later for earlier, later in pairwise(stamps))
