"""Suggest a feed for a file: which column is what, by racing's words for things and by the cells themselves.

A suggestion is tried on the file it was made of before anybody sees it; that is in `pipeline/feed_suggestion.py`.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from race_assets.display import visible
from race_assets.settings.feeds import NULL_WORDS, FeedSettings
from race_assets.sources import delimited
from race_assets.sources.base import ReadReport
from race_assets.sources.csv_feed import layout
from race_assets.sources.csv_feed.cells import Cells
from race_assets.sources.csv_feed.layout import Layout
from race_assets.sources.csv_feed.offs import STRAY, Off, OffFinder
from race_assets.sources.csv_feed.readings import MOST_TRACKS, IsTrack, Reading, first_unread, reading, share_true
from race_assets.sources.csv_feed.vocabulary import CLOCK, DATE, MOMENT, NON_RUNNER, WORDS, is_about_others, name_score
from race_assets.sources.delimited import Dialect
from race_assets.values import names as dog_names
from race_assets.values import positions

SAMPLE_ROWS = 2_000
LEAST = 0.45
"""A column less sure than this is not suggested."""
NAMED = 0.6
"""A column whose name fits a target that well and that is not taken is told of."""
NAME_WEIGHT = 0.6
START = "start_at"
NEEDED = {"track": "track_name", "off": START, "runner": "selection_name"}
DITTO = (0.3, 0.97)
"""The share of blanks in a column whose blanks mean the cell above: more than gaps, less than a column of nothing."""
TRIAL = r"(?i)^(?:T\d*|QT|trial.*)$"
RACE = "race of the row"
VACANT = r"(?i)vacant|no reserve|no runner"

OPEN_FEED = FeedSettings.model_validate({"columns": {target: {"constant": "nothing"} for target in NEEDED.values()}})
"""A feed whose files' layout is inferred."""

Origin = str | dict[str, Any]


@dataclass
class Suggestion:
    """What a feed for a file would say.

    Attributes:
        columns: by target of a record, where its values come from, as an entry says it, and how sure that is, 0 to 1.
        names: the file's columns as they stand there.
        more: further settings of the entry: timezone, file_name, fill_down, filters.
        missing: what tells a race and its runners and was not found; not empty for a file that is not racing data.
        remarks: what a person should know.
        may_be_utc: the off may be Betfair's time in UTC as well as that of the track's clocks.
    """

    layout: Layout
    columns: dict[str, tuple[Origin, float]]
    names: Sequence[str]
    more: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    may_be_utc: bool = False

    @property
    def is_racing(self) -> bool:
        """Whether the file looks like racing data: of track, off and runner it lacks at most one."""
        return len(self.missing) < 2  # noqa: PLR2004 - two of three would be anything

    def without(self, target: str) -> "Suggestion":
        """Return the suggestion without one of its columns."""
        columns = {name: each for name, each in self.columns.items() if name != target}
        of_off = {"timezone", "file_name"} if target == START else set()
        more = {key: value for key, value in self.more.items() if key not in of_off}
        return replace(self, columns=columns, more=more, missing=[*self.missing], remarks=[*self.remarks])

    def entry(self) -> dict[str, Any]:
        """Return the entry as the settings take it."""
        return {
            **self._laid_out(),
            **self.more,
            "columns": {name: origin for name, (origin, _) in self.columns.items()},
        }

    def as_yaml(self, name: str) -> str:
        """Return the entry, ready to stand in race_assets.yaml, a comment after each column saying how sure it is."""
        lines = ["sources:", "  csv_feeds:", f"    {name}:"]
        lines += [f"      # {visible(remark)}" for remark in self.remarks]
        lines += [f"      {key}: {_scalar(value)}" for key, value in (self._laid_out() | self.more).items()]
        lines.append("      columns:")
        for target, (origin, sure) in self.columns.items():
            lines.append(f"        {target}: {_scalar(origin)}  # {sure:.0%}")
        lines += [f"        # {what}: nothing found; name its column" for what in self.missing]
        return "\n".join(lines)

    def _laid_out(self) -> dict[str, Any]:
        laid_out = {
            "separator": self.layout.separator,
            "encoding": self.layout.encoding,
            "header": self.layout.header_line or "none",
        }
        return {key: value for key, value in laid_out.items() if value is not None}


