"""Turns the ways a price is written into decimal odds; which price is plausible is for the rules, not for here."""

from typing import Literal

import polars as pl

from race_assets.values.numbers import plain_decimal

__all__ = [
    "NULL_WORDS",
    "Notation",
    "decimal_odds",
    "fractional_odds",
    "is_american",
    "is_bare_number",
    "is_null_word",
    "is_on_ladder",
    "notations",
    "starting_price",
]

Notation = Literal["decimal", "fractional"]

# What sources write where there is no price: no offer, no price, non-runner, scratched, nothing, a dash.
NULL_WORDS = ("", "-", "N/O", "N/P", "NR", "N/R", "SCR", "SCRATCHED")

_MARK = r"\s*(?P<favourite>(?:J(?:T|OINT)?|CO?)?[ -]?F(?:AV)?|J|C)?$"
# The group that catches the word for evens is named after the field of the result that takes its place.
_FRACTION = (
    r"(?i)^(?:(?P<decimal>EVEN(?:S|\s*MONEY)?|EVS?)|(?P<numerator>[0-9]+)(?:\s*/\s*(?P<denominator>[0-9]+))?)" + _MARK
)
# "7-4" and "7 to 4" are British for 7/4. With a zero in front ("07-04"), a year or a third part it may be a date or a
# forecast.
_HYPHEN = r"(?i)^\s*([1-9][0-9]{0,2})\s*(?:-|to)\s*([1-9][0-9]?)"
_IN_BRACKETS = r"\(\s*([A-Za-z][A-Za-z -]*?)\s*\)\s*$"
_BARE = r"(?i)^\s*[0-9]+" + _MARK
_POINTED = r"(?i)^\s*(?P<decimal>[0-9]*\.[0-9]+|[0-9]+\.)" + _MARK

# Betfair's CLASSIC ladder in hundredths: up to this price, in steps of that. Every band starts at a multiple of its
# own step, so that a price is on the ladder when its step divides it.
_LOWEST_HUNDREDTHS = 101
_LADDER_HUNDREDTHS = (
    (200, 1),
    (300, 2),
    (400, 5),
    (600, 10),
    (1_000, 20),
    (2_000, 50),
    (3_000, 100),
    (5_000, 200),
    (10_000, 500),
    (100_000, 1_000),
)
# Float64 holds a ladder price to within 1e-11 hundredths; anything farther off was never a ladder price.
_HUNDREDTH_TOLERANCE = 1e-6


def decimal_odds(text: pl.Expr) -> pl.Expr:
    """Decimal odds from a price in either notation.

    A bare number is decimal here (``3`` is 3.0, as in ``betfair_csv`` prices); ``fractional_odds`` reads the same
    text as 3/1. Anything else must be a fractional price: ``5/2`` is 3.5, ``EvensF`` is 2.0, ``2F`` is 3.0.

    Only texts that are not a plain number reach the regular expression, so a column of decimals costs a cast.

    Args:
        text: String.

    Returns:
        Float64. Null for a null word, ``11/0``, ``NaN``, ``Infinity``, exponents and anything unreadable. Signs and
        values outside the ladder are kept: 0 or 1001 is a number, whether it is a price is decided by a rule.
    """
    parts = pl.struct(text.alias("text"), plain_decimal(text).alias("decimal"))
    not_plain = pl.when(pl.field("decimal").is_null()).then(pl.field("text"))
    fraction = fractional_odds(not_plain).struct.field("decimal")
    return parts.struct.with_fields(decimal=pl.coalesce(pl.field("decimal"), fraction)).struct.field("decimal")


def fractional_odds(text: pl.Expr) -> pl.Expr:
    """A traditional starting price, with its mark for the favourite (API_CONTRACTS 8.2).

    Case does not matter, nor do blanks around the price, its parts and before the mark. A bare integer n is n/1.

    Args:
        text: String such as ``5/2``, ``7-4``, ``2 to 1``, ``Evs``, ``Even Money``, ``4/6F``, ``7/2 (JF)``.

    Returns:
        Struct of numerator (Int64), denominator (Int64), decimal (Float64, 1 + numerator/denominator to 6 places) and
        favourite (String: F, JF for joint, CF for co-favourite, null for none). All four are null when the text is no
        price, a null word, has denominator 0, or does not fit 64 bits.
    """
    numerator, denominator, favourite = pl.field("numerator"), pl.field("denominator"), pl.field("favourite")
    is_evens = pl.field("decimal").is_not_null()
    read = (
        _marked(text)
        .str.strip_chars()
        .str.replace(_HYPHEN, "${1}/${2}")
        .str.extract_groups(_FRACTION)
        .struct.with_fields(
            numerator=pl.when(is_evens).then(1).otherwise(numerator.cast(pl.Int64, strict=False)),
            denominator=pl.when(denominator.is_null()).then(1).otherwise(denominator.cast(pl.Int64, strict=False)),
            favourite=_mark(favourite),
        )
    )
    is_price = numerator.is_not_null() & (denominator > 0)
    return read.struct.with_fields(
        numerator=pl.when(is_price).then(numerator),
        denominator=pl.when(is_price).then(denominator),
        decimal=pl.when(is_price).then((1 + numerator / denominator).round(6)),
        favourite=pl.when(is_price).then(favourite),
    )


