"""Which of Betfair's historic files tell of which race days, and getting them; the operations are in the client."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from race_assets.errors import ApiRefusedError, ApiUnavailableError, LoginRefusedError
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings import Settings
from race_assets.settings.fetching import Plan
from race_assets.sources.base import Extent, Fetcher, Gap, Remote
from race_assets.sources.betfair.historic_client import API, Filter, HistoricClient
from race_assets.sources.betfair.identity import Identity

SHOP = "https://historicdata.betfair.com"
THREADS = 8
"""At a second each, enough for 8 requests a second."""
PATIENCE = 2
"""Months that may fail to be listed before the rest is left to another time: each failure takes two minutes."""

PATH = re.compile(r"(?:^|/)((?:BASIC|ADVANCED|PRO)/(\d{4})/([A-Z][a-z]{2})/(\d{1,2})/\d+/[\w.-]+\.bz2)")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY = timedelta(days=1)


class HistoricFetcher(Fetcher):
    """Files of single markets, of the plan, market types and countries of the settings.

    A path names the UTC day a market starts on; in Australia and New Zealand that may be the day before its race day.
    """

    api = API
    threads = THREADS

    @classmethod
    def configured(cls, settings: Settings, timing: Timing) -> "HistoricFetcher":
        """See `Fetcher.configured`."""
        return cls(settings, timing)

    def __init__(self, settings: Settings, timing: Timing) -> None:
        source = settings.sources.betfair_historic
        self._fetch = source.fetch
        self._timing = timing
        self._trailing = timedelta(days=settings.trailing_days("betfair_historic"))
        self._identity = Identity(settings.betfair, settings.home, settings.aws, timing=timing)
        self._client = HistoricClient(self._fetch.url, source.rate_limit, self._identity, timing)

    @property
    def traffic(self) -> Traffic:
        """See `Fetcher.traffic`."""
        return self._client.traffic

    def close(self) -> None:
        """See `Fetcher.close`."""
        self._client.close()
        self._identity.close()

    def wanted(self, days: Sequence[date]) -> Iterator[Remote | Gap]:
        """See `Fetcher.wanted`; one list a month, none for months not bought."""
        unlisted = 0
        for span in self._spans(days):
            if _month_of(span) not in self._bought:
                yield self._not_bought(span, days)
                continue
            try:
                paths = self._client.list_of_files(span)
            except (ApiUnavailableError, ApiRefusedError) as error:
                unlisted += 1
                if isinstance(error, LoginRefusedError) or unlisted > PATIENCE:
                    raise
                said = f"{_shown(span)}: the files could not be listed: {error}"
                may_pass = isinstance(error, ApiUnavailableError)
                yield Gap(said, is_failure=True, days=days_of(span), may_pass=may_pass)
            else:
                yield from self._listed(span, paths)

    def fetch(self, remote: Remote, folder: Path) -> Path | Gap:
        """See `Fetcher.fetch`."""
        return self._client.download(remote.address, folder / remote.name).path

    def extent(self, days: Sequence[date]) -> Extent:
        """See `Fetcher.extent`."""
        files = megabytes = 0
        kinds: dict[str, int] = {}
        for span in self._spans(days):
            if _month_of(span) in self._bought:
                size = self._client.basket_size(span)
                files, megabytes = files + size.files, megabytes + size.megabytes
                options = self._client.collection_options(span)
                for name, count in (*options.market_types.items(), *options.countries.items()):
                    kinds[name or "(none)"] = kinds.get(name or "(none)", 0) + count
        return Extent(files, megabytes, kinds)

    @cached_property
    def _bought(self) -> set[tuple[Plan, int, int]]:
        return self._client.my_data()

    @property
    def _today(self) -> date:
        return datetime.fromtimestamp(self._timing.now(), UTC).date()

    def _spans(self, days: Sequence[date]) -> Iterator[Filter]:
        """Stretches of UTC days, none beyond a month or today, that together hold the race days."""
        starts = sorted(day for day in {*days, *(day - DAY for day in days)} if day <= self._today)
        by_month = groupby(enumerate(starts), lambda each: (each[1].toordinal() - each[0], each[1].year, each[1].month))
        for _, stretch in by_month:
            within = [day for _, day in stretch]
            yield Filter(self._fetch.plan, within[0], within[-1], self._fetch.market_types, self._fetch.countries)

    def _listed(self, span: Filter, paths: Sequence[str]) -> Iterator[Remote | Gap]:
        if not paths:
            why = "no such racing, or it is not there yet"
            yield Gap(f"{_shown(span)}: the month is bought, and has no files of {self._kinds}: {why}")
        found = [_remote(path) for path in paths]
        yield from sorted((each for each in found if isinstance(each, Remote)), key=lambda each: (each.day, each.name))
        yield from (each for each in found if isinstance(each, Gap))

    @property
    def _kinds(self) -> str:
        types = ", ".join(self._fetch.market_types) or "any market type"
        return f"{types} in {', '.join(self._fetch.countries) or 'any country'}"

    def _not_bought(self, span: Filter, days: Sequence[date]) -> Gap:
        month = f"the {span.plan} plan of {span.first:%B %Y}"
        if not any(span.first <= day <= span.last for day in days):
            missing = f"races of {span.last + DAY} in Australia and New Zealand that start on {span.last} in UTC"
            return Gap(f"{_shown(span)}: {month} is not bought, so {missing} are missing")
        remedy = f"put Greyhound Racing, {month}, into the basket at {SHOP} and check out; BASIC costs nothing"
        if span.last >= self._today - self._trailing:
            return Gap(f"{_shown(span)}: {month} is not bought; it may not be on sale yet. When it is: {remedy}")
        return Gap(f"{_shown(span)}: {month} is not bought: {remedy}", is_failure=True, days=days_of(span))


def days_of(span: Filter) -> tuple[date, ...]:
    """The days of a stretch."""
    return tuple(span.first + n * DAY for n in range((span.last - span.first).days + 1))


def _month_of(span: Filter) -> tuple[Plan, int, int]:
    return span.plan, span.first.year, span.first.month


def _shown(span: Filter) -> str:
    return f"{API}, {span.first} to {span.last}" if span.first != span.last else f"{API}, {span.first}"


def _remote(path: str) -> Remote | Gap:
    """The file of a path, under the part of it that stays the same over the years (API_CONTRACTS 2.4)."""
    found: Any = PATH.search(path)
    try:
        day = date(int(found[2]), MONTHS.index(found[3]) + 1, int(found[4])) if found else None
    except ValueError:
        day = None
    if day is None or not path.endswith(found[1]):
        return Gap(f"{API}: a path is not as paths are, {path!r}, and is left out; report this", is_failure=True)
    return Remote(found[1], day, path)
