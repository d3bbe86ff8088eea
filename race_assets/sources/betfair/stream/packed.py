"""The text of packed bytes: plain, gzip, bzip2, told by how they begin, or deflate, where a zip archive says so.

Text is handed on in pieces of bounded size, whatever the bytes unfold to.
"""

import bz2
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from race_assets.sources.unpack_limits import UnpackLimits

BZIP2, GZIP = b"BZh", b"\x1f\x8b"
ZIP, TAR_MARK, TAR_MARK_AT = b"PK\x03\x04", b"ustar", 257
GZIP_BITS, DEFLATE_BITS = 31, -15
PIECE = 1 << 20


class DamagedError(ValueError):
    """The bytes end too early or are not what they should be; the text before that was handed on."""


class ChangedError(DamagedError):
    """The checksum says that some byte before has changed: nothing of the text that was handed on is sure."""


def text_of(packed: Iterable[bytes], limits: UnpackLimits, packed_bytes: int) -> Iterator[bytes]:
    """The text of the bytes.

    Args:
        packed: the bytes, in pieces.
        limits: of what they may unpack to.
        packed_bytes: how many they were in the file.

    Raises:
        DamagedError: after all text that can be read.
        TooLargeError: after as much text as there may be.
    """
    pieces = iter(packed)
    first = next(pieces, b"")
    pieces = chain([first], pieces)
    if first.startswith(BZIP2):
        yield from limits.checked(_without_bzip2(pieces), packed_bytes)
    elif first.startswith(GZIP):
        yield from limits.checked(_inflated(pieces, GZIP_BITS, "gzip"), packed_bytes)
    else:
        yield from pieces


def of_no_archive(text: Iterable[bytes]) -> Iterator[bytes]:
    """The text as it is, unless it is an archive or packed once more.

    Raises:
        DamagedError: in place of such text.
    """
    pieces = iter(text)
    first = next(pieces, b"")
    if first.startswith((ZIP, BZIP2, GZIP)) or first[TAR_MARK_AT:].startswith(TAR_MARK):
        raise DamagedError("it is an archive, or packed bytes, within another one; unpack it and land what is in it")
    yield first
    yield from pieces


def inflated(packed: Iterable[bytes], limits: UnpackLimits, packed_bytes: int) -> Iterator[bytes]:
    """The bytes of a member that a zip archive holds deflated; arguments and errors as for `text_of`."""
    return limits.checked(_inflated(iter(packed), DEFLATE_BITS, "deflate"), packed_bytes)


def _without_bzip2(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker, taken = bz2.BZ2Decompressor(), 0
    for piece in pieces:
        data = piece
        while data or not unpacker.needs_input:
            if unpacker.eof:
                # Streams may follow one another.
                data = unpacker.unused_data or data
                unpacker = bz2.BZ2Decompressor()
            try:
                text = unpacker.decompress(data, PIECE)
            except (OSError, ValueError) as error:
                raise DamagedError(f"its bzip2 data are damaged after byte {taken:,} of them: {error}") from None
            data = unpacker.unused_data if unpacker.eof else b""
            if text:
                yield text
            if unpacker.eof and not data:
                break
        taken += len(piece)
    if not unpacker.eof:
        raise DamagedError(f"its bzip2 data end at byte {taken:,}, in the middle of a block")


def _inflated(pieces: Iterator[bytes], bits: int, kind: str) -> Iterator[bytes]:
    unpacker, taken = zlib.decompressobj(bits), 0
    for piece in pieces:
        data = piece
        while data:
            if unpacker.eof:
                unpacker = zlib.decompressobj(bits)
            try:
                text = unpacker.decompress(data, PIECE)
            except zlib.error as error:
                kind_of = ChangedError if "incorrect data check" in str(error) else DamagedError
                raise kind_of(f"its {kind} data are damaged after byte {taken:,} of them: {error}") from None
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if text:
                yield text
        taken += len(piece)
    while not unpacker.eof and (text := unpacker.decompress(unpacker.unconsumed_tail, PIECE)):
        yield text
    if not unpacker.eof:
        raise DamagedError(f"its {kind} data end at byte {taken:,}, before their end mark")
