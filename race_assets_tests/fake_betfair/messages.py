"""A request as it came and an answer as it will go: plain records the services and the server share."""

import json
from dataclasses import dataclass, field
from typing import Any

HTML = "text/html;charset=UTF-8"
JSON = "application/json"


@dataclass
class Answer:
    """What a service says, before any fault touches it."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """One request, and what became of it: also an entry of the log.

    `at` is the monotonic second of arrival, `params` the query, form or JSON object (passwords masked in the log),
    `operations` the exchange operations in it. `status` is null where the connection was reset; `complete` tells
    whether the answer was sent to its end; `answer` is what the service said before any fault spoiled it.
    """

    at: float
    method: str
    path: str
    route: str
    headers: dict[str, str]
    params: dict[str, Any]
    body: bytes = field(repr=False, default=b"")
    token: str | None = None
    operations: tuple[str, ...] = ()
    status: int | None = None
    size: int = 0
    complete: bool = False
    faults: tuple[str, ...] = ()
    answer: Answer | None = field(repr=False, default=None)


def json_answer(value: object, status: int = 200) -> Answer:
    """A JSON body."""
    return Answer(status, json.dumps(value).encode(), JSON)


def html(text: str = "Error", status: int = 200, title: str = "ngErrorRedirect") -> Answer:
    """A page where data was asked for."""
    page = f"<!doctype html>\n<html><head><title>{title}</title></head><body>{text}</body></html>\n"
    return Answer(status, page.encode(), HTML)
