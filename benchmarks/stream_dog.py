"""One dog's made-up prices in a stream file: its ladders, trades and SP bets, and the elements that tell them."""

from bisect import insort
from dataclasses import dataclass, field
from random import Random

BANDS = ((200, 1), (300, 2), (400, 5), (600, 10), (1_000, 20), (2_000, 50), (3_000, 100), (5_000, 200), (10_000, 500))
# Sizes that robots keep sending; real files compress as well as they do because sizes come back.
USUAL_SIZES = ("1", "2", "0.84", "2.5", "5", "0.22", "0.26", "4", "0.16", "3.38", "10", "6", "0.48", "6.54", "20", "50")
P_USUAL, P_BEFORE, P_DEEP, P_MORE_PAIRS = 0.18, 0.25, 0.3, 0.3
P_NEW_IF_SHALLOW, P_NEW_IF_DEEP, P_DELETE = 0.6, 0.1, 0.125
P_DRIFT, P_NO_FAR = 0.04, 0.8
PRICES_AT_ONCE = (1,) * 85 + (2,) * 11 + (3,) * 4
SHALLOW = 2
MEAN_RANK = 1.7
SP_PRICES = 14
NO_NUMBER = '"NaN"'


def _ticks() -> list[float]:
    hundredths, found = 101, []
    for upper, step in (*BANDS, (100_001, 1_000)):
        found += range(hundredths, upper, step)
        hundredths = upper
    return [tick / 100 for tick in found]


TICKS = _ticks()
TEXTS = [f"{price:g}" for price in TICKS]
LAST = len(TICKS) - 1


def nearest(price: float) -> int:
    """The tick of the ladder next to a price."""
    return min(range(len(TICKS)), key=lambda tick: abs(TICKS[tick] - price))


