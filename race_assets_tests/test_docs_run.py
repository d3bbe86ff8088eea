"""Every command of README and docs is run as written, page by page, in a folder like a new user's.

A real shell reads each line; what it would run as `race-assets` is then run in a process of its own. Only what a page
makes up gives way to something that is here: ids, a database, how long a session polls.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from race_assets import cli
from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage import embedded
from race_assets_tests import commands
from race_assets_tests.conftest import PROJECT, SAMPLES
from race_assets_tests.fake_betfair import FakeBetfair, fixtures
from race_assets_tests.fake_betfair.streams import BASIC
from race_assets_tests.pipeline.feed import BSP, CSV, ask, build_stale, land_samples, tell
from race_assets_tests.test_docs import FENCE, HAND_WRITTEN, INLINE, blocks, lines, shell_lines
from race_assets_tests.waiting import PATIENCE_S, wait_until

NEEDED = ("data/samples", "docs", "dagster.yaml", "workspace.yaml", "race_assets.yaml", "Makefile", "pyproject.toml")
FEW = 10
ALONE = {"demo", "doctor", "ingest", "psql", "schedule", "sources", "status"}
"""Commands that need nothing said with them; another, by its name alone, is a mention."""

STANDS_FOR = {
    "betfair_historic 1.230100101": "card 1.230100101",
    "--for 2h": "--for 2s",
    "--from 2008-06-01": "--from 2024-06-26",  # a day nobody told of takes as long as one with races
    "--to 2024-12-31": "--to 2024-01-31",
    "--port 8765": "--port 0",
    "feed suggest FILE": "feed suggest ~/Downloads/prices.csv",
    "feed check NAME FILE": "feed check my_prices ~/Downloads/prices.csv",
    "land FILE": "land ~/Downloads/dwbfgreyhoundwin28062024.csv",
}
CARD = {
    "columns": {
        "track_name": "Track", "start_at": "{Day} {Off}", "selection_name": "Dog", "trap": "Trap", "market_id": "Race",
    },
    "timezone": "Europe/London",
}  # fmt: skip
FEEDS: dict[str, Any] = {"card": CARD, "club": CARD} | next(
    yaml.safe_load(text)["sources"]["csv_feeds"]
    for text in blocks(PROJECT / "README.md", "yaml")
    if "my_prices:" in text
)
DOGS = ("Amber Lantern", "Ballynotreal Jo", "Copper Kettle", "Dusty Road", "Early Bell", "Fallow Field")
LATE_DOGS = (DOGS[0], "Hollow Oak", "Iron Gate", "Jolly Roger", "Kind Word", DOGS[5])
DOUBTFUL = {
    source: "Track,Day,Off,Race,Trap,Dog\n"
    + "".join(f"Hove,2024-06-27,{off},{market},{trap},{dog}\n" for trap, dog in enumerate(dogs, start=1))
    for source, off, market, dogs in (
        ("card", "10:36", "1.230100101", DOGS), ("club", "10:41", "2024-06-27/7", LATE_DOGS),
    )
}  # fmt: skip
MINE = "Venue,Day,Off,Box,Dog,Odds,Pos,Grade\n" + "".join(
    f"Romford,2024-06-28,19:00,{box},{dog},5/2,{box},A4\n" for box, dog in enumerate(DOGS, start=1)
)
SERVED_ELSEWHERE = {
    "race-assets metrics": "serves until it is stopped: observability/test_metrics.py",
    "race-assets metrics --port 9108": "the same",
    "make demo": "installs; `race-assets demo` runs below",
    "make dev": "serves until it is stopped: automation/test_daemon.py",
    "make test": "this suite",
    "make pytest": "this suite",
    ".venv/bin/python -m pytest -q race_assets_tests/storage": "a part of this suite",
    "make bench": "installs; takes long: test_benchmarks.py",
    ".venv/bin/python -m benchmarks --quick": "takes minutes: test_benchmarks.py",
    ".venv/bin/python -m benchmarks --years 2 --no-feed --no-stream": "takes long: test_benchmarks.py",
}
MAY_END_WITH_1 = {"status", "doctor"}
"""They tell by it that something is wrong, and here something is: days of a fake, no daemon."""

SHIM = """
race-assets() { printf '%s\\0' "$@" > "$TOLD_ARGUMENTS"; exit 0; }
trap 'env -0 > "$TOLD_ENVIRONMENT"' EXIT
"""


class Place:
    """A folder of one user, whose shell lines are run one after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.served: list[subprocess.Popen[bytes]] = []

    def run(self, line: str) -> tuple[int, str]:
        """The exit code of a line, and all it said."""
        arguments, told = self.folder / "told.arguments", self.folder / "told.environment"
        arguments.unlink(missing_ok=True)
        told_to = {"TOLD_ARGUMENTS": str(arguments), "TOLD_ENVIRONMENT": str(told)}
        done = subprocess.run(
            ["bash", "-c", SHIM + line],
            cwd=self.folder,
            env={**self.environment, **told_to},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        after = dict(each.split("=", 1) for each in told.read_text().split("\0") if "=" in each)
        if arguments.exists():
            words = arguments.read_text().split("\0")[:-1]
            done = commands.run(words, after, self.folder)
        else:
            self.environment = after
        return done.returncode, done.stdout + done.stderr

    def serve(self, line: str, file: Path) -> None:
        """Starts what runs until it is stopped, and waits for its first words in a file."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        self.served.append(process)

        def is_ready() -> bool:
            assert process.poll() is None, f"{line} has ended"
            return file.exists() and "Ctrl-C" in file.read_text()

        wait_until(is_ready, line)

    def end(self) -> None:
        for process in self.served:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def betfair() -> Iterator[FakeBetfair]:
    with FakeBetfair(fixtures.month(date(2024, 6, 1), days=2, plans=(BASIC,))) as fake:
        yield fake


@pytest.fixture
def workshop(make_settings: Callable[..., Settings]) -> Workshop:
    """With the feeds the pages speak of, and another."""
    return Workshop(make_settings(sources={"csv_feeds": FEEDS}))


@pytest.fixture
def place(tmp_path: Path, environment: dict[str, str], betfair: FakeBetfair, workshop: Workshop) -> Iterator[Place]:
    """A folder with the project's files, downloads, a warehouse with the samples and a doubtful race."""
    project, downloads = tmp_path / "race_assets", tmp_path / "Downloads"
    for name in NEEDED:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).symlink_to(PROJECT / name)
    downloads.mkdir()
    shutil.copy(SAMPLES / BSP / "dwbfgreyhoundwin28062024.csv", downloads)
    (downloads / "prices.csv").write_text(MINE)
    for page in HAND_WRITTEN:
        for text in blocks(page, "python"):
            if named := re.match(r"# (\w+\.py)\n", text):
                (project / named[1]).write_text(text)
    inbox = workshop.settings.home / "inbox"
    inbox.mkdir(parents=True)
    for source, text in DOUBTFUL.items():
        (inbox / f"{source}.csv").write_text(text)
        assert [each.state for each in land.land(workshop, source, [(inbox / f"{source}.csv", "a.csv")])] == ["landed"]
    land_samples(workshop, sorted((SAMPLES / CSV).glob("*.csv")))
    build_stale(workshop)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], str(embedded.psql_path().parent)])
    feeds = {f"RACE_ASSETS_SOURCES__CSV_FEEDS__{name.upper()}": json.dumps(feed) for name, feed in FEEDS.items()}
    told = {"HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(PROJECT)}
    made = Place(project, {**environment, **betfair.environment(), **feeds, **told})
    yield made
    made.end()


def calls(page: Path) -> Iterator[list[str]]:
    """The lines of each block, and each call in the sentences that no earlier page has, if it is one and no mention."""
    for text in FENCE.findall(page.read_text(encoding="utf-8")):
        yield list(shell_lines(*text))
    groups = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]  # a Typer app with several commands is a group
    told_before = {line for earlier in HAND_WRITTEN[: HAND_WRITTEN.index(page)] for line in in_sentences(earlier)}
    for line in dict.fromkeys(in_sentences(page)):
        if line in told_before:
            continue
        _, name, *rest = shlex.split(line)
        below = getattr(groups[name], "commands", {})
        if rest[1:] if below else rest or name in ALONE:
            yield [line]


