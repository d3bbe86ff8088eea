"""URLs as they may be shown, without the user and the values that could be secrets; headers are shown nowhere."""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

SECRET = re.compile(r"key|token|secret|pass|pwd|auth|sso|sess|sig|user|login|email|pin\b", re.IGNORECASE)
HIDDEN = "***"


def shown(url: str, secret_params: Collection[str] = ()) -> str:
    """The URL for a message: no userinfo, no fragment, and *** for a query value whose name sounds like a secret.

    Args:
        secret_params: names of further parameters whose values are hidden.
    """
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(a URL that cannot be read)"
    pairs = [
        f"{name}={HIDDEN if name in secret_params or SECRET.search(name) else value}"
        for name, value in parse_qsl(parts.query)
    ]
    # A value without a name cannot be told from a secret.
    query = "&".join(pairs) if pairs else (HIDDEN if parts.query else "")
    return f"{parts.scheme}://{host}{port}{parts.path}" + (f"?{query}" if query else "")
