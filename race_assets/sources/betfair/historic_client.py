"""Betfair's historic data API as it is on the wire: its five operations; which files we want is in `historic_fetch`.

Facts: API_CONTRACTS section 2.
"""

import bz2
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from race_assets.errors import ApiRefusedError, LoginRefusedError, PermanentError, TransientError
from race_assets.http.call import Access, Call
from race_assets.http.download import Downloaded, download
from race_assets.http.session import HttpSession
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings.fetching import Plan
from race_assets.settings.nodes import RateLimit
from race_assets.sources.betfair.identity import Identity
from race_assets.sources.betfair.replies import HISTORIC

API = "betfair_historic"
SPORT = "Greyhound Racing"
PLANS: dict[Plan, str] = {"BASIC": "Basic Plan", "ADVANCED": "Advanced Plan", "PRO": "Pro Plan"}
"""What requests call a plan, by the name of its folder in paths."""

MARKET_FILES = "M"
READ_BYTES = 1 << 20
Value = TypeVar("Value")


@dataclass(frozen=True)
class Filter:
    """What is asked about: a plan's files of single markets, of days within one month.

    Args:
        first: first UTC day on which the markets start.
        last: last such day, of the same month: longer queries fail at the service.
        market_types: such as WIN; empty means all.
        countries: ISO codes; empty means all.
    """

    plan: Plan
    first: date
    last: date
    market_types: Sequence[str] = ()
    countries: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.first <= self.last or (self.first.year, self.first.month) != (self.last.year, self.last.month):
            raise ValueError(f"{self.first} to {self.last} are not days of one month")

    def body(self) -> dict[str, Any]:
        """As requests have it."""
        return {
            "sport": SPORT,
            "plan": PLANS[self.plan],
            "fromDay": self.first.day,
            "fromMonth": self.first.month,
            "fromYear": self.first.year,
            "toDay": self.last.day,
            "toMonth": self.last.month,
            "toYear": self.last.year,
            "eventId": None,
            "eventName": None,
            "marketTypesCollection": list(self.market_types),
            "countriesCollection": list(self.countries),
            "fileTypeCollection": [MARKET_FILES],
        }


@dataclass(frozen=True)
class Options:
    """How many files there are of each market type and country."""

    market_types: dict[str, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BasketSize:
    """How much a filter finds; megabytes are rounded up."""

    megabytes: int
    files: int


class HistoricClient:
    """The historic data of one account; any number of threads may use it.

    A page in place of data means a session that has ended, a file that was not bought, or passing trouble: after the
    session is seen to, whatever got a page is asked for once more, and then the page is believed.

    Raises (all operations):
        ApiUnavailableError: no proper answer on any try.
        ApiRefusedError: a page or something unknown in place of data, twice.
        LoginRefusedError: Betfair does not let us in.
    """

    def __init__(self, url: str, limit: RateLimit, identity: Identity, timing: Timing | None = None) -> None:
        self._url = url
        access = Access(identity, lambda token: {"ssoid": token})
        self._session = HttpSession(API, limit, actions=HISTORIC, access=access, timing=timing)

    @property
    def traffic(self) -> Traffic:
        """What was sent, repeated, waited and received so far; logins aside."""
        return self._session.traffic

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()

    def my_data(self) -> set[tuple[Plan, int, int]]:
        """The months bought, as plan, year and month."""
        url = f"{self._url}/GetMyData"
        plans = {name: plan for plan, name in PLANS.items()}
        months = set()
        for item in _listed(_again(lambda: self._session.get_json(url)), dict, url):
            if item.get("sport") == SPORT and item.get("plan") in plans:
                day = _month(item.get("forDate"), url)
                months.add((plans[item["plan"]], day.year, day.month))
        return months

    def collection_options(self, wanted: Filter) -> Options:
        """How the filter's files divide."""
        told = self._about("GetCollectionOptions", wanted)
        return Options(_counts(told, "marketTypesCollection"), _counts(told, "countriesCollection"))

    def basket_size(self, wanted: Filter) -> BasketSize:
        """How much the filter finds."""
        told = self._about("GetAdvBasketDataSize", wanted)
        return BasketSize(int(told.get("totalSizeMB") or 0), int(told.get("fileCount") or 0))

    def list_of_files(self, wanted: Filter) -> list[str]:
        """The paths the filter finds, each once; opaque but for their last parts."""
        operation = "DownloadListOfFiles"
        return list(dict.fromkeys(_listed(self._post(operation, wanted), str, f"{self._url}/{operation}")))

    def download(self, path: str, target: Path) -> Downloaded:
        """A file of the list, unpacked once to its end to see that it is whole, and only then under its name."""
        call = Call("GET", f"{self._url}/DownloadFile", params={"filePath": path})
        done = _again(lambda: download(self._session, call, target, verify, is_proof=True))
        if done is None:
            raise ApiRefusedError(f"{API}: there is no file {path}, though it was listed; try again later")
        return done

    def _post(self, operation: str, wanted: Filter) -> Any:
        return _again(lambda: self._session.post_json(f"{self._url}/{operation}", wanted.body()))

    def _about(self, operation: str, wanted: Filter) -> dict[str, Any]:
        told = self._post(operation, wanted)
        if not isinstance(told, dict):
            raise _unknown(f"{self._url}/{operation}")
        return told


def verify(path: Path) -> None:
    """Sees that a bzip2 file is whole.

    Raises:
        TransientError: it is cut or damaged: another transfer may bring all of it.
        PermanentError: it is no bzip2 file at all.
    """
    with path.open("rb") as file:
        head = file.read(3)
    if not b"BZh".startswith(head):
        raise PermanentError(f"{path.name}: is no bzip2 file (it begins with {head!r}); it was not taken")
    try:
        with bz2.open(path) as unpacked:
            while unpacked.read(READ_BYTES):
                pass
    except (EOFError, OSError) as error:
        raise TransientError(f"{path.name} cannot be unpacked: {error}") from error
    if not head:
        raise TransientError(f"{path.name} is empty")


def _again(ask: Callable[[], Value]) -> Value:
    try:
        return ask()
    except LoginRefusedError:
        raise
    except ApiRefusedError:
        return ask()


def _listed(told: Any, kind: type[Value], url: str) -> list[Value]:
    if not isinstance(told, list) or not all(isinstance(each, kind) for each in told):
        raise _unknown(url)
    return told


def _month(text: Any, url: str) -> date:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise _unknown(url) from None


def _counts(told: dict[str, Any], name: str) -> dict[str, int]:
    return {str(each["name"]): int(each["count"]) for each in told.get(name) or [] if {"name", "count"} <= set(each)}


def _unknown(url: str) -> ApiRefusedError:
    return ApiRefusedError(f"{API}: {url} answered with JSON of a shape nobody knows; report this with the answer")
