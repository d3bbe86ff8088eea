"""What tests of fetching share: a clock that only sleeping moves on, settings for the fake, its oracle's rows."""

import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from race_assets.http.timing import Timing
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.fake_betfair import FakeBetfair
from race_assets_tests.fake_betfair.streams import MarketFile
from race_assets_tests.pipeline.feed import ask

HISTORIC, BSP = "betfair_historic", "betfair_bsp"
Rows = set[tuple[Any, ...]]


class Clockwork:
    """Seconds since it was made; what would take minutes is over at once. `moments` are those `look` was asked at."""

    def __init__(self, today: date = date(2024, 7, 20)) -> None:
        self._began = datetime.combine(today, time(12), UTC).timestamp()
        self._seconds = 0.0
        self._lock = threading.Lock()
        self.moments: list[float] = []
        self.timing = Timing(lambda: self._seconds, self.sleep, lambda: self._began + self._seconds, lambda: 0.5)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds

    def look(self) -> float:
        """The moment, noted: the clock of the fake's limit."""
        self.moments.append(self._seconds)
        return self._seconds


def pointed_at(
    betfair: FakeBetfair, *, historic: dict[str, Any] | None = None, bsp: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The settings that lead to the fake, and more of the two sources."""
    urls = betfair.urls()
    account = {
        "username": betfair.identity.username,
        "password": betfair.identity.password,
        "app_key": betfair.identity.app_key,
        "identity_url": urls["identity"].removesuffix("/api"),
    }
    sources = {}
    for name, url, more in ((HISTORIC, urls["historic"], historic or {}), (BSP, urls["bsp"], bsp or {})):
        sources[name] = {**more, "fetch": {"url": url, **more.get("fetch", {})}}
    return {"betfair": account, "sources": sources}


def meant(files: Iterable[MarketFile]) -> Rows:
    """What the fake's oracle has of the files: market, runner, how the win market ended for it, its starting price."""
    return {
        (
            m.market_type,
            m.event_id,
            m.start,
            r.trap,
            r.name,
            r.status,
            r.result if m.market_type == "WIN" else None,
            r.bsp,
        )
        for file in files
        for m in file.expected
        for r in m.runners
    }


def published(workshop: Workshop) -> Rows:
    """The same of what is in Postgres."""
    query = """select p.market_type, r.event_id, r.start_at, s.trap, s.dog_name, s.status,
                   case p.market_type when 'WIN' then s.result end, p.price
               from core.prices as p join core.selections as s using (selection_id) join core.races as r using (race_id)
               where p.price_kind = 'BSP'"""
    return {
        (*row[:-1], None if row[-1] is None else Decimal(str(row[-1])).quantize(Decimal("0.01")))
        for row in ask(workshop, query)
    }
