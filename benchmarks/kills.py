"""Kill commands, the server and the daemon at random instants, and compare the tables after each recovery.

    python -m benchmarks.kills --kills 300

Each round gives two homes the same new file, kills what works on the first one by SIGKILL, runs the command that a
person would run next, and compares all core tables and rejects with the second home, where nothing was killed. Its
folder is `benchmarks/.data/kills`; one line a round is printed and kept in `rounds.jsonl` there.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.kill_homes import Home, card_file, differences
from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_betfair import FakeBetfair, fixtures
from race_assets_tests.pipeline import feed
from race_assets_tests.pipeline.test_live import card, recorded, stored
from race_assets_tests.waiting import PATIENCE_S, wait_until

SHARES = {"land": 60, "ingest": 100, "postmaster": 50, "fetch": 40, "live": 30, "daemon": 20}
"""How the kills are divided among what is killed, out of 300."""
FETCHED_FROM = date(2024, 5, 1)
EXTRA_WAIT = 1.1
"""Part of a command's usual time within which it is killed: a little more, so that some end by themselves."""


class Rounds:
    """The two homes, the fake Betfair, and one method for each thing that is killed."""

    def __init__(self, folder: Path, seed: int, fetches: int) -> None:
        self.chance = random.Random(seed)
        self.killed, self.peaceful = Home.make(folder / "killed"), Home.make(folder / "peaceful")
        self.betfair = FakeBetfair(
            fixtures.month(FETCHED_FROM, days=max(fetches, 1) + 1),
            now=datetime.now(UTC),
            running=True,
        )
        self.cards = itertools.count(100)
        hurry = "RACE_ASSETS_SOURCES__BETFAIR_"
        self.extra = {
            **self.betfair.environment(),
            f"{hurry}HISTORIC__RATE_LIMIT__REQUESTS_PER_SECOND": "100",
            f"{hurry}EXCHANGE__LIVE_POLLING_INTERVAL_SECONDS": "0.1",
            f"{hurry}EXCHANGE__RATE_LIMIT__REQUESTS_PER_SECOND": "500",
            f"{hurry}EXCHANGE__RATE_LIMIT__BURST_SIZE": "500",
            "RACE_ASSETS_AUTOMATION__DROPS__INTERVAL_SECONDS": "1",
            "RACE_ASSETS_AUTOMATION__STALE_DAYS__INTERVAL_SECONDS": "1",
        }
        self.usual: dict[str, list[float]] = defaultdict(list)
        self.fetched = 0
        self.log = folder / "commands.log"

    def start(self, home: Home, *command: str, module: str = "race_assets") -> "subprocess.Popen[bytes]":
        """Start a command on a home, in a process group of its own."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *command],
                cwd=PROJECT,
                env=home.environment(self.extra),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def finish(self, home: Home, *command: str) -> int:
        """Run a command to its end and return its exit code; its time is noted as usual for it."""
        began = time.perf_counter()
        code = self.start(home, *command).wait(PATIENCE_S)
        self.usual[command[0]].append(time.perf_counter() - began)
        return code

    def kill_midway(self, *command: str, victim: Callable[[], psutil.Process | None] | None = None) -> str:
        """Run a command on the first home and kill it, or what `victim` finds, at a random instant."""
        usual = statistics.median(self.usual[command[0]][-9:] or [4.0])
        instant = self.chance.uniform(0, usual * EXTRA_WAIT)
        process = self.start(self.killed, *command)
        with suppress(subprocess.TimeoutExpired):
            process.wait(instant)
            return f"ended with {process.returncode} before {instant:.2f} s"
        if victim is None:
            os.killpg(process.pid, signal.SIGKILL)
        elif found := victim():
            found.kill()
        code = process.wait(PATIENCE_S)
        return f"killed after {instant:.2f} of {usual:.2f} s, exit code {code}"

    def drop(self) -> Path:
        """Give both homes the same new file, and return the first one's."""
        name, text = card_file(self.chance)
        dropped = [home.drop(name, text) for home in (self.killed, self.peaceful)]
        self.peaceful.take_in()
        return dropped[0]

    def recover(self) -> list[str]:
        """Run `ingest` as a person would, and return what is wrong then."""
        code = self.finish(self.killed, "ingest")
        return [f"ingest ended with {code}"] if code else []

    def land(self) -> tuple[str, list[str]]:
        """Kill `land`."""
        path = self.drop()
        return self.kill_midway("land", str(path), "--source", feed.CSV), self.recover()

    def ingest(self) -> tuple[str, list[str]]:
        """Kill `ingest`."""
        self.drop()
        return self.kill_midway("ingest"), self.recover()

    def postmaster(self) -> tuple[str, list[str]]:
        """Kill the embedded server under `ingest`."""
        self.drop()
        return self.kill_midway("ingest", victim=self.killed.postmaster), self.recover()

    def fetch(self) -> tuple[str, list[str]]:
        """Kill `fetch`; fetch the day again, ingest."""
        day = (FETCHED_FROM + timedelta(days=self.fetched)).isoformat()
        self.fetched += 1
        command = ("fetch", "betfair_historic", "--from", day, "--to", day)
        how = self.kill_midway(*command)
        wrong = [
            f"{home.folder.name}: fetch failed" for home in (self.killed, self.peaceful) if self.finish(home, *command)
        ]
        self.peaceful.take_in()
        return how, wrong + self.recover()

    def live(self) -> tuple[str, list[str]]:
        """Kill `live`; the next session stores what was polled."""
        self.usual["live"] = [6.0]
        now = datetime.now(UTC)
        with FakeBetfair(live=card(now, seed=next(self.cards)), now=now, running=True) as exchange:
            address = {"RACE_ASSETS_SOURCES__BETFAIR_EXCHANGE__URL": exchange.urls()["exchange_rest"]}
            identity = {"RACE_ASSETS_BETFAIR__IDENTITY_URL": exchange.urls()["identity"].removesuffix("/api")}
            self.extra |= address | identity
            how = self.kill_midway("live", "--for", "1m")
            code = self.start(self.killed, "live", "--for", "1s").wait(PATIENCE_S)
        self.extra |= self.betfair.environment()
        wrong = [f"live ended with {code}"] if code else []
        rows = stored(self.killed.workshop)
        polled = recorded(self.killed.folder)
        if set(rows) != polled or len(rows) != len(set(rows)):
            wrong.append(f"{len(polled)} ticks polled, {len(rows)} stored, {len(set(rows))} of them distinct")
        running = feed.ask(self.killed.workshop, "select count(*) from live.sessions where ended is null")[0][0]
        return how, wrong + ([f"{running} sessions are still running"] if running else [])

    def daemon(self) -> tuple[str, list[str]]:
        """Kill `dagster dev` with all its children while it takes in a file; start it again, which finishes."""
        arguments = ("dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", "0")
        process = self.start(self.killed, *arguments, module="dagster")
        self.drop()
        instant = self.chance.uniform(2, 30)
        with suppress(subprocess.TimeoutExpired):
            process.wait(instant)
        end_group(process)
        process = self.start(self.killed, *arguments, module="dagster")
        try:
            wait_until(lambda: not differences(self.killed, self.peaceful), "the daemon to build the days", 1.0)
            wait_until(lambda: not self.killed.leftovers(), "the daemon to end its runs", 1.0)
        finally:
            end_group(process)
        return f"killed after {instant:.2f} s", self.recover()


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it started."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for child in family:
        with suppress(psutil.NoSuchProcess):
            if child.name() != "postgres":
                child.kill()
    process.wait(PATIENCE_S)


