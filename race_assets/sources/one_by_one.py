"""Rows of a delimited file taken apart in Python, one by one: those that Polars may not be trusted with."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl

from race_assets.sources.dialect import Dialect

Place = tuple[int, int]
"""Line and byte offset where a row begins."""

PLACED: dict[str, Any] = {"source_row": pl.Int64, "byte_offset": pl.Int64}
NOTED: dict[str, Any] = {**PLACED, "notes": pl.List(pl.String)}
BROKEN: dict[str, Any] = {**PLACED, "rule": pl.String, "message": pl.String}


@dataclass
class OneByOne:
    """Rows as they are taken apart.

    Attributes:
        columns: how many fields a row must have.
        longest: bytes a row may have.
        taken: rows looked at that are not layout.
    """

    dialect: Dialect
    columns: int
    longest: int
    taken: int = 0
    rows: list[list[str]] = field(default_factory=list)
    places: list[tuple[int, int, list[str] | None]] = field(default_factory=list)
    broken: list[tuple[int, int, str, str]] = field(default_factory=list)

    def take(self, row: bytes, place: Place) -> None:
        """Takes a row apart, without its line end; it becomes a row, a broken one, or nothing if it is layout."""
        if b"\n" not in row and self.dialect.is_layout(row):
            return
        self.taken += 1
        if b"\0" in row:
            self._break(place, "text", "the row holds a NUL byte; remove it")
        elif len(row) > self.longest:
            self._break(place, "text", too_long(len(row), self.longest))
        else:
            self._take_text(*decoded(row, self.dialect.encoding), place)

    def _take_text(self, text: str, notes: list[str], place: Place) -> None:
        fields = split(text, self.dialect)
        if fields is None:
            self._break(place, "text", f"{_why_no_row(text, self.dialect)}: {shown(text)}")
            return
        if _has_quote_in_bare_cell(text, self.dialect):
            notes = [*notes, "quote_as_written"]
        if len(fields) != self.columns:
            repaired = self.dialect.repair(fields)
            if repaired is None or len(repaired) != self.columns:
                whose = "the header has" if self.dialect.names is None else "the names given are"
                self._break(place, "field_count", f"{len(fields)} fields where {whose} {self.columns}")
                return
            fields, notes = repaired, [*notes, "repaired"]
        self.rows.append(fields)
        self.places.append((*place, notes or None))

    def _break(self, place: Place, rule: str, message: str) -> None:
        self.broken.append((*place, rule, message))

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The rows' cells as strings (columns 0, 1, …; empty is null), their places and notes, and the broken."""
        cells = dict.fromkeys(map(str, range(self.columns)), pl.String)
        rows = pl.DataFrame(self.rows, schema=cells, orient="row").with_columns(pl.all().replace("", None))
        return rows, pl.DataFrame(self.places, schema=NOTED, orient="row"), broken_frame(self.broken)


def broken_frame(rows: list[tuple[int, int, str, str]]) -> pl.DataFrame:
    """Broken rows: `source_row`, `byte_offset`, `rule`, `message`."""
    return pl.DataFrame(rows, schema=BROKEN, orient="row")


def decoded(line: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """UTF-8 bytes as text, with a note where they are not: see `Dialect.encoding`."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        if encoding is None:
            return line.decode("cp1252", errors="replace"), ["latin_1"]
        text = line.decode(errors="replace")
    return text, ["undecodable"] if encoding is not None and "\ufffd" in text else []


def split(text: str, dialect: Dialect) -> list[str] | None:
    """Return the fields of a row, or None where its quotes make it no row, or more than one.

    A field that begins with a quote ends with one, and has its own quotes doubled; blanks around it are dropped. In any
    other field a quote is a character like others.
    """
    if not dialect.quote or dialect.quote not in text:
        return text.split(dialect.separator)
    if text.count(dialect.quote) % 2:
        return None
    fields: list[str] = []
    pattern, at = _field(dialect.quote, dialect.separator), 0
    while found := pattern.match(text, at):
        quoted, bare, end = found.groups()
        fields.append(bare if quoted is None else quoted.replace(dialect.quote * 2, dialect.quote))
        if end != dialect.separator:
            return fields
        at = found.end()
    return None


@cache
def _field(quote: str, separator: str) -> re.Pattern[str]:
    """Return the pattern of a field and what ends it: what stands between its quotes, or itself, and a separator."""
    mark, end = re.escape(quote), re.escape(separator)
    blanks = "[" + " \t".replace(separator, "") + "]*+"
    quoted = f"{blanks}{mark}((?:[^{mark}]++|{mark}{mark})*+){mark}{blanks}"
    return re.compile(f"(?:{quoted}|(?!{blanks}{mark})([^{end}\r\n]*+))({end}|\\r*\\Z)")


def _has_quote_in_bare_cell(text: str, dialect: Dialect) -> bool:
    """Return whether a quote of the row stands in a field that does not begin with one."""
    if not dialect.quote or dialect.quote not in text:
        return False
    found = _field(dialect.quote, dialect.separator).finditer(text)
    return any(dialect.quote in (bare or "") for _, bare, _ in (each.groups() for each in found))


def _why_no_row(text: str, dialect: Dialect) -> str:
    if text.count(dialect.quote) % 2:
        return "a quote is opened and never closed"
    if "\r" in text or "\n" in text:
        return "a line end stands outside its quotes"
    return "a quote within a quoted cell is not doubled; write it twice"


def is_one_row(lines: bytes, dialect: Dialect) -> bool:
    """Whether these lines are one row by the letter, rather than rows between two stray quotes."""
    text = decoded(lines.removesuffix(b"\r"), dialect.encoding)[0]
    return "\n" not in text or split(text, dialect) is not None


def too_long(length: int, longest: int) -> str:
    """What is said of a line that is too long."""
    return f"the line is {length:,} bytes long, more than {longest:,}; is a line end missing?"


def shown(text: str, most: int = 200) -> str:
    """The text, cut where it is long."""
    return text if len(text) <= most else f"{text[:most]}…"
