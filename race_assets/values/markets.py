"""Market ids in the one form they have everywhere; nothing of races or runners."""

import polars as pl

LEAST_DIGITS = 7


def betfair_market_id(text: pl.Expr) -> pl.Expr:
    """Return Betfair's market id as `1.<digits>`, from text with or without the prefix; null where it is neither.

    After a prefix that is written there must be seven digits: `1.2` is what a spreadsheet leaves of `1.200000000`. Ids
    have had eight or nine since 2008. A whole number may have `.0` behind it.
    """
    bare = text.str.strip_chars()
    digits = bare.str.extract(r"^(?:1\.)?([0-9]+?)(?:\.0)?$", 1)
    is_cut = bare.str.starts_with("1.") & (digits.str.len_bytes() < LEAST_DIGITS)
    return pl.concat_str(pl.lit("1."), pl.when(~is_cut).then(digits))


def stamp(at: pl.Expr) -> pl.Expr:
    """An instant as it stands in a market id: `YYYYMMDDTHHMMZ`."""
    return at.dt.strftime("%Y%m%dT%H%MZ")


def local_stamp(local: pl.Expr) -> pl.Expr:
    """Return a time on the clocks of an unnamed place as it stands in a market id: `YYYYMMDDTHHMM`."""
    return local.dt.strftime("%Y%m%dT%H%M")


def event_market_id(event_id: pl.Expr, off_stamp: pl.Expr) -> pl.Expr:
    """The id of the one market an event has at an off, for sources without market ids: `<event>@<stamp of the off>`."""
    return pl.concat_str(event_id.str.strip_chars().replace("", None), pl.lit("@"), off_stamp)
