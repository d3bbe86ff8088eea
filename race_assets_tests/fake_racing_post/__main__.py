"""The fake feed by hand: `python -m race_assets_tests.fake_racing_post` says how, and serves until interrupted."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable

from race_assets_tests.fake_betfair import faults
from race_assets_tests.fake_betfair.faults import Fault
from race_assets_tests.fake_racing_post.server import ROUTES, FakeRacingPost
from race_assets_tests.fake_racing_post.world import FIRST, world

# The number behind the colon says how many times.
KINDS: dict[str, Callable[[int | None], Fault]] = {
    "5xx": lambda times: faults.status(503, times),
    "401": lambda times: faults.status(401, times),
    "403": lambda times: faults.status(403, times),
    "404": lambda times: faults.status(404, times),
    "html": faults.page,
    "reset": faults.reset,
    "truncate": lambda times: faults.truncate(times=times),
    "cut": lambda times: faults.cut(times=times),
    "429": faults.too_many,
    "429-seconds": lambda times: faults.too_many(times, retry_after=faults.IN_SECONDS, seconds=2),
    "latency": lambda times: faults.latency(2, times),
}


def main() -> int:
    """Serves until Ctrl-C or SIGTERM."""
    given = _arguments()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    races = world(days=given.days)
    try:
        fake = FakeRacingPost(races, port=given.port)
    except OSError as error:
        print(f"cannot listen on port {given.port}: {error.strerror}; try --port 0", file=sys.stderr)
        return 1
    fake.is_bare, fake.repeats = given.bare, given.repeat
    with fake:
        for route, fault in given.fault:
            fake.fault(route, fault)
        settings = "\n".join(f"{name}={value}" for name, value in fake.environment().items())
        print(
            f"fake Racing Post on {fake.url} with {len(races)} races from {FIRST} on, {given.days} days.\n"
            f"Settings to try it with:\n\n{settings}\n\nCtrl-C ends it.",
            flush=True,
        )
        ended.wait()
    print(f"{len(fake.requests)} requests answered", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m race_assets_tests.fake_racing_post", description=__doc__)
    parser.add_argument("--port", type=int, default=8766, help="0 takes any free one (default %(default)s)")
    parser.add_argument("--days", type=int, default=2, help=f"days from {FIRST} on (default %(default)s)")
    parser.add_argument("--bare", action="store_true", help="arrays without an envelope, hence without pages")
    parser.add_argument("--repeat", type=int, default=0, metavar="N", help="so many pages come as a copy of the first")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="ROUTE=KIND[:N]",
        help=f"kinds: {', '.join(KINDS)}; N is how many times; routes: {', '.join(ROUTES)}, * for all",
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


if __name__ == "__main__":
    sys.exit(main())
