"""Distances, and what the names of WIN markets say."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.values.distances import grade_and_distance, lengths, metres


@given(
    st.integers(10, 9999),
    st.sampled_from(["", " "]),
    st.sampled_from(["", "m", "M", "metres", "y", "Y", "yds", "yards"]),
)
@settings(max_examples=100)
def test_yards_are_converted_and_all_else_is_metres(number: int, blank: str, unit: str) -> None:
    frame = pl.DataFrame({"text": [f" {number}{blank}{unit}"]})

    found = frame.select(metres=metres(pl.col("text")))["metres"]

    assert found.dtype == pl.Int32
    exact = number * 0.9144 if unit.lower().startswith("y") else number
    assert abs(found[0] - exact) <= 0.5


def test_other_spellings_of_a_distance() -> None:
    frame = pl.DataFrame({"text": ["400.0", "525 yds.", "480m flat", "5f", "", "-480m", None]})

    assert frame.select(metres=metres(pl.col("text")))["metres"].to_list() == [400, 480, *[None] * 5]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A3 500m", (None, 500, "A3")),
        ("D4 268m", (None, 268, "D4")),
        ("HC 480m", (None, 480, "HC")),
        ("OR3 280m", (None, 280, "OR3")),
        ("OR 714m", (None, 714, "OR")),
        ("A8 500M", (None, 500, "A8")),
        ("IT 460m", (None, 460, "IT")),
        ("A11 400m", (None, 400, "A11")),
        ("OR 525y", (None, 480, "OR")),
        ("R1 395m Mdn", (1, 395, "Mdn")),
        ("R4 395m Gr5", (4, 395, "Gr5")),
        ("R10 300m FFA", (10, 300, "FFA")),
        ("R3 457m C0", (3, 457, "C0")),
        ("R10 520 Gr5", (10, 520, "Gr5")),
        ("R3 324m Gr3/4", (3, 324, "Gr3/4")),
        ("R2 515m Match Race Outright Winner", (2, 515, "Match Race Outright Winner")),
        ("R2 515m", (2, 515, None)),
        ("A3 500", (None, None, None)),
        ("A3 500m Final", (None, None, None)),
        ("To Be Placed", (None, None, None)),
        ("TO BE PLACED", (None, None, None)),
        ("Forecast", (None, None, None)),
        ("Dog A v Dog B", (None, None, None)),
        ("", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_market_names(name: str | None, expected: tuple[int | None, int | None, str | None]) -> None:
    frame = pl.DataFrame({"name": [name]}, schema={"name": pl.String})

    found = frame.select(read=grade_and_distance(pl.col("name"))).unnest("read")

    assert found.schema == {"race_number": pl.Int16, "distance_m": pl.Int32, "race_type": pl.String}
    assert found.row(0) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1½", 1.5),
        ("¾", 0.75),
        (" 3¼ ", 3.25),
        ("1 1/4", 1.25),
        ("11/4", 1.25),
        ("1/2", 0.5),
        ("12", 12.0),
        ("2.25", 2.25),
        ("5½l", 5.5),
        ("7 lengths", 7.0),
        ("nk", 0.3),
        ("SHD", 0.1),
        ("hd", 0.2),
        ("dht", 0.0),
        ("dist", None),
        ("1/0", None),
        ("l", None),
        ("-1", None),
        ("1&frac12", None),
        ("", None),
        (None, None),
    ],
)
def test_lengths_beaten(written: str | None, expected: float | None) -> None:
    frame = pl.DataFrame({"text": [written]}, schema={"text": pl.String})
    assert frame.select(lengths=lengths(pl.col("text")))["lengths"].to_list() == [expected]
