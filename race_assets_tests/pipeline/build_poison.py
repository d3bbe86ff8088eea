"""A command that builds the days that are out of date and is killed by one of them; `test_day_attempts.py` runs it."""

import os
import signal
import sys
from collections.abc import Mapping
from datetime import date

from race_assets import settings
from race_assets.pipeline import build, day_attempts
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.ledger import WantedDay

POISON = date.fromisoformat(sys.argv[1])
unharmed = build._frames


def frames(workshop: Workshop, due: Mapping[date, WantedDay], run_id: str) -> object:
    if POISON in due:
        os.kill(os.getpid(), signal.SIGKILL)
    return unharmed(workshop, due, run_id)


if __name__ == "__main__":
    build._frames = frames  # type: ignore[assignment]
    service = IngestionService(settings.load())
    days = set(service.stale_days()[0]) - day_attempts.given_up(service.workshop).keys()
    service.build(sorted(days), "poisoned")
