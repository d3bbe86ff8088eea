"""What can go wrong between a good answer and its reader: the switches, and when each of them fires.

A fault either replaces the answer (`status`, `too_many`, `page`, `reset`, `sometimes`) or acts on it. At most one
replacing fault fires for a request, the first that is still live; those that spoil a body wait for a genuine answer. So
`status(503, times=2)` and `truncate(times=1)` on one route give two 503, one truncated body, then good ones.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from threading import Lock

from race_assets_tests.fake_betfair.messages import JSON, Answer, Request, html

ANY = "*"
REPLACING = frozenset(("status", "too_many", "page", "reset", "sometimes"))
SPOILING = frozenset(("cut", "truncate", "duplicate", "gzip"))
FAILING = REPLACING | {"cut", "truncate"}
IN_SECONDS, AS_DATE = "seconds", "date"


@dataclass
class Fault:
    """One switch. It lets the first `after` requests pass, then fires `times` times (null is for ever).

    `fired` counts. The other attributes have a meaning by kind: `code` of status; `seconds` of latency, of each pause
    of a drip, and of Retry-After; `retry_after` null, "seconds" or "date"; `at_byte` of cut and truncate (null is
    half); `share` and `seed` of sometimes; `chunk` bytes at a time of a drip.
    """

    kind: str
    times: int | None = None
    after: int = 0
    code: int = 503
    seconds: float = 0.0
    retry_after: str | None = None
    at_byte: int | None = None
    share: float = 0.0
    seed: int = 0
    chunk: int = 64
    fired: int = 0
    seen: int = 0
    random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - the same requests fail every time

    def fires(self) -> bool:
        """Whether this request is one of its own; counts."""
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.fired >= self.times):
            return False
        if self.kind == "sometimes" and self.random.random() >= self.share:
            return False
        self.fired += 1
        return True


def latency(seconds: float, times: int | None = None, *, after: int = 0) -> Fault:
    """Waits before answering."""
    return Fault("latency", times, after, seconds=seconds)


def status(code: int = 503, times: int | None = None, *, after: int = 0) -> Fault:
    """An HTTP status of 4xx or 5xx instead of the answer."""
    return Fault("status", times, after, code=code)


def too_many(times: int | None = None, *, retry_after: str | None = None, seconds: float = 1, after: int = 0) -> Fault:
    """429; `retry_after` null, "seconds" or "date" (an HTTP date that many seconds from now)."""
    return Fault("too_many", times, after, code=429, retry_after=retry_after, seconds=seconds)


def page(times: int | None = None, *, after: int = 0) -> Fault:
    """200 with an HTML page where JSON, bz2 or CSV was asked for."""
    return Fault("page", times, after)


def reset(times: int | None = None, *, after: int = 0) -> Fault:
    """The connection is reset without an answer."""
    return Fault("reset", times, after)


def sometimes(share: float, seed: int = 0, *, code: int = 500) -> Fault:
    """A share of the requests, drawn from a seed, is answered with 500."""
    return Fault("sometimes", share=share, seed=seed, code=code)


def cut(at_byte: int | None = None, times: int | None = None, *, after: int = 0) -> Fault:
    """The body ends at that byte, and Content-Length agrees: only its content tells."""
    return Fault("cut", times, after, at_byte=at_byte)


def truncate(at_byte: int | None = None, times: int | None = None, *, after: int = 0) -> Fault:
    """The connection ends at that byte of the body, short of its Content-Length."""
    return Fault("truncate", times, after, at_byte=at_byte)


def duplicate(times: int | None = None, *, after: int = 0) -> Fault:
    """Every other entry of a JSON list comes twice."""
    return Fault("duplicate", times, after)


def gzipped(times: int | None = None, *, after: int = 0) -> Fault:
    """The body is encoded with gzip, whatever was accepted."""
    return Fault("gzip", times, after)


def drip(seconds: float, chunk: int = 64, times: int | None = None, *, after: int = 0) -> Fault:
    """The body comes `chunk` bytes at a time with a pause before each: a read timeout for who waits less."""
    return Fault("drip", times, after, seconds=seconds, chunk=chunk)


def expire(after: int = 0, times: int | None = 1) -> Fault:
    """The session ends once `after` requests of the route have been served: the next one finds its token expired."""
    return Fault("expire", times, after)


class Board:
    """The switches that are on, by route; `*` is every route.

    `mercy` is how often the same request may fail of them (null: any number). With several requests at a time it is
    chance which of them a fault meets, and one that meets them all has no try left.
    """

    def __init__(self) -> None:
        self.mercy: int | None = None
        self._failed: Counter[str] = Counter()
        self._faults: list[tuple[str, Fault]] = []
        self._lock = Lock()

    def add(self, route: str, fault: Fault) -> Fault:
        """Turns one on."""
        with self._lock:
            self._faults.append((route, fault))
        return fault

    def clear(self, route: str | None = None) -> None:
        """Turns off those of a route, or all."""
        with self._lock:
            self._faults = [each for each in self._faults if route not in (None, each[0])]

    def before(self, request: Request) -> list[Fault]:
        """The faults that act before or instead of an answer."""
        fired: list[Fault] = []
        with self._lock:
            for fault in self._of(request):
                if fault.kind in SPOILING or (fault.kind in REPLACING and any(f.kind in REPLACING for f in fired)):
                    continue
                if self._meets(request, fault):
                    fired.append(fault)
        return fired

    def after(self, request: Request) -> list[Fault]:
        """The faults that spoil a genuine answer."""
        with self._lock:
            return [fault for fault in self._of(request) if fault.kind in SPOILING and self._meets(request, fault)]

    def _meets(self, request: Request, fault: Fault) -> bool:
        """Whether the fault fires for this request; one that is spared is none of the fault's."""
        if fault.kind not in FAILING:
            return fault.fires()
        same = f"{request.method} {request.path} {json.dumps(request.params, sort_keys=True)}"
        if (self.mercy is not None and self._failed[same] >= self.mercy) or not fault.fires():
            return False
        self._failed[same] += 1
        return True

    def _of(self, request: Request) -> Iterator[Fault]:
        names = (ANY, request.route, *request.operations)
        return (fault for route, fault in self._faults if route in names)


