"""Dates in the names of files, as sources write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets.values.file_names import dates_in

DAY = date(2024, 6, 27)


@pytest.mark.parametrize(
    "name",
    [
        "dwbfgreyhoundwin27062024.csv", "greyhounds_2024-06-27.csv", "a/20240627.csv", "27-06-2024 card.csv",
        "BASIC/2024/Jun/27/33399001/1.230100101.bz2", "2024_06_27/races.json",
    ],
)  # fmt: skip
def test_a_date_is_found_however_it_is_written(name: str) -> None:
    assert dates_in(name) == {DAY}


@pytest.mark.parametrize("name", ["1.230178314.bz2", "results.csv", "31022024.csv", "9927062024.csv", "2024-06.csv"])
def test_what_is_no_date_is_none(name: str) -> None:
    assert dates_in(name) == set()


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d%m%Y", "%Y%m%d", "%d.%m.%Y"]))
def test_every_date_comes_back(day: date, form: str) -> None:
    assert day in dates_in(f"file {day:{form}}.csv")


@given(st.text())
def test_no_name_whatever_fails(name: str) -> None:
    assert all(isinstance(day, date) for day in dates_in(name))
