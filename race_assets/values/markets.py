"""Market ids in the one form they have everywhere; nothing of races or runners."""

import polars as pl


def betfair_market_id(text: pl.Expr) -> pl.Expr:
    """Betfair's market id as `1.<digits>`, from text with or without the prefix; null when it is neither."""
    digits = text.str.strip_chars().str.extract(r"^(?:1\.)?(\d+)$", 1)
    return pl.concat_str(pl.lit("1."), digits)


def stamp(at: pl.Expr) -> pl.Expr:
    """An instant as it stands in a market id: `YYYYMMDDTHHMMZ`."""
    return at.dt.strftime("%Y%m%dT%H%MZ")


def local_stamp(local: pl.Expr) -> pl.Expr:
    """Return a time on the clocks of an unnamed place as it stands in a market id: `YYYYMMDDTHHMM`."""
    return local.dt.strftime("%Y%m%dT%H%M")


def event_market_id(event_id: pl.Expr, off_stamp: pl.Expr) -> pl.Expr:
    """The id of the one market an event has at an off, for sources without market ids: `<event>@<stamp of the off>`."""
    return pl.concat_str(event_id.str.strip_chars().replace("", None), pl.lit("@"), off_stamp)