def suggest(path: Path, is_track: IsTrack | None = None) -> Suggestion:
    """Read the beginning of a file, and return what its columns seem to be.

    Args:
        path: the file; its name may hold the day.
        is_track: the registry of tracks, where there is one at hand.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    laid_out = layout.of(path, OPEN_FEED)
    sample, names = _sample(path, laid_out)
    suggestion = Suggestion(laid_out, {}, list(names.values()))
    sample = _filled(sample, names, suggestion)
    chosen = _chosen(sample, names, is_track)
    columns = {target: column for target, (column, _, _) in chosen.items()}
    off = OffFinder(_races(sample, chosen), names, path.name, columns).find()
    _add_off(suggestion, off, names)
    for target, (column, read, sure) in chosen.items():
        if column not in off.columns or target in {"track_name", "selection_name"}:
            suggestion.columns[target] = (_as_origin(names[column], read), sure)
    _drop_what_repeats(suggestion, sample, chosen, off)
    _drop_shared_dogs(suggestion, sample, chosen)
    _add_filters(suggestion, sample, names, chosen)
    suggestion.missing = [what for what, target in NEEDED.items() if target not in suggestion.columns]
    if suggestion.is_racing:
        suggestion.remarks += _left_out(sample, names, chosen, off)
    return suggestion


def _left_out(
    sample: pl.DataFrame, names: Mapping[str, str], chosen: Mapping[str, tuple[str, Reading, float]], off: Off
) -> Iterator[str]:
    """Yield a sentence for each column that its name makes one of a record's and that is not taken, with the reason."""
    taken = {column for column, _, _ in chosen.values()} | set(off.columns)
    for column in sample.columns:
        known = sample[column].drop_nulls()
        if column in taken or not known.len():
            continue
        by_name = {target: name_score(target, names[column]) for target in WORDS if target not in {DATE, CLOCK, MOMENT}}
        target = max(by_name, key=lambda each: by_name[each])
        if by_name[target] < NAMED:
            continue
        record = "status" if target == NON_RUNNER else target
        cell = first_unread(target, known)
        if record in chosen:
            reason = f"{record} is taken from {names[chosen[record][0]]}"
        elif cell is not None:
            reason = f"{cell!r} is not read as {record}; give columns.{record} `values` or a `pattern` for it"
        else:
            reason = f"its cells are not read as {record}"
        yield f"{names[column]} is left out: {reason}"


def _sample(path: Path, laid_out: Layout) -> tuple[pl.DataFrame, dict[str, str]]:
    """The first rows, cleaned, by the names the reader gives; and those names as they stand in the file."""
    dialect = Dialect(
        columns=(),
        separator=laid_out.separator,
        encoding=laid_out.encoding,
        header_line=laid_out.header_line,
        names=None if laid_out.header_line else laid_out.names,
        takes_all=True,
    )
    block = next(iter(delimited.read(path, dialect, ReadReport())))
    cells = Cells.of(NULL_WORDS)
    taken = delimited.names_of(block.rows)
    rows = block.rows.head(SAMPLE_ROWS).select(cells.cleaned(name).alias(name) for name in taken)
    shown = {name: name for name in taken}
    for name, as_written in zip(taken, laid_out.written, strict=False):
        if name == as_written.strip().lower():
            shown[name] = as_written.strip()
    return rows, shown


def _filled(sample: pl.DataFrame, names: Mapping[str, str], suggestion: Suggestion) -> pl.DataFrame:
    """The sample with blanks filled that mean the cell above, and these columns in the entry's `fill_down`."""
    ditto = [*_ditto_of_races(sample, names), *_ditto_of_runners(sample, names)]
    if ditto:
        suggestion.more["fill_down"] = [names[column] for column in ditto]
    return sample.with_columns(pl.col(ditto).forward_fill())


def _ditto_of_races(sample: pl.DataFrame, names: Mapping[str, str]) -> list[str]:
    """The columns that only the first runner of a race states.

    All that tell of the race are blank together then; where one alone is blank, its value may just be missing.
    """
    telling = _named(names, sample, ("track_name", DATE, CLOCK, MOMENT, "race_number"))
    masks = [sample[column].is_null() for column in telling]
    if len(telling) < 2 or not _has_dittos(sample[telling[0]]) or any((mask != masks[0]).any() for mask in masks):  # noqa: PLR2004 - what is blank together
        return []
    return [column for column in sample.columns if (sample[column].is_null() == masks[0]).all()]


def _ditto_of_runners(sample: pl.DataFrame, names: Mapping[str, str]) -> list[str]:
    """The column of names of which each stands once, above the runner's further rows."""
    columns = [column for column in _named(names, sample, ("selection_name",)) if _has_dittos(sample[column])]
    known = {column: sample[column].drop_nulls() for column in columns}
    # A column that repeats a name at once says all it has to say: its blanks are blanks.
    return [column for column, cells in known.items() if not (cells == cells.shift(1)).any()]


