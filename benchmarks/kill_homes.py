"""Two homes that are given the same files, one of which has its commands killed, and the comparison of their tables."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psutil

from race_assets.pipeline.drops import land_by_hand
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage import embedded
from race_assets_tests.conftest import OURS, PROJECT
from race_assets_tests.pipeline import feed

FIRST_DAY = date(2024, 6, 1)
DAYS = 6
TRACKS = ("Romford", "Hove", "Monmore", "Towcester", "Nowhere Park")
"""The last is no track: its rows are rejects without a day."""
OLD = "race_date < '2025-01-01' or race_date is null"
"""Days of the dropped and fetched files; live polling has today's races."""
LEFTOVERS = ("*.part", "*.part.*", ".*.download", "*.new-*", "*.tmp")
UNFINISHED_RUNS = "select run_id, status from dagster.runs where status not in ('SUCCESS', 'FAILURE', 'CANCELED')"


@dataclass
class Home:
    """A home folder with an embedded server, used by commands and by this process."""

    folder: Path
    workshop: Workshop

    @classmethod
    def make(cls, folder: Path) -> "Home":
        """Start a home's server; it runs until `close`."""
        settings = Settings.model_validate({"home": folder, "automation": {"drops": {"settle_seconds": 0}}})
        return cls(folder, Workshop(settings))

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a command that works on this home."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {
            **inherited,
            "RACE_ASSETS_HOME": str(self.folder),
            "RACE_ASSETS_AUTOMATION__DROPS__SETTLE_SECONDS": "0",
            "DAGSTER_HOME": str(PROJECT),
            "NO_COLOR": "1",
            **extra,
        }

    def drop(self, name: str, text: str) -> Path:
        """Put a file into the drop folder of `betfair_csv`, whole at once, and return its path."""
        folder = self.folder / "drops" / feed.CSV
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{name}"
        unfinished.write_text(text, encoding="utf-8")
        return unfinished.replace(folder / name)

    def take_in(self) -> None:
        """Land what lies in the drop folder and build what is out of date, undisturbed and in this process."""
        land_by_hand(self.workshop, feed.CSV)
        feed.build_stale(self.workshop)

    def close(self) -> None:
        """Let the embedded server stop."""
        embedded.release(self.folder)

    def leftovers(self) -> list[str]:
        """Return what a killed command left: unfinished files, files archived and not entered, runs without an end."""
        found = {str(path.relative_to(self.folder)) for pattern in LEFTOVERS for path in self.folder.rglob(pattern)}
        found |= {f"{path} (pending)" for path in self.folder.glob("archive/*/pending/*")}
        found |= {str(path) for path in (self.folder / "fetching").rglob("*") if path.is_file()}
        found |= {f"run {run_id}: {status}" for run_id, status in feed.ask(self.workshop, UNFINISHED_RUNS)}
        return sorted(found)

    def postmaster(self) -> psutil.Process | None:
        """Return the process of the embedded server, if it runs."""
        try:
            first_line = (self.folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]
            return psutil.Process(int(first_line))
        except (OSError, IndexError, ValueError, psutil.NoSuchProcess):
            return None


def card_file(chance: random.Random) -> tuple[str, str]:
    """Return the name and text of a price file of some days: new prices for old names, a few rows that are rejected."""
    number = chance.randrange(3)
    days = sorted(chance.sample([FIRST_DAY + timedelta(days=n) for n in range(DAYS)], 3))
    lines = [
        feed.csv_race(day, price=f"{chance.uniform(1.0, 20):.2f}", track=track, dogs="Alpha Beta Gamma Delta Epsilon")
        for day in days
        for track in TRACKS
    ]
    return f"prices_{number}.csv", feed.CSV_HEADER + "".join(lines)


def differences(one: Home, other: Home) -> list[str]:
    """Return the tables whose rows differ, with how many."""
    mine, theirs = (feed.tables(each.workshop, rejects=OLD, core=OLD) for each in (one, other))
    return [
        f"{name}: {len(set(mine[name]) - set(theirs[name]))} rows more, {len(set(theirs[name]) - set(mine[name]))} less"
        for name in mine
        if mine[name] != theirs[name]
    ]
