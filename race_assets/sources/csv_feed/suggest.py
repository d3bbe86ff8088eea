"""A feed suggested for a file: which column is what, by racing's words for things and by the cells themselves."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import yaml

from race_assets.settings.feeds import NULL_WORDS, FeedSettings
from race_assets.sources import delimited
from race_assets.sources.base import ReadReport
from race_assets.sources.csv_feed import layout, times
from race_assets.sources.csv_feed.cells import Cells
from race_assets.sources.csv_feed.layout import Layout
from race_assets.sources.delimited import Dialect
from race_assets.values import odds

SAMPLE_ROWS = 2_000
LEAST = 0.45
"""A column less sure than this is not suggested."""
NAME_WEIGHT = 0.6
START = "start_at"
DATE, CLOCK, MOMENT = "date", "time of day", "date and time"

# What racing people call things, and how telling the word is. A phrase counts when all its words stand in the name.
WORDS: Mapping[str, Mapping[str, float]] = {
    "track_name": {
        "track": 1, "track name": 1, "venue": 1, "course": 0.95, "stadium": 0.95, "meeting": 0.7, "racecourse": 1,
        "meeting name": 0.8, "location": 0.7, "circuit": 0.8, "place name": 0.6,
    },
    DATE: {"date": 1, "race date": 1, "day": 0.7, "meeting date": 0.95, "local date": 0.95, "race day": 0.9},
    CLOCK: {
        "time": 0.8, "race time": 1, "off": 0.95, "off time": 1, "start time": 1, "scheduled time": 1, "post time": 1,
        "jump time": 1, "jump": 0.8, "scheduled race time": 1, "start": 0.8,
    },
    MOMENT: {
        "start": 0.9, "start time": 1, "off": 0.9, "off time": 0.95, "start at": 1, "datetime": 1, "date time": 1,
        "race time": 0.95, "scheduled": 0.8, "event time": 0.9, "market time": 1, "advertised start": 1, "when": 0.6,
    },
    "trap": {
        "trap": 1, "trap number": 1, "box": 1, "draw": 0.95, "rug": 1, "tab number": 0.95, "tab": 0.8, "stall": 0.9,
        "runner number": 0.8, "post position": 0.9, "rug number": 1, "box number": 1, "barrier": 0.8, "trap no": 1,
    },
    "selection_name": {
        "dog": 0.95, "dog name": 1, "greyhound": 1, "greyhound name": 1, "runner": 0.9, "runner name": 1,
        "selection": 0.9, "selection name": 1, "hound": 0.95, "competitor": 0.8, "name": 0.7, "entrant": 0.8,
    },
    "price": {
        "price": 0.95, "odds": 1, "win odds": 1, "decimal odds": 1, "win price": 1, "back price": 0.9,
        "fixed odds": 0.95, "best price": 0.9, "quote": 0.8, "last price": 0.8, "our": 0.2,
    },
    "bsp": {"bsp": 1, "win bsp": 1, "betfair sp": 1, "betfair starting price": 1, "exchange sp": 0.9},
    "sp_fraction": {"sp": 1, "starting price": 1, "isp": 1, "s p": 1, "returned sp": 1, "official sp": 1},
    "finish_position": {
        "position": 0.95, "finish": 0.9, "finish position": 1, "finishing position": 1, "pos": 0.95, "plc": 1,
        "place": 0.7, "placing": 0.9, "result position": 1, "fin": 0.8, "finished": 0.9,
    },
    "race_number": {"race number": 1, "race no": 1, "race": 0.7, "raceno": 1, "race num": 1},
    "distance_m": {"distance": 1, "dist": 1, "race distance": 1, "trip": 0.9, "metres": 0.9, "distance m": 1},
    "race_type": {"grade": 1, "class": 0.9, "race class": 1, "race grade": 1},
    "market_id": {"market id": 1, "race id": 1, "win market id": 1},
    "event_id": {"event id": 1, "meeting id": 0.95},
    "selection_id": {"selection id": 1, "dog id": 1, "runner id": 1, "greyhound id": 1},
    "volume": {"volume": 0.9, "matched": 0.9, "traded": 0.8, "total matched": 1, "win volume": 0.9},
}  # fmt: skip
# Words of columns about something else that share a word with ours.
OTHERS = {
    "sire", "dam", "owner", "trainer", "breeder", "jockey", "colour", "color", "born", "sex", "season", "comment",
    "handicap", "actual", "sectional", "split", "run", "winner", "winning", "adjusted", "calculated", "best", "prize",
    "prizes", "going", "weight", "place", "inplay", "max", "min", "average", "percentage", "market", "numerator",
    "denominator", "forecast", "tricast", "finish", "second", "career", "form", "last",
}  # fmt: skip
SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
NEEDED = {"track": ("track_name",), "off": (START,), "runner": ("selection_name",)}


Origin = str | dict[str, str]


@dataclass
class Suggestion:
    """What a feed for a file would say.

    Attributes:
        columns: by target of a record, where its values come from, as an entry says it, and how sure that is, 0 to 1.
        names: the file's columns as they stand there.
        missing: what tells a race and its runners and was not found; not empty for a file that is not racing data.
        remarks: what a person should know.
    """

    layout: Layout
    columns: dict[str, tuple[Origin, float]]
    names: Sequence[str]
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_racing(self) -> bool:
        """Whether the file looks like racing data: of track, off and runner it lacks at most one."""
        return len(self.missing) < 2  # noqa: PLR2004 - two of three would be anything

    def as_yaml(self, name: str) -> str:
        """The entry, ready to stand in race_assets.yaml, a comment after each column saying how sure it is."""
        lines = ["sources:", "  csv_feeds:", f"    {name}:"]
        laid_out = {
            "separator": self.layout.separator,
            "encoding": self.layout.encoding,
            "header": self.layout.header_line or "none",
        }
        lines += [f"      {key}: {_scalar(value)}" for key, value in laid_out.items() if value is not None]
        lines += [f"      # {remark}" for remark in self.remarks]
        lines.append("      columns:")
        for target, (origin, sure) in self.columns.items():
            lines.append(f"        {target}: {_scalar(origin)}  # {sure:.0%}")
        lines += [f"        # {what}: nothing found; name its column" for what in self.missing]
        return "\n".join(lines)


def suggest(path: Path) -> Suggestion:
    """Reads the beginning of a file, and says what its columns seem to be.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    laid_out = layout.of(path, _open_feed())
    sample, names = _sample(path, laid_out)
    scores = {
        (target, column): score
        for target in WORDS
        for column in sample.columns
        if (score := _score(target, names[column], sample[column])) >= LEAST
    }
    chosen = _assigned(scores)
    suggestion = Suggestion(laid_out, {}, list(names.values()))
    _add_start(suggestion, chosen, names, sample)
    for target, (column, sure) in chosen.items():
        if target not in {DATE, CLOCK, MOMENT}:
            suggestion.columns[target] = (_as_column(names[column]), sure)
    suggestion.missing = [what for what, any_of in NEEDED.items() if not set(any_of) & set(suggestion.columns)]
    return suggestion


