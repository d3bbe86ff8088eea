"""Turns written times into instants and back into local time; which day a race belongs to is not decided here.

An instant is Datetime in microseconds, UTC. A naive Datetime is what a clock on the wall shows, and means nothing
without its zone. Zones are IANA names, which Polars carries with it.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import polars as pl

__all__ = [
    "day_month",
    "in_zone",
    "is_second_pass",
    "iso_instant",
    "iso_local",
    "local_datetime",
    "localise",
    "localise_in",
    "nearest_date",
]

# The three groups bear the names of the fields of the result that are made from them.
_ISO = (
    r"^(?P<local_date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<at>(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?) ?"
    r"(?P<offset_minutes>[Zz]|[+-](?:(?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|14(?::?00)?))?$"
)
FIRST_YEAR = 1900
"""A year before it is a misread one: `%Y` takes the 24 of 15/05/24 for the year 24."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
# Some menu hints of 2017 say "23 rd Nov".
_DAY_MONTH = rf"(?i)(?:^|[^0-9])(?P<day>[0-9]{{1,2}}) *(?:st|nd|rd|th)? +(?P<month>{_MONTH_NAMES})\.?\s*$"
UTC_NAMES = ("UTC", "GMT", "Etc/UTC", "Etc/GMT")
"""Names of UTC, which any track may use."""
_HALF_A_YEAR_DAYS = 183
_LOCALISED = pl.Struct({"at": pl.Datetime("us", "UTC"), "is_ambiguous": pl.Boolean, "is_missing": pl.Boolean})


def iso_instant(text: pl.Expr) -> pl.Expr:
    """An instant from ISO 8601 with an offset, and what was written about where it is.

    Read are ``YYYY-MM-DDTHH:MM[:SS[.fff]]`` with a ``T`` or a blank, then ``Z``, ``+10:00``, ``+1000`` or ``+10``.
    Digits beyond the microsecond are cut off. Second 60 is refused: no source needs it, and letting it through
    would move an instant into the next minute.

    Args:
        text: String; blanks around it are ignored.

    Returns:
        Struct of local_date (Date, as written), at (instant) and offset_minutes (Int32, east of UTC positive, ``Z``
        is 0). Without an offset only local_date is known. A text of another shape, a day that does not exist such
        as 31 February, or a year before 1900 makes all three null.
    """
    written = pl.field("offset_minutes")
    # "+10" and "+1000" and "+10:00": hours are the first two digits; minutes, if any, the last two characters.
    hours = written.str.slice(1, 2).cast(pl.Int32, strict=False)
    minutes = pl.when(written.str.len_bytes() > len("+10")).then(written.str.slice(-2).cast(pl.Int32, strict=False))
    size = hours * 60 + minutes.fill_null(0)
    offset = (
        pl.when(written.str.to_uppercase() == "Z")
        .then(pl.lit(0, dtype=pl.Int32))
        .when(written.str.starts_with("-"))
        .then(-size)
        .otherwise(size)
    )
    read = (
        text.str.strip_chars()
        .str.extract_groups(_ISO)
        .struct.with_fields(
            local_date=_of_our_time(pl.field("local_date").str.strptime(pl.Date, "%Y-%m-%d", strict=False)),
            at=_time_of_day(pl.field("at")),
            offset_minutes=offset,
        )
    )
    instant = (
        pl.field("local_date").cast(pl.Datetime("us"))
        + pl.field("at")
        - pl.duration(minutes=pl.field("offset_minutes"))
    )
    exists = pl.field("local_date").is_not_null()
    return read.struct.with_fields(
        at=instant.dt.replace_time_zone("UTC"),
        offset_minutes=pl.when(exists).then(pl.field("offset_minutes")),
    )


def iso_local(text: pl.Expr) -> pl.Expr:
    """Read a date and time in ISO 8601 that has no offset: what some clock shows.

    Args:
        text: String, of the shapes that `iso_instant` reads, without their offset; blanks around it are ignored.

    Returns:
        Datetime('us') without zone; null for a text with an offset or `Z`, of another shape, or of a day that does not
        exist.
    """
    as_utc = pl.concat_str(text.str.strip_chars(), pl.lit("Z"))
    return iso_instant(as_utc).struct.field("at").dt.replace_time_zone(None)