def _named(names: Mapping[str, str], sample: pl.DataFrame, targets: Sequence[str]) -> list[str]:
    return [column for column in sample.columns if any(name_score(each, names[column]) > LEAST for each in targets)]


def _has_dittos(cells: pl.Series) -> bool:
    """Whether so much of a column is blank, and not its first cell, that blanks may mean the cell above."""
    return cells.len() > 0 and cells[0] is not None and DITTO[0] <= cells.null_count() / cells.len() <= DITTO[1]


def _chosen(
    sample: pl.DataFrame, names: Mapping[str, str], is_track: IsTrack | None
) -> dict[str, tuple[str, Reading, float]]:
    """The column of each target, how it is read and how sure that is; the surest pairs first, each taken once."""
    scores: dict[tuple[str, str], tuple[float, Reading]] = {}
    for target in WORDS:
        if target in {DATE, CLOCK, MOMENT}:
            continue
        for column in sample.columns:
            by_name = _name_score(target, names[column], sample[column], is_track)
            known = sample[column].drop_nulls()
            if by_name and known.len() and (read := reading(target, known, is_track)) is not None:
                score = NAME_WEIGHT * by_name + (1 - NAME_WEIGHT) * read.share
                if score >= LEAST:
                    scores[target, column] = (score, read)
    chosen: dict[str, tuple[str, Reading, float]] = {}
    taken: set[str] = set()
    for (target, column), (score, read) in sorted(scores.items(), key=lambda each: -each[1][0]):
        if target not in chosen and column not in taken:
            chosen[target] = (column, read, score)
            taken.add(column)
    return _with_status({target: chosen[target] for target in WORDS if target in chosen}, sample)


def _with_status(
    chosen: Mapping[str, tuple[str, Reading, float]], sample: pl.DataFrame
) -> dict[str, tuple[str, Reading, float]]:
    """Return the chosen columns, a flag of non-runners as the status, unless a column of it names some itself."""
    by_target = dict(chosen)
    flag = by_target.pop(NON_RUNNER, None)
    status = by_target.get("status")
    names_some = status is not None and sample.select(positions.is_removed(pl.col(status[0])).any()).item()
    return by_target if flag is None or names_some else by_target | {"status": flag}


def _name_score(target: str, name: str, cells: pl.Series, is_track: IsTrack | None) -> float:
    """How well the name fits; a column of tracks is one whatever it is called, if the registry knows its names."""
    by_name = name_score(target, name)
    if target != "track_name" or is_track is None or by_name or is_about_others(name):
        return by_name
    known = cells.drop_nulls()
    found = reading(target, known, is_track) if known.len() else None
    return LEAST if found is not None and found.share >= MOST_TRACKS else 0.0


def _races(sample: pl.DataFrame, chosen: Mapping[str, tuple[str, Reading, float]]) -> pl.DataFrame:
    """The rows that are no trials: those are run at any hour, and often without one."""
    if "race_type" not in chosen:
        return sample
    return sample.filter(~pl.col(chosen["race_type"][0]).str.contains(TRIAL).fill_null(value=False))


def _add_off(suggestion: Suggestion, off: Off, names: Mapping[str, str]) -> None:
    suggestion.remarks += off.remarks
    if off.template is None:
        return
    origin: Origin = off.template
    if len(off.columns) == 1 and off.template == names[off.columns[0]]:
        origin = _as_origin(off.template, Reading(1.0))
    more = {"pattern": off.pattern, "formats": off.formats or None}
    if any(more.values()):
        named = {"template" if "{" in off.template else "column": off.template} if isinstance(origin, str) else origin
        origin = {**named, **{key: value for key, value in more.items() if value}}
    suggestion.columns[START] = (origin, off.sure)
    suggestion.may_be_utc = off.may_be_utc
    suggestion.more |= {
        key: value for key, value in (("timezone", off.timezone), ("file_name", off.file_name)) if value is not None
    }


