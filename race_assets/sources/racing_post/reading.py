"""Payloads as rows of text under our own names, whatever the provider calls things; not what they mean."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from race_assets.errors import UnreadableFileError
from race_assets.settings.racing_post import RacingPostSettings
from race_assets.sources.base import ReadReport
from race_assets.sources.racing_post.document import Part, Text
from race_assets.sources.unpack_limits import UnpackLimits
from race_assets.values.texts import storable

OPERATION, BODY, RACE, RUNNERS = "operation", "body", "race", "runners"
"""Keys of an archived file; `RUNNERS` is one of `RACE`: the names of the dogs, for payloads that give none."""

RACE_NAMES = ("race_id", "race_at", "track_id", "track", "country")
SHOWN = 60
WHOLE = 1e15
MOST_ROWS = 300_000
"""Records and past runs of one file; a day of all meetings has below 60,000."""
MOST_NESTED = 8
"""Arrays and envelopes within each other; nobody wraps an answer more often."""

Row = dict[str, str | None]


@dataclass(frozen=True)
class Operation:
    """One of the API's three operations, and what its payloads are made of.

    Attributes:
        name: in archived files.
        source: that reads them.
        item: our names for what an item of the payload says.
        known_by: the names at least one of which an item of the payload has.
        listed: what an item lists, one record each; none where the item itself is the record.
        runner: our names for what such a one says.
        is_placed: its items say themselves which race they are of, when and where.
    """

    name: str
    source: str
    item: tuple[str, ...]
    known_by: tuple[str, ...]
    listed: str | None
    runner: tuple[str, ...]
    is_placed: bool = False


@dataclass
class Rows:
    """What was read: one row of text per record, `runs` those of past runs, each with its record's `row`."""

    records: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def check_room(self) -> None:
        """Check that one more row may be read.

        Raises:
            UnreadableFileError: there are as many as a file may have.
        """
        if len(self.records) + len(self.runs) >= MOST_ROWS:
            raise UnreadableFileError(
                "unreadable", f"it holds over {MOST_ROWS:,} runners and past runs: split it by races or days"
            )


RUN = (
    "run_id", "run_at", "track_id", "track", "distance", "trap", "grade", "trial", "sectional", "bends", "position",
    "beaten", "other_dog", "remarks", "winner_time", "calc_time", "going", "weight", "sp", "sp_numerator",
    "sp_denominator", "country",
)  # fmt: skip

RACES = Operation(
    "GetRaceInfo",
    "racing_post_races",
    (*RACE_NAMES, "race_title", "grade", "distance", "race_status", "abandoned"),
    ("race_id", "runners"),
    "runners",
    ("dog_id", "dog_name", "trap", "non_runner", "reserved", "vacant", "forecast", "sp", "position"),
    is_placed=True,
)
FORM = Operation("GetHorseForm", "racing_post_form", (*RACE_NAMES, "dog_id", "dog_name"), ("dog_id", "forms"), None, ())
ANALYSIS = Operation(
    "GetExpertAnalysis",
    "racing_post_analysis",
    (*RACE_NAMES, "post_pick", "selection_trap", "danger_trap", "forecast_alt_trap", "race_comment"),
    ("race_id", "post_pick", "selection_trap", "runners"),
    "runners",
    ("dog_id", "dog_name", "trap", "forecast", "chance_of_win", "top_speed", "runner_comment", "forecast_comment"),
)
OPERATIONS = (RACES, FORM, ANALYSIS)
COLUMNS = {
    **{name: pl.String for operation in OPERATIONS for name in (*operation.item, *operation.runner)},
    "known_name": pl.String,
    "odd_rule": pl.String,
    "odd_message": pl.String,
    "source_row": pl.Int64,
    "byte_offset": pl.Int64,
}
RUN_COLUMNS = {"row": pl.Int64, "run_number": pl.Int16, **dict.fromkeys(RUN, pl.String)}


