"""The load test, `make bench`: which parts run, in which order, on how much; `python -m benchmarks --help`.

It runs in the project's own environment too. Contestants whose packages are not installed are left out, and named.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks import contestants, feed, linking, peers, report, small_day, stages, stream
from benchmarks.synthetic import Shape, write_csv
from race_assets.storage import embedded
from race_assets_tests.linking_corpus.rates import MEASURED_SEEDS

QUICK = Shape(days=10, rows_per_day=2_000)
QUICK_MARKETS = 24
KILLS_TIMEOUT_S = 3600


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--days", type=int, default=365, help="days of a year (default %(default)s)")
    parser.add_argument("--rows-per-day", type=int, default=10_000, help="runners a day (default %(default)s)")
    parser.add_argument("--years", type=int, default=1, help="that many times the days (default %(default)s)")
    parser.add_argument("--repeat", type=int, default=1, help="rounds of the contest; 3 tell more on a noisy machine")
    parser.add_argument(
        "--pairs", type=int, default=5, help="small days, each beside an empty run (default 5; 0: none)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(contestants.CONTESTANTS),
        help="contestants of the year of rows (default: all whose packages are installed)",
    )
    parser.add_argument("--quick", action="store_true", help="10 days of 2,000 rows and one pair, to try the harness")
    parser.add_argument(
        "--kills", type=int, default=0, help="at the end, kill that many ingests and check each recovery"
    )
    parser.add_argument(
        "--feed", action=argparse.BooleanOptionalAction, default=True, help="a generic CSV of 1 GB through a feed, too"
    )
    parser.add_argument(
        "--stream", action=argparse.BooleanOptionalAction, default=True, help="an archive of stream files, too"
    )
    parser.add_argument("--stream-markets", type=int, default=200, help="files in that archive (default %(default)s)")
    parser.add_argument("--postgres-url", help="a server of yours instead of the embedded one")
    args = parser.parse_args()
    if lacking := peers.missing(args.only or ()):
        parser.error(peers.described(lacking))
    args.only = args.only or peers.present(contestants.CONTESTANTS)
    if args.quick:
        args.pairs = min(args.pairs, 1)
        args.stream_markets = min(args.stream_markets, QUICK_MARKETS)
    return args


def kill_test(kills: int) -> int:
    """The suite's own test of sudden death, with that many deaths; its exit code."""
    # Tests and their libraries live in the project's own environment, not in that of the benchmarks.
    python = contestants.ROOT / ".venv" / "bin" / "python"
    return subprocess.run(
        [python, "-m", "pytest", "-q", "-k", "sigkill"],
        cwd=contestants.ROOT,
        env={**os.environ, "RACE_ASSETS_KILLS": str(kills)},
        timeout=KILLS_TIMEOUT_S,
        check=False,
    ).returncode


def measure_all(args: argparse.Namespace, server: str) -> dict:
    """Everything asked for, one after the other."""
    shape = QUICK if args.quick else Shape(days=args.days * args.years, rows_per_day=args.rows_per_day)
    file = contestants.DATA / "input" / f"{shape.days}x{shape.rows_per_day}.csv"
    if not file.exists():
        write_csv(shape, file)
    outcomes = contestants.compete(args.only, file, shape, server, args.repeat)
    results = {"machine": report.machine(), "file_bytes": file.stat().st_size, "contest": report.summarise(outcomes)}
    if "ours" in args.only:
        results["stages"] = stages.time_all(contestants.DATA / "ours", shape)
        if args.pairs:
            results["small_day"] = small_day.compare(server, args.pairs)
    if args.feed:
        results["feed"] = report.summarise(feed.compete(shape, server, args.repeat))
    if args.stream:
        results["stream"] = report.summarise(stream.compete(args.stream_markets, args.repeat))
    results["linking"] = linking.least(MEASURED_SEEDS[: 1 if args.quick else None])
    return results


def left_out(args: argparse.Namespace) -> dict[str, str]:
    """Contestants of the parts asked for that cannot run here, each with the package it lacks."""
    names = [
        *contestants.CONTESTANTS,
        *(feed.CONTESTANTS if args.feed else ()),
        *(stream.names() if args.stream else ()),
    ]
    return peers.missing(names)


def main() -> int:
    args = arguments()
    if lacking := left_out(args):
        print(f"left out: {peers.described(lacking)}", file=sys.stderr, flush=True)
    contestants.DATA.mkdir(parents=True, exist_ok=True)
    home = Path(contestants.DATA / "server")
    try:
        server = args.postgres_url or embedded.ensure(home)
        results = measure_all(args, server)
        for name in contestants.DATABASES:
            contestants.drop(server, name)
    finally:
        embedded.release(home)
    report.save(results, contestants.DATA / "results.json")
    report.show(results, Console(width=None if sys.stdout.isatty() else 120))
    return kill_test(args.kills) if args.kills else 0


if __name__ == "__main__":
    sys.exit(main())
