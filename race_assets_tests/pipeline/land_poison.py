"""A command that lands the drop folders with a parser that some files kill; `test_attempts.py` runs it.

Prints the state and name of each file as it is landed.
"""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from race_assets import settings
from race_assets.pipeline.service import IngestionService
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_csv import BetfairCsv

POISON = b"Poison"

unharmed = BetfairCsv.read


def read(self: BetfairCsv, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
    if POISON in path.read_bytes():
        os.kill(os.getpid(), signal.SIGKILL)
    return unharmed(self, path, name, report)


if __name__ == "__main__":
    BetfairCsv.read = read  # type: ignore[method-assign]
    service = IngestionService(settings.load())
    began_at = datetime.now(UTC)
    for landed in service.land_everything():
        print(landed.state, Path(landed.path).name, flush=True)
    for landed in service.read_failed_again(began_at):
        print(landed.state, Path(landed.path).name, flush=True)
