"""Writes the synthetic sample files, and beside them `expected.json`: what a correct reading of them must come to.

Every dog, id, price and result is invented from one seeded generator, so two runs give the same bytes. The expectations
are booked while each row is planted, never by reading a file back: they are an oracle independent of any parser.

    python data/samples/generate.py [--out DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from itertools import count, product
from pathlib import Path
from zoneinfo import ZoneInfo

SEED = 20240627
LONDON = ZoneInfo("Europe/London")

BSP_COLUMNS = (
    "EVENT_ID", "MENU_HINT", "EVENT_NAME", "EVENT_DT", "SELECTION_ID", "SELECTION_NAME", "WIN_LOSE", "BSP", "PPWAP",
    "MORNINGWAP", "PPMAX", "PPMIN", "IPMAX", "IPMIN", "MORNINGTRADEDVOL", "PPTRADEDVOL", "IPTRADEDVOL",
)  # fmt: skip
CSV_COLUMNS = ("event_id", "event_name", "track", "start_time", "selection_id", "selection_name", "price", "volume")

# Made-up words only. A name is one of each, so no two dogs of the samples are called the same.
FIRST_WORDS = (
    "Quibble", "Thimble", "Marzipan", "Gantry", "Sprocket", "Nettlebed", "Bramblewick", "Cobalt", "Tinderbox",
    "Wexcombe", "Harbinger", "Pumpernickel", "Saffronella", "Otterburn", "Juniper", "Zephyrine", "Kettledrum",
    "Larkspur", "Mistletoe", "Puddlewick", "Rhubarb", "Snowberry", "Trumpeter", "Umberlight", "Velveteen", "Waggoner",
    "Yarrowfield", "Applecart", "Bellows", "Candlewax", "Eiderdown", "Foxtrotter", "Isinglass", "Dulcimer",
    "Vermicelli", "Nutmegger", "Jamboree", "Lozenge", "Periwinkle", "Semolina",
)  # fmt: skip
SECOND_WORDS = (
    "Parade", "Whistle", "Algebra", "Lantern", "Biscuit", "Compass", "Sonata", "Gravel", "Marmalade", "Pendulum",
    "Teacup", "Orchard", "Signal", "Tambourine", "Walnut", "Fandango", "Umbrella", "Chimney", "Postcard", "Velocity",
    "Rumble", "Telegram", "Cartwheel", "Saucer", "Domino", "Weathervane", "Hopscotch", "Dandelion", "Lullaby",
    "Turnstile", "Gazebo", "Paprika", "Inkwell", "Trombone", "Doorbell", "Mandolin", "Semaphore", "Thicket",
    "Bungalow", "Acrobat",
)  # fmt: skip

GB_GRADES = ("A1", "A3", "A4", "A5", "A7", "A9", "D3", "OR", "S2")
AU_CLASSES = ("Mdn", "Gr5", "Gr4/5", "Gr6", "Heat", "FFA", "Gr7")
NZ_CLASSES = ("C0", "C1", "C2", "C3/4", "C5")
FRACTIONS = ("4/5", "Evs", "6/4", "2/1", "5/2", "3/1", "7/2", "9/2", "6/1", "8/1", "12/1", "20/1", "33/1")

Oddities = dict[int, dict[str, str]]  # by trap: cells to write instead, by column

WIN, PLACE = "win", "place"
BSP, FEED = "betfair_bsp", "betfair_csv"


# --- what is being told of -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """A track under its canonical name, with the tag Betfair puts behind it and the distances raced there."""

    name: str
    country: str
    zone: str
    distances: tuple[int, ...]

    @property
    def track_id(self) -> str:
        """`gb-romford`: country and slug of the canonical name."""
        return f"{self.country}-{self.name}".lower().replace(" ", "-")

    @property
    def tag(self) -> str:
        """Betfair's country suffix of today: Australia and New Zealand have one, Ireland and Britain none."""
        return {"AU": " (AUS)", "NZ": " (NZL)"}.get(self.country, "")

    @property
    def is_oceanic(self) -> bool:
        """Whether fields are of eight with reserves 9 and 10, rather than of six."""
        return self.country in ("AU", "NZ")


@dataclass(frozen=True)
class Runner:
    """One dog in one race, with what each market says of it. None is a value that nobody traded."""

    trap: int
    dog: str
    selection_id: int
    bsp: Decimal
    place_bsp: Decimal
    volume: Decimal
    won: int = 0
    placed: int = 0
    is_reserve: bool = False
    average: Decimal | None = None
    morning: Decimal | None = None
    morning_volume: Decimal = Decimal(0)

    def name(self, suffix: str = "(res)", limit: int | None = None) -> str:
        """`3. Name (res)`, the dog's own name cut to `limit` characters as Betfair did before 2016."""
        return f"{self.trap}. {self.dog[:limit]}" + (f" {suffix}" if self.is_reserve else "")


@dataclass
class Race:
    """One race: its off in track-local time, its win market (place is the next id) and who runs."""

    meeting: Meeting
    number: int
    title: str
    start: datetime
    market_id: int
    runners: list[Runner]

    @property
    def race_id(self) -> str:
        """Track, local date and local time of the scheduled off."""
        return f"{self.meeting.track.track_id}-{self.start:%Y%m%d-%H%M}"

    @property
    def london(self) -> datetime:
        """The off on London's clocks, which every BSP file writes whatever the country."""
        return self.start.astimezone(UTC).astimezone(LONDON)

    @property
    def in_doubled_hour(self) -> bool:
        """Whether London's clocks show this time twice that night."""
        return self.london.utcoffset() != self.london.replace(fold=1).utcoffset()

    def selection_id(self, trap: int) -> str:
        """The project's key of the dog in that trap."""
        return f"{self.race_id}-t{trap}"

    def runner(self, trap: int) -> Runner:
        """The dog in that trap."""
        return next(runner for runner in self.runners if runner.trap == trap)

    def change(self, trap: int, **changes: object) -> Runner:
        """Replaces attributes of the dog in that trap."""
        at = self.runners.index(self.runner(trap))
        self.runners[at] = replace(self.runners[at], **changes)
        return self.runners[at]

    def take_out(self, trap: int | None = None) -> Runner:
        """Removes a beaten dog (the longest price, or the one in `trap`), so that a bad row can speak of it alone."""
        beaten = [runner for runner in self.runners if not runner.won and trap in (None, runner.trap)]
        victim = max(beaten, key=lambda runner: runner.bsp)
        self.runners.remove(victim)
        return victim

    def dead_heat(self, code: int) -> list[int]:
        """Makes the first two share the win, written as `code`; returns their traps."""
        first = next(runner for runner in self.runners if runner.won)
        second = min((r for r in self.runners if r.placed and r is not first), key=lambda runner: runner.trap)
        for runner in (first, second):
            self.change(runner.trap, won=code)
        return sorted((first.trap, second.trap))

    def stripped(self) -> Race:
        """The same race as a poorer file tells it: no averages, no morning trading."""
        poor = [replace(r, average=None, morning=None, morning_volume=Decimal(0)) for r in self.runners]
        return replace(self, runners=poor)


