"""An answer that is still coming in, read in pieces, and what can go wrong with a connection in words; no judgement."""

import http.client
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import requests
import urllib3.exceptions

from race_assets.http.actions import Action, Verdict

PIECE_BYTES = 1 << 16
MOST_BODY = 256 << 20
"""Bytes of an answer that is held in memory; the largest that an API gives have a few megabytes."""
ALWAYS_READ, MOST_RATIO = 32 << 20, 200
"""Unpacked bytes that any answer may have, and how many there may be beyond them per byte that was sent."""
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, UnicodeError)
"""What a connection may raise, on sending or on reading."""

RETRY, GIVE_UP = Action.RETRY, Action.GIVE_UP
TROUBLES: list[tuple[tuple[type[Exception], ...], Verdict]] = [
    (
        (requests.exceptions.InvalidHeader, UnicodeError),
        Verdict(GIVE_UP, "was not sent: a header or the URL has a character HTTP does not allow; check the settings"),
    ),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
            requests.exceptions.InvalidProxyURL,
        ),
        Verdict(GIVE_UP, "was not sent: this is no URL, or its proxy's is none; check the settings"),
    ),
    (
        (requests.exceptions.InvalidJSONError,),
        Verdict(GIVE_UP, "was not sent: a number in it is none JSON has; report this as a fault of race_assets"),
    ),
    ((requests.ConnectTimeout,), Verdict(RETRY, "could not be reached in time")),
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        Verdict(RETRY, "did not answer in time"),
    ),
    (
        (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            ConnectionError,
            ssl.SSLError,
        ),
        Verdict(RETRY, "lost the connection"),
    ),
    ((OSError,), Verdict(GIVE_UP, "was not sent: the client certificate or the authorities' file cannot be read")),
]
"""What each kind of failure asks for; the first that fits counts."""

UNTRUSTED = Verdict(GIVE_UP, "has a TLS certificate that cannot be trusted; check the host and this machine's clock")


class BrokenAnswerError(Exception):
    """The connection failed; caught by the session, which acts on the verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Answer:
    """Status, headers and the body in pieces; `bytes_in` counts what has come over the wire."""

    def __init__(self, response: requests.Response, overdue: Callable[[], bool]) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._raw = response.raw
        self._overdue = overdue

    @property
    def bytes_in(self) -> int:
        """Bytes of the body that were read from the connection, as they came."""
        return int(self._raw.tell())

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, unpacked where it was sent packed.

        Raises:
            BrokenAnswerError: the connection broke, the body ended early, or it unpacks to far more than was sent.
        """
        unpacked = 0
        while True:
            trouble = None
            try:
                piece = self._raw.read1(PIECE_BYTES, decode_content=True)
            except BROKEN as error:
                trouble = named(error)
            if trouble:
                # Out of the `except`: the error underneath names the whole URL, with what is secret in it.
                raise BrokenAnswerError(trouble)
            if not piece:
                return
            unpacked += len(piece)
            if unpacked > max(ALWAYS_READ, MOST_RATIO * self.bytes_in):
                raise BrokenAnswerError(
                    Verdict(GIVE_UP, f"sent bytes that unpack to over {MOST_RATIO} times as many, as no data does")
                )
            yield piece

    def body(self) -> bytes:
        """All of the body.

        Raises:
            BrokenAnswerError: as for `pieces`, or it was not all there when the request's time was over, or too long.
        """
        read, size = [], 0
        for piece in self.pieces():
            read.append(piece)
            size += len(piece)
            if size > MOST_BODY:
                raise BrokenAnswerError(Verdict(GIVE_UP, f"sent an answer of over {MOST_BODY >> 20} MB"))
            if self._overdue():
                raise BrokenAnswerError(Verdict(Action.RETRY, "was still answering when its time was over"))
        return b"".join(read)


def named(error: Exception) -> Verdict:
    """What a connection's failure asks for, in words of ours: the error's own may hold the URL or a header."""
    causes = list(_chain(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return UNTRUSTED
    verdict = next(verdict for kinds, verdict in TROUBLES if isinstance(error, kinds))
    return replace(verdict, reason=f"{verdict.reason} ({type(causes[-1]).__name__})")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those within it: urllib3 keeps them as arguments or as `reason`, Python as context."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        yield inner
        within = (getattr(inner, "reason", None), *inner.args, inner.__cause__, inner.__context__)
        inner = next((each for each in within if isinstance(each, BaseException)), None)
