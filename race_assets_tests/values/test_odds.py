"""Odds against Python's own fractions and decimals, and Betfair's ladder tick by tick."""

import re
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.values.odds import (
    Notation,
    decimal_odds,
    fractional_odds,
    is_null_word,
    is_on_ladder,
    notations,
    starting_price,
)

_MARKS = {"": None, "F": "F", "J": "JF", "JF": "JF", "C": "CF", "CF": "CF"}


def _decimal(*texts: str | None) -> list[float | None]:
    return (
        pl.DataFrame({"text": texts}, schema={"text": pl.String})
        .select(price=decimal_odds(pl.col("text")))["price"]
        .to_list()
    )


def _fractional(*texts: str | None) -> list[dict[str, object]]:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.select(odds=fractional_odds(pl.col("text"))).unnest("odds").to_dicts()


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from(sorted(_MARKS)), st.sampled_from(["", " ", "  "]))
@settings(max_examples=150)
def test_a_fraction_is_one_plus_its_value(numerator: int, denominator: int, mark: str, blank: str) -> None:
    [odds] = _fractional(f" {numerator}/{denominator}{blank}{mark.lower()} ")

    assert (odds["numerator"], odds["denominator"]) == (numerator, denominator)
    assert odds["decimal"] == pytest.approx(float(1 + Fraction(numerator, denominator)), abs=5.1e-7)
    assert odds["favourite"] == _MARKS[mark]


@given(st.lists(st.decimals(min_value="-2000", max_value="2000", places=4), min_size=1, max_size=20))
@settings(max_examples=100)
def test_a_plain_decimal_is_itself(numbers: list[Decimal]) -> None:
    assert _decimal(*(format(number, "f") for number in numbers)) == [float(number) for number in numbers]


@given(st.text(alphabet="0123456789.eE+-/FJCNn aifINFT ", max_size=8))
@settings(max_examples=400)
def test_nothing_else_is_a_price(text: str) -> None:
    plain = re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", text.strip())
    mark = r"\s*(?:(?:J(?:T|OINT)?|CO?)?[ -]?F(?:AV)?|J|C)?"
    fraction = re.fullmatch(rf"(?i)(?:EVENS?|EVS?|([0-9]+)(?:\s*/\s*([0-9]+))?){mark}", text.strip())
    hyphen = re.fullmatch(rf"(?i)[1-9][0-9]{{,2}}\s*-\s*[1-9][0-9]?{mark}", text.strip())
    is_price = bool(plain or hyphen) or bool(fraction and (fraction[2] is None or int(fraction[2]) > 0))

    assert (_decimal(text) != [None]) == is_price


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5/2", (5, 2, 3.5, None)),
        ("Evs", (1, 1, 2.0, None)),
        ("Evens", (1, 1, 2.0, None)),
        ("EV", (1, 1, 2.0, None)),
        ("EVS", (1, 1, 2.0, None)),
        ("1/1", (1, 1, 2.0, None)),
        ("EvensF", (1, 1, 2.0, "F")),
        ("EvsF", (1, 1, 2.0, "F")),
        ("11/8F", (11, 8, 2.375, "F")),
        ("7/2J", (7, 2, 4.5, "JF")),
        ("7/2JF", (7, 2, 4.5, "JF")),
        ("2J", (2, 1, 3.0, "JF")),
        ("3C", (3, 1, 4.0, "CF")),
        ("3/1CF", (3, 1, 4.0, "CF")),
        ("9/4C", (9, 4, 3.25, "CF")),
        ("2F", (2, 1, 3.0, "F")),
        ("3", (3, 1, 4.0, None)),
        ("10", (10, 1, 11.0, None)),
        ("4/6F", (4, 6, 1.666667, "F")),
        ("100/30", (100, 30, 4.333333, None)),
        ("7-4", (7, 4, 2.75, None)),
        ("7 - 4", (7, 4, 2.75, None)),
        ("11-10F", (11, 10, 2.1, "F")),
        ("4/5jf", (4, 5, 1.8, "JF")),
        ("13/8 f", (13, 8, 2.625, "F")),
        ("6 / 4", (6, 4, 2.5, None)),
        ("evens", (1, 1, 2.0, None)),
        ("13/8 Fav", (13, 8, 2.625, "F")),
        ("2/1 Jt Fav", (2, 1, 3.0, "JF")),
        ("5/2 Co-F", (5, 2, 3.5, "CF")),
        ("Even Money", (1, 1, 2.0, None)),
        ("even money fav", (1, 1, 2.0, "F")),
        ("2 to 1", (2, 1, 3.0, None)),
        ("11 TO 10 (JF)", (11, 10, 2.1, "JF")),
        ("5/2 (F)", (5, 2, 3.5, "F")),
        ("Evens (Co-F)", (1, 1, 2.0, "CF")),
    ],
)
def test_the_spellings_of_the_contract(text: str, expected: tuple[int, int, float, str | None]) -> None:
    [odds] = _fractional(text)

    assert (odds["numerator"], odds["denominator"], odds["decimal"], odds["favourite"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "-",
        " - ",
        "N/O",
        "n/o",
        "NR",
        "11/0",
        "11/0F",
        "5/",
        "/2",
        "2.5",
        "99999999999999999999",
        "5/99999999999999999999",
        "3FF",
        "x",
        "n/p",
        "07-04",
        "7-04",
        "5-2-6",
        "2024-06-27",
        "(5-2)",
        "2 to 1 on",
        "5/2 (",
        "5/2 F)",
        "5/2 (W)",
        "money",
        "10s",
        "7-0",
    ],
)
def test_no_fraction_leaves_every_field_null(text: str | None) -> None:
    [odds] = _fractional(text)

    assert set(odds.values()) == {None}


