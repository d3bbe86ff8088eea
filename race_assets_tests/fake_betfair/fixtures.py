"""The markets there are: one for every oddity known of the real files, and plain months of any size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import permutations

from race_assets_tests.fake_betfair.cast import TRACKS, Cast, Dog
from race_assets_tests.fake_betfair.markets import Life, Meeting
from race_assets_tests.fake_betfair.streams import (
    BASIC,
    PLANS,
    PRO,
    MarketFile,
    cut_file,
    event_file,
    market_file,
)

SUMMER, WINTER, NIGHT = date(2024, 6, 27), date(2024, 1, 15), date(2024, 7, 2)
SIX = (1, 2, 3, 4, 5, 6)
GRADES = ("A3 500m", "D4 268m", "A5 462m", "OR3 280m", "S2 650m")
CLASSES = ("395m Mdn", "395m Gr5", "455m Gr4/5", "530m FFA")
LONG_NAME = "Quizzical Badger"  # 16 characters
FEW_ROUNDS = (12, 3)


@dataclass
class Shelf:
    """Files by path and the lives behind them."""

    files: list[MarketFile] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)

    def __add__(self, other: "Shelf") -> "Shelf":
        return Shelf(self.files + other.files, self.lives + other.lives)

    def case(self, name: str, plan: str = PRO, kind: str = "M") -> list[MarketFile]:
        """The files made for that oddity."""
        return [each for each in self.files if (each.case, each.plan, each.kind) == (name, plan, kind)]

    def put(self, life: Life, case: str, plans: Sequence[str] = (BASIC, PRO)) -> Life:
        """Writes a market's files."""
        self.lives.append(life)
        self.files += [market_file(life, plan, case) for plan in plans]
        return life


