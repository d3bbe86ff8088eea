"""The fake feed as tests hold it: its world, its account, its log and its switches.

    with FakeRacingPost() as feed:
        feed.fault("GetRaceInfo", faults.status(503, times=2))
        requests.get(f"{feed.url}/GetRaceInfo", params={"date": "2024-06-26"}, headers={"X-Api-Key": feed.key})

The contract is that of API_CONTRACTS 6.4. How answers are sent, and the faults, are those of the fake Betfair.
"""

import base64
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

from race_assets_tests.fake_betfair import faults
from race_assets_tests.fake_betfair.faults import Board, Fault
from race_assets_tests.fake_betfair.messages import Answer, Request, html, json_answer
from race_assets_tests.fake_betfair.wire import Server
from race_assets_tests.fake_racing_post import payloads
from race_assets_tests.fake_racing_post.world import Race, world

HOST = "127.0.0.1"
PREFIX = "/rp"
ROUTES = ("GetRaceInfo", "GetHorseForm", "GetExpertAnalysis")
KEY = "a-key-of-the-fake"
USERNAME, PASSWORD = "licensee", "of the fake"


class FakeRacingPost:
    """A fake feed on loopback, serving from construction to `stop()` or the end of a `with`.

    Attributes:
        races: what there is; a test may replace it.
        entitled: the operations that the licence holds.
        is_bare: answers are arrays without an envelope.
        silent: races that have neither form nor analysis.
        absent: numbers of pages that are not found.
        repeats: how many more pages beyond a first come as a copy of the first.
        page_size: the most items of a page, whatever is asked for.
        counting: numbers of the pages that say how many there are; none means all.
        overlap: races that a page tells again of the one before it.
    """

    def __init__(self, races: Sequence[Race] | None = None, *, port: int = 0, page_size: int = 5) -> None:
        self.races = list(world() if races is None else races)
        self.key = KEY
        self.entitled = set(ROUTES)
        self.is_bare = False
        self.silent: set[str] = set()
        self.absent: set[int] = set()
        self.repeats = 0
        self.counting: set[int] | None = None
        self.overlap = 0
        self.page_size = page_size
        self.faults = Board()
        self.clock: Callable[[], float] = time.monotonic
        self._log: list[Request] = []
        self._lock = threading.Lock()
        self._server = Server((HOST, port), self, route_of)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fake-racing-post")
        self._thread.start()

    # --- for tests

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base of its operations."""
        return f"http://{HOST}:{self.port}{PREFIX}"

    def environment(self) -> dict[str, str]:
        """The settings with which race_assets talks to this fake."""
        return {
            "RACE_ASSETS_RACING_POST__BASE_URL": self.url,
            "RACE_ASSETS_RACING_POST__API_KEY": self.key,
            "RACE_ASSETS_RACING_POST__RATE_LIMIT__REQUESTS_PER_SECOND": "20",
        }

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._log)

    def fault(self, route: str, fault: Fault) -> Fault:
        """Turns a fault on for a route (see `ROUTES`; `*` is all) and returns it, for its count."""
        if route not in (*ROUTES, faults.ANY):
            raise ValueError(f"no route {route}; there are {', '.join(ROUTES)} and {faults.ANY}")
        return self.faults.add(route, fault)

    def races_of(self, day: date) -> list[Race]:
        """The races of a day."""
        return [each for each in self.races if each.day == day]

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
        """Writes a request down."""
        with self._lock:
            request.at = self.clock()
            self._log.append(request)

    def expire(self, token: str | None) -> None:
        """Keys do not expire."""

    def has_served(self, request: Request, answer: Answer) -> None:
        """Nothing is booked."""

    def answer(self, request: Request) -> Answer:
        """What the feed says, without any fault."""
        if request.method != "GET" or request.route not in ROUTES:
            return html("Not found", 404, title="404")
        if not self._is_known(request.headers):
            return refusal(401, "INVALID_API_KEY")
        if request.route not in self.entitled:
            return refusal(403, "NOT_ENTITLED")
        return self._asked(request)

    def _is_known(self, headers: dict[str, str]) -> bool:
        pair = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        return headers.get("x-api-key") == self.key or headers.get("authorization") == f"Basic {pair}"

    def _asked(self, request: Request) -> Answer:
        asked = request.params
        if request.route == "GetRaceInfo" and "date" in asked:
            items = [payloads.race(each) for each in self.races if each.day.isoformat() == asked["date"]]
            return self._paged(items, asked)
        if "raceId" not in asked:
            return refusal(400, "BAD_REQUEST")
        race = next((each for each in self.races if each.race_id == asked["raceId"]), None)
        if race is None or (request.route != "GetRaceInfo" and race.race_id in self.silent):
            return refusal(404, "NOT_FOUND")
        made = {"GetRaceInfo": lambda told: [payloads.race(told)], "GetHorseForm": payloads.form}
        return self._paged(made.get(request.route, payloads.analysis)(race), asked)

    def _paged(self, items: list[Any], asked: dict[str, Any]) -> Answer:
        if self.is_bare:
            return json_answer(items)
        size = min(int(asked.get("pageSize", self.page_size)), self.page_size)
        number, count = int(asked.get("page", "1")), max(1, -(-len(items) // size))
        if number in self.absent:
            return refusal(404, "NOT_FOUND")
        with self._lock:
            is_repeated = number > 1 and self.repeats > 0
            self.repeats -= is_repeated
        begin = 0 if is_repeated else (number - 1) * size
        meta: dict[str, Any] = {"page": number, "count": len(items), "generatedAt": f"{time.time_ns()}"}
        if self.counting is None or number in self.counting:
            meta["pageCount"] = count
        first = max(0, begin - self.overlap) if number > 1 else begin
        return json_answer({"data": items[first : begin + size], "meta": meta})


def refusal(status: int, code: str) -> Answer:
    """An error in the feed's words."""
    return json_answer({"error": {"code": code, "message": "refused by the fake"}}, status)


def route_of(path: str) -> str:
    """The name of the operation a path leads to; the path itself where it leads nowhere."""
    prefix, _, name = path.rpartition("/")
    return name if prefix == PREFIX and name in ROUTES else path
