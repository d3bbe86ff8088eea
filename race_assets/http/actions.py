"""The one table from a reply to what is done about it; what an API's bodies say is added by its source."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

HEAD_BYTES = 1024
HTML_MARKS = (b"<!doctype html", b"<html")


class Action(Enum):
    """What a reply asks for."""

    SUCCESS = "success"
    RETRY = "retry"
    RELOGIN = "log in again, then retry"
    GIVE_UP = "give up"
    NO_DATA = "no data"


@dataclass(frozen=True)
class Reply:
    """What came back. Of a download that succeeds, `body` is the beginning only."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        """It is a page for people, whatever its Content-Type says."""
        return looks_like_html(self.body)

    @cached_property
    def document(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Verdict:
    """What is done about a reply, why in words that follow the URL, and the API's own code if it gave one."""

    action: Action
    reason: str = ""
    code: str | None = None


Judge = Callable[[Reply], Verdict | None]
"""What an API's body says; None leaves the reply to its status."""

BY_STATUS = {
    200: Action.SUCCESS,
    201: Action.SUCCESS,
    202: Action.RETRY,
    204: Action.NO_DATA,
    206: Action.SUCCESS,
    408: Action.RETRY,
    425: Action.RETRY,
    429: Action.RETRY,
    **dict.fromkeys(range(500, 600), Action.RETRY),
    501: Action.GIVE_UP,
    505: Action.GIVE_UP,
}
"""A status that is not here is unknown, and unknown means give up."""

REMEDIES = {
    401: "the credentials were not taken; check them in the settings",
    403: "access is refused; check the account, its purchases and whether the API allows this country",
    404: "there is nothing at this address; check the URL in the settings",
    407: "the proxy wants credentials; check the proxy of the environment",
}


@dataclass(frozen=True)
class Actions:
    """The table of one API.

    Args:
        statuses: what its statuses mean where they mean something else than usual (404: no data).
        html: what to do about a page in place of the JSON or bytes that were asked for.
        judge: looks at the body first, for error codes in it.
    """

    statuses: Mapping[int, Action] = field(default_factory=dict)
    html: Action = Action.GIVE_UP
    judge: Judge | None = None

    def verdict(self, reply: Reply) -> Verdict:
        """What to do about a reply."""
        if self.judge and (told := self.judge(reply)):
            return told
        action = self.statuses.get(reply.status) or BY_STATUS.get(reply.status, Action.GIVE_UP)
        if action is Action.SUCCESS and reply.is_html:
            return Verdict(self.html, "answered with a web page in place of data")
        return Verdict(action, _reason(reply))


def looks_like_html(body: bytes) -> bool:
    """The body begins as an HTML page does, after white space, a byte order mark, an XML line or a comment.

    One that ends within that beginning is a page that was cut: no data of ours begins with `<`.
    """
    head = body[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<?xml", b"<!--")):
        return any(mark in head for mark in HTML_MARKS)
    return bool(head) and any(head.startswith(mark) or mark.startswith(head) for mark in HTML_MARKS)


def _reason(reply: Reply) -> str:
    remedy = REMEDIES.get(reply.status)
    return f"answered {reply.status}" + (f": {remedy}" if remedy else "")
