"""Texts from columns, in whatever chunks a frame lies."""

import polars as pl
import pytest

from race_assets.values.texts import formatted

FRAME = pl.DataFrame({"trap": [1, None, 3], "name": ["Alpha", "Beta", None], "price": [2.5, 3.0, None]})


def test_parts_of_any_type_stand_where_the_template_has_them_and_a_null_makes_the_text_null() -> None:
    text = formatted("trap {}: {} at {}!", "trap", pl.col("name").str.to_uppercase(), "price")
    assert FRAME.select(text).to_series().to_list() == ["trap 1: ALPHA at 2.5!", None, None]


@pytest.mark.parametrize("kept", [[0], [1, 2], [0, 1, 2], []])
def test_a_frame_whose_first_chunk_is_empty_is_as_good_as_another(kept: list[int]) -> None:
    chunks = pl.concat([FRAME.head(1), FRAME.tail(2)], rechunk=False).with_columns(pl.col("name").fill_null("-"))
    rows = chunks.filter(pl.Series([n in kept for n in range(3)]))
    expected = [["Alpha.", "Beta.", "-."][n] for n in kept]
    assert rows.select(text=formatted("{}.", "name"))["text"].to_list() == expected


def test_a_template_and_its_parts_must_agree() -> None:
    with pytest.raises(ValueError, match="zip"):
        formatted("{} and {}", "name")
