"""The session every source talks through: limit, retries, login, lock, counting; what replies mean is in `actions`."""

import logging
import os
import threading
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from race_assets.errors import ApiRefusedError
from race_assets.http.actions import Action, Actions, Reply
from race_assets.http.answer import BROKEN, Answer, BrokenAnswerError, named
from race_assets.http.bucket import TokenBucket
from race_assets.http.call import Access, Call, Received, Receiver, Timeouts, WholeBody
from race_assets.http.redact import shown
from race_assets.http.retry import Retries, RetryPolicy, retry_after_s
from race_assets.http.timing import Timing
from race_assets.http.traffic import Traffic
from race_assets.settings.nodes import RateLimit

log = logging.getLogger(__name__)
# It logs each URL whole, with the keys in it, for whoever listens at DEBUG.
logging.getLogger("urllib3").setLevel(logging.INFO)

THREADS = 32
SHORTEST_TIMEOUT_S = 1.0
Value = TypeVar("Value")


class HttpSession:
    """Requests to one API, of any number of threads, kept below its limit and tried again where that helps.

    Args:
        api: its name, for messages.
        limit: how fast it may be asked.
        actions: its table from a reply to what is done; a request may bring its own.
        access: how to log in; none sends no token.
        lock: entered before the first request and held until `close`: the lock of the API, across processes.
        client_cert: files of the client's certificate and key (None where the first has both).
        secret_params: names of query parameters whose values are never shown, beyond those that sound secret.
    """

    def __init__(
        self,
        api: str,
        limit: RateLimit,
        *,
        actions: Actions | None = None,
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        headers: Mapping[str, str] | None = None,
        access: Access | None = None,
        lock: AbstractContextManager[Any] | None = None,
        client_cert: tuple[Path, Path | None] | None = None,
        secret_params: Collection[str] = (),
        timing: Timing | None = None,
    ) -> None:
        self.api = api
        self._actions = actions or Actions()
        self._timing = timing or Timing()
        self._policy = retries or RetryPolicy()
        self._timeouts = timeouts or Timeouts()
        self._access = access
        self._lock = lock
        self._locked = False
        self._door = threading.Lock()
        self._secret_params = secret_params
        self._bucket = TokenBucket(limit.requests_per_second, limit.burst_size, self._timing)
        self._traffic = Traffic()
        self._counting = threading.Lock()
        self._requests = _requests_session(client_cert, headers or {})

    def __repr__(self) -> str:
        return f"HttpSession({self.api!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def traffic(self) -> Traffic:
        """What has been done so far."""
        return self._traffic

    def close(self) -> None:
        """Ends the connections and gives the API's lock back."""
        self._requests.close()
        with self._door:
            if self._locked and self._lock is not None:
                self._locked = False
                self._lock.__exit__(None, None, None)

    def request(self, method: str, url: str, **parts: Any) -> Reply | None:
        """Sends a request until it succeeds, and gives the whole reply; None means the API has no data for it.

        Args:
            method: GET or POST.
            url: without secrets in it; they go into `params`.
            parts: `params`, `json`, `form`, `headers`, `weight` and `actions`, as in `Call`.

        Raises:
            ApiUnavailableError: it failed in passing, on every try.
            ApiRefusedError: the API refuses it, or answers with what nobody knows.
        """
        return self.perform(Call(method, url, **parts), WholeBody())

    def get_json(self, url: str, **parts: Any) -> Any:
        """GETs a document; None where the API has no data. Parts and errors as for `request`."""
        return self._json(Call("GET", url, **parts))

    def post_json(self, url: str, body: Any, **parts: Any) -> Any:
        """POSTs a document as JSON and gives the one that comes back. Parts and errors as for `request`."""
        return self._json(Call("POST", url, json=body, **parts))

    def post_form(self, url: str, form: Mapping[str, str], **parts: Any) -> Any:
        """POSTs a form and gives the JSON document that comes back. Parts and errors as for `request`."""
        return self._json(Call("POST", url, form=form, **parts))

    def _json(self, call: Call) -> Any:
        call = replace(call, headers={"Accept": "application/json", **call.headers})
        reply = self.perform(call, WholeBody(as_json=True))
        return None if reply is None else reply.document

    def perform(self, call: Call, receiver: Receiver[Value]) -> Value | None:
        """Sends a request until its receiver has what it wants; None means the API has no data.

        Raises:
            ApiUnavailableError: it failed in passing, on every try.
            ApiRefusedError: the API refuses it, or answers with what nobody knows.
        """
        self._hold_lock()
        token = self._access.login.token() if self._access else None
        retries: Retries | None = None
        logged_in_again = False
        while True:
            self._count(waited_s=self._bucket.take(call.weight))
            retries = retries or Retries(self._policy, self._timing)
            received = self._attempt(call, token, receiver, retries)
            verdict = received.verdict
            if verdict.action in {Action.SUCCESS, Action.NO_DATA}:
                return received.value if verdict.action is Action.SUCCESS else None
            if verdict.action is Action.RETRY:
                retries = Retries(self._policy, self._timing) if received.progressed else retries
                log.debug("%s %s", self._shown(call), verdict.reason)
                self._count(waited_s=retries.pause(self._shown(call), verdict.reason, received.retry_after_s))
            elif verdict.action is Action.RELOGIN and self._access and token and not logged_in_again:
                token = self._another_token(self._access, token, f"{self._shown(call)} {verdict.reason}")
                logged_in_again, retries = True, None
            else:
                again = ", with a new session as well" if logged_in_again else ""
                raise ApiRefusedError(f"{self._shown(call)} {verdict.reason}{again}", verdict.code)
            self._count(retries=1)

    def _shown(self, call: Call) -> str:
        """The request as a message may name it."""
        try:
            url = requests.Request(call.method, call.url, params=call.params).prepare().url or ""
        except (requests.RequestException, UnicodeError):
            url = call.url
        return f"{self.api}: {call.method} {shown(url, self._secret_params)}"

    def _another_token(self, access: Access, token: str, trouble: str) -> str:
        try:
            return access.login.refused(token)
        except ApiRefusedError as error:
            raise type(error)(f"{trouble}, and no new session helps: {error}", error.code) from error

    def _hold_lock(self) -> None:
        with self._door:
            if self._lock is not None and not self._locked:
                self._lock.__enter__()
                self._locked = True
                # Whoever had the lock until now may have sent his burst just before.
                self._bucket.empty()

    def _count(self, requests: int = 0, retries: int = 0, waited_s: float = 0, bytes_in: int = 0) -> None:
        with self._counting:
            old = self._traffic
            self._traffic = Traffic(
                old.requests + requests, old.retries + retries, old.waited_s + waited_s, old.bytes_in + bytes_in
            )

    def _attempt(self, call: Call, token: str | None, receiver: Receiver[Value], retries: Retries) -> Received[Value]:
        """Sends it once; a connection that fails is a verdict as well."""
        self._count(requests=1)
        try:
            response = self._send(call, token, receiver.headers(), max(SHORTEST_TIMEOUT_S, retries.left_s))
        except BROKEN as error:
            return Received(named(error))
        answer = Answer(response, lambda: retries.left_s <= 0)
        try:
            return receiver.receive(answer, lambda reply: self._judged(call, reply))
        except BrokenAnswerError as error:
            return Received(error.verdict)
        finally:
            self._count(bytes_in=answer.bytes_in)
            response.close()

    def _send(self, call: Call, token: str | None, wanted: Mapping[str, str], left_s: float) -> requests.Response:
        access = self._access.headers(token) if self._access and token else {}
        return self._requests.request(
            call.method,
            call.url,
            params=call.params,
            json=call.json,
            data=call.form,
            headers={**access, **call.headers, **wanted},
            timeout=(min(self._timeouts.connect_s, left_s), min(self._timeouts.read_s, left_s)),
            allow_redirects=False,
            stream=True,
            proxies=_proxies(call.url),
        )

    def _judged(self, call: Call, reply: Reply) -> Received[Any]:
        """The verdict on a reply, with what it says about where to go and when to come back."""
        verdict = (call.actions or self._actions).verdict(reply)
        if verdict.action is Action.GIVE_UP and (target := reply.headers.get("Location")):
            onward = f"{verdict.reason} and sends us on to {shown(target)}; check the URL in the settings"
            verdict = replace(verdict, reason=onward)
        return Received(verdict, retry_after_s=retry_after_s(reply.headers, self._timing.now()))


def _requests_session(cert: tuple[Path, Path | None] | None, headers: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    # No netrc: its passwords would go along. Authorities and proxies of the environment are looked up below.
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept-Encoding": "gzip", "User-Agent": "race_assets", **headers})
    if cert:
        session.cert = (str(cert[0]), str(cert[1])) if cert[1] else str(cert[0])
    adapter = HTTPAdapter(pool_connections=THREADS, pool_maxsize=THREADS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _proxies(url: str) -> dict[str, str]:
    """The environment's, but none to this machine itself."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        # What is no URL is told where it is sent.
        return {}
    is_loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return {} if is_loopback else dict(get_environ_proxies(url))
