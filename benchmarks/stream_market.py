"""One made-up PRO market from its opening to its settlement, as the lines of a stream file."""

import datetime as dt
import json
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from benchmarks.stream_dog import LAST, TICKS, Dog, nearest

# Seconds to the off by which that share of a market's messages has come (real: 5% before -900 s, half before -220 s).
ARRIVALS = (
    (0.0, -70_000),
    (0.006, -20_000),
    (0.05, -900),
    (0.25, -460),
    (0.5, -220),
    (0.75, -95),
    (0.97, -3),
    (1.0, 8),
)
CONFLATION_S = 0.103
IMAGES = 9
# How many runners, of six, one message touches.
TOUCHED = tuple(accumulate((0.48, 0.2, 0.12, 0.075, 0.05, 0.075)))
P_BACK_ONLY, P_LAY_ONLY, P_BOTH = 0.43, 0.29, 0.24
P_TRADE, P_PROJECTION, P_SP_LAY, P_SP_BACK = 0.042, 0.02, 0.0145, 0.0052
RESERVE_AT_S = -6800


@dataclass(frozen=True)
class Race:
    """What the markets of one race share."""

    event_id: int
    event_name: str
    venue: str
    first_off: dt.datetime
    off: dt.datetime
    name: str
    dogs: tuple[tuple[int, str], ...]
    order: tuple[int, ...]
    delay_s: float
    reserve: tuple[int, int, str] | None = None
    """Trap, selection and name of a dog that steps in."""


@dataclass(frozen=True)
class Ticket:
    """One market to be made."""

    market_id: str
    kind: str
    race: Race
    messages: int
    seed: int


@dataclass
class Tape:
    """The lines so far, and the state they have led to."""

    ticket: Ticket
    random: Random
    dogs: list[Dog]
    clk: int = 11_536_380_644
    version: int = 5_994_643_753
    status: str = "OPEN"
    reconciled: bool = False
    settled: str | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def running(self) -> list[Dog]:
        """The dogs not withdrawn."""
        return [dog for dog in self.dogs if dog.status != "REMOVED"]

    def say(self, seconds: float, elements: Iterable[str], definition: str = "", *, image: bool = False) -> None:
        """One line, so many seconds after the scheduled off."""
        self.clk += min(int(self.random.expovariate(0.08)) + 5, 400)
        pt = round((self.ticket.race.off.timestamp() + seconds) * 1000)
        flag = "true" if image else "false"
        self.lines.append(
            f'{{"op":"mcm","clk":"{self.clk}","pt":{pt},"mc":[{{"id":"{self.ticket.market_id}",{definition}'
            f'"rc":[{",".join(elements)}],"con":true,"img":{flag}}}]}}'
        )

    def define(self, seconds: float, elements: Iterable[str] = (), *, image: bool = False) -> None:
        """A line with the whole definition."""
        text = json.dumps(self._definition(), separators=(",", ":"))
        self.say(seconds, elements, f'"marketDefinition":{text},', image=image)

    def turn(self, seconds: float, status: str) -> None:
        """A change of status, which has a version of its own."""
        self.status = status
        self.version += self.random.randint(1, 400_000)
        self.define(seconds)

    def _definition(self) -> dict:
        race = self.ticket.race
        closed = self.status == "CLOSED"
        return {
            "bspMarket": True,
            "turnInPlayEnabled": False,
            "persistenceEnabled": False,
            "marketBaseRate": 5.0,
            "eventId": str(race.event_id),
            "eventTypeId": "4339",
            "numberOfWinners": 1 if self.ticket.kind == "WIN" else 2,
            "bettingType": "ODDS",
            "marketType": self.ticket.kind,
            "marketTime": iso(race.off),
            "suspendTime": iso(race.off),
            "bspReconciled": self.reconciled,
            "complete": True,
            "inPlay": False,
            "crossMatching": False,
            "runnersVoidable": False,
            "numberOfActiveRunners": 0 if closed else len(self.running),
            "betDelay": 0,
            "status": self.status,
            **({"settledTime": self.settled} if closed else {}),
            "runners": list(self._runners()),
            "regulators": ["MR_INT"],
            "venue": race.venue,
            "countryCode": "GB",
            "discountAllowed": True,
            "timezone": "Europe/London",
            "openDate": iso(race.first_off),
            "version": self.version,
            "name": race.name if self.ticket.kind == "WIN" else "To Be Placed",
            "eventName": race.event_name,
        }

    def _runners(self) -> Iterator[dict]:
        """Withdrawn dogs last while there is betting, first when it is over."""
        removed_first = self.status == "CLOSED"
        ordered = sorted(self.dogs, key=lambda dog: ((dog.status == "REMOVED") != removed_first, dog.trap))
        for place, dog in enumerate(ordered, start=1):
            extra = {"removalDate": dog.removed_at} if dog.removed_at else {}
            if dog.bsp and dog.status != "REMOVED":
                extra = {"bsp": int(dog.bsp * 100) / 100}
            yield {"status": dog.status, "sortPriority": place, **extra, "id": dog.number, "name": dog.name}


