"""What is known of one runner's prices at a moment: traded, last traded, on offer (API_CONTRACTS 4.3 to 4.6)."""

from math import inf, isfinite
from typing import Any

from race_assets.sources.betfair.stream.messages import BrokenLineError, Levels, Places

FULL, NUMBERED, DISPLAYED = "at", "bat", "bdat"
"""Groups of what is on offer, by the beginning of their names: every price, the best by number, the best with cross
matching; `b` follows for what backers are offered, `l` for layers."""


MOST_LEVELS = 1000
"""Prices with an offer; the ladder from 1.01 to 1000 has 350. The best of them is looked for again and again."""

LEAST_GROWTH = 0.005
"""Money in pounds; sums of doubles may differ by less without any trade."""


def number(value: Any) -> float | None:
    """A price that is one: NaN and Infinity come as strings, and are none."""
    return value if isinstance(value, float | int) and isfinite(value) else None


class Side:
    """What is on offer to backers, or to layers, in one group of a runner's prices.

    Args:
        is_back: the highest price is the best one; else the lowest is.

    Attributes:
        told: `pt` of the last message about this side, whether or not it changed the best price.
        best: the best price; infinite where nothing is on offer, so that any price is better.
        since: since when that has been the best price. What changes and changes back at the same `pt`, as an image
            makes it do, did not change.
    """

    __slots__ = ("_before", "_is_back", "_levels", "_nothing", "best", "since", "told")

    def __init__(self, *, is_back: bool) -> None:
        self._is_back = is_back
        self._levels: dict[float, float] = {}
        self._nothing = -inf if is_back else inf
        self._before = self._nothing, 0
        self.best = self._nothing
        self.since = self.told = 0

    @property
    def price(self) -> float | None:
        """The best price on offer."""
        return None if self.best == self._nothing else self.best

    def change(self, pt: int, levels: Levels) -> None:
        """Set the sizes on offer at these prices; a size of 0 takes the price away."""
        self.told = pt
        offers, is_back, best = self._levels, self._is_back, self.best
        is_gone = False
        for price, size in levels:
            if size:
                offers[price] = size
                if (price > best) is is_back:
                    best = price
            elif offers.pop(price, None) is not None and price == best:
                is_gone = True
        if len(offers) > MOST_LEVELS:
            raise BrokenLineError(f"a runner has offers at over {MOST_LEVELS:,} prices; there are 350")
        if is_gone:
            best = (max if is_back else min)(offers, default=self._nothing)
        if best != self.best:
            self._turn(pt, best)

    def place(self, pt: int, places: Places) -> None:
        """Set the prices of numbered levels: 0 is the best, a size of 0 takes the level away."""
        self.told = pt
        for level, price, size in places:
            if size:
                self._levels[level] = price
            else:
                self._levels.pop(level, None)
        if (best := self._levels.get(0, self._nothing)) != self.best:
            self._turn(pt, best)

    def forget(self, pt: int) -> None:
        """Take everything off offer: an image published at `pt` lists all there is anew."""
        self._levels.clear()
        self._turn(pt, self._nothing)

    def _turn(self, pt: int, best: float) -> None:
        if self.since != pt:
            self._before = self.best, self.since
        if best == self._before[0]:
            self.best, self.since = self._before
        else:
            self.best, self.since = best, pt


