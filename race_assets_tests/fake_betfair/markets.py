"""The life of one invented market, step by step, booked as it is told: what happens to it, and what must be read of it.

How the steps are written into files is for `streams`; which lives there are is for `fixtures`.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from race_assets_tests.fake_betfair import oracle, prices
from race_assets_tests.fake_betfair.cast import Cast, Dog, Track
from race_assets_tests.fake_betfair.prices import LADDER, Side, Told

ROUNDS = (40, 25, 12, 6, 3, 1.5)  # minutes before the off at which there is trading; over a minute apart, for BASIC


@dataclass(frozen=True)
class Meeting:
    """One Betfair event. `venue` is null on events that are no meeting."""

    track: Track
    event_id: str
    name: str
    first_race: datetime
    venue: str | None


@dataclass
class Line:
    """One line of a market's stream, before a plan words it. `extra` are keys no client knows of."""

    pt: int
    told: Told
    definition: dict[str, Any] | None = None
    is_image: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


def iso(moment: datetime) -> str:
    """As Betfair writes times: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, exactly."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def moment_of(pt: int) -> datetime:
    """The UTC moment of epoch milliseconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=pt)


class Life:
    """One market from its opening to its settlement.

    The steps are called in the order in which they happen; each writes its lines and books what they change.
    """

    def __init__(
        self,
        cast: Cast,
        meeting: Meeting,
        market_type: str,
        name: str,
        dogs: Sequence[Dog],
        start: datetime,
        *,
        winners: int = 1,
        bsp: bool = True,
    ) -> None:
        self.cast, self.rng = cast, cast.rng
        self.meeting, self.market_type, self.name = meeting, market_type, name
        self.market_id = cast.market_id()
        self.dogs = list(dogs)
        self.start, self.winners, self.has_bsp = start, winners, bsp
        self.sides = self._fair_book()
        self.basic_ltp: dict[int, float] = {}
        self.results: dict[int, str] = {}
        self.removed: dict[int, datetime] = {}
        self.lines: list[Line] = []
        self.off: datetime | None = None
        self.closed: datetime | None = None
        self._status, self._reconciled = "OPEN", False
        self._version = 5_000_000_000 + self.rng.randrange(900_000_000)

    # --- steps

    def opens(self, hours: float = 18) -> "Life":
        """The market appears."""
        return self._define(self._before(hours * 60))

    def trades(self, minutes: Iterable[float] = ROUNDS, *, but: Iterable[int] = ()) -> "Life":
        """Offers, trades and projected SP at these minutes before the off, for all dogs but those in traps `but`."""
        without = set(but)
        for each in minutes:
            told = Told()
            for dog in self._running():
                side = self.sides[dog.selection_id]
                side.at = min(max(side.at + self.rng.choice((-2, -1, 0, 1, 2)), 10), len(LADDER) - 10)
                told.add(prices.quote(side, dog.selection_id, self.rng))
                if dog.trap not in without:
                    told.add(self._trade(dog))
                if self.has_bsp:
                    told.add(prices.project(side, dog.selection_id, self.rng))
            self._tell(self._before(each), told)
        return self

    def deletes_a_trade(self, trap: int, minutes: float) -> "Life":
        """A match of that dog is taken back while the market is open."""
        dog = next(each for each in self._running() if each.trap == trap)
        self._tell(self._before(minutes), prices.delete_trade(self.sides[dog.selection_id], dog.selection_id, self.rng))
        return self

    def images(self, minutes: float) -> "Life":
        """The whole state is sent again."""
        told = Told()
        for dog in self._running():
            told.add(prices.image(self.sides[dog.selection_id], dog.selection_id))
        return self._define(self._before(minutes), told, is_image=True)

    def turns_strange(self, minutes: float) -> "Life":
        """A line without `mc`, and one with keys nobody has heard of at every level."""
        self._tell(self._before(minutes), Told(), ct="HEARTBEAT", heartbeatMs=5000, mc=None)
        dog = self._running()[0]
        told = self._trade(dog)
        for element in (*told.pro, *told.basic):
            element["zz"] = [[1, 2, 3]]
        self._define(self._before(minutes - 0.1), told, conflateMs=180, id=7, segmentType="SEG")
        definition = self.lines[-1].definition or {}
        definition["priceLadderDefinition"] = {"type": "CLASSIC"}
        definition["raceType"] = None
        definition["runners"][0]["silk"] = {"colour": "red"}
        return self

    def is_moved(self, to: datetime, minutes: float) -> "Life":
        """The scheduled off changes, `minutes` before the new one."""
        self.start = to
        return self._define(self._before(minutes))

    def withdraws(self, trap: int, minutes: float, *, reserve: str | None = None, voids: bool = True) -> "Life":
        """A dog is taken out; in Britain all bets so far are void, and a reserve may take its trap under a new id."""
        moment = self._before(minutes)
        out = next(each for each in self._running() if each.trap == trap)
        self._status = "SUSPENDED"
        self._define(moment)
        self.removed[out.selection_id] = moment.replace(microsecond=0)
        self._define(moment + timedelta(milliseconds=450))
        if voids:
            self._void_bets(moment + timedelta(milliseconds=700))
        if reserve is not None:
            dog = self.cast.dog(trap, reserve, is_reserve=True)
            self.dogs.append(dog)
            self.sides[dog.selection_id] = Side(self.sides[out.selection_id].at)
            self._define(moment + timedelta(seconds=4))
        self._status = "OPEN"
        return self._define(moment + timedelta(seconds=4.5))

    def finishes(self, winners: Iterable[int], *, delay: float | None = None) -> "Life":
        """Suspended for the off, last trades, SP, wiped, settled with these traps as winners (or placed)."""
        self.suspends(delay)
        if self.has_bsp:
            self.reconciles()
        self.wipes()
        return self.settles(winners)

    def suspends(self, delay: float | None = None) -> "Life":
        """Suspended for the off, `delay` seconds late, with one more batch of real trades within the second."""
        late = self.rng.randrange(1_000, 57_000) if delay is None else round(delay * 1000)
        self.off = self.start + timedelta(milliseconds=late)
        self._status = "SUSPENDED"
        self._define(self.off)
        told = Told()
        for dog in self._running()[::2]:
            if self.sides[dog.selection_id].traded:
                told.add(self._trade(dog, single=True))
        told.basic.clear()  # BASIC tells prices once a minute, and not of a suspended market
        self._tell(self.off + timedelta(milliseconds=400), told)
        return self

    def reconciles(self) -> "Life":
        """The SP: at times told just before `bspReconciled`, at times with it."""
        moment = self._off() + timedelta(milliseconds=500)
        told = Told()
        for dog in self._running():
            side = self.sides[dog.selection_id]
            told.add(prices.reconcile(side, dog.selection_id, self.rng))
            told.add(prices.clear_offers(side, dog.selection_id))
        if self.rng.random() < 0.6:
            self._define(moment)
        self._reconciled = True
        self._define(moment + timedelta(milliseconds=300))
        self._tell(moment + timedelta(milliseconds=300), told)
        return self

    def wipes(self) -> "Life":
        """Everything traded is set to 0 just before settlement: it is not booked."""
        told = Told()
        for dog in self._running():
            told.add(prices.wipe(self.sides[dog.selection_id], dog.selection_id, self.rng))
        self._tell(self._off() + timedelta(seconds=115), told)
        return self

    def settles(self, winners: Iterable[int]) -> "Life":
        """CLOSED. Called once more it is a correction, and the last one counts."""
        traps = set(winners)
        again = self.closed is not None
        self._status = "CLOSED"
        won = oracle.PLACED if self.market_type == "PLACE" else oracle.WINNER
        self.results = {
            dog.selection_id: won if self._wins(dog, traps) else oracle.LOSER
            for dog in self.dogs
            if dog.selection_id not in self.removed
        }
        self.closed = self._off().replace(microsecond=0) + timedelta(seconds=900 if again else 120)
        return self._define(self.closed + timedelta(milliseconds=self.rng.randrange(2_000, 9_000)))

    def is_void(self, minutes: float) -> "Life":
        """Suspended and closed before any racing, every dog removed."""
        self._status = "SUSPENDED"
        self._define(self._before(minutes + 60))
        moment = self._before(minutes)
        self.removed = {dog.selection_id: moment.replace(microsecond=0) for dog in self.dogs}
        self.results = dict.fromkeys(self.removed, oracle.VOID)
        self._define(moment)
        self._status, self.closed = "CLOSED", moment.replace(microsecond=0)
        return self._define(moment + timedelta(seconds=3))

    # --- what must be read

    def expected(self, plan: str, *, settled: bool = True) -> oracle.Expected:
        """What a file of that plan must come to; `settled` is false for a file cut before the end."""
        venue = self.meeting.venue
        return oracle.Expected(
            plan=plan,
            market_id=self.market_id,
            event_id=self.meeting.event_id,
            market_type=self.market_type,
            market_name=self.name,
            track=venue,
            country=self.meeting.track.country,
            start=self.start,
            race_date=self.meeting.track.local_day(self.start),
            off=self.off,
            settled=settled,
            is_race=self.market_type in ("WIN", "PLACE"),
            runners=tuple(self._expected_runner(dog, plan, settled=settled) for dog in self.dogs),
        )

    def _expected_runner(self, dog: Dog, plan: str, *, settled: bool) -> oracle.ExpectedRunner:
        side = self.sides[dog.selection_id]
        is_out = dog.selection_id in self.removed
        ltp = self.basic_ltp.get(dog.selection_id) if plan == "BASIC" else side.ltp
        return oracle.ExpectedRunner(
            selection_id=dog.selection_id,
            trap=dog.trap,
            name=dog.name,
            is_reserve=dog.is_reserve,
            status=oracle.SCRATCHED if is_out else oracle.ACTIVE,
            result=self.results.get(dog.selection_id) if settled else None,
            bsp=None if side.bsp is None else prices.truncated(side.bsp),
            traded=None if plan == "BASIC" else side.total,
            ltp=None if ltp is None or is_out else Decimal(str(ltp)),
        )

    # --- how

    def _fair_book(self) -> dict[int, Side]:
        """A price each, whose chances together come to as many dogs as win."""
        weights = [self.rng.uniform(0.5, 2) for _ in self.dogs]
        chances = [min(weight / sum(weights) * self.winners, 0.9) for weight in weights]
        return {
            dog.selection_id: Side(bisect_left(LADDER, 1 / chance))
            for dog, chance in zip(self.dogs, chances, strict=True)
        }

    def _running(self) -> list[Dog]:
        running = [dog for dog in self.dogs if dog.selection_id not in self.removed]
        return sorted(running, key=lambda dog: (dog.trap or 0, dog.selection_id))

    def _wins(self, dog: Dog, traps: set[int]) -> bool:
        return (self.dogs.index(dog) + 1 if dog.trap is None else dog.trap) in traps

    def _before(self, minutes: float) -> datetime:
        return self.start - timedelta(minutes=minutes) + timedelta(milliseconds=self.rng.randrange(1, 900))

    def _off(self) -> datetime:
        if self.off is None:
            raise ValueError(f"{self.market_id} was not suspended for an off")
        return self.off

    def _trade(self, dog: Dog, *, single: bool = False) -> Told:
        side = self.sides[dog.selection_id]
        told = prices.trade(side, dog.selection_id, self.rng, single=single)
        if self._status == "OPEN" and side.ltp is not None:
            self.basic_ltp[dog.selection_id] = side.ltp
        return told

    def _void_bets(self, moment: datetime) -> None:
        told = Told()
        for dog in self.dogs:
            side = self.sides[dog.selection_id]
            told.add(prices.clear_offers(side, dog.selection_id))
            told.add(prices.wipe(side, dog.selection_id, self.rng))
            for ladder in (side.traded, side.sp_backs, side.sp_lays):
                ladder.clear()
            side.ltp = None
        self._tell(moment, told)

    def _tell(self, moment: datetime, told: Told, **extra: Any) -> None:
        self._append(Line(milliseconds(moment), told, extra=extra))

    def _define(self, moment: datetime, told: Told | None = None, *, is_image: bool = False, **extra: Any) -> "Life":
        self._version += self.rng.randrange(1, 500)
        definition = self._definition()
        self._append(Line(milliseconds(moment), told or Told(), definition, is_image, extra))
        return self

    def _append(self, line: Line) -> None:
        if self.lines:
            line.pt = max(line.pt, self.lines[-1].pt)
        self.lines.append(line)

    def _definition(self) -> dict[str, Any]:
        is_closed = self._status == "CLOSED"
        track = self.meeting.track
        active = 0 if is_closed else len(self._running())
        definition = {
            "bspMarket": self.has_bsp, "turnInPlayEnabled": False, "persistenceEnabled": False,
            "marketBaseRate": 7.0 if track.is_oceanic else 5.0, "eventId": self.meeting.event_id, "eventTypeId": "4339",
            "numberOfWinners": self.winners, "bettingType": "ODDS", "marketType": self.market_type,
            "marketTime": iso(self.start), "suspendTime": iso(self.start), "bspReconciled": self._reconciled,
            "complete": True, "inPlay": False, "crossMatching": not is_closed, "runnersVoidable": False,
            "numberOfActiveRunners": active, "betDelay": 0, "status": self._status,
        }  # fmt: skip
        if is_closed and self.closed is not None:
            definition["settledTime"] = iso(self.closed)
        definition |= {"runners": self._runners(), "regulators": ["MR_INT"]}
        if self.meeting.venue is not None:
            definition["venue"] = self.meeting.venue
        return definition | {
            "countryCode": track.country, "discountAllowed": True, "timezone": track.zone,
            "openDate": iso(self.meeting.first_race), "version": self._version, "name": self.name,
            "eventName": self.meeting.name,
        }  # fmt: skip

    def _runners(self) -> list[dict[str, Any]]:
        """Packed anew each time: removed dogs stand last, and first once the market is closed."""
        out = [dog for dog in self.dogs if dog.selection_id in self.removed]
        order = [*out, *self._running()] if self._status == "CLOSED" else [*self._running(), *out]
        return [self._runner(dog, at) for at, dog in enumerate(order, 1)]

    def _runner(self, dog: Dog, priority: int) -> dict[str, Any]:
        runner: dict[str, Any] = {"status": "ACTIVE", "sortPriority": priority}
        removed_at = self.removed.get(dog.selection_id)
        if removed_at is not None:
            runner |= {"status": "REMOVED", "removalDate": iso(removed_at)}
        elif self._status == "CLOSED":
            won = self.results[dog.selection_id] in (oracle.WINNER, oracle.PLACED)
            runner["status"] = "WINNER" if won else "LOSER"
        bsp = self.sides[dog.selection_id].bsp
        if bsp is not None and removed_at is None:
            runner["bsp"] = float(prices.truncated(bsp))
        return runner | {"id": dog.selection_id, "name": dog.text}