def _open_feed() -> FeedSettings:
    """A feed that says nothing of its files' layout."""
    nothing = {"constant": "nothing"}
    return FeedSettings.model_validate(
        {"columns": {"track_name": nothing, "start_at": nothing, "selection_name": nothing}}
    )


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


def _score(target: str, name: str, cells: pl.Series) -> float:
    """How sure it is that a column is this target, by its name and by its cells."""
    by_name = _by_name(target, name)
    known = cells.drop_nulls()
    if not by_name or not known.len():
        return 0.0
    by_cells = _by_cells(target, known)
    return 0.0 if by_cells < LEAST else NAME_WEIGHT * by_name + (1 - NAME_WEIGHT) * by_cells


def _by_name(target: str, name: str) -> float:
    words = [word.lower() for word in SPLIT.split(name) if word]
    best = 0.0
    for phrase, telling in WORDS[target].items():
        wanted = phrase.split()
        if not set(wanted) <= set(words):
            continue
        if (set(words) - set(wanted)) & OTHERS:
            continue
        best = max(best, telling * (len(wanted) / len(words)) ** 0.5)
    return best


def _by_cells(target: str, cells: pl.Series) -> float:
    """The share of cells that may be this target's."""
    text = pl.col(cells.name)
    plain = text.str.replace_all(r"[$£€,\s]", "")
    number = plain.cast(pl.Float64, strict=False)
    is_word = text.str.contains(r"[A-Za-z]{2}") & ~text.str.contains(r"^[\d/:. -]+$")
    tests = {
        "track_name": is_word,
        "selection_name": text.str.replace(r"^\s*\d+\.\s*", "").str.contains(r"^[^\d/:]{2}"),
        "trap": number.is_between(1, 10) & (number % 1 == 0),
        "finish_position": text.str.contains(r"^\d{1,2}(?:/\d{1,2}|st|nd|rd|th)?$"),
        "race_number": plain.str.contains(r"^(?:R|Race)?\d{1,2}$"),
        "price": odds.decimal_odds(plain) >= 1,
        "bsp": odds.decimal_odds(plain) >= 1,
        "sp_fraction": odds.fractional_odds(text).struct.field("decimal").is_not_null() | (number >= 1),
        "distance_m": text.str.extract(r"^(\d{2,4})", 1).cast(pl.Float64, strict=False).is_between(100, 1300),
        "volume": number >= 0,
        "race_type": text.str.len_chars() <= 8,  # noqa: PLR2004 - the longest grades: `Gr1/2/3`
    }
    if target in {DATE, CLOCK, MOMENT}:
        return _share_of_moments(target, cells)
    frame = cells.to_frame()
    test = tests.get(target)
    return 1.0 if test is None else float(frame.select(test.fill_null(value=False).mean()).item())


