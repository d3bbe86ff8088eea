"""Runs `race-assets` in processes of its own, forked from one that has imported Dagster: that takes seconds each time.

What a command imports by itself, and how it is started, is tested elsewhere with a fresh interpreter.
"""

import atexit
import gc
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from race_assets_tests.waiting import PATIENCE_S

PRELOADED = [
    "dagster._core.storage.base_storage",
    "dagster.components",
    "dotenv",
    # What pandera imports when it judges, where it is installed.
    "hypothesis.strategies",
    "psycopg2.extras",
    "race_assets.assets.core",
    "race_assets.assets.raw",
    "race_assets.automation.jobs",
    "race_assets.automation.runs",
    "race_assets.automation.schedules",
    "race_assets.automation.sensors",
    "race_assets.cli",
    "race_assets.resources.dagster_storage",
    "race_assets.resources.io_managers",
    "race_assets.resources.workshop",
    "race_assets.sources.registry",
    "rich.progress",
    "upath.implementations.local",
]
"""None reads settings when it is imported; `race_assets.definitions` does."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(PRELOADED)


def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """What a command says and its exit code; nothing is at its input."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        child = _forks.Process(target=_be, args=(list(arguments), dict(environment), folder, out, err))
        child.start()
        child.join(PATIENCE_S)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(list(arguments), PATIENCE_S, out.read_bytes(), err.read_bytes())
        return subprocess.CompletedProcess(list(arguments), child.exitcode, out.read_text(), err.read_text())


def _be(arguments: list[str], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    """The command itself, in its process."""
    # What was imported for all stays, and need not be looked through for garbage, nor copied for it.
    gc.freeze()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, flags, number in ((Path(os.devnull), os.O_RDONLY, 0), (out, os.O_WRONLY, 1), (err, os.O_WRONLY, 2)):
        opened = os.open(path, flags | (os.O_CREAT if number else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["race-assets", *arguments]
    from race_assets.cli import main

    try:
        main()
    finally:
        # A forked process leaves without what is to be done at its exit: an embedded server would stay behind.
        atexit._run_exitfuncs()
