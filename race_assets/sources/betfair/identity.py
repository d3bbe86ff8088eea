"""Who we are to Betfair: one session for all processes of a machine, and when to log in, renew, wait or stop."""

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from race_assets.errors import ApiRefusedError, ApiUnavailableError, LoginRefusedError, RaceAssetsError
from race_assets.http.retry import RetryPolicy
from race_assets.http.timing import Timing
from race_assets.settings.aws import AwsSettings
from race_assets.settings.betfair import BetfairAccount
from race_assets.sources.betfair.login import API, RETRIES, LoginService
from race_assets.sources.betfair.refusals import BANNED, INVALID_CREDENTIALS, remedy
from race_assets.sources.betfair.session_file import Known, SessionFile, binding, hashed, is_hash_of

log = logging.getLogger(__name__)

LIFE_S = 12 * 3600
SHORT_LIFE_S = 20 * 60
SHORT_LIVED = {"it", "es"}
"""Seconds a session lives unless it is kept alive; the lesser of what is told of each place (API_CONTRACTS 1.5)."""

BAN_S = 20 * 60
REFUSAL_S = 20 * 60
"""A refusal about the account's state is not asked for again by this process so soon: a person must act first."""

YOUNG_S = 60
KEEP_ALIVE_PAUSE_S = 60
CLOCK_STEP_S = 60


@dataclass(frozen=True)
class _Refusal:
    """A login that was refused, and when."""

    code: str
    at: float


