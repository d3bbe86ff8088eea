"""A file from an API onto the disk, whole and verified or not at all; which one, and what is good, is not here."""

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

from race_assets.errors import ApiUnavailableError, TransientError
from race_assets.http.actions import HEAD_BYTES, Action, Reply, Verdict
from race_assets.http.answer import Answer, BrokenAnswerError
from race_assets.http.call import Call, Received
from race_assets.http.session import HttpSession

UNFINISHED = ".download"
PROGRESS_BYTES = 1 << 20
"""A try that brings this much more than any before it is no failure: the count of tries starts anew."""

PARTIAL = 206
UNSATISFIABLE = 416


@dataclass(frozen=True)
class Downloaded:
    """A file that is there, how long it is, and how often it was taken up again in the middle."""

    path: Path
    size: int
    resumed: int


def download(
    session: HttpSession,
    call: Call,
    target: Path,
    verify: Callable[[Path], None] | None = None,
    *,
    is_proof: bool = False,
) -> Downloaded | None:
    """Fetches a file: to a temporary name beside `target`, checked, synced, and only then to its name.

    A transfer that breaks is taken up where it broke if the server can (206) and started again if not. What a killed
    process left is written over.

    Args:
        session: of the file's API; its limit, retries and login apply.
        call: the request.
        target: the file's name; one that is there is replaced.
        verify: raises `TransientError` for a file that may be whole another time, anything else for one that is bad.
        is_proof: what `verify` lets pass cannot be parts of two versions of the file, such as bytes with a checksum.

    Returns:
        The file, or None where the API has no data.

    Raises:
        ApiUnavailableError: it did not come whole on any try, or another process is fetching it.
        ApiRefusedError: the API refuses it, or answers with what nobody knows.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _unfinished(target) as file:
        receiver = _FileReceiver(file, _unfinished_path(target), verify, is_proof=is_proof)
        done = session.perform(call, receiver)
        if done is None:
            return None
        os.fsync(file.fileno())
        _unfinished_path(target).replace(target)
        return replace(done, path=target)


def clear_unfinished(folder: Path) -> int:
    """Removes what killed downloads have left in a folder, not what is being written; gives their number."""
    cleared = 0
    for path in folder.glob(f".*{UNFINISHED}"):
        # Whoever was writing it may be done with it by now.
        with suppress(FileNotFoundError), path.open("rb") as file:
            if _mine(file, path):
                path.unlink()
                cleared += 1
    return cleared


def _unfinished_path(target: Path) -> Path:
    return target.with_name(f".{target.name}{UNFINISHED}")


@contextmanager
def _unfinished(target: Path) -> Iterator[IO[bytes]]:
    """The temporary file, locked against other processes; it is gone at the end unless it was renamed."""
    path = _unfinished_path(target)
    while True:
        file = open(path, "ab", opener=private)  # noqa: SIM115 - it is closed by who gets it
        if _mine(file, path):
            break
        file.close()
        if path.exists() and _is_locked(path):
            raise ApiUnavailableError(f"{target}: another process is downloading this file; try again when it is done")
    with file:
        try:
            yield file
        finally:
            if _is_named(file, path):
                path.unlink()


def private(name: str, flags: int) -> int:
    """Open a file that only its owner may read: what a provider sells is not for every account of the machine."""
    return os.open(name, flags, 0o600)


def _mine(file: IO[bytes], path: Path) -> bool:
    """Locks the file; False where another holds it, or it has been renamed or removed meanwhile."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return _is_named(file, path)


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_named(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class _FileReceiver:
    """Writes an answer into the file, from where the last one stopped if that is what comes."""

    def __init__(self, file: IO[bytes], path: Path, verify: Callable[[Path], None] | None, *, is_proof: bool) -> None:
        self._file = file
        self._is_proof = is_proof
        self._path = path
        self._verify = verify
        self._size = 0
        self._total: int | None = None
        self._furthest = 0
        self._validator: str | None = None
        self._resumable = False
        self._resumed = 0

    def headers(self) -> Mapping[str, str]:
        """Unpacked, so that bytes can be counted; and only what is missing, if it is still the same file."""
        headers = {"Accept-Encoding": "identity"}
        if self._resumable and self._size:
            headers["Range"] = f"bytes={self._size}-"
            if self._validator:
                headers["If-Range"] = self._validator
        return headers

    def receive(self, answer: Answer, judge: Callable[[Reply], Received[Any]]) -> Received[Downloaded]:
        """Writes what comes; a transfer that breaks leaves what it has brought."""
        if answer.status in {PARTIAL, UNSATISFIABLE} and self._size:
            if not self._continues(answer):
                self._begin_again()
                return Received(Verdict(Action.RETRY, "did not go on where the transfer broke"))
            self._resumed += 1
            return self._written(answer.pieces())
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - as HTTP says
            return judge(Reply(answer.status, answer.headers, answer.body()))
        pieces = answer.pieces()
        head = _head(pieces)
        received = judge(Reply(answer.status, answer.headers, head))
        if received.verdict.action is not Action.SUCCESS:
            return received
        self._begin_again()
        self._learn(answer.headers)
        return self._written(chain([head], pieces))

    def _begin_again(self) -> None:
        self._file.truncate(0)
        self._size = 0
        self._resumable = False
        self._resumed = 0

    def _learn(self, headers: Mapping[str, str]) -> None:
        """How long the file is, and whether a part of it could be told from a part of another."""
        packed = headers.get("Content-Encoding", "identity").lower() != "identity"
        length = headers.get("Content-Length", "")
        self._total = int(length) if length.isdecimal() and not packed else None
        self._validator = _validator(headers)
        self._resumable = not packed and (self._validator is not None or self._is_proof)

    def _continues(self, answer: Answer) -> bool:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if answer.status != PARTIAL or not found or int(found[1]) != self._size:
            return False
        if self._validator and _validator(answer.headers) not in (self._validator, None):
            return False
        if found[2] != "*" and self._total is None:
            self._total = int(found[2])
        return found[2] == "*" or int(found[2]) == self._total

    def _written(self, pieces: Iterable[bytes]) -> Received[Downloaded]:
        try:
            for piece in pieces:
                self._file.write(piece)
                self._size += len(piece)
        except BrokenAnswerError as error:
            progressed = self._size >= self._furthest + PROGRESS_BYTES
            self._furthest = max(self._furthest, self._size)
            return Received(error.verdict, progressed=progressed)
        if self._total is not None and self._size != self._total:
            reason = f"sent {self._size} bytes of a file of {self._total}"
            self._begin_again()
            return Received(Verdict(Action.RETRY, reason))
        return self._verified()

    def _verified(self) -> Received[Downloaded]:
        self._file.flush()
        try:
            if self._verify:
                self._verify(self._path)
        except TransientError as error:
            trouble = f"sent a file that is not whole: {error}"
        except Exception:
            # Parts of two versions of the file may have been put together: that is not the file's fault.
            if not self._resumed:
                raise
            trouble = "sent a file that does not fit together"
        else:
            return Received(Verdict(Action.SUCCESS), Downloaded(self._path, self._size, self._resumed))
        self._begin_again()
        return Received(Verdict(Action.RETRY, trouble))


def _validator(headers: Mapping[str, str]) -> str | None:
    tag = headers.get("ETag", "")
    return (tag if tag and not tag.startswith("W/") else None) or headers.get("Last-Modified")


def _head(pieces: Iterator[bytes]) -> bytes:
    """The beginning of the body, enough of it to tell what it is; all of it if it is short."""
    head = b""
    while len(head) < HEAD_BYTES and (piece := next(pieces, b"")):
        head += piece
    return head
