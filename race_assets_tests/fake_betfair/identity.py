"""Betfair's identity service: log in, stay logged in, log out, and the ban on logging in too often."""

import base64
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from urllib.parse import parse_qsl

from race_assets_tests.fake_betfair.clock import Clock
from race_assets_tests.fake_betfair.messages import Answer, Request, html, json_answer

USERNAME, PASSWORD, APP_KEY = "fake-user", "fake-password", "fake-app-key"
CERTIFICATE_HEADER = "x-client-certificate"
FORM = "application/x-www-form-urlencoded"
BAN = "TEMPORARY_BAN_TOO_MANY_REQUESTS"


@dataclass
class Identity:
    """Accounts, sessions and the ban. Tests may set what it answers: `refusal` is an error for every login.

    With `limited` a login succeeds with LIMITED_ACCESS and that error. `rotates` gives a new token on keepAlive and
    ends the old one. `needs_certificate` makes certlogin ask for the header that stands for a client certificate.
    """

    clock: Clock
    username: str = USERNAME
    password: str = PASSWORD
    app_key: str = APP_KEY
    session: timedelta = timedelta(hours=12)
    login_limit: int = 100
    ban: timedelta = timedelta(minutes=20)
    refusal: str | None = None
    limited: str | None = None
    rotates: bool = False
    needs_certificate: bool = False
    logins: int = 0
    failures: int = 0
    banned_until: datetime | None = None
    _tokens: dict[str, datetime] = field(default_factory=dict)
    _recent: deque[datetime] = field(default_factory=deque)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    # --- for tests and the other services

    def is_valid(self, token: str | None) -> bool:
        """Whether the token opens a session at this moment."""
        with self._lock:
            return self._tokens.get(token or "", self.clock.now()) > self.clock.now()

    def expire(self, token: str | None = None) -> None:
        """Ends a session, or all of them."""
        with self._lock:
            for each in [token] if token is not None else list(self._tokens):
                self._tokens.pop(each, None)

    def new_token(self) -> str:
        """Opens a session without a login."""
        token = base64.b64encode(f"fake-session-{next(self._numbers):06}".encode()).decode()
        with self._lock:
            self._tokens[token] = self.clock.now() + self.session
        return token

    # --- routes

    def login(self, request: Request) -> Answer:
        """The interactive form."""
        if not _wants_json(request):
            return html("Betfair login page")
        error, token = self._let_in(request)
        if error:
            return self._told(request, "LIMITED_ACCESS" if token else "FAIL", token, error)
        return self._told(request, "SUCCESS", token, "")

    def certlogin(self, request: Request) -> Answer:
        """The non-interactive form, with field names of its own."""
        if self.needs_certificate and CERTIFICATE_HEADER not in request.headers:
            return json_answer({"loginStatus": "CERT_AUTH_REQUIRED"})
        error, token = self._let_in(request)
        if token:
            return json_answer({"sessionToken": token, "loginStatus": "LIMITED_ACCESS" if error else "SUCCESS"})
        return json_answer({"loginStatus": error})

    def keep_alive(self, request: Request) -> Answer:
        """Starts the session's life anew."""
        if not _wants_json(request):
            return html("Betfair login page")
        token = request.token
        if token is None or not self.is_valid(token):
            return self._told(request, "FAIL", "", "INPUT_VALIDATION_ERROR" if token is None else "NO_SESSION")
        if self.rotates:
            self.expire(token)
            token = self.new_token()
        with self._lock:
            self._tokens[token] = self.clock.now() + self.session
        return self._told(request, "SUCCESS", token, "")

    def logout(self, request: Request) -> Answer:
        """Ends the session."""
        if not _wants_json(request):
            return html("Betfair login page")
        token = request.token
        if token is None or not self.is_valid(token):
            return self._told(request, "FAIL", "", "INPUT_VALIDATION_ERROR" if token is None else "NO_SESSION")
        self.expire(token)
        return self._told(request, "SUCCESS", token, "")

    # --- how

    def _let_in(self, request: Request) -> tuple[str, str]:
        """An error and a token; both only where access is limited."""
        error = self._refusal(request)
        if error:
            self.failures += 1
            return error, ""
        return self.limited or "", self.new_token()

    def _refusal(self, request: Request) -> str | None:
        form = dict(parse_qsl(request.body.decode(errors="replace")))
        if not request.headers.get("content-type", "").startswith(FORM) or not request.headers.get("x-application"):
            return "INPUT_VALIDATION_ERROR"
        if not form.get("username") or not form.get("password"):
            return "INPUT_VALIDATION_ERROR"
        if self.refusal is not None:
            return self.refusal
        if (form["username"], form["password"]) != (self.username, self.password):
            return "INVALID_USERNAME_OR_PASSWORD"
        return self._count()

    def _count(self) -> str | None:
        """Counts a login, or refuses it for being one too many."""
        now = self.clock.now()
        with self._lock:
            if self.banned_until is not None and now < self.banned_until:
                return BAN
            while self._recent and now - self._recent[0] >= timedelta(minutes=1):
                self._recent.popleft()
            if len(self._recent) >= self.login_limit:
                self.banned_until = now + self.ban
                return BAN
            self._recent.append(now)
            self.logins += 1
            return None

    def _told(self, request: Request, status: str, token: str, error: str) -> Answer:
        product = request.headers.get("x-application", "")
        return json_answer({"token": token, "product": product, "status": status, "error": error})


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