def _time_of_day(clock: pl.Expr) -> pl.Expr:
    """Duration since midnight of an already checked ``HH:MM[:SS[.f]]``."""
    return pl.duration(
        hours=clock.str.slice(0, 2).cast(pl.Int64, strict=False),
        minutes=clock.str.slice(3, 2).cast(pl.Int64, strict=False),
        seconds=clock.str.slice(6, 2).cast(pl.Int64, strict=False).fill_null(0),
        microseconds=clock.str.slice(9, 6).str.pad_end(6, "0").cast(pl.Int64, strict=False).fill_null(0),
        time_unit="us",
    )


def local_datetime(text: pl.Expr, formats: Sequence[str]) -> pl.Expr:
    """A naive date and time by the first format that fits the whole text.

    Args:
        text: String; blanks around it are ignored.
        formats: strptime formats, tried in order; one without a time of day gives midnight.

    Returns:
        Datetime('us') without zone; null where none fits, the day, hour or second does not exist, or the year is before
        1900.
    """
    read = pl.struct(text.str.strip_chars().alias("text"), pl.lit(None, dtype=pl.Datetime("us")).alias("at"))
    for format_ in formats:
        unread = pl.when(pl.field("at").is_null()).then(pl.field("text"))
        parsed = _of_our_time(unread.str.strptime(pl.Datetime("us"), format_, strict=False))
        # The parser under Polars takes second 60 for the next minute.
        is_leap = unread.str.contains(":60", literal=True)
        read = read.struct.with_fields(at=pl.coalesce(pl.field("at"), pl.when(~is_leap).then(parsed)))
    return read.struct.field("at")


def _of_our_time(at: pl.Expr) -> pl.Expr:
    return pl.when(at.dt.year() >= FIRST_YEAR).then(at)


def localise(naive: pl.Expr, zone: str) -> pl.Expr:
    """The instant at which the clocks of a zone show a time.

    Args:
        naive: Datetime without zone.
        zone: IANA name.

    Returns:
        Struct of at (instant), is_ambiguous and is_missing (Boolean, null for a null time). When clocks go back a
        time exists twice: at is the earlier one and is_ambiguous true. When they go forward a time does not exist:
        at is null and is_missing true.
    """
    naive = naive.cast(pl.Datetime("us"))
    earliest, latest = (
        naive.dt.replace_time_zone(zone, ambiguous=which, non_existent="null").dt.convert_time_zone("UTC")
        for which in ("earliest", "latest")
    )
    parts = pl.struct(earliest.alias("at"), latest.alias("is_ambiguous"), naive.alias("is_missing"))
    is_known = pl.field("is_missing").is_not_null()
    return parts.struct.with_fields(
        is_ambiguous=pl.when(is_known).then((pl.field("at") != pl.field("is_ambiguous")).fill_null(value=False)),
        is_missing=pl.when(is_known).then(pl.field("at").is_null()),
    )


def localise_in(naive: pl.Expr, zone: pl.Expr, zones: Sequence[str]) -> pl.Expr:
    """`localise` where each row has a zone of its own.

    Args:
        naive: Datetime without zone.
        zone: String, the row's zone.
        zones: the zones that may occur, IANA names.

    Returns:
        The struct of `localise`; null where the zone is not among ``zones``.
    """
    told = _nothing(zone, _LOCALISED)
    for name in zones:
        told = pl.when(zone == name).then(localise(naive, name)).otherwise(told)
    return told


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that IANA name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True


def is_written_zone(name: str) -> bool:
    """Whether a cell names one zone and no other: UTC, GMT or an IANA name with a slash.

    Abbreviations name several, or another than is meant: the zone database's EST is America's, five hours behind UTC.
    """
    return name in UTC_NAMES or ("/" in name and is_zone(name))


def in_zone(at: pl.Expr, zone: pl.Expr, zones: Sequence[str]) -> pl.Expr:
    """What the clocks at each row's own place show.

    Every zone is asked for every row, yet 17 zones over a million rows take 0.2 s, no longer than sorting the rows by
    zone first.

    Args:
        at: instant.
        zone: String, the row's zone.
        zones: the zones that may occur, IANA names.

    Returns:
        Datetime('us') without zone; null for a null instant and for a zone that is not among ``zones``.
    """
    local = _nothing(zone, pl.Datetime("us"))
    for name in zones:
        local = pl.when(zone == name).then(_wall(at, name)).otherwise(local)
    return local


