"""The T-minus grid: what was on offer and traded for each runner so many seconds before the scheduled off."""

from array import array
from collections.abc import Collection, Sequence

from race_assets.sources.betfair.stream.book import Book, Side

NEVER = 1 << 62
UNKNOWN = float("nan")
FIELDS = (
    "runner", "seconds_before_off", "best_back", "best_back_age_s", "best_lay", "best_lay_age_s", "last_traded",
    "last_traded_age_s", "volume", "volume_age_s", "best_back_stood_s", "best_lay_stood_s",
)  # fmt: skip
"""What a point holds, all as doubles, NaN for what is not known; `runner` is its place among the market's books."""


class Grid:
    """Notes points while a market is read, with nothing later than their moment.

    The scheduled off may be moved. Where a part of the new grid lies behind already, the market has to be read again
    with the final off given: `is_late` says so.

    Args:
        offsets: whole seconds before the scheduled off; empty where no grid is wanted.
        scheduled_off: in milliseconds of the epoch, where it is known beforehand.

    Attributes:
        next_pt: the moment that is noted next; `note_until` is called before a message later than it is taken.
        points: rows of `FIELDS`, one after the other.
    """

    def __init__(self, offsets: Sequence[int], scheduled_off: int | None = None) -> None:
        self.offsets = sorted(offsets, reverse=True)
        self.is_wanted = bool(offsets)
        self.is_fixed = scheduled_off is not None
        self.is_late = False
        self.is_closed = False
        self.points = array("d")
        self.scheduled_off: int | None = None
        self.next_pt = NEVER
        self._at = 0
        if scheduled_off is not None:
            self._aim(scheduled_off)

    def aim_at(self, scheduled_off: int, pt: int, *, is_first: bool) -> None:
        """Aim at the scheduled off of a definition, in the market's first message or a later one.

        Args:
            scheduled_off: in milliseconds of the epoch.
            pt: the latest time published so far, with that of the definition.
            is_first: the definition is in the market's first message.
        """
        if self.is_fixed or self.is_closed or not self.is_wanted or scheduled_off == self.scheduled_off:
            return
        self._aim(scheduled_off)
        self.is_late |= self.next_pt < pt and not is_first
        # Of moments before the first message nothing is known.
        while self.next_pt < pt:
            self._turn_to(self._at + 1)

    def note_until(self, pt: int, books: Collection[Book], family: str) -> None:
        """Notes the moments before `pt`, with what is known so far; without a book, the market had not begun."""
        while self.next_pt < pt:
            offset = self.offsets[self._at]
            for place, book in enumerate(books):
                if not book.is_removed:
                    self.points.extend((place, offset, *_prices(self.next_pt, book, family)))
            self._turn_to(self._at + 1)

    def close(self) -> None:
        """The market is closed: nothing more is noted."""
        self.is_closed = True
        self.next_pt = NEVER

    def _aim(self, scheduled_off: int) -> None:
        self.scheduled_off = scheduled_off
        self.points = array("d")
        self._turn_to(0)

    def _turn_to(self, at: int) -> None:
        self._at = at
        self.next_pt = NEVER
        if self.scheduled_off is not None and at < len(self.offsets):
            self.next_pt = self.scheduled_off - self.offsets[at] * 1000


def _prices(moment: int, book: Book, family: str) -> tuple[float, ...]:
    back, back_age, back_stood = _offered(moment, book.sides(family)[0])
    lay, lay_age, lay_stood = _offered(moment, book.sides(family)[1])
    return (
        back,
        back_age,
        lay,
        lay_age,
        *((UNKNOWN, UNKNOWN) if book.last is None else (book.last, (moment - book.last_pt) / 1000)),
        book.volume(),
        (moment - book.grown_pt) / 1000 if book.grown_pt else UNKNOWN,
        back_stood,
        lay_stood,
    )


def _offered(moment: int, side: Side) -> tuple[float, float, float]:
    """Return the best price, how long ago its side was last published, and how long it has been the best."""
    price = side.price
    if price is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    return price, (moment - side.told) / 1000, (moment - side.since) / 1000
