"""Texts that can be stored, whatever they were."""

import json

from hypothesis import given
from hypothesis import strategies as st

from race_assets.values.texts import has_surrogates, storable, storable_tree

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
