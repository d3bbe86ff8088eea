"""Reads plain decimal numbers out of text, as Polars expressions; odds, money and distances build on it.

Here and in its neighbours a value that is needed twice is put into a struct and picked up with ``pl.field``. Polars
shares equal subexpressions only within lazy plans, and there not through structs: written the plain way, one parse of
a fraction ran twenty times over the same text.
"""

import polars as pl

__all__ = ["plain_decimal"]


def plain_decimal(text: pl.Expr) -> pl.Expr:
    """A number written with digits, at most one point and an optional sign; everything else is null.

    Polars' own cast would let ``inf``, ``nan`` and ``1e3`` through, so these are taken out again: no source writes
    a price that way on purpose, and Excel writes ``1E+03`` when it has already lost digits. The checks need no
    regular expression, which would cost several times as much as the cast.

    Args:
        text: String. Blanks around the number are ignored.

    Returns:
        Float64; ``.5`` and ``5.`` are numbers, ``1,000`` is not (a comma may be a decimal sign).
    """
    text = text.str.strip_chars()
    parts = pl.struct(text.alias("text"), text.cast(pl.Float64, strict=False).alias("number"))
    is_plain = pl.field("number").is_finite() & ~pl.field("text").str.contains_any(["e", "E"])
    return parts.struct.with_fields(number=pl.when(is_plain).then(pl.field("number"))).struct.field("number")
