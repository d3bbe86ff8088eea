"""A kill at any instant leaves old or new days, never half, and the next run converges; RACE_ASSETS_KILLS kills."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE
from race_assets.settings import Settings
from race_assets.storage.leftovers import PART
from race_assets_tests.conftest import OURS, PROJECT, SAMPLES
from race_assets_tests.databases import Databases
from race_assets_tests.pipeline.feed import (
    CSV,
    CSV_HEADER,
    DAY1,
    DAY2,
    ask,
    build_stale,
    csv_race,
    csv_row,
    drop,
    land_samples,
    tables,
)

DRIVER = "race_assets_tests.pipeline.land_and_build"
FILES = "*/*2024*.csv"
KILLS = int(os.environ.get("RACE_ASSETS_KILLS", "5"))


@dataclass(frozen=True)
class Undisturbed:
    """What a run nobody kills has left, and how long it worked."""

    workshop: Workshop
    seconds: float


def run(workshop: Workshop, run_id: str) -> None:
    """What the driver does, here."""
    land_samples(workshop, sorted(SAMPLES.glob(FILES)))
    build_stale(workshop, run_id)


def start(home: Path, url: str) -> "subprocess.Popen[str]":
    """The driver, at the moment it begins to work."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    process = subprocess.Popen(
        [sys.executable, "-m", DRIVER, FILES, "killed"],
        env={**outside, "RACE_ASSETS_HOME": str(home), "RACE_ASSETS_POSTGRES__URL": url},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "working\n"
    return process


def workshop_at(home: Path, url: str) -> Workshop:
    return Workshop(Settings.model_validate({"home": home, "postgres": {"url": url}}))


@pytest.fixture(scope="module")
def undisturbed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    """A run in a home and database of its own."""
    home = tmp_path_factory.mktemp("undisturbed")
    with databases.lend() as url:
        workshop = workshop_at(home, url)
        began = time.perf_counter()
        run(workshop, "undisturbed")
        yield Undisturbed(workshop, time.perf_counter() - began)


@pytest.mark.parametrize("number", range(KILLS))
def test_after_a_sigkill_at_any_instant_days_are_whole_and_the_next_run_converges(
    number: int, undisturbed: Undisturbed, database: str, tmp_path: Path
) -> None:
    # One instant in each stretch of the run, so that few kills already meet all its stages.
    instant = (number + random.Random(number).random()) / KILLS * undisturbed.seconds  # noqa: S311 - seeded, no secret
    with start(tmp_path / "home", database) as process:
        try:
            process.wait(timeout=instant)
        except subprocess.TimeoutExpired:
            process.kill()

    workshop = workshop_at(tmp_path / "home", database)
    # One statement, since the killed run's last transaction may end while we look.
    ((published, *found),) = ask(
        workshop,
        f"""select (select coalesce(array_agg(race_date), '{{}}') from ops.built_days),
            {", ".join(f"(select count(*) from {name})" for name in CORE)}""",
    )
    whole = tables(undisturbed.workshop, core=f"race_date = any(array{[str(day) for day in published]}::date[])")
    assert found == [len(whole[name]) for name in CORE]

    run(workshop, "next")

    assert tables(workshop) == tables(undisturbed.workshop)
    for source in workshop.enabled:
        assert workshop.archive.pending(source) == []


# What a sigkill leaves behind, put there by hand


def test_a_file_archived_but_not_entered_before_a_sigkill_is_entered_by_the_next_landing(
    workshop: Workshop, tmp_path: Path
) -> None:
    path = tmp_path / "left.csv"
    path.write_text(CSV_HEADER + csv_race(DAY1))
    taken = workshop.archive.take(path, CSV, "left.csv")
    path.unlink()
    assert workshop.ledger.file(CSV, taken.sha256) is None
    assert workshop.archive.pending(CSV) == [taken]

    new = tmp_path / "new.csv"
    new.write_text(CSV_HEADER + csv_race(DAY2))
    landed = list(land.land(workshop, CSV, [(new, "new.csv")]))

    assert [(each.state, each.sha256 == taken.sha256) for each in landed] == [("landed", True), ("landed", False)]
    entered = workshop.ledger.file(CSV, taken.sha256)
    assert entered
    assert (entered.name, entered.bytes, entered.landed_at) == ("left.csv", taken.bytes, taken.landed_at)
    assert workshop.archive.pending(CSV) == []
    assert sorted(build_stale(workshop).published) == [DAY1, DAY2]


def test_a_file_entered_but_not_settled_before_a_sigkill_is_known_and_changes_nothing(
    workshop: Workshop, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV_HEADER + csv_race(DAY1))
    list(land.land(workshop, CSV, [(path, "a.csv")]))
    build_stale(workshop)
    bytes_at = workshop.archive.take(path, CSV, "a.csv").path
    sidecar = bytes_at.with_name(f"{bytes_at.name}.json")
    sidecar.replace(workshop.archive.folder / CSV / "pending" / sidecar.name)

    assert [landed.state for landed in land.land(workshop, CSV, [])] == ["known"]
    assert workshop.archive.pending(CSV) == []
    assert workshop.ledger.stale_days() == []


def test_a_sidecar_whose_bytes_a_sigkill_kept_from_the_archive_does_not_bar_the_landing(
    workshop: Workshop, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV_HEADER + csv_race(DAY1))
    workshop.archive.take(path, CSV, "a.csv").path.unlink()
    assert workshop.archive.pending(CSV) == []

    assert [landed.state for landed in land.land(workshop, CSV, [(path, "a.csv")])] == ["landed"]
    assert len(build_stale(workshop).published) == 1


def test_part_files_a_sigkill_left_everywhere_do_not_matter(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="0.5"))
    build_stale(workshop)
    before = tables(workshop)
    home = workshop.settings.home
    folders = {path.parent for top in ("archive", "lake") for path in (home / top).rglob("*") if path.is_file()}
    assert len(folders) >= 5
    for folder in (*folders, home / "archive" / CSV / "pending"):
        (folder / f".left{PART}").write_bytes(b"PAR1 half of it")

    drop(workshop, "b.csv", csv_race(DAY2))
    build_stale(workshop)

    assert tables(workshop, core=f"race_date = '{DAY1}'") == before
    assert all((folder / f".left{PART}").exists() for folder in folders)