def amount(value: float) -> str:
    """An amount as Betfair writes it: two decimals at most, none where it is whole."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def pairs_of(levels: dict[int, str]) -> str:
    """Levels as a JSON list of pairs."""
    return ",".join(f"[{TEXTS[tick]},{size}]" for tick, size in levels.items())


@dataclass
class Side:
    """One ladder; ``ticks`` are in order, and ``best_last`` says at which end the best price is."""

    random: Random
    best_last: bool
    sizes: dict[int, str] = field(default_factory=dict)
    ticks: list[int] = field(default_factory=list)

    def put(self, tick: int, size: str) -> None:
        """Set one level, or take it away with size 0."""
        if size == "0":
            if self.sizes.pop(tick, None):
                self.ticks.remove(tick)
            return
        if tick not in self.sizes:
            insort(self.ticks, tick)
        self.sizes[tick] = size

    def size(self) -> str:
        """An amount, often one seen before."""
        draw = self.random.random()
        if draw < P_USUAL:
            return self.random.choice(USUAL_SIZES)
        if draw < P_USUAL + P_BEFORE and self.ticks:
            return self.sizes[self.random.choice(self.ticks)]
        return amount(self.random.lognormvariate(2.6, 1.1) + 0.05)

    def existing(self) -> int:
        """A level there is, mostly one of the best."""
        depth = len(self.ticks)
        if self.random.random() < P_DEEP:
            rank = int(self.random.random() * depth)
        else:
            rank = min(int(self.random.expovariate(1 / MEAN_RANK)), depth - 1)
        return self.ticks[depth - 1 - rank if self.best_last else rank]

    def change(self, fair: int, target: int) -> dict[int, str]:
        """What one message changes; levels that the fair price has passed go first."""
        passed = [tick for tick in self.ticks if (tick >= fair if self.best_last else tick <= fair)]
        changed = dict.fromkeys(passed, "0")
        for tick in passed:
            self.put(tick, "0")
        more = True
        while more or not changed:
            tick, size = self._one(fair, target)
            changed[tick] = size
            self.put(tick, size)
            more = self.random.random() < P_MORE_PAIRS
        return changed

    def _one(self, fair: int, target: int) -> tuple[int, str]:
        depth = len(self.ticks)
        draw = self.random.random()
        new = P_NEW_IF_SHALLOW if depth < target else P_NEW_IF_DEEP
        if depth < SHALLOW or draw < new:
            distance = 1 + int(self.random.expovariate(1 / (3 + target / 3)))
            tick = fair - distance if self.best_last else fair + distance
            return min(max(tick, 0), LAST), self.size()
        if draw > 1 - P_DELETE and depth > SHALLOW:
            return self.existing(), "0"
        return self.existing(), self.size()

    def wipe(self) -> dict[int, str]:
        """Every level taken away."""
        gone = dict.fromkeys(self.ticks, "0")
        self.sizes.clear()
        self.ticks.clear()
        return gone


@dataclass
class Dog:
    """One runner of one market."""

    number: int
    name: str
    trap: int
    fair: int
    stake: float
    random: Random
    status: str = "ACTIVE"
    bsp: float | None = None
    removed_at: str | None = None
    last: int | None = None
    traded: dict[int, float] = field(default_factory=dict)
    sp_back: dict[int, str] = field(default_factory=dict)
    sp_lay: dict[int, str] = field(default_factory=dict)
    projection: str = ""

    def __post_init__(self) -> None:
        self.back = Side(self.random, best_last=True)
        self.lay = Side(self.random, best_last=False)

    def element(self, body: str) -> str:
        """An element of a message."""
        return f'{{{body},"id":{self.number}}}'

    def drift(self) -> None:
        """The fair price moves a tick, now and then."""
        if self.random.random() < P_DRIFT:
            self.fair = min(max(self.fair + self.random.choice((-1, 1)), 2), LAST - 2)

    def backed(self, target: int) -> str:
        """A change of the back ladder."""
        return self.element(f'"atb":[{pairs_of(self.back.change(self.fair, target))}]')

    def laid(self, target: int) -> str:
        """A change of the lay ladder."""
        return self.element(f'"atl":[{pairs_of(self.lay.change(self.fair, target))}]')

    def trade(self) -> str:
        """One trade, or some at prices side by side; amounts are cumulative at their price."""
        ticks = [self.fair + n for n in range(self.random.choice(PRICES_AT_ONCE))]
        for tick in ticks:
            self.traded[tick] = self.traded.get(tick, 0) + self.random.lognormvariate(0, 1.2) * self.stake + 0.05
        return self.trades(ticks)

    def trades(self, ticks: list[int]) -> str:
        """What is traded at these ticks, with `ltp` and `tv` as purchased files have them."""
        self.last = ticks[0]
        pairs = ",".join(f"[{TEXTS[tick]},{amount(self.traded[tick])}]" for tick in ticks)
        total = sum(round(self.traded[tick], 2) for tick in ticks)
        return self.element(f'"trd":[{pairs}],"ltp":{TICKS[ticks[0]]},"tv":{round(total, 2)}')

    def projected(self) -> str:
        """Projections of the starting price."""
        near = round(TICKS[self.fair] * self.random.uniform(0.97, 1.03), 2)
        far = NO_NUMBER if self.random.random() < P_NO_FAR else round(near * self.random.uniform(0.8, 1.3), 2)
        self.projection = f'"spn":{near},"spf":{far}'
        return self.element(self.projection)

    def sp_bet(self, group: str) -> str:
        """SP bets of one side, by their limits."""
        held = self.sp_back if group == "spb" else self.sp_lay
        changed: dict[int, str] = {}
        for _ in range(1 + int(self.random.expovariate(1.8))):
            near = min(max(self.fair + self.random.randint(-SP_PRICES, SP_PRICES), 0), LAST)
            tick = self.random.choice([near, *held])
            changed[tick] = amount(self.random.lognormvariate(1, 1.5) + 0.05)
        held |= changed
        return self.element(f'"{group}":[{pairs_of(changed)}]')

    def image(self) -> list[str]:
        """All there is, group by group."""
        groups = [
            ('"atb"', self.back.sizes),
            ('"atl"', self.lay.sizes),
            ('"spl"', self.sp_lay),
            ('"spb"', self.sp_back),
        ]
        found = [self.element(f"{name}:[{pairs_of(levels)}]") for name, levels in groups if levels]
        if self.projection:
            found.append(self.element(self.projection))
        if self.traded and self.last is not None:
            found.append(self.trades([self.last, *(tick for tick in self.traded if tick != self.last)]))
        return found

    def ladders_gone(self) -> list[str]:
        """Every bet cancelled."""
        gone = (("atb", self.back.wipe()), ("atl", self.lay.wipe()))
        return [self.element(f'"{name}":[{pairs_of(levels)}]') for name, levels in gone if levels]

    def trades_gone(self) -> list[str]:
        """The settlement wipe: zero at every price, `ltp` one of them (which is no trade)."""
        ticks = list(self.traded)
        self.random.shuffle(ticks)
        zeros = pairs_of(dict.fromkeys(ticks, "0"))
        found = [self.element(f'"trd":[{zeros}],"ltp":{TICKS[ticks[0]]},"tv":0.0')] if ticks else []
        if self.bsp:
            found += [self.element(f'"{group}":[[{self.bsp!r},0]]') for group in ("spl", "spb")]
        return found

    def reconciled(self) -> list[str]:
        """SP bets collapse to one level at the starting price, not rounded."""
        found = []
        for group, held in (("spl", self.sp_lay), ("spb", self.sp_back)):
            zeros = pairs_of(dict.fromkeys(held, "0"))
            matched = amount(self.random.lognormvariate(4, 1) + 1)
            found.append(self.element(f'"{group}":[{zeros}{"," if zeros else ""}[{self.bsp!r},{matched}]]'))
            held.clear()
        return found