def iso(moment: dt.datetime) -> str:
    """A time as Betfair writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def market_lines(ticket: Ticket) -> bytes:
    """All lines of one market; the same ticket gives the same bytes."""
    random = Random(ticket.seed)
    tape = Tape(ticket, random, _dogs(ticket, random))
    times = _arrivals(random, ticket)
    _open(tape, times[0])
    _trade_until_off(tape, times[1:])
    _settle(tape)
    return ("\n".join(tape.lines) + "\n").encode()


def _dogs(ticket: Ticket, random: Random) -> list[Dog]:
    """The field, with fair prices that add up."""
    places = 1 if ticket.kind == "WIN" else 2
    strengths = [Random(number).uniform(0.35, 1.6) for number, _ in ticket.race.dogs]
    chances = [min(places * strength / sum(strengths), 0.9) for strength in strengths]
    stake = 5.4 if ticket.kind == "WIN" else 2
    return [
        Dog(number, name, trap, min(max(nearest(1 / chance), 3), LAST - 3), stake, random)
        for trap, ((number, name), chance) in enumerate(zip(ticket.race.dogs, chances, strict=True), start=1)
    ]


def _arrivals(random: Random, ticket: Ticket) -> list[float]:
    """When messages come up to the actual off, in order and in steps of the conflation window."""
    shares, seconds = zip(*ARRIVALS, (1.0, ticket.race.delay_s), strict=True)
    times = []
    for _ in range(ticket.messages):
        share = random.random()
        place = bisect(shares, share) - 1
        part = (share - shares[place]) / (shares[place + 1] - shares[place])
        exact = seconds[place] + part * (seconds[place + 1] - seconds[place])
        times.append(round(exact / CONFLATION_S) * CONFLATION_S + random.choice((0, 0.001, 0.002)))
    return sorted(times)


def _open(tape: Tape, seconds: float) -> None:
    """Two definitions, then the first offers, far from any price."""
    tape.define(seconds - 10)
    tape.define(seconds - 7)
    elements = []
    for dog in tape.dogs:
        dog.back.put(tape.random.randint(0, 2), "22.63")
        dog.lay.put(LAST - tape.random.randint(0, 1), "0.84")
        elements += dog.image()
    tape.say(seconds, elements)


def _trade_until_off(tape: Tape, times: list[float]) -> None:
    images = {len(times) * n // 1800 for n in range(1, IMAGES + 1)}
    reserve = tape.ticket.race.reserve
    for place, seconds in enumerate(times):
        if reserve and seconds > RESERVE_AT_S:
            _swap(tape, *reserve)
            reserve = None
        if place in images:
            tape.define(seconds, [element for dog in tape.running for element in dog.image()], image=True)
            continue
        target = 6 + round(26 * place / len(times))
        tape.say(seconds, _ordinary(tape, target))


def _ordinary(tape: Tape, target: int) -> list[str]:
    """An everyday message: some runners, of each a ladder or two, seldom a trade."""
    random, running = tape.random, tape.running
    touched = random.sample(running, min(bisect(TOUCHED, random.random()) + 1, len(running)))
    elements = []
    for dog in touched:
        dog.drift()
        draw = random.random()
        told = []
        if draw < P_BACK_ONLY or draw > 1 - P_BOTH:
            told.append(dog.backed(target))
        if P_BACK_ONLY <= draw < P_BACK_ONLY + P_LAY_ONLY or draw > 1 - P_BOTH:
            told.append(dog.laid(target))
        if random.random() < P_TRADE or not told:
            told.append(dog.trade())
        told += [dog.projected()] * (random.random() < P_PROJECTION)
        told += [dog.sp_bet("spl")] * (random.random() < P_SP_LAY) + [dog.sp_bet("spb")] * (random.random() < P_SP_BACK)
        elements += told
    return elements


def _swap(tape: Tape, trap: int, number: int, name: str) -> None:
    """A dog is withdrawn and a reserve runs: the sequence of contract 3.8."""
    off = tape.ticket.race.off
    withdrawn = next(dog for dog in tape.dogs if dog.trap == trap)
    tape.turn(RESERVE_AT_S, "SUSPENDED")
    withdrawn.status, withdrawn.removed_at = "REMOVED", iso(off + dt.timedelta(seconds=RESERVE_AT_S + 30))
    tape.turn(RESERVE_AT_S + 30, "SUSPENDED")
    gone = [element for dog in tape.dogs for element in dog.ladders_gone()]
    tape.say(RESERVE_AT_S + 31, gone + withdrawn.trades_gone())
    withdrawn.traded.clear()
    tape.dogs.append(Dog(number, name, trap, withdrawn.fair, withdrawn.stake, tape.random))
    tape.turn(RESERVE_AT_S + 90, "SUSPENDED")
    tape.turn(RESERVE_AT_S + 150, "OPEN")


def _settle(tape: Tape) -> None:
    """Suspended, a last batch of trades, starting prices, then everything wiped and the result (contract 4.5, 4.7)."""
    off = tape.ticket.race.delay_s + tape.random.uniform(0.1, 0.4)
    wiped_at = off + tape.random.uniform(80, 160)
    tape.turn(off, "SUSPENDED")
    tape.say(off + 0.19, [dog.trade() for dog in tape.running])
    for dog in tape.running:
        dog.bsp = max(TICKS[dog.fair] * tape.random.uniform(0.97, 1.03), 1.01)
    tape.define(off + 0.53)
    tape.say(off + 0.53, [element for dog in tape.running for element in dog.reconciled()])
    tape.reconciled = True
    tape.turn(off + 0.64, "SUSPENDED")
    tape.say(off + 0.73, [element for dog in tape.dogs for element in dog.ladders_gone()])
    tape.say(wiped_at, [element for dog in tape.running for element in dog.trades_gone()])
    winners = 1 if tape.ticket.kind == "WIN" else 2
    for place, trap in enumerate(tape.ticket.race.order):
        dog = next(dog for dog in tape.running if dog.trap == trap)
        dog.status = "WINNER" if place < winners else "LOSER"
    tape.settled = iso(tape.ticket.race.off + dt.timedelta(seconds=int(wiped_at)))
    tape.turn(wiped_at + 2.07, "CLOSED")
