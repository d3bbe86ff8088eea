"""Identifiers as other programs leave them: digits that a spreadsheet rounded away, `.0` behind whole numbers."""

import polars as pl

_ROUNDED = r"^[0-9]+(?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]+(?:@|$)"


def without_decimal(text: pl.Expr) -> pl.Expr:
    """Return ids trimmed, and without the `.0` that programs put behind whole numbers kept as floats."""
    return text.str.strip_chars().str.strip_suffix(".0")


def is_rounded(text: pl.Expr) -> pl.Expr:
    """Return whether an id, or its part before an `@`, is a number in exponent notation: `6.67E+07`, `9.5E7`, `1e+08`.

    Spreadsheets write long numbers so and keep few of their digits. `12E3` is not meant: hashes look like it.
    """
    return text.str.contains(_ROUNDED)