@dataclass
class Meeting:
    """One track on one local day, with the words each source uses for it."""

    track: Track
    day: date
    event_id: int
    menu: str
    venue: str
    races: list[Race] = field(default_factory=list)

    @property
    def hint(self) -> str:
        """MENU_HINT: the venue and the meeting's local date, without a year."""
        return f"{self.menu} {ordinal(self.day)}"


TRACKS = {
    track.name: track
    for track in (
        Track("Romford", "GB", "Europe/London", (225, 400, 575)),
        Track("Towcester", "GB", "Europe/London", (270, 500)),
        Track("Crayford", "GB", "Europe/London", (380, 540)),
        Track("Hove", "GB", "Europe/London", (500, 515)),
        Track("Sheffield", "GB", "Europe/London", (280, 500)),
        Track("Monmore", "GB", "Europe/London", (264, 480)),
        Track("Newcastle", "GB", "Europe/London", (290, 480)),
        Track("Nottingham", "GB", "Europe/London", (305, 500)),
        Track("Swindon", "GB", "Europe/London", (285, 480)),
        Track("Hall Green", "GB", "Europe/London", (258, 480)),
        Track("Harlow", "GB", "Europe/London", (238, 415)),
        Track("Walthamstow", "GB", "Europe/London", (235, 475)),
        Track("Yarmouth", "GB", "Europe/London", (277, 462)),
        Track("Dunstall Park", "GB", "Europe/London", (270, 480)),
        Track("Limerick", "IE", "Europe/Dublin", (480, 503)),
        Track("Shelbourne Park", "IE", "Europe/Dublin", (480, 503)),
        Track("Wentworth Park", "AU", "Australia/Sydney", (520, 720)),
        Track("The Meadows", "AU", "Australia/Melbourne", (525, 600)),
        Track("Sandown Park", "AU", "Australia/Melbourne", (515, 595)),
        Track("Ballarat", "AU", "Australia/Melbourne", (390, 450)),
        Track("Geelong", "AU", "Australia/Melbourne", (400, 460)),
        Track("Angle Park", "AU", "Australia/Adelaide", (342, 530)),
        Track("Capalaba", "AU", "Australia/Brisbane", (366,)),
        Track("Q1 Lakeside", "AU", "Australia/Brisbane", (352, 457)),
        Track("Cannington", "AU", "Australia/Perth", (380, 520)),
        Track("Addington", "NZ", "Pacific/Auckland", (295, 520)),
        Track("Manawatu", "NZ", "Pacific/Auckland", (375, 457)),
        Track("Hatrick", "NZ", "Pacific/Auckland", (305, 520)),
    )
}


def ordinal(day: date) -> str:
    """`27th Jun`."""
    ending = "th" if day.day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{day.day}{ending} {day:%b}"


class Maker:
    """Invents meetings: the one place that draws from the generator and hands out ids."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.market_ids = count(900_100_001, 2)
        self.selection_ids = count(95_000_011, 7)
        self.event_ids = count(39_100_001)
        names = [" ".join(words) for words in product(FIRST_WORDS, SECOND_WORDS)]
        rng.shuffle(names)
        self.names = iter(names)

    def meeting(
        self, track: str, day: date, first: str, races: int, *, menu: str = "", venue: str = "", gap: int = 17
    ) -> Meeting:
        """A meeting of `races` races from `first` (track-local HH:MM) on, `gap` minutes apart."""
        place = TRACKS[track]
        meeting = Meeting(place, day, next(self.event_ids), menu or track + place.tag, venue or track)
        start = datetime.combine(day, datetime.strptime(first, "%H:%M").time(), ZoneInfo(place.zone))  # noqa: DTZ007
        for number in range(1, races + 1):
            meeting.races.append(self.race(meeting, number, start + timedelta(minutes=gap * (number - 1))))
        return meeting

    def race(self, meeting: Meeting, number: int, start: datetime) -> Race:
        """A race with a full field and a result."""
        track = meeting.track
        distance = self.rng.choice(track.distances)
        if track.is_oceanic:
            classes = AU_CLASSES if track.country == "AU" else NZ_CLASSES
            title = f"R{number} {distance}m {self.rng.choice(classes)}"
        else:
            title = f"{self.rng.choice(GB_GRADES)} {distance}m"
        return Race(meeting, number, title, start, next(self.market_ids), self.field(is_oceanic=track.is_oceanic))

    def field(self, *, is_oceanic: bool) -> list[Runner]:
        """Runners whose starting prices make a book of about 100 %, and a finishing order."""
        traps = list(range(1, 9 if is_oceanic else 7))
        if is_oceanic and not self.rng.randrange(4):
            traps[self.rng.randrange(8)] = self.rng.choice((9, 10))
        weights = [self.rng.randrange(5, 40) for _ in traps]
        places = 3 if is_oceanic else 2
        dogs = [
            self.runner(trap, Decimal(sum(weights)) / weight, places)
            for trap, weight in zip(sorted(traps), weights, strict=True)
        ]
        for rank, runner in enumerate(self.rng.sample(dogs, places)):
            dogs[dogs.index(runner)] = replace(runner, won=int(rank == 0), placed=1)
        return dogs

    def runner(self, trap: int, price: Decimal, places: int) -> Runner:
        """One dog at about this price; some prices are on the ladder, some have every digit."""
        bsp = price.quantize(Decimal("0.1") if self.rng.randrange(3) == 0 else Decimal(10) ** -15)
        place = 1 + (bsp - 1) / (Decimal("4.2") if places == 3 else Decimal("2.5"))  # noqa: PLR2004
        traded = self.rng.randrange(3) == 0
        return Runner(
            trap,
            next(self.names),
            next(self.selection_ids),
            bsp,
            max(place, Decimal("1.02")).quantize(Decimal(10) ** -15),
            self.money(400_000),
            morning=self.digits(bsp) if traded else None,
            morning_volume=self.money(90_000) if traded else Decimal(0),
        )

    def digits(self, near: Decimal) -> Decimal:
        """A volume-weighted average near a price, with the 38 decimals of the old files."""
        whole = max(1, int(near))
        return Decimal(f"{whole}.{self.rng.randrange(10**37, 10**38)}")

    def money(self, most: int) -> Decimal:
        """Pounds and pence, up to `most` pence."""
        return Decimal(self.rng.randrange(20, most)) / 100

    def enrich(self, race: Race) -> None:
        """Gives every runner of a race the averages that a re-issued file adds."""
        for runner in list(race.runners):
            averages = {"average": self.digits(runner.bsp), "morning": self.digits(runner.bsp)}
            race.change(runner.trap, morning_volume=self.money(90_000), **averages)

    def single(self, race: Race) -> Race:
        """A market of its own at that race's meeting and time, for a row that must disturb nobody."""
        return replace(race, market_id=next(self.market_ids), runners=self.field(is_oceanic=False)[:1])


