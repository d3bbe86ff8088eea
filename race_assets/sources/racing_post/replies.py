"""What the Racing Post feed's replies ask for; which requests are made is in `client.py` (API_CONTRACTS 6.4)."""

from typing import Any

from race_assets.http.actions import Action, Actions, Reply, Verdict
from race_assets.settings.racing_post import RacingPostEnvelope

INVALID_KEY, NOT_ENTITLED = "INVALID_API_KEY", "NOT_ENTITLED"
OK, NOT_FOUND = 200, 404
ADDRESS = "correct racing_post.base_url and racing_post.paths"

REFUSALS = {
    400: ("BAD_REQUEST", "correct racing_post.parameters and racing_post.paths after the feed's contract"),
    401: (INVALID_KEY, "correct racing_post.api_key (with auth basic username and password), and racing_post.auth"),
    403: (NOT_ENTITLED, "the licence does not hold this operation: ask Racing Post for it, or disable the source"),
}
"""What each status means that no repetition helps; the feed's own code goes before ours."""

BY_CODE = {"NOT_FOUND": Action.NO_DATA, "RATE_LIMITED": Action.RETRY} | {
    code: Action.GIVE_UP for code, _ in REFUSALS.values()
}


def actions(envelope: RacingPostEnvelope) -> Actions:
    """The feed's table."""

    def judge(reply: Reply) -> Verdict | None:
        code = _code(reply.document, envelope)
        if reply.status in REFUSALS:
            usual, remedy = REFUSALS[reply.status]
            named = f" {code}" if code else ""
            return Verdict(Action.GIVE_UP, f"answered {reply.status}{named}: {remedy}", usual)
        if reply.status == NOT_FOUND and reply.is_html:
            # The feed has words of its own for what it has not: this is another server, or another path.
            return Verdict(Action.GIVE_UP, f"answered 404 with a web page: {ADDRESS}")
        if reply.status != OK or reply.is_html:
            return None
        if code is not None:
            remedy = next((what for usual, what in REFUSALS.values() if usual == code), "see the feed's contract")
            return Verdict(BY_CODE.get(code, Action.GIVE_UP), f"answered {code}: {remedy}", code)
        if reply.document is None:
            return Verdict(Action.RETRY, "sent something that is no whole JSON")
        return None

    return Actions(statuses={NOT_FOUND: Action.NO_DATA}, judge=judge)


def _code(document: Any, envelope: RacingPostEnvelope) -> str | None:
    """The code of an answer that is a refusal, whatever its status."""
    if not isinstance(document, dict) or envelope.data in document:
        return None
    error = document.get(envelope.error)
    code = error.get(envelope.error_code) if isinstance(error, dict) else None
    return code if isinstance(code, str) and code.isascii() else None
