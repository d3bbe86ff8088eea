"""A real Chromium without a window, driven through its own debugging socket; what is clicked is said in the tests."""

import base64
import itertools
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from race_assets_tests.automation.dev import end
from race_assets_tests.waiting import PATIENCE_S, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--remote-debugging-port=0", "--window-size=1500,1100"),
)
CLICK = """(told) => {
    const shown = [...document.querySelectorAll('button, a')].filter(each => !each.disabled)
    const found = shown.filter(each => each.innerText.trim().startsWith(told))
    found.at(-1)?.click()
    return found.length
}"""


class Browser:
    """One page."""

    def __init__(self, socket: ClientConnection, pictures: Path) -> None:
        self._socket, self._pictures = socket, pictures
        self._numbers = itertools.count(1)

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        answer = self._answer(method, parameters)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is; null while the page it is asked of is only coming, or just going."""
        answer = self._answer("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        told = answer.get("result", {})
        return None if "exceptionDetails" in told else told.get("result", {}).get("value")

    def _answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv(PATIENCE_S))
            if answer.get("id") == number:
                return answer

    def open(self, url: str, shows: str) -> None:
        """Goes to a page, and waits until it shows a text."""
        self.tell("Page.navigate", url=url)
        self.until_shown(shows)

    def until_shown(self, text: str) -> None:
        wait_until(
            lambda: self.value(f"document.body.innerText.includes({json.dumps(text)})"), f"the page to show {text}"
        )

    def click(self, text: str) -> None:
        """Clicks the last button or link that begins so, once there is one."""
        wait_until(lambda: self.value(f"({CLICK})({json.dumps(text)})"), f"a button {text}")

    def enter(self, field: str, text: str) -> None:
        """Types a text into the field that a selector names, and presses Enter."""
        wait_until(
            lambda: self.value(f"(document.querySelector({json.dumps(field)}).focus(), true)"), f"the field {field}"
        )
        self.tell("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)

    def picture(self, name: str) -> Path:
        """Takes a screenshot, and tells where it lies."""
        path = self._pictures / f"{name}.png"
        path.write_bytes(base64.b64decode(self.tell("Page.captureScreenshot", format="png")["data"]))
        print(f"screenshot: {path}")
        return path


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser whose profile and screenshots are in this folder; it is ended with all it started."""
    profile, pictures = folder / "profile", folder / "screenshots"
    pictures.mkdir()
    process = subprocess.Popen(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port = wait_until(lambda: _port(profile / "DevToolsActivePort"), "the browser")
        address = wait_until(lambda: _page(f"http://127.0.0.1:{port}/json"), "the browser's page")
        with connect(address, max_size=None, open_timeout=PATIENCE_S) as socket:
            yield Browser(socket, pictures)
    finally:
        end(process, signal.SIGKILL)


def _port(told: Path) -> str:
    lines = told.read_text().split() if told.exists() else []
    return lines[0] if len(lines) > 1 else ""


def _page(told_at: str) -> str:
    pages = [each for each in requests.get(told_at, timeout=PATIENCE_S).json() if each["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"]) if pages else ""
