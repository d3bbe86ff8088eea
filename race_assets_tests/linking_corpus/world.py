"""What happened: meetings, races, and the dogs in them, as if someone had seen it all; no source speaks here."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from random import Random
from zoneinfo import ZoneInfo

import polars as pl

from race_assets.identity.tracks import Track, TrackRegistry
from race_assets_tests.linking_corpus.rates import SOURCES, Rates
from race_assets_tests.linking_corpus.spelling import Namer

OCEANIC = ("AU", "NZ")
_TRAPS = {"GB": 6, "IE": 6, "AU": 8, "NZ": 8}
_GRADES = (*(f"A{n}" for n in range(1, 12)), "D2", "D3", "D4", "S2", "S3", "OR", "HP")
_CLASSES = ("Gr5", "Gr4/5", "Mdn", "Rest", "Gr6", "FFA", "Heat", "N/G", "M1", "M2", "Nvce")
_ID_DIGITS = {
    "betfair_historic": (10_000_000, 99_999_999),
    "racing_post_races": (400_000, 699_999),
    "club": (1, 99_999),
}


@dataclass(eq=False, slots=True)
class Dog:
    """A dog, with the id each source knows it by."""

    name: str
    ids: dict[str, str]


@dataclass(eq=False, slots=True)
class Entry:
    """A dog in a race. `runner` is the truth that told runners are measured by.

    `part`: `RAN`; `SCRATCHED` and not replaced; `REPLACED` by the `RESERVE` of the same trap; `IDLE`, a reserve that
    did not get in; `VACANT`, a trap without a dog.
    """

    runner: int
    dog: Dog
    trap: int
    part: str = "RAN"
    position: int | None = None
    rug: int | None = None


@dataclass(eq=False, slots=True)
class Race:
    """A race. `number` is the truth that told races are measured by; `off` is in UTC."""

    number: int
    meeting: "Meeting"
    on_card: int
    off: dt.datetime
    grade: str
    distance: int
    entries: list[Entry] = field(default_factory=list)
    is_void: bool = False
    twin_of: "Race | None" = None


@dataclass(eq=False, slots=True)
class Meeting:
    """The races of one afternoon or evening at one track."""

    number: int
    track: Track
    day: dt.date
    is_second: bool
    races: list[Race] = field(default_factory=list)

    @property
    def is_oceanic(self) -> bool:
        """Whether fields are of eight, and reserves keep rugs 9 and 10."""
        return self.track.country in OCEANIC


@cache
def tracks() -> dict[str, Track]:
    """The registry's tracks by id."""
    return {track.track_id: track for track in TrackRegistry.load().tracks}


@cache
def track_names() -> dict[str, tuple[str, ...]]:
    """What a source may call each track: its name first, then each alias that the registry takes for this track."""
    names = [(id_, name, track.country) for id_, track in tracks().items() for name in (track.name, *track.aliases)]
    told = pl.DataFrame(names, schema=["told", "track_name", "country"], orient="row")
    meant = TrackRegistry.load().resolve(told).filter(pl.col("track_id") == pl.col("told"))
    by_track = meant.group_by("told", maintain_order=True).agg("track_name")
    return {track_id: tuple(names) for track_id, names in by_track.iter_rows()}


