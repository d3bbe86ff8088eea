"""A file of JSON taken apart, each value with the place it stands at; what the values mean is not known here."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from race_assets.errors import UnreadableFileError
from race_assets.http.actions import looks_like_html
from race_assets.sources.base import RowAsRead
from race_assets.sources.transcoding import reading

BOM = b"\xef\xbb\xbf"
SHOWN = 64 * 1024
_DECODER = json.JSONDecoder(strict=False)
_BLANKS = re.compile(r"[ \t\n\r]*")
_BROKEN = (ValueError, RecursionError)


class Part:
    """A value of a JSON text, and where it begins and ends there, in characters."""

    __slots__ = ("_text", "end", "start", "value")

    def __init__(self, text: str, start: int, end: int, value: Any) -> None:
        self._text = text
        self.start = start
        self.end = end
        self.value = value

    def members(self) -> dict[str, "Part"]:
        """What an object holds, by key; of a key that stands twice the last, as JSON readers have it."""
        return {key: part for key, part in self._children() if key is not None}

    def elements(self) -> list["Part"]:
        """What an array holds, or an object whose keys are but numbers of its values."""
        return [part for _, part in self._children()]

    def _children(self) -> Iterator[tuple[str | None, "Part"]]:
        if not isinstance(self.value, dict | list):
            return
        text, at = self._text, _past_blanks(self._text, self.start + 1)
        while text[at] not in "}]":
            key = None
            if isinstance(self.value, dict):
                key, at = _DECODER.raw_decode(text, at)
                at = _past_blanks(text, _past_blanks(text, at) + 1)
            value, end = _DECODER.raw_decode(text, at)
            yield key, Part(text, at, end, value)
            at = _past_blanks(text, end)
            if text[at] == ",":
                at = _past_blanks(text, at + 1)


class Text:
    """A file's text: the JSON documents it begins with, and what follows them that is none.

    Raises:
        UnreadableFileError: it is empty, a page, binary, not UTF-8, or does not begin with a JSON object or array.
    """

    def __init__(self, path: Path) -> None:
        data = _bytes(path)
        if not data.strip():
            raise UnreadableFileError("unreadable", "it is empty: its download or copy failed; get it again")
        if looks_like_html(data):
            raise UnreadableFileError(
                "blocked_page",
                "it is an HTML page saved under this name, not data; the download was blocked: fetch it again",
            )
        self._base = len(BOM) if data.startswith(BOM) else 0
        try:
            self._text = data[self._base :].decode()
        except UnicodeDecodeError as error:
            raise UnreadableFileError(
                "unreadable", f"it is no UTF-8 text (byte {error.start + self._base}); save it as UTF-8"
            ) from None
        self.documents: list[Part] = []
        self.rest_at: int | None = None
        self._read()

    def _read(self) -> None:
        at = _past_blanks(self._text, 0)
        while at < len(self._text):
            try:
                value, end = _DECODER.raw_decode(self._text, at)
            except _BROKEN as error:
                if not self.documents:
                    raise _not_json(error) from None
                self.rest_at = at
                return
            if not isinstance(value, dict | list):
                if not self.documents:
                    raise _not_json(f"it is {json.dumps(value)[:20]} by itself")
                self.rest_at = at
                return
            self.documents.append(Part(self._text, at, end, value))
            at = _past_blanks(self._text, end)

    def byte_offsets(self, starts: Sequence[int]) -> list[int]:
        """Where these characters begin in the file, in bytes; they are given in order."""
        if self._text.isascii():
            return [self._base + start for start in starts]
        found, at, offset = [], 0, self._base
        for start in starts:
            offset += len(self._text[at:start].encode())
            at = start
            found.append(offset)
        return found


def rows_as_read(path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
    """By offset, the JSON value that begins there as it is written, or what stands there in place of one."""
    data = _bytes(path)
    found = {}
    for offset in byte_offsets:
        text = data[offset:].decode("utf-8", "replace")
        try:
            _, end = _DECODER.raw_decode(text)
        except _BROKEN:
            end = len(text.rstrip())
        found[offset] = RowAsRead(text[: min(end, SHOWN)], len(text[:end].encode()))
    return found


def _bytes(path: Path) -> bytes:
    trailing: list[int] = []
    with reading(path, on_trailing=trailing.append) as stream:
        data: bytes = stream.read()
    if trailing:
        raise UnreadableFileError(
            "unreadable", f"{trailing[0]:,} bytes behind its compressed data are none; fetch it again"
        )
    return data


def _past_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _not_json(why: object) -> UnreadableFileError:
    return UnreadableFileError(
        "unreadable", f"it is no whole JSON object or array ({why}); fetch it again, or save the API's answer as it is"
    )
