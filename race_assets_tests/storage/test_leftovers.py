"""What a killed process was writing is removed at the next start; what a living one is writing stays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from race_assets.storage import leftovers
from race_assets.storage.files import prepare_home, scratch_folder, temporary, temporary_folder

WRITER = """
import sys, time
from pathlib import Path
from race_assets.storage.files import temporary, temporary_folder
home = Path(sys.argv[1])
with temporary(home), temporary(home / "archive" / "club"), temporary(home / "archive" / "club" / "pending"):
    with temporary(home / "lake" / "raw" / "club" / "2024"), temporary_folder(home / "lake" / "parsed" / "club") as d:
        with temporary_folder(home / "published" / "a" / "2024"), temporary(home / "recordings" / "betfair_exchange"):
            (d / "000.parquet").write_bytes(b"rows")
            (d / "points").mkdir()
            print("writing", flush=True)
            time.sleep(86400)
"""
WRITTEN = 7
SWEEPER = """
import sys
from pathlib import Path
from race_assets.storage.leftovers import sweep
while True:
    sweep(Path(sys.argv[1]))
"""


def parts(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.name.endswith(".part"))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process in the middle of writing a bit of everything below this test's home."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()
    process.communicate()


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(
    tmp_path: Path, writer: "subprocess.Popen[str]"
) -> None:
    assert len(parts(tmp_path)) == WRITTEN
    assert leftovers.sweep_home(tmp_path) == 0
    assert len(parts(tmp_path)) == WRITTEN
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert len(parts(tmp_path)) == WRITTEN
    with temporary(tmp_path / "archive" / "club") as mine:
        assert leftovers.sweep_home(tmp_path) == WRITTEN
        assert parts(tmp_path) == [mine]


def test_a_start_sweeps(tmp_path: Path, writer: "subprocess.Popen[str]") -> None:
    writer.kill()
    writer.wait()
    prepare_home(tmp_path, is_group=False)
    assert parts(tmp_path) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    drop = tmp_path / "drops" / "club" / ".w-upload.part"
    recent = tmp_path / ".abcdefgh.part"
    other = tmp_path / "notes.part"
    link = tmp_path / ".w-link.part"
    drop.parent.mkdir(parents=True)
    for path in (drop, recent, other):
        path.write_bytes(b"")
    link.symlink_to(other)
    assert leftovers.sweep_home(tmp_path) == 0
    assert all(os.path.lexists(path) for path in (drop, recent, other, link))


def test_what_an_earlier_version_left_is_swept_once_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / "lake" / "raw" / "club" / ".abcdefgh.part"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert leftovers.sweep_home(tmp_path) == 0
    long_ago = time.time() - 2 * leftovers.DAY_S
    os.utime(path, (long_ago, long_ago))
    assert leftovers.sweep_home(tmp_path) == 1
    assert not path.exists()


def test_what_is_old_and_still_written_stays(tmp_path: Path) -> None:
    with temporary(tmp_path) as part, temporary_folder(tmp_path) as folder:
        long_ago = time.time() - 2 * leftovers.DAY_S
        for path in (part, folder):
            os.utime(path, (long_ago, long_ago))
        assert leftovers.sweep_home(tmp_path) == 0
        assert part.exists()
        assert folder.exists()


def test_a_sweep_beside_writers_takes_nothing_from_them(tmp_path: Path) -> None:
    """The sweep locks a file for a moment before its writer does: the writer then takes another name."""
    sweeper = subprocess.Popen([sys.executable, "-c", SWEEPER, tmp_path])
    try:
        for number in range(2000):
            with temporary(tmp_path) as part:
                part.write_text(str(number))
                assert part.read_text() == str(number)
                part.rename(tmp_path / "file")
            with temporary_folder(tmp_path) as folder:
                (folder / "file").write_text(str(number))
    finally:
        sweeper.kill()
        sweeper.wait()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_scratch_folders_of_killed_processes_are_removed_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import os\nfrom race_assets.storage.files import scratch_folder\n"
        "with scratch_folder() as folder:\n    (folder / 'rows').write_bytes(b'x')\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "rows").exists()
    with scratch_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
