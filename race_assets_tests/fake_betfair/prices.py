"""The book of one invented market: ladders, trades and projected SP, and the stream elements that tell of each change.

Sizes are kept in pence, so that sums are exact; a level's size is cumulative, as in the files.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Any

Element = dict[str, Any]
Level = tuple[float, int]

STEPS = ((2, 1), (3, 2), (4, 5), (6, 10), (10, 20), (20, 50), (30, 100), (50, 200), (100, 500), (1001, 1000))
NOWHERE = ("NaN", "Infinity")


def _ticks() -> Iterator[float]:
    hundredths = 101
    for limit, step in STEPS:
        while hundredths < limit * 100 and hundredths <= 100_000:
            yield hundredths / 100
            hundredths += step


LADDER = tuple(_ticks())


def pounds(pence: int) -> float:
    """The number as JSON has it: 0 is written without a point."""
    return pence / 100 if pence else 0


def pairs(levels: Iterable[Level]) -> list[list[float]]:
    """Levels as `[price, size]`."""
    return [[price, pounds(size)] for price, size in levels]


def triplets(levels: Sequence[Level]) -> list[list[float]]:
    """Levels as `[level, price, size]`, best first."""
    return [[at, price, pounds(size)] for at, (price, size) in enumerate(levels)]


def truncated(price: Decimal) -> Decimal:
    """2 places, cut rather than rounded, as the files have it."""
    return price.quantize(Decimal("0.01"), rounding=ROUND_DOWN)


@dataclass
class Side:
    """What the market has of one selection."""

    at: int
    traded: dict[float, int] = field(default_factory=dict)
    backs: dict[float, int] = field(default_factory=dict)
    lays: dict[float, int] = field(default_factory=dict)
    sp_backs: dict[float, int] = field(default_factory=dict)
    sp_lays: dict[float, int] = field(default_factory=dict)
    ltp: float | None = None
    bsp: Decimal | None = None

    @property
    def total(self) -> Decimal:
        """Traded, in pounds."""
        return Decimal(sum(self.traded.values())).scaleb(-2)


@dataclass
class Told:
    """One moment's changes in the words of each plan."""

    pro: list[Element] = field(default_factory=list)
    advanced: list[Element] = field(default_factory=list)
    basic: list[Element] = field(default_factory=list)

    def add(self, other: "Told") -> None:
        """Takes in the changes of one more selection."""
        self.pro += other.pro
        self.advanced += other.advanced
        self.basic += other.basic


def quote(side: Side, selection_id: int, rng: Random) -> Told:
    """New offers round the selection's price; levels that are gone are told with size 0."""
    told = Told()
    best: Element = {}
    for key, best_key, ladder, steps in (
        ("atb", "batb", side.backs, (-1, -2, -3)),
        ("atl", "batl", side.lays, (1, 2, 3)),
    ):
        new = {LADDER[side.at + step]: rng.randrange(200, 30_000) for step in steps}
        gone = [(price, 0) for price in ladder if price not in new]
        told.pro.append({key: pairs([*new.items(), *gone]), "id": selection_id})
        best[best_key] = triplets(list(new.items()))
        ladder.clear()
        ladder.update(new)
    told.advanced.append(best | {"id": selection_id})
    return told


def project(side: Side, selection_id: int, rng: Random) -> Told:
    """Projected SP, at times the strings NaN and Infinity, and the bets at SP."""
    near = rng.choice((LADDER[side.at], LADDER[side.at], "NaN", "Infinity"))
    far = rng.choice((LADDER[side.at + 2], "NaN", "NaN", "Infinity"))
    side.sp_backs[1000.0] = side.sp_backs.get(1000.0, 0) + rng.randrange(100, 3_000)
    side.sp_lays[1.01] = side.sp_lays.get(1.01, 0) + rng.randrange(100, 3_000)
    return Told(
        [
            {"spn": near, "spf": far, "id": selection_id},
            {"spb": pairs(side.sp_backs.items()), "id": selection_id},
            {"spl": pairs(side.sp_lays.items()), "id": selection_id},
        ]
    )


