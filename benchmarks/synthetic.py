"""The made-up input of the benchmarks: CSV files in the betfair_csv format, the same bytes for the same arguments."""

import datetime as dt
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import polars as pl

from race_assets.values.texts import formatted

# UTC hours in which every scheduled off has, at its track, the same calendar date as in UTC.
GB_FIRST_MINUTE = 10 * 60
AU_FIRST_MINUTE = 0
MEETING_MINUTES = 12 * 60
GB_TRACKS = (
    "Romford", "Hove", "Crayford", "Towcester", "Monmore", "Nottingham", "Sheffield", "Sunderland", "Newcastle",
    "Oxford", "Yarmouth", "Kinsley", "Central Park", "Swindon", "Doncaster", "Harlow", "Perry Barr", "Valley",
)  # fmt: skip
AU_TRACKS = (
    "Wentworth Park", "The Meadows", "Sandown Park", "Albion Park", "Angle Park", "Cannington", "Mandurah", "Hobart",
    "Launceston", "Geelong", "Ballarat", "Bendigo", "Warragul", "Sale", "Horsham", "Shepparton", "Richmond", "Gosford",
    "Dubbo", "Grafton",
)  # fmt: skip
FIRST_WORDS = ("Swift", "Lucky", "Golden", "Droopys", "Savana", "Ballymac", "Coolavanny", "Fernando", "Aston", "Mystic")
SECOND_WORDS = ("Arrow", "Comet", "Duke", "Flyer", "Gem", "Hawk", "Jet", "Lad", "Missile", "Rocket", "Star", "Vic")
DOGS = 24_000
TRAPS = 6
OVER_ROUND = 1.06
FIRST_DAY = dt.date(2023, 1, 1)
DAYS_PER_CHUNK = 30
UNIT = 1 << 32


@dataclass(frozen=True)
class Shape:
    """How much to make: whole days from ``first``, each of exactly ``rows_per_day`` runners."""

    days: int = 365
    rows_per_day: int = 10_000
    first: dt.date = FIRST_DAY
    seed: int = 20_240_627

    @property
    def rows(self) -> int:
        """All rows of the file."""
        return self.days * self.rows_per_day

    @property
    def last(self) -> dt.date:
        """The last race day of the file."""
        return self.first + dt.timedelta(days=self.days - 1)


def _draw(seed: int) -> pl.Expr:
    """A number in [0, 1) for each row, decided by the row's place and the seed."""
    return (pl.struct("race_date", "race", "trap").hash(seed) % UNIT) / UNIT


def _card(shape: Shape) -> pl.DataFrame:
    """The races of any one day: race number, track, and the slot of minutes its off lies in."""
    races = -(-shape.rows_per_day // TRAPS)
    tracks = len(GB_TRACKS) + len(AU_TRACKS)
    slots = -(-races // tracks)
    gap = MEETING_MINUTES // slots
    if not gap:
        raise ValueError(f"{shape.rows_per_day} rows a day need {slots} races a track, more than there are minutes")
    places = [(name, GB_FIRST_MINUTE) for name in GB_TRACKS] + [(name, AU_FIRST_MINUTE) for name in AU_TRACKS]
    rows = [
        (race, race % tracks, name, first + race // tracks * gap, gap)
        for race, (name, first) in enumerate(islice(cycle(places), races))
    ]
    return pl.DataFrame(rows, schema=["race", "meeting", "track", "slot_start", "gap"], orient="row")


def _dog_names() -> pl.DataFrame:
    """The dogs: a number and a name each; names repeat with a numeral as real ones do."""
    pairs = [f"{first} {second}" for second in SECOND_WORDS for first in FIRST_WORDS]
    names = [f"{pairs[i % len(pairs)]} {i // len(pairs) + 1}" for i in range(DOGS)]
    return pl.DataFrame({"dog": range(DOGS), "dog_name": names}, schema_overrides={"dog": pl.Int64})


def make_days(shape: Shape, first: dt.date, days: int) -> pl.DataFrame:
    """The rows of ``days`` days from ``first``, in the columns of the betfair_csv format."""
    traps = pl.DataFrame({"trap": range(1, TRAPS + 1)})
    runners = _card(shape).join(traps, how="cross").head(shape.rows_per_day)
    dates = pl.date_range(first, first + dt.timedelta(days=days - 1), eager=True).alias("race_date")
    day = (pl.col("race_date") - pl.lit(shape.first)).dt.total_days()
    race_of_day = ["race_date", "race"]
    weight = _draw(shape.seed) * 0.9 + 0.1
    minute = pl.col("slot_start") + (pl.struct(race_of_day).hash(shape.seed + 1) % pl.col("gap")).cast(pl.Int64)
    return (
        dates.to_frame()
        .join(runners, how="cross")
        .with_columns(
            weight=weight,
            start_at=pl.col("race_date").cast(pl.Datetime("us")) + pl.duration(minutes=minute),
            dog=(day * 1237 + pl.col("race") * TRAPS + pl.col("trap")) % DOGS,
        )
        .join(_dog_names(), on="dog", how="left", maintain_order="left")
        .select(
            event_id=30_000_000 + day * 100 + pl.col("meeting"),
            event_name=pl.col("track") + " " + pl.col("race_date").dt.strftime("%-d %b"),
            track="track",
            start_time=pl.col("start_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            selection_id=40_000_000 + pl.col("dog"),
            selection_name=formatted("{}. {}", "trap", "dog_name"),
            price=(pl.col("weight").sum().over(race_of_day) / pl.col("weight") / OVER_ROUND).clip(1.01, 1000).round(2),
            volume=(_draw(shape.seed + 2) ** 3 * 8000).round(2),
        )
    )


def write_csv(shape: Shape, path: Path) -> None:
    """Write the file, some days at a time; an unfinished file never has its final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as out:
        for done in range(0, shape.days, DAYS_PER_CHUNK):
            days = min(DAYS_PER_CHUNK, shape.days - done)
            chunk = make_days(shape, shape.first + dt.timedelta(days=done), days)
            chunk.write_csv(out, include_header=done == 0, float_precision=2)
    unfinished.replace(path)
