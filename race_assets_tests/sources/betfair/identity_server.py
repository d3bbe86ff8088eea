"""Betfair's login service as API_CONTRACTS 1 and 9 describe it, on this machine; also a process that logs in."""

import itertools
import sys
from dataclasses import dataclass, field
from pathlib import Path

from race_assets.settings.betfair import BetfairAccount
from race_assets.settings.secrets import Secret
from race_assets.sources.betfair.identity import Identity
from race_assets_tests.http.server import Say, Seen, Server, say_json

USERNAME, PASSWORD, APP_KEY = "racing.fan", "pa ss&wörd=1", "SampleAppKey0000"
PAGE = Say(200, b"<!doctype html><title>Log in</title>", {"Content-Type": "text/html"})


@dataclass
class Betfair:
    """The service: what it has given out, and what it is to say next.

    Args:
        answers: said in place of its own answer to a login, one after the other: a code, or a whole answer.
        keep_alives: the same for keep-alives.
        renames: a keep-alive gives another token.
    """

    server: Server
    password: str = PASSWORD
    answers: list[str | Say] = field(default_factory=list)
    keep_alives: list[Say] = field(default_factory=list)
    renames: bool = False
    alive: set[str] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.server.serve("/identity/api/login", self.login)
        self.server.serve("/cert/api/certlogin", self.cert_login)
        self.server.serve("/identity/api/keepAlive", self.keep_alive)
        self.server.serve("/identity/api/logout", self.logout)

    def asked(self, what: str) -> int:
        """How often an operation was called."""
        return sum(seen.path.endswith(f"/api/{what}") for seen in list(self.server.seen))

    def login(self, seen: Seen) -> Say:
        said = self._refusal(seen)
        if isinstance(said, Say):
            return said
        if said and said != "LIMITED_ACCESS":
            return self._document("", "FAIL", said)
        return self._document(self._new(), said or "SUCCESS", "PERSONAL_MESSAGE_REQUIRED" if said else "")

    def cert_login(self, seen: Seen) -> Say:
        said = self._refusal(seen)
        if isinstance(said, Say):
            return said
        if said and said != "LIMITED_ACCESS":
            return say_json({"loginStatus": said})
        return say_json({"sessionToken": self._new(), "loginStatus": said or "SUCCESS"})

    def keep_alive(self, seen: Seen) -> Say:
        if self.keep_alives:
            return self.keep_alives.pop(0)
        token = seen.headers["X-Authentication"]
        if token not in self.alive:
            return self._document("", "FAIL", "NO_SESSION")
        return self._document(self._new() if self.renames else token, "SUCCESS", "")

    def logout(self, seen: Seen) -> Say:
        token = seen.headers["X-Authentication"]
        if token not in self.alive:
            return self._document("", "FAIL", "NO_SESSION")
        self.alive.discard(token)
        return self._document(token, "SUCCESS", "")

    def _refusal(self, seen: Seen) -> str | Say | None:
        if seen.headers["Accept"] != "application/json":
            return PAGE
        if seen.headers["Content-Type"] != "application/x-www-form-urlencoded" or seen.method != "POST":
            return "INPUT_VALIDATION_ERROR"
        if self.answers:
            return self.answers.pop(0)
        right = {"username": USERNAME, "password": self.password}
        if seen.form != right or seen.headers["X-Application"] != APP_KEY:
            return "INVALID_USERNAME_OR_PASSWORD"
        return None

    def _new(self) -> str:
        token = f"token-{next(self._numbers)}="
        self.alive.add(token)
        return token

    def _document(self, token: str, status: str, error: str) -> Say:
        return say_json({"token": token, "product": APP_KEY, "status": status, "error": error})


def account(url: str, **changes: object) -> BetfairAccount:
    """The account that the service knows, unless changed."""
    secrets = {"username": USERNAME, "password": PASSWORD, "app_key": APP_KEY}
    given = {name: Secret(text) for name, text in secrets.items()}
    hosts = {"identity_url": f"{url}/identity", "identity_cert_url": f"{url}/cert"}
    return BetfairAccount.model_validate({**given, **hosts, **changes})


def main(url: str, home: str, refused: str) -> None:
    """One process among several: says its token; given one that is refused, another one for it."""
    identity = Identity(account(url), Path(home))
    print("ready", flush=True)
    sys.stdin.readline()
    print(identity.refused(refused) if refused else identity.token())


if __name__ == "__main__":
    main(*sys.argv[1:])
