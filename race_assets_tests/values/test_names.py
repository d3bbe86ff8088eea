"""Names taken apart and compared; properties against a plain Python reading of the rules."""

import csv
import os
import re
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.values.names import BETFAIR_NAME_LENGTH, dog_name, is_reserve, is_truncated, match_name, split_trap

_NAMES = st.text(alphabet=st.characters(categories=["L", "N", "M", "P", "Zs"]), max_size=20)


def _one(text: str | None, **read: pl.Expr) -> dict[str, object]:
    return pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(**read).row(0, named=True)


def _key(text: str | None) -> object:
    return _one(text, key=match_name(pl.col("text")))["key"]


@pytest.mark.parametrize(
    ("text", "trap", "name"),
    [
        ("3. Kirabilly Kathy", 3, "Kirabilly Kathy"),
        ("10. Side Of Ice", 10, "Side Of Ice"),
        ("1. Nom, Deux", 1, "Nom, Deux"),
        (" 2. Berkshire Gold ", 2, "Berkshire Gold"),
        ("123. X", 123, "X"),
        ("9999. X", 9999, "X"),
        ("12345. X", None, "12345. X"),
        ("Plain Name", None, "Plain Name"),
        ("1 - 2", None, "1 - 2"),
        ("4.", 4, None),
        ("  ", None, None),
        (None, None, None),
    ],
)
def test_split_trap(text: str | None, trap: int | None, name: str | None) -> None:
    read = split_trap(pl.col("text")).struct

    assert _one(text, trap=read.field("trap"), name=read.field("name")) == {"trap": trap, "name": name}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("3. Boherdull Biker (res)", "Boherdull Biker"),
        ("3. Reagrove  Girl (Res)", "Reagrove Girl"),
        ("1. Illbebacksoon (RES)", "Illbebacksoon"),
        ("Amber Lantern (W)", "Amber Lantern"),
        ("Amber Lantern (IRE) (m) ", "Amber Lantern"),
        ("Zipping\tOrlando\u00a0(AUS)", "Zipping Orlando"),
        ("Big Time (NZL)", "Big Time"),
        ("Rock (And) Roll", "Rock (And) Roll"),
        ("Cafe\u0301 Noir", "Café Noir"),
        ("5. (res)", None),
        ("", None),
        (None, None),
    ],
)
def test_dog_name(text: str | None, name: str | None) -> None:
    assert _one(text, name=dog_name(pl.col("text")))["name"] == name


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("3. Its Friday", "It's Friday"),
        ("Dr. Douglas", "dr douglas"),
        ("Rumour I´m Broke", "Rumour I'm Broke"),  # noqa: RUF001 - an accent typed for an apostrophe
        ("Salut Papà (IRE)", "2. SALUT PAPA"),
        ("Rock-N-Roll", "Rock N Roll"),
        ("Ballymac Ruth (Res)", "Ballymac Ruth"),
        ("O’Neills Straße", "oneills strasse"),  # noqa: RUF001 - the typographic apostrophe is the point
    ],
)
def test_names_that_are_alike(left: str, right: str) -> None:
    assert _key(left) == _key(right)
    assert _key(left) is not None


@given(_NAMES)
@settings(max_examples=250)
def test_a_key_is_upper_case_letters_and_single_blanks_and_its_own_key(text: str) -> None:
    found = _key(text)

    if found is not None:
        assert isinstance(found, str)
        assert re.fullmatch(r"\S+(?: \S+)*", found)
        assert all(unicodedata.category(character)[0] in "LN" for character in found.replace(" ", ""))
        assert _key(found) == found


@given(st.lists(st.from_regex("[A-Za-z]{1,8}", fullmatch=True), min_size=1, max_size=4), st.integers(1, 10))
@settings(max_examples=60)
def test_trap_marks_blanks_and_case_do_not_change_the_key(words: list[str], trap: int) -> None:
    bare = " ".join(words)

    assert _key(bare) == bare.upper()
    assert _key(f" {trap}.  {'  '.join(words).title()} (Res) (IRE) ") == bare.upper()


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("3. Chamberlain Brid", True),
        ("1. Singhforursupper", True),
        ("10. Singhforursupper", True),
        ("3. Chamberlain Brid (res)", True),
        ("3. Fifteen Letters ", True),
        ("3. Kirabilly Kathy", False),
        ("3. Seventeen Letters", False),
        ("3. Short (Res)", False),
        (None, None),
    ],
)
def test_is_truncated(text: str | None, cut: bool | None) -> None:
    assert _one(text, cut=is_truncated(pl.col("text")))["cut"] is cut


def test_is_reserve() -> None:
    frame = pl.DataFrame(
        {"text": ["3. A (res)", "3. A (Res)", "3. A (RES)", "3. A (res.)", "3. A", "3. Restless", None]}
    )

    assert frame.select(reserve=is_reserve(pl.col("text")))["reserve"].to_list() == [True] * 4 + [False] * 2 + [None]


def test_real_names_are_never_longer_than_the_cut() -> None:
    folder = Path(os.environ.get("RACE_ASSETS_REALDATA", "")) / "bsp"
    if not os.environ.get("RACE_ASSETS_REALDATA") or not folder.is_dir():
        pytest.skip("RACE_ASSETS_REALDATA names no folder with bsp files")
    names = [
        row["SELECTION_NAME"]
        for file in sorted(folder.glob("*.csv"))
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
        if re.match(r"\d+\. ", row["SELECTION_NAME"])
    ]
    frame = pl.DataFrame({"text": names}).with_columns(
        trap=split_trap(pl.col("text")).struct.field("trap"),
        name=dog_name(pl.col("text")),
        cut=is_truncated(pl.col("text")),
    )

    assert frame["trap"].is_between(1, 10).all()
    assert frame["name"].str.len_chars().max() == BETFAIR_NAME_LENGTH
    assert frame.filter(pl.col("name").str.len_chars() == BETFAIR_NAME_LENGTH)["cut"].all()
    assert not frame.filter(pl.col("name").str.len_chars() < BETFAIR_NAME_LENGTH - 1)["cut"].any()