class Identity:
    """The Betfair session of one account; any number of threads and processes may use it.

    Args:
        account: its credentials and hosts.
        home: the folder with the file the processes share.
        aws: where credentials that are `aws:` references are looked up.
        timing: clock, sleep and chance of the requests.
        retries: how a login that fails in passing is tried again.

    Raises:
        SettingsError: credentials are missing or the certificate cannot be used.
    """

    def __init__(
        self,
        account: BetfairAccount,
        home: Path,
        aws: AwsSettings | None = None,
        *,
        timing: Timing | None = None,
        retries: RetryPolicy = RETRIES,
    ) -> None:
        self._timing = timing or Timing()
        self._service = LoginService(account, aws or AwsSettings(), self._timing, retries)
        self._file = SessionFile(home)
        self._binding = binding(self._service.username, self._service.app_key, self._service.host)
        self._life_s = SHORT_LIFE_S if account.jurisdiction in SHORT_LIVED else LIFE_S
        self._known = Known()
        self._refusal: _Refusal | None = None
        self._no_keep_alive_before = 0.0

    def __repr__(self) -> str:
        return f"Identity({self._service.host!r})"

    @property
    def app_key(self) -> str:
        """The application key, which the exchange API wants in each request."""
        return self._service.app_key

    @property
    def has_kept_session(self) -> bool:
        """Return whether the session of an earlier login is kept; `token` then tries no password."""
        with self._file.locked():
            return bool(self._file.read(self._binding).token)

    def token(self) -> str:
        """The session's token: the one all processes share, kept alive, or of a new login where there is none.

        Raises:
            LoginRefusedError: Betfair refuses the login; says what the person must do.
            ApiUnavailableError: the login service does not answer, or logins are banned for some minutes.
        """
        known = self._known
        if known.token and not self._is_due(known):
            return known.token
        with self._file.locked():
            return _token(self._renewed(self._file.read(self._binding)))

    def refused(self, token: str) -> str:
        """Another token for one an API no longer takes; of all processes, one logs in.

        Errors as for `token`; also ApiRefusedError where a session that has just begun is alive all the same: then the
        account lacks what was asked for, and no login would help.
        """
        with self._file.locked():
            known = self._file.read(self._binding)
            if known.token and known.token != token:
                self._known = known
                return known.token
            if (
                known.token
                and self._age_s(known.logged_in_at) < YOUNG_S
                and (alive := self._service.keep_alive(token).token)
            ):
                self._put_down(replace(known, token=alive, renewed_at=self._timing.now()))
                raise ApiRefusedError(
                    f"{API}: the API refuses a session that has just begun and is alive; check that the account has"
                    " bought or may see what was asked for"
                )
            return _token(self._logged_in(known))

    def keep_alive_if_due(self) -> bool:
        """Renews a session that is half its life old; says whether it did. Errors as for `token`."""
        if not self._known.token or not self._is_due(self._known):
            return False
        with self._file.locked():
            known = self._file.read(self._binding)
            renewed = self._renewed(known)
        return renewed.renewed_at > known.renewed_at

    def logout(self) -> None:
        """Ends the session, of all processes; the next request logs in again. A service that fails is let be."""
        with self._file.locked():
            known = self._file.read(self._binding)
            if known.token:
                with suppress(RaceAssetsError):
                    self._service.log_out(known.token)
                self._put_down(replace(known, token=None))
        self._known = Known()

    def close(self) -> None:
        """Ends the connections; the session goes on for the other processes."""
        self._service.close()

    def _age_s(self, moment: float) -> float:
        """Seconds since, or infinitely many for a moment well to come: the clock has been set back."""
        age = self._timing.now() - moment
        return max(age, 0.0) if age > -CLOCK_STEP_S else float("inf")

    def _is_due(self, known: Known) -> bool:
        now = self._timing.now()
        return self._age_s(known.renewed_at) >= self._life_s / 2 and (
            now >= self._no_keep_alive_before or self._age_s(known.renewed_at) >= self._life_s
        )

    def _put_down(self, known: Known) -> Known:
        self._file.write(self._binding, known)
        self._known = known
        return known

    def _renewed(self, known: Known) -> Known:
        """The session, after whatever it needs: nothing, a keep-alive or a login."""
        if not known.token or self._age_s(known.renewed_at) >= self._life_s:
            return self._logged_in(known)
        self._known = known
        return self._kept_alive(known, known.token) if self._is_due(known) else known

    def _kept_alive(self, known: Known, token: str) -> Known:
        try:
            answered = self._service.keep_alive(token)
        except RaceAssetsError as error:
            # The session has half its life left: work goes on with it.
            log.warning("Betfair session not renewed, trying again in a minute: %s", error)
            self._no_keep_alive_before = self._timing.now() + KEEP_ALIVE_PAUSE_S
            return known
        if answered.token is None:
            log.info("Betfair session has ended (%s), logging in", answered.code)
            return self._logged_in(known)
        return self._put_down(replace(known, token=answered.token, renewed_at=self._timing.now()))

    def _logged_in(self, known: Known) -> Known:
        """Logs in unless it is known to be useless or forbidden; the caller holds the file's lock."""
        self._check_ban(known)
        self._check_refusals(known)
        answered = self._service.log_in()
        now = self._timing.now()
        if answered.token is None:
            raise self._told(known, answered.code, now)
        if answered.code not in {"SUCCESS", ""}:
            log.warning("Betfair lets us in with limits: %s; %s", answered.code, remedy(answered.code))
        self._refusal = None
        return self._put_down(Known(token=answered.token, logged_in_at=now, renewed_at=now))

    def _told(self, known: Known, code: str, now: float) -> RaceAssetsError:
        """Remembers a refusal, and gives the error that tells it."""
        known = replace(known, token=None)
        if code == BANNED:
            known = replace(known, banned_until=now + BAN_S)
        elif code == INVALID_CREDENTIALS:
            known = replace(known, refused_credentials=hashed(self._credentials()))
        else:
            self._refusal = _Refusal(code, now)
        self._put_down(known)
        return _banned(known.banned_until) if code == BANNED else self._refusal_error(code)

    def _check_ban(self, known: Known) -> None:
        if 0 < known.banned_until - self._timing.now() <= BAN_S:
            raise _banned(known.banned_until)

    def _check_refusals(self, known: Known) -> None:
        if known.refused_credentials and is_hash_of(known.refused_credentials, self._credentials()):
            raise self._refusal_error(INVALID_CREDENTIALS)
        if self._refusal and self._age_s(self._refusal.at) < REFUSAL_S:
            raise self._refusal_error(self._refusal.code)

    def _credentials(self) -> str:
        return f"{self._service.username}\0{self._service.password}"

    def _refusal_error(self, code: str) -> LoginRefusedError:
        anyway = f"; to try the same ones anyway, remove {self._file.path}" if code == INVALID_CREDENTIALS else ""
        host = self._service.host
        return LoginRefusedError(f"{API}: {host} refuses the login, {code}: {remedy(code)}{anyway}", code)


def _banned(until: float) -> ApiUnavailableError:
    moment = datetime.fromtimestamp(until, UTC)
    return ApiUnavailableError(
        f"{API}: too many logins ({BANNED}): no login is tried before {moment:%H:%M:%S} UTC; {remedy(BANNED)}"
    )


def _token(known: Known) -> str:
    if known.token is None:
        raise AssertionError("unreachable: a login without a token raises")
    return known.token
