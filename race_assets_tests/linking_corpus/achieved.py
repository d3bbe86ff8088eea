"""Counts, from the told records and the truth alone, how often each thing really goes wrong in a corpus."""

import datetime as dt
from typing import Any

import polars as pl

from race_assets_tests.linking_corpus.rates import BETFAIR, CLUB, RACING_POST
from race_assets_tests.linking_corpus.spelling import CUT

MARKET = ["source", "market_id"]
RUNNER = [*MARKET, "selection_id"]
_TWINS_APART = 6
"""Minutes."""


def describe(records: pl.DataFrame, races: pl.DataFrame, runners: pl.DataFrame) -> dict[str, Any]:
    """Figures and shares of a corpus; shares are of what the name says, rounded to four places."""
    rows = records.join(races, on=MARKET).join(runners, on=RUNNER)
    markets = rows.group_by(*MARKET, "market_type", "race").agg(
        pl.col("start_at", "track_id", "track_name", "race_date", "race_type", "distance_m").first(),
        is_void=(pl.col("result") == "VOID").any(),
        event_id=pl.col("event_id").first(),
        has_traps=pl.col("trap").is_not_null().any(),
    )
    several = markets.group_by("race").agg(tellers=pl.col("source").n_unique()).filter(pl.col("tellers") > 1)
    figures = _sizes(rows, markets) | _names(rows) | _missing(rows, several) | _delays(markets) | _twins(markets)
    figures |= _doubtful_dogs(rows) | _traps(rows, markets) | _places_and_days(markets)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


def _share(flags: pl.Series) -> float:
    mean = flags.cast(pl.Float64).mean()
    return float(mean) if isinstance(mean, float) else 0.0


def _sizes(rows: pl.DataFrame, markets: pl.DataFrame) -> dict[str, Any]:
    tellers = markets.group_by("race").agg(pl.col("source").n_unique())["source"]
    betfair = markets.filter(pl.col("source") == BETFAIR)
    with_place = betfair.group_by("race").agg(pl.col("market_type").n_unique())["market_type"] > 1
    counted = markets.group_by("source", "market_type").len().sort("source", "market_type")
    return {
        "records": rows.height,
        "races": tellers.len(),
        "runners": rows["runner"].n_unique(),
        "races_by_tellers": {n: int((tellers == n).sum()) for n in (1, 2, 3)},
        "markets": {f"{source} {kind}": n for source, kind, n in counted.iter_rows()},
        "races_with_place_market": _share(with_place),
    }  # fmt: skip


def _letters(name: pl.Expr) -> pl.Expr:
    return name.str.normalize("NFKD").str.replace_all(r"[^\p{L}\p{N}]", "").str.to_uppercase()


def _names(rows: pl.DataFrame) -> dict[str, Any]:
    """A dog's name is altered when two sources spell it with other letters; case, blanks and accents count not."""
    dogs = rows.filter(pl.col("selection_name") != "Vacant")
    each = dogs.group_by("runner").agg(
        pl.col("source").n_unique().alias("tellers"),
        (_letters(pl.col("dog_name")).n_unique() > 1).alias("is_altered"),
    )
    told_twice = each.filter(pl.col("tellers") > 1)
    cut = dogs.filter(pl.col("source") == BETFAIR)["selection_name"].str.replace(r"^\d+\. ", "")
    cut = cut.str.replace(r"(?i) \(res\)$", "")
    spelt = dogs.with_columns(spelt=_letters(pl.col("dog_name")))
    pairs = spelt.filter(pl.col("source") == RACING_POST).join(
        spelt.filter(pl.col("source") == CLUB), on="runner", suffix="_club"
    )
    return {
        "names_altered_of_dogs_told_twice": _share(told_twice["is_altered"]),
        "names_altered_of_all_dogs": _share(each["is_altered"]),
        "betfair_names_of_16": _share(cut.str.len_chars() == CUT),
        "names_other_at_club_than_at_racing_post": _share(pairs["spelt"] != pairs["spelt_club"]),
        "runners_with_reserve_mark": int(dogs["selection_name"].str.contains(r"(?i)\(res\)").sum()),
    }


def _missing(rows: pl.DataFrame, several: pl.DataFrame) -> dict[str, Any]:
    """Of dogs that no source knows to be withdrawn: missing from a source that tells the race."""
    stood = rows.filter((pl.col("status") == "ACTIVE").all().over("runner"))
    each = stood.join(several, on="race").group_by("runner").agg(
        pl.col("source").n_unique().alias("told"), pl.col("tellers").first()
    )  # fmt: skip
    return {"runners_missing_from_a_source": _share(each["told"] < each["tellers"])}


