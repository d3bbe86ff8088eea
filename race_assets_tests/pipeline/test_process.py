"""A process is told apart from others by what no clock that is set can change."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from race_assets.pipeline import process


def test_this_process_lives_and_one_that_has_ended_is_gone() -> None:
    mark = process.process_mark()
    assert not process.is_gone(mark)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        host, _, started = mark.split()
        # The same pid, started at another time: another process.
        assert process.is_gone(f"{host} {child.pid} {started}")
    assert process.is_gone(f"{host} {child.pid} {started}")
    assert not process.is_gone(f"elsewhere {child.pid} {started}")


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells the boot by the clock")
def test_a_clock_that_is_set_makes_no_process_look_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = process.process_mark()
    whole = Path("/proc/stat").read_text()
    (tmp_path / "stat").write_text(re.sub(r"btime (\d+)", lambda told: f"btime {int(told[1]) + 1}", whole))
    (tmp_path / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    before = psutil.Process().create_time()
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert psutil.Process(os.getpid()).create_time() != before
    assert not process.is_gone(mark)
