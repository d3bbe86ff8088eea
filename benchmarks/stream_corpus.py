"""A made-up PRO archive in Betfair's own folders: which races there are, and how their files get written.

Each WIN market has its PLACE market; one race in seventeen has a reserve swap two hours before the off. Beyond one
day's markets the same ones come again a day later, with ids, dates and times of their own. How near that is to real
files, by `python -m benchmarks.stream_shape` on 24 files of each (real: a GB meeting of June 2024):

| | real | made up |
|---|---|---|
| messages a market | 3,571 | 3,531 |
| bytes a message: mean, p50, p95 | 235, 180, 498 | 239, 195, 426 |
| elements a message: mean, p50, p95 | 2.9, 2, 9 | 3.0, 2, 8 |
| runners a message: mean, p50, p95 | 2.2, 2, 6 | 2.3, 2, 6 |
| share of elements: atb, atl, trd | 49.9%, 39.5%, 6.6% | 50.0%, 39.5%, 6.1% |
| share of elements: spn with spf, spl, spb | 1.8%, 1.5%, 0.7% | 1.9%, 1.6%, 0.9% |
| pairs an element: atb, atl, trd | 1.43, 1.42, 1.22 | 1.42, 1.42, 1.30 |
| deletions among pairs: atb, atl, trd | 16.0%, 15.1%, 8.6% | 15.6%, 16.2%, 8.2% |
| pairs an element: spl, spb | 2.14, 1.65 | 2.39, 3.28 |
| deletions among pairs: spl, spb | 31%, 38% | 46%, 58% |
| ladder depth: mean, p50, p95 | 18.4, 17, 36 | 18.4, 18, 30 |
| definitions, images a market | 15.0, 8.9 | 15.3, 9.0 |
| KB a market, and packed | 841, 71.7 | 843, 74.4 |
| compress ratio | 11.7 | 11.3 |
"""

import argparse
import bz2
import datetime as dt
import json
import os
import re
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.stream_market import Race, Ticket, market_lines
from benchmarks.synthetic import FIRST_WORDS, GB_TRACKS, SECOND_WORDS

DAY = dt.date(2024, 6, 27)
RACES_A_MEETING = 12
MARKETS_A_MEETING = 2 * RACES_A_MEETING
# More would put two meetings on one track.
MARKETS_A_DAY = MARKETS_A_MEETING * len(GB_TRACKS)
P_RESERVE = 0.06
MESSAGES = {"WIN": 4_180, "PLACE": 3_080}
LEVEL = 9
TAR = "data.tar"
MANIFEST = "corpus.json"
MS_A_DAY = 86_400_000
NAME_LENGTH = 16


@dataclass(frozen=True)
class Corpus:
    """What was written."""

    markets: int
    messages: int
    raw_bytes: int
    packed_bytes: int


def races(meetings: int, seed: int) -> Iterator[Race]:
    """The day's card: each meeting at its own track, a race every quarter of an hour."""
    random = Random(seed)
    for meeting in range(meetings):
        venue = GB_TRACKS[meeting]
        first = dt.datetime.combine(DAY, dt.time(11), dt.UTC) + dt.timedelta(minutes=random.randrange(0, 420))
        for number in range(RACES_A_MEETING):
            field = random.sample(range(24_000), 7)
            order = list(range(1, 7))
            random.shuffle(order)
            yield Race(
                event_id=33_400_000 + meeting,
                event_name=f"{venue} {_day_name(DAY)}",
                venue=venue,
                first_off=first,
                off=first + dt.timedelta(minutes=15 * number),
                name=f"A{random.randint(1, 9)} {random.choice((268, 400, 462, 480))}m",
                dogs=tuple(_dog(trap, dog) for trap, dog in enumerate(field[:6], start=1)),
                order=tuple(order),
                delay_s=min(random.expovariate(1 / 15), 57),
                reserve=_reserve(random, field[6]) if random.random() < P_RESERVE else None,
            )


def _dog(trap: int, number: int) -> tuple[int, str]:
    words = f"{FIRST_WORDS[number % len(FIRST_WORDS)]} {SECOND_WORDS[number % len(SECOND_WORDS)]} {number}"
    return 70_000_000 + number, f"{trap}. {words[:NAME_LENGTH]}"