def is_second_pass(at: pl.Expr, zone: pl.Expr, zones: Sequence[str]) -> pl.Expr:
    """Whether an instant lies in the second of two hours that a zone's clocks show alike.

    With it the local time and the zone are enough to tell the instant again.

    Args:
        at: instant.
        zone: String, the row's zone.
        zones: the zones that may occur, IANA names.

    Returns:
        Boolean; null for a null instant and for a zone that is not among ``zones``.
    """
    second = _nothing(zone, pl.Boolean())
    for name in zones:
        first = _wall(at, name).dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
        second = pl.when(zone == name).then(first.dt.convert_time_zone("UTC") != at).otherwise(second)
    return second


def _nothing(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a null for each row of the column.

    A literal by itself has one row; a function of it has in Polars 2.1 one for each chunk of the frame.
    """
    return pl.when(column.is_null()).then(pl.lit(None, dtype=dtype))


def _wall(at: pl.Expr, zone: str) -> pl.Expr:
    return at.dt.cast_time_unit("us").dt.convert_time_zone(zone).dt.replace_time_zone(None)


def day_month(text: pl.Expr) -> pl.Expr:
    """The day and month at the end of a text, as Betfair's event names and menu hints have them, without a year.

    Args:
        text: String such as ``Kinsley 27th Jun`` or ``AUS / Cann (AUS) 24th Oct``.

    Returns:
        Struct of day and month (Int8). Both are null when the text ends otherwise or the month has no such day in
        any year; 29 February is kept.
    """
    month = (
        pl.field("month")
        .str.to_lowercase()
        .str.slice(0, 3)
        .replace_strict(list(_MONTHS), list(range(1, 13)), default=None, return_dtype=pl.Int8)
    )
    read = text.str.extract_groups(_DAY_MONTH).struct.with_fields(
        day=pl.field("day").cast(pl.Int8, strict=False), month=month
    )
    # 2000 was a leap year, so that this asks for a day that exists in some year.
    exists = _date_of(pl.lit(2000), pl.field("month"), pl.field("day")).is_not_null()
    return read.struct.with_fields(
        day=pl.when(exists).then(pl.field("day")), month=pl.when(exists).then(pl.field("month"))
    )


def nearest_date(day: pl.Expr, month: pl.Expr, reference: pl.Expr) -> pl.Expr:
    """The date with a given day and month that lies nearest to another date, to supply the year a text left out.

    Args:
        day: integer.
        month: integer.
        reference: Date.

    Returns:
        Date, at most half a year (183 days) from the reference; of two equally near ones the earlier. Null when the
        day does not exist, as for 29 February with no leap day within that distance.
    """
    year = pl.field("reference").dt.year()
    parts = pl.struct(
        day.cast(pl.Int32).alias("day"), month.cast(pl.Int32).alias("month"), reference.alias("reference")
    ).struct.with_fields(
        before=_date_of(year - 1, pl.field("month"), pl.field("day")),
        same=_date_of(year, pl.field("month"), pl.field("day")),
        after=_date_of(year + 1, pl.field("month"), pl.field("day")),
    )
    nearest, best = pl.lit(None, dtype=pl.Date), pl.lit(_HALF_A_YEAR_DAYS + 1)
    for candidate in (pl.field("before"), pl.field("same"), pl.field("after")):
        distance = (candidate - pl.field("reference")).dt.total_days().abs()
        is_nearer = distance < best
        nearest, best = (
            pl.when(is_nearer).then(candidate).otherwise(nearest),
            pl.when(is_nearer).then(distance).otherwise(best),
        )
    return parts.struct.with_fields(same=nearest).struct.field("same")


def _date_of(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """The date, or null when it does not exist; ``pl.date`` alone would raise."""
    month = pl.when(month.is_between(1, 12)).then(month)
    date = pl.date(year, month, 1) + pl.duration(days=day.cast(pl.Int64) - 1)
    return pl.when((day >= 1) & (date.dt.month() == month)).then(date)
