"""Sockets: reads a request, has it answered, and sends the answer as well or as badly as the faults want."""

import json
import socket
import struct
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from race_assets_tests.fake_betfair import exchange, faults
from race_assets_tests.fake_betfair.faults import Board, Fault
from race_assets_tests.fake_betfair.messages import Answer, Request

MASKED = "***"


class Services(Protocol):
    """What the wire asks of who stands behind it."""

    faults: Board

    def arrive(self, request: Request) -> None:
        """Writes a request down and counts its arrival."""

    def answer(self, request: Request) -> Answer:
        """What is said to it, without any fault."""

    def expire(self, token: str | None) -> None:
        """Ends a session."""

    def has_served(self, request: Request, answer: Answer) -> None:
        """Books an answer that went out whole."""


def _params(query: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Query, form and JSON object together, passwords masked."""
    params: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    if content_type.startswith("application/x-www-form-urlencoded"):
        params |= dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    elif body.lstrip().startswith((b"{", b"[")):
        try:
            given = json.loads(body)
        except ValueError:
            given = None
        params |= given if isinstance(given, dict) else {"batch": given}
    return params | ({"password": MASKED} if "password" in params else {})


class Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping leaves none.

    Attributes:
        watcher: called after each request, answered or not.
    """

    watcher: Callable[[Request], None] | None = None

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], services: Services, route_of: Callable[[str], str]) -> None:
        self.services, self.route_of = services, route_of
        self.stopping = threading.Event()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Known before its thread starts, so that stopping cannot miss it."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._guard:
            self._open[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        # A socket set to linger for no time is reset by closing it; shutting it down first would end it politely.
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _NO_LINGER:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event; anything else is a fault of ours, and shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Ends what is still connected and waits for its threads."""
        with self._guard:
            waiting = dict(self._open)
        for connection in waiting:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in waiting.values():
            thread.join()


_NO_LINGER = struct.pack("ii", 1, 0)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, has it answered, and sends the answer as well or as badly as the faults want."""

    protocol_version = "HTTP/1.1"
    server_version = "FakeBetfair"
    disable_nagle_algorithm = True
    server: Server
    _headers_buffer: list[bytes]
    _told_of: Request | None = None

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def handle_expect_100(self) -> bool:
        """Betfair refuses `Expect: 100-continue`."""
        self.close_connection = True
        request = self._request(b"")
        request.status = 417
        self.server.services.arrive(request)
        self.send_error(417)
        return False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """The log is `FakeBetfair.requests`."""

    def _serve(self) -> None:
        services = self.server.services
        request = self._request(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        services.arrive(request)
        fired = services.faults.before(request)
        for fault in fired:
            if fault.kind == "latency":
                self.server.stopping.wait(fault.seconds)
            elif fault.kind == "expire":
                services.expire(request.token)
        replacing = next((fault for fault in fired if fault.kind in faults.REPLACING), None)
        if replacing is not None and replacing.kind == "reset":
            request.faults = tuple(fault.kind for fault in fired)
            self._reset()
            self._tell(request)
            return
        if replacing is not None:
            # The service is not asked: a login that was answered with 503 was no login.
            answer = faults.replacement(replacing)
        else:
            answer = services.answer(request)
            request.answer = answer
            fired += services.faults.after(request) if answer.status < 300 else []
        request.faults = tuple(fault.kind for fault in fired)
        self._send(request, answer, fired)

    def _tell(self, request: Request) -> None:
        if self.server.watcher is not None and self._told_of is not request:
            self._told_of = request
            self.server.watcher(request)

    def _request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(
            at=0.0,
            method=self.command,
            path=parts.path,
            route=self.server.route_of(parts.path),
            headers=headers,
            params=_params(parts.query, headers.get("content-type", ""), body),
            body=body,
            token=headers.get("ssoid") or headers.get("x-authentication"),
            operations=exchange.operations_in(parts.path, body),
        )

    def _send(self, request: Request, answer: Answer, fired: list[Fault]) -> None:
        spoiled = answer
        for fault in fired:
            spoiled = faults.spoil(fault, spoiled)
        kinds = {fault.kind: fault for fault in fired}
        short = faults.at_byte(kinds["truncate"], spoiled) if "truncate" in kinds else None
        body = spoiled.body[:short]
        request.status, request.size = spoiled.status, len(body)
        self.close_connection |= short is not None
        *most, last = self._pieces(spoiled, body, kinds.get("drip"))
        try:
            for piece in most:
                self.wfile.write(piece)
                if self.server.stopping.wait(kinds["drip"].seconds):
                    raise ConnectionAbortedError
            # Booked before the last byte goes out: who has the whole answer must find it booked.
            self._book(request, answer, is_whole="cut" not in kinds and short is None, is_complete=short is None)
            self.wfile.write(last)
        except OSError:
            self._book(request, answer, is_whole=False, is_complete=False)
            self.close_connection = True

    def _book(self, request: Request, answer: Answer, *, is_whole: bool, is_complete: bool) -> None:
        request.complete = is_complete
        if is_whole:
            self.server.services.has_served(request, answer)
        self._tell(request)

    def _pieces(self, answer: Answer, body: bytes, drip: Fault | None) -> list[bytes]:
        """The bytes to send: at once, or the head and then the body bit by bit."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        head = b"".join([*self._headers_buffer, b"\r\n"])
        self._headers_buffer.clear()
        if drip is None or not body:
            return [head + body]
        return [head, *(body[at : at + drip.chunk] for at in range(0, len(body), drip.chunk))]

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
