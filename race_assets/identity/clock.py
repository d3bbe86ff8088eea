"""Whether a source's clock is right: its offs of a day beside those that other sources state for the same dogs.

A wrong zone, an hour too many or a date that is the day after's moves all races of a source by the same time, and its
races then meet other races of the track. So dogs are looked for on the days around, too, whatever the time.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from race_assets.identity.agreement import KEY_LENGTH, same_name
from race_assets.identity.told_races import comparable
from race_assets.settings.linking import ClockSettings
from race_assets.values import names

CLOCK = "clock_shift"
REACH = timedelta(hours=27)
"""A whole day and the widest step of a clock within it."""
NEIGHBOURS = timedelta(days=2)
"""How far around a day its own and its neighbours' verdicts look."""
FEWEST_DOGS, SHARE = 2, 0.5
MINUTE_S, HOUR_MINUTES = 60, 60
HOUR_SLACK_MINUTES = 1
"""How far from whole hours a shift is still one of whole hours."""


@dataclass(frozen=True)
class Shift:
    """A source whose offs of a day are all wrong by the same time.

    Attributes:
        minutes: its off minus that of the others.
        races: how many of its races show that.
        compared: how many could be compared.
        beside: the source they were compared with.
    """

    source: str
    race_date: date
    minutes: int
    races: int
    compared: int
    beside: str

    @property
    def message(self) -> str:
        """What a person is told."""
        return (
            f"{self.source} states the offs of {self.race_date} {abs(self.minutes)} minutes too "
            f"{'late' if self.minutes > 0 else 'early'}: {self.races} of its {self.compared} races whose dogs "
            f"{self.beside} has too show it; mend its time zone or its dates, then replay"
        )

    @property
    def text(self) -> str:
        """The verdict in short, to be compared with another."""
        return f"{self.source} {self.minutes:+d} min"


def told_dogs(records: pl.DataFrame) -> pl.DataFrame:
    """Return what verdicts need of records: one row per source, race and dog.

    Args:
        records: `source`, `provider`, `rank`, `race_date`, `track_id`, `start_at`, `dog_name`, `selection_name`.
    """
    race = ["source", "provider", "rank", "race_date", "track_id", "start_at"]
    dogs = records.select(*race, name=comparable(), is_cut=names.is_truncated(pl.col("selection_name"))).drop_nulls()
    return dogs.group_by(*race, "name").agg(pl.col("is_cut").all())


def shifts(dogs: pl.DataFrame, settings: ClockSettings) -> list[Shift]:
    """Return the sources whose clocks are wrong, by day; each is compared with all sources preferred to it.

    A meeting that was late moves all its races alike, too. So a shift must be that of several meetings; or of whole
    hours, as wrong zones and dates are, where the two sources share no ids by which the races could be known as one.

    Args:
        dogs: as `told_dogs` gives them. A day's verdict is right if the days around it are among them.
    """
    met = _met(dogs)
    minutes = pl.col("minutes")
    middle = minutes.median().over("source", "race_date", "beside")
    rest = pl.col("middle").abs() % HOUR_MINUTES
    is_whole_hours = pl.min_horizontal(rest, HOUR_MINUTES - rest) <= HOUR_SLACK_MINUTES
    shown = (minutes - middle).abs() <= settings.spread_minutes
    days = (
        met.with_columns(middle=middle, shown=shown)
        .group_by("source", "race_date", "rank", "beside")
        .agg(
            pl.col("middle").first().round().cast(pl.Int64), races=pl.col("shown").sum(), compared=pl.len(),
            meetings=pl.col("track_id").filter("shown").n_unique(), share_ids=pl.col("share_ids").any(),
        )
        .filter(
            ((pl.col("meetings") >= settings.min_meetings) | (~pl.col("share_ids") & is_whole_hours))
            & (pl.col("middle").abs() >= settings.min_shift_minutes)
            & (pl.col("races") >= settings.min_races)
            & (pl.col("races") >= settings.agreement * pl.col("compared"))
        )
        # The most believed of those it differs from speaks.
        .sort("race_date", "source", "rank")
        .unique(["race_date", "source"], keep="first", maintain_order=True)
    )  # fmt: skip
    return [
        Shift(row["source"], row["race_date"], row["middle"], row["races"], row["compared"], row["beside"])
        for row in days.iter_rows(named=True)
    ]


def _met(dogs: pl.DataFrame) -> pl.DataFrame:
    """Each race of a source beside the race of a more believed one that has most of its dogs, and the minutes between.

    Gives `source`, `race_date`, `track_id`, `beside`, `rank` (of the other), `minutes`, `share_ids`.
    """
    keyed = dogs.with_columns(key=pl.col("name").str.slice(0, KEY_LENGTH))
    # What a source tells of a day may be another's of the day before or after.
    near = [keyed.with_columns(pl.col("race_date").dt.offset_by(f"{n}d"), own_date="race_date") for n in (-1, 0, 1)]
    around = pl.concat(near)
    race = ["source", "race_date", "track_id", "start_at"]
    sizes = dogs.group_by(race).len("size")
    agree = same_name(pl.col("name"), pl.col("name_other"), pl.col("is_cut"), pl.col("is_cut_other"))
    offset = pl.col("start_at") - pl.col("start_at_other")
    both = (
        keyed.join(around, on=["track_id", "key", "race_date"], suffix="_other")
        .filter((pl.col("rank_other") < pl.col("rank")) & (offset.abs() <= REACH) & agree)
        .group_by(*race, beside="source_other", rank="rank_other", other_at="start_at_other", day="own_date")
        .agg(dogs=pl.col("name").n_unique(), share_ids=(pl.col("provider") == pl.col("provider_other")).any())
    )
    both = both.join(sizes, on=race).join(
        sizes.rename({"source": "beside", "race_date": "day", "start_at": "other_at", "size": "size_other"}),
        on=["beside", "day", "track_id", "other_at"],
    )
    enough = (pl.col("dogs") >= FEWEST_DOGS) & (pl.col("dogs") >= SHARE * pl.min_horizontal("size", "size_other"))
    offset = pl.col("start_at") - pl.col("other_at")
    best = both.filter(enough).with_columns(seconds=offset.dt.total_seconds()).sort(
        *race, "rank", "dogs", pl.col("seconds").abs(), "seconds",
        descending=[False] * (len(race) + 1) + [True, False, False],
    ).unique([*race, "beside"], keep="first", maintain_order=True)  # fmt: skip
    minutes = pl.col("seconds") / MINUTE_S
    return best.select("source", "race_date", "track_id", "beside", "rank", "share_ids", minutes=minutes)
