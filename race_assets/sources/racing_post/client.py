"""The Racing Post feed as it is on the wire: its three operations and their pages; which races we want is in `fetch`.

The contract is a design of ours, every word of it a setting (API_CONTRACTS 6.4): nothing here is known of a real feed.
"""

import base64
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from race_assets.errors import ApiRefusedError, ApiUnavailableError, LoginRefusedError, SettingsError
from race_assets.http.session import HttpSession
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings import Settings
from race_assets.settings.secrets import Secret
from race_assets.sources.racing_post import replies

API = "racing_post"
MOST_PAGES = 1000
Kind = Literal["races", "form", "analysis"]
Pages = list[Any]


class RacingPostClient:
    """The feed of one account. After a refused key nothing is asked for again, without a licence not that operation.

    Raises (all operations):
        ApiUnavailableError: no proper answer on any try.
        ApiRefusedError: the request is refused, the operation not licensed, or the answer of a shape nobody knows.
        LoginRefusedError: the key is not taken.
    """

    def __init__(self, settings: Settings, timing: Timing | None = None) -> None:
        self._settings = settings.racing_post
        if self._settings.base_url is None:
            raise SettingsError("racing_post.base_url is not set: give the feed's address, as your contract has it")
        self._base = self._settings.base_url
        self._refusals: dict[Kind, ApiRefusedError] = {}
        self._locked_out: LoginRefusedError | None = None
        self._session = HttpSession(
            API,
            self._settings.rate_limit,
            actions=replies.actions(self._settings.envelope),
            headers=_proof(settings),
            timing=timing,
        )

    @property
    def traffic(self) -> Traffic:
        """What was sent, repeated, waited and received so far."""
        return self._session.traffic

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()

    def is_refused(self, kind: Kind) -> bool:
        """Whether the feed has said that the licence does not hold this operation."""
        return kind in self._refusals

    def races_on(self, day: date) -> Pages | None:
        """The races of a day, page by page as they came; None where there are none."""
        return self._ask("races", {self._settings.parameters.date: day.isoformat()})

    def of_race(self, kind: Kind, race_id: str) -> Pages | None:
        """Form or analysis of a race, page by page; None where there is none."""
        return self._ask(kind, {self._settings.parameters.race_id: race_id})

    def _ask(self, kind: Kind, parameters: Mapping[str, str]) -> Pages | None:
        if refusal := self._locked_out or self._refusals.get(kind):
            raise refusal
        try:
            return self._pages(f"{self._base}{getattr(self._settings.paths, kind)}", parameters)
        except ApiRefusedError as error:
            if error.code == replies.INVALID_KEY:
                self._locked_out = LoginRefusedError(str(error), error.code)
                raise self._locked_out from error
            if error.code == replies.NOT_ENTITLED:
                self._refusals[kind] = error
            raise

    def _pages(self, url: str, parameters: Mapping[str, str]) -> Pages | None:
        pages: Pages = []
        last, is_told = 1, False
        while len(pages) < last:
            page = self._new_page(url, parameters, pages)
            if page is None and pages:
                raise ApiUnavailableError(
                    f"{API}: {url} has {last} pages and not page {len(pages) + 1}; try again later"
                )
            if page is None:
                return None
            pages.append(page)
            count = self._page_count(page, url)
            # Some feeds say it on the first page only.
            last, is_told = max(last, count or 1), is_told or count is not None
        if not is_told:
            self._refuse_a_full_page(pages[-1], url)
        return pages if any(items_of(page, self._settings.envelope.data) for page in pages) else None

    def _new_page(self, url: str, parameters: Mapping[str, str], before: Pages) -> Any:
        """The next page; one that came before is asked for once more, since a server may have been mistaken."""
        number = len(before) + 1
        words = self._settings.parameters
        paging = {words.page: str(number), words.page_size: str(self._settings.page_size)}
        asked = {**parameters, **{word: value for word, value in paging.items() if word is not None}}
        seen = {_content(page, self._settings.envelope.data) for page in before}
        for _ in range(2):
            page = self._session.get_json(url, params=asked)
            if page is None or _content(page, self._settings.envelope.data) not in seen:
                return page
        raise ApiRefusedError(
            f"{API}: {url} sent page {number} twice as it had sent another page before: pages are missing; correct "
            "racing_post.parameters.page after the feed's contract, or raise racing_post.page_size"
        )

    def _refuse_a_full_page(self, page: Any, url: str) -> None:
        """Where a feed that is asked for pages does not say how many there are, a full one may not be the last."""
        is_asked = self._settings.parameters.page_size is not None
        if is_asked and len(items_of(page, self._settings.envelope.data)) >= self._settings.page_size:
            raise ApiRefusedError(
                f"{API}: {url} sent a full page of {self._settings.page_size} and does not say how many there are; "
                "correct racing_post.envelope after the feed's contract, or raise racing_post.page_size"
            )

    def _page_count(self, page: Any, url: str) -> int | None:
        envelope = self._settings.envelope
        meta = page.get(envelope.meta) if isinstance(page, dict) else None
        count = meta.get(envelope.page_count) if isinstance(meta, dict) else None
        if count in (None, ""):
            return None
        text = str(count)
        if not (text.isascii() and text.isdecimal() and int(text) <= MOST_PAGES):
            raise ApiRefusedError(
                f"{API}: {url} says it has {text[:20]!r} pages; correct racing_post.envelope after the feed's contract"
            )
        return int(text)


def items_of(page: Any, data: str) -> list[Any]:
    """What a page holds: in an envelope, an array, or one object by itself."""
    if isinstance(page, dict) and data in page:
        return items_of(page[data], data)
    if isinstance(page, list):
        return page
    return [page] if page else []


def without_meta(page: Any, meta: str) -> Any:
    """The page without what the envelope says of itself: when it was made would make equal answers differ."""
    return {key: value for key, value in page.items() if key != meta} if isinstance(page, dict) else page


def _content(page: Any, data: str) -> str:
    return json.dumps(items_of(page, data), sort_keys=True)


def _proof(settings: Settings) -> dict[str, str]:
    """The headers that say who asks."""
    account = settings.racing_post
    if account.auth == "header":
        return {account.auth_header: _revealed(account.api_key, "api_key", settings)}
    pair = ":".join(_revealed(getattr(account, each), each, settings) for each in ("username", "password"))
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _revealed(secret: Secret | None, name: str, settings: Settings) -> str:
    if secret is None:
        raise SettingsError(
            f"racing_post.{name} is not set: put it into RACE_ASSETS_RACING_POST__{name.upper()}; "
            f"racing_post.auth is {settings.racing_post.auth}"
        )
    return secret.reveal(settings.aws)
