"""What is known of one runner's prices at a moment: traded, last traded, on offer (API_CONTRACTS 4.3 to 4.6)."""

from math import isfinite
from typing import Any

from race_assets.sources.betfair.stream.messages import Levels, Places

FULL, NUMBERED, DISPLAYED = "at", "bat", "bdat"
"""Groups of what is on offer, by the beginning of their names: every price, the best by number, the best with cross
matching; `b` follows for what backers are offered, `l` for layers."""


def number(value: Any) -> float | None:
    """A price that is one: NaN and Infinity come as strings, and are none."""
    return value if isinstance(value, float | int) and isfinite(value) else None


def change_levels(offers: dict[float, float], levels: Levels) -> None:
    """Puts new sizes of some prices into a ladder; a size of 0 takes the price away."""
    for price, size in levels:
        if size:
            offers[price] = size
        else:
            offers.pop(price, None)


class Book:
    """One runner's prices. Times are `pt`, milliseconds of the epoch; sizes as the stream counts them, in pounds.

    Attributes:
        traded: money matched by price.
        pending: prices whose trades were taken back while the market is suspended, by settlement or a withdrawal.
        last: the last price matched.
        back, lay: money on offer by price.
        numbered: the price on offer by group and level, of plans and captures that number their levels.
        told: when each group of offers was last told.
        before_image: the last price and when it was told, before an image; its own may be none (see `trade`).
        is_removed: the definition in force lists the runner as removed.
    """

    __slots__ = (
        "back", "before_image", "is_removed", "last", "last_pt", "lay", "numbered", "pending", "told", "traded",
        "traded_pt",
    )  # fmt: skip

    def __init__(self) -> None:
        self.traded: dict[float, float] = {}
        self.pending: set[float] = set()
        self.last: float | None = None
        self.last_pt = self.traded_pt = 0
        self.before_image: tuple[float, int] | None = None
        self.is_removed = False
        self.forget_offers()

    def forget_offers(self) -> None:
        """An image tells all that is on offer anew; after the close nobody asks."""
        self.back: dict[float, float] = {}
        self.lay: dict[float, float] = {}
        self.numbered: dict[str, dict[float, float]] = {}
        self.told: dict[str, int] = {}

    def forget_trades(self, *, for_now: bool) -> None:
        """An image tells the trades anew; `for_now`, those it leaves out are only taken back until the market opens."""
        self.before_image = None
        if for_now:
            self.pending.update(self.traded)
            return
        if self.last is not None:
            self.before_image = self.last, self.last_pt
        self.last, self.traded_pt = None, 0
        self.traded.clear()
        self.pending.clear()

    def trade(
        self, pt: int, levels: list[tuple[float, float]], ltp: Any, *, is_suspended: bool, is_image: bool
    ) -> None:
        """One element's trades.

        Args:
            pt: when it was published.
            levels: price and money matched there so far; 0 takes back what was matched.
            ltp: the element's last price; no trade where the first level is taken back (API_CONTRACTS 4.6).
            is_suspended: the market is; trades taken back then may be the settlement's, and wait for what follows.
            is_image: the element is part of an image.
        """
        if levels[0][1]:
            self.trade_last(pt, ltp)
        if is_suspended and not any(size for _, size in levels):
            self.pending.update(price for price, _ in levels)
            return
        self.traded_pt = pt
        traded, pending = self.traded, self.pending
        for price, size in levels:
            if size:
                traded[price] = size
                pending.discard(price)
            else:
                traded.pop(price, None)
        if not traded:
            self.last = None
        elif is_image and len(levels) > 1 and self.before_image and self.before_image[0] in traded:
            # An image tells prices in their own order, and `ltp` is the first: the last was the one before the image.
            self.last, self.last_pt = self.before_image

    def trade_last(self, pt: int, ltp: Any) -> None:
        """The last price matched, where it is one."""
        price = number(ltp)
        if price is not None:
            self.last, self.last_pt = price, pt

    def undo(self, pt: int) -> None:
        """The market opened again: what was taken back was void, and where nothing is left there is no last price."""
        if not self.pending:
            return
        for price in self.pending:
            self.traded.pop(price, None)
        self.pending.clear()
        self.traded_pt = pt
        if not self.traded:
            self.last = None

    def offer_levels(self, pt: int, group: str, levels: Places) -> None:
        """Offers by level: 0 is the best, a size of 0 takes the level away."""
        prices = self.numbered.setdefault(group, {})
        for level, price, size in levels:
            if size:
                prices[level] = price
            else:
                prices.pop(level, None)
        self.told[group] = pt

    def best(self, family: str) -> tuple[float | None, int, float | None, int]:
        """The best price for backers and when it was told, then the same for layers."""
        back_group, lay_group = family + "b", family + "l"
        if family == FULL:
            back, lay = max(self.back, default=None), min(self.lay, default=None)
        else:
            back, lay = (self.numbered.get(group, {}).get(0) for group in (back_group, lay_group))
        return back, self.told.get(back_group, 0), lay, self.told.get(lay_group, 0)

    def volume(self) -> float:
        """Money matched: of pounds and pence, whatever the sum of doubles."""
        return round(sum(self.traded.values()), 2)

    def totals(self) -> tuple[float, float | None, float | None, float | None]:
        """Money matched, and the average, highest and lowest price it was matched at."""
        volume = self.volume()
        if not volume:
            return volume, None, None, None
        value = sum(price * size for price, size in self.traded.items())
        return volume, value / volume, max(self.traded), min(self.traded)
