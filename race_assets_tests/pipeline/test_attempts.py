"""A file whose reading fails or is killed holds up no other; after a few attempts it is set aside."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from race_assets.errors import (
    DiskError,
    PermanentError,
    ReaderDiedError,
    SettingsError,
    TransientError,
    WarehouseError,
    WarehouseRefusedError,
)
from race_assets.pipeline import attempts, land, process
from race_assets.pipeline.land import Landed
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair import betfair_csv
from race_assets.sources.betfair.betfair_csv import BetfairCsv
from race_assets.storage import attempts as store
from race_assets_tests.conftest import PROJECT
from race_assets_tests.pipeline.feed import CSV, CSV_HEADER, DAY1, DAY2, ask, build_stale, csv_race, tell

POISONED = CSV_HEADER + csv_race(DAY1, dogs="Poison Beta")
GOOD = CSV_HEADER + csv_race(DAY2)
GONE = "{host} 999999999 1.00"
Break = Callable[[BaseException | None], None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Makes the parser of `betfair_csv` fail with an error on every file that has a poison in it."""
    unharmed = BetfairCsv.read

    def fail_with(error: BaseException | None) -> None:
        def read(self: BetfairCsv, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
            if error is not None and b"Poison" in path.read_bytes():
                raise error
            return unharmed(self, path, name, report)

        monkeypatch.setattr(BetfairCsv, "read", read)

    return fail_with


def dropped(workshop: Workshop, name: str, text: str) -> Path:
    """A file in the drop folder."""
    folder = workshop.settings.drop_folder(CSV)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def landing(workshop: Workshop) -> list[tuple[str, str]]:
    """What a whole landing makes of each file, in its order."""
    service, began_at = IngestionService.over(workshop), datetime.now(UTC)
    landed = service.land_everything()
    landed += service.read_failed_again(began_at)
    return [(each.state, Path(each.path).name) for each in landed]


def counts(workshop: Workshop) -> list[tuple[str, int, int, bool]]:
    return ask(
        workshop, "select name, failures, excused, set_aside_at is not null from ops.file_attempts order by name"
    )


def states(workshop: Workshop) -> dict[str, str]:
    return dict(ask(workshop, "select name, state from ops.source_files order by name"))


def land_one(workshop: Workshop, path: Path) -> Landed:
    (landed,) = [each for each in land.land(workshop, CSV, [(path, path.name)]) if each.path == str(path)]
    return landed


def test_a_file_that_kills_its_process_is_read_last_and_set_aside_after_three_kills(
    workshop: Workshop, environment: dict[str, str]
) -> None:
    """In Postgres and on disk it is as after any SIGKILL: nothing in the process could say so."""
    dropped(workshop, "a_poison.csv", POISONED)

    def run() -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "race_assets_tests.pipeline.land_poison"]
        ran = subprocess.run(command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        return ran.returncode, ran.stdout.splitlines()

    assert run() == (-signal.SIGKILL, [])
    dropped(workshop, "b_good.csv", GOOD)
    assert run() == (-signal.SIGKILL, ["landed b_good.csv"])
    dropped(workshop, "c_good.csv", GOOD.replace("Alpha", "Omega"))
    assert run() == (-signal.SIGKILL, ["landed c_good.csv"])
    assert run() == (0, ["set_aside a_poison.csv"])
    assert run() == (0, [])
    assert states(workshop) == {"a_poison.csv": "set_aside", "b_good.csv": "landed", "c_good.csv": "landed"}
    ((detail,),) = ask(workshop, "select detail from ops.source_files where state = 'set_aside'")
    for part in ("3 attempts", "killed", "land --retry", "land --withdraw"):
        assert part in detail
    assert workshop.archive.pending(CSV) == []


def test_a_file_that_fails_is_read_after_the_others_once_a_landing_and_set_aside_after_three(
    workshop: Workshop, broken: Break
) -> None:
    broken(MemoryError("out of memory"))
    dropped(workshop, "a_poison.csv", POISONED)
    assert landing(workshop) == [("failed", "a_poison.csv")]
    dropped(workshop, "b_good.csv", GOOD)
    assert landing(workshop) == [("landed", "b_good.csv"), ("failed", "a_poison.csv")]
    assert counts(workshop) == [("a_poison.csv", 2, 0, False)]
    assert landing(workshop) == [("set_aside", "a_poison.csv")]
    assert landing(workshop) == []
    assert counts(workshop) == [("a_poison.csv", 3, 0, True)]
    assert not land.has_outdated_files(workshop)
    assert [file.name for file in workshop.ledger.unreadable_files(CSV)] == ["a_poison.csv"]
    build_stale(workshop)
    assert ask(workshop, "select distinct race_date from core.races") == [(DAY2,)]


def test_a_file_that_was_set_aside_is_retried_by_its_hash(workshop: Workshop, broken: Break) -> None:
    broken(MemoryError("out of memory"))
    path = dropped(workshop, "poison.csv", POISONED)
    sha256 = set_aside(workshop, path)
    assert land.retry(workshop, sha256[:8]).state == "failed"
    assert counts(workshop) == [("poison.csv", 1, 0, False)]
    broken(None)
    again = land.retry(workshop, sha256[:8])
    assert (again.state, again.days, again.records) == ("landed", (DAY1,), 2)
    assert counts(workshop) == []
    build_stale(workshop)
    assert ask(workshop, "select race_date, count(*) from core.selections group by 1") == [(DAY1, 2)]


def test_a_file_that_was_set_aside_is_read_by_the_next_parser_version(
    workshop: Workshop, broken: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(MemoryError("out of memory"))
    set_aside(workshop, dropped(workshop, "poison.csv", POISONED))
    monkeypatch.setattr(betfair_csv, "VERSION", betfair_csv.VERSION + 1)
    assert [each.state for each in land.bring_up_to_date(workshop)] == ["failed"]
    assert counts(workshop) == [("poison.csv", 1, 0, False)]
    broken(None)
    assert landing(workshop)[0] == ("landed", "poison.csv")
    assert states(workshop) == {"poison.csv": "landed"}


def test_a_file_that_was_set_aside_is_read_when_it_comes_anew(workshop: Workshop, broken: Break) -> None:
    broken(MemoryError("out of memory"))
    path = dropped(workshop, "poison.csv", POISONED)
    set_aside(workshop, path)
    broken(None)
    assert land_one(workshop, path).state == "set_aside"
    later = datetime.now(UTC) + timedelta(seconds=5)
    os.utime(path, (later.timestamp(), later.timestamp()))
    (fetched,) = land.land(workshop, CSV, [(path, path.name)], given_by_people=False)
    assert fetched.state == "set_aside"
    assert land_one(workshop, path).state == "landed"

    other = dropped(workshop, "poison.csv", POISONED + csv_race(DAY2))
    assert land_one(workshop, other).version == 2


def test_a_file_that_was_set_aside_or_not_read_to_its_end_can_be_withdrawn(workshop: Workshop, broken: Break) -> None:
    broken(MemoryError("out of memory"))
    path = dropped(workshop, "poison.csv", POISONED)
    assert landing(workshop) == [("failed", "poison.csv")]
    (pending,) = workshop.archive.pending(CSV)
    assert IngestionService.over(workshop).withdraw(pending.sha256[:8]).name == "poison.csv"
    assert (workshop.archive.pending(CSV), counts(workshop)) == ([], [])
    assert landing(workshop) == []
    # Whoever lands it again wants it back.
    assert land_one(workshop, path).state == "failed"
    land_one(workshop, path)
    assert land_one(workshop, path).state == "set_aside"
    land.withdraw(workshop, pending.sha256[:8])
    assert workshop.ledger.unreadable_files(CSV) == []
    with pytest.raises(SettingsError, match="was withdrawn on"):
        land.retry(workshop, pending.sha256[:8])


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        DiskError("/home cannot be written: no space is left there"),
        WarehouseError("Postgres went away"),
        WarehouseRefusedError("Postgres refuses: disk full"),
        pl.exceptions.ComputeError("could not write: No space left on device (os error 28)"),
        psycopg.errors.AdminShutdown("terminating connection"),
        psycopg.errors.InsufficientPrivilege("permission denied for table source_files"),
        KeyboardInterrupt(),
        SystemExit(143),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_no_fault_of_the_file_never_sets_it_aside(
    workshop: Workshop, broken: Break, error: BaseException
) -> None:
    broken(error)
    path = dropped(workshop, "poison.csv", POISONED)
    for _ in range(5):
        if isinstance(error, Exception):
            assert land_one(workshop, path).state == "failed"
        else:
            with pytest.raises(type(error)):
                land_one(workshop, path)
    assert counts(workshop) == [("poison.csv", 0, 5, False)]
    broken(None)
    assert land_one(workshop, path).state == "landed"


@pytest.mark.parametrize(
    ("error", "is_of_file"),
    [
        (MemoryError(), True),
        (PermanentError("broken"), True),
        (ReaderDiedError("a process that read it ended with exit code -9"), True),
        (TransientError("was still being written"), False),
        (psycopg.DataError("cannot contain NUL"), True),
        (psycopg.errors.NumericValueOutOfRange("out of range"), True),
        (psycopg.errors.CheckViolation("violates"), True),
        (psycopg.errors.SerializationFailure("could not serialize"), False),
        (SettingsError("wrong"), False),
        (OSError("damaged data"), True),
        (PermissionError(errno.EACCES, "denied"), False),
        (pl.exceptions.PanicException("index out of bounds"), True),
    ],
)
def test_errors_of_the_file_are_told_from_those_of_the_machine(error: BaseException, *, is_of_file: bool) -> None:
    assert attempts.is_of_file(error) is is_of_file


def test_an_end_that_the_database_could_not_be_told_of_is_noted_on_disk_and_is_no_failure(
    workshop: Workshop, tmp_path: Path
) -> None:
    archived = workshop.archive.take(dropped(workshop, "a.csv", GOOD), CSV, "a.csv")
    gone = GONE.format(host=process.process_mark().split()[0])
    for excused in (0, 1, 1):
        store.begin(workshop.warehouse, CSV, archived.sha256, "a.csv", 1, gone)
        if excused == 0:
            workshop.archive.excuse(CSV, archived.sha256, gone)
        attempts.begin(workshop, archived, 1)
    assert counts(workshop) == [("a.csv", 2, 1, False)]
    away = Workshop(workshop.settings.model_copy(update={"home": tmp_path / "home"}))
    away.__dict__["warehouse"] = Away()
    before = attempts.of_file(workshop, CSV, archived.sha256)
    assert before is not None
    attempts.end(away, archived, before, KeyboardInterrupt())
    assert workshop.archive.take_excuse(CSV, archived.sha256) == process.process_mark()


class Away:
    """A warehouse that cannot be reached."""

    def connect(self) -> object:
        raise WarehouseError("Postgres cannot be reached")


def test_a_file_that_a_living_process_or_one_elsewhere_is_reading_is_not_held_against_it(workshop: Workshop) -> None:
    archived = workshop.archive.take(dropped(workshop, "a.csv", GOOD), CSV, "a.csv")
    mine = process.process_mark()
    elsewhere = f"another-machine {mine.split(maxsplit=1)[1]}"
    store.begin(workshop.warehouse, CSV, archived.sha256, "a.csv", betfair_csv.VERSION, elsewhere)
    assert attempts.failed_before(workshop, CSV) == {}
    tell(
        workshop,
        f"update ops.file_attempts set running = jsonb_build_object('{elsewhere}', "
        f"extract(epoch from now()) - {store.UNSEEN_S + 60})",
    )
    assert list(attempts.failed_before(workshop, CSV)) == [archived.sha256]
    assert [each.state for each in land.read_failed_again(workshop, datetime.now(UTC) + timedelta(days=1))] == [
        "landed"
    ]


def test_a_landed_file_that_the_next_parser_cannot_read_counts_as_it_was_read(
    workshop: Workshop, broken: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dropped(workshop, "poison.csv", POISONED)
    assert land_one(workshop, path).state == "landed"
    build_stale(workshop)
    monkeypatch.setattr(betfair_csv, "VERSION", betfair_csv.VERSION + 1)
    broken(MemoryError("out of memory"))
    assert [landing(workshop) for _ in range(4)] == [
        [("failed", "poison.csv")], [("failed", "poison.csv")], [("set_aside", "poison.csv")], [],
    ]  # fmt: skip
    assert states(workshop) == {"poison.csv": "landed"}
    build_stale(workshop)
    assert ask(workshop, "select race_date, count(*) from core.selections group by 1") == [(DAY1, 2)]


def test_a_build_whose_file_cannot_be_read_anew_fails_its_days_alone_and_keeps_them(
    workshop: Workshop, broken: Break
) -> None:
    land_one(workshop, dropped(workshop, "poison.csv", POISONED))
    land_one(workshop, dropped(workshop, "good.csv", GOOD))
    build_stale(workshop)
    shutil.rmtree(workshop.settings.home / "lake")
    broken(MemoryError("out of memory"))
    service = IngestionService.over(workshop)
    for _ in range(3):
        list(service.write_raw(CSV, [DAY1, DAY2], refresh=True))
        list(service.write_validated([DAY1, DAY2], refresh=True))
        built = service.build([DAY1, DAY2], "again", refresh=True)
        assert (list(built.failed), list(built.published)) == ([DAY1], [DAY2])
    assert "land --retry" in built.failed[DAY1]
    assert counts(workshop) == [("poison.csv", 3, 0, True)]
    assert ask(workshop, "select race_date, count(*) from core.selections group by 1 order by 1") == [
        (DAY1, 2), (DAY2, 3),
    ]  # fmt: skip


def test_the_number_of_attempts_is_a_setting(make_settings: Callable[..., Settings], broken: Break) -> None:
    workshop = Workshop(make_settings(landing={"attempts": 1}))
    broken(MemoryError("out of memory"))
    assert land_one(workshop, dropped(workshop, "poison.csv", POISONED)).state == "set_aside"


def set_aside(workshop: Workshop, path: Path) -> str:
    for _ in range(3):
        landed = land_one(workshop, path)
    assert landed.state == "set_aside"
    return landed.sha256
