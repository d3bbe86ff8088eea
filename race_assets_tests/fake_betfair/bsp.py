"""BSP price files made from the same markets: the looks of each era, and the promotional site's index of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from race_assets_tests.fake_betfair.cast import Dog
from race_assets_tests.fake_betfair.markets import Life
from race_assets_tests.fake_betfair.oracle import PLACED, WINNER, ExpectedBsp

PATH = "/betfairsp/prices"
LONDON = ZoneInfo("Europe/London")
KINDS = {"WIN": "win", "PLACE": "place"}
HEADER = (
    "event_id,menu_hint,event_name,event_dt,selection_id,selection_name,win_lose,bsp,ppwap,morningwap,ppmax,ppmin,"
    "ipmax,ipmin,morningtradedvol,pptradedvol,iptradedvol"
)
MALFORMED = "123,this row,has lost,its way\n"

PLAIN, UPPER, BOM_CRLF, BAD_ROW = "plain", "upper", "bom_crlf", "bad_row"
LOOKS: Mapping[str, Callable[[str, list[str]], str]] = {
    PLAIN: lambda header, rows: header + "".join(rows),
    UPPER: lambda header, rows: header.upper() + "".join(rows),
    BOM_CRLF: lambda header, rows: "\ufeff" + (header + "".join(rows)).replace("\n", "\r\n"),
    BAD_ROW: lambda header, rows: header + "".join([*rows[:1], MALFORMED, *rows[1:]]),
}


@dataclass(frozen=True)
class BspFile:
    """A day file. `day` is London's day of the racing in it; its name has the day after."""

    name: str
    kind: str
    day: date
    look: str
    body: bytes
    rows: tuple[ExpectedBsp, ...]
    malformed: int


def files(lives: Iterable[Life], looks: Mapping[date, str] | None = None) -> dict[str, BspFile]:
    """By name, a file for every day and kind of market there is; `looks` names days that are not `plain`."""
    by_file: dict[tuple[str, date], list[Life]] = {}
    for life in lives:
        if life.market_type in KINDS:
            day = life.start.astimezone(LONDON).date()
            by_file.setdefault((KINDS[life.market_type], day), []).append(life)
    made = [_file(kind, day, members, (looks or {}).get(day, PLAIN)) for (kind, day), members in by_file.items()]
    return {each.name: each for each in made}


def index(names: Iterable[str]) -> str:
    """The page with a link to every file."""
    links = "".join(f'<li><a href="{PATH}/{name}">{name}</a></li>\n' for name in sorted(names))
    return f"<!doctype html><html><body><ul>\n{links}</ul></body></html>"


def _file(kind: str, day: date, lives: Sequence[Life], look: str) -> BspFile:
    selections = [(life, dog) for life in lives for dog in life.dogs]
    # Rows of one race are scattered through a real file.
    selections.sort(key=lambda each: (each[1].selection_id * 7919) % 10_007)
    body = LOOKS[look](HEADER + "\n", [_row(life, dog) for life, dog in selections])
    return BspFile(
        name=f"dwbfgreyhound{kind}{day + timedelta(days=1):%d%m%Y}.csv",
        kind=kind,
        day=day,
        look=look,
        body=body.encode(),
        rows=tuple(_expected(kind, life, dog) for life, dog in selections),
        malformed=int(look == BAD_ROW),
    )


def _row(life: Life, dog: Dog) -> str:
    row = _expected("", life, dog)
    hint, where = life.meeting.name, life.start.astimezone(LONDON)
    side = life.sides[dog.selection_id]
    traded = [Decimal(str(price)) for price in side.traded]
    low, high = (str(min(traded)), str(max(traded))) if traded else ("1001", "1")
    bsp = "" if row.bsp is None else f"{row.bsp}"
    cells = (life.market_id.removeprefix("1."), hint, life.name, f"{where:%d-%m-%Y %H:%M}", dog.selection_id, dog.text)
    return ",".join(map(str, (*cells, row.win_lose, bsp, 1, 1, high, low, 1, 1001, 0, side.total, 0))) + "\n"


def _expected(kind: str, life: Life, dog: Dog) -> ExpectedBsp:
    return ExpectedBsp(
        kind=kind,
        market_id=life.market_id,
        selection_id=dog.selection_id,
        trap=dog.trap or 0,
        name=dog.name,
        start=life.start.astimezone(UTC),
        win_lose=int(life.results.get(dog.selection_id) in (WINNER, PLACED)),
        bsp=life.sides[dog.selection_id].bsp,
    )
