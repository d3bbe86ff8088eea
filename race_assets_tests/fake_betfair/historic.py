"""The historic data service: what is owned, what matches a filter, and the files themselves."""

import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import Any

from race_assets_tests.fake_betfair.identity import Identity
from race_assets_tests.fake_betfair.messages import Answer, Request, html, json_answer
from race_assets_tests.fake_betfair.streams import MarketFile

SPORT = "Greyhound Racing"
PLAN_NAMES = {"Basic Plan": "BASIC", "Advanced Plan": "ADVANCED", "Pro Plan": "PRO"}
COLLECTIONS = ("marketTypesCollection", "countriesCollection", "fileTypeCollection")
Month = tuple[str, int, int]  # plan as in paths, year, month


@dataclass
class Arrivals:
    """The request limit: over `limit` arrivals in any `window` seconds are too many, refused ones among them."""

    limit: int = 100
    window: float = 10
    clock: Callable[[], float] = time.monotonic
    refused: int = 0
    _recent: deque[float] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def is_too_many(self) -> bool:
        """Counts one arrival."""
        now = self.clock()
        with self._lock:
            while self._recent and now - self._recent[0] >= self.window:
                self._recent.popleft()
            self._recent.append(now)
            is_over = len(self._recent) > self.limit
            self.refused += is_over
            return is_over


@dataclass
class Historic:
    """Files by path. `owned` are the months bought; null means every month that has files.

    `downloads` counts by path how often a file was served whole, `parts` how often a range of it was; ranges are
    honoured only with `ranges`. Market types and countries are counted over M files; an E file matches by any market.
    """

    identity: Identity
    files: dict[str, MarketFile]
    owned: set[Month] | None = None
    ranges: bool = False
    arrivals: Arrivals = field(default_factory=Arrivals)
    downloads: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def get_my_data(self, _request: Request) -> Answer:
        """One element a month and plan bought."""
        months = sorted(self._owned(), key=lambda month: (month[2], month[1], month[0]))
        names = {short: name for name, short in PLAN_NAMES.items()}
        return json_answer(
            [
                {
                    "sport": SPORT,
                    "plan": names[plan],
                    "forDate": f"{year}-{number:02}-01T00:00:00",
                    "purchaseItemId": 900_001 + at,
                }
                for at, (plan, year, number) in enumerate(months)
            ]
        )

    def get_collection_options(self, request: Request) -> Answer:
        """How many files there are of each market type, country and file type."""
        found = self._matching(request)
        if found is None:
            return html()
        single = [each for each in found if each.kind == "M"]
        counts = (
            Counter(kind for each in single for kind in each.market_types),
            Counter(each.country for each in single),
            Counter(each.kind for each in found),
        )
        return json_answer({name: _counted(count) for name, count in zip(COLLECTIONS, counts, strict=True)})

    def get_adv_basket_data_size(self, request: Request) -> Answer:
        """Whole megabytes and number of files."""
        found = self._matching(request)
        if found is None:
            return html()
        size = sum(len(each.body) for each in found)
        return json_answer({"totalSizeMB": -(-size // 1_000_000), "fileCount": len(found)})

    def download_list_of_files(self, request: Request) -> Answer:
        """The paths."""
        found = self._matching(request)
        return html() if found is None else json_answer([each.path for each in found])

    def download_file(self, request: Request) -> Answer:
        """The bytes, or a page where there is no such file or its month is not owned."""
        file = self.files.get(str(request.params.get("filePath", "")))
        if file is None or _month(file) not in self._owned():
            return html()
        headers = {"content-filename": file.name}
        wanted = request.headers.get("range") if self.ranges else None
        if wanted is None:
            return Answer(200, file.body, "application/octet-stream", headers)
        return _part(file, wanted, headers)

    def has_served(self, request: Request, answer: Answer) -> None:
        """Books a file that went out to its end."""
        path = str(request.params.get("filePath", ""))
        with self._lock:
            if path in self.files and answer.status == 200 and answer.body == self.files[path].body:
                self.downloads[path] += 1
            elif answer.status == 206:
                self.parts[path] += 1

    def _owned(self) -> set[Month]:
        if self.owned is None:
            return {_month(each) for each in self.files.values()}
        return self.owned

    def _matching(self, request: Request) -> list[MarketFile] | None:
        """The owned files a filter names; null where the filter is no filter."""
        try:
            wanted = _Filter.read(json.loads(request.body))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        owned = self._owned()
        return [each for each in self.files.values() if wanted.takes(each) and _month(each) in owned]


@dataclass(frozen=True)
class _Filter:
    sport: str
    plan: str
    first: date
    last: date
    event_id: str | None
    event_name: str | None
    market_types: frozenset[str]
    countries: frozenset[str]
    kinds: frozenset[str]

    @classmethod
    def read(cls, given: dict[str, Any]) -> "_Filter":
        """Raises KeyError, TypeError or ValueError where a required key is missing or no number."""
        first, last = (date(*(int(given[edge + part]) for part in ("Year", "Month", "Day"))) for edge in ("from", "to"))
        chosen = (frozenset(given.get(name) or ()) for name in COLLECTIONS)
        event_id = given.get("eventId")
        return cls(
            given["sport"],
            PLAN_NAMES.get(given["plan"], ""),
            first,
            last,
            None if event_id is None else str(event_id),
            given.get("eventName"),
            *chosen,
        )

    def takes(self, file: MarketFile) -> bool:
        """Whether the file is asked for."""
        return (
            self.sport == SPORT
            and self.plan == file.plan
            and self.first <= file.day <= self.last
            and self.event_id in (None, file.event_id)
            and self.event_name in (None, "", file.event_name)
            and (not self.market_types or not self.market_types.isdisjoint(file.market_types))
            and (not self.countries or file.country in self.countries)
            and (not self.kinds or file.kind in self.kinds)
        )


def by_path(files: Iterable[MarketFile]) -> dict[str, MarketFile]:
    """The tree of the service."""
    return {each.path: each for each in files}


def _month(file: MarketFile) -> Month:
    return file.plan, file.day.year, file.day.month


def _counted(counts: Counter[str]) -> list[dict[str, object]]:
    return [{"name": name, "count": count} for name, count in sorted(counts.items())]


def _part(file: MarketFile, wanted: str, headers: dict[str, str]) -> Answer:
    """One range of the bytes."""
    total = len(file.body)
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    first = int(asked[1]) if asked else total
    if first >= total:
        return Answer(416, b"", "application/octet-stream", {"Content-Range": f"bytes */{total}"})
    last = min(int(asked[2]), total - 1) if asked and asked[2] else total - 1
    headers |= {"Content-Range": f"bytes {first}-{last}/{total}", "Accept-Ranges": "bytes"}
    return Answer(206, file.body[first : last + 1], "application/octet-stream", headers)
