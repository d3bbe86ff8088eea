"""What a correct reading of each file must come to: plain records, filled in while the files are planned.

Nothing here reads a file. A market's life books its outcome as it is written down, so that no parser, ours or the
product's, stands behind an expectation.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

ACTIVE, SCRATCHED = "ACTIVE", "SCRATCHED"
WINNER, LOSER, PLACED, VOID = "WINNER", "LOSER", "PLACED", "VOID"


@dataclass(frozen=True)
class ExpectedRunner:
    """One selection of one market as the file leaves it.

    `name` is clean: no trap number, no `(res)`. `result` is null for a dog taken out of a race that was run, and for a
    market that never closed; every dog of a void market is SCRATCHED and VOID. `bsp` is truncated to 2 places, as the
    files have it. `traded` (GBP, as the file has it) and `ltp` are those of the freeze; `traded` is null in BASIC, and
    a scratched dog has no `ltp`.
    """

    selection_id: int
    trap: int | None
    name: str
    is_reserve: bool
    status: str
    result: str | None
    bsp: Decimal | None
    traded: Decimal | None
    ltp: Decimal | None


@dataclass(frozen=True)
class Expected:
    """One market of one file. Times are UTC; `race_date` is the day on the track's own clocks.

    `start` is the last scheduled off the file tells, `off` the publish time of the suspension for the off (null where
    there was none). `is_race` is false for forecasts and trap challenges, which are no WIN or PLACE of one race.
    `settled` is false for a file that ends before its market closed.
    """

    plan: str
    market_id: str
    event_id: str
    market_type: str
    market_name: str
    track: str | None
    country: str
    start: datetime
    race_date: date
    off: datetime | None
    settled: bool
    is_race: bool
    runners: tuple[ExpectedRunner, ...]

    def runner(self, trap: int, *, reserve: bool = False) -> ExpectedRunner:
        """The runner with that trap; where a reserve took it over, `reserve` says which of the two."""
        found = [each for each in self.runners if each.trap == trap]
        return next(each for each in found if len(found) == 1 or each.is_reserve == reserve)


@dataclass(frozen=True)
class ExpectedBsp:
    """One good row of a BSP file: `bsp` in full precision, null where the cell is blank."""

    kind: str
    market_id: str
    selection_id: int
    trap: int
    name: str
    start: datetime
    win_lose: int
    bsp: Decimal | None
