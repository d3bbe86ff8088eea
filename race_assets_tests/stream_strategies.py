"""Stream files that Betfair could have written, drawn by hypothesis: few runners, few prices, many collisions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

PLANS = ("PRO", "ADVANCED", "recorded", "BASIC")
OFF = datetime(2024, 6, 27, 14, 51, tzinfo=UTC)
PRICES = (1.01, 2, 2.02, 3.05, 4.1, 10.5, 21, 1000)
SIZES = (0, 0, 0.84, 2, 15.09, 120.5, 5000)
NO_NUMBERS = ("NaN", "Infinity")
RUNNERS = (70_000_001, 70_000_002, 70_000_003)
GROUPS = {
    "BASIC": (),
    "ADVANCED": ("batb", "batl"),
    "PRO": ("atb", "atl", "spn", "spb", "spl"),
    "recorded": ("bdatb", "bdatl", "atb", "atl"),
}
NUMBERED = {"batb", "batl", "bdatb", "bdatl"}
# A message comes at once, in the same conflation window, or much later.
PAUSES_MS = (0, 0, 52, 103, 1000, 60_000, 600_000)

levels = st.lists(
    st.tuples(st.sampled_from(PRICES), st.sampled_from(SIZES)), min_size=1, max_size=3, unique_by=lambda level: level[0]
)
numbered_levels = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(PRICES), st.sampled_from(SIZES)),
    min_size=1,
    max_size=3,
    unique_by=lambda level: level[0],
)
projections = st.sampled_from(PRICES) | st.sampled_from(NO_NUMBERS)
sp = st.sampled_from(PRICES) | st.sampled_from(NO_NUMBERS) | st.none()


@st.composite
def stream_files(draw: Draw, plan: str | None = None) -> list[bytes]:
    """The lines of one file: up to three markets, each from its opening up to a settlement that may be missing."""
    plan = plan or draw(st.sampled_from(PLANS))
    queues = [draw(_market(f"1.23000000{number}", plan)) for number in range(draw(st.integers(1, 3)))]
    pt = round(OFF.timestamp() * 1000) - draw(st.integers(0, 4_000_000))
    lines = []
    while queues:
        taken = draw(st.lists(st.sampled_from(queues), min_size=1, unique_by=id))
        pt += draw(st.sampled_from(PAUSES_MS))
        lines.append(_line(pt, [queue.pop(0) for queue in taken]))
        queues = [queue for queue in queues if queue]
        if plan == "recorded" and draw(st.booleans()):
            lines.append(json.dumps({"op": "mcm", "id": 2, "clk": None, "pt": pt, "ct": "HEARTBEAT"}).encode())
    return lines


def _line(pt: int, changes: list[Json]) -> bytes:
    return json.dumps({"op": "mcm", "clk": str(pt), "pt": pt, "mc": changes}, separators=(",", ":")).encode()


@st.composite
def _market(draw: Draw, market_id: str, plan: str) -> list[Json]:
    """Everything one market has to say, in order."""
    runners = [
        {"id": number, "name": f"{trap}. Dog {number}", "sortPriority": trap, "status": "ACTIVE"}
        for trap, number in enumerate(RUNNERS[: draw(st.integers(1, len(RUNNERS)))], start=1)
    ]
    if draw(st.booleans()):
        # The same selection twice, told apart by its handicap alone.
        runners.append({**runners[0], "hc": 1.5})
    definition: Json = {"status": "OPEN", "eventId": "33000001", "version": 1, "marketTime": _iso(), "runners": runners}
    changes = []
    for status in draw(_lives()):
        definition = _next(draw, definition, status)
        changes.append(_defined(draw, market_id, plan, definition))
        if status != "CLOSED":
            changes += [_moved(draw, market_id, plan, definition) for _ in range(draw(st.integers(0, 4)))]
        if status == "SUSPENDED" and plan != "BASIC" and draw(st.booleans()):
            changes.append({"id": market_id, "rc": [wiped(runner) for runner in definition["runners"]], **_flags(plan)})
    return changes


@st.composite
def _lives(draw: Draw) -> list[str]:
    """Statuses in the order of definitions: never open, or open and suspended at will, then perhaps settled (4.7)."""
    played = draw(st.lists(st.sampled_from(("OPEN", "SUSPENDED")), min_size=1, max_size=6))
    return played + ["CLOSED"] * draw(st.integers(0, 2))


def wiped(runner: Json) -> Json:
    """The element that takes all of a runner's trades away (4.5)."""
    zeros = [(price, 0) for price in PRICES]
    return {**_name(runner), "trd": zeros, "ltp": float(PRICES[0]), "tv": 0.0}


