"""The fake as tests hold it: its services, its routes, its log and its switches.

    with FakeBetfair() as betfair:
        betfair.fault("GetMyData", faults.status(503, times=2))
        requests.get(f"{betfair.url}/historic/api/GetMyData", headers={"ssoid": betfair.token()})
        assert [(each.route, each.status) for each in betfair.requests] == [("GetMyData", 503)]

What is said is the services' matter, how it is sent that of `wire`.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Self

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
from race_assets_tests.fake_betfair.wire import Server

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
        self._server = Server((HOST, port), self, route_of)
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
        account = {
            "USERNAME": self.identity.username,
            "PASSWORD": self.identity.password,
            "APP_KEY": self.identity.app_key,
            "IDENTITY_URL": urls["identity"].removesuffix("/api"),
            "IDENTITY_CERT_URL": urls["identity_cert"].removesuffix("/api"),
        }
        fetched = {"BETFAIR_HISTORIC": urls["historic"], "BETFAIR_BSP": urls["bsp"]}
        exchange_url = urls["exchange_rest"].rstrip("/")
        return {
            **{f"RACE_ASSETS_BETFAIR__{name}": value for name, value in account.items()},
            **{f"RACE_ASSETS_SOURCES__{source}__FETCH__URL": url for source, url in fetched.items()},
            "RACE_ASSETS_SOURCES__BETFAIR_EXCHANGE__URL": exchange_url,
            "RACE_ASSETS_SOURCES__BETFAIR_BSP__RATE_LIMIT__REQUESTS_PER_SECOND": "20",
        }

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

    def watch(self, watcher: Callable[[Request], None]) -> None:
        """From now on has it called after each request, by the threads that answer."""
        self._server.watcher = watcher

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

    # --- for the wire

    def arrive(self, request: Request) -> None:
        """Writes a request down; at the historic service, decides whether it is one too many."""
        with self._lock:
            request.at = time.monotonic()
            self._log.append(request)
        if request.path.startswith(PREFIXES["historic"]) and self.historic.arrivals.is_too_many():
            request.answer = html("Too many requests", 429, title="429")

    def answer(self, request: Request) -> Answer:
        """What the service says, without any fault."""
        if request.answer is not None:
            return request.answer
        service = self._services.get((request.method, request.route))
        return html("Not found", 404, title="404") if service is None else service(request)

    def expire(self, token: str | None) -> None:
        """Ends a session, if the request had one."""
        if token is not None:
            self.identity.expire(token)

    def has_served(self, request: Request, answer: Answer) -> None:
        """Books a file that went out whole."""
        if request.route == "DownloadFile":
            self.historic.has_served(request, answer)

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