# --- what becomes of a row -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """What a correct reading makes of a row: exactly one outcome, with its reason and its day."""

    outcome: str
    day: date | None
    reason: str = ""
    selection: tuple[str, int] | None = None
    warnings: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Row:
    """A line's cells and its fate."""

    cells: tuple[str, ...]
    fate: Fate


def accepted(race: Race, runner: Runner, *, on_london_clock: bool = False) -> Fate:
    """A good row of that dog, with the warnings it earns."""
    checks = {
        "trap": not race.meeting.track.is_oceanic and runner.trap > 6,  # noqa: PLR2004
        "local_time": on_london_clock and race.in_doubled_hour,
    }
    warnings = tuple(rule for rule, warns in checks.items() if warns)
    return Fate("accepted", race.meeting.day, selection=(race.race_id, runner.trap), warnings=warnings)


@dataclass
class SampleFile:
    """One file to write: header lines, rows, footer lines."""

    source: str
    name: str
    kind: str
    header: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    footer: tuple[str, ...] = ()
    newline: str = "\n"
    layout: Callable[[Sequence[str]], str] = ",".join

    @property
    def path(self) -> str:
        """Below the samples folder."""
        return f"{self.source}/{self.name}"

    def text(self) -> str:
        """The whole file."""
        lines = [*self.header, *(self.layout(row.cells) for row in self.rows), *self.footer]
        return "".join(line + self.newline for line in lines)

    def reject(self, cells: Iterable[str], rule: str, day: date | None, about: str) -> None:
        """Adds a row that breaks this one rule."""
        self.rows.append(Row(tuple(cells), Fate("quarantined", day, rule, about=about)))

    def repeat(self, selection: str, about: str) -> None:
        """Adds an exact copy of the accepted row of that selection, given by its key."""
        race_id, _, trap = selection.rpartition("-t")
        row = next(row for row in self.rows if row.fate.selection == (race_id, int(trap)))
        self.rows.append(replace(row, fate=Fate("duplicates", row.fate.day, "within_file", about=about)))


# --- Betfair SP files by era -----------------------------------------------------------------------------------------


def decimals(places: int) -> Callable[[Decimal], str]:
    """Fixed decimals, as in the files from 2023 on."""
    return lambda value: f"{value.quantize(Decimal(10) ** -places, ROUND_HALF_EVEN, Context(prec=60)):f}"


def plain(value: Decimal) -> str:
    """As few digits as say the number."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def oracle_number(value: Decimal) -> str:
    """As the database's own tools write numbers: every digit, and no 0 before the point."""
    text = plain(value)
    return text.removeprefix("0") if text.startswith("0.") else text


def ten_digits(value: Decimal) -> str:
    """As a spreadsheet cell shows and saves it: cut to ten digits."""
    return plain(Context(prec=10, rounding=ROUND_DOWN).plus(value))


@dataclass(frozen=True)
class Era:
    """How the BSP files of some years write their cells."""

    bsp: Callable[[Decimal], str]
    average: Callable[[Decimal], str]
    edge: Callable[[Decimal], str]
    money: Callable[[Decimal], str]
    untraded: tuple[str, str, str]
    in_play: tuple[str, str, str]
    when: str = "%d-%m-%Y %H:%M"
    place_title: str = "TO BE PLACED"
    reserve: str = "(Res)"
    name_limit: int | None = None
    has_volume: bool = True
    has_place_prices: bool = True

    def cells(self, race: Race, runner: Runner, kind: str) -> dict[str, str]:
        """The 17 cells of a runner in a race's win or place market."""
        is_place = kind == PLACE
        price = self.bsp(runner.place_bsp if is_place else runner.bsp) if self.has_place_prices or not is_place else ""
        cells = (
            str(race.market_id + is_place),
            race.meeting.hint,
            self.place_title if is_place else race.title,
            race.london.strftime(self.when),
            str(runner.selection_id),
            runner.name(self.reserve, self.name_limit),
            self.edge(Decimal(runner.placed if is_place else runner.won)).split(".")[0],
            price,
            *self.trading(runner),
        )
        return dict(zip(BSP_COLUMNS, cells, strict=True))

    def trading(self, runner: Runner) -> tuple[str, ...]:
        """PPWAP to IPTRADEDVOL: averages and extremes where traded, the era's sentinels where not."""
        average, highest, lowest = self.untraded
        if runner.average is not None:
            average = self.average(runner.average)
            highest, lowest = self.edge(runner.average.to_integral() + 1), self.edge(Decimal("1.5"))
        morning = self.untraded[0] if runner.morning is None else self.average(runner.morning)
        volumes = (runner.morning_volume, runner.volume if self.has_volume else Decimal(0))
        in_play_high, in_play_low, in_play_volume = self.in_play
        return (
            average, morning, highest, lowest, in_play_high, in_play_low, *map(self.money, volumes), in_play_volume,
        )  # fmt: skip


MODERN = Era(
    decimals(8),
    decimals(4),
    decimals(2),
    decimals(2),
    ("1.0000", "1.00", "1001.00"),
    ("1.00", "1001.00", "0.00"),
    place_title="To Be Placed",
    reserve="(res)",
)
LOWER_CASE = Era(plain, plain, plain, plain, ("", "", ""), ("", "", "0"), place_title="To Be Placed", reserve="(res)")
TERSE = Era(
    oracle_number, oracle_number, oracle_number, oracle_number, ("1", "1", "1001"), ("1", "1001", "0"), has_volume=False
)
OF_2012 = replace(TERSE, name_limit=16, has_place_prices=False)
EXCEL = replace(TERSE, bsp=ten_digits, average=ten_digits, edge=ten_digits, money=ten_digits, when="%d/%m/%Y %H:%M")
SPOOLED = Era(
    decimals(6),
    decimals(6),
    decimals(6),
    decimals(6),
    ("1.000000", "1.000000", "1001.000000"),
    ("1.000000", "1001.000000", "0.000000"),
    name_limit=16,
    has_volume=False,
)


