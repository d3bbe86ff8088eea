"""A market as the exchange shows it at one moment, and the JSON that tells of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from race_assets_tests.fake_betfair.markets import Life, iso, milliseconds, moment_of


@dataclass
class View:
    """A market at one moment. Ladders are price to size in pounds, by selection and stream key."""

    life: Life
    definition: dict[str, Any]
    ladders: dict[int, dict[str, dict[float, float]]]
    last: dict[int, dict[str, Any]]
    last_match: int | None

    @property
    def status(self) -> str:
        """OPEN, SUSPENDED or CLOSED."""
        return str(self.definition["status"])

    def traded(self, selection_id: int) -> float:
        """Traded on one selection."""
        return round(sum(self.ladders.get(selection_id, {}).get("trd", {}).values()), 2)

    @property
    def total(self) -> float:
        """Traded on all."""
        return round(sum(self.traded(each) for each in self.ladders), 2)


def view(life: Life, now: datetime) -> View | None:
    """The market as its lines up to now have left it; null before it appears."""
    limit = milliseconds(now)
    seen = View(life, {}, {}, {}, None)
    for line in life.lines:
        if line.pt > limit:
            break
        seen.definition = line.definition or seen.definition
        for element in line.told.pro:
            _apply(seen, element, line.pt)
    return seen if seen.definition else None


def _apply(seen: View, element: dict[str, Any], pt: int) -> None:
    ladders = seen.ladders.setdefault(element["id"], {})
    for key in ("trd", "atb", "atl", "spb", "spl"):
        for price, size in element.get(key, ()):
            ladders.setdefault(key, {})[price] = size
            if not size:
                del ladders[key][price]
    known = seen.last.setdefault(element["id"], {})
    known |= {key: element[key] for key in ("ltp", "spn", "spf") if key in element}
    if "trd" in element:
        seen.last_match = pt


def told_event(seen: View) -> dict[str, Any]:
    """An event, by one of its markets."""
    definition = seen.definition
    event = {
        "id": definition["eventId"],
        "name": definition["eventName"],
        "countryCode": definition["countryCode"],
        "timezone": definition["timezone"],
    }
    if "venue" in definition:
        event["venue"] = definition["venue"]
    return event | {"openDate": definition["openDate"]}


def told_catalogue(seen: View, projection: set[str]) -> dict[str, Any]:
    """One entry of listMarketCatalogue."""
    definition = seen.definition
    told: dict[str, Any] = {"marketId": seen.life.market_id, "marketName": definition["name"]}
    if "MARKET_START_TIME" in projection:
        told["marketStartTime"] = definition["marketTime"]
    if "MARKET_DESCRIPTION" in projection:
        told["description"] = _description(definition)
    told["totalMatched"] = seen.total
    if projection & {"RUNNER_DESCRIPTION", "RUNNER_METADATA"}:
        running = [each for each in definition["runners"] if each["status"] == "ACTIVE"]
        told["runners"] = [_catalogue_runner(each, with_metadata="RUNNER_METADATA" in projection) for each in running]
    if "EVENT_TYPE" in projection:
        told["eventType"] = {"id": definition["eventTypeId"], "name": "Greyhound Racing"}
    if "EVENT" in projection:
        told["event"] = told_event(seen)
    return told


def _description(definition: dict[str, Any]) -> dict[str, Any]:
    same = ("persistenceEnabled", "bspMarket", "marketTime", "suspendTime", "bettingType", "turnInPlayEnabled")
    return {key: definition[key] for key in same} | {
        "marketType": definition["marketType"], "regulator": "GIBRALTAR REGULATOR",
        "marketBaseRate": definition["marketBaseRate"], "discountAllowed": True, "wallet": "UK wallet",
        "rules": "<b>Market Information</b> invented", "rulesHasDate": True,
        "priceLadderDescription": {"type": "CLASSIC"},
    }  # fmt: skip


def _catalogue_runner(runner: dict[str, Any], *, with_metadata: bool) -> dict[str, Any]:
    told = {
        "selectionId": runner["id"],
        "runnerName": runner["name"],
        "handicap": 0.0,
        "sortPriority": runner["sortPriority"],
    }
    return told | ({"metadata": {"runnerId": str(runner["id"])}} if with_metadata else {})


def told_book(seen: View, wanted: set[str], depth: int, *, delayed: bool) -> dict[str, Any]:
    """One entry of listMarketBook."""
    definition = seen.definition
    book = {
        "marketId": seen.life.market_id, "isMarketDataDelayed": delayed, "status": seen.status, "betDelay": 0,
        "bspReconciled": definition["bspReconciled"], "complete": True, "inplay": False,
        "numberOfWinners": definition["numberOfWinners"], "numberOfRunners": len(definition["runners"]),
        "numberOfActiveRunners": definition["numberOfActiveRunners"], "totalMatched": seen.total,
        "totalAvailable": 0.0, "crossMatching": definition["crossMatching"], "runnersVoidable": False,
        "version": definition["version"],
    }  # fmt: skip
    if seen.last_match is not None:
        book["lastMatchTime"] = iso(moment_of(seen.last_match))
    return book | {"runners": [_book_runner(seen, each, wanted, depth) for each in definition["runners"]]}


def _book_runner(seen: View, runner: dict[str, Any], wanted: set[str], depth: int) -> dict[str, Any]:
    selection_id, status = runner["id"], runner["status"]
    told: dict[str, Any] = {"selectionId": selection_id, "handicap": 0.0, "status": status, "adjustmentFactor": 0.0}
    if status == "REMOVED":
        return told | {"removalDate": runner["removalDate"], "totalMatched": 0.0, "sp": {"actualSP": "NaN"}}
    last, ladders = seen.last.get(selection_id, {}), seen.ladders.get(selection_id, {})
    side = seen.life.sides[selection_id]
    known = seen.definition["bspReconciled"] and side.bsp is not None
    sp: dict[str, Any] = {"actualSP": float(side.bsp or 0) if known else "NaN"}
    if seen.status == "CLOSED":
        return told | {"totalMatched": seen.traded(selection_id), "sp": sp}
    if "ltp" in last and ladders.get("trd"):
        told["lastPriceTraded"] = last["ltp"]
    told["totalMatched"] = seen.traded(selection_id)
    if wanted & {"SP_AVAILABLE", "SP_TRADED"}:
        near = {"nearPrice": last.get("spn", "NaN"), "farPrice": last.get("spf", "NaN")}
        told["sp"] = near | {
            "backStakeTaken": _offers(ladders.get("spb", {})),
            "layLiabilityTaken": _offers(ladders.get("spl", {})),
        }
        told["sp"] |= sp
    return told | _exchange_prices(ladders, wanted, depth)


def _exchange_prices(ladders: dict[str, dict[float, float]], wanted: set[str], depth: int) -> dict[str, Any]:
    ex: dict[str, Any] = {}
    if wanted & {"EX_BEST_OFFERS", "EX_ALL_OFFERS"}:
        levels = None if "EX_ALL_OFFERS" in wanted else depth
        ex["availableToBack"] = _offers(ladders.get("atb", {}), reverse=True)[:levels]
        ex["availableToLay"] = _offers(ladders.get("atl", {}))[:levels]
    if "EX_TRADED" in wanted:
        ex["tradedVolume"] = _offers(ladders.get("trd", {}))
    return {"ex": ex} if ex else {}


def _offers(ladder: dict[float, float], *, reverse: bool = False) -> list[dict[str, float]]:
    return [{"price": price, "size": ladder[price]} for price in sorted(ladder, reverse=reverse)]
