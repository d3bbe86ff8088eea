"""Currencies and amounts of money; converting between currencies is not done here."""

import polars as pl

from race_assets.values.numbers import plain_decimal

__all__ = ["CURRENCIES", "CURRENCY_OF_COUNTRY", "currency_of_country", "volume"]

# Of prize money and on-course betting. Betfair's own volumes are in pounds in every country (API_CONTRACTS 8.8).
CURRENCY_OF_COUNTRY = {"GB": "GBP", "IE": "EUR", "AU": "AUD", "NZ": "NZD"}
# ISO 4217; beside the four countries' own, those in which betting accounts are commonly kept.
CURRENCIES = frozenset({*CURRENCY_OF_COUNTRY.values(), "CAD", "DKK", "HKD", "NOK", "SEK", "SGD", "USD"})


def currency_of_country(country: pl.Expr) -> pl.Expr:
    """The currency of a country with greyhound racing.

    Args:
        country: String, ISO 3166 code of two letters.

    Returns:
        String, ISO 4217; null for any other country.
    """
    return country.replace_strict(
        list(CURRENCY_OF_COUNTRY), list(CURRENCY_OF_COUNTRY.values()), default=None, return_dtype=pl.String
    )


def volume(text: pl.Expr) -> pl.Expr:
    """An amount of money without its currency.

    Args:
        text: String: a plain decimal. No symbol, and no separators of thousands: ``1,234`` may be either.

    Returns:
        Float64, null when the text is not a plain decimal; a negative amount is kept for a rule to refuse.
    """
    return plain_decimal(text)