def _marked(text: pl.Expr) -> pl.Expr:
    """Return prices with the mark of a favourite out of its brackets: `5/2 (F)` as `5/2 F`."""
    return text.str.replace(_IN_BRACKETS, "${1}")


def _mark(written: pl.Expr) -> pl.Expr:
    """Return the mark of a favourite as F, JF or CF, however it is written: ``j``, ``JT FAV``, ``co-f``."""
    return written.str.to_uppercase().str.replace("^([JC]).*$", "${1}F").str.replace("^[^JC]*F(AV)?$", "F")


def starting_price(text: pl.Expr, whole: Notation | None) -> pl.Expr:
    """Return a starting price in either notation, with its mark for the favourite.

    A plus sign is that of American odds, which are not read: `+250` is 3.5.

    Args:
        text: String such as ``5/2F``, ``7-4``, ``Evs``, ``2.70F``, ``3``.
        whole: the notation of whole numbers: ``3`` is 3.0 in decimal, 3/1 in fractional; None reads none of them.

    Returns:
        Struct of decimal (Float64) and favourite (String), null as for `fractional_odds`.
    """
    plain = pl.when(~is_american(text)).then(plain_decimal(text))
    parts = pl.struct(text.alias("text"), plain.alias("plain"))
    # Only what is no plain number, or one that may be a fraction, reaches the regular expressions.
    is_open = pl.field("plain").is_null()
    if whole != "decimal":
        is_open = is_open | is_bare_number(pl.field("text"))
    open_text = pl.when(is_open).then(pl.field("text"))
    fraction, pointed = fractional_odds(open_text).struct, _marked(open_text).str.extract_groups(_POINTED).struct
    read = fraction.field("decimal")
    if whole != "fractional":
        of_whole = read - 1 if whole else pl.lit(None, dtype=pl.Float64)
        read = pl.when(is_bare_number(open_text)).then(of_whole).otherwise(read)
    read = pl.coalesce(read, pointed.field("decimal").cast(pl.Float64, strict=False))
    return parts.struct.with_fields(
        text=pl.coalesce(fraction.field("favourite"), _mark(pointed.field("favourite"))),
        plain=pl.when(is_open).then(read).otherwise(pl.field("plain")),
    ).struct.rename_fields(["favourite", "decimal"])


def is_american(text: pl.Expr) -> pl.Expr:
    """Return whether a price has the plus sign of American odds: Boolean, null for null."""
    return text.str.strip_chars().str.starts_with("+")


def is_bare_number(text: pl.Expr) -> pl.Expr:
    """Return whether a price is a whole number, marked or not, that both notations write: Boolean, null for null."""
    return _marked(text).str.contains(_BARE)


def notations(texts: pl.Series) -> set[Notation]:
    """Return the notations that the prices of one column show by texts that are written in no other.

    Fractions, evens and, where there are neither these nor points, marks of favourites on whole numbers are fractional.
    """
    known = texts.drop_nulls().to_frame("text")
    text = _marked(pl.col("text"))
    fraction = fractional_odds(text).struct.field("decimal").is_not_null()
    is_bare = is_bare_number(text)
    found = known.select(
        fractional=(fraction & ~is_bare).any(),
        decimal=text.str.contains(_POINTED).any(),
        marked=(is_bare & text.str.contains("[A-Za-z]")).any(),
    ).row(0, named=True)
    shown: set[Notation] = {each for each in ("decimal", "fractional") if found[each]}
    return shown or ({"fractional"} if found["marked"] else set())


def is_null_word(text: pl.Expr) -> pl.Expr:
    """Whether a text says that there is no price: ``N/O``, ``n/p``, ``NR``, ``-``, blank, or null itself.

    Args:
        text: String; case and surrounding blanks do not matter.

    Returns:
        Boolean, never null. False together with a null from ``decimal_odds`` means an unreadable price.
    """
    return text.str.strip_chars().str.to_uppercase().is_in(list(NULL_WORDS)).fill_null(value=True)


def is_on_ladder(price: pl.Expr) -> pl.Expr:
    """Whether a price is a tick of Betfair's CLASSIC ladder, 1.01 to 1000 (API_CONTRACTS 8.1).

    Holds for last traded prices and for the levels of a book. BSP, projected SP and weighted averages lie between
    the ticks and must not be judged by this.

    Args:
        price: Float64, decimal odds.

    Returns:
        Boolean; null for a null price, False for NaN and infinities.
    """
    hundredths = pl.field("hundredths")
    # A when-chain asks its conditions for every row, but ten comparisons cost less than one join.
    step = pl.lit(None, dtype=pl.Int64)
    for highest, size in reversed(_LADDER_HUNDREDTHS):
        step = pl.when(hundredths <= highest).then(size).otherwise(step)
    is_tick = (hundredths >= _LOWEST_HUNDREDTHS) & (hundredths % step == 0)
    is_whole = (pl.field("price") * 100 - hundredths).abs() <= _HUNDREDTH_TOLERANCE
    parts = pl.struct(price.alias("price"), (price * 100).round().cast(pl.Int64, strict=False).alias("hundredths"))
    on_ladder = pl.when(pl.field("price").is_not_null()).then((is_tick & is_whole).fill_null(value=False))
    return parts.struct.with_fields(price=on_ladder).struct.field("price")
