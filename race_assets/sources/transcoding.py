"""Compressed files and other encodings as one stream of UTF-8 bytes, in bounded memory; lines are not known here."""

import bz2
import codecs
import io
import os
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from race_assets.errors import UnreadableFileError
from race_assets.sources.dialect import is_utf_8
from race_assets.sources.unpack_limits import TooLargeError, UnpackLimits

CHUNK_BYTES = 1 << 20
PACKED_BYTES = 1 << 16
"""Compressed bytes that are unpacked at once: behind each of many small streams the rest of them is copied."""
KEPT_BYTES = 4 << 20
"""How far back a seek costs nothing: more than the longest row that is looked at ahead of the next one."""


GZIP, BZIP2 = b"\x1f\x8b", b"BZh"
GZIP_BITS = 31

Trailing = Callable[[int], None]
"""Is told how many bytes behind the compressed data are none."""


def open_text(
    path: Path,
    encoding: str | None = None,
    on_trailing: Trailing | None = None,
    limits: UnpackLimits | None = None,
) -> Any:
    """Open the file's bytes as a binary stream that can seek, decompressed where its first bytes say gzip or bzip2.

    Args:
        path: the file.
        encoding: of its text. Another one than UTF-8 is read as UTF-8, without its byte order mark, and offsets are
            those of the UTF-8 text; what cannot be decoded is U+FFFD.
        on_trailing: called at the end of the text, if other bytes than zeros follow its compressed data.
        limits: of what compressed bytes may unpack to; None for a file that has been read whole before, or whose
            beginning is all that is read.
    """
    stream = _open_bytes(path, on_trailing, limits)
    return stream if is_utf_8(encoding) else io.BufferedReader(Transcoded(stream, encoding or ""), CHUNK_BYTES)


def _open_bytes(path: Path, on_trailing: Trailing | None, limits: UnpackLimits | None) -> Any:
    stream = path.open("rb")
    magic = stream.read(3)
    stream.seek(0)
    if magic.startswith((GZIP, BZIP2)):
        return io.BufferedReader(Unpacked(stream, on_trailing, limits), CHUNK_BYTES)
    return stream


@contextmanager
def reading(
    path: Path,
    encoding: str | None = None,
    on_trailing: Trailing | None = None,
    limits: UnpackLimits | None = None,
) -> Iterator[Any]:
    """Give `open_text` for the length of a block.

    Raises:
        UnreadableFileError: its compressed data is damaged, ends too early or unpacks to more than it may.
    """
    try:
        with open_text(path, encoding, on_trailing, limits) as stream:
            yield stream
    except TooLargeError as error:
        raise UnreadableFileError("unreadable", str(error)) from None
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UnreadableFileError(
            "unreadable", f"its compressed data is damaged or ends too early ({error}); fetch the file again"
        ) from error


class Derived(io.RawIOBase):
    """Bytes made from another stream; it seeks back over the last ones, else by starting again."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream
        self._start()

    def _start(self) -> None:
        """Go back to the first byte."""
        self._stream.seek(0)
        self._window = b""
        self._window_start = 0
        self._index = 0
        self._is_done = False

    @abstractmethod
    def _more(self) -> bytes:
        """Return some more bytes, or none; sets `_is_done` where there will be no more."""

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def seekable(self) -> bool:
        """Return that it is, at the price of reading."""
        return True

    def tell(self) -> int:
        """Return the position in the bytes that are made."""
        return self._window_start + self._index

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte; from the end is not supported."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of derived bytes is not known")
        target = offset + (self.tell() if whence == io.SEEK_CUR else 0)
        if target < self._window_start:
            self._start()
        self._index = min(target - self._window_start, len(self._window))
        while self.tell() < target and self._fill():
            self._index = min(target - self._window_start, len(self._window))
        return self.tell()

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; 0 at the end."""
        view = memoryview(buffer)
        if not self._fill():
            return 0
        taken = self._window[self._index : self._index + len(view)]
        view[: len(taken)] = taken
        self._index += len(taken)
        return len(taken)

    def close(self) -> None:
        """Close the stream below it too."""
        if not self.closed:
            self._stream.close()
        super().close()

    def _fill(self) -> bool:
        """Make bytes until there are some to read; False at the end."""
        while self._index == len(self._window) and not self._is_done:
            kept = self._window[-KEPT_BYTES:]
            self._window_start += len(self._window) - len(kept)
            self._window, self._index = kept + self._more(), len(kept)
        return self._index < len(self._window)


class Unpacked(Derived):
    """The text of gzip or bzip2 data.

    Raises:
        EOFError, OSError, zlib.error: as `_texts`.
        TooLargeError: it is longer than it may be.
    """

    def __init__(self, stream: Any, on_trailing: Trailing | None, limits: UnpackLimits | None = None) -> None:
        self._on_trailing = on_trailing
        self._limits = limits
        super().__init__(stream)

    def _start(self) -> None:
        super()._start()
        texts = _texts(self._stream, self._on_trailing)
        packed = os.fstat(self._stream.fileno()).st_size
        self._texts = texts if self._limits is None else self._limits.checked(texts, packed)

    def _more(self) -> bytes:
        text = next(self._texts, None)
        self._is_done = text is None
        return text or b""


def _texts(stream: Any, on_trailing: Trailing | None) -> Iterator[bytes]:
    """Yield the text of compressed streams that follow one another, in bounded pieces; zeros behind them are padding.

    Raises:
        EOFError: the data ends within a stream.
        OSError, zlib.error: a stream is damaged.
    """
    data = stream.read(PACKED_BYTES)
    magic = GZIP if data.startswith(GZIP) else BZIP2
    while data.startswith(magic):
        unpacker: Any = zlib.decompressobj(GZIP_BITS) if magic == GZIP else bz2.BZ2Decompressor()
        while not unpacker.eof:
            data = data or (stream.read(PACKED_BYTES) if getattr(unpacker, "needs_input", True) else b"")
            text = unpacker.decompress(data, CHUNK_BYTES)
            if not (data or text or unpacker.eof):
                raise EOFError("the end of its last stream is missing")
            data = getattr(unpacker, "unconsumed_tail", b"")
            if text:
                yield text
        data = unpacker.unused_data.lstrip(b"\0")
        while len(data) < len(BZIP2) and (more := stream.read(PACKED_BYTES)):
            data = (data + more).lstrip(b"\0")
    if data and on_trailing is not None:
        on_trailing(len(data) + sum(map(len, iter(lambda: stream.read(CHUNK_BYTES), b""))))


class Transcoded(Derived):
    """A stream of text in some encoding, as UTF-8 bytes."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        super().__init__(stream)

    def _start(self) -> None:
        super()._start()
        self._decoder.reset()
        self._is_at_start = True

    def _more(self) -> bytes:
        chunk = self._stream.read(CHUNK_BYTES)
        self._is_done = not chunk
        text = self._decoder.decode(chunk, final=self._is_done)
        if text and self._is_at_start:
            text = text.removeprefix("\ufeff")
            self._is_at_start = False
        # A surrogate by itself, which some codecs let through, is no text either.
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
