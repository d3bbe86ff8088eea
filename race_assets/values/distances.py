"""Reads distances, and the grade and distance in a market's name; which of them are plausible is not known here."""

import polars as pl

__all__ = ["METRES_PER_YARD", "grade_and_distance", "lengths", "metres"]

METRES_PER_YARD = 0.9144

_UNIT = "m|mtrs?|met(?:re|er)s?|y|yds?|yards?"
_DISTANCE = rf"(?i)^\s*(?P<distance>[0-9]{{2,4}}(?:\.[0-9]+)?)\s*(?P<unit>{_UNIT})?\.?\s*$"
# "R3 457m C0" in Australia and New Zealand, now and then without the unit; "A3 500m" in Great Britain and Ireland. The
# groups bear the names of the fields of the result; the first holds the grade, too.
_MARKET = (
    r"(?i)^\s*(?P<race_number>R[0-9]{1,2}|[A-Z]{1,3}[0-9]{0,2})\s+"
    rf"(?P<distance_m>[0-9]{{3,4}}\s*(?:{_UNIT})?)(?:\s+(?P<race_type>\S.*?))?\s*$"
)
_NUMBERED = r"^[Rr][0-9]"
# "1½", "1 1/4", "¾", "12", "2.25"; the groups bear the names of the fields of the result.
_LENGTHS = (
    r"(?i)^\s*(?P<whole>[0-9]{1,3}(?:\.[0-9]+)?)?\s*"
    r"(?:(?P<part>[¼½¾])|(?P<numerator>[1-9])/(?P<denominator>[2-9]))?\s*(?:l|lengths?)?\s*$"
)
_PARTS = {"¼": 0.25, "½": 0.5, "¾": 0.75}
# The usual measures of the words in British racing; no source of ours states them. A distance ("dist") has none.
_WORDS = {"dht": 0.0, "dh": 0.0, "nse": 0.05, "ns": 0.05, "shd": 0.1, "sh": 0.1, "hd": 0.2, "snk": 0.25, "nk": 0.3}
_WITH_UNIT = r"[A-Za-z]$"


def metres(text: pl.Expr) -> pl.Expr:
    """A distance in whole metres.

    Args:
        text: String such as ``480m``, ``500 M``, ``400.0``, ``525y`` or ``525 yds``.

    Returns:
        Int32, rounded; a number without a unit is metres, yards are converted. Null when unreadable.
    """
    is_yards = pl.field("unit").str.to_lowercase().str.starts_with("y").fill_null(value=False)
    factor = pl.when(is_yards).then(METRES_PER_YARD).otherwise(1.0)
    number = pl.field("distance").cast(pl.Float64, strict=False)
    read = text.str.extract_groups(_DISTANCE).struct.with_fields(
        distance=(number * factor).round().cast(pl.Int32, strict=False)
    )
    return read.struct.field("distance")


def grade_and_distance(market_name: pl.Expr) -> pl.Expr:
    """What the name of a WIN market says about its race (API_CONTRACTS 8.5).

    Args:
        market_name: String such as ``A3 500m`` and ``OR3 280m`` (GB, IE) or ``R4 395m Gr5`` (AU, NZ).

    Returns:
        Struct of race_number (Int16, AU and NZ only), distance_m (Int32) and race_type (String: the grade in upper
        case, or AU and NZ's class as written). All null for other markets: ``To Be Placed``, forecasts, matches.
    """
    head, tail = pl.field("race_number"), pl.field("race_type")
    is_numbered = head.str.contains(_NUMBERED)
    # Outside AU and NZ the distance always has its unit, and nothing follows it.
    is_graded = ~is_numbered & tail.is_null() & pl.field("distance_m").str.contains(_WITH_UNIT)
    return market_name.str.extract_groups(_MARKET).struct.with_fields(
        race_number=pl.when(is_numbered).then(head.str.slice(1)).cast(pl.Int16, strict=False),
        distance_m=metres(pl.when(is_numbered | is_graded).then(pl.field("distance_m"))),
        race_type=pl.when(is_numbered).then(tail).when(is_graded).then(head.str.to_uppercase()),
    )


def lengths(text: pl.Expr) -> pl.Expr:
    """A distance beaten, or won by, in lengths.

    Args:
        text: String such as ``1½``, ``1 1/4``, ``¾``, ``2.25``, ``nk``, ``shd``, ``hd``.

    Returns:
        Float64; the words by their usual measures. Null when unreadable, and for ``dist``.
    """
    word = text.str.strip_chars().str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Float64)
    whole = pl.field("whole").cast(pl.Float64, strict=False)
    part = pl.field("part").replace_strict(_PARTS, default=None, return_dtype=pl.Float64)
    ratio = pl.field("numerator").cast(pl.Float64, strict=False) / pl.field("denominator").cast(
        pl.Float64, strict=False
    )
    is_number = whole.is_not_null() | part.is_not_null() | ratio.is_not_null()
    read = text.str.extract_groups(_LENGTHS).struct.with_fields(
        whole=pl.when(is_number).then(whole.fill_null(0) + pl.coalesce(part, ratio).fill_null(0))
    )
    return pl.coalesce(word, read.struct.field("whole"))