@dataclass
class BspFile(SampleFile):
    """A BSP file, filled race by race."""

    era: Era = MODERN

    def add(self, race: Race, oddities: Oddities | None = None, fate: Fate | None = None) -> None:
        """Adds every runner of a race; `oddities` replaces cells by trap, `fate` what becomes of the rows."""
        for runner in race.runners:
            cells = self.era.cells(race, runner, self.kind) | (oddities or {}).get(runner.trap, {})
            self.rows.append(Row(tuple(cells.values()), fate or accepted(race, runner, on_london_clock=True)))

    def spoil(self, race: Race, runner: Runner, rule: str, about: str, **wrong: str) -> None:
        """Adds a row of a dog that nothing else mentions, with the cells in `wrong` replaced."""
        cells = self.era.cells(race, runner, self.kind) | wrong
        self.reject(cells.values(), rule, race.meeting.day, about)

    def add_other(self, race: Race, reason: str, names: Iterable[str], day: date | None, **cells: str) -> None:
        """Adds rows of a market that is not about a runner of a race: forecasts, match bets, trap challenges."""
        for number, name in enumerate(names):
            idle = replace(race.runners[0], morning=None, morning_volume=Decimal(0))
            runner = replace(idle, selection_id=90_200_001 + number, won=int(number == 0))
            row = self.era.cells(race, runner, WIN) | {"BSP": "", "SELECTION_NAME": name} | cells
            self.rows.append(Row(tuple(row.values()), Fate("filtered", day, reason)))


def bsp_file(name: str, kind: str, era: Era = MODERN, **options: object) -> BspFile:
    """An empty BSP file; `options` replaces attributes such as `newline`."""
    header = ",".join(BSP_COLUMNS)
    return BspFile(BSP, name, kind, (header.lower() if era is LOWER_CASE else header,), era=era, **options)


def day_name(kind: str, day: date, extra: str = "") -> str:
    """The file's name for the racing of `day`: it carries the date of the morning after."""
    return f"dwbfgreyhound{kind}{day + timedelta(days=1):%d%m%Y}{extra}.csv"


# --- the CSV feed ----------------------------------------------------------------------------------------------------


@dataclass
class FeedFile(SampleFile):
    """A `betfair_csv` file, filled meeting by meeting."""

    rng: random.Random = field(default_factory=random.Random)

    def cells(self, race: Race, runner: Runner, *, zulu: bool) -> dict[str, str]:
        """The 8 cells of a runner."""
        meeting = race.meeting
        stamp = race.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if zulu else race.start.isoformat()
        cells = (
            str(meeting.event_id),
            f"{meeting.track.name}{meeting.track.tag} {ordinal(meeting.day)}",
            meeting.venue,
            stamp,
            str(runner.selection_id),
            runner.name(),
            self.price(runner.bsp),
            f"{runner.volume / 3:.2f}",
        )
        return dict(zip(CSV_COLUMNS, cells, strict=True))

    def price(self, bsp: Decimal) -> str:
        """A price a little below BSP; short ones, and now and then others, as the nearest fraction."""
        price = max(Decimal("1.05"), (bsp * Decimal("0.96")).quantize(Decimal("0.01")))
        if price > Decimal("2.6") and self.rng.randrange(6):
            return f"{price:f}"
        return min(FRACTIONS, key=lambda odds: abs(odds_value(odds) - price))

    def add(self, meeting: Meeting, *, zulu: bool, races: slice = slice(None)) -> None:
        """Adds the runners of a meeting's races, times in UTC (`Z`) or with the track's own offset."""
        for race in meeting.races[races]:
            for runner in race.runners:
                cells = self.cells(race, runner, zulu=zulu)
                self.rows.append(Row(tuple(cells.values()), accepted(race, runner)))

    def rewrite(self, race: Race, trap: int, **cells: str) -> None:
        """Replaces cells of a dog's row, by column."""
        at = next(at for at, row in enumerate(self.rows) if row.fate.selection == (race.race_id, trap))
        row = dict(zip(CSV_COLUMNS, self.rows[at].cells, strict=True)) | cells
        self.rows[at] = replace(self.rows[at], cells=tuple(row.values()))

    def spoil(self, race: Race, rule: str, about: str, *, zulu: bool = True, dated: bool = True, **wrong: str) -> None:
        """Adds a row of the race's longest-priced dog, first taking the rows of that dog back."""
        victim = race.take_out()
        self.rows = [row for row in self.rows if row.fate.selection != (race.race_id, victim.trap)]
        cells = self.cells(race, victim, zulu=zulu) | wrong
        self.reject(cells.values(), rule, race.meeting.day if dated else None, about)


def odds_value(odds: str) -> Decimal:
    """Decimal odds of a fraction."""
    if odds == "Evs":
        return Decimal(2)
    numerator, denominator = odds.split("/")
    return 1 + Decimal(numerator) / Decimal(denominator)


def feed_file(name: str, rng: random.Random) -> FeedFile:
    """An empty feed file."""
    return FeedFile(FEED, name, WIN, (",".join(CSV_COLUMNS),), rng=rng)


# --- the books -------------------------------------------------------------------------------------------------------


@dataclass
class Samples:
    """Everything that is written, and the facts worth testing one by one."""

    maker: Maker
    files: list[SampleFile] = field(default_factory=list)
    facts: list[dict[str, object]] = field(default_factory=list)

    def fact(self, what: str, race: Race, traps: Sequence[int] = (), **more: object) -> None:
        """Notes something a reader of the tables should find."""
        self.facts.append(
            {
                "what": what,
                "race_id": race.race_id,
                "race_date": str(race.meeting.day),
                "start_at": f"{race.start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "selection_ids": [race.selection_id(trap) for trap in traps],
                **more,
            }
        )


def day_books(rows: Iterable[tuple[str, Row]]) -> list[dict[str, object]]:
    """Per source and day: records in, and what became of them."""
    groups: defaultdict[tuple[str, date | None], list[Fate]] = defaultdict(list)
    for source, row in rows:
        groups[source, row.fate.day].append(row.fate)
    return [
        {
            "source": source,
            "race_date": str(day) if day else None,
            "records_in": len(fates),
            "accepted": sum(fate.outcome == "accepted" for fate in fates),
            **{outcome: reasons(fates, outcome) for outcome in ("quarantined", "duplicates", "filtered")},
            "warnings": dict(sorted(Counter(rule for fate in fates for rule in fate.warnings).items())),
        }
        for (source, day), fates in sorted(groups.items(), key=lambda item: (item[0][0], str(item[0][1] or "")))
    ]


def reasons(fates: Iterable[Fate], outcome: str) -> dict[str, int]:
    """How often each reason of that outcome occurs."""
    return dict(sorted(Counter(fate.reason for fate in fates if fate.outcome == outcome).items()))


