"""How a file writes its dates and times, told from the texts themselves; zones and days are settled elsewhere."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import polars as pl

from race_assets.values import times

DATES = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y",
    "%d %B %Y", "%d-%b-%Y", "%b %d %Y", "%B %d, %Y", "%A, %d %B %Y", "%A %d %B %Y", "%a %d %b %Y", "%d/%m/%y",
    "%m/%d/%y", "%d-%m-%y", "%d %b %y", "%d-%b-%y",
)  # fmt: skip
CLOCKS = {
    "%H:%M": r"\d:\d{1,2}$", "%H:%M:%S": r":\d{1,2}:\d{1,2}$", "%H:%M:%S%.f": r":\d{1,2}\.\d+$",
    "%I:%M %p": r"(?i):\d{1,2}\s*[ap]m$", "%I:%M%p": r"(?i):\d{1,2}\s*[ap]m$",
    "%I:%M:%S %p": r"(?i):\d{1,2}:\d{1,2}\s*[ap]m$", "%H.%M": r"\d\.\d{1,2}$",
    "%I.%M%p": r"(?i)\.\d{1,2}\s*[ap]m$", "%I.%M %p": r"(?i)\.\d{1,2}\s*[ap]m$", "%H%M": r"\d{3,4}$",
}  # fmt: skip
"""Formats of times of day, and what every text that one of them reads ends in."""
GAPS = {" ": r"\s", "T": "T"}
EARLIEST, LATEST = 1990, 2100
"""A year outside is a misread one."""
SAMPLE = 2_000

_DAY_AND_MONTH = r"^\D*(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})\b"
_MIDDLE = 12
_SHORT = r"^\D*(\d{2})([/.-])(\d{2})[/.-](\d{2})\b"
_SHORT_YEARS = (10, 29)
"""Two digits that come first may be a year's from 2010 on."""
_ORDINAL = r"(?i)\b(\d{1,2})(?:st|nd|rd|th)\b"


@dataclass(frozen=True)
class Written:
    """How one column's dates and times are written.

    Attributes:
        formats: strptime's, the most frequent first; empty where none fits any text.
        has_offset: texts are ISO 8601 with an offset or Z.
        is_ambiguous: day and month, or day and year, cannot be told apart by these texts.
        may_be_year_first: 23/06/12 and its like are read as a day of 2012, and may be one of 2023.
    """

    formats: tuple[str, ...] = ()
    has_offset: bool = False
    is_ambiguous: bool = False
    may_be_year_first: bool = False


def read(text: pl.Expr, formats: Sequence[str]) -> pl.Expr:
    """Return the naive date and time by the first of the formats that fits; null also for years no race was run in.

    Where none fits, days written as ``15th`` are tried as 15.
    """
    ordinal = pl.when(text.str.contains(_ORDINAL)).then(text.str.replace(_ORDINAL, "$1"))
    at = pl.coalesce(times.local_datetime(text, formats), times.local_datetime(ordinal, formats))
    return pl.when(at.dt.year().is_between(EARLIEST, LATEST)).then(at)


def guess(texts: pl.Series, *, with_clock: bool, order: str | None = None) -> Written:
    """How these texts are written.

    Args:
        texts: of one column; nulls are left out.
        with_clock: whether a time of day is looked for too; a date alone is then taken for no time.
        order: `day` or `month`, whichever is known to come first; else it is told by the texts.
    """
    sample = texts.drop_nulls().unique(maintain_order=True).head(SAMPLE)
    if not sample.len():
        return Written()
    instants = sample.to_frame("text").select(at=times.iso_instant(pl.col("text")).struct.field("at")).to_series()
    if with_clock and instants.null_count() < instants.len() / 2:
        return Written(has_offset=True)
    is_open = order is None and _may_be_year_first(sample)
    candidates = [*map("".join, product(DATES, _seen(sample, GAPS), _seen(sample, CLOCKS)))] if with_clock else DATES
    order = order or order_of(sample)
    formats = _fitting(sample, candidates, order)
    is_short = is_open and any("%y" in each for each in formats)
    is_ambiguous = is_short or (order is None and any(map(order_in, formats)))
    return Written(formats, is_ambiguous=is_ambiguous, may_be_year_first=is_short)


def _seen(texts: pl.Series, shapes: Mapping[str, str]) -> list[str]:
    """Return the formats whose shape some text has: most need not be tried."""
    return [format_ for format_, shape in shapes.items() if texts.str.strip_chars().str.contains(shape).any()]


def _fitting(sample: pl.Series, candidates: Iterable[str], order: str | None) -> tuple[str, ...]:
    """Formats that read texts no earlier one reads, those that read most first, until all are read."""
    left, formats = sample, []
    usable = [each for each in candidates if order is None or order_in(each) in {None, order}]
    while left.len():
        probe = left.head(20)
        likely = [each for each, count in zip(usable, counts_read(probe, usable), strict=True) if count]
        counts = counts_read(left, likely)
        best = likely[counts.index(max(counts))] if likely else None
        if best is None:
            # What stands first is written in no known way: what follows it may be.
            left = left.slice(20)
            continue
        formats.append(best)
        at = left.to_frame("text").select(read(pl.col("text"), [best])).to_series()
        left = left.filter(at.is_null())
        usable.remove(best)
    return tuple(formats)


def counts_read(texts: pl.Series, formats: Sequence[str]) -> list[int]:
    """Return for each format how many of these texts it reads."""
    counts = [read(pl.col("text"), [each]).is_not_null().sum().alias(each) for each in formats]
    return list(texts.to_frame("text").select(counts).row(0)) if counts else []


def count_read(texts: pl.Series, format_: str) -> int:
    """Return how many of these texts a format reads."""
    return counts_read(texts, [format_])[0]


def _may_be_year_first(texts: pl.Series) -> bool:
    """Whether dates of three pairs of digits may begin with the year: what ends them changes as often as what begins.

    In files of one year the year is what changes least, and a first pair that no year has is a day.
    """
    pairs = texts.str.extract_groups(_SHORT).struct.unnest().drop_nulls()
    if pairs.is_empty():
        return False
    first, month, last = (pairs.to_series(each).cast(pl.Int16) for each in (0, 2, 3))
    is_possible = first.is_between(*_SHORT_YEARS).all() and (month <= _MIDDLE).all() and last.is_between(1, 31).all()
    return bool(is_possible) and last.n_unique() >= first.n_unique()


def order_in(format_: str) -> str | None:
    """Whether day or month comes first in a date of numbers; None where that is no question."""
    if re.search(r"%d[/.-]%m", format_):
        return "day"
    return "month" if re.search(r"%m[/.-]%d[/.-]%[yY]", format_) else None


def order_of(texts: pl.Series) -> str | None:
    """Which of day and month comes first, by a text in which one of them is above 12; None where none is."""
    parts = texts.str.extract_groups(_DAY_AND_MONTH).struct.unnest()
    above = parts.select((pl.all().cast(pl.Int16, strict=False) > _MIDDLE).fill_null(value=False))
    first, second = above.select(pl.all().any()).row(0)
    if first and second:
        # Some say one and some the other: the first that says anything decides, the others will be refused.
        first = above.to_series(0).to_list().index(True) <= above.to_series(1).to_list().index(True)
    return "day" if first else "month" if second else None
