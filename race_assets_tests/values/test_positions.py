"""Positions as sources write them, against a table made by hand."""

import polars as pl
import pytest

from race_assets.values import positions

# text: place at the line, whether it did not run, whether it did not finish, result in a WIN market
TABLE: dict[str | None, tuple[int | None, bool, bool, str | None]] = {
    "1": (1, False, False, "WINNER"),
    "1.0": (1, False, False, "WINNER"),
    "1st": (1, False, False, "WINNER"),
    "1=": (1, False, False, "WINNER"),
    "=1": (1, False, False, "WINNER"),
    "2ND": (2, False, False, "LOSER"),
    "4/7": (4, False, False, "LOSER"),
    "3 of 6": (3, False, False, "LOSER"),
    "Won": (1, False, False, "WINNER"),
    "winner": (1, False, False, "WINNER"),
    "First": (1, False, False, "WINNER"),
    "SIXTH": (6, False, False, "LOSER"),
    "tenth": (10, False, False, "LOSER"),
    "1st DH": (1, False, False, "WINNER"),
    "2 (dh)": (2, False, False, "LOSER"),
    "Second dead-heat": (2, False, False, "LOSER"),
    "10": (10, False, False, "LOSER"),
    "18": (None, False, True, "LOSER"),
    "DNF": (None, False, True, "LOSER"),
    "fell": (None, False, True, "LOSER"),
    "DQ": (None, False, True, "LOSER"),
    "0": (None, False, False, None),
    "-": (None, False, False, None),
    "NR": (None, True, False, None),
    "n": (None, True, False, None),
    "Scratched": (None, True, False, None),
    "R": (None, True, False, None),
    None: (None, False, False, None),
}
UNREADABLE = ["29.55", "1/2/3", "DH", "1DHX", "eleventh", "wonder", "123", "-1", "x", "1 2"]


@pytest.mark.parametrize("text", TABLE)
def test_a_position_says_where_a_dog_finished_and_what_that_means(text: str | None) -> None:
    cell = pl.col("text")
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(
        positions.finish_position(cell).alias("place"),
        positions.is_scratched(cell).alias("scratched"),
        positions.is_unfinished(cell).alias("unfinished"),
        positions.win_result(cell).alias("result"),
        positions.is_readable(cell).alias("readable"),
    )
    assert frame.row(0) == (*TABLE[text], None if text is None else True)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_position_is_told(text: str) -> None:
    cell = pl.col("text")
    frame = pl.DataFrame({"text": [text]}).select(
        positions.finish_position(cell).alias("place"),
        positions.win_result(cell).alias("result"),
        positions.is_readable(cell).alias("readable"),
    )
    assert frame.row(0) == (None, None, False)


def test_a_letter_that_may_mean_no_is_no_non_runner_in_a_column_of_results() -> None:
    frame = pl.DataFrame({"text": ["NR", "n/r", "SCR", "Removed", "N", "R", "LOSER", None]})
    assert frame.select(positions.is_removed(pl.col("text"))).to_series().to_list() == [True] * 4 + [False] * 4