def core_books(rows: Iterable[tuple[str, Row]]) -> list[dict[str, object]]:
    """Per day: races and selections over both sources, and the races both tell of."""
    told: defaultdict[date, defaultdict[str, set[tuple[str, int]]]] = defaultdict(lambda: defaultdict(set))
    for source, row in rows:
        if row.fate.outcome == "accepted":
            told[row.fate.day][source].add(row.fate.selection)
    books = []
    for day, by_source in sorted(told.items()):
        races = {source: {race for race, _ in selections} for source, selections in by_source.items()}
        books.append(
            {
                "race_date": str(day),
                "races": len(set().union(*races.values())),
                "selections": len(set().union(*by_source.values())),
                "joined_races": len(races.get(BSP, set()) & races.get(FEED, set())),
                "races_by_source": {source: len(ids) for source, ids in sorted(races.items())},
            }
        )
    return books


def file_books(file: SampleFile) -> dict[str, object]:
    """What is to be known of one file."""
    data = file.text().encode()
    return {
        "path": file.path,
        "source": file.source,
        "market": file.kind,
        "rows": len(file.rows),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "race_dates": sorted({str(row.fate.day) for row in file.rows if row.fate.day}),
        **{outcome: sum(row.fate.outcome == outcome for row in file.rows) for outcome in ("quarantined", "filtered")},
    }


def planted(file: SampleFile) -> list[dict[str, object]]:
    """The rows that were planted to be refused or dropped one by one, by line of their file (the first is 1)."""
    return [
        {
            "path": file.path,
            "line": line,
            "outcome": row.fate.outcome,
            "reason": row.fate.reason,
            "race_date": str(row.fate.day) if row.fate.day else None,
            "about": row.fate.about,
        }
        for line, row in enumerate(file.rows, start=1 + len(file.header))
        if row.fate.about
    ]


def expectations(samples: Samples) -> dict[str, object]:
    """The whole of expected.json."""
    rows = [(file.source, row) for file in samples.files for row in file.rows]
    return {
        "seed": SEED,
        "files": [file_books(file) for file in samples.files],
        "days": day_books(rows),
        "core": core_books(rows),
        "planted": [entry for file in samples.files for entry in planted(file)],
        "facts": samples.facts,
    }


# --- the days --------------------------------------------------------------------------------------------------------


def bsp_pair(samples: Samples, day: date) -> tuple[BspFile, BspFile]:
    """The day's win and place files, registered."""
    win, place = bsp_file(day_name(WIN, day), WIN), bsp_file(day_name(PLACE, day), PLACE)
    samples.files += [win, place]
    return win, place


def summer_day(samples: Samples) -> None:
    """27 June 2024: an ordinary day of four countries, with most of what can be wrong in a row."""
    make, day = samples.maker, date(2024, 6, 27)
    meetings = {
        "romford": make.meeting("Romford", day, "18:36", 6),
        "towcester": make.meeting("Towcester", day, "13:58", 6),
        "crayford": make.meeting("Crayford", day, "11:07", 4, venue="Crayfd"),
        "limerick": make.meeting("Limerick", day, "20:05", 4, gap=18),
        "wentworth": make.meeting("Wentworth Park", day, "19:24", 6, gap=21),
        "meadows": make.meeting("The Meadows", day, "09:09", 3, gap=19),
        "addington": make.meeting("Addington", day, "14:12", 3, gap=22),
        "manawatu": make.meeting("Manawatu", day + timedelta(days=1), "10:23", 3),
    }
    win, place = bsp_pair(samples, day)
    summer_bad_rows(samples, win, meetings)
    oddities = summer_oddities(samples, meetings)
    reissued = [*meetings["crayford"].races[:2], *meetings["addington"].races[:1]]
    for meeting in meetings.values():
        for race in meeting.races:
            if not any(race is other for other in reissued):
                win.add(race, oddities.get(race.race_id))
            place.add(race)
    reissue(samples, win, reissued)
    for race, trap in ((meetings["romford"].races[0], 1), (meetings["wentworth"].races[4], 2)):
        runner = race.runner(trap)
        win.repeat(race.selection_id(runner.trap), "an exact copy of another row of the file")
    place.repeat(meetings["towcester"].races[5].selection_id(1), "an exact copy of another row of the file")
    forecast = meetings["romford"].races[0]
    pairs = [f"{a} - {b}" for a in range(1, 5) for b in range(1, 5) if a != b]
    hint = f"Romford (F/C) {ordinal(day)}"
    win.add_other(make.single(forecast), "forecast", pairs, day, MENU_HINT=hint, EVENT_NAME="Forecast")
    for file in (win, place):
        make.rng.shuffle(file.rows)
    summer_feed(samples, meetings)


def summer_bad_rows(samples: Samples, win: BspFile, meetings: Mapping[str, Meeting]) -> None:
    """Rows of the win file that each break one rule; the dog they speak of appears nowhere else."""
    make = samples.maker
    towcester, romford, day = meetings["towcester"].races, meetings["romford"].races, meetings["romford"].day
    sydney, limerick = meetings["wentworth"].races, meetings["limerick"].races
    win.spoil(towcester[0], towcester[0].take_out(), "price_range", "BSP -1", BSP="-1.00000000")
    win.spoil(sydney[1], sydney[1].take_out(), "price_range", "BSP 1200", BSP="1200.00000000")
    win.spoil(limerick[1], limerick[1].take_out(), "number", "BSP 'abc'", BSP="abc")
    nameless = romford[3].take_out()
    win.spoil(romford[3], nameless, "selection_name", "a trap and no name", SELECTION_NAME=f"{nameless.trap}. ")
    win.spoil(towcester[2], replace(towcester[2].take_out(), trap=9), "trap", "trap 9 in Britain")
    nowhere = make.single(romford[2])
    hint = f"Quillstone Vale {ordinal(day)}"
    win.spoil(nowhere, nowhere.runners[0], "track_known", "a track nobody knows, its day in MENU_HINT", MENU_HINT=hint)
    undated = make.single(romford[2])
    cells = win.era.cells(undated, undated.runners[0], WIN)
    cells |= {"MENU_HINT": "Romford 31st Feb", "EVENT_DT": "31-02-2024 19:10"}
    win.reject(cells.values(), "start_time", None, "31 February")
    glued = make.single(romford[2])
    cut = (str(glued.market_id), glued.meeting.hint, "A4")
    whole = win.era.cells(glued, glued.runners[0], WIN).values()
    win.reject((*cut, *whole), "field_count", None, "a line cut short and the next one behind it: 20 fields")


