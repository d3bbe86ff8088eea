"""What the provider's words come to, as Polars expressions: moments, flags, places, prices; no record is made here.

Every expression takes text as `reading.py` gives it: trimmed, null where there is nothing.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from race_assets.values import distances, numbers, odds, times

WITHOUT_OFFSET = tuple(
    f"%Y-%m-%d{between}%H:%M{seconds}" for between in ("T", " ") for seconds in (":%S%.f", ":%S", "")
)
COUNTRIES = {
    **dict.fromkeys(("GB", "UK", "GBR", "GREAT BRITAIN", "UNITED KINGDOM"), "GB"),
    **dict.fromkeys(("IE", "IRE", "IRL", "ROI", "IRELAND"), "IE"),
    **{name: name for name in ("AU", "NZ")},
}
EITHER = "GB/IE"
"""The feed has both, and does not always say which."""

_TRIAL = r"(?i)^T\d*$"
THOUSANDTHS = 3


def moment(text: pl.Expr, zone: str) -> pl.Expr:
    """When something is to be, and on which day.

    Args:
        text: ISO 8601, with an offset or on the clocks of `zone`; or a date alone.
        zone: IANA name.

    Returns:
        Struct of at (instant), day (Date as it is where it happens: null where the text or the zone says nothing of the
        calendar there), is_ambiguous and is_missing (as `times.localise` has them; null with an offset).
    """
    iso = times.iso_instant(text)
    naive = times.local_datetime(text, WITHOUT_OFFSET)
    parts = pl.struct(
        iso.alias("at"),
        naive.alias("day"),
        times.localise(naive, zone).alias("is_ambiguous"),
        times.local_datetime(text, ("%Y-%m-%d",)).dt.date().alias("is_missing"),
    )
    local, zoned, alone = pl.field("day"), pl.field("is_ambiguous"), pl.field("is_missing")
    written = pl.field("at").struct.field("local_date")
    has_calendar = pl.field("at").struct.field("offset_minutes") != 0
    local_day = local.dt.date() if _has_calendar(zone) else pl.lit(None, dtype=pl.Date)
    return parts.struct.with_fields(
        at=pl.coalesce(pl.field("at").struct.field("at"), zoned.struct.field("at")),
        day=pl.coalesce(pl.when(has_calendar).then(written), local_day, alone),
        is_ambiguous=zoned.struct.field("is_ambiguous"),
        is_missing=zoned.struct.field("is_missing"),
    )


def _has_calendar(zone: str) -> bool:
    """Whether a zone is one that people live by: UTC is nobody's."""
    return any(ZoneInfo(zone).utcoffset(datetime(2024, month, 1)) for month in (1, 7))  # noqa: DTZ001 - a wall clock


def is_set(text: pl.Expr) -> pl.Expr:
    """Whether a flag is set: 1, true, yes; never null."""
    return text.str.to_lowercase().is_in(["1", "true", "yes", "y", "t"]).fill_null(value=False)


def country(text: pl.Expr) -> pl.Expr:
    """The country as the registry is asked: what is not said, or not in these words, is Britain or Ireland."""
    return text.str.to_uppercase().replace_strict(COUNTRIES, default=EITHER).fill_null(EITHER)


def whole(text: pl.Expr) -> pl.Expr:
    """A small whole number, such as a trap."""
    number = numbers.plain_decimal(text)
    return pl.when(number == number.floor()).then(number).cast(pl.Int16, strict=False)


def number(text: pl.Expr) -> pl.Expr:
    """A measure, of which more than thousandths are the provider's own rounding (SOURCE_FACTS 4)."""
    return numbers.plain_decimal(text).round(THOUSANDTHS)


def price(text: pl.Expr) -> pl.Expr:
    """Struct of decimal and favourite, as `odds.fractional_odds` gives them."""
    return odds.fractional_odds(text)


def is_bad_price(text: pl.Expr) -> pl.Expr:
    """Whether a text is neither a price nor a word for none."""
    return price(text).struct.field("decimal").is_null() & ~odds.is_null_word(text)


def fraction(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """A price as written out of its two numbers; null without either."""
    return pl.concat_str(numerator, pl.lit("/"), denominator)


def is_trial(flag: pl.Expr, grade: pl.Expr) -> pl.Expr:
    """Whether a run was a trial: the flag says more than `NT`, not a trial, or the grade is T, T1, T2 and so on."""
    by_flag = ~flag.str.to_uppercase().is_in(["NT", "N", "NO", "0", "FALSE"])
    return by_flag.fill_null(value=False) | grade.str.contains(_TRIAL).fill_null(value=False)


def metres(text: pl.Expr) -> pl.Expr:
    """A distance run, in metres."""
    return distances.metres(text)


def quoted(column: str) -> pl.Expr:
    """The text as a message shows it."""
    return pl.concat_str(pl.lit("'"), pl.col(column).fill_null("").str.slice(0, 60), pl.lit("'"))
