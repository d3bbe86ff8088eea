"""The server itself: sockets, routes, the log, and faults applied on the way out; what is said is the services' matter.

with FakeBetfair() as betfair:
betfair.fault("DownloadFile", faults.status(503, times=2))
requests.get(f"{betfair.url}/historic/api/GetMyData", headers={"ssoid": token})
assert [each.route for each in betfair.requests] == ["GetMyData"]
"""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from race_assets_tests.fake_betfair import bsp, exchange, faults, fixtures
from race_assets_tests.fake_betfair.clock import Clock
from race_assets_tests.fake_betfair.exchange import Exchange
from race_assets_tests.fake_betfair.faults import Board, Fault
from race_assets_tests.fake_betfair.fixtures import Shelf
from race_assets_tests.fake_betfair.historic import Historic, Month, by_path
from race_assets_tests.fake_betfair.identity import Identity
from race_assets_tests.fake_betfair.markets import Life
from race_assets_tests.fake_betfair.messages import Answer, Request, html
from race_assets_tests.fake_betfair.oracle import Expected
from race_assets_tests.fake_betfair.streams import MarketFile

HOST = "127.0.0.1"
NOON = datetime(2024, 6, 27, 12, tzinfo=UTC)
LOOKS = {fixtures.WINTER: bsp.UPPER, fixtures.SUMMER: bsp.BOM_CRLF, fixtures.NIGHT + timedelta(days=1): bsp.BAD_ROW}
PREFIXES = {
    "identity": "/identity/api",
    "identity_cert": "/identity-cert/api",
    "historic": "/historic/api",
    "exchange_rest": "/exchange/betting/rest/v1.0",
    "exchange_json_rpc": "/exchange/betting/json-rpc/v1",
    "bsp": bsp.PATH,
}
ROUTES = (
    "login", "certlogin", "keepAlive", "logout", "GetMyData", "GetCollectionOptions", "GetAdvBasketDataSize",
    "DownloadListOfFiles", "DownloadFile", "listEvents", "listMarketCatalogue", "listMarketBook", "rest", "json-rpc",
    "bsp-index", "bsp-file",
)  # fmt: skip
MASKED = "***"
Service = Callable[[Request], Answer]


