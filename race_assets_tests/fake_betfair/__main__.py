"""The fake by hand: `python -m race_assets_tests.fake_betfair` says how to use it and serves until interrupted."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from race_assets_tests.fake_betfair import faults, fixtures
from race_assets_tests.fake_betfair.cast import TRACKS, Cast
from race_assets_tests.fake_betfair.faults import Fault
from race_assets_tests.fake_betfair.markets import Life
from race_assets_tests.fake_betfair.messages import Request
from race_assets_tests.fake_betfair.server import ROUTES, FakeBetfair
from race_assets_tests.fake_betfair.streams import BASIC, PRO

FIRST_DAY = date(2024, 5, 1)
FEW = 3

# The number behind the colon says how many times, but for the last three.
KINDS: dict[str, Callable[[int | None], Fault]] = {
    "5xx": lambda times: faults.status(503, times),
    "html": faults.page,
    "reset": faults.reset,
    "truncate": lambda times: faults.truncate(times=times),
    "429": faults.too_many,
    "429-seconds": lambda times: faults.too_many(times, retry_after=faults.IN_SECONDS, seconds=2),
    "429-date": lambda times: faults.too_many(times, retry_after=faults.AS_DATE, seconds=2),
    "gzip": faults.gzipped,
    "duplicate": faults.duplicate,
    "latency": lambda times: faults.latency(2, times),
    "drip": lambda times: faults.drip(1, times=times),
    "cut": faults.cut,
    "expire": lambda calls: faults.expire(calls or 0, times=None if calls is None else 1),
    "random": lambda percent: faults.sometimes((percent or 10) / 100),
}


def main() -> int:
    """Serves until Ctrl-C or SIGTERM."""
    given = _arguments()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    shelf = fixtures.oddities() + fixtures.month(FIRST_DAY, days=given.days, plans=(BASIC, PRO), events=True)
    now = datetime.now(UTC)
    try:
        fake = FakeBetfair(shelf, port=given.port, now=now, running=True, live=live_card(now))
    except OSError as error:
        print(f"cannot listen on port {given.port}: {error.strerror}; try --port 0", file=sys.stderr)
        return 1
    fake.watch(show)
    with fake:
        for route, fault in given.fault:
            fake.fault(route, fault)
        print(_told(fake, given.days), flush=True)
        ended.wait()
    print(f"{len(fake.requests)} requests answered", flush=True)
    return 0


def show(request: Request) -> None:
    """A line of the log: when, the route as `--fault` names it, the reply, what was asked there, the faults used."""
    said = [f"{request.route} {request.status or 'reset'}", *request.operations, *request.faults]
    if request.status and not request.complete:
        said.append("(not whole)")
    print(f"{datetime.now(UTC):%H:%M:%SZ}", *said, file=sys.stderr, flush=True)


def live_card(now: datetime) -> list[Life]:
    """A meeting of twelve races round this moment, for the exchange."""
    cast = Cast(3)
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=30)
    return [life for track in list(TRACKS)[:2] for life in fixtures.plain_meeting(cast, track, first, 12)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m race_assets_tests.fake_betfair", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 takes any free one (default %(default)s)")
    parser.add_argument("--days", type=int, default=FEW, help=f"plain days from {FIRST_DAY} on (default %(default)s)")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="ROUTE=KIND[:N]",
        help=f"kinds: {', '.join(KINDS)}; N is how many times, for cut the byte, for expire after how many calls, "
        "for random the percentage; ROUTE as in the log, which is on standard error; * for all",
    )
    return parser.parse_args()


def _fault(text: str) -> tuple[str, Fault]:
    route, _, rest = text.partition("=")
    kind, _, number = rest.partition(":")
    if route not in (*ROUTES, faults.ANY):
        raise argparse.ArgumentTypeError(f"no route {route!r}; there are {', '.join(ROUTES)} and {faults.ANY}")
    if kind not in KINDS or not (number.isdecimal() or not number):
        raise argparse.ArgumentTypeError(f"{text!r} is not ROUTE=KIND[:N]; kinds are {', '.join(KINDS)}")
    return route, KINDS[kind](int(number) if number else None)


def _told(fake: FakeBetfair, days: int) -> str:
    settings = "\n".join(f"{name}={value}" for name, value in fake.environment().items())
    last = FIRST_DAY + timedelta(days=days - 1)
    return (
        f"fake Betfair on {fake.url} with {len(fake.files)} historic files: oddities of {fixtures.WINTER}, "
        f"{fixtures.SUMMER} and {fixtures.NIGHT}, plain days {FIRST_DAY} to {last}; "
        f"{len(fake.bsp_files)} BSP files; {len(fake.exchange.lives)} live markets.\n"
        f"Settings to try it with:\n\n{settings}\n\nCtrl-C ends it."
    )


if __name__ == "__main__":
    sys.exit(main())
