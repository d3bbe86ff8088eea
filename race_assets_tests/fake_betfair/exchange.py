"""The exchange's betting API over the same markets: what is on offer at the moment, with its limits and errors."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from race_assets_tests.fake_betfair.clock import Clock
from race_assets_tests.fake_betfair.identity import Identity
from race_assets_tests.fake_betfair.markets import Life
from race_assets_tests.fake_betfair.messages import Answer, Request, json_answer
from race_assets_tests.fake_betfair.views import View, told_book, told_catalogue, told_event, view

REST = "/exchange/betting/rest/v1.0/"
RPC = "/exchange/betting/json-rpc/v1"
MOST_POINTS, MOST_RESULTS, MOST_IDS = 200, 1000, 250

NUMBERS = {
    "TOO_MUCH_DATA": 1, "INVALID_INPUT_DATA": 2, "INVALID_SESSION_INFORMATION": 3, "NO_APP_KEY": 4, "NO_SESSION": 5,
    "UNEXPECTED_ERROR": 6, "INVALID_APP_KEY": 7, "TOO_MANY_REQUESTS": 8, "SERVICE_BUSY": 9, "TIMEOUT_ERROR": 10,
    "REQUEST_SIZE_EXCEEDS_LIMIT": 11, "ACCESS_DENIED": 12,
}  # fmt: skip
CATALOGUE_WEIGHTS = {
    "COMPETITION": 0, "EVENT": 0, "EVENT_TYPE": 0, "MARKET_START_TIME": 0, "MARKET_DESCRIPTION": 1,
    "RUNNER_DESCRIPTION": 0, "RUNNER_METADATA": 1,
}  # fmt: skip
BOOK_WEIGHTS = {"SP_AVAILABLE": 3, "SP_TRADED": 7, "EX_BEST_OFFERS": 5, "EX_ALL_OFFERS": 17, "EX_TRADED": 17}
BETTER_TOGETHER = 2  # points less where offers and EX_TRADED are asked for at once
SORTS = {
    "MINIMUM_TRADED", "MAXIMUM_TRADED", "MINIMUM_AVAILABLE", "MAXIMUM_AVAILABLE", "FIRST_TO_START", "LAST_TO_START",
}  # fmt: skip


class ApiError(Exception):
    """An APINGException."""

    def __init__(self, code: str, details: str = "") -> None:
        super().__init__(code)
        self.code, self.details = code, details


class GatewayError(Exception):
    """A fault of the gateway before the API: `DSC-0018` and the like, with the codes of both protocols."""

    def __init__(self, fault: str, status: int, rpc: int) -> None:
        super().__init__(fault)
        self.fault, self.status, self.rpc = fault, status, rpc


MISSING = ("DSC-0018", 400, -32602)
UNKNOWN_OPERATION = ("DSC-0021", 404, -32601)
UNREADABLE = ("DSC-0008", 400, -32700)


@dataclass
class Exchange:
    """listEvents, listMarketCatalogue and listMarketBook, by REST and JSON-RPC.

    `delayed` answers as a delayed application key: flagged so, and without EX_TRADED.
    """

    identity: Identity
    clock: Clock
    lives: list[Life]
    delayed: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    # --- protocols

    def rest(self, request: Request, operation: str) -> Answer:
        """One operation; errors are HTTP 400."""
        try:
            self._admit(request)
            return json_answer(self._run(operation, _read(request.body)))
        except ApiError as error:
            name = f"ANGX-{NUMBERS[error.code]:04}"
            return json_answer({"faultcode": "Client", "faultstring": name, "detail": self._detail(error)}, 400)
        except GatewayError as error:
            return json_answer({"faultcode": "Client", "faultstring": error.fault, "detail": {}}, error.status)

    def json_rpc(self, request: Request) -> Answer:
        """One call or a batch; errors are in the body, HTTP is 200."""
        try:
            calls = _read(request.body)
        except GatewayError:
            return json_answer(_rpc_error(-32700, "DSC-0008", None))
        if isinstance(calls, list):
            return json_answer([self._call(request, each) for each in calls])
        return json_answer(self._call(request, calls))

    def _call(self, request: Request, call: Any) -> dict[str, Any]:
        number = call.get("id") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            return _rpc_error(-32600, "DSC-0008", number)
        try:
            self._admit(request)
            result = self._run(call["method"].removeprefix("SportsAPING/v1.0/"), call.get("params"))
        except ApiError as error:
            name = f"ANGX-{NUMBERS[error.code]:04}"
            return _rpc_error(-32099, name, number, self._detail(error))
        except GatewayError as error:
            return _rpc_error(error.rpc, error.fault, number)
        return {"jsonrpc": "2.0", "result": result, "id": number}

    def _detail(self, error: ApiError) -> dict[str, Any]:
        told = {
            "requestUUID": f"fake001-01010101-{next(self._numbers):010x}",
            "errorCode": error.code,
            "errorDetails": error.details,
        }
        return {"APINGException": told, "exceptionname": "APINGException"}

    def _admit(self, request: Request) -> None:
        """Raises what a request without key, session or JSON is answered."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise GatewayError("DSC-0008", 415, -32700)
        key = request.headers.get("x-application")
        if not key:
            raise ApiError("NO_APP_KEY")
        if key != self.identity.app_key:
            raise ApiError("INVALID_APP_KEY")
        if not request.token:
            raise ApiError("NO_SESSION")
        if not self.identity.is_valid(request.token):
            raise ApiError("INVALID_SESSION_INFORMATION")

    def _run(self, operation: str, params: Any) -> Any:
        operations: dict[str, Callable[[dict[str, Any]], Any]] = {
            "listEvents": self.list_events,
            "listMarketCatalogue": self.list_market_catalogue,
            "listMarketBook": self.list_market_book,
        }
        if operation not in operations:
            raise GatewayError(*UNKNOWN_OPERATION)
        if not isinstance(params, dict):
            raise GatewayError(*MISSING)
        return operations[operation](params)

    # --- operations

    def list_events(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Events with a market that is not closed, and how many of those match."""
        found: dict[str, list[View]] = {}
        for each in self._matching(params):
            found.setdefault(each.life.meeting.event_id, []).append(each)
        return [{"event": told_event(views[0]), "marketCount": len(views)} for views in found.values()]

    def list_market_catalogue(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Markets that are not closed, with what was asked for of each."""
        most, projection = params.get("maxResults"), params.get("marketProjection") or []
        if most is None:
            raise GatewayError(*MISSING)
        found = self._matching(params)
        if not isinstance(most, int) or not 1 <= most <= MOST_RESULTS:
            raise ApiError("INVALID_INPUT_DATA", "maxResults")
        if set(projection) - set(CATALOGUE_WEIGHTS):
            raise ApiError("INVALID_INPUT_DATA", "marketProjection")
        if sum(CATALOGUE_WEIGHTS[each] for each in set(projection)) * most > MOST_POINTS:
            raise ApiError("TOO_MUCH_DATA")
        return [told_catalogue(each, set(projection)) for each in _sorted(found, params.get("sort"))[:most]]

    def list_market_book(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Books of these markets; a call that mixes open and closed ones gets the open ones only."""
        ids = params.get("marketIds")
        if not ids:
            raise GatewayError(*MISSING)
        if len(ids) > MOST_IDS:
            raise ApiError("REQUEST_SIZE_EXCEEDS_LIMIT")
        projection = params.get("priceProjection") or {}
        wanted = set(projection.get("priceData") or ())
        if wanted - set(BOOK_WEIGHTS):
            raise ApiError("INVALID_INPUT_DATA", "priceData")
        depth = (projection.get("exBestOffersOverrides") or {}).get("bestPricesDepth", 3)
        if book_weight(wanted, depth) * len(ids) > MOST_POINTS:
            raise ApiError("TOO_MUCH_DATA")
        views = self._views(set(ids))
        live = [each for each in views if each.status != "CLOSED"]
        if self.delayed:
            wanted -= {"EX_TRADED"}
        return [told_book(each, wanted, depth, delayed=self.delayed) for each in live or views]

    # --- how

    def _views(self, ids: set[str] | None = None) -> list[View]:
        """The markets that are there by now, of these if told."""
        now = self.clock.now()
        asked = [life for life in self.lives if ids is None or life.market_id in ids]
        return [seen for life in asked if (seen := view(life, now)) is not None]

    def _matching(self, params: dict[str, Any]) -> list[View]:
        wanted = params.get("filter")
        if not isinstance(wanted, dict):
            raise GatewayError(*MISSING)
        if len(wanted.get("marketIds") or ()) > MOST_IDS:
            raise ApiError("REQUEST_SIZE_EXCEEDS_LIMIT")
        return [each for each in self._views() if each.status != "CLOSED" and _takes(wanted, each)]


def book_weight(wanted: set[str], depth: int = 3) -> float:
    """Points of one market."""
    if not wanted:
        return 2
    weights = {each: float(BOOK_WEIGHTS[each]) for each in wanted}
    if "EX_BEST_OFFERS" in weights:
        weights["EX_BEST_OFFERS"] *= depth / 3
    offers = wanted & {"EX_BEST_OFFERS", "EX_ALL_OFFERS"}
    together = BETTER_TOGETHER if offers and "EX_TRADED" in wanted else 0
    return sum(weights.values()) - together


def operations_in(path: str, body: bytes) -> tuple[str, ...]:
    """The operations a request is about, so that faults can be set on them whatever the protocol."""
    if path.startswith(REST):
        return (path.removeprefix(REST).strip("/"),)
    found = re.findall(rb'"SportsAPING/v1\.0/(\w+)"', body)
    return tuple(dict.fromkeys(name.decode() for name in found))


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise GatewayError(*UNREADABLE) from None


def _rpc_error(code: int, message: str, number: Any, data: dict[str, Any] | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "error": error, "id": number}


def _takes(wanted: dict[str, Any], seen: View) -> bool:
    definition = seen.definition
    sets = {
        "eventTypeIds": definition["eventTypeId"],
        "eventIds": definition["eventId"],
        "marketIds": seen.life.market_id,
        "venues": definition.get("venue"),
        "marketBettingTypes": definition["bettingType"],
        "marketCountries": definition["countryCode"],
        "marketTypeCodes": definition["marketType"],
    }
    if any(wanted.get(key) and value not in wanted[key] for key, value in sets.items()):
        return False
    flags = {"bspOnly": "bspMarket", "turnInPlayEnabled": "turnInPlayEnabled", "inPlayOnly": "inPlay"}
    if any(wanted.get(key) is not None and wanted[key] != definition[name] for key, name in flags.items()):
        return False
    text = wanted.get("textQuery")
    if text and text.lower() not in f"{definition['eventName']} {definition['name']}".lower():
        return False
    return _is_within(wanted.get("marketStartTime") or {}, definition["marketTime"])


def _is_within(limits: dict[str, str], start: str) -> bool:
    moment = datetime.fromisoformat(start)
    try:
        first, last = (datetime.fromisoformat(limits[edge]) if limits.get(edge) else moment for edge in ("from", "to"))
    except (ValueError, TypeError):
        raise ApiError("INVALID_INPUT_DATA", "marketStartTime") from None
    return first <= moment <= last


def _sorted(found: list[View], sort: str | None) -> list[View]:
    if sort is not None and sort not in SORTS:
        raise ApiError("INVALID_INPUT_DATA", "sort")
    if sort in ("FIRST_TO_START", "LAST_TO_START"):
        return sorted(found, key=lambda each: each.definition["marketTime"], reverse=sort == "LAST_TO_START")
    return sorted(found, key=lambda each: each.total, reverse=sort != "MINIMUM_TRADED")