class World:
    """Makes meetings day by day; the same random numbers make the same world."""

    def __init__(self, rng: Random, rates: Rates) -> None:
        self.rng = rng
        self.rates = rates
        self.meetings: list[Meeting] = []
        self._namer = Namer(rng, rates.kennels)
        self._race, self._runner, self._meeting = count(1), count(1), count(1)
        self._taken: dict[str, set[int]] = {source: set() for source in SOURCES}
        self._distances: dict[str, tuple[int, int, int]] = {}

    def day(self, day: dt.date, where: Sequence[str], doubles: int = 0) -> list[Meeting]:
        """Makes a day's meetings, at these tracks, so many of them (the first) twice; also keeps them."""
        made = []
        for place, track_id in enumerate(where):
            is_double = place < doubles
            first = self._meet(tracks()[track_id], day, is_double=is_double)
            made.append(first)
            if is_double:
                made.append(self._meet(tracks()[track_id], day, after=first))
        races = [race for meeting in made for race in meeting.races]
        self._namesakes(races)
        self._double_entries(races)
        self.meetings += made
        return made

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.rng.random() < share

    def _meet(self, track: Track, day: dt.date, *, is_double: bool = False, after: Meeting | None = None) -> Meeting:
        rng, rates = self.rng, self.rates
        meeting = Meeting(next(self._meeting), track, day, is_second=after is not None)
        races = rng.randint(*rates.races_a_meeting)
        start = self._first_off(meeting, races, is_double=is_double)
        off = start.replace(tzinfo=ZoneInfo(track.timezone)).astimezone(dt.UTC)
        while len(meeting.races) < races:
            self._add_race(meeting, off)
            if self.chance(rates.twin):
                off += dt.timedelta(minutes=rng.randint(*rates.twin_minutes))
                self._add_twin(meeting, off)
            off += dt.timedelta(minutes=rng.randint(*rates.minutes_between_races))
        if self.chance(rates.abandoned_meeting):
            for race in meeting.races[rng.randrange(len(meeting.races)) :]:
                self._call_off(race)
        return meeting

    def _first_off(self, meeting: Meeting, races: int, *, is_double: bool) -> dt.datetime:
        """On the track's own clocks."""
        rng = self.rng
        if is_double:
            minute = rng.randrange(10 * 60 + 30, 11 * 60 + 10)
        elif meeting.is_second:
            minute = rng.randrange(17 * 60 + 40, 18 * 60 + 20)
        elif self.chance(self.rates.last_race_at_midnight):
            minute = 24 * 60 - (races - 2) * sum(self.rates.minutes_between_races) // 2
        else:
            minute = rng.choice((rng.randrange(10 * 60 + 30, 14 * 60), rng.randrange(17 * 60 + 30, 19 * 60)))
        return dt.datetime.combine(meeting.day, dt.time(), None) + dt.timedelta(minutes=minute)

    def _add_race(self, meeting: Meeting, off: dt.datetime) -> None:
        grade, distance = self._grade_and_distance(meeting)
        race = Race(next(self._race), meeting, len(meeting.races) + 1, off, grade, distance)
        self._fill(race, [self.dog() for _ in range(self._field(meeting))])
        meeting.races.append(race)

    def _add_twin(self, meeting: Meeting, off: dt.datetime) -> None:
        first = meeting.races[-1]
        twin = Race(next(self._race), meeting, len(meeting.races) + 1, off, first.grade, first.distance, twin_of=first)
        kind = self.rng.random()
        alike, kennel = self.rates.twin_looks_alike, self.rates.twin_same_kennel
        size, traps = self._field(meeting), None
        if kind < alike:
            declared = [entry for entry in first.entries if entry.part in ("RAN", "SCRATCHED", "REPLACED")]
            dogs = [self._named(self._namer.alike(entry.dog.name)) for entry in declared]
            traps = [entry.trap for entry in declared]
        elif kind < alike + kennel:
            prefix = self.rng.choice(self._namer.kennels)
            for entry in first.entries:
                if entry.part != "VACANT" and self.chance(0.75):
                    entry.dog = self.dog(prefix)
            dogs = [self.dog(prefix if self.chance(0.75) else None) for _ in range(size)]
        else:
            dogs = [self.dog() for _ in range(size)]
        self._fill(twin, dogs, traps)
        meeting.races.append(twin)

    def _field(self, meeting: Meeting) -> int:
        full = _TRAPS[meeting.track.country]
        return full - self.rng.randint(1, 2) if self.chance(self.rates.short_field) else full

    def _grade_and_distance(self, meeting: Meeting) -> tuple[str, int]:
        rng = self.rng
        if meeting.track.track_id not in self._distances:
            middle = rng.randint(430, 530)
            self._distances[meeting.track.track_id] = (rng.randint(225, 330), middle, rng.randint(590, 730))
        short, middle, far = self._distances[meeting.track.track_id]
        if meeting.is_oceanic:
            return rng.choice(_CLASSES), rng.choice((short, middle, middle, middle, far))
        grade = rng.choice(_GRADES)
        return grade, {"D": short, "S": far}.get(grade[0], middle)

    def dog(self, kennel: str | None = None) -> Dog:
        """A dog that has not run yet."""
        rng, rates = self.rng, self.rates
        prefix = kennel or (rng.choice(self._namer.kennels) if self.chance(rates.kennel) else None)
        name = self._namer.new(
            kennel=prefix,
            is_long=self.chance(rates.long_name),
            apostrophe=self.chance(rates.apostrophe),
            accent=self.chance(rates.accent),
        )
        return self._named(name)

    def _named(self, name: str) -> Dog:
        return Dog(name, {source: str(self._free(source)) for source in SOURCES})

    def _free(self, source: str) -> int:
        while True:
            number = self.rng.randint(*_ID_DIGITS[source])
            if number not in self._taken[source]:
                self._taken[source].add(number)
                return number

    def _entry(self, dog: Dog, trap: int, part: str = "RAN", rug: int | None = None) -> Entry:
        return Entry(next(self._runner), dog, trap, part, None, rug)

    def _fill(self, race: Race, dogs: Sequence[Dog], traps: Sequence[int] | None = None) -> None:
        rng, rates = self.rng, self.rates
        full = _TRAPS[race.meeting.track.country]
        traps = traps or sorted(rng.sample(range(1, full + 1), len(dogs)))
        entries = [self._entry(dog, trap) for trap, dog in zip(traps, dogs, strict=True)]
        vacant = [trap for trap in range(1, full + 1) if trap not in traps]
        if self.chance(rates.cut_alike):
            one, other = rng.sample(entries, 2)
            one.dog, other.dog = (self._named(name) for name in self._namer.alike_when_cut())
        if self.chance(rates.reserve):
            gone = rng.choice(entries)
            gone.part = "REPLACED"
            entries.append(self._entry(self.dog(), gone.trap, "RESERVE", full + 1))
        elif self.chance(rates.scratched):
            rng.choice(entries).part = "SCRATCHED"
        if self.chance(rates.idle_reserve):
            entries.append(self._entry(self.dog(), full + 2 if race.meeting.is_oceanic else full + 1, "IDLE"))
        entries += [self._entry(Dog("Vacant", {}), trap, "VACANT") for trap in vacant]
        race.entries = entries
        self._finish(race)
        if self.chance(rates.void):
            self._call_off(race)

    def _finish(self, race: Race) -> None:
        ran = [entry for entry in race.entries if entry.part in ("RAN", "RESERVE")]
        self.rng.shuffle(ran)
        for position, entry in enumerate(ran, 1):
            entry.position = position
        if self.chance(self.rates.dead_heat):
            ran[1].position = 1

    def _call_off(self, race: Race) -> None:
        race.is_void = True
        for entry in race.entries:
            entry.position = None

    def _namesakes(self, races: Sequence[Race]) -> None:
        """Gives dogs the names of others that run elsewhere that day."""
        for race in races:
            other = self.rng.choice(races)
            if self.chance(self.rates.namesake) and other is not race:
                mine, theirs = (self._one_that_ran(each) for each in (race, other))
                if theirs.dog.name not in {entry.dog.name for entry in race.entries}:
                    mine.dog = self._named(theirs.dog.name)

    def _double_entries(self, races: Sequence[Race]) -> None:
        """Scratches dogs from one race that run in another that day, at another meeting."""
        for race in races:
            other = self.rng.choice(races)
            if self.chance(self.rates.double_entry) and other.meeting is not race.meeting:
                runs, scratched = self._one_that_ran(race), self._one_that_ran(other)
                if runs.dog.name not in {entry.dog.name for entry in other.entries}:
                    scratched.dog, scratched.part, scratched.position = runs.dog, "SCRATCHED", None
                    self._close_up(other)

    def _one_that_ran(self, race: Race) -> Entry:
        return self.rng.choice([entry for entry in race.entries if entry.part == "RAN"])

    def _close_up(self, race: Race) -> None:
        """Positions without a gap, after one that had finished turned out not to have run."""
        finished = sorted((entry.position, entry.trap, entry) for entry in race.entries if entry.position is not None)
        for position, (_, _, entry) in enumerate(finished, 1):
            entry.position = position
