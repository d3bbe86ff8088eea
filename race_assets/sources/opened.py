"""A file's text as a stream of UTF-8 bytes, whatever it is compressed with or encoded in; what it says is not read."""

import bz2
import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from race_assets.errors import UnreadableFileError

CHUNK_BYTES = 1 << 20
_BOM = "\ufeff"


def open_text(path: Path, encoding: str | None = None) -> Any:
    """The file's bytes, as a binary stream that can be read, read by line and moved to an offset.

    Args:
        path: gzip and bzip2 are told by the first bytes, and undone.
        encoding: as Python names it; its text is handed over as UTF-8, what it cannot hold as U+FFFD. None leaves the
            bytes as they are.
    """
    with path.open("rb") as stream:
        magic = stream.read(3)
    opener = gzip.open if magic[:2] == b"\x1f\x8b" else bz2.open if magic == b"BZh" else open
    opened: Any = opener(path, "rb")
    return opened if encoding is None else Transcoded(opened, encoding)


@contextmanager
def reading(path: Path, encoding: str | None = None) -> Iterator[Any]:
    """`open_text` for the length of a block.

    Raises:
        UnreadableFileError: its compressed data is damaged or ends too early.
    """
    try:
        with open_text(path, encoding) as stream:
            yield stream
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile) and error.errno is not None:
            raise
        raise UnreadableFileError(
            "unreadable", f"its compressed data is damaged or ends too early ({error}); fetch the file again"
        ) from error


class Transcoded:
    """A stream of another encoding as UTF-8; offsets are those of the UTF-8 text, without byte order mark."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        while len(self._buffer) < size and self._fill():
            pass
        return self._taken(size)

    def readline(self, limit: int) -> bytes:
        """A line with its end, or as much of it as the limit allows."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched, limit)) < 0 and len(self._buffer) < limit:
            searched = len(self._buffer)
            if not self._fill():
                break
        return self._taken(end + 1 if end >= 0 else limit)

    def seek(self, offset: int) -> None:
        """Moves to an offset: onward by reading, back by beginning again."""
        if offset < self._at:
            self._stream.seek(0)
            self._begin()
        while self._at < offset and self.read(min(offset - self._at, CHUNK_BYTES)):
            pass

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self._encoding)("replace")
        self._buffer = b""
        self._at = 0
        self._is_fresh = True
        self._is_ended = False

    def _fill(self) -> bool:
        """Adds to the buffer; false at the end."""
        if self._is_ended:
            return False
        chunk = self._stream.read(CHUNK_BYTES)
        self._is_ended = not chunk
        text = self._decoder.decode(chunk, final=self._is_ended)
        if self._is_fresh and text:
            text = text.removeprefix(_BOM)
            self._is_fresh = False
        self._buffer += text.encode()
        return True

    def _taken(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        self._at += len(taken)
        return taken
