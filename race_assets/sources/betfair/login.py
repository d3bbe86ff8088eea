"""Betfair's login service as it is on the wire: log in, keep alive, log out; when to do which is in `identity`."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from race_assets.errors import ApiRefusedError, SettingsError
from race_assets.http.actions import Action, Actions, Reply, Verdict
from race_assets.http.retry import RetryPolicy
from race_assets.http.session import HttpSession
from race_assets.http.timing import Timing
from race_assets.settings.aws import AwsSettings
from race_assets.settings.betfair import BetfairAccount, Jurisdiction
from race_assets.settings.nodes import RateLimit

API = "betfair_identity"
HOSTS: dict[Jurisdiction, tuple[str, str]] = {
    "global": ("https://identitysso.betfair.com", "https://identitysso-cert.betfair.com"),
    "au": ("https://identitysso.betfair.com.au", "https://identitysso-cert.betfair.com"),
    "it": ("https://identitysso.betfair.it", "https://identitysso-cert.betfair.it"),
    "es": ("https://identitysso.betfair.es", "https://identitysso-cert.betfair.es"),
    "ro": ("https://identitysso.betfair.ro", "https://identitysso-cert.betfair.ro"),
    "se": ("https://identitysso.betfair.se", "https://identitysso-cert.betfair.se"),
}
"""Where to log in with a password, and with a certificate (API_CONTRACTS 1.1)."""

LIMIT = RateLimit(requests_per_second=1.5, burst_size=1)
"""90 a minute: 100 logins in a minute are answered with a ban (API_CONTRACTS 1.6)."""

RETRIES = RetryPolicy(attempts=4, base_s=1, cap_s=10, deadline_s=60)
NEEDED = ("username", "password", "app_key")


@dataclass(frozen=True)
class Answered:
    """What the service says: a token if it agrees, the code if it refuses or has something to add."""

    token: str | None
    code: str


class LoginService:
    """Betfair's login service for one account.

    Args:
        account: its credentials and hosts.
        aws: where credentials that are `aws:` references are looked up.
        timing: clock, sleep and chance of the requests.
        retries: how a request that fails in passing is tried again.

    Raises:
        SettingsError: a credential is missing, or the certificate cannot be used; names the settings.
    """

    def __init__(
        self, account: BetfairAccount, aws: AwsSettings, timing: Timing, retries: RetryPolicy = RETRIES
    ) -> None:
        self.username, self.password, self.app_key = _credentials(account, aws)
        host, cert_host = HOSTS[account.jurisdiction]
        self.host = account.identity_url or host
        cert = _certificate(account)
        self._login_url = (
            f"{account.identity_cert_url or cert_host}/api/certlogin" if cert else f"{self.host}/api/login"
        )
        actions = Actions(html=Action.RETRY, judge=_internal_error)
        self._session = HttpSession(API, LIMIT, actions=actions, retries=retries, timing=timing)
        self._login_session = (
            HttpSession(API, LIMIT, actions=actions, retries=retries, timing=timing, client_cert=cert)
            if cert
            else self._session
        )

    def __repr__(self) -> str:
        return f"LoginService({self.host!r})"

    def log_in(self) -> Answered:
        """Asks for a new session.

        Raises:
            ApiUnavailableError: the service did not answer properly on any try.
            ApiRefusedError: it answers with what nobody knows.
        """
        form = {"username": self.username, "password": self.password}
        document = self._login_session.post_form(self._login_url, form, headers={"X-Application": self.app_key})
        return _read(document, self._login_url)

    def keep_alive(self, token: str) -> Answered:
        """Asks for the session to go on; errors as for `log_in`."""
        return self._about("keepAlive", token)

    def log_out(self, token: str) -> Answered:
        """Ends the session; errors as for `log_in`."""
        return self._about("logout", token)

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()
        self._login_session.close()

    def _about(self, what: str, token: str) -> Answered:
        url = f"{self.host}/api/{what}"
        headers = {"X-Application": self.app_key, "X-Authentication": token}
        return _read(self._session.post_form(url, {}, headers=headers), url)


def _credentials(account: BetfairAccount, aws: AwsSettings) -> tuple[str, str, str]:
    values = {name: getattr(account, name) for name in NEEDED}
    texts = {name: value.reveal(aws) for name, value in values.items() if value is not None}
    missing = [name for name in NEEDED if not texts.get(name)]
    if missing:
        settings = ", ".join(f"betfair.{name}" for name in missing)
        variables = ", ".join(f"RACE_ASSETS_BETFAIR__{name.upper()}" for name in missing)
        raise SettingsError(
            f"{settings}: not set, and Betfair lets nobody in without; set them in race_assets.yaml or as {variables}"
        )
    return texts["username"], texts["password"], texts["app_key"]


def _certificate(account: BetfairAccount) -> tuple[Path, Path | None] | None:
    cert, key = account.cert_file, account.key_file
    if cert is None:
        if key is not None:
            raise SettingsError("betfair.key_file is set without betfair.cert_file; set both, or neither")
        return None
    for name, file in (("cert_file", cert), ("key_file", key)):
        if file is not None and not file.is_file():
            raise SettingsError(f"betfair.{name}: there is no file {file}; set it to the certificate's PEM file")
    try:
        # The password is for a key that has one: without, OpenSSL would ask for it on the terminal.
        ssl.create_default_context().load_cert_chain(cert, key, password="")
    except (OSError, ssl.SSLError):
        raise SettingsError(
            f"betfair.cert_file {cert} and its key do not fit together; they must be PEM, the key without password"
        ) from None
    return cert, key


def _internal_error(reply: Reply) -> Verdict | None:
    document = reply.document
    if isinstance(document, dict) and "INTERNAL_ERROR" in {document.get("error"), document.get("loginStatus")}:
        return Verdict(Action.RETRY, "answered INTERNAL_ERROR", "INTERNAL_ERROR")
    return None


def _read(document: Any, url: str) -> Answered:
    """The two logins name the same things differently (API_CONTRACTS 1.2, 1.3)."""
    if not isinstance(document, dict):
        raise ApiRefusedError(f"{API}: {url} answered with JSON that is no object; check betfair.identity_url")
    status = str(document.get("status") or document.get("loginStatus") or "")
    code = str(document.get("error") or status)
    token = document.get("token") or document.get("sessionToken")
    if not isinstance(token, str) or status not in {"SUCCESS", "LIMITED_ACCESS"}:
        token = None
    return Answered(token, code if re.fullmatch(r"[A-Z0-9_]{1,80}", code) else "UNKNOWN")