def in_sentences(page: Path) -> list[str]:
    return INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def with_ids_of(workshop: Workshop, database: str, line: str) -> str:
    """The line with what its page made up put right: an id that is none here is that of the first that will do."""
    for made_up, real in STANDS_FOR.items():
        line = line.replace(made_up, real)
    line = line.replace("postgresql://user:secret@host:5432/race_assets", database)
    if (found := re.search(r"--withdraw (\w+)", line)) and not ask(
        workshop, "select 1 from ops.source_files where sha256 like %s", f"{found[1]}%"
    ):
        ((sha,),) = ask(workshop, "select min(sha256) from ops.source_files where source = %s", BSP)
        line = line.replace(found[1], sha)
    if (found := re.search(r"rejects \w+ ([0-9a-f]{12}|ID)\b", line)) and not ask(
        workshop, "select 1 from quarantine.rejects where reject_id like %s", f"{found[1]}%"
    ):
        state = "discarded" if "reopen" in line else "open"
        ((reject,),) = ask(workshop, "select min(reject_id) from quarantine.rejects where state = %s", state)
        line = line.replace(found[1], reject)
    return line


@pytest.mark.parametrize("page", [page for page in HAND_WRITTEN if any(lines(page))], ids=lambda page: page.name)
@pytest.mark.long
def test_every_command_of_a_page_runs(page: Path, place: Place, workshop: Workshop, database: str) -> None:
    ran: set[str] = set()
    plain = place.environment
    for block in calls(page):
        # Each block is a shell of its own; a home of its own has a server of its own.
        place.environment = dict(plain)
        if any("RACE_ASSETS_HOME=" in line for line in block):
            del place.environment["RACE_ASSETS_POSTGRES__URL"]
        if any("source_files from" in line for line in block):
            # It is brought back to a server that has nothing.
            tell(workshop, "truncate ops.source_files, quarantine.rejects, ops.link_decisions cascade")
        for written in block:
            line = with_ids_of(workshop, database, written)
            if line.partition("#")[0].strip() in SERVED_ELSEWHERE or (line in ran and len(block) == 1):
                continue
            if "> fake.log" in line:
                place.serve(line, place.folder / "fake.log")
                continue
            code, said = place.run(line)
            allowed = {0, 1} if set(line.split()[1:2]) & MAY_END_WITH_1 else {0}
            assert code in allowed, f"{written}\nended with {code} and said\n{said}"
            assert "Traceback" not in said, f"{written}\nsaid\n{said}"
            ran.add(line)
    assert len(ran) > FEW
