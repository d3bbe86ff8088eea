"""Read what a result column says about where a runner finished, as Polars expressions."""

import polars as pl

__all__ = [
    "MOST_PLACES",
    "finish_position",
    "is_readable",
    "is_removed",
    "is_scratched",
    "is_unfinished",
    "place",
    "win_result",
]

MOST_PLACES = 10
"""A number above is a code for a dog that did not finish, such as 18 (SOURCE_FACTS 4)."""

_NOT_FINISHED = ("DNF", "F", "FELL", "BD", "PU", "UR", "RO", "DIS", "DISQ", "DQ")
_REMOVED = (
    "NR", "N/R", "NON-RUNNER", "NON RUNNER", "NONRUNNER", "WD", "W/D", "WITHDRAWN", "SCR", "SCRATCHED", "REMOVED",
)  # fmt: skip
# One letter says it only in a column of positions: elsewhere N is "no". R is FastTrack's reserve that did not run.
_SCRATCHED = (*_REMOVED, "N", "R", "RES", "RESERVE")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_IN_WORDS = {"won": 1, "winner": 1, **{word: number for number, word in enumerate(_ORDINALS, 1)}}
_DEAD_HEAT = r"(?i)\s*\(?\b(?:dh|dead[ -]?heat)\)?$"
# 1, 1.0, 1st, 1=, =1, 4/7 (of seven), 4 of 7.
_PLACE = r"(?i)^=?(\d{1,2})(?:\.0+)?(?:st|nd|rd|th)?\s*=?(?:\s*(?:/|of)\s*\d{1,2})?$"


def place(text: pl.Expr) -> pl.Expr:
    """Return the place that a position states: ``1``, ``1st``, ``2=``, ``1st DH``, ``4/7``, ``Won``, ``Third``.

    Codes above `MOST_PLACES` are kept.

    Args:
        text: String without blanks around it.

    Returns:
        Int16; null where the text is no place.
    """
    place_alone = text.str.replace(_DEAD_HEAT, "")
    number = place_alone.str.extract(_PLACE, 1).cast(pl.Int16, strict=False)
    in_words = place_alone.str.to_lowercase().replace_strict(_IN_WORDS, default=None, return_dtype=pl.Int16)
    return pl.coalesce(number, in_words)


def finish_position(text: pl.Expr) -> pl.Expr:
    """Return the position at the line: Int16, 1 is first; null for 0, words and codes."""
    number = place(text)
    return pl.when(number.is_between(1, MOST_PLACES)).then(number)


def is_scratched(text: pl.Expr) -> pl.Expr:
    """Return whether a position says that the dog did not run: Boolean, never null."""
    return _is_one_of(text, _SCRATCHED)


def is_removed(text: pl.Expr) -> pl.Expr:
    """Return whether a result says that the dog did not run (``NR``, ``SCR``, not ``N``): Boolean, never null."""
    return _is_one_of(text, _REMOVED)


def is_unfinished(text: pl.Expr) -> pl.Expr:
    """Return whether a position says that the dog ran and did not finish: Boolean, never null."""
    return _is_one_of(text, _NOT_FINISHED) | (place(text) > MOST_PLACES).fill_null(value=False)


def is_readable(text: pl.Expr) -> pl.Expr:
    """Return whether a position is one of those that are known: Boolean, null for null."""
    known = place(text).is_not_null() | is_scratched(text) | is_unfinished(text) | (text == "-")
    return pl.when(text.is_not_null()).then(known)


def win_result(text: pl.Expr) -> pl.Expr:
    """Return the result in a WIN market that a position implies.

    Returns:
        String: WINNER for position 1, of which a dead heat has several; LOSER for a dog that ran behind or did not
        finish; null where the position does not say that the dog ran.
    """
    number = place(text)
    ran = is_unfinished(text) | (number > 1).fill_null(value=False)
    return pl.when(number == 1).then(pl.lit("WINNER")).when(ran).then(pl.lit("LOSER"))


def _is_one_of(text: pl.Expr, words: tuple[str, ...]) -> pl.Expr:
    return text.str.to_uppercase().is_in(list(words)).fill_null(value=False)