def plan(kills: int, only: Sequence[str], chance: random.Random) -> list[str]:
    """Return what is killed in each round, in random order."""
    shares = {name: share for name, share in SHARES.items() if name in only}
    whole = sum(shares.values())
    order = [name for name, share in shares.items() for _ in range(round(kills * share / whole))]
    chance.shuffle(order)
    return order


def main() -> int:
    """Run the rounds, print each and the sums; the exit code is 1 if anything was wrong after any of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="rounds (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=SHARES, default=list(SHARES), help="what is killed")
    parser.add_argument("--folder", type=Path, default=PROJECT / "benchmarks" / ".data" / "kills")
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    order = plan(args.kills, args.only, random.Random(args.seed))
    rounds = Rounds(args.folder, args.seed, order.count("fetch"))
    sums: Counter[str] = Counter()
    try:
        rounds.drop()
        rounds.recover()
        rounds.finish(rounds.killed, "land", str(rounds.drop()), "--source", feed.CSV)
        rounds.recover()
        for number, kind in enumerate(order, start=1):
            how, wrong = getattr(rounds, kind)()
            wrong += differences(rounds.killed, rounds.peaceful) + rounds.killed.leftovers()
            sums.update(
                [f"{kind}: rounds", *([f"{kind}: WRONG"] if wrong else []), *(["killed"] if "killed" in how else [])]
            )
            line = {"round": number, "kind": kind, "how": how, "wrong": wrong}
            with (args.folder / "rounds.jsonl").open("a") as kept:
                kept.write(json.dumps(line) + "\n")
            print(f"{number:>4} {kind:<10} {how}{'; WRONG: ' + '; '.join(wrong) if wrong else ''}", flush=True)
    finally:
        rounds.betfair.stop()
        for home in (rounds.killed, rounds.peaceful):
            home.close()
    for name, count in sorted(sums.items()):
        print(f"{name:<24} {count}")
    return int(any("WRONG" in name for name in sums))


if __name__ == "__main__":
    sys.exit(main())