def summer_oddities(samples: Samples, meetings: Mapping[str, Meeting]) -> dict[str, Oddities]:
    """Rows that look wrong and are right: accepted. Returns cells to replace, by race and trap."""
    towcester, sydney = meetings["towcester"].races, meetings["wentworth"].races
    reserve, heat, wide, comma = towcester[1], towcester[3], towcester[4], meetings["limerick"].races[3]
    reserve.change(3, is_reserve=True)
    samples.fact("reserve", reserve, [3], dog_name=reserve.runner(3).dog)
    samples.fact("dead_heat", heat, heat.dead_heat(1), written_as="two 1s")
    wide.runners.append(replace(wide.take_out(), trap=7))
    samples.fact("trap 7 in Britain: accepted with a warning", wide, [7])
    comma.change(1, dog="Marzipan, Duke Of")
    samples.fact("unquoted comma in the name: 18 fields, repaired", comma, [1], selection_name="1. Marzipan, Duke Of")
    oddities = {}
    sentinels = ("0.00000000", "1.00000000", "1001.00000000", "NaN", "Infinity", "")
    for race, sentinel in zip(sydney, sentinels, strict=True):
        trap = next(runner.trap for runner in race.runners if not runner.won and runner.trap != 2)  # noqa: PLR2004
        oddities[race.race_id] = {trap: {"BSP": sentinel}}
        samples.fact("a BSP that stands for none: accepted, bsp is null", race, [trap], written_as=sentinel)
    early, late = meetings["meadows"].races[0], meetings["manawatu"].races[1]
    samples.fact("the local date is the day after the UTC date, London shows 00:09", early)
    samples.fact("tomorrow in New Zealand: London shows 23:40 of the day before", late)
    return oddities


def reissue(samples: Samples, win: BspFile, races: Sequence[Race]) -> None:
    """A second file of another name with some of the markets again: richer in the first, the same in the others."""
    make = samples.maker
    again = bsp_file(win.name.replace(".csv", "-reissued.csv"), WIN)
    again_fate = Fate("duplicates", races[0].meeting.day, "between_files")
    rich, *same = races
    make.enrich(rich)
    win.add(rich.stripped(), fate=again_fate)
    again.add(rich)
    for race in same:
        win.add(race)
        again.add(race, fate=again_fate)
    runner = rich.runners[0]
    known = {"pre_off_wap": MODERN.average(runner.average), "morning_wap": MODERN.average(runner.morning)}
    samples.fact("re-issued with more known values: that record stands", rich, [runner.trap], **known)
    samples.fact("re-issued unchanged: the smaller sha256 stands", same[0])
    samples.files.append(again)


def summer_feed(samples: Samples, meetings: Mapping[str, Meeting]) -> None:
    """The CSV feed of 27 June: races the BSP files have too, meetings only it has, and its own bad rows."""
    make, day = samples.maker, date(2024, 6, 27)
    feed = feed_file("greyhounds_2024-06-27.csv", make.rng)
    monmore = make.meeting("Monmore", day, "10:31", 5)
    shelbourne = make.meeting("Shelbourne Park", day, "19:51", 4, gap=18)
    angle_park = make.meeting("Angle Park", day, "18:44", 3, gap=20)
    feed.add(meetings["romford"], zulu=True)
    feed.add(meetings["crayford"], zulu=False)
    feed.add(meetings["limerick"], zulu=True, races=slice(3))
    feed.add(meetings["wentworth"], zulu=False)
    feed.add(meetings["manawatu"], zulu=True)
    feed.add(monmore, zulu=True)
    feed.add(shelbourne, zulu=False)
    feed.add(angle_park, zulu=False)
    both = meetings["romford"].races[1]
    samples.fact("joined", both, [runner.trap for runner in both.runners], sources=[BSP, FEED])
    samples.fact("joined, Australian, offset +10:00 against London time", meetings["wentworth"].races[0])
    samples.fact("only in the CSV feed", angle_park.races[0], offset="+09:30")
    quoted = shelbourne.races[3]
    name = quoted.change(2, dog="Saffronella, Lady").name()
    feed.rewrite(quoted, 2, selection_name=f'"{name}"')
    samples.fact("a quoted comma in the name", quoted, [2], selection_name=name)
    for race, trap, written in ((shelbourne.races[2], 3, "Evs"), (quoted, 4, "5/2"), (quoted, 5, "100/30")):
        feed.rewrite(race, trap, price=written)
        samples.fact("fractional odds", race, [trap], written_as=written, price=f"{odds_value(written):.4f}")
    feed.repeat(meetings["romford"].races[1].selection_id(4), "an exact copy of another row of the file")
    feed_bad_rows(feed, monmore, shelbourne)
    feed_undated_rows(samples, feed, monmore)
    samples.files.append(feed)


def feed_bad_rows(feed: FeedFile, monmore: Meeting, shelbourne: Meeting) -> None:
    """Rows of the feed that each break one rule on a day that can be told."""
    feed.spoil(monmore.races[0], "price_range", "price 0", price="0")
    feed.spoil(monmore.races[1], "price_range", "price -1", price="-1")
    feed.spoil(monmore.races[2], "price_range", "price 1001", price="1001")
    feed.spoil(monmore.races[3], "price_range", "price NaN", price="NaN")
    feed.spoil(monmore.races[4], "number", "a fraction over nothing", price="11/0")
    feed.spoil(shelbourne.races[0], "volume", "volume below zero", zulu=False, volume="-12.50")
    feed.spoil(shelbourne.races[1], "selection_name", "no name at all", zulu=False, selection_name="")


def feed_undated_rows(samples: Samples, feed: FeedFile, monmore: Meeting) -> None:
    """Rows of the feed whose day cannot be told, and one of an unknown track whose offset tells it."""
    race = samples.maker.single(monmore.races[0])
    runner = race.runners[0]
    good = feed.cells(race, runner, zulu=True)

    def cells(event: int, **wrong: str) -> Iterable[str]:
        return (good | {"event_id": str(39_900_000 + event), "selection_id": str(95_900_000 + event)} | wrong).values()

    nowhere = {"track": "Quillstone Vale", "event_name": f"Quillstone Vale {ordinal(monmore.day)}"}
    feed.reject(cells(1, **nowhere), "track_known", None, "an unknown track and a UTC time: no day")
    abroad = nowhere | {"start_time": "2024-06-27T19:30:00+10:00"}
    feed.reject(cells(2, **abroad), "track_known", monmore.day, "an unknown track whose offset tells the day")
    feed.reject(cells(3, start_time="2024-02-31T14:52:00Z"), "start_time", None, "31 February")
    feed.reject(cells(4, start_time="2024-06-27T14:52:00"), "start_time", None, "a time without offset")