def _reserve(random: Random, number: int) -> tuple[int, int, str]:
    trap = random.randint(1, 6)
    selection, name = _dog(trap, number)
    return trap, selection, f"{name} (res)"


def _day_name(day: dt.date) -> str:
    ending = "th" if day.day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{day.day}{ending} {day:%b}"


def tickets(markets: int, seed: int) -> list[Ticket]:
    """The markets of one day, each WIN with its PLACE; the number of messages varies as in real files."""
    random = Random(seed + 1)
    found = []
    for race in races(-(-markets // MARKETS_A_MEETING), seed):
        for kind, messages in MESSAGES.items():
            number = len(found)
            count = max(500, round(random.gauss(messages, messages * 0.1)))
            found.append(Ticket(f"1.{240_000_000 + number}", kind, race, count, seed * 100_003 + number))
    return found[:markets]


def shifted(lines: bytes, ticket: Ticket, days: int) -> tuple[bytes, str, int]:
    """The same market some days later, under ids of its own.

    Returns:
        The lines, the market id and the event id.
    """
    day = DAY + dt.timedelta(days=days)
    market_id = f"1.{int(ticket.market_id[2:]) + days * 1_000}"
    event_id = ticket.race.event_id + days * 100
    if days:
        for old, new in (
            (f'"id":"{ticket.market_id}"', f'"id":"{market_id}"'),
            (f'"eventId":"{ticket.race.event_id}"', f'"eventId":"{event_id}"'),
            (f"{DAY}T", f"{day}T"),
            (_day_name(DAY) + '"', _day_name(day) + '"'),
        ):
            lines = lines.replace(old.encode(), new.encode())
        lines = re.sub(rb'(?<="pt":)\d+', lambda found: b"%d" % (int(found[0]) + days * MS_A_DAY), lines)
    return lines, market_id, event_id


def write_market(out: Path, days: int, ticket: Ticket) -> Corpus:
    """One market and its copies of later days."""
    made = market_lines(ticket)
    packed_bytes = 0
    for later in range(days):
        lines, market_id, event_id = shifted(made, ticket, later)
        folder = out / f"PRO/{DAY + dt.timedelta(days=later):%Y/%b/%-d}" / str(event_id)
        folder.mkdir(parents=True, exist_ok=True)
        packed = bz2.compress(lines, LEVEL)
        (folder / f"{market_id}.bz2").write_bytes(packed)
        packed_bytes += len(packed)
    return Corpus(days, made.count(b"\n") * days, len(made) * days, packed_bytes)


def write(out: Path, markets: int, distinct: int = MARKETS_A_DAY, seed: int = 20_240_627) -> Corpus:
    """Write the archive: ``distinct`` markets on the first day, the same again each following day until it is full."""
    distinct = min(markets, distinct, MARKETS_A_DAY)
    days, rest = divmod(markets, distinct)
    chosen = tickets(distinct, seed)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(partial(write_market, out, days), chosen[rest:]))
        parts += pool.map(partial(write_market, out, days + 1), chosen[:rest])
    names = Corpus.__annotations__
    corpus = Corpus(**{name: sum(getattr(part, name) for part in parts) for name in names})
    (out / MANIFEST).write_text(json.dumps(vars(corpus)) + "\n")
    return corpus


def pack(out: Path) -> Path:
    """All of it in one tar, as Betfair's site hands it out."""
    target = out / TAR
    with tarfile.open(target, "w") as tar:
        tar.add(out / "PRO", "PRO")
    return target


def archive_of(paths: list[str]) -> Path:
    """The tar of these files, as `pack` wrote it."""
    return next(tar for folder in Path(paths[0]).parents if (tar := folder / TAR).exists())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream_corpus", description="A made-up PRO archive.")
    parser.add_argument("--markets", type=int, default=200, help="files to write (default %(default)s)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--distinct", type=int, default=MARKETS_A_DAY, help="copy these to later days beyond as many")
    parser.add_argument("--seed", type=int, default=20_240_627)
    parser.add_argument("--tar", action="store_true", help="and data.tar of them all")
    args = parser.parse_args()
    began = time.perf_counter()
    print(write(args.out, args.markets, args.distinct, args.seed), f"{time.perf_counter() - began:.1f} s")
    if args.tar:
        print(pack(args.out))


if __name__ == "__main__":
    main()
