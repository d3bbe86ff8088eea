"""Betfair's starting-price files as its promotional site has them by day; what stands in them is `betfair_bsp`'s.

Facts: API_CONTRACTS section 5.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from race_assets.errors import PermanentError, TransientError
from race_assets.http.actions import Action, Actions
from race_assets.http.call import Call
from race_assets.http.download import download
from race_assets.http.session import HttpSession
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings import Settings
from race_assets.sources.base import Extent, Fetcher, Gap, Remote

API = "betfair_bsp"
KINDS = ("win", "place")
LONDON = ZoneInfo("Europe/London")
DAY = timedelta(days=1)
LATE = 3
"""Days after the one in its name on which a file that is not there may still come."""

ACTIONS = Actions(statuses={404: Action.NO_DATA})
BOM = b"\xef\xbb\xbf"
HEADER = {b"selection_id", b"bsp"}


class BspFetcher(Fetcher):
    """Two files a day, win and place, of all countries; no account.

    A file's name has the day after London's day of its races, so a race day is in the file of that name too: where it
    is a day ahead of London, in Australia and New Zealand.
    """

    api = API
    threads = 1

    @classmethod
    def configured(cls, settings: Settings, timing: Timing) -> "BspFetcher":
        """See `Fetcher.configured`."""
        return cls(settings, timing)

    def __init__(self, settings: Settings, timing: Timing) -> None:
        source = settings.sources.betfair_bsp
        self._url = source.fetch.url
        self._timing = timing
        self._session = HttpSession(API, source.rate_limit, actions=ACTIONS, timing=timing)

    @property
    def traffic(self) -> Traffic:
        """See `Fetcher.traffic`."""
        return self._session.traffic

    def close(self) -> None:
        """See `Fetcher.close`."""
        self._session.close()

    def wanted(self, days: Sequence[date]) -> Iterator[Remote | Gap]:
        """See `Fetcher.wanted`; of each race day the files of its name and of the day after, none from the future."""
        named = sorted(day for day in {*days, *(day + DAY for day in days)} if day <= self._today)
        for day in named:
            for kind in KINDS:
                name = f"dwbfgreyhound{kind}{day:%d%m%Y}.csv"
                yield Remote(name, day, f"{self._url}/{name}", may_change=True)

    def fetch(self, remote: Remote, folder: Path) -> Path | Gap:
        """See `Fetcher.fetch`."""
        done = download(self._session, Call("GET", remote.address), folder / remote.name, verify)
        if done is not None:
            return done.path
        is_early = remote.day + LATE * DAY >= self._today
        return Gap(f"{remote.name}: " + ("not published yet" if is_early else "the site has no such file (404)"))

    def extent(self, days: Sequence[date]) -> Extent:
        """See `Fetcher.extent`; the site says nothing before a file is fetched."""
        del days
        return Extent()

    @property
    def _today(self) -> date:
        return datetime.fromtimestamp(self._timing.now(), LONDON).date()


def verify(path: Path) -> None:
    """Sees that a file begins and ends as these files do.

    Raises:
        TransientError: it is empty or ends in the middle of a row: another transfer may bring all of it.
        PermanentError: its first line is not the header of these files.
    """
    with path.open("rb") as file:
        header = file.readline()
        if header:
            file.seek(-1, os.SEEK_END)
        ends_in_row = file.read(1) != b"\n"
    columns = {cell.strip(b' "\r\n').lower() for cell in header.removeprefix(BOM).split(b",")}
    if ends_in_row:
        raise TransientError(f"{path.name} is empty or ends within a row; if it really does, land it by hand")
    if HEADER - columns:
        raise PermanentError(f"{path.name}: does not begin with the header of starting prices; it was not taken")