def _drop_what_repeats(
    suggestion: Suggestion, sample: pl.DataFrame, chosen: Mapping[str, tuple[str, Reading, float]], off: Off
) -> None:
    """Leave out ids of markets that several races share, and traps and positions that many of a race's dogs share."""
    if "track_name" not in chosen or not off.columns:
        return
    race = list(dict.fromkeys([chosen["track_name"][0], *off.columns]))
    races = sample.with_columns(pl.concat_str(race, separator=" ").alias(RACE))
    for target in ("market_id", "trap", "finish_position"):
        if target not in chosen:
            continue
        column = chosen[target][0]
        known = races.select(column, RACE).drop_nulls()
        whose, what = (column, RACE) if target == "market_id" else (RACE, column)
        groups = known.group_by(whose).agg(pl.len().alias("rows"), pl.col(what).n_unique().alias("different"))
        if target == "market_id":
            is_shared = groups.select((pl.col("different") > 1).any()).item()
        else:
            several = groups.filter(pl.col("rows") > 2)  # noqa: PLR2004 - two may be a dead heat
            is_shared = (several.select((pl.col("different") * 2 <= pl.col("rows")).mean()).item() or 0) > STRAY
        if is_shared:
            del suggestion.columns[target]
            shared = "races" if target == "market_id" else "dogs of one race"
            suggestion.remarks.append(
                f"{target} from {suggestion.names[sample.columns.index(column)]} is left out: {shared} share it"
            )


def _drop_shared_dogs(
    suggestion: Suggestion, sample: pl.DataFrame, chosen: Mapping[str, tuple[str, Reading, float]]
) -> None:
    """Leave out ids of selections that dogs of different names share."""
    if not {"selection_id", "selection_name"} <= chosen.keys():
        return
    (column, _, _), (runner, read, _) = chosen["selection_id"], chosen["selection_name"]
    name = pl.col(runner).str.extract(read.pattern, 1) if read.pattern else pl.col(runner)
    known = sample.select(pl.col(column).alias("id"), name=dog_names.match_name(name)).drop_nulls()
    shared = known.group_by("id").agg(pl.col("name").n_unique() > 1)
    if share_true(shared["name"]) > STRAY:
        del suggestion.columns["selection_id"]
        suggestion.remarks.append(
            f"selection_id from {suggestion.names[sample.columns.index(column)]} is left out: dogs of different names "
            "share it"
        )


def _add_filters(
    suggestion: Suggestion,
    sample: pl.DataFrame,
    names: Mapping[str, str],
    chosen: Mapping[str, tuple[str, Reading, float]],
) -> None:
    """Filter trials, vacant traps and rows without track and time, where the sample has any."""
    filters = []
    grade = chosen.get("race_type")
    if grade is not None and sample[grade[0]].str.contains(TRIAL).any():
        filters.append({"reason": "trial", "when": {names[grade[0]]: {"matches": TRIAL}}})
    runner = chosen.get("selection_name")
    if runner is not None:
        if sample[runner[0]].null_count():
            filters.append({"reason": "vacant_trap", "when": {names[runner[0]]: {"blank": True}}})
        if sample[runner[0]].str.contains(VACANT).any():
            filters.append({"reason": "vacant_trap", "when": {names[runner[0]]: {"matches": VACANT}}})
    track, clock = chosen.get("track_name"), _off_columns(suggestion, names)[-1:]
    if track is not None and clock and clock[0] != track[0]:
        blank = sample.select((pl.col(track[0]).is_null() & pl.col(clock[0]).is_null()).any()).item()
        if blank:
            when = {names[track[0]]: {"blank": True}, names[clock[0]]: {"blank": True}}
            filters.append({"reason": "no_track_no_time", "when": when})
    if filters:
        suggestion.more["filters"] = filters


def _off_columns(suggestion: Suggestion, names: Mapping[str, str]) -> list[str]:
    """The columns of the sample that the off comes from, the one with the hour last."""
    if START not in suggestion.columns:
        return []
    origin = suggestion.columns[START][0]
    text = origin if isinstance(origin, str) else origin.get("template") or origin.get("column") or ""
    parts = re.findall(r"\{([^{}]+)\}", text) or [text]
    return [column for part in parts for column, name in names.items() if name == part]


def _as_origin(name: str, read: Reading) -> Origin:
    """A column as an entry names it: by its name alone where that says it all, and is taken for no template."""
    more = {"pattern": read.pattern, "values": dict(read.values) if read.values else None}
    more = {key: value for key, value in more.items() if value}
    if not more and "{" not in name:
        return name
    return {"column": name, **more}


def _scalar(value: object) -> str:
    def dumped(*, allow_unicode: bool) -> str:
        text: str = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=allow_unicode, width=math.inf, sort_keys=False
        )
        return text.removesuffix("...\n").strip()

    shown = dumped(allow_unicode=True)
    return shown if visible(shown) == shown else dumped(allow_unicode=False)