def trade(side: Side, selection_id: int, rng: Random, *, single: bool = False) -> Told:
    """One to three prices traded; the first pair's price is `ltp`, `tv` the sum of this message's sizes."""
    steps = [0] if single or rng.random() < 0.8 else rng.sample((-1, 0, 1), rng.choice((2, 3)))
    prices = [LADDER[side.at + step] for step in steps]
    for price in prices:
        side.traded[price] = side.traded.get(price, 0) + rng.randrange(100, 20_000)
    side.ltp = prices[0]
    element = _trades([(price, side.traded[price]) for price in prices], selection_id)
    return Told([element], [element], [{"ltp": side.ltp, "id": selection_id}])


def delete_trade(side: Side, selection_id: int, rng: Random) -> Told:
    """A match taken back while the market is open: its level goes, and `ltp` names a price that was no trade."""
    price = rng.choice([each for each in side.traded if each != side.ltp])
    del side.traded[price]
    element = _trades([(price, 0)], selection_id)
    return Told([element], [element])


def wipe(side: Side, selection_id: int, rng: Random) -> Told:
    """Every traded level and every SP bet to 0; what was booked is left to the caller. `ltp` is then no trade."""
    told = Told()
    if side.traded:
        prices = list(side.traded)
        rng.shuffle(prices)
        element = _trades([(price, 0) for price in prices], selection_id)
        told.pro.append(element)
        told.advanced.append(element)
    for key, ladder in (("spl", side.sp_lays), ("spb", side.sp_backs)):
        if ladder:
            told.pro.append({key: pairs((price, 0) for price in ladder), "id": selection_id})
    return told


def clear_offers(side: Side, selection_id: int) -> Told:
    """Every offer taken back."""
    pro = [
        {key: pairs((price, 0) for price in ladder), "id": selection_id}
        for key, ladder in (("atb", side.backs), ("atl", side.lays))
        if ladder
    ]
    best = {"batb": triplets([(0, 0)] * 3), "batl": triplets([(0, 0)] * 3), "id": selection_id}
    side.backs.clear()
    side.lays.clear()
    return Told(pro, [best] if pro else [])


def reconcile(side: Side, selection_id: int, rng: Random) -> Told:
    """The SP found: all bets at SP collapse to one level at the unrounded price."""
    tick = Decimal(str(LADDER[side.at]))
    side.bsp = tick if rng.random() < 0.3 else tick + Decimal(rng.randrange(1, 9_000_000)).scaleb(-9)
    told = Told()
    for key, ladder in (("spl", side.sp_lays), ("spb", side.sp_backs)):
        new = {float(side.bsp): sum(ladder.values()) or 100}
        gone = [(price, 0) for price in ladder if price not in new]
        told.pro.append({key: pairs([*gone, *new.items()]), "id": selection_id})
        ladder.clear()
        ladder.update(new)
    return told


def image(side: Side, selection_id: int) -> Told:
    """The whole state again; BASIC has no images."""
    told = Told()
    full = (("atb", side.backs), ("atl", side.lays), ("spb", side.sp_backs), ("spl", side.sp_lays))
    told.pro += [{key: pairs(ladder.items()), "id": selection_id} for key, ladder in full if ladder]
    if side.backs:
        best = {"batb": triplets(list(side.backs.items())), "batl": triplets(list(side.lays.items()))}
        told.advanced.append(best | {"id": selection_id})
    if side.traded:
        last = [side.ltp] if side.ltp in side.traded else []
        prices = [*last, *(price for price in side.traded if price != side.ltp)]
        element = _trades([(price, side.traded[price]) for price in prices], selection_id)
        told.pro.append(element)
        told.advanced.append(element)
    return told


def _trades(levels: Sequence[Level], selection_id: int) -> Element:
    total = pounds(sum(size for _, size in levels))
    return {"trd": pairs(levels), "ltp": levels[0][0], "tv": float(total), "id": selection_id}