def spring_day(samples: Samples) -> None:
    """31 March 2024: at 01:00 London's clocks go to 02:00, while Australia is still on summer time."""
    make, day = samples.maker, date(2024, 3, 31)
    hove = make.meeting("Hove", day, "14:03", 5, venue="Brighton & Hove")
    sheffield = make.meeting("Sheffield", day, "18:19", 4)
    sandown = make.meeting("Sandown Park", day, "11:38", 4, gap=27)
    capalaba = make.meeting("Capalaba", day, "10:54", 3, gap=24)
    win, place = bsp_pair(samples, day)
    for race in (race for meeting in (hove, sheffield, sandown, capalaba) for race in meeting.races):
        win.add(race)
        place.add(race)
    missing = make.single(sandown.races[3])
    about = "01:30 does not exist in London that night"
    win.spoil(missing, missing.runners[0], "local_time", about, EVENT_DT="31-03-2024 01:30")
    samples.fact("before the change: London 00:38 is 00:38 UTC", sandown.races[0])
    samples.fact("after the change: London 02:32 is 01:32 UTC", sandown.races[2])
    make.rng.shuffle(win.rows)
    make.rng.shuffle(place.rows)
    feed = feed_file("greyhounds_2024-03-31.csv", make.rng)
    shelbourne = make.meeting("Shelbourne Park", day, "19:47", 3, gap=18)
    addington = make.meeting("Addington", day, "12:26", 3, gap=19)
    feed.add(hove, zulu=False)
    feed.add(sandown, zulu=False)
    feed.add(capalaba, zulu=False)
    feed.add(shelbourne, zulu=True)
    feed.add(addington, zulu=True)
    samples.fact("joined across the change, offset +11:00 against London time", sandown.races[2])
    samples.fact("a New Zealand race of the 31st that UTC puts on the 30th", addington.races[0])
    feed.spoil(shelbourne.races[0], "trap", "trap 9 in Ireland", selection_name="9. Candlewax Parsonage")
    samples.files.append(feed)


def autumn_day(samples: Samples) -> None:
    """27 October 2024: London shows 01:00 to 02:00 twice; a race in that hour is taken as the first."""
    make, day = samples.maker, date(2024, 10, 27)
    yarmouth = make.meeting("Yarmouth", day, "13:17", 5)
    nottingham = make.meeting("Nottingham", day, "18:08", 4)
    ballarat = make.meeting("Ballarat", day, "10:47", 2, gap=43)
    ballarat.races.append(make.race(ballarat, 3, ballarat.races[1].start.replace(hour=13, minute=12)))
    lakeside = make.meeting("Q1 Lakeside", day, "18:33", 3, gap=21)
    addington = make.meeting("Addington", day, "15:21", 3, gap=19)
    win, place = bsp_pair(samples, day)
    win.spoil(yarmouth.races[0], yarmouth.races[0].take_out(), "price_range", "BSP -1", BSP="-1.00000000")
    win.spoil(lakeside.races[0], lakeside.races[0].take_out(), "volume", "volume below zero", PPTRADEDVOL="-35.20")
    for race in (race for meeting in (yarmouth, nottingham, ballarat, lakeside, addington) for race in meeting.races):
        win.add(race)
        if race is not ballarat.races[1]:
            place.add(race)
    doubled = ballarat.races[1]
    samples.fact("London 01:30 of the doubled hour: the first, with a warning", doubled)
    samples.fact("London 02:12 after the change is 02:12 UTC", ballarat.races[2])
    make.rng.shuffle(win.rows)
    make.rng.shuffle(place.rows)
    feed = feed_file("greyhounds_2024-10-27.csv", make.rng)
    feed.add(yarmouth, zulu=True)
    feed.add(ballarat, zulu=False)
    feed.add(addington, zulu=True)
    newcastle = make.meeting("Newcastle", day, "17:02", 3)
    feed.add(newcastle, zulu=True)
    samples.fact("joined in the doubled hour: the feed's offset proves the first was right", doubled)
    feed.spoil(newcastle.races[1], "price_range", "price below 1.01", price="1.00")
    feed.repeat(newcastle.races[2].selection_id(1), "an exact copy of another row of the file")
    samples.files.append(feed)


def day_of_2012(samples: Samples) -> None:
    """17 October 2012: prefixes, four-letter venues, 40 digits, names cut at 16 characters, places without prices."""
    make, day = samples.maker, date(2012, 10, 17)
    hove = make.meeting("Hove", day, "14:08", 4, menu="BAGS cards / Hove")
    swindon = make.meeting("Swindon", day, "18:28", 3, menu="BAGS cards / Swin")
    hall_green = make.meeting("Hall Green", day, "11:03", 3, menu="BAGS cards / HGrn")
    cannington = make.meeting("Cannington", day, "19:12", 3, menu="AUS / Cann (AUS)")
    hove.races[1].change(3, is_reserve=True, dog="Tinderbox Teacup")
    hove.races[2].change(2, dog="Weathervane Weatherglass")
    hove.races[3].change(5, dog="Candlewax Gold ")
    win = bsp_file(day_name(WIN, day), WIN, OF_2012)
    place = bsp_file(day_name(PLACE, day), PLACE, OF_2012)
    for race in (race for meeting in (hove, swindon, hall_green, cannington) for race in meeting.races):
        win.add(race)
        if not race.meeting.track.is_oceanic:
            place.add(race)
    pairs = [f"{a} - {b}" for a in range(1, 7) for b in range(1, 7) if a != b]
    words = {"MENU_HINT": f"Forecast Betting / Swin (FC) {ordinal(day)}", "EVENT_NAME": "Forecast"}
    win.add_other(make.single(swindon.races[0]), "forecast", pairs, day, **words)
    samples.fact("reserve written (Res)", hove.races[1], [3], dog_name="Tinderbox Teacup")
    samples.fact("name cut at 16 characters", hove.races[2], [2], selection_name="2. Weathervane Weat")
    samples.fact("name with a blank behind it", hove.races[3], [5], dog_name="Candlewax Gold")
    for file in (win, place):
        make.rng.shuffle(file.rows)
        samples.files.append(file)