class Reader:
    """Reads payloads of one operation."""

    def __init__(self, operation: Operation, settings: RacingPostSettings) -> None:
        self._operation = operation
        self._envelope = settings.envelope
        self._names: dict[str, tuple[str, ...]] = dict(settings.fields)

    def read(
        self, path: Path, report: ReadReport, limits: UnpackLimits | None = None, most_bytes: int | None = None
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The file's records (`COLUMNS`) and past runs (`RUN_COLUMNS`), as text.

        Args:
            path: the file.
            report: filled with what was found besides records.
            limits: of what compressed bytes may unpack to.
            most_bytes: of the file's text; see `Text`.

        Raises:
            UnreadableFileError: it is no payload of this operation, is too large, or tells of no race.
        """
        text = Text(path, limits, most_bytes)
        rows = Rows()
        is_known = False
        for document in text.documents:
            context, body = self._opened(document)
            for item in self._items(body):
                is_known |= self._is_known(item)
                self._take(item, context, rows)
        if rows.records and not is_known:
            raise self._unknown()
        if not rows.records:
            raise UnreadableFileError("no_data", "the payload holds no items; nothing to take")
        self._refuse_what_is_nowhere(rows)
        if text.rest_at is not None:
            _odd(rows, text.rest_at, "readable", "what follows the JSON is no JSON: it was not taken; fetch it again")
        report.rows_read = len(rows.records)
        report.shape = self._operation.name
        records = pl.DataFrame(rows.records, schema=COLUMNS).with_columns(
            source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
            byte_offset=pl.Series(text.byte_offsets(rows.starts), dtype=pl.Int64),
        )
        return records, pl.DataFrame(rows.runs, schema=RUN_COLUMNS)

    def _opened(self, document: Part) -> tuple[Row, Part]:
        """What an archived file says of its race, and the payload; a bare payload says nothing about itself."""
        if not isinstance(document.value, dict) or not {OPERATION, BODY} <= document.value.keys():
            return {}, document
        operation, members = document.value[OPERATION], document.members()
        if operation != self._operation.name:
            right = [each.source for each in OPERATIONS if each.name == operation]
            remedy = f"land it as {right[0]}" if right else f"operations are {', '.join(o.name for o in OPERATIONS)}"
            raise UnreadableFileError("unreadable", f"it holds an answer of {shown(operation)}: {remedy}")
        race = document.value.get(RACE)
        return self._context(race) if isinstance(race, dict) else {}, members[BODY]

    def _context(self, race: dict[str, Any]) -> Row:
        named = race.get(RUNNERS)
        dogs = {}
        for dog in named if isinstance(named, list) else []:
            if isinstance(dog, dict) and (number := self._text(dog, "dog_id")):
                dogs[f"name of {number}"] = self._text(dog, "dog_name")
        return {**dogs, **self._texts(race, RACE_NAMES)}

    def _items(self, body: Part, depth: int = 0) -> Iterator[Part]:
        """The items of a payload, of all its pages: in an envelope, an array, or one by itself."""
        value = body.value
        if isinstance(value, list) and depth < MOST_NESTED:
            for element in body.elements():
                if isinstance(element.value, dict | list):
                    yield from self._items(element, depth + 1)
                elif element.value is not None:
                    yield element
        elif isinstance(value, dict) and self._envelope.data in value and depth < MOST_NESTED:
            yield from self._items(body.members()[self._envelope.data], depth + 1)
        elif isinstance(value, dict) and self._envelope.error in value and not self._is_known(body):
            error = value[self._envelope.error]
            said = shown(error.get(self._envelope.error_code) if isinstance(error, dict) else error)
            raise UnreadableFileError("unreadable", f"it is a refusal of the API, not data: {said}; fetch it again")
        elif not isinstance(value, dict) or not value.keys() <= {self._envelope.meta}:
            yield body

    def _is_known(self, item: Part) -> bool:
        value = item.value
        known = [name for ours in self._operation.known_by for name in self._names[ours]]
        return isinstance(value, dict) and any(name in value for name in known)

    def _take(self, item: Part, context: Row, rows: Rows) -> None:
        if not isinstance(item.value, dict):
            _odd(rows, item.start, "readable", f"an item of the payload is no object but {shown(item.value)}")
            return
        own = self._texts(item.value, self._operation.item)
        own |= {name: own.get(name) or context.get(name) for name in RACE_NAMES}
        if self._operation is RACES:
            own["abandoned"] = own["abandoned"] or self._abandoned(item.value)
        if self._operation.listed is None:
            _add(rows, item.start, own, context)
            self._take_runs(item, rows)
            return
        runners = self._part(item, self._operation.listed)
        before = len(rows.records)
        for runner in runners.elements() if runners is not None else ():
            if isinstance(runner.value, dict):
                _add(rows, runner.start, own | self._texts(runner.value, self._operation.runner), context)
            else:
                said = f"a runner of race {own['race_id']} is no object but {shown(runner.value)}"
                _add(rows, runner.start, own | {"odd_rule": "readable", "odd_message": said}, context)
        if len(rows.records) == before:
            message = f"race {own['race_id']} lists no runners; fetch it again"
            _add(rows, item.start, own | {"odd_rule": "market_defined", "odd_message": message}, context)

    def _abandoned(self, item: dict[str, Any]) -> str | None:
        results = next((item[name] for name in self._names["results"] if isinstance(item.get(name), dict)), None)
        return self._text(results, "abandoned") if results else None

    def _take_runs(self, item: Part, rows: Rows) -> None:
        forms = self._part(item, "forms")
        number = 0
        for run in forms.elements() if forms is not None else []:
            if isinstance(run.value, dict):
                number += 1
                rows.check_room()
                rows.runs.append({"row": len(rows.records), "run_number": number, **self._texts(run.value, RUN)})

    def _part(self, item: Part, ours: str) -> Part | None:
        members = item.members()
        return next((members[name] for name in self._names[ours] if members.get(name) is not None), None)

    def _texts(self, value: dict[str, Any], names: Sequence[str]) -> Row:
        return {name: self._text(value, name) for name in names}

    def _text(self, value: dict[str, Any], ours: str) -> str | None:
        return next((text for name in self._names[ours] if (text := text_of(value.get(name))) is not None), None)

    def _refuse_what_is_nowhere(self, rows: Rows) -> None:
        """A file none of whose items says which race it is of cannot be placed by any registry."""
        if self._operation.is_placed or any(row.get("race_id") and row.get("race_at") for row in rows.records):
            return
        theirs = ", ".join(self._names[name][0] for name in ("race_id", "race_at", "track"))
        raise UnreadableFileError(
            "unreadable",
            f"it does not say which race it is for: fetch it with `race-assets fetch {self._operation.source}`, or add "
            f"{theirs} to each item",
        )

    def _unknown(self) -> UnreadableFileError:
        theirs = ", ".join(name for ours in self._operation.known_by for name in self._names[ours])
        return UnreadableFileError(
            "unreadable",
            f"it is no payload of {self._operation.name}: no item has any of {theirs}; correct racing_post.fields, or "
            "land it as the source it is of",
        )


def _add(rows: Rows, start: int, row: Row, context: Row) -> None:
    rows.check_room()
    rows.starts.append(start)
    rows.records.append({**row, "known_name": context.get(f"name of {row.get('dog_id')}")})


def _odd(rows: Rows, start: int, rule: str, message: str) -> None:
    _add(rows, start, {"odd_rule": rule, "odd_message": storable(message)}, {})


def shown(value: Any) -> str:
    """What a message shows of a value."""
    return "an array or object" if isinstance(value, list | dict) else storable(str(value)[:SHOWN])


def text_of(value: Any) -> str | None:
    """A scalar as text, trimmed, with characters for entities, also those without semicolon; null for nothing.

    Numbers come as numbers or as text, flags as 0, 1 or words (API_CONTRACTS 6.2): all become text.
    """
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return None
    return storable(html.unescape(value)).strip() or None
