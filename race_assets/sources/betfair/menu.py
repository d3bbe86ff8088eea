"""What a starting-price file's MENU_HINT and EVENT_NAME say: venue, country, day, and what is no race; no numbers."""

import polars as pl

from race_assets.values import times

COUNTRIES = {"AUS": "AU", "NZL": "NZ", "NZ": "NZ", "IRE": "IE", "IE": "IE", "GB": "GB", "UK": "GB", "AU": "AU"}

# Exchange markets of event type 4339 that are not about one runner of one race (SOURCE_FACTS 1.3, 10).
FORECAST = r"(?i)\(f/?c\)|^forecast|\bforecast\b|\breverse fc\b"
MATCH_BET = r"(?i)\(avb\)|match bets?\b| v "
TRAP_CHALLENGE = r"(?i)trap challenge|^trap \d+$"
TRAP = r"(?i)^\s*trap \d+\s*$"
EXOTIC = r"(?i)^(exacta|quinella|trifecta|tricast|without fav|antepost|daily winning)"
PAIR = r"^\d+ ?- ?\d+$"

DAY = r"(?i)\s+\d{1,2} ?(?:st|nd|rd|th)\s+[a-z]{3,9}$"
TAG = r"\(([A-Z]{2,3})\)"
SESSION = r"(?i)\s+(?:matinee|evening|morning|afternoon|bags|eve|aft)$"


def with_menu(frame: pl.DataFrame, hint: str, event_name: str, selection_name: str) -> pl.DataFrame:
    """Adds `track_name`, `country` (`GB/IE` where the hint leaves the two open), `menu_day`, `menu_month`, `filtered`.

    Hints repeat for every runner of a meeting, so each is read once.
    """
    hints = frame.select(hint).unique().with_columns(_venue(pl.col(hint)), _country(pl.col(hint)), *_day(pl.col(hint)))
    frame = frame.join(hints, on=hint, how="left", nulls_equal=True, maintain_order="left")
    return frame.with_columns(filtered=no_runner(pl.col(hint), pl.col(event_name), pl.col(selection_name)))


def _venue(hint: pl.Expr) -> pl.Expr:
    place = hint.str.replace(r"^.*\s/\s", "").str.replace(DAY, "").str.replace_all(r"\([^)]*\)", "")
    return place.str.strip_chars().str.replace(SESSION, "").replace("", None).alias("track_name")


def _country(hint: pl.Expr) -> pl.Expr:
    tag = hint.str.extract(TAG, 1).replace_strict(COUNTRIES, default=None)
    prefix = hint.str.extract(r"^([A-Z]{2,3})\s/\s", 1).replace_strict(COUNTRIES, default=None)
    return pl.coalesce(tag, prefix, pl.lit("GB/IE")).alias("country")


def _day(hint: pl.Expr) -> list[pl.Expr]:
    day = times.day_month(hint)
    return [day.struct.field("day").alias("menu_day"), day.struct.field("month").alias("menu_month")]


def no_runner(hint: pl.Expr, event: pl.Expr, selection: pl.Expr) -> pl.Expr:
    """Return why a row is not a runner of a race, or null; Excel made dates of pairs `1 - 5`, so the hint goes first.

    Args:
        hint: the meeting as Betfair's menu has it.
        event: the market's name.
        selection: the runner's name.
    """
    said = pl.concat_str(hint.fill_null(""), pl.lit("\n"), event.fill_null(""))
    either = {
        "trap_challenge": said.str.contains(TRAP_CHALLENGE.replace("^", "(?m)^")) | selection.str.contains(TRAP),
        "forecast": said.str.contains(FORECAST.replace("^", "(?m)^")) | selection.str.contains(PAIR),
        "match_bet": said.str.contains(MATCH_BET),
        "exotic": event.str.contains(EXOTIC),
    }
    reason = pl.lit(None, dtype=pl.String)
    for name, condition in reversed(either.items()):
        reason = pl.when(condition.fill_null(value=False)).then(pl.lit(name)).otherwise(reason)
    return reason
