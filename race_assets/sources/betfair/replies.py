"""What Betfair's replies ask for, by API: error codes in bodies, pages in place of data; the login's are in `login`."""

from collections.abc import Iterator
from typing import Any

from race_assets.http.actions import Action, Actions, Reply, Verdict

ERRORS: dict[str, tuple[Action, str]] = {
    "INVALID_SESSION_INFORMATION": (Action.RELOGIN, "the session has ended"),
    "NO_SESSION": (Action.RELOGIN, "the session has ended"),
    "UNEXPECTED_ERROR": (Action.RETRY, "Betfair's own trouble"),
    "TOO_MANY_REQUESTS": (Action.RETRY, "too many at once"),
    "SERVICE_BUSY": (Action.RETRY, "Betfair is busy"),
    "TIMEOUT_ERROR": (Action.RETRY, "Betfair took too long"),
    "TOO_MUCH_DATA": (Action.GIVE_UP, "ask for fewer markets at once"),
    "REQUEST_SIZE_EXCEEDS_LIMIT": (Action.GIVE_UP, "ask for no more than 250 markets at once"),
    "INVALID_INPUT_DATA": (Action.GIVE_UP, "a parameter is wrong; report this as a fault of race_assets"),
    "NO_APP_KEY": (Action.GIVE_UP, "set betfair.app_key"),
    "INVALID_APP_KEY": (Action.GIVE_UP, "correct betfair.app_key"),
    "ACCESS_DENIED": (Action.GIVE_UP, "the application key may not do this; check it and betfair.jurisdiction"),
}
"""What each errorCode of the exchange asks for (API_CONTRACTS 3.7); one that is not here is given up."""

UNKNOWN = (Action.GIVE_UP, "look the code up in Betfair's API documentation")
OK = 200


def exchange(reply: Reply) -> Verdict | None:
    """The verdict on an error of the exchange, as REST or JSON-RPC tell it; None where the body has none."""
    if reply.status == OK and b'"error"' not in reply.body:
        return None
    codes = list(_codes(reply.document))
    if not codes:
        return None
    # Of a batch, the error that needs most: one that is given up is given up whatever the others say.
    verdicts = [Verdict(*_named(code), code) for code in codes]
    order = [Action.GIVE_UP, Action.RELOGIN, Action.RETRY]
    return min(verdicts, key=lambda verdict: order.index(verdict.action))


def _named(code: str) -> tuple[Action, str]:
    action, remedy = ERRORS.get(code, UNKNOWN)
    return action, f"answered {code}: {remedy}"


def _codes(document: Any) -> Iterator[str]:
    """The error codes of a body: a REST fault, a JSON-RPC envelope or a batch of envelopes."""
    for envelope in document if isinstance(document, list) else [document]:
        if not isinstance(envelope, dict):
            continue
        error = envelope.get("error")
        if isinstance(error, dict):
            yield _code(error.get("data")) or f"JSON-RPC {error.get('code')}"
        elif "faultcode" in envelope:
            yield _code(envelope.get("detail")) or str(envelope.get("faultstring"))


def _code(detail: Any) -> str | None:
    """The numbers beside it are not to be relied on, the name is (API_CONTRACTS 3.7)."""
    exception = detail.get("APINGException") if isinstance(detail, dict) else None
    code = exception.get("errorCode") if isinstance(exception, dict) else None
    return code if isinstance(code, str) else None


EXCHANGE = Actions(judge=exchange)
"""The betting API's table."""

HISTORIC = Actions(html=Action.RELOGIN)
"""The historic data's table: a bad session and a file that was not bought get the same page (API_CONTRACTS 2.5)."""