def at(day: date, time: str) -> datetime:
    """That UTC time of that day."""
    hour, minute = map(int, time.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def meeting(cast: Cast, track: str, first: datetime, kind: str = "") -> Meeting:
    """A meeting whose first race is at `first`."""
    where = TRACKS[track]
    return Meeting(where, cast.event_id(), where.event_name(where.local_day(first), kind), first, where.name)


def pair(cast: Cast, at_meeting: Meeting, name: str, dogs: Sequence[Dog], start: datetime) -> tuple[Life, Life]:
    """The WIN and the PLACE market of one race, open."""
    win = Life(cast, at_meeting, "WIN", name, dogs, start).opens()
    places = 3 if len(dogs) > 6 else 2
    return win, Life(cast, at_meeting, "PLACE", "To Be Placed", dogs, start, winners=places).opens()


@cache
def oddities(seed: int = 1) -> Shelf:
    """Every case a reader of these files has to meet; made once for all who ask, so it is not to be changed."""
    return build_oddities(seed)


def build_oddities(seed: int) -> Shelf:
    """Those cases made anew."""
    cast, shelf = Cast(seed), Shelf()
    _kinsley(cast, shelf)
    _forecast_and_trap_challenge(cast, shelf)
    _murray_bridge(cast, shelf)
    _crosses_midnight(cast, shelf)
    _winter_day(cast, shelf)
    _cut(cast, shelf)
    return shelf


Case = Callable[[Life, Life], object]


def _kinsley(cast: Cast, shelf: Shelf) -> None:
    """A meeting in summer time, in every plan, and as one file per event too."""
    kinsley = meeting(cast, "Kinsley", at(SUMMER, "13:36"))
    lives: list[Life] = []
    for number, (case, live) in enumerate(KINSLEY.items()):
        dogs = cast.field()
        if case == "name_of_16":
            dogs[2] = cast.dog(3, LONG_NAME)
        start = kinsley.first_race + timedelta(minutes=18 * number)
        win, place = pair(cast, kinsley, GRADES[number % len(GRADES)], dogs, start)
        live(win, place)
        lives += [shelf.put(win, case, PLANS), shelf.put(place, case, PLANS)]
    shelf.files += [event_file(lives, plan, "event") for plan in PLANS]


def _plain(win: Life, place: Life) -> None:
    win.trades().finishes([4])
    place.trades().finishes([4, 1])


def _never_traded(win: Life, place: Life) -> None:
    win.trades(but=[6]).finishes([2])
    place.trades(but=[6, 1]).finishes([2, 3])


def _reserve(win: Life, place: Life) -> None:
    for life, winners in ((win, [3]), (place, [3, 6])):
        life.trades([180, 150], but=[2]).withdraws(3, 115, reserve="Pickled Reservist").trades().finishes(winners)


def _withdrawal(win: Life, place: Life) -> None:
    """Every bet before the withdrawal is void, and trap 5 is not backed again."""
    for life, winners in ((win, [1]), (place, [1, 6])):
        life.trades([180, 150]).withdraws(2, 115).trades(but=[5]).finishes(winners)


def _void_place(win: Life, place: Life) -> None:
    win.trades().finishes([5])
    place.is_void(300)


def _dead_heat(win: Life, place: Life) -> None:
    win.trades().finishes([3, 4])
    place.trades().finishes([3, 4])


def _resettled(win: Life, place: Life) -> None:
    win.trades().finishes([1]).settles([6])
    place.trades().finishes([1, 2]).settles([6, 2])


def _strange(win: Life, place: Life) -> None:
    win.trades([40, 25]).turns_strange(15).trades([12, 3]).finishes([3])
    place.trades([40, 25]).turns_strange(15).trades([12, 3]).finishes([3, 2])


def _images(win: Life, place: Life) -> None:
    """Images, and matches that are taken back while the market is open."""
    for life, winners in ((win, [2]), (place, [2, 1])):
        life.trades([90, 80, 70, 60, 50, 40]).images(30).trades([25, 12]).images(8).trades([6, 3]).finishes(winners)


def _deleted(win: Life, place: Life) -> None:
    for life, winners in ((win, [2]), (place, [2, 1])):
        life.trades([90, 80, 70, 60, 50, 40]).deletes_a_trade(1, 5).deletes_a_trade(4, 4).finishes(winners)


def _no_late_dog(win: Life, place: Life) -> None:
    win.trades().finishes([6])
    place.trades().finishes([6, 5])


KINSLEY: dict[str, Case] = {
    "plain": _plain,
    "reserve": _reserve,
    "withdrawal": _withdrawal,
    "void_place": _void_place,
    "dead_heat": _dead_heat,
    "resettled": _resettled,
    "unknown_keys": _strange,
    "images": _images,
    "deleted_trades": _deleted,
    "never_traded": _never_traded,
    "name_of_16": _no_late_dog,
}


def _forecast_and_trap_challenge(cast: Cast, shelf: Shelf) -> None:
    """Markets of the sport that are no race: an event of its own with the track's venue, and one with none."""
    start = at(SUMMER, "13:36")
    event = meeting(cast, "Kinsley", start, " (F/C)")
    names = tuple(f"{first} - {second}" for first, second in permutations(SIX, 2))
    forecast = Life(cast, event, "FORECAST", "Forecast", cast.combinations(names), start, bsp=False)
    shelf.put(forecast.opens().trades(FEW_ROUNDS).finishes([7]), "forecast")
    track = TRACKS["Kinsley"]
    challenge = Meeting(track, cast.event_id(), f"Trap Challenge {SUMMER:%d %b}", start, None)
    traps = tuple(f"Trap {trap}" for trap in SIX)
    life = Life(cast, challenge, "TRAP_CHALLENGE", "Kinsley Trap Challenge", cast.combinations(traps), start, bsp=False)
    shelf.put(life.opens().trades(FEW_ROUNDS).finishes([2]), "trap_challenge")


def _murray_bridge(cast: Cast, shelf: Shelf) -> None:
    """Australia: fields of eight, a reserve that keeps its rug 9, a time pulled forward, exotics in the same event."""
    bridge = meeting(cast, "Murray Bridge", at(SUMMER, "08:21"))
    win, place = pair(cast, bridge, "R1 395m Mdn", cast.field((1, 2, 3, 5, 6, 7, 8, 9)), bridge.first_race)
    shelf.put(win.trades().finishes([9]), "rug_9")
    shelf.put(place.trades().finishes([9, 1, 2]), "rug_9")
    later = at(SUMMER, "08:45")
    for life, winners in zip(
        pair(cast, bridge, "R2 455m Gr4/5", cast.field((1, 2, 3, 4, 5, 6, 7, 8)), later), ([8], [8, 7, 2]), strict=True
    ):
        life.withdraws(5, 400, voids=False).is_moved(later - timedelta(minutes=5), 240)
        shelf.put(life.trades().finishes(winners), "pulled_forward")
    names = tuple(f"{first} - {second}" for first, second in permutations((1, 2, 3), 2))
    exacta = Life(cast, bridge, "EXACTA", "Exacta", cast.combinations(names), bridge.first_race, bsp=False)
    shelf.put(exacta.opens().trades(FEW_ROUNDS).finishes([1]), "exacta")


def _crosses_midnight(cast: Cast, shelf: Shelf) -> None:
    """Scheduled at 23:59 UTC, off on the next day; on New Zealand's clocks it is that next day throughout."""
    addington = meeting(cast, "Addington", at(NIGHT, "23:20"))
    win, place = pair(cast, addington, "R3 295m C2", cast.field((1, 2, 3, 4, 5, 6, 7, 8)), at(NIGHT, "23:59"))
    shelf.put(win.trades().finishes([7], delay=95.25), "midnight")
    shelf.put(place.trades().finishes([7, 8, 1], delay=95.25), "midnight")


def _winter_day(cast: Cast, shelf: Shelf) -> None:
    """Britain in GMT, and Ireland."""
    for track, first in (("Romford", "18:22"), ("Shelbourne Park", "19:40")):
        where = meeting(cast, track, at(WINTER, first))
        win, place = pair(cast, where, GRADES[0], cast.field(), where.first_race)
        shelf.put(win.trades().finishes([1]), "winter")
        shelf.put(place.trades().finishes([1, 2]), "winter")


def _cut(cast: Cast, shelf: Shelf) -> None:
    """A market whose file ends in the middle of a line."""
    towcester = meeting(cast, "Towcester", at(SUMMER, "17:08"))
    win, _ = pair(cast, towcester, "A5 500m", cast.field(), towcester.first_race)
    shelf.lives.append(win.trades().finishes([4]))
    shelf.files += [cut_file(win, plan, "cut_mid_line") for plan in (BASIC, PRO)]


def month(
    start: date = date(2024, 5, 1),
    *,
    days: int = 5,
    meetings: int = 2,
    races: int = 2,
    plans: Sequence[str] = (BASIC,),
    events: bool = False,
    seed: int = 2,
) -> Shelf:
    """Plain days: `meetings` a day of `races` WIN and PLACE pairs each; `events` adds the files per event."""
    cast, shelf = Cast(seed), Shelf()
    tracks = [name for name, track in TRACKS.items() if track.country in ("GB", "IE", "AU")]
    for number in range(days):
        for order in range(meetings):
            track = tracks[(number + order) % len(tracks)]
            first = at(start + timedelta(days=number), f"{10 + order % 12}:{7 * (order % 8):02}")
            lives = list(plain_meeting(cast, track, first, races))
            for life in lives:
                shelf.put(life, "month", plans)
            if events:
                shelf.files += [event_file(lives, plan, "month") for plan in plans]
    return shelf


def plain_meeting(cast: Cast, track: str, first: datetime, races: int, *, minutes: int = 15) -> Iterator[Life]:
    """The markets of a meeting where nothing unusual happens, `minutes` between races."""
    where = meeting(cast, track, first)
    is_oceanic = where.track.is_oceanic
    traps = (1, 2, 3, 4, 5, 6, 7, 8) if is_oceanic else SIX
    for number in range(races):
        title = f"R{number + 1} {cast.rng.choice(CLASSES)}" if is_oceanic else cast.rng.choice(GRADES)
        win, place = pair(cast, where, title, cast.field(traps), first + timedelta(minutes=minutes * number))
        order = cast.rng.sample(traps, place.winners)
        yield win.trades(FEW_ROUNDS).finishes(order[:1])
        yield place.trades(FEW_ROUNDS).finishes(order)