def replacement(fault: Fault) -> Answer:
    """What a replacing fault says (a reset says nothing)."""
    if fault.kind == "page":
        return html()
    answer = html("Service trouble", fault.code, title=str(fault.code))
    if fault.retry_after == IN_SECONDS:
        answer.headers["Retry-After"] = str(max(round(fault.seconds), 0))
    elif fault.retry_after == AS_DATE:
        moment = datetime.now(UTC) + timedelta(seconds=fault.seconds)
        answer.headers["Retry-After"] = format_datetime(moment, usegmt=True)
    return answer


def spoil(fault: Fault, answer: Answer) -> Answer:
    """The answer after a fault has acted on its body; `truncate` acts when it is sent."""
    if fault.kind == "cut":
        return _with_body(answer, answer.body[: at_byte(fault, answer)])
    if fault.kind == "gzip":
        return _with_body(answer, gzip.compress(answer.body, mtime=0), {"Content-Encoding": "gzip"})
    if fault.kind == "duplicate" and answer.content_type == JSON:
        entries = json.loads(answer.body)
        if isinstance(entries, list):
            twice = [again for at, each in enumerate(entries) for again in [each] * (2 - at % 2)]
            return _with_body(answer, json.dumps(twice).encode())
    return answer


def at_byte(fault: Fault, answer: Answer) -> int:
    """Where the body is to end."""
    return len(answer.body) // 2 if fault.at_byte is None else fault.at_byte


def _with_body(answer: Answer, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return Answer(answer.status, body, answer.content_type, answer.headers | (headers or {}))
