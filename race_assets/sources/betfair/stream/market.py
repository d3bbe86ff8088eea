"""One market as its messages tell it, from the first definition to the last (API_CONTRACTS 4.2, 4.7).

Messages are fed in the order of the file; what follows from them is asked at the end. Prices are the book's, files are
read elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from race_assets.sources.betfair.stream.book import DISPLAYED, FULL, NUMBERED, Book
from race_assets.sources.betfair.stream.grid import Grid
from race_assets.sources.betfair.stream.messages import BrokenLineError, Definition, MarketChange, Runner

OPEN, SUSPENDED, CLOSED = "OPEN", "SUSPENDED", "CLOSED"
REMOVED = {"REMOVED", "REMOVED_VACANT"}
FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_RUNNERS = 1000
"""Of one market; each message may concern all of them. The largest Betfair has, on tournaments, have some hundred."""
Key = tuple[int, float]
"""Selection id and handicap: Betfair's key of a runner within a market."""


class Market:
    """The state of one market.

    Args:
        market_id: Betfair's, `1.<digits>`.
        first_pt: when its first message was published, in milliseconds of the epoch.
        offsets: of the T-minus grid, in seconds; empty for none.
        scheduled_off: milliseconds of the epoch, where a first reading has found the final one.

    Attributes:
        off_pt: when it was suspended for the off: for good, after having been open.
        listed: every runner that a definition named, as the latest of them has it.
        withdrawn: runners removed while others still stood.
        strangers: runners with prices before any definition named them, with the offset of the first such line.
        is_basic: nothing in the file that the BASIC plan lacks: amounts traded cannot be known (4.4).
        last_pt: the latest time published so far, whatever the order of the file.
        backward_steps: messages that state an earlier time (`pt`) than one above them. They count in the file's order,
            as if published at the latest time so far: no time of anything goes back.
    """

    def __init__(
        self, market_id: str, first_pt: int, offsets: Sequence[int] = (), scheduled_off: int | None = None
    ) -> None:
        self.market_id = market_id
        self.grid = Grid(offsets, scheduled_off)
        self.with_offers = self.grid.is_wanted
        self.messages = self.backward_steps = 0
        self.last_pt = first_pt
        self.was_open = self.is_suspended = self.is_final = False
        self.off_pt: int | None = None
        self._heard_pt: int | None = None
        self.listed: dict[Key, Runner] = {}
        self.withdrawn: set[Key] = set()
        self.strangers: dict[Key, int] = {}
        self.is_basic = True
        self.events: set[str | None] = set()
        self._latest: dict[bool, Definition] = {}
        self._highest: dict[bool, Definition] = {}
        self._books: dict[int | Key, Book] = {}
        self._family = DISPLAYED

    @property
    def definition(self) -> Definition | None:
        """The one to believe: the last CLOSED, else the last; of a re-mapped event the highest version (4.7)."""
        of_several = self._highest if len(self.events) > 1 else self._latest
        return of_several.get(True) or of_several.get(False)

    @property
    def heard_pt(self) -> int:
        """When it was last heard of before its off, or else before its prices were final."""
        return self.last_pt if self._heard_pt is None else self._heard_pt

    @property
    def books(self) -> dict[Key, Book]:
        """Each runner's prices; final from the close on."""
        return {(key if isinstance(key, tuple) else (key, 0.0)): book for key, book in self._books.items()}

    def take(self, pt: int, change: MarketChange[Any], at: int) -> None:
        """What one message says of this market.

        Args:
            pt: when it was published.
            change: what it says.
            at: offset of its line in the text, in bytes.
        """
        if pt < self.last_pt:
            self.backward_steps += 1
            pt = self.last_pt
        if pt > self.grid.next_pt:
            self.grid.note_until(pt, self._books.values(), self._family)
        self.messages += 1
        if change.definition is not None:
            self._define(pt, change.definition)
        self.last_pt = pt
        if self.is_basic and not change.con is change.img is change.tv is None:
            self.is_basic = False
        if not self.is_final:
            self._apply(pt, change, at)

    def _apply(self, pt: int, change: MarketChange[Any], at: int) -> None:
        if change.img:
            for book in self._books.values():
                book.start_image(pt, is_suspended=self.is_suspended)
        for each in change.rc:
            book = self._books.get((each.id, each.hc) if each.hc else each.id) or self._stranger(each, at)
            if each.trd:
                self.is_basic = False
                book.trade(pt, each.trd, each.ltp, is_suspended=self.is_suspended, is_image=bool(change.img))
            elif each.ltp is not None:
                book.trade_last(pt, each.ltp, is_image=bool(change.img))
            if self.with_offers:
                self._offer(pt, each, book)

    def _define(self, pt: int, new: Definition) -> None:
        self.is_suspended = new.status == SUSPENDED
        self._keep(new)
        removed = set()
        for runner in new.runners:
            key = (runner.id, runner.hc or 0.0)
            self.listed[key] = runner
            is_removed = self._book(key if runner.hc else runner.id).is_removed = runner.status in REMOVED
            if is_removed:
                removed.add(key)
        if len(removed) < len(new.runners):
            self.withdrawn |= removed
        if new.status == OPEN:
            self.was_open, self.off_pt, self._heard_pt = True, None, None
            for book in self._books.values():
                book.undo()
        elif self.is_suspended and self.was_open and self.off_pt is None:
            self.off_pt, self._heard_pt = pt, self.last_pt
        if new.status == CLOSED or new.in_play:
            self._freeze()
        elif new.market_time is not None:
            self.grid.aim_at(milliseconds(new.market_time), pt, is_first=self.messages == 1)

    def _keep(self, new: Definition) -> None:
        is_closed = new.status == CLOSED
        self.events.add(new.event_id)
        self._latest[is_closed] = new
        highest = self._highest.get(is_closed)
        if highest is None or (new.version or 0) >= (highest.version or 0):
            self._highest[is_closed] = new

    def _freeze(self) -> None:
        """Prices are final: with the close, or where betting goes on in play."""
        if self._heard_pt is None:
            self._heard_pt = self.last_pt
        self.is_final = True
        self.grid.close()
        for book in self._books.values():
            book.close_offers()

    def _book(self, key: int | Key) -> Book:
        book = self._books.get(key)
        if book is None:
            if len(self._books) >= MOST_RUNNERS:
                raise BrokenLineError(f"market {self.market_id} has over {MOST_RUNNERS:,} runners")
            book = self._books[key] = Book()
        return book

    def _stranger(self, each: Any, at: int) -> Book:
        """The book of a runner that no definition has named so far."""
        self.strangers[each.id, each.hc or 0.0] = at
        return self._book((each.id, each.hc) if each.hc else each.id)

    def _offer(self, pt: int, each: Any, book: Book) -> None:
        """Apply one element's offers: in purchased files each has one group of keys, in captures several."""
        if each.atb is not None:
            self._family = FULL
            book.back.change(pt, each.atb)
        if each.atl is not None:
            self._family = FULL
            book.lay.change(pt, each.atl)
        if each.batb is not None or each.batl is not None or each.bdatb is not None or each.bdatl is not None:
            self._place_offers(pt, each, book)

    def _place_offers(self, pt: int, each: Any, book: Book) -> None:
        for group in ("batb", "batl", "bdatb", "bdatl"):
            places = getattr(each, group)
            if places is not None:
                book.place_offers(pt, group, places)
        if self._family == DISPLAYED and (each.batb is not None or each.batl is not None):
            self._family = NUMBERED


def milliseconds(instant: str) -> int:
    """An instant as Betfair writes it, `2024-06-27T14:52:00.000Z`, in milliseconds of the epoch.

    Raises:
        BrokenLineError: it is none.
    """
    try:
        at = datetime.fromisoformat(instant)
        if at.tzinfo is not None and FIRST_YEAR <= at.year <= LAST_YEAR:
            return round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise BrokenLineError(f"marketTime {instant[:40]!r} is no instant of racing, such as 2024-06-27T14:52:00.000Z")
