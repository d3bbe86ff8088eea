"""Next ticks of schedules are those of Dagster's own daemon, clocks that change included."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from dagster._utils.schedules import cron_string_iterator
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.values.cron import next_ticks

CRONS = [
    "0 2 * * *", "*/5 8-22 * * *", "30 1 * * *", "30 2 * * *", "15 * * * *", "*/20 * * * *", "0 3 * * mon",
    "0 3 * * 1-5", "59 23 * * 7", "30 2 * * sun", "0 4 1 * *", "0 4 31 * *", "0 4 L * *", "0 6 1,15 * 3",
    "5 4 * jan-mar *", "0 0 29 2 *", "0 9-17/2 * * mon,wed", "0,30 7 * * *", "0 5 */2 * *", "10 */3 * * *",
]  # fmt: skip
ZONES = ["Europe/London", "Australia/Sydney", "Pacific/Auckland", "America/New_York", "UTC"]
CHANGES = [
    ("Europe/London", datetime(2024, 3, 31, 0, 0, tzinfo=UTC)),
    ("Europe/London", datetime(2024, 10, 26, 23, 0, tzinfo=UTC)),
    ("Australia/Sydney", datetime(2024, 10, 5, 15, 0, tzinfo=UTC)),
    ("Australia/Sydney", datetime(2024, 4, 6, 14, 0, tzinfo=UTC)),
]


def of_dagster(cron: str, zone: str, after: datetime, count: int) -> list[float]:
    return [tick.timestamp() for tick in islice(cron_string_iterator(after.timestamp(), cron, zone), count)]


@given(
    cron=st.sampled_from(CRONS),
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - made UTC
)
@settings(max_examples=200)
def test_ticks_are_dagsters(cron: str, zone: str, after: datetime) -> None:
    assert [tick.timestamp() for tick in next_ticks(cron, zone, after, 4)] == of_dagster(cron, zone, after, 4)


@pytest.mark.parametrize("cron", [*CRONS, "0 1 * * *", "*/15 1 * * *", "0 2,3 * * *"])
@pytest.mark.parametrize(("zone", "after"), CHANGES, ids=str)
def test_ticks_are_dagsters_where_clocks_change(cron: str, zone: str, after: datetime) -> None:
    assert [tick.timestamp() for tick in next_ticks(cron, zone, after, 4)] == of_dagster(cron, zone, after, 4)


def test_a_tick_is_told_in_its_own_zone() -> None:
    after = datetime(2024, 6, 27, 12, 0, tzinfo=UTC)
    (tick,) = next_ticks("0 2 * * *", "Europe/London", after, 1)
    assert tick.isoformat() == "2024-06-28T02:00:00+01:00"


def test_a_day_that_never_comes_has_no_ticks() -> None:
    assert next_ticks("0 2 30 feb *", "UTC", datetime(2024, 1, 1, tzinfo=UTC), 3) == []


@pytest.mark.parametrize(
    "cron", ["0 2 * *", "60 2 * * *", "0 24 * * *", "0 2 * * funday", "0 2 0 * *", "0 5-3 * * *", "x"]
)
def test_what_is_no_cron_is_named(cron: str) -> None:
    with pytest.raises(ValueError, match=cron.replace("*", r"\*")):
        next_ticks(cron, "UTC", datetime(2024, 1, 1, tzinfo=UTC), 1)
