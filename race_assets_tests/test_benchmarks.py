"""The load test runs in an environment without the packages of peers, and names what it leaves out."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import peers
from race_assets_tests.conftest import PROJECT

WITHOUT_PEERS = """
import sys
import importlib.util
peers = {"dlt", "duckdb", "betfair_data", "betfairlightweight"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in peers:
            raise ModuleNotFoundError(name, name=name)
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in peers else found(name, package)
sys.meta_path.insert(0, Absent())
from benchmarks import __main__ as program
"""


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_PEERS + code, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_peers_ours_is_measured_and_the_others_are_named() -> None:
    code = (
        "args = program.arguments()\n"
        "print(args.only, list(program.peers.present(program.feed.CONTESTANTS)),"
        " list(program.peers.present(program.stream.names())))\n"
        "print(program.peers.described(program.left_out(args)))\n"
        "print(program.report.machine()['packages']['dlt'])\n"
    )
    done = run(code, "--quick")
    assert done.returncode == 0, done.stderr
    present, told, version = done.stdout.splitlines()
    assert present == "['ours', 'COPY'] ['ours'] ['ours (summary)', 'ours (with price grid)', 'plain bz2']"
    assert "betfair_data, betfairlightweight, dlt, duckdb" in told
    assert "make bench" in told
    assert version == "None"


def test_a_peer_that_is_asked_for_and_is_not_there_says_how_to_get_it() -> None:
    done = run("program.arguments()", "--only", "ours", "dlt tuned")
    assert done.returncode == 2
    assert "dlt tuned: not installed here: dlt" in done.stderr
    assert "pip install" in done.stderr


def test_every_package_of_a_peer_is_one_that_make_bench_installs() -> None:
    extra = Path(PROJECT, "pyproject.toml").read_text(encoding="utf-8").partition("\nbench = [")[2].partition("\n]")[0]
    assert not [package for package in set(peers.PACKAGES.values()) if f'"{package}' not in extra]


@pytest.mark.parametrize("name", ["ours", "COPY", "plain bz2"])
def test_what_needs_no_package_is_always_there(name: str) -> None:
    assert peers.missing([name]) == {}