def _share_of_moments(kind: str, cells: pl.Series) -> float:
    if kind == CLOCK:
        clock = r"(?i)^\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:\.\d+)?)?\s*(?:[ap]\.?m\.?)?$"
        return float(cells.str.contains(clock).mean())  # type: ignore[arg-type]  # a share of booleans
    written = times.guess(cells, with_clock=kind == MOMENT)
    if written.has_offset:
        return 1.0
    if not written.formats:
        return 0.0
    read = cells.to_frame("text").select(times.read(pl.col("text"), written.formats)).to_series()
    return 1 - read.null_count() / read.len()


def _assigned(scores: Mapping[tuple[str, str], float]) -> dict[str, tuple[str, float]]:
    """The surest pairs first, each target and each column once."""
    chosen: dict[str, tuple[str, float]] = {}
    taken: set[str] = set()
    for (target, column), score in sorted(scores.items(), key=lambda each: -each[1]):
        if target not in chosen and column not in taken:
            chosen[target] = (column, score)
            taken.add(column)
    return {target: chosen[target] for target in WORDS if target in chosen}


def _add_start(
    suggestion: Suggestion,
    chosen: Mapping[str, tuple[str, float]],
    names: Mapping[str, str],
    sample: pl.DataFrame,
) -> None:
    """The off: of one column that has day and hour, else of two."""
    if MOMENT in chosen:
        column, sure = chosen[MOMENT]
        suggestion.columns[START] = (_as_column(names[column]), sure)
    elif DATE in chosen and CLOCK in chosen:
        day, clock = chosen[DATE], chosen[CLOCK]
        parts = [names[day[0]], names[clock[0]]]
        if any(set(part) & set("{}") for part in parts):
            suggestion.remarks.append(
                f"{' and '.join(parts)} are the off; rename the one with braces to put them together"
            )
        else:
            suggestion.columns[START] = (" ".join(f"{{{part}}}" for part in parts), min(day[1], clock[1]))
    elif DATE in chosen:
        suggestion.remarks.append(f"{names[chosen[DATE][0]]} is the day; no column has the hour of the off")
    dated = chosen.get(MOMENT) or chosen.get(DATE)
    if dated and times.guess(sample[dated[0]], with_clock=MOMENT in chosen).is_ambiguous:
        suggestion.remarks.append(
            f"day and month of {names[dated[0]]} cannot be told apart in this sample: give start_at its formats"
        )


def _as_column(name: str) -> Origin:
    """A column as an entry names it: by its name alone, unless that would be taken for a template."""
    return {"column": name} if "{" in name else name


def _scalar(value: object) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return dumped.removesuffix("...\n").strip()
