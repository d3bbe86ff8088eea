"""The APIs: whether they let us in, and whether the account may see what is wanted; at most one login is made."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from race_assets.errors import ApiRefusedError, ApiUnavailableError, LoginRefusedError, RaceAssetsError, SettingsError
from race_assets.http.call import Access
from race_assets.http.retry import RetryPolicy
from race_assets.http.session import HttpSession
from race_assets.pipeline.doctor.database import skew
from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, skipped, well
from race_assets.settings import Settings
from race_assets.sources.betfair.exchange.client import GREYHOUNDS, ExchangeClient
from race_assets.sources.betfair.historic_client import HistoricClient
from race_assets.sources.betfair.identity import Identity
from race_assets.sources.betfair.refusals import BANNED, INVALID_CREDENTIALS, remedy
from race_assets.sources.betfair.replies import EXCHANGE
from race_assets.sources.racing_post.client import RacingPostClient
from race_assets.sources.racing_post.replies import INVALID_KEY, NOT_ENTITLED

LOGIN, KEY, MARKETS, HISTORIC = "Betfair login", "Betfair application key", "Betfair markets", "Betfair historic data"
API_CLOCK, RACING_POST = "clock of Betfair", "Racing Post"
QUICK = RetryPolicy(attempts=2, base_s=0.5, cap_s=2, deadline_s=10)

MEANT = {
    INVALID_CREDENTIALS: "wrong username or password",
    "STRONG_AUTH_CODE_REQUIRED": "a second factor is wanted",
    "INVALID_PIN": "the second factor is wrong",
    "BETTING_RESTRICTED_LOCATION": "this region is refused",
    "SECURITY_RESTRICTED_LOCATION": "this region is refused",
    "FORBIDDEN": "this region or address is refused",
    BANNED: "banned for 20 minutes after too many logins",
}
KEYS = {
    "INVALID_APP_KEY": (
        "the key is wrong or not active",
        "activate a live key for this account (Betfair's Accounts API visualiser), and set betfair.app_key to it",
    ),
    "NO_APP_KEY": ("no key is sent", "set betfair.app_key"),
    "ACCESS_DENIED": ("the key may not do this", "ask Betfair to enable the key, or set betfair.jurisdiction"),
}


def findings(settings: Settings) -> Iterator[Finding]:
    """Betfair, then Racing Post."""
    yield from _betfair(settings)
    yield _racing_post(settings)


def _betfair(settings: Settings) -> Iterator[Finding]:
    later = (KEY, MARKETS, API_CLOCK, HISTORIC)
    account = settings.betfair
    if not (account.username or account.password or account.app_key):
        yield skipped(LOGIN, "no account is set (betfair.username, betfair.password, betfair.app_key)")
        yield from (skipped(thing, "there is no account") for thing in later)
        return
    try:
        identity = Identity(account, settings.home, settings.aws, retries=QUICK)
    except RaceAssetsError as error:
        yield Finding(LOGIN, PROBLEM, str(error), "set what is missing, best as a variable", is_credentials=True)
        yield from (skipped(thing, "nobody can log in") for thing in later)
        return
    try:
        is_kept = identity.has_kept_session
        refusal = _login(identity)
        kept = "there is a session of an earlier login; the password was not tried"
        yield refusal or well(LOGIN, kept if is_kept else "logged in")
        if refusal:
            yield from (skipped(thing, "there is no session") for thing in later)
            return
        yield from _exchange(settings, identity)
        yield _historic(settings, identity)
    finally:
        identity.close()


def _login(identity: Identity) -> Finding | None:
    """What keeps us from a session."""
    try:
        identity.token()
    except LoginRefusedError as error:
        code = error.code or ""
        said = f"{MEANT.get(code, 'it is refused')} ({code})"
        return Finding(LOGIN, PROBLEM, said, remedy(code), is_credentials=True)
    except ApiUnavailableError as error:
        if BANNED in str(error):
            return Finding(LOGIN, PROBLEM, f"{MEANT[BANNED]}: {error}", remedy(BANNED))
        return Finding(
            LOGIN, PROBLEM, f"the login service does not answer: {error}", "see whether this machine is online"
        )
    except ApiRefusedError as error:
        return Finding(LOGIN, PROBLEM, str(error), "check betfair.identity_url and betfair.jurisdiction")
    return None


def _exchange(settings: Settings, identity: Identity) -> Iterator[Finding]:
    """The key, the clock, and whether there are markets, by one small question and a second one about one market."""
    source = settings.sources.betfair_exchange

    def proof(token: str) -> dict[str, str]:
        return {"X-Authentication": token, "X-Application": identity.app_key}

    access = Access(identity, proof)
    with HttpSession("betfair_exchange", source.rate_limit, actions=EXCHANGE, access=access, retries=QUICK) as session:
        try:
            asked = {"filter": {"eventTypeIds": [GREYHOUNDS]}}
            reply = session.request(
                "POST", f"{source.url}/listEvents/", json=asked, headers={"Accept": "application/json"}
            )
        except ApiRefusedError as error:
            said, step = KEYS.get(error.code or "", (str(error), "check betfair.app_key and betfair.jurisdiction"))
            yield Finding(KEY, PROBLEM, f"{said} ({error.code})", step, is_credentials=True)
            yield from (skipped(thing, "the key is refused") for thing in (MARKETS, API_CLOCK))
            return
        except ApiUnavailableError as error:
            yield Finding(KEY, PROBLEM, f"the exchange does not answer: {error}", "try again later")
            yield from (skipped(thing, "the exchange does not answer") for thing in (MARKETS, API_CLOCK))
            return
    yield from _markets(settings, identity)
    yield _api_clock(reply.headers.get("Date") if reply else None)


def _markets(settings: Settings, identity: Identity) -> Iterator[Finding]:
    client = ExchangeClient(settings.sources.betfair_exchange, identity)
    try:
        entries = client.catalogue(datetime.now(UTC))
        books = client.books([entries[0].market_id]) if entries else []
    except ApiUnavailableError as error:
        yield well(KEY, "it is taken")
        yield Finding(MARKETS, PROBLEM, f"the exchange does not answer: {error}", "try again later")
        return
    except RaceAssetsError as error:
        yield Finding(KEY, PROBLEM, str(error), "check betfair.app_key", is_credentials=True)
        yield skipped(MARKETS, "they could not be listed")
        return
    finally:
        client.close()
    if any(book.is_market_data_delayed for book in books):
        step = "activate a live key for this account, and set betfair.app_key to it"
        yield Finding(KEY, WARNING, "it is a delayed key: prices come late and without what was traded", step)
    else:
        yield well(
            KEY, "it is taken, and is a live key" if books else "it is taken; no market shows yet whether it is live"
        )
    hours = settings.sources.betfair_exchange.hours_ahead
    if entries:
        yield well(MARKETS, f"{len(entries):,} in the next {hours:g} hours")
    else:
        said = f"none in the next {hours:g} hours in {', '.join(settings.sources.betfair_exchange.countries)}"
        yield Finding(
            MARKETS, WARNING, said, "nothing, when there is no racing; else widen sources.betfair_exchange.countries"
        )


def _api_clock(told: str | None) -> Finding:
    if told is None:
        return skipped(API_CLOCK, "its answers carry no date")
    try:
        return skew(API_CLOCK, parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return skipped(API_CLOCK, f"the date of its answers cannot be read: {told}")


def _historic(settings: Settings, identity: Identity) -> Finding:
    source = settings.sources.betfair_historic
    if not settings.fetches("betfair_historic"):
        return skipped(HISTORIC, "it is not fetched by runs (sources.betfair_historic.fetch.enabled or .cron)")
    client = HistoricClient(source.fetch.url, source.rate_limit, identity)
    try:
        months = [month for month in client.my_data() if month[0] == source.fetch.plan]
    except RaceAssetsError as error:
        return Finding(HISTORIC, PROBLEM, str(error), "log in on historicdata.betfair.com once and accept its terms")
    finally:
        client.close()
    if not months:
        said = f"no month of the {source.fetch.plan} plan is bought"
        return Finding(
            HISTORIC, PROBLEM, said, "put months of Greyhound Racing into the basket there; BASIC costs nothing"
        )
    _, year, month = max(months)
    return well(HISTORIC, f"{len(months):,} months of the {source.fetch.plan} plan, the newest is {year}-{month:02}")


def _racing_post(settings: Settings) -> Finding:
    if settings.racing_post.base_url is None:
        return skipped(RACING_POST, "no feed is set (racing_post.base_url)")
    try:
        client = RacingPostClient(settings)
    except SettingsError as error:
        return Finding(RACING_POST, PROBLEM, str(error), "set the key of your contract", is_credentials=True)
    try:
        client.races_on(datetime.now(UTC).date())
    except RaceAssetsError as error:
        return _feed_refuses(error)
    finally:
        client.close()
    return well(RACING_POST, "the key is taken")


def _feed_refuses(error: RaceAssetsError) -> Finding:
    if isinstance(error, LoginRefusedError):
        step = "correct racing_post.api_key, or username and password"
        return Finding(
            RACING_POST, PROBLEM, f"the key is refused ({error.code or INVALID_KEY})", step, is_credentials=True
        )
    if isinstance(error, ApiRefusedError) and error.code == NOT_ENTITLED:
        step = "ask Racing Post for the operation GetRaceInfo"
        return Finding(RACING_POST, PROBLEM, f"the licence does not hold races ({error.code})", step)
    if isinstance(error, ApiRefusedError):
        return Finding(RACING_POST, PROBLEM, str(error), "check racing_post.base_url and racing_post.paths")
    return Finding(RACING_POST, PROBLEM, f"the feed does not answer: {error}", "try again later")