class Book:
    """One runner's prices.

    Times are the latest `pt` so far, milliseconds of the epoch; sizes as the stream counts them, in pounds.

    Attributes:
        traded: money matched by price.
        pending: prices whose trades were taken back while the market is suspended, by settlement or a withdrawal.
        last: the last price matched, as Betfair gives it.
        last_pt: when that was published; an image that repeats it does not count.
        grown_pt: when the money matched last grew; 0 where it never did.
        back, lay: what is on offer at every price.
        numbered: what is on offer by group, of plans and captures that number their levels.
        is_removed: the definition in force lists the runner as removed.
    """

    __slots__ = (
        "_before_image", "_uncounted", "back", "grown_pt", "is_removed", "last", "last_pt", "lay", "numbered",
        "pending", "traded",
    )  # fmt: skip

    def __init__(self) -> None:
        self.traded: dict[float, float] = {}
        self.pending: set[float] = set()
        self.last: float | None = None
        self.last_pt = self.grown_pt = 0
        self._before_image: tuple[float | None, int] = None, 0
        self._uncounted = 0.0
        self.is_removed = False
        self.close_offers()

    def close_offers(self) -> None:
        """Drop what is on offer for good."""
        self.back, self.lay = Side(is_back=True), Side(is_back=False)
        self.numbered: dict[str, Side] = {}

    def start_image(self, pt: int, *, is_suspended: bool) -> None:
        """Forget all prices, which an image published at `pt` lists anew.

        Trades that an image of a suspended market leaves out are only taken back until the market opens.
        """
        for side in (self.back, self.lay, *self.numbered.values()):
            side.forget(pt)
        self._before_image = self.last, self.last_pt
        if is_suspended:
            self.pending.update(self.traded)
            return
        self._uncounted = sum(self.traded.values())
        self.last = None
        self.traded.clear()
        self.pending.clear()

    def trade(
        self, pt: int, levels: list[tuple[float, float]], ltp: Any, *, is_suspended: bool, is_image: bool
    ) -> None:
        """Apply one element's trades.

        An element that only takes trades back has no last price: its `ltp` is the first price it takes back
        (API_CONTRACTS 4.6). A first price of size 0 that had no money before is a trade too small for the two decimals.

        Args:
            pt: when it was published.
            levels: price and money matched there so far; 0 takes back what was matched.
            ltp: the element's last price.
            is_suspended: the market is; trades taken back then may be the settlement's, and wait for what follows.
            is_image: the element is part of an image.
        """
        traded, pending = self.traded, self.pending
        is_taken_back = not levels[0][1] and not any(size for _, size in levels)
        if is_taken_back and is_suspended:
            pending.update(price for price, _ in levels)
            return
        if not is_taken_back or levels[0][0] not in traded:
            self.trade_last(pt, ltp, is_image=is_image)
        had_some, gained = bool(traded), 0.0
        for price, size in levels:
            gained += size - traded.get(price, 0.0)
            if size:
                traded[price] = size
                pending.discard(price)
            else:
                traded.pop(price, None)
        if had_some and not traded:
            self.last = None
        if is_image:
            # It grew only where the image exceeds what was matched before it.
            gained -= self._uncounted
            self._uncounted = max(-gained, 0.0)
        if gained > LEAST_GROWTH:
            self.grown_pt = pt

    def trade_last(self, pt: int, ltp: Any, *, is_image: bool = False) -> None:
        """Take over the last price matched, where it is a number."""
        price = number(ltp)
        if price is None:
            return
        before, before_pt = self._before_image
        self.last, self.last_pt = price, before_pt if is_image and price == before else pt

    def undo(self) -> None:
        """Void what was taken back, now that the market is open again; without any trade there is no last price."""
        if not self.pending:
            return
        for price in self.pending:
            self.traded.pop(price, None)
        self.pending.clear()
        if not self.traded:
            self.last = None

    def place_offers(self, pt: int, group: str, places: Places) -> None:
        """Apply numbered levels of a group, such as `batb`."""
        side = self.numbered.get(group)
        if side is None:
            side = self.numbered[group] = Side(is_back=True)
        side.place(pt, places)

    def sides(self, family: str) -> tuple[Side, Side]:
        """Return what backers and what layers are offered, of this family of groups."""
        if family == FULL:
            return self.back, self.lay
        return self.numbered.get(family + "b", NO_OFFERS), self.numbered.get(family + "l", NO_OFFERS)

    def volume(self) -> float:
        """Return the money matched, rounded to pence: sums of doubles are not exact."""
        return round(sum(self.traded.values()), 2)

    def totals(self) -> tuple[float, float | None, float | None, float | None]:
        """Money matched, and the average, highest and lowest price it was matched at."""
        volume = self.volume()
        if not volume:
            return volume, None, None, None
        value = sum(price * size for price, size in self.traded.items())
        return volume, value / volume, max(self.traded), min(self.traded)


NO_OFFERS = Side(is_back=True)
"""A side nothing was published about."""
