"""Identifiers that other programs have handled."""

import polars as pl
import pytest

from race_assets.values import ids, markets


def one(expression: pl.Expr, text: str | None) -> object:
    return pl.DataFrame({"id": [text]}, schema={"id": pl.String}).select(found=expression)["found"][0]


@pytest.mark.parametrize(
    "text", ["6.67E+07", "1.23E+08", "9.5E7", "5e+07", "1,2E+08", "3.91E+07@20240627T1736Z", "1.23456789012345E+17"]
)
def test_an_id_in_exponent_notation_has_been_rounded(text: str) -> None:
    assert one(ids.is_rounded(pl.col("id")), text) is True


@pytest.mark.parametrize(
    "text", ["253375686", "253375686.0", "1.229554930", "12E3", "1e5f", "E+07", "t1", "gb-romford@20240627T1736Z", ""]
)
def test_other_ids_have_not(text: str) -> None:
    assert one(ids.is_rounded(pl.col("id")), text) is False


@pytest.mark.parametrize(
    ("text", "plain"),
    [("253375686.0", "253375686"), (" 253375686 ", "253375686"), ("1.20", "1.20"), ("00123", "00123"), (None, None)],
)
def test_the_decimal_of_a_whole_number_is_dropped_and_nothing_else(text: str | None, plain: str | None) -> None:
    assert one(ids.without_decimal(pl.col("id")), text) == plain


@pytest.mark.parametrize(
    ("text", "market"),
    [
        ("229554930", "1.229554930"),
        ("1.229554930", "1.229554930"),
        ("229554930.0", "1.229554930"),
        ("20776110", "1.20776110"),
        ("1.20776110", "1.20776110"),
        ("1.2", None),
        ("1.22955", None),
        ("2.3E+08", None),
        ("none", None),
        (None, None),
    ],
)
def test_a_market_id_of_betfair_has_all_its_digits_or_is_none(text: str | None, market: str | None) -> None:
    assert one(markets.betfair_market_id(pl.col("id")), text) == market