def test_a_bare_number_is_decimal_here_and_a_fraction_there() -> None:
    assert _decimal("3", "3.5", ".5", " 4 ", "0", "1001") == [3.0, 3.5, 0.5, 4.0, 0.0, 1001.0]
    assert _decimal("2F", "5/2", "Evs", "7/2JF") == [3.0, 3.5, 2.0, 4.5]
    assert _fractional("3")[0]["decimal"] == 4.0


def test_what_python_would_call_a_number_is_not_always_one() -> None:
    assert (
        _decimal("1e3", "1E3", "NaN", "nan", "inf", "Infinity", "-inf", "9" * 400, "1,000", "0x10", None) == [None] * 11
    )


def test_forty_digits_are_read_as_far_as_they_fit() -> None:
    assert _decimal("10.9823148251592000893754887722042229918") == [10.9823148251592]


def test_null_words() -> None:
    frame = pl.DataFrame({"text": ["N/O", "nr", " ", "-", "", None, "n/p", "scr", "N/R", "5/2", "--"]})

    assert frame.select(said=is_null_word(pl.col("text")))["said"].to_list() == [True] * 9 + [False] * 2


@pytest.mark.parametrize(
    ("text", "decimal", "fractional", "undecided"),
    [
        ("3", (3.0, None), (4.0, None), (None, None)),
        ("2F", (2.0, "F"), (3.0, "F"), (None, "F")),
        ("5.0", (5.0, None), (5.0, None), (5.0, None)),
        ("2.70F", (2.7, "F"), (2.7, "F"), (2.7, "F")),
        ("2.70 (F)", (2.7, "F"), (2.7, "F"), (2.7, "F")),
        ("2 (F)", (2.0, "F"), (3.0, "F"), (None, "F")),
        ("+250", (None, None), (None, None), (None, None)),
        ("7-4", (2.75, None), (2.75, None), (2.75, None)),
        ("Evs", (2.0, None), (2.0, None), (2.0, None)),
        ("-3", (-3.0, None), (-3.0, None), (-3.0, None)),
        ("abc", (None, None), (None, None), (None, None)),
    ],
)
def test_a_whole_number_is_read_in_the_notation_of_its_column(
    text: str, decimal: object, fractional: object, undecided: object
) -> None:
    frame = pl.DataFrame({"text": [text]})
    notations_: tuple[Notation | None, ...] = ("decimal", "fractional", None)
    read = [
        frame.select(price=starting_price(pl.col("text"), whole)).unnest("price").select("decimal", "favourite").row(0)
        for whole in notations_
    ]
    assert read == [decimal, fractional, undecided]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["5/2", "3", None], {"fractional"}),
        (["3", "7-4"], {"fractional"}),
        (["3", "EvensF"], {"fractional"}),
        (["5.0", "3"], {"decimal"}),
        (["$2.70F".strip("$"), "3F"], {"decimal"}),
        (["2F", "3"], {"fractional"}),
        (["5/2", "2.5"], {"decimal", "fractional"}),
        (["3", "5", "NR"], set()),
        ([], set()),
    ],
)
def test_a_column_shows_its_notation_by_what_only_one_of_them_writes(texts: list[str], expected: set[str]) -> None:
    assert notations(pl.Series(texts, dtype=pl.String)) == expected


def test_the_ladder_tick_by_tick() -> None:
    bands = [(101, 200, 1), (200, 300, 2), (300, 400, 5), (400, 600, 10), (600, 1000, 20), (1000, 2000, 50)]
    bands += [(2000, 3000, 100), (3000, 5000, 200), (5000, 10000, 500), (10000, 100001, 1000)]
    ticks = {tick for low, high, step in bands for tick in range(low, high, step)}
    prices = pl.DataFrame({"price": [hundredths / 100 for hundredths in range(-5, 110_001)]})

    found = prices.select(tick=is_on_ladder(pl.col("price")))["tick"].to_list()

    assert len(ticks) == 350
    assert {hundredths for hundredths, tick in zip(range(-5, 110_001), found, strict=True) if tick} == ticks


def test_between_the_ticks_is_off_the_ladder() -> None:
    prices = pl.DataFrame(
        {"price": [1.015, 1.0100001, 2.0849663, float("nan"), float("inf"), float("-inf"), 1e300, None]}
    )

    assert prices.select(tick=is_on_ladder(pl.col("price")))["tick"].to_list() == [False] * 7 + [None]
