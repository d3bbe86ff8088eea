"""What happened in an invented world, as plain values: the oracle of tests; how the feed words it is in `payloads`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from race_assets_tests.fake_betfair.cast import Cast

LONDON = ZoneInfo("Europe/London")
FIRST = date(2024, 6, 26)
RACES_A_MEETING = 4

# The provider's number of a track, its name in races and in form, its country, its key in our registry.
TRACKS = (
    ("76", "Kinsley", "Kins", "GB", "gb-kinsley"),
    ("73", "Valley", "Vall", "GB", "gb-the-valley"),
    ("21", "Shelbourne Park", "ShPk", "IE", "ie-shelbourne-park"),
)

# A price as written, its decimal odds, the favourite's mark.
PRICES = (
    ("5/2", 3.5, None), ("11/8F", 2.375, "F"), ("Evs", 2.0, None), ("7/2J", 4.5, "JF"), ("100/30", 4.333333, None),
    ("4/6F", 1.666667, "F"), ("12", 13.0, None), ("9/4C", 3.25, "CF"),
)  # fmt: skip

# A distance beaten as the feed writes it, as a person reads it, and in lengths.
BEATEN = (
    ("1&frac12", "1½", 1.5), ("&frac34;", "¾", 0.75), ("nk", "nk", 0.3), ("shd", "shd", 0.1), ("2 1/4", "2 1/4", 2.25),
    ("dist", "dist", None), ("7", "7", 7.0), ("3&frac14", "3¼", 3.25),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A past run as it should be read."""

    run_id: str | None
    at: datetime
    track: tuple[str, ...]
    distance: int
    trap: int
    grade: str
    is_trial: bool
    place: int | None
    outcome: str
    sectional: float
    calc: float
    winner: float
    beaten: tuple[str, str, float | None]
    other: str
    going: str
    weight: float
    price: tuple[str, float, str | None]
    remarks: str
    bends: str


@dataclass(frozen=True)
class Runner:
    """A runner, or a vacant place, as it should be read; `status` is None where a record is filtered."""

    dog_id: str
    name: str
    trap: int | None
    forecast: tuple[str, float, str | None]
    price: tuple[str, float, str | None]
    position: str = ""
    place: int | None = None
    status: str | None = "ACTIVE"
    result: str | None = None
    is_dead_heat: bool | None = None
    is_reserve: bool = False
    runs: tuple[Run, ...] = ()
    chance: int = 0
    speed: int = 0
    comment: str = ""


@dataclass(frozen=True)
class Race:
    """A race as it should be read."""

    race_id: str
    track: tuple[str, ...]
    off: datetime
    number: int
    grade: str
    distance: int
    status: str
    runners: tuple[Runner, ...]
    picks: tuple[int, ...]
    comment: str

    @property
    def day(self) -> date:
        """The day on London's clocks, which Ireland's agree with."""
        return self.off.astimezone(LONDON).date()


def world(first: date = FIRST, days: int = 2, seed: int = 40) -> tuple[Race, ...]:
    """Days of meetings, four races each: plain; non-runner and reserves; dead heat and vacant trap; void."""
    cast = Cast(seed)
    return tuple(_races(cast, first, days))


def _races(cast: Cast, first: date, days: int) -> Iterator[Race]:
    for number in range(days):
        for at, track in enumerate(TRACKS):
            for race in range(1, RACES_A_MEETING + 1):
                start = datetime.combine(first + timedelta(days=number), time(18 + at, 12 * race), LONDON)
                yield _race(cast, track, start.astimezone(UTC), race, 2_050_000 + number * 100 + at * 10 + race)


def _race(cast: Cast, track: tuple[str, ...], off: datetime, number: int, race_id: int) -> Race:
    order = cast.rng.sample(range(1, 7), 6)
    runners = [_runner(cast, track, off, trap, order.index(trap) + 1) for trap in range(1, 7)]
    status = "VOID" if number == 4 else "RESULT"
    if number == 2:
        runners[2] = replace(runners[2], position="N", place=None, status="SCRATCHED", result=None, is_dead_heat=None)
        stood_in = replace(_runner(cast, track, off, 3, 6), is_reserve=True)
        idle = replace(_runner(cast, track, off, 7, 6), trap=None, is_reserve=True)
        runners = [*_closed_up(runners), replace(stood_in, position="6", place=6)]
        runners.append(replace(idle, position="", place=None, status="INACTIVE", result=None, is_dead_heat=None))
    elif number == 3:
        ran = _closed_up([each for each in runners if each.trap != 6])
        runners = [_shared(each) if each.place in (1, 2) else each for each in ran]
        runners.append(Runner("", "Vacant", 6, PRICES[0], PRICES[0], status=None))
    elif number == 4:
        runners = [replace(r, position="", place=None, result="VOID", is_dead_heat=None) for r in runners]
    return Race(
        str(race_id), track, off, number, cast.rng.choice(["A3", "D2", "OR"]), cast.rng.choice([268, 462, 500]),
        status, tuple(runners), tuple(cast.rng.sample(range(1, 7), 3)), f"Invented words about race {race_id}.",
    )  # fmt: skip


def _closed_up(runners: Sequence[Runner]) -> list[Runner]:
    """The runners, the places of those who ran without gaps."""
    placed = sorted(each.place for each in runners if each.place is not None)
    return [each if each.place is None else _finished(each, placed.index(each.place) + 1) for each in runners]


def _shared(runner: Runner) -> Runner:
    """The first place, which another has too."""
    return replace(_finished(runner, 1), is_dead_heat=True)


def _finished(runner: Runner, place: int) -> Runner:
    result = "WINNER" if place == 1 else "LOSER"
    return replace(runner, position=str(place), place=place, result=result, is_dead_heat=False)


def _runner(cast: Cast, track: tuple[str, ...], off: datetime, trap: int, place: int) -> Runner:
    dog = cast.dog(trap)
    rng = cast.rng
    runner = Runner(
        f"6{dog.selection_id % 1_000_000:06}", dog.name, trap, rng.choice(PRICES[:1] + PRICES[2:3]), rng.choice(PRICES),
        runs=tuple(_run(cast, track, off, back) for back in range(1, rng.randint(2, 5))),
        chance=rng.randint(1, 60), speed=rng.randint(20, 60), comment=f"Invented words about {dog.name} & co.",
    )  # fmt: skip
    return _finished(runner, place)


def _run(cast: Cast, track: tuple[str, ...], off: datetime, back: int) -> Run:
    rng = cast.rng
    is_trial, finished = rng.random() < 0.2, rng.random() < 0.9
    place = rng.randint(1, 6) if finished else None
    endings = {1: "st", 2: "nd", 3: "rd"}
    return Run(
        run_id=None if rng.random() < 0.1 else str(2_000_000 + rng.randrange(40_000)),
        at=off - timedelta(days=6 * back, minutes=rng.randrange(60)),
        track=track,
        distance=rng.choice([268, 462, 500]),
        trap=rng.randint(1, 6),
        grade="T2" if is_trial else "A4",
        is_trial=is_trial,
        place=place,
        outcome=f"{place}{endings.get(place, 'th')}" if place else "DNF",
        sectional=round(rng.uniform(4, 5), 2),
        calc=round(rng.uniform(28, 30), 2),
        winner=round(rng.uniform(28, 30), 2),
        beaten=rng.choice(BEATEN),
        other=f"Other {cast.dog(1).name}",
        going=rng.choice(["N", "-10", "20"]),
        weight=round(rng.uniform(26, 36), 1),
        price=rng.choice(PRICES),
        remarks="EP,Led3",
        bends="3-2-2-1",
    )
