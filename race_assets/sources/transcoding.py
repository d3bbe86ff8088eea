"""Compressed files and other encodings as one stream of UTF-8 bytes, in bounded memory; lines are not known here."""

import bz2
import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from race_assets.errors import UnreadableFileError
from race_assets.sources.dialect import is_utf_8

CHUNK_BYTES = 1 << 20


def open_text(path: Path, encoding: str | None = None) -> Any:
    """The file's bytes, as a binary stream that can seek; decompressed when its first bytes say gzip or bzip2.

    Args:
        path: the file.
        encoding: of its text. Another one than UTF-8 is read as UTF-8, without its byte order mark, and offsets are
            those of the UTF-8 text; what cannot be decoded is U+FFFD.
    """
    stream = _open_bytes(path)
    return stream if is_utf_8(encoding) else io.BufferedReader(Transcoded(stream, encoding or ""), CHUNK_BYTES)


def _open_bytes(path: Path) -> Any:
    with path.open("rb") as stream:
        magic = stream.read(3)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"BZh":
        return bz2.open(path, "rb")
    return path.open("rb")


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


class Transcoded(io.RawIOBase):
    """A stream of text in some encoding, as UTF-8 bytes; it seeks by reading on, or by starting again."""

    def __init__(self, stream: Any, encoding: str) -> None:
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._start()

    def _start(self) -> None:
        self._stream.seek(0)
        self._decoder.reset()
        self._ready = b""
        self._position = 0
        self._is_done = False
        self._is_at_start = True

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always, at the price of reading."""
        return True

    def tell(self) -> int:
        """Where it stands in the UTF-8 text, in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a byte of the UTF-8 text; from the end is not supported."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of transcoded text is not known")
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if target < self._position:
            self._start()
        while self._position < target and self._fill():
            self._take(target - self._position)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Some bytes of the UTF-8 text; 0 at its end."""
        view = memoryview(buffer)
        if not self._fill():
            return 0
        taken = self._take(len(view))
        view[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        """Closes the stream below it too."""
        if not self.closed:
            self._stream.close()
        super().close()

    def _take(self, most: int) -> bytes:
        taken, self._ready = self._ready[:most], self._ready[most:]
        self._position += len(taken)
        return taken

    def _fill(self) -> bool:
        """Decodes on until there is something to take; False at the end."""
        while not self._ready and not self._is_done:
            chunk = self._stream.read(CHUNK_BYTES)
            self._is_done = not chunk
            text = self._decoder.decode(chunk, final=self._is_done)
            if text and self._is_at_start:
                text = text.removeprefix("\ufeff")
                self._is_at_start = False
            # A surrogate by itself, which some codecs let through, is no text either.
            self._ready = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
        return bool(self._ready)
