"""Say what a file looks like that its source cannot read, and where such a file belongs."""

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from race_assets.errors import RaceAssetsError
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.sources.transcoding import reading

HEAD_BYTES = 64 << 10
SHOWN = 6
LEAST_COLUMNS = 3
"""Cells a line must have to pass for a header."""
TAR_MARK, TAR_MARK_AT = b"ustar", 257

_MAGIC: Sequence[tuple[bytes, str, str]] = (
    (b"%PDF-", "a PDF document", "land the data it was made of; a PDF is not read"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", "save its sheet as CSV, and land that"),
    (b"PAR1", "a Parquet file", "write it as CSV, and land that"),
    (b"SQLite format 3\0", "an SQLite database", "export its table as CSV, and land that"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it, and land what is in it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it, and land what is in it"),
    (b"\xfd7zXZ\0", "data packed by xz", "unpack it, and land what is in it"),
    (b"\x28\xb5\x2f\xfd", "data packed by Zstandard", "unpack it, and land what is in it"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", "land the data itself; a picture is not read"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "land the data itself; a picture is not read"),
    (b"GIF8", "a picture (GIF)", "land the data itself; a picture is not read"),
    (b"{\\rtf", "a text document (RTF)", "save its table as CSV, and land that"),
)
_IN_ZIP = (
    ("xl/workbook", "an Excel workbook (.xlsx)"),
    ("word/document.xml", "a Word document (.docx)"),
    ("content.xml", "a spreadsheet or document of LibreOffice"),
)
_STREAM = re.compile(rb'^\s*\{[^\n]{0,2000}"(mc|mcm|op)"\s*:')
_JSON = re.compile(rb"^\s*[\[{]")
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r")
_STREAMS = {"betfair_historic", "betfair_exchange"}
_PAYLOADS = {"racing_post_races", "racing_post_form", "racing_post_analysis"}


def described(settings: Settings, source: str, path: Path, name: str) -> str:
    """Return what a file looks like and what to do with it; empty where it looks like one of its source.

    Args:
        settings: name the sources there are.
        source: the one that cannot read it.
        path: where its bytes are.
        name: its name for people.
    """
    head = _head(path)
    for magic, kind, step in _MAGIC:
        if head.startswith(magic):
            return f"it looks like {kind}: {step}"
    if zipfile.is_zipfile(path):
        return _zipped(path) if source not in _STREAMS else _document(path)
    if head[TAR_MARK_AT:].startswith(TAR_MARK):
        return "" if source in _STREAMS else f"it looks like a tar archive: {_whose_archive(settings)}"
    if _STREAM.match(head):
        return (
            "" if source in _STREAMS else f"it looks like a stream of Betfair: {_where(settings, 'betfair_historic')}"
        )
    if _JSON.match(head):
        return "" if source in _PAYLOADS else _json(settings, head)
    is_text = head.strip() and not any(byte in _CONTROL for byte in head.partition(b"\n")[0])
    return _delimited(settings, source, path, name) if is_text else ""


def _json(settings: Settings, head: bytes) -> str:
    if b'"raceId"' in head:
        return f"it looks like an answer of Racing Post: {_where(settings, 'racing_post_races')}, if it holds races"
    return "it looks like JSON, which is read of Betfair's streams and Racing Post's answers only"


def _head(path: Path) -> bytes:
    """Return the first bytes of a file's text, unpacked where gzip or bzip2 packed it."""
    try:
        with reading(path) as stream:
            head: bytes = stream.read(HEAD_BYTES)
    except (RaceAssetsError, OSError, EOFError, zlib.error):
        return b""
    return head.removeprefix(b"\xef\xbb\xbf")


def _document(path: Path) -> str:
    """Describe a zip file that is a document of an office program; any other is for its source to read."""
    kind = next((kind for part, kind in _IN_ZIP if any(part in each for each in _members(path))), None)
    return f"it looks like {kind}: save its sheet as CSV, and land that" if kind else ""


def _zipped(path: Path) -> str:
    members = [each for each in _members(path) if not each.endswith("/")]
    shown = ", ".join(members[:SHOWN]) + (", …" if len(members) > SHOWN else "")
    files = "1 file" if len(members) == 1 else f"{len(members):,} files"
    return _document(path) or f"it looks like a zip archive of {files} ({shown}): unpack it, and land what is in it"


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    # The last one is how zipfile rejects archives of a version or kind that it cannot read.
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _whose_archive(settings: Settings) -> str:
    return f"unpack it, and land what is in it; if it holds streams of Betfair: {_where(settings, 'betfair_historic')}"


def _where(settings: Settings, source: str) -> str:
    """Return how files get to a source."""
    place = f"land it with --source {source}, or put it into {settings.drop_folder(source)}"
    return place if settings.source(source).enabled else f"set sources.{source}.enabled, then {place}"


def _delimited(settings: Settings, source: str, path: Path, name: str) -> str:
    """Describe delimited text by its header."""
    from race_assets.sources.csv_feed import layout
    from race_assets.sources.csv_feed.suggest import OPEN_FEED

    try:
        written = [each.strip() for each in layout.of(path, OPEN_FEED).written if each.strip()]
    except (RaceAssetsError, OSError):
        return ""
    if len(written) < LEAST_COLUMNS:
        return "it looks like text without a table in it"
    names = {each.lower() for each in written}
    headers = {each: registry.create(each, settings).header for each in registry.available(settings)}
    fitting = [each for each, header in headers.items() if header and header <= names]
    if source in fitting:
        return ""
    if fitting:
        best = max(fitting, key=lambda each: len(headers[each]))
        return f"its columns are those of {best}: {_where(settings, best)}"
    shown = ", ".join(written[:SHOWN]) + (", …" if len(written) > SHOWN else "")
    return (
        f"its columns ({shown}) are those of no source: `race-assets feed suggest {name}` writes a feed for such files"
    )
