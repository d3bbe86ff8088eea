"""`dagster dev` as `make dev` starts it, for tests: started, asked, ended with all its children."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from race_assets_tests.conftest import PROJECT
from race_assets_tests.waiting import PATIENCE_S, wait_until


def end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Sends the signal to the process and all that it started, and waits for it."""
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        return
    process.wait(PATIENCE_S)


class Dev:
    """One address, at which `dagster dev` can be started again and again."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment, self._log = environment, log
        self._started: list[subprocess.Popen[bytes]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        where = ("-h", "127.0.0.1", "-p", str(self._port))
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", *where],
                cwd=PROJECT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(process)
        wait_until(self._answers, "the web server")

    def kill(self) -> None:
        """Ends whatever still runs of it, without a warning."""
        while self._started:
            end(self._started.pop(), signal.SIGKILL)

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """What the web server answers."""
        asked = {"query": query, "variables": variables}
        told: dict[str, Any] = requests.post(f"{self.url}/graphql", json=asked, timeout=PATIENCE_S).json()
        return told["data"]

    def _answers(self) -> bool:
        try:
            return bool(self.graphql("{ version }"))
        except requests.ConnectionError:
            return False
