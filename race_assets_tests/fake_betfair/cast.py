"""Who appears: tracks, invented dogs and the ids they run under; nothing of what happens to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count, product
from random import Random
from zoneinfo import ZoneInfo

NAME_LIMIT = 16

# Made-up words only, short enough that most pairs stay within the 16 characters Betfair keeps of a name.
FIRST_WORDS = (
    "Wobbly", "Pickled", "Velvet", "Turbo", "Cosmic", "Muffled", "Rusty", "Gilded", "Nimble", "Paper", "Silent",
    "Tartan", "Woolly", "Zigzag", "Copper", "Dapper", "Fuzzy", "Hasty", "Inky", "Jolly",
)  # fmt: skip
SECOND_WORDS = (
    "Kettle", "Pylon", "Gherkin", "Anvil", "Bobbin", "Crumpet", "Ferret", "Gadget", "Hatbox", "Igloo", "Jigsaw",
    "Ladle", "Mitten", "Noodle", "Oboe", "Parsnip", "Quill", "Ratchet", "Sprout", "Teapot",
)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """A track with the words Betfair puts round it."""

    name: str
    country: str
    zone: str

    @property
    def is_oceanic(self) -> bool:
        """Whether fields are of eight and race names begin with the race number."""
        return self.country in ("AU", "NZ")

    def event_name(self, day: date, kind: str = "") -> str:
        """`Murray Bridge (AUS) 2nd Jun`, `Perry Barr (F/C) 27th Jun`."""
        tag = {"AU": " (AUS)", "NZ": " (NZL)"}.get(self.country, "")
        return f"{self.name}{tag}{kind} {ordinal(day)}"

    def local_day(self, moment: datetime) -> date:
        """The day on the track's own clocks."""
        return moment.astimezone(ZoneInfo(self.zone)).date()


TRACKS = {
    track.name: track
    for track in (
        Track("Kinsley", "GB", "Europe/London"),
        Track("Romford", "GB", "Europe/London"),
        Track("Towcester", "GB", "Europe/London"),
        Track("Shelbourne Park", "IE", "Europe/Dublin"),
        Track("Murray Bridge", "AU", "Australia/Adelaide"),
        Track("The Meadows", "AU", "Australia/Melbourne"),
        Track("Addington", "NZ", "Pacific/Auckland"),
    )
}


@dataclass(frozen=True)
class Dog:
    """A selection: `trap` is null where a selection is no dog (forecasts), whose `name` is then the whole text."""

    selection_id: int
    trap: int | None
    name: str
    is_reserve: bool = False

    @property
    def text(self) -> str:
        """As Betfair writes it: `3. Wobbly Kettle (res)`."""
        if self.trap is None:
            return self.name
        return f"{self.trap}. {self.name}" + (" (res)" if self.is_reserve else "")


def ordinal(day: date) -> str:
    """`27th Jun`."""
    ending = "th" if day.day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{day.day}{ending} {day:%b}"


class Cast:
    """Hands out ids and dogs, and the one generator everything is drawn from."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - the same bytes every time is the point
        block = seed % 90  # casts of different seeds share no ids
        self._markets = count(900_000_001 + 1_000_000 * block)
        self._events = count(39_000_001 + 10_000 * block)
        self._selections = count(40_000_011 + 500_000 * block, 7)
        self._names = self._endless_names()

    def _endless_names(self) -> Iterator[str]:
        pairs = [" ".join(words)[:NAME_LIMIT] for words in product(FIRST_WORDS, SECOND_WORDS)]
        while True:
            self.rng.shuffle(pairs)
            yield from pairs

    def market_id(self) -> str:
        """The next `1.<digits>`."""
        return f"1.{next(self._markets)}"

    def event_id(self) -> str:
        """The next event."""
        return str(next(self._events))

    def dog(self, trap: int, name: str | None = None, *, is_reserve: bool = False) -> Dog:
        """A new dog; its own name is drawn unless given."""
        return Dog(next(self._selections), trap, name or next(self._names), is_reserve)

    def field(self, traps: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> list[Dog]:
        """New dogs in these traps."""
        return [self.dog(trap) for trap in traps]

    def combinations(self, names: tuple[str, ...]) -> list[Dog]:
        """Selections that are no dogs."""
        return [Dog(next(self._selections), None, name) for name in names]
