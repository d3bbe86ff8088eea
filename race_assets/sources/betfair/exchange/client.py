"""The betting API as it is on the wire: the catalogue and books of markets; when they are asked for is in `plan`.

Facts: API_CONTRACTS 3.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from race_assets.errors import ApiRefusedError, LoginRefusedError
from race_assets.http.call import Access, Timeouts
from race_assets.http.retry import RetryPolicy
from race_assets.http.session import HttpSession
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings.exchange import ExchangeSettings
from race_assets.sources.betfair.exchange import weights
from race_assets.sources.betfair.exchange.messages import Book, Entry, typed
from race_assets.sources.betfair.identity import Identity
from race_assets.sources.betfair.replies import EXCHANGE

log = logging.getLogger(__name__)

API = "betfair_exchange"
GREYHOUNDS = "4339"
PROJECTION = ("EVENT", "EVENT_TYPE", "MARKET_START_TIME", "MARKET_DESCRIPTION", "RUNNER_DESCRIPTION")
PRICE_DATA = ("EX_BEST_OFFERS", "EX_TRADED", "SP_AVAILABLE")
CURRENCY = "GBP"
TOO_LARGE = {"TOO_MUCH_DATA", "REQUEST_SIZE_EXCEEDS_LIMIT"}
NOT_LET_IN = {"NO_APP_KEY", "INVALID_APP_KEY"}
CONNECT_S = 3
LEAST_PATIENCE_S = 3
"""A price that comes late is worth little: better ask again at the next tick. One that is given up is worth nothing."""


class ExchangeClient:
    """The markets of one account; any number of threads may use it.

    Raises (all operations):
        ApiUnavailableError: no proper answer while it would still have been of use.
        ApiRefusedError: the API refuses it, or answers with something unknown.
        LoginRefusedError: Betfair does not let us in.
    """

    def __init__(self, settings: ExchangeSettings, identity: Identity, timing: Timing | None = None) -> None:
        self._settings = settings
        self._most = weights.books_at_once(PRICE_DATA, settings.price_depth)
        patience = max(settings.live_polling_interval_seconds, LEAST_PATIENCE_S)

        def proof(token: str) -> dict[str, str]:
            return {"X-Authentication": token, "X-Application": identity.app_key}

        self._session = HttpSession(
            API,
            settings.rate_limit,
            actions=EXCHANGE,
            access=Access(identity, proof),
            retries=RetryPolicy(attempts=3, base_s=0.2, cap_s=1, deadline_s=patience),
            timeouts=Timeouts(connect_s=min(CONNECT_S, patience), read_s=patience),
            timing=timing,
        )

    @property
    def traffic(self) -> Traffic:
        """What was sent, repeated, waited and received so far; logins aside."""
        return self._session.traffic

    @property
    def most(self) -> int:
        """How many markets one request about books may name."""
        return self._most

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()

    def catalogue(self, now: datetime) -> list[Entry]:
        """The markets that have not closed and go off from some hours ago to some hours ahead, the earliest first."""
        first = now.astimezone(UTC) - timedelta(hours=self._settings.result_hours)
        last = now.astimezone(UTC) + timedelta(hours=self._settings.hours_ahead)
        found: dict[str, Entry] = {}
        most = weights.catalogue_at_once(PROJECTION)
        while True:
            page = self._entries({"marketStartTime": {"from": _iso(first), "to": _iso(last)}}, most)
            fresh = [entry for entry in page if entry.market_id not in found]
            found |= {entry.market_id: entry for entry in page}
            if len(page) < most or not fresh:
                return list(found.values())
            # They come by their off: the next page begins where this one ends, and repeats that off's markets.
            first = _instant(page[-1].market_start_time) or last

    def entries(self, market_ids: Sequence[str]) -> list[Entry]:
        """These markets of the catalogue; one that has closed is not there."""
        most = weights.catalogue_at_once(PROJECTION)
        return [
            entry for ids in weights.packed(market_ids, most) for entry in self._entries({"marketIds": ids}, len(ids))
        ]

    def _entries(self, narrowed: dict[str, Any], most: int) -> list[Entry]:
        wanted = {
            "eventTypeIds": [GREYHOUNDS],
            "marketTypeCodes": list(self._settings.market_types),
            **({"marketCountries": list(self._settings.countries)} if self._settings.countries else {}),
            **narrowed,
        }
        asked = {"filter": wanted, "marketProjection": PROJECTION, "sort": "FIRST_TO_START", "maxResults": most}
        return _read(self._post("listMarketCatalogue", asked), Entry)

    def books(self, market_ids: Sequence[str]) -> list[Book]:
        """The books of these markets; a call about open and closed ones brings the open only.

        One that is too large for the API is asked again in halves, and later ones are as small.
        """
        asked = {
            "marketIds": list(market_ids),
            "priceProjection": {
                "priceData": PRICE_DATA,
                "exBestOffersOverrides": {"bestPricesDepth": self._settings.price_depth},
                "virtualise": False,
            },
            "currencyCode": CURRENCY,
        }
        try:
            return _read(self._post("listMarketBook", asked), Book)
        except ApiRefusedError as error:
            if error.code not in TOO_LARGE or len(market_ids) == 1:
                raise
            half = len(market_ids) // 2
            self._most = min(self._most, len(market_ids) - half)
            log.warning("%s: at most %d markets at once from now on: %s", API, self._most, error)
            return self.books(market_ids[:half]) + self.books(market_ids[half:])

    def _post(self, operation: str, asked: dict[str, Any]) -> Any:
        try:
            return self._session.post_json(f"{self._settings.url}/{operation}/", asked)
        except ApiRefusedError as error:
            if error.code in NOT_LET_IN:
                raise LoginRefusedError(str(error), error.code) from error
            raise


def _read(document: Any, kind: Any) -> list[Any]:
    read, bad = typed(document, kind)
    for each in bad:
        log.warning("%s: %s", API, each)
    if bad and not read:
        raise ApiRefusedError(f"{API}: {bad[0]}; report this with the answer")
    return read


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
