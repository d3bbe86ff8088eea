"""Texts from columns in whatever chunks a frame lies, and texts that can be stored, whatever they were."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets.values.texts import formatted, has_surrogates, storable, storable_tree

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


any_text = st.text(st.characters(exclude_categories=()))
trees = st.recursive(
    any_text | st.integers() | st.none(), lambda part: st.lists(part) | st.dictionaries(any_text, part), max_leaves=8
)


@given(any_text)
def test_any_text_can_be_encoded_and_has_no_nul(text: str) -> None:
    found = storable(text)
    assert b"\0" not in found.encode()
    assert storable(found) == found
    if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert found == text


def test_what_is_removed_and_what_is_replaced() -> None:
    assert storable("A\0B \ud83d\udc15 \U0001f415") == "AB \ufffd\ufffd \U0001f415"


@given(trees)
def test_every_text_of_a_tree_is_storable(tree: object) -> None:
    assert "\\u0000" not in json.dumps(storable_tree(tree))
    json.dumps(storable_tree(tree), ensure_ascii=False).encode()


@given(any_text)
def test_json_that_may_hold_half_a_pair_is_recognised(text: str) -> None:
    is_whole = True
    try:
        text.encode()
    except UnicodeEncodeError:
        is_whole = False
    assert is_whole or has_surrogates(json.dumps(text).encode())