def day_of_2018(samples: Samples) -> None:
    """2 March 2018: broadcaster prefixes, and the markets that are no race."""
    make, day = samples.maker, date(2018, 3, 2)
    crayford = make.meeting("Crayford", day, "11:09", 3, menu="SIS / Crayfd")
    newcastle = make.meeting("Newcastle", day, "14:21", 3, menu="TRP / Newc")
    nottingham = make.meeting("Nottingham", day, "19:38", 3, menu="RPGTV / Nott")
    shelbourne = make.meeting("Shelbourne Park", day, "20:03", 2, menu="GreyhoundRacing / Shel (IRE)")
    geelong = make.meeting("Geelong", day, "19:16", 2, menu="AUS / Geel (AUS)")
    hatrick = make.meeting("Hatrick", day, "17:38", 2, menu="NZL / Hatr (NZL)")
    win = bsp_file(day_name(WIN, day), WIN, TERSE)
    shared = nottingham.races[1]
    samples.fact("dead_heat", shared, shared.dead_heat(2), written_as="WIN_LOSE 2 twice")
    nottingham.races[2].change(4, is_reserve=True)
    samples.fact("reserve written (Res)", nottingham.races[2], [4], dog_name=nottingham.races[2].runner(4).dog)
    samples.fact("a whole race without BSP: accepted, bsp is null", hatrick.races[0])
    samples.fact("Irish by its tag", shelbourne.races[0])
    for race in (race for meeting in (crayford, newcastle, nottingham, shelbourne, geelong) for race in meeting.races):
        win.add(race)
    for race in hatrick.races:
        win.add(race, {runner.trap: {"BSP": ""} for runner in race.runners})
    no_races_of_2018(make, win, crayford.races[1], nottingham.races[0])
    make.rng.shuffle(win.rows)
    samples.files.append(win)


def no_races_of_2018(make: Maker, win: BspFile, early: Race, late: Race) -> None:
    """Adds the markets that are not about one runner of one race, at the times of two races."""
    day = early.meeting.day
    pairs = [f"{a} - {b}" for a in range(1, 7) for b in range(1, 7) if a != b]
    words = {"MENU_HINT": f"SIS / Harl (F/C) {ordinal(day)}", "EVENT_NAME": "Forecast"}
    win.add_other(make.single(early), "forecast", pairs, day, **words)
    rivals = ("2. Gantry Octopus", "5. Bellows Octopus")
    title = "Gantry Octopus v Bellows Octopus"
    words = {"MENU_HINT": f"Match Bets / Towc (AvB) {ordinal(day)}", "EVENT_NAME": title}
    win.add_other(make.single(late), "match_bet", rivals, day, **words)
    words = {"MENU_HINT": "Greyhound Racing / Trap Challenge", "EVENT_NAME": "Romfd & CParkTrap Challenge"}
    # This hint has no date; both tracks are British, so London's date is theirs.
    win.add_other(make.single(late), "trap_challenge", [f"Trap {trap}" for trap in range(1, 7)], day, **words)


def day_through_excel(samples: Samples) -> None:
    """5 March 2018: a file that was opened and saved in a spreadsheet."""
    make, day = samples.maker, date(2018, 3, 5)
    romford = make.meeting("Romford", day, "18:56", 3, menu="SIS / Romfd")
    newcastle = make.meeting("Newcastle", day, "19:04", 3, menu="TRP / Newc")
    win = bsp_file(day_name(WIN, day), WIN, EXCEL, newline="\r\n")
    for race in (*romford.races, *newcastle.races):
        win.add(race)
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
    pairs = [f"{a:02}-{months[b]}" for a in range(1, 7) for b in range(6) if a != b + 1]
    words = {"MENU_HINT": f"TRP / Newc (F/C) {ordinal(day)}", "EVENT_NAME": "Forecast"}
    win.add_other(make.single(newcastle.races[0]), "forecast", pairs, day, **words)
    samples.fact("05/03/2018 is 5 March", romford.races[0])
    make.rng.shuffle(win.rows)
    samples.files.append(win)


SPOOL_WIDTHS = (10, 32, 24, 16, 12, 26, 12, 14, 14, 14, 14, 14, 14, 14, 16, 14, 14)
SPOOL_RIGHT = frozenset((0, 4, *range(6, 17)))


def spooled(cells: Sequence[str]) -> str:
    """Cells padded to the columns of a SQL*Plus spool: numbers to the right, text to the left."""
    sized = enumerate(zip(cells, SPOOL_WIDTHS, strict=True))
    return ",".join(cell.rjust(width) if at in SPOOL_RIGHT else cell.ljust(width) for at, (cell, width) in sized)


def day_of_2008(samples: Samples) -> None:
    """14 June 2008: the database tool's own spool, with a blank line, a rule, padded cells and a row count."""
    make, day = samples.maker, date(2008, 6, 14)
    walthamstow = make.meeting("Walthamstow", day, "19:32", 4, menu="GB / Walthamstow")
    rule = ",".join("-" * width for width in SPOOL_WIDTHS)
    win = bsp_file(f"bfprices_{day + timedelta(days=1):%d%m%Y}.csv", WIN, SPOOLED, layout=spooled)
    win.header = ("", spooled(BSP_COLUMNS), rule)
    for race in walthamstow.races:
        outcome = {runner.trap: {"WIN_LOSE": f"{runner.won}.000000"} for runner in race.runners}
        if race.number == 4:  # noqa: PLR2004
            outcome = {trap: cells | {"BSP": ""} for trap, cells in outcome.items()}
        win.add(race, outcome)
    win.footer = ("", f"{len(win.rows)} rows selected")
    samples.fact("from a padded spool", walthamstow.races[0], [runner.trap for runner in walthamstow.races[0].runners])
    samples.fact("from a padded spool, BSP cells all blanks", walthamstow.races[3])
    samples.files.append(win)


def day_of_2026(samples: Samples) -> None:
    """14 February 2026: header in lower case, plain numbers, blanks where nothing traded."""
    make, day = samples.maker, date(2026, 2, 14)
    dunstall = make.meeting("Dunstall Park", day, "18:27", 4)
    wentworth = make.meeting("Wentworth Park", day, "19:41", 3, gap=22)
    addington = make.meeting("Addington", day + timedelta(days=1), "12:34", 2, gap=23)
    win = bsp_file(day_name(WIN, day), WIN, LOWER_CASE)
    for race in (*dunstall.races, *wentworth.races, *addington.races):
        win.add(race)
    samples.fact("lower-case header; a race of the 15th, London 23:34 on the 14th", addington.races[0])
    make.rng.shuffle(win.rows)
    samples.files.append(win)


def build() -> Samples:
    """All files, in memory."""
    samples = Samples(Maker(random.Random(SEED)))
    for plan in (
        day_of_2008,
        day_of_2012,
        day_of_2018,
        day_through_excel,
        spring_day,
        summer_day,
        autumn_day,
        day_of_2026,
    ):
        plan(samples)
    samples.files.sort(key=lambda file: file.path)
    return samples


def main() -> None:
    """Writes the files and expected.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out = parser.parse_args().out
    samples = build()
    for file in samples.files:
        (out / file.source).mkdir(parents=True, exist_ok=True)
        (out / file.path).write_bytes(file.text().encode())
    text = json.dumps(expectations(samples), indent=1, ensure_ascii=False)
    (out / "expected.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    print(f"{len(samples.files)} files, {sum(len(file.rows) for file in samples.files)} rows -> {out}")


if __name__ == "__main__":
    main()