def _next(draw: Draw, before: Json, status: str) -> Json:
    """The following definition: a later version, a dog withdrawn, an SP found, or the event re-mapped."""
    runners = [dict(runner) for runner in before["runners"]]
    for runner in runners:
        if status == "SUSPENDED" and runner["status"] == "ACTIVE" and not draw(st.integers(0, 5)):
            runner |= {"status": "REMOVED", "removalDate": _iso()}
        if status == "CLOSED" and runner["status"] != "REMOVED":
            runner["status"] = draw(st.sampled_from(("WINNER", "LOSER")))
        if status != "OPEN" and runner["status"] != "REMOVED" and (price := draw(sp)) is not None:
            runner["bsp"] = price
    event = "33000002" if not draw(st.integers(0, 9)) else before["eventId"]
    version = before["version"] + draw(st.integers(0, 2))
    return {**before, "status": status, "runners": runners, "eventId": event, "version": version}


def _defined(draw: Draw, market_id: str, plan: str, definition: Json) -> Json:
    """A definition's change: alone, or with prices, or an image of the whole book (4.3)."""
    change: Json = {"id": market_id, "marketDefinition": definition}
    if plan == "BASIC":
        return change
    image = draw(st.booleans()) and definition["status"] == "OPEN"
    return {**change, "rc": draw(_elements(plan, definition["runners"], least=0)), **_flags(plan, image=image)}


def _moved(draw: Draw, market_id: str, plan: str, definition: Json) -> Json:
    return {"id": market_id, "rc": draw(_elements(plan, definition["runners"], least=1)), **_flags(plan)}


def _flags(plan: str, *, image: bool = False) -> Json:
    return {} if plan == "BASIC" else {"con": True, "img": image}


@st.composite
def _elements(draw: Draw, plan: str, runners: list[Json], least: int) -> list[Json]:
    """Elements of the plan's groups, a runner as often as it comes."""
    names = draw(st.lists(st.sampled_from([_name(runner) for runner in runners]), min_size=least, max_size=5))
    return [{**draw(_groups(plan)), **name} for name in names]


@st.composite
def _groups(draw: Draw, plan: str) -> Json:
    """One group in PRO (4.3), several at once elsewhere, the last price alone in BASIC (4.4)."""
    if plan == "BASIC":
        return {"ltp": draw(st.sampled_from(PRICES))}
    most = 1 if plan == "PRO" else 3
    chosen = draw(st.lists(st.sampled_from((*GROUPS[plan], "trd", "trd")), min_size=1, max_size=most, unique=True))
    element: Json = {}
    for group in chosen:
        element |= draw(_group(group))
    return element


@st.composite
def _group(draw: Draw, group: str) -> Json:
    if group == "trd":
        return traded(draw(levels))
    if group == "spn":
        return {"spn": draw(projections), "spf": draw(projections)}
    return {group: draw(numbered_levels if group in NUMBERED else levels)}


def traded(pairs: list[tuple[float, float]]) -> Json:
    """As purchased files have it: `ltp` is the first pair's price, `tv` the sum of this element's sizes (4.5, 4.6)."""
    return {"trd": pairs, "ltp": float(pairs[0][0]), "tv": float(sum(size for _, size in pairs))}


def _name(runner: Json) -> Json:
    return {key: runner[key] for key in ("id", "hc") if key in runner}


def _iso() -> str:
    return f"{OFF:%Y-%m-%dT%H:%M:%S}.000Z"
