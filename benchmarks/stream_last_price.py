"""Compare the last traded price of every runner after every message with betfair_data's; `--help` says how.

Differences are counted by what explains them; one that nothing explains is printed, and the exit code is 1.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from race_assets.settings import Settings
from race_assets.sources.betfair.betfair_historic import BetfairHistoric
from race_assets.sources.betfair.stream import archive, worker
from race_assets.sources.betfair.stream.market import Market
from race_assets.sources.betfair.stream.messages import Decoder, Message

AGREED, UNEXPLAINED = "the same", "unexplained"
EXPLANATIONS = {
    "settlement wipe": "its last trades were taken back while the market was suspended, and not given back since",
    "void": "its trades were taken back while suspended, and the market opened again without them",
    "taken back while open": "its last element takes trades back that had money on them, and does nothing else",
}


class Follower:
    """Follows one market, and explains where its last prices differ from those given."""

    def __init__(self) -> None:
        self._market: Market | None = None
        self._taken_back: dict[int, str] = {}

    def take(self, message: Message[Any]) -> bool:
        """Apply a message; whether prices may still change."""
        for change in message.mc:
            if self._market is None:
                self._market = Market(change.id, message.pt)
            traded = {runner: set(book.traded) for (runner, _), book in self._market.books.items()}
            self._market.take(message.pt, change, 0)
            for each in change.rc:
                if each.trd:
                    self._note(each, traded.get(each.id, set()))
        return self._market is not None and not self._market.is_final

    def _note(self, each: Any, traded: set[float]) -> None:
        suspended = self._market is not None and self._market.is_suspended
        self._taken_back.pop(each.id, None)
        if not any(size for _, size in each.trd) and (suspended or each.trd[0][0] in traded):
            self._taken_back[each.id] = "settlement wipe" if suspended else "taken back while open"

    def compare(self, runners: Iterable[Any]) -> Iterator[tuple[str, int, float | None, float | None]]:
        """Yield why, which runner, our price and theirs."""
        books = {runner: book for (runner, _), book in self._market.books.items()} if self._market else {}
        for runner in runners:
            book = books.get(runner.selection_id)
            ours, theirs = book.last if book else None, runner.last_price_traded
            why = AGREED
            if ours != theirs:
                why = self._taken_back.get(runner.selection_id, UNEXPLAINED)
                if why == "settlement wipe" and self._market is not None and not self._market.is_suspended:
                    why = "void"
            yield why, runner.selection_id, ours, theirs


def differences(path: Path) -> Counter[str]:
    """Count the snapshots of a file, a runner after a message each, by what they show; print the unexplained."""
    import betfair_data

    (member,) = archive.members(path)
    decode = Decoder(Counter(), with_book=False).line
    lines = b"".join(worker.text(path, member, BetfairHistoric.configured(Settings()).unpack_limits)).split(b"\n")
    follower, counts = Follower(), Counter[str]()
    markets = (market for file in betfair_data.Files([str(path)], mutable=True) for market in file)
    for number, line in enumerate(lines, start=1):
        message = decode(line) if line.strip() else None
        if message is None or not message.mc:
            continue
        theirs = next(markets)
        if not follower.take(message):
            continue
        for why, runner, ours, last in follower.compare(theirs.runners):
            counts[why] += 1
            if why == UNEXPLAINED:
                print(f"{path.name}, line {number}: runner {runner} is at {ours}, by betfair_data at {last}")
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream_last_price", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="stream files of one market each, or folders of .bz2 files")
    args = parser.parse_args()
    files = [each for path in args.paths for each in (sorted(path.rglob("*.bz2")) if path.is_dir() else [path])]
    counts = sum((differences(path) for path in files), Counter[str]())
    table = Table("snapshots", "", "why", title=f"{len(files)} files, {counts.total():,} last prices")
    for why in (AGREED, *EXPLANATIONS, UNEXPLAINED):
        table.add_row(f"{counts[why]:,}", why, EXPLANATIONS.get(why, ""))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 1 if counts[UNEXPLAINED] else 0


if __name__ == "__main__":
    sys.exit(main())
