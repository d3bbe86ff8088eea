"""Currencies and amounts."""

import polars as pl

from race_assets.values.money import CURRENCIES, CURRENCY_OF_COUNTRY, currency_of_country, volume


def test_each_country_with_greyhounds_has_its_currency() -> None:
    frame = pl.DataFrame({"country": ["GB", "IE", "AU", "NZ", "FR", None]})

    found = frame.select(currency=currency_of_country(pl.col("country")))["currency"].to_list()

    assert found == ["GBP", "EUR", "AUD", "NZD", None, None]
    assert set(CURRENCY_OF_COUNTRY.values()) <= CURRENCIES


def test_a_volume_is_a_plain_decimal() -> None:
    frame = pl.DataFrame({"text": ["1402.18", " 0 ", ".02", "-5", "1,234.50", "£5", "NaN", "1e3", "", None]})

    assert frame.select(volume=volume(pl.col("text")))["volume"].to_list() == [1402.18, 0.0, 0.02, -5.0, *[None] * 6]
