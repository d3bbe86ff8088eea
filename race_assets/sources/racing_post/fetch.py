"""Which of the Racing Post feed's answers tell of which race days, and the files they become; asking is the client's.

A day's races are one file, form and analysis one a race: `2024-06-27/races.json`, `2024-06-27/2050001-form.json`. A
file holds the question, the race it is about, and the answer page by page. The same answer makes the same bytes: what
the envelope says of itself, and when it came, are left out.
"""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from race_assets.errors import ApiUnavailableError
from race_assets.http.download import UNFINISHED, private
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings import Settings
from race_assets.sources.base import Extent, Fetcher, Gap, Remote
from race_assets.sources.racing_post.client import API, Kind, Pages, RacingPostClient, items_of, without_meta
from race_assets.sources.racing_post.reading import (
    ANALYSIS,
    BODY,
    FORM,
    OPERATION,
    RACE,
    RACE_NAMES,
    RACES,
    RUNNERS,
    Operation,
    text_of,
)

PARAMETERS = "parameters"
SETTLED = {"RESULT", "VOID", "NO_RACE", "ABANDONED"}
PATIENCE = 2
"""Days whose races may fail to be listed before the rest is left to another time."""
LATE = timedelta(days=1)
"""After a day that long its races may still come."""


class RacingPostFetcher(Fetcher):
    """What the three have in common."""

    api = API
    threads = 1
    kind: Kind
    operation: Operation

    @classmethod
    def configured(cls, settings: Settings, timing: Timing) -> "RacingPostFetcher":
        """See `Fetcher.configured`."""
        return cls(settings, timing)

    def __init__(self, settings: Settings, timing: Timing) -> None:
        self._settings = settings.racing_post
        self._timing = timing
        self._client = RacingPostClient(settings, timing)

    @property
    def traffic(self) -> Traffic:
        """See `Fetcher.traffic`."""
        return self._client.traffic

    def close(self) -> None:
        """See `Fetcher.close`."""
        self._client.close()

    def extent(self, days: Sequence[date]) -> Extent:
        """See `Fetcher.extent`; the feed says nothing before it is asked for each."""
        del days
        return Extent()

    def _written(self, remote: Remote, folder: Path, parameters: dict[str, str], race: Any, pages: Pages) -> Path:
        body = [without_meta(page, self._settings.envelope.meta) for page in pages]
        document = {OPERATION: self.operation.name, PARAMETERS: parameters, RACE: race, BODY: body}
        target = folder / remote.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}{UNFINISHED}")
        with open(part, "w", encoding="utf-8", opener=private) as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        return part.replace(target)

    def _no_races(self, day: date) -> Gap:
        is_early = day + LATE >= datetime.fromtimestamp(self._timing.now(), UTC).date()
        return Gap(f"{API}, {day}: " + ("no races yet" if is_early else "the feed has no races of that day"))

    def _not_licensed(self, day: date) -> Gap:
        path = getattr(self._settings.paths, self.kind)
        said = f"{API}: {path} is refused for want of a licence, from {day} on nothing was asked for"
        return Gap(f"{said}; ask Racing Post for the operation, or disable {self.operation.source}", is_failure=True)


class RacesFetcher(RacingPostFetcher):
    """A file a day."""

    kind = "races"
    operation = RACES

    def wanted(self, days: Sequence[date]) -> Iterator[Remote | Gap]:
        """See `Fetcher.wanted`."""
        for day in sorted(days):
            if self._client.is_refused(self.kind):
                yield self._not_licensed(day)
                return
            yield Remote(f"{day}/races.json", day, day.isoformat(), may_change=True)

    def fetch(self, remote: Remote, folder: Path) -> Path | Gap:
        """See `Fetcher.fetch`."""
        pages = self._client.races_on(remote.day)
        if pages is None:
            return self._no_races(remote.day)
        return self._written(remote, folder, {self._settings.parameters.date: remote.address}, None, pages)


class _OfRace(RacingPostFetcher):
    """A file a race, of those the feed lists for the day. One whose race is settled changes no more."""

    def __init__(self, settings: Settings, timing: Timing) -> None:
        super().__init__(settings, timing)
        self._races: dict[str, dict[str, Any]] = {}

    def wanted(self, days: Sequence[date]) -> Iterator[Remote | Gap]:
        """See `Fetcher.wanted`; one list a day."""
        unlisted = 0
        for day in sorted(days):
            try:
                pages = self._client.races_on(day)
            except ApiUnavailableError as error:
                unlisted += 1
                if unlisted > PATIENCE:
                    raise
                said = f"{API}, {day}: its races could not be listed: {error}"
                yield Gap(said, is_failure=True, days=(day,), may_pass=True)
                continue
            for each in self._listed(day, pages) if pages else [self._no_races(day)]:
                # Files are fetched while this is drawn from, and the first may have been refused.
                if self._client.is_refused(self.kind):
                    yield self._not_licensed(day)
                    return
                yield each

    def _listed(self, day: date, pages: Pages) -> Iterator[Remote | Gap]:
        """The races of a day, each once: a feed that moves on between two pages tells a race on both."""
        listed: set[str] = set()
        for race in (item for page in pages for item in items_of(page, self._settings.envelope.data)):
            race_id = self._said(race, "race_id")
            if race_id is None:
                names = ", ".join(self._settings.fields.race_id)
                said = f"{API}, {day}: a race has no {names}; correct racing_post.fields.race_id"
                yield Gap(said, is_failure=True, days=(day,))
                continue
            name = f"{day}/{quote(race_id, safe='')}-{self.kind}.json"
            if name in listed:
                continue
            listed.add(name)
            self._races[name] = self._context(race)
            status = (self._said(race, "race_status") or "").upper().replace(" ", "_")
            yield Remote(name, day, race_id, may_change=status not in SETTLED)

    def fetch(self, remote: Remote, folder: Path) -> Path | Gap:
        """See `Fetcher.fetch`."""
        pages = self._client.of_race(self.kind, remote.address)
        if pages is None:
            return Gap(f"{remote.name}: the feed has none of this race")
        asked = {self._settings.parameters.race_id: remote.address}
        return self._written(remote, folder, asked, self._races.pop(remote.name), pages)

    def _context(self, race: dict[str, Any]) -> dict[str, Any]:
        """What a file says of its race, in the feed's own words: where and when it is, and the names of its dogs."""
        fields = self._settings.fields
        runners: list[Any] = next((race[name] for name in fields.runners if isinstance(race.get(name), list)), [])
        names = {*fields.dog_id, *fields.dog_name}
        dogs = [{key: value for key, value in dog.items() if key in names} for dog in runners if isinstance(dog, dict)]
        told = {key for ours in RACE_NAMES for key in getattr(fields, ours)}
        return {**{key: value for key, value in race.items() if key in told}, RUNNERS: dogs}

    def _said(self, race: Any, ours: str) -> str | None:
        names = getattr(self._settings.fields, ours)
        values = (text_of(race.get(name)) for name in names) if isinstance(race, dict) else iter(())
        return next((value for value in values if value is not None), None)


class FormFetcher(_OfRace):
    """The form of a race's dogs."""

    kind = "form"
    operation = FORM


class AnalysisFetcher(_OfRace):
    """The analysis of a race."""

    kind = "analysis"
    operation = ANALYSIS
