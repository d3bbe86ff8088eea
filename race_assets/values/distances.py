"""Reads distances, and the grade and distance in the name of a market; which of them are plausible is not known here."""

import polars as pl

__all__ = ["METRES_PER_YARD", "grade_and_distance", "metres"]

METRES_PER_YARD = 0.9144

_UNIT = "m|mtrs?|met(?:re|er)s?|y|yds?|yards?"
_DISTANCE = rf"(?i)^\s*(?P<distance>[0-9]{{2,4}}(?:\.[0-9]+)?)\s*(?P<unit>{_UNIT})?\.?\s*$"
# "R3 457m C0": Australia and New Zealand, the unit is missing now and then ("R10 520 Gr5"). Otherwise "A3 500m".
# The first three groups bear the names of the fields of the result.
_MARKET = (
    rf"(?i)^\s*(?:R(?P<race_number>[0-9]{{1,2}})\s+(?P<distance_m>[0-9]{{3,4}})\s*(?P<unit>{_UNIT})?"
    r"(?:\s+(?P<race_type>\S.*?))?"
    rf"|(?P<grade>[A-Z]{{1,3}}[0-9]{{0,2}})\s+(?P<length>[0-9]{{3,4}})\s*(?P<length_unit>{_UNIT}))\s*$"
)


def metres(text: pl.Expr) -> pl.Expr:
    """A distance in whole metres.

    Args:
        text: String such as ``480m``, ``500 M``, ``400.0``, ``525y`` or ``525 yds``.

    Returns:
        Int32, rounded; a number without a unit is metres, yards are converted. Null when unreadable.
    """
    parts = text.str.extract_groups(_DISTANCE)
    read = parts.struct.with_fields(distance=_in_metres(pl.field("distance"), pl.field("unit")))
    return read.struct.field("distance")


def grade_and_distance(market_name: pl.Expr) -> pl.Expr:
    """What the name of a WIN market says about its race (API_CONTRACTS 8.5).

    Args:
        market_name: String such as ``A3 500m`` and ``OR3 280m`` (GB, IE) or ``R4 395m Gr5`` (AU, NZ).

    Returns:
        Struct of race_number (Int16, AU and NZ only), distance_m (Int32) and race_type (String: the grade in upper
        case, or AU and NZ's class as written). All null for other markets: ``To Be Placed``, forecasts, matches.
    """
    number = pl.field("race_number").cast(pl.Int16, strict=False)
    local = _in_metres(pl.field("distance_m"), pl.field("unit"))
    british = _in_metres(pl.field("length"), pl.field("length_unit"))
    read = market_name.str.extract_groups(_MARKET).struct.with_fields(
        race_number=number,
        distance_m=pl.coalesce(local, british),
        race_type=pl.coalesce(pl.field("race_type"), pl.field("grade").str.to_uppercase()),
    )
    return pl.struct(read.struct.field("race_number"), read.struct.field("distance_m"), read.struct.field("race_type"))


def _in_metres(distance: pl.Expr, unit: pl.Expr) -> pl.Expr:
    number = distance.cast(pl.Float64, strict=False)
    is_yards = unit.str.to_lowercase().str.starts_with("y").fill_null(value=False)
    factor = pl.when(is_yards).then(METRES_PER_YARD).otherwise(1.0)
    return (number * factor).round().cast(pl.Int32, strict=False)
