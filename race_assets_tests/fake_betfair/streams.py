"""Stream files: a market's life in the words of each plan, put into bz2 and under Betfair's path."""

import bz2
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date

from race_assets_tests.fake_betfair.markets import Life, Line
from race_assets_tests.fake_betfair.oracle import Expected
from race_assets_tests.fake_betfair.prices import Element

ROOT = "/xds_nfs/edp_processed"
BASIC, ADVANCED, PRO = "BASIC", "ADVANCED", "PRO"
PLANS = (BASIC, ADVANCED, PRO)


@dataclass(frozen=True)
class MarketFile:
    """A file as the historic service has it, and what it must come to.

    `kind` is M (one market) or E (all markets of an event). `intact` is false for a file that ends in the middle of a
    line; its expectation is what the whole lines before that tell.
    """

    path: str
    plan: str
    kind: str
    day: date
    event_id: str
    event_name: str
    country: str
    market_types: tuple[str, ...]
    body: bytes
    expected: tuple[Expected, ...]
    case: str = ""
    intact: bool = True

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return bz2.decompress(self.body).decode().splitlines()


def told(life: Life, plan: str) -> list[tuple[int, str]]:
    """Publish time and text of every line that plan has of the market."""
    clk = int(life.market_id.removeprefix("1.")) * 100
    worded = []
    for at, line in enumerate(life.lines):
        text = _text(life, line, plan, str(clk + at))
        if text is not None:
            worded.append((line.pt, text))
    return worded


def market_file(life: Life, plan: str, case: str = "") -> MarketFile:
    """The file of one market."""
    text = "".join(line + "\n" for _, line in told(life, plan))
    return _file(life, plan, "M", life.market_id, text, (life.expected(plan),), (life.market_type,), case)


def event_file(lives: Sequence[Life], plan: str, case: str = "") -> MarketFile:
    """The file of one event: the lines of all its markets in order of publishing."""
    lines = sorted((line for life in lives for line in told(life, plan)), key=lambda line: line[0])
    text = "".join(line + "\n" for _, line in lines)
    expected = tuple(life.expected(plan) for life in lives)
    types = tuple(dict.fromkeys(life.market_type for life in lives))
    return _file(lives[0], plan, "E", lives[0].meeting.event_id, text, expected, types, case)


def cut_file(life: Life, plan: str, case: str = "") -> MarketFile:
    """The file of a market, sound as bz2, that ends in the middle of the line after the SP."""
    lines = told(life, plan)
    last = next(at for at, (_, line) in enumerate(lines) if '"CLOSED"' in line) - (plan != BASIC)
    text = "".join(line + "\n" for _, line in lines[:last]) + lines[last][1][: len(lines[last][1]) // 2]
    expected = (life.expected(plan, settled=False),)
    return _file(life, plan, "M", life.market_id, text, expected, (life.market_type,), case, intact=False)


def _file(
    life: Life,
    plan: str,
    kind: str,
    name: str,
    text: str,
    expected: tuple[Expected, ...],
    types: tuple[str, ...],
    case: str,
    *,
    intact: bool = True,
) -> MarketFile:
    day = life.start.astimezone(UTC).date()
    meeting = life.meeting
    path = f"{ROOT}/{plan}/{day:%Y}/{day:%b}/{day.day}/{meeting.event_id}/{name}.bz2"
    return MarketFile(
        path=path,
        plan=plan,
        kind=kind,
        day=day,
        event_id=meeting.event_id,
        event_name=meeting.name,
        country=meeting.track.country,
        market_types=types,
        body=bz2.compress(text.encode(), 1),
        expected=expected,
        case=case,
        intact=intact,
    )


def _text(life: Life, line: Line, plan: str, clk: str) -> str | None:
    """One line, or nothing where the plan has none."""
    if plan == BASIC and line.is_image:
        return None
    changes = _changes(life, line, plan)
    extra = dict(line.extra)
    message = {"op": "mcm", "clk": clk, "pt": line.pt, **extra}
    if "mc" in extra:
        del message["mc"]
        return _json(message)
    if line.definition is None and not changes:
        return None
    market: dict[str, object] = {"id": life.market_id}
    if line.definition is not None:
        market["marketDefinition"] = line.definition
    if plan != BASIC:
        market |= {"rc": changes, "con": True, "img": line.is_image}
    elif changes:
        market["rc"] = changes
    if extra:
        market["futureKey"] = {"a": [1, None]}
    return _json(message | {"mc": [market]})


def _changes(life: Life, line: Line, plan: str) -> list[Element]:
    if plan == PRO:
        return line.told.pro
    if plan == ADVANCED:
        return list(_merged(line.told.advanced))
    # A dog that was taken out has no price in BASIC, so that "the last price" has but one reading.
    return [each for each in line.told.basic if each["id"] not in life.removed]


def _merged(elements: Iterable[Element]) -> Iterable[Element]:
    """ADVANCED tells all of a selection in one element."""
    by_id: dict[int, Element] = {}
    for element in elements:
        known = by_id.setdefault(element["id"], {})
        known |= element
    for selection_id, element in by_id.items():
        yield {key: value for key, value in element.items() if key != "id"} | {"id": selection_id}


def _json(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))
