"""What goes into a session and comes out of it: a request, what became of it, who takes it in; nothing is sent here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from race_assets.http.actions import Action, Actions, Reply, Verdict
from race_assets.http.answer import Answer

Value_co = TypeVar("Value_co", covariant=True)


@dataclass(frozen=True)
class Timeouts:
    """Seconds: until a connection stands, and between two pieces of an answer."""

    connect_s: float = 10
    read_s: float = 30


class Login(Protocol):
    """Who has the session token of an API."""

    def token(self) -> str:
        """The token to use now."""

    def refused(self, token: str) -> str:
        """Another token for the one the API no longer takes."""


@dataclass(frozen=True)
class Access:
    """How requests prove who they are: a login, and the headers its token goes into."""

    login: Login
    headers: Callable[[str], Mapping[str, str]]


@dataclass(frozen=True)
class Call:
    """One request; its secrets are not in its repr."""

    method: str
    url: str
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    weight: float = 1
    actions: Actions | None = None


@dataclass(frozen=True)
class Received(Generic[Value_co]):
    """What has become of one answer; `progressed` says that a try that failed still brought us much further."""

    verdict: Verdict
    value: Value_co | None = None
    retry_after_s: float = 0
    progressed: bool = False


class Receiver(Protocol[Value_co]):
    """Who takes an answer in."""

    def headers(self) -> Mapping[str, str]:
        """What it wants to be asked for in the next try."""

    def receive(self, answer: Answer, judge: Callable[[Reply], Received[Any]]) -> Received[Value_co]:
        """Reads the answer as far as it is wanted; `judge` says what its status and the body's beginning mean."""


class WholeBody:
    """Takes an answer in whole.

    Args:
        as_json: what succeeds must be a JSON document.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json

    def headers(self) -> Mapping[str, str]:
        """Nothing beyond what was asked."""
        return {}

    def receive(self, answer: Answer, judge: Callable[[Reply], Received[Any]]) -> Received[Reply]:
        """Reads all of the body, whatever the status: refusals are told there."""
        reply = Reply(answer.status, answer.headers, answer.body())
        received = judge(reply)
        if received.verdict.action is Action.SUCCESS and self._as_json and reply.document is None:
            return Received(Verdict(Action.GIVE_UP, "answered with something that is no JSON"))
        return replace(received, value=reply)