def _delays(markets: pl.DataFrame) -> dict[str, Any]:
    offs = markets.group_by("race", "source").agg(pl.col("start_at").first())
    spread = offs.group_by("race").agg(
        minutes=(pl.col("start_at").max() - pl.col("start_at").min()).dt.total_minutes(), tellers=pl.len()
    )
    spread = spread.filter(pl.col("tellers") > 1)["minutes"]
    pairs = offs.filter(pl.col("source") == BETFAIR).join(
        offs.filter(pl.col("source") != BETFAIR), on="race", suffix="_other"
    )
    later = (pairs["start_at"] - pairs["start_at_other"]).dt.total_minutes()
    return {
        "delays_in_minutes": {minutes: int((spread == minutes).sum()) for minutes in range(int(spread.max() or 0) + 1)},
        "races_with_differing_offs": _share(spread > 0),
        "betfair_later": _share(later > 0),
        "betfair_earlier": _share(later < 0),
    }


def _twins(markets: pl.DataFrame) -> dict[str, Any]:
    win = markets.filter(pl.col("market_type") == "WIN").sort("source", "track_id", "start_at")
    before = pl.col("start_at").shift().over("source", "track_id")
    near = (pl.col("start_at") - before).dt.total_minutes() <= _TWINS_APART
    same = (pl.col("distance_m") == pl.col("distance_m").shift()) & (pl.col("race_type") == pl.col("race_type").shift())
    is_near, is_twin = (win.select(told.fill_null(value=False)).to_series() for told in (near, near & same))
    return {"told_within_6_minutes": int(is_near.sum()), "twins": int(is_twin.sum()), "twins_share": _share(is_twin)}


def _doubtful_dogs(rows: pl.DataFrame) -> dict[str, Any]:
    """Dogs of one name, and dogs entered twice, on one day, as Racing Post's names and ids show them."""
    told = rows.filter((pl.col("source") == RACING_POST) & (pl.col("selection_name") != "Vacant"))
    told = told.with_columns(spelt=_letters(pl.col("dog_name")))
    names = told.group_by("race_date", "spelt").agg(
        pl.col("race").n_unique().alias("races"), pl.col("selection_id").n_unique().alias("dogs")
    )
    twice = names.filter(pl.col("races") > 1)
    cut = rows.filter(pl.col("source") != BETFAIR).with_columns(
        pl.col("dog_name").str.slice(0, CUT).str.to_uppercase().alias("cut")
    )
    alike = cut.group_by(*MARKET, "cut").agg(pl.col("runner").n_unique()).filter(pl.col("runner") > 1)
    return {
        "namesakes_of_a_day": int((twice["dogs"] > 1).sum()),
        "dogs_entered_twice_a_day": int((twice["dogs"] == 1).sum()),
        "told_races_with_names_alike_when_cut": alike.select(MARKET).n_unique(),
    }


def _traps(rows: pl.DataFrame, markets: pl.DataFrame) -> dict[str, Any]:
    shared = rows.drop_nulls("trap").group_by(*MARKET, "trap").agg(pl.len()).filter(pl.col("len") > 1)
    club = markets.filter(pl.col("source") == CLUB)
    return {
        "told_traps_with_two_dogs": shared.height,
        "club_races_without_traps": _share(~club["has_traps"]),
        "runners_by_status": dict(rows.group_by("status").len().sort("status").iter_rows()),
    }


def _places_and_days(markets: pl.DataFrame) -> dict[str, Any]:
    race = markets.group_by("race").agg(
        pl.col("track_name", "race_date").n_unique(), pl.col("source").n_unique(), pl.col("is_void").any()
    )
    several = race.filter(pl.col("source") > 1)
    meetings = markets.filter(pl.col("source") == BETFAIR).group_by("track_id", "race_date").agg(
        pl.col("event_id").n_unique()
    )  # fmt: skip
    return {
        "races_under_two_track_names": _share(several["track_name"] > 1),
        "track_days_with_two_meetings": int((meetings["event_id"] > 1).sum()),
        "races_on_two_dates": int((several["race_date"] > 1).sum()),
        "void_races_betfair_tells": int(race["is_void"].sum()),
        "races_on_days_of_clock_change": {
            place: markets.filter(pl.col("track_id").str.starts_with(place), pl.col("race_date").is_in(days))[
                "race"
            ].n_unique()
            for place, days in _CLOCK_CHANGES.items()
        },
    }


_CLOCK_CHANGES = {
    "gb": [dt.date(2024, 3, 31), dt.date(2024, 10, 27)],
    "ie": [dt.date(2024, 3, 31), dt.date(2024, 10, 27)],
    "au": [dt.date(2024, 4, 7), dt.date(2024, 10, 6)],
    "nz": [dt.date(2024, 4, 7), dt.date(2024, 9, 29)],
}
