"""A real HTTP server on this machine that says what a test tells it to; and a time that only a test moves."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from race_assets.http.timing import Timing

EPOCH = 1_800_000_000.0


class FakeTime:
    """A clock that stands still unless somebody sleeps, and a chance that is always the same."""

    def __init__(self, chance: float = 0.5) -> None:
        self.at = 0.0
        self.slept: list[float] = []
        self.timing = Timing(
            clock=lambda: self.at, sleep=self.sleep, now=lambda: EPOCH + self.at, chance=lambda: chance
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@dataclass(frozen=True)
class Say:
    """An answer.

    Args:
        cut: only so many bytes of the body are sent, then the connection ends.
        reset: the connection is reset in place of an answer, or where it was cut.
        before: called when the request is there, before anything is sent.
        midway: called when half the body is sent.
        length: whether Content-Length is told.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    before: Callable[[], object] | None = None
    midway: Callable[[], object] | None = None
    length: bool = True


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Answerer = Callable[[Seen], Say]


def say_json(document: Any, status: int = 200, **headers: str) -> Say:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Say(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


class Server(ThreadingHTTPServer):
    """Answers each path by its script: one answer after the other, and the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "http"
        self.seen: list[Seen] = []
        self._scripts: dict[str, list[Say] | Answerer] = {}
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def on(self, path: str, *answers: Say) -> str:
        """Sets what is said at a path; gives its URL."""
        self._scripts[path] = list(answers)
        return self.url + path

    def serve(self, path: str, answerer: Answerer) -> str:
        """Has a function answer at a path; gives its URL."""
        self._scripts[path] = answerer
        return self.url + path

    def answer(self, seen: Seen) -> Say:
        with self._guard:
            self.seen.append(seen)
            script = self._scripts.get(seen.path, [Say(404)])
            if isinstance(script, list):
                return script.pop(0) if len(script) > 1 else script[0]
        return script(seen)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = Seen(self.command, parts.path, dict(parse_qsl(parts.query)), self.headers, body, self.client_address)
        say = self.server.answer(seen)
        if say.before:
            say.before()
        if say.reset and say.cut is None:
            self._reset()
            return
        if "Date" in say.headers:
            self.send_response_only(say.status)
        else:
            self.send_response(say.status)
        if say.length:
            self.send_header("Content-Length", str(len(say.body)))
        for name, value in say.headers.items():
            self.send_header(name, value)
        self.end_headers()
        half = len(say.body) // 2 if say.midway else 0
        self.wfile.write(say.body[:half])
        if say.midway:
            say.midway()
        self.wfile.write(say.body[half : say.cut])
        if say.cut is not None or not say.length:
            self.wfile.flush()
            self.close_connection = True
            if say.reset:
                self._reset()

    def do_POST(self) -> None:
        self.do_GET()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that runs while the block does, with TLS if it is given a context."""
    server = Server()
    if context:
        server.scheme = "https"
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            server.shutdown()
        thread.join()
        server.server_close()
