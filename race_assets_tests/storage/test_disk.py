"""Disks that take no more: full, with a limit, read-only. What is wrong is said with its folder; nothing is lost."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from race_assets.errors import DiskError, SettingsError
from race_assets.pipeline.doctor import machine
from race_assets.pipeline.land import land, named
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage import disk, embedded
from race_assets.storage.archive import Archive
from race_assets.storage.files import check_home, replacing, scratch_folder
from race_assets.storage.lake import Lake
from race_assets.storage.recording import Recorder, Recordings
from race_assets_tests.conftest import SAMPLES

DAY = date(2024, 6, 27)
FILE = SAMPLES / "betfair_csv" / "greyhounds_2024-06-27.csv"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free there."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - it is what ends the loop
    return filler


def left_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def numbers(rows: int) -> pl.DataFrame:
    """Rows that no compression makes small."""
    values = [int.from_bytes(os.urandom(7)) for _ in range(rows)]
    return pl.DataFrame({"race_date": [DAY] * rows, "n": values})


def test_a_file_that_the_disk_does_not_take_leaves_the_old_one_and_names_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with replacing(path) as part:
            part.write_bytes(bytes(4096))

    with files_of_at_most(1024), pytest.raises(DiskError) as caught:
        write()
    assert str(caught.value).startswith(f"{tmp_path} cannot be written: a file may not grow any further there; raise")
    assert left_below(tmp_path) == ["file"]
    assert path.read_text() == "old"
    write()
    assert path.read_bytes() == bytes(4096)


def test_a_day_of_the_lake_that_the_disk_does_not_take_stays_as_it_was(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw", DAY, numbers(3), "old")
    with files_of_at_most(1024), pytest.raises(DiskError, match=f"{tmp_path}/lake/raw/2024 cannot be written"):
        lake.write_day("raw", DAY, numbers(10_000), "new")
    assert lake.fingerprint("raw", DAY) == "old"
    assert left_below(tmp_path) == ["lake/raw/2024/2024-06-27.parquet"]


def test_parsed_rows_that_the_disk_does_not_take_leave_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path = lake.parsed_path("club", "ab", 1)

    def write() -> None:
        with lake.parsed_writer(path) as writer:
            writer.write(numbers(10_000))

    with files_of_at_most(1024), pytest.raises(DiskError, match="lake/parsed/club cannot be written"):
        write()
    assert left_below(tmp_path) == []
    write()
    assert len(left_below(tmp_path)) == 1


def test_a_full_disk_is_told_from_an_unreadable_file_and_the_file_lands_once_there_is_room(
    workshop: Workshop, small_disk: Path
) -> None:
    """With the archive on a full disk, then with the lake on one: nothing of the file is entered in the ledger."""
    home = workshop.settings.home
    home.mkdir()
    filler = fill(small_disk)
    for name in ("archive", "lake"):
        (small_disk / name).mkdir()
        (home / name).symlink_to(small_disk / name)
        (landed,) = land(workshop, "betfair_csv", named([FILE]))
        assert landed.state == "failed"
        assert f"{home}/{name}" in landed.detail
        assert "no space is left there; free some" in landed.detail
        assert workshop.ledger.files() == []
        # The next try is with room for the archive.
        (home / name).unlink()
    filler.unlink()
    (home / "lake").symlink_to(small_disk / "lake")
    assert [each.state for each in land(workshop, "betfair_csv", named([FILE]))][-1] in {"landed", "known"}
    assert [file.state for file in workshop.ledger.files()] == ["landed"]
    assert not [name for name in left_below(small_disk) if name.endswith(".part")]


def test_a_read_only_home_is_named_with_what_to_do(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(DiskError, match=f"{small_disk} cannot be written: its file system is mounted read-only; mount"):
        check_home(small_disk)
    with pytest.raises((DiskError, SettingsError), match="ead-only"):
        check_home(small_disk / "home")
    found = next(machine.findings(Settings(home=small_disk)))
    assert (found.thing, found.state) == ("home", "problem")
    assert "read-only" in found.said


def test_a_drop_folder_on_a_read_only_disk_is_landed(workshop: Workshop, small_disk: Path) -> None:
    (small_disk / FILE.name).write_bytes(FILE.read_bytes())
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (landed,) = land(workshop, "betfair_csv", named([small_disk / FILE.name]))
    assert landed.state == "landed"


def test_a_full_temporary_folder_is_named(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    filler = fill(small_disk)

    def write() -> None:
        with scratch_folder() as folder:
            (folder / "frame.csv").write_bytes(bytes(10_000))

    with pytest.raises(DiskError, match=f"{small_disk} cannot be written: no space is left there"):
        write()
    filler.unlink()
    write()
    assert left_below(small_disk) == []


def test_what_the_disk_does_not_take_of_a_recording_is_kept_and_written_in_its_order(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, "betfair_exchange")
    recorder = Recorder(recordings, "s")
    days = [DAY, DAY + timedelta(days=1)]
    lines = [(days[number % 2], f"{number} {'x' * 50}\n".encode()) for number in range(40)]
    with files_of_at_most(300):
        for day, line in lines:
            recorder.append(day, line)
        assert recorder.waiting > 20
    recorder.append(DAY, b"last\n")
    assert recorder.waiting == 0
    recorder.close()
    for day in days:
        (path,) = [path for path in recordings.of_session("s") if path.parent.name == str(day)]
        expected = [line for each, line in lines if each == day] + ([b"last\n"] if day == DAY else [])
        assert path.read_bytes() == b"".join(expected)


def test_a_recording_that_ends_on_a_full_disk_says_how_much_is_lost(tmp_path: Path) -> None:
    recorder = Recorder(Recordings(tmp_path, "betfair_exchange"), "s")
    with files_of_at_most(10):
        recorder.append(DAY, b"one of two lines\n")
        recorder.append(DAY, b"the other\n")
        with pytest.raises(OSError, match=r"2 recorded answers are lost: .*/betfair_exchange cannot"):
            recorder.close()


def test_an_archive_on_a_disk_with_a_limit_keeps_nothing_of_a_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with files_of_at_most(1000), pytest.raises(DiskError, match="archive/betfair_csv cannot be written"):
        archive.take(FILE, "betfair_csv", FILE.name)
    assert left_below(tmp_path) == []
    assert archive.pending("betfair_csv") == []
    assert archive.take(FILE, "betfair_csv", FILE.name).landed_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (OSError(errno.ENOSPC, "x"), errno.ENOSPC),
        (pl.exceptions.ComputeError("parquet: IO error: Disk quota exceeded (os error 122)"), errno.EDQUOT),
        (OSError(errno.ENOENT, "x"), None),
        (ValueError("no space left"), None),
    ],
)
def test_only_errors_of_the_disk_are_its(error: Exception, number: int | None) -> None:
    assert disk.number_of(error) == number
    ours = disk.trouble(error, "/data")
    assert (ours is None) == (number is None)


def test_an_embedded_server_whose_disk_is_full_says_so_and_starts_once_there_is_room(small_disk: Path) -> None:
    home = small_disk / "home"
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    embedded.ensure(home)
    embedded.release(home)
    # Its next start needs room for a segment of its log, of 16 MB.
    filler = fill(small_disk)
    with pytest.raises(DiskError) as caught:
        embedded.ensure(home)
    assert f"{home}" in str(caught.value)
    assert "cannot be written: no space is left there; free some" in str(caught.value)
    filler.unlink()
    try:
        with psycopg.connect(embedded.ensure(home)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        embedded.release(home)


def test_only_the_last_start_of_a_server_is_asked_why_it_ended(tmp_path: Path) -> None:
    log = "FATAL: No space left on device\nLOG:  starting PostgreSQL 18\nFATAL:  bad permissions"
    assert disk.trouble_in(log.rpartition(embedded.FIRST_LINE)[2], tmp_path) is None
    assert str(disk.trouble_in(log, tmp_path)).startswith(f"{tmp_path} cannot be written: no space is left there")