class FakeBetfair:
    """A fake Betfair on loopback, serving from construction to `stop()` or the end of a `with`.

    `shelf` are the markets and files there are (default: every oddity), `owned` the months bought as (plan, year,
    month) (default: all that have files), `live` other markets for the exchange (default: the shelf's), `looks` the
    era of BSP files by day of racing. The clock stands at `now` until a test moves it, unless `running`.
    """

    def __init__(
        self,
        shelf: Shelf | None = None,
        *,
        port: int = 0,
        now: datetime = NOON,
        running: bool = False,
        owned: Iterable[Month] | None = None,
        live: list[Life] | None = None,
        looks: Mapping[date, str] | None = None,
    ) -> None:
        self.shelf = fixtures.oddities() if shelf is None else shelf
        self.clock = Clock(now, running=running)
        self.identity = Identity(self.clock)
        self.historic = Historic(self.identity, by_path(self.shelf.files), None if owned is None else set(owned))
        self.exchange = Exchange(self.identity, self.clock, self.shelf.lives if live is None else live)
        self.bsp_files = bsp.files(self.shelf.lives, LOOKS if looks is None else looks)
        self.faults = Board()
        self._log: list[Request] = []
        self._lock = threading.Lock()
        self._services = self._routes()
        self._server = _Server((HOST, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fake-betfair")
        self._thread.start()

    # --- for tests

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its root; what stands behind it is in `PREFIXES`."""
        return f"http://{HOST}:{self.port}"

    def urls(self) -> dict[str, str]:
        """The root of each service."""
        return {name: self.url + prefix for name, prefix in PREFIXES.items()}

    def environment(self) -> dict[str, str]:
        """The settings with which race_assets talks to this fake; their names stand here alone."""
        urls = self.urls()
        settings = {
            "USERNAME": self.identity.username,
            "PASSWORD": self.identity.password,
            "APP_KEY": self.identity.app_key,
            "IDENTITY_URL": urls["identity"],
            "IDENTITY_CERT_URL": urls["identity_cert"],
            "HISTORIC_URL": urls["historic"],
            "EXCHANGE_URL": urls["exchange_rest"],
            "BSP_URL": urls["bsp"],
        }
        return {f"RACE_ASSETS_BETFAIR__{name}": value for name, value in settings.items()}

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._log)

    def requests_to(self, route: str) -> list[Request]:
        """Those to one route, or about one exchange operation."""
        return [each for each in self.requests if route in (each.route, *each.operations)]

    @property
    def downloads(self) -> Counter[str]:
        """By path, how often a file was served whole."""
        return self.historic.downloads

    @property
    def files(self) -> dict[str, MarketFile]:
        """The historic files by path."""
        return self.historic.files

    def expected(self, path: str) -> tuple[Expected, ...]:
        """What reading that file must come to: one record a market."""
        return self.historic.files[path].expected

    def fault(self, route: str, fault: Fault) -> Fault:
        """Turns a fault on for a route (see `ROUTES`; `*` is all) and returns it, for its count."""
        if route not in (*ROUTES, faults.ANY):
            raise ValueError(f"no route {route}; there are {', '.join(ROUTES)} and {faults.ANY}")
        return self.faults.add(route, fault)

    def token(self) -> str:
        """A session without a login."""
        return self.identity.new_token()

    def stop(self) -> None:
        """Closes every connection and ends every thread; may be called twice."""
        self._server.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- for the handler

    def arrive(self, request: Request) -> None:
        """Writes a request down."""
        with self._lock:
            request.at = time.monotonic()
            self._log.append(request)

    def answer(self, request: Request) -> Answer:
        """What the service says, without any fault."""
        if request.path.startswith(PREFIXES["historic"]) and request.answer is not None:
            return request.answer
        service = self._services.get((request.method, request.route))
        return html("Not found", 404, title="404") if service is None else service(request)

    def limit(self, request: Request) -> None:
        """Counts an arrival at the historic service, and refuses it where there were too many."""
        if request.path.startswith(PREFIXES["historic"]) and self.historic.arrivals.is_too_many():
            request.answer = html("Too many requests", 429, title="429")

    def _routes(self) -> dict[tuple[str, str], Service]:
        identity, historic = self.identity, self.historic
        posts: dict[str, Service] = {
            "login": identity.login,
            "certlogin": identity.certlogin,
            "keepAlive": identity.keep_alive,
            "logout": identity.logout,
            "GetMyData": self._owner(historic.get_my_data),
            "GetCollectionOptions": self._owner(historic.get_collection_options),
            "GetAdvBasketDataSize": self._owner(historic.get_adv_basket_data_size),
            "DownloadListOfFiles": self._owner(historic.download_list_of_files),
            "rest": lambda request: self.exchange.rest(request, request.operations[0]),
            "json-rpc": self.exchange.json_rpc,
        }
        gets: dict[str, Service] = {
            "keepAlive": identity.keep_alive,
            "logout": identity.logout,
            "GetMyData": self._owner(historic.get_my_data),
            "DownloadFile": self._owner(historic.download_file),
            "bsp-index": self._bsp_index,
            "bsp-file": self._bsp_file,
        }
        return {("POST", name): run for name, run in posts.items()} | {("GET", name): run for name, run in gets.items()}

    def _owner(self, service: Service) -> Service:
        """The service behind a session: without one it shows a page, with status 200."""
        return lambda request: service(request) if self.identity.is_valid(request.token) else html()

    def _bsp_index(self, _request: Request) -> Answer:
        return Answer(200, bsp.index(self.bsp_files).encode(), "text/html;charset=UTF-8")

    def _bsp_file(self, request: Request) -> Answer:
        file = self.bsp_files.get(request.path.rpartition("/")[2])
        return html("Not found", 404, title="404") if file is None else Answer(200, file.body, "text/csv")


def route_of(path: str) -> str:
    """The name of what a path leads to; the path itself where it leads nowhere."""
    if path.startswith(exchange.REST):
        return "rest"
    if path.rstrip("/") == exchange.RPC:
        return "json-rpc"
    if path.rstrip("/") == bsp.PATH:
        return "bsp-index"
    if path.startswith(bsp.PATH):
        return "bsp-file"
    service, _, name = path.rpartition("/")
    homes = {"certlogin": "identity_cert", "login": "identity", "keepAlive": "identity", "logout": "identity"}
    home = homes.get(name, "historic")
    return name if name in ROUTES and service == PREFIXES[home] else path


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


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping leaves none."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], fake: FakeBetfair) -> None:
        self.fake = fake
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
        import sys

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
    server: _Server
    _headers_buffer: list[bytes]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def handle_expect_100(self) -> bool:
        """Betfair refuses `Expect: 100-continue`."""
        self.close_connection = True
        request = self._request(b"")
        request.status = 417
        self.server.fake.arrive(request)
        self.send_error(417)
        return False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """The log is `FakeBetfair.requests`."""

    def _serve(self) -> None:
        fake = self.server.fake
        request = self._request(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        fake.arrive(request)
        fake.limit(request)
        fired = fake.faults.before(request)
        for fault in fired:
            if fault.kind == "latency":
                self.server.stopping.wait(fault.seconds)
            elif fault.kind == "expire":
                fake.identity.expire(request.token)
        replacing = next((fault for fault in fired if fault.kind in faults.REPLACING), None)
        if replacing is not None and replacing.kind == "reset":
            request.faults = tuple(fault.kind for fault in fired)
            self._reset()
            return
        if replacing is not None:
            # The service is not asked: a login that was answered with 503 was no login.
            answer = faults.replacement(replacing)
        else:
            answer = request.answer = fake.answer(request)
            fired += fake.faults.after(request) if answer.status < 300 else []
        request.faults = tuple(fault.kind for fault in fired)
        self._send(request, answer, fired)

    def _request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(
            at=0.0,
            method=self.command,
            path=parts.path,
            route=route_of(parts.path),
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
        if request.route == "DownloadFile" and is_whole:
            self.server.fake.historic.has_served(request, answer)

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
