"""The programs that read an archive of stream files to its end, each by one library's own means; one a process."""

import argparse
import bz2
import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from unittest import mock

from benchmarks import stream_corpus

WORKERS = 2


def _halves(paths: list[str]) -> list[list[str]]:
    """Every worker's share: WIN files are larger than PLACE files, which lie in turn."""
    return [paths[place * 2 :: WORKERS * 2] + paths[place * 2 + 1 :: WORKERS * 2] for place in range(WORKERS)]


def _betfair_data(paths: list[str], *, mutable: bool) -> int:
    import betfair_data

    messages = 0
    for file in betfair_data.Files(paths, mutable=mutable):
        for market in file:  # noqa: B007 -- the last one is what the file amounts to
            messages += 1
        _touch(market.runners)
    return messages


def _touch(runners: Iterable) -> None:
    """What somebody would take along of each runner."""
    for runner in runners:
        _ = runner.selection_id, runner.status, runner.sp.actual_sp, runner.last_price_traded, runner.total_matched


def betfair_data(paths: list[str]) -> int:
    """Its own reader, which unpacks files on threads of its own."""
    return _betfair_data(paths, mutable=True)


def betfair_data_twice(paths: list[str]) -> int:
    """Two processes with half of the files each, so that parsing is not bound to one core either."""
    with ProcessPoolExecutor(WORKERS) as pool:
        return sum(pool.map(betfair_data, _halves(paths)))


def betfair_data_objects(paths: list[str]) -> int:
    """As it is without asking: a market object that stays as it was for each message."""
    return _betfair_data(paths, mutable=False)


def betfairlightweight(paths: list[str]) -> int:
    """Its generator for historic files in lightweight mode, which yields a dict for each message."""
    import betfairlightweight as library

    logging.disable()
    client = library.APIClient("-", "-", "-")
    messages = 0
    for path in paths:
        listener = library.StreamListener(max_latency=None, lightweight=True, update_clk=False)
        stream = client.streaming.create_historical_generator_stream(file_path=path, listener=listener)
        with mock.patch("builtins.open", lambda name, _: bz2.open(name, "rt")):
            messages += sum(1 for _ in stream.get_generator()())
    return messages


def _lines(path: str) -> int:
    return bz2.decompress(Path(path).read_bytes()).count(b"\n")


def plain_bz2(paths: list[str]) -> int:
    """Python's bz2 on two threads: nothing that reads these files in Python can take less."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return sum(pool.map(_lines, paths))


def ours(paths: list[str], *, with_grid: bool) -> int:
    """The source as it lands an archive: records out of one tar of the same files, with or without the price grid."""
    from race_assets.settings.streams import GridSettings, StreamSettings
    from race_assets.sources.base import ReadReport
    from race_assets.sources.betfair.betfair_historic import BetfairHistoric

    settings = StreamSettings(processes=WORKERS, price_points=GridSettings(enabled=with_grid))
    archive = stream_corpus.archive_of(paths)
    report = ReadReport()
    records = sum(frame.height for frame in BetfairHistoric(settings).read(archive, archive.name, report))
    if not records:
        raise RuntimeError(f"{archive}: no records")
    return report.rows_read


PROGRAMS: dict[str, Callable[[list[str]], int]] = {
    "ours (summary)": partial(ours, with_grid=False),
    "ours (with price grid)": partial(ours, with_grid=True),
    "betfair_data": betfair_data,
    "betfair_data x2": betfair_data_twice,
    "betfair_data objects": betfair_data_objects,
    "betfairlightweight": betfairlightweight,
    "plain bz2": plain_bz2,
}
LIBRARIES = {"ours": "race-assets", "betfair_data": "betfair_data", "betfairlightweight": "betfairlightweight"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    paths = sorted(str(path) for path in args.folder.rglob("*.bz2"))
    if args.program.startswith("ours"):
        # Loading what lands files is not reading; the reading processes are started within the time.
        import race_assets.sources.betfair.betfair_historic  # noqa: F401
    began, cpu = time.perf_counter(), sum(os.times()[:4])
    messages = PROGRAMS[args.program](paths)
    told = {
        "messages": messages,
        "markets": len(paths),
        "seconds": time.perf_counter() - began,
        "cpu_s": sum(os.times()[:4]) - cpu,
    }
    library = LIBRARIES.get(args.program.split(" ", maxsplit=1)[0])
    print(json.dumps(told | {"version": f"{library} {version(library)}" if library else "Python"}))


if __name__ == "__main__":
    main()
