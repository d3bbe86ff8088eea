"""Find the scheduled off among a file's columns: day and hour in one column, in two, or the day in the file's name.

A wrong off is worse than none. What may be a run time, the hour of a meeting, a clock of twelve hours or a clock of
another zone is left out, and a remark says why and what would help.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from race_assets.sources.csv_feed import times
from race_assets.sources.csv_feed.readings import ENOUGH, FEWEST_RUNNERS, share_true
from race_assets.sources.csv_feed.vocabulary import (
    CLOCK,
    DATE,
    MOMENT,
    is_of_offs_alone,
    may_name_an_off,
    name_score,
    words_of,
)
from race_assets.values.times import UTC_NAMES, is_written_zone, iso_instant

ZONES = {
    "UTC": "UTC", "GMT": "UTC", "BST": "Etc/GMT-1", "AEST": "Australia/Brisbane", "AWST": "Australia/Perth",
    "ACST": "Australia/Darwin", "AEDT": "Etc/GMT-11", "NZST": "Etc/GMT-12", "NZDT": "Etc/GMT-13",
}  # fmt: skip
"""Zones that abbreviations behind a time stand for, each without a summer time of its own."""
NAMED_ZONES = {
    **{word.lower(): zone for word, zone in ZONES.items()},
    **dict.fromkeys(("uk", "london"), "Europe/London"),
    "sydney": "Australia/Sydney", "melbourne": "Australia/Melbourne", "brisbane": "Australia/Brisbane",
    "perth": "Australia/Perth", "adelaide": "Australia/Adelaide", "auckland": "Pacific/Auckland",
}  # fmt: skip
"""Zones that a word of a column's name stands for."""

LEAST_NAME = 0.4
NO_RACING = range(8)
"""Hours of the day at which no dogs run anywhere."""
STRAY = 0.02
OFTEN = 0.5
LEAST_GAP = timedelta(minutes=5)
"""Between races of a meeting: no track parades the next dogs sooner."""
SOME_YEARS = range(2018, 2030)
"""Among them every day of the year falls on every weekday, but for 29 February."""
SHOWN = 20
NO_RACING_THEN = (
    "some of its hours are 0 to 7, when no dogs run: a clock of twelve hours without am and pm, a clock of a zone that "
    "is not the track's (then give the feed its timezone), or no time of day at all"
)
MAY_BE_UTC = (
    "Betfair's own times are UTC, and programs write them without saying so: name the column in start_at, and give the "
    "feed its timezone, UTC or track"
)
AT_THE_TRACK = "its times have no offset and are taken for clocks at the track: else give the timezone"
YEAR_FIRST = "its dates may begin with the year or end with it: give start_at its formats, with %y/%m/%d or %d/%m/%y"
NOON = 12
TWELVE_HOURS = (
    "no hour is above 12, and those before 10 have no zero: it may be a clock of twelve hours without am and pm"
)
ODD_SECONDS = (
    "most of its times have seconds other than 0: races are due at whole minutes, so something else happened then"
)
HELP = "a column or a file with each race's time of day"

_CLOCK = (
    r"(?i)^(?P<hour>\d{1,2})(?P<sign>[:.]?)(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?$"
)
_ZONE = r"\s*\(?\b([A-Z]{3,4})\)?$"
_LEADING_CLOCK = r"(?i)^(\d{1,2}:\d{2}(?:\s*[ap]m)?)\s+\D"
_STRONG = {"off", "start", "scheduled", "sched", "jump", "post", "advertised"}
# A feed's patterns have no look-around: what may stand beside a date is part of what they find.
_NO_DIGIT_BEFORE, _NO_DIGIT_BEHIND = r"(?:^|\D)", r"(?:\D|$)"
_NO_CLOCK_BEHIND = r"(?:[^T_\d-]|[T_-](?:\D|$)|$)"
_NAME_DAYS = (
    (rf"(?P<day>\d{{4}}-\d{{2}}-\d{{2}}){_NO_CLOCK_BEHIND}", "%Y-%m-%d"),
    (rf"{_NO_DIGIT_BEFORE}(?P<day>20\d{{6}}){_NO_CLOCK_BEHIND}", "%Y%m%d"),
    (rf"{_NO_DIGIT_BEFORE}(?P<day>\d{{1,2}} [A-Za-z]{{3,9}} \d{{4}}){_NO_DIGIT_BEHIND}", "%d %B %Y"),
    (rf"{_NO_DIGIT_BEFORE}(?P<day>\d{{1,2}}_[A-Za-z]{{3,9}}_\d{{4}}){_NO_DIGIT_BEHIND}", "%d_%B_%Y"),
    (rf"{_NO_DIGIT_BEFORE}(?P<day>\d{{1,2}}-\d{{1,2}}-\d{{4}}){_NO_DIGIT_BEHIND}", "%d-%m-%Y"),
)
_NAME_YEAR = rf"{_NO_DIGIT_BEFORE}(?P<year>20[0-4]\d){_NO_DIGIT_BEHIND}"
_YEARLESS = (
    "%A, %B %d",
    "%A, %d %B",
    "%A %d %B",
    "%A %B %d",
    "%a %d %b",
    "%a, %d %b",
    "%d %B",
    "%d %b",
    "%B %d",
    "%b %d",
)
_MONTH = r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DATE_LIKE = rf"^\d{{1,4}}[/.-]\d{{1,2}}[/.-]\d{{2,4}}$|^(?:19|20)\d{{6}}$|{_MONTH}.*\d"
_TIME_OR_DAY = r"\d{1,2}:\d{2}|^\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}"
_IANA = r"^(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)/[A-Za-z_+-]"
_ZONES = {"offset", "zone", "utcoffset", "gmtoffset", "tzoffset", "timeoffset", "tzname", "tzinfo"}
"""What columns of zones are called besides `tz` and `timezone`."""
_BETFAIR_ID = r"^1\.\d{8,9}$"
_BARE_BETFAIR_ID = r"^(?:1\.)?[12]\d{8}(?:\.0)?$"
_MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?Z?$"


@dataclass
class Off:
    """Where the off comes from, as an entry says it.

    Attributes:
        template: several columns in one text, or one column alone; None where it was not found.
        pattern: what its only group finds in the text is the off.
        formats: strptime's, where the feed could not infer them itself.
        timezone: of the times; None is the clocks at the track.
        file_name: a pattern for the file's name whose groups are in the template.
        sure: 0 to 1.
        columns: those of the sample it is made of.
        may_be_utc: no zone is stated, and ids of Betfair stand beside the times.
        has_offset: the times state their offset from UTC.
        remarks: what a person should know.
    """

    template: str | None = None
    pattern: str | None = None
    formats: list[str] = field(default_factory=list)
    timezone: str | None = None
    file_name: str | None = None
    sure: float = 0.0
    columns: tuple[str, ...] = ()
    may_be_utc: bool = False
    has_offset: bool = False
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Clock:
    """A column of times of day: which, how sure, the abbreviation of its zone, and whether days stand before it."""

    column: str
    sure: float
    zone: str | None = None
    leads: bool = False


class OffFinder:
    """Searches a sample for the off.

    Args:
        sample: cleaned cells, blanks null.
        names: the columns as the file writes them.
        file_name: of the file.
        chosen: the columns that are told already, by target of a record.
    """

    def __init__(
        self, sample: pl.DataFrame, names: Mapping[str, str], file_name: str, chosen: Mapping[str, str]
    ) -> None:
        self.sample = sample
        self.names = names
        self.file_name = file_name
        self.chosen = chosen
        by_number = [chosen[target] for target in ("track_name", "race_number") if target in chosen]
        markets = [chosen[target] for target in ("market_id",) if target in chosen]
        self.race = by_number if len(by_number) == len(("track_name", "race_number")) else markets
        self.remarks: list[str] = []

    def find(self) -> Off:
        """Return the best off that nothing speaks against."""
        for column, sure in self._moments():
            off = self._of_moment(column, sure)
            if off is not None:
                return self._with_remarks(off)
        days = self._days()
        for clock in self._clocks():
            for day, sure in days:
                if day == clock.column:
                    continue
                off = self._of_two(day, clock, min(sure, clock.sure))
                if off is not None:
                    return self._with_remarks(off)
            if not days:
                off = self._of_file_name(clock)
                if off is not None:
                    return self._with_remarks(off)
        return self._with_remarks(self._none(days))

    def _with_remarks(self, off: Off) -> Off:
        off.remarks = list(dict.fromkeys([*self.remarks, *off.remarks]))
        return off

    def _none(self, days: Sequence[tuple[str, float]]) -> Off:
        yearless = self._yearless()
        if days:
            said = f"{self.names[days[0][0]]} is the day; no column has the hour of the off"
        elif yearless:
            said = f"{self.names[yearless]} has days without a year, and the file's name has none either"
        else:
            said = "no column has the day and the hour of the off"
        return Off(remarks=[*self._doubtful(), f"{said}, so no race can be placed: {HELP} would help"])

    def _doubtful(self) -> Iterator[str]:
        """Tell of the columns of times that are left alone for their names."""
        for column in self.sample.columns:
            name, cells = self.names[column], self._cells(column)
            is_taken = max(name_score(target, name) for target in (MOMENT, CLOCK, DATE)) >= LEAST_NAME
            if is_taken or not may_name_an_off(name):
                continue
            if share_true(cells.str.contains(_TIME_OR_DAY)) >= ENOUGH:
                yield (
                    f"{name} is not taken for the off or its day: its name may say another moment than the off, or a "
                    "clock this program does not know; where it is the off, name it in start_at and give the feed its "
                    "timezone"
                )

    # Columns

    def _moments(self) -> list[tuple[str, float]]:
        found = []
        for column in self.sample.columns:
            by_name = max(name_score(MOMENT, self.names[column]), name_score(DATE, self.names[column]))
            if by_name < LEAST_NAME:
                continue
            cells = self._cells(column)
            if (
                share_true(cells.str.contains(r"\d[T ]+\d{1,2}[:.]\d{2}")) >= ENOUGH
                and _share_read(cells, MOMENT) >= ENOUGH
            ):
                found.append((column, by_name))
        return sorted(found, key=lambda each: -each[1])

    def _days(self) -> list[tuple[str, float]]:
        """Columns of dates, by name; where no name says so, those that can be nothing else."""
        named, others = [], []
        for column in self.sample.columns:
            cells = self._cells(column).str.replace(_MIDNIGHT, "")
            if not share_true(cells.str.contains(_DATE_LIKE)) >= ENOUGH or _share_read(cells, DATE) < ENOUGH:
                continue
            by_name = name_score(DATE, self.names[column])
            if by_name >= LEAST_NAME:
                named.append((column, by_name))
            elif is_of_offs_alone(self.names[column]):
                others.append((column, LEAST_NAME))
        return sorted(named, key=lambda each: -each[1]) or (others if len(others) == 1 else [])

    def _clocks(self) -> Iterator[_Clock]:
        """Columns of times of day that may be the off, the surest first."""
        named = [(column, name_score(CLOCK, self.names[column])) for column in self.sample.columns]
        for column, by_name in sorted(named, key=lambda each: -each[1]):
            cells = self._cells(column)
            if by_name < LEAST_NAME or not cells.len():
                continue
            zone = self._zone(cells)
            if zone is None:
                self.remarks.append(
                    f"{self.names[column]} is not taken for the off: it names several zones, or unknown ones"
                )
                continue
            bare = cells.str.replace(_ZONE, "") if zone else cells
            reason = _not_an_hour(bare, self.names[column])
            if reason is None:
                yield _Clock(column, by_name, zone or None)
            elif reason:
                self.remarks.append(f"{self.names[column]} is not taken for the off: {reason}")
        for column in self.sample.columns:
            cells = self._cells(column)
            has_zone = not ZONES.keys().isdisjoint(cells.str.extract(_ZONE, 1).unique().to_list())
            if not has_zone and share_true(cells.str.contains(_LEADING_CLOCK)) >= ENOUGH:
                reason = _not_an_hour(cells.str.extract(_LEADING_CLOCK, 1), self.names[column])
                if reason is None:
                    yield _Clock(column, LEAST_NAME, leads=True)
                elif reason:
                    self.remarks.append(f"{self.names[column]} is not taken for the off: {reason}")

    def _zone(self, cells: pl.Series) -> str | None:
        """The one zone that all cells name; "" where none does, None where they differ or it is not known."""
        zones = cells.str.extract(_ZONE, 1)
        named = set(zones.unique().to_list()) - {None, "AM", "PM"}
        if not named:
            return ""
        if len(named) == 1 and not zones.null_count() and (zone := str(named.pop())) in ZONES:
            return zone
        return None

    def _yearless(self) -> str | None:
        for column in self.sample.columns:
            cells = self._cells(column)
            if cells.len() and _yearless_format(cells, None):
                return column
        return None

    def _cells(self, column: str) -> pl.Series:
        return self.sample[column].drop_nulls()

    # Offs

    def _of_moment(self, column: str, sure: float) -> Off | None:
        name, cells = self.names[column], self._cells(column)
        if share_true(cells.str.contains(_MIDNIGHT)) >= ENOUGH:
            return None
        written = times.guess(cells, with_clock=True)
        off = Off(name, sure=sure, columns=(column,), has_offset=written.has_offset)
        if not written.has_offset and not self._placed(off):
            return None
        return self._checked(off, self.sample[column], written.formats, written)

    def _placed(self, off: Off) -> bool:
        """Complete the zone of times without offset; False and a remark where what the file says of it is unclear."""
        words = {word for column in off.columns for word in words_of(self.names[column])}
        said = {NAMED_ZONES[word] for word in words if word in NAMED_ZONES} | {off.timezone} - {None}
        column = next((each for each in self.sample.columns if self._is_of_zones(each)), None)
        reason = None
        if len(said) > 1 or (said and "local" in words):
            reason = "its columns say several zones"
        elif column is not None and not said:
            reason = self._unclear_zones(column)
            said = {f"{{{self.names[column]}}}"}
        if reason is not None:
            name = " and ".join(self.names[each] for each in off.columns)
            self.remarks.append(f"{name} is not taken for the off: {reason}")
            return False
        off.timezone = next(iter(said), None)
        # Betfair tells the zone of each event too, and yet its times are UTC.
        is_open = off.timezone is None or (
            off.timezone.startswith("{") and not self._cells(str(column)).is_in(list(UTC_NAMES)).all()
        )
        off.may_be_utc = is_open and "local" not in words and any(map(self._is_betfairs, self.sample.columns))
        return True

    def _is_of_zones(self, column: str) -> bool:
        """Whether a column tells the zone of its row's time, by its name or by its cells."""
        cells, words = self._cells(column), words_of(self.names[column])
        if share_true(cells.str.contains(_IANA)) >= ENOUGH:
            return True
        named = not {"tz", "timezone"}.isdisjoint(words) or {"time", "zone"} <= set(words) or "".join(words) in _ZONES
        return named and cells.len() > 0 and not cells.str.contains(r"\d[:.]\d{2}.*\d[:.]\d{2}|^\d{1,2}[:.]\d{2}").all()

    def _unclear_zones(self, column: str) -> str | None:
        """Why a column of zones cannot be read as one; None where it can."""
        name = self.names[column]
        if set(name) & set("{}"):
            return f"{name} tells its zone; rename it without braces"
        for cell in self._cells(column).unique().sort():
            if not is_written_zone(cell) and not re.match(r"[+-]\d{2}(?::?\d{2})?$", cell):
                return (
                    f"{name} tells its zone, and {cell!r} is no zone for certain: write UTC, an IANA name such as "
                    "Europe/London or an offset such as +10:00, or give the feed its timezone"
                )
        return None

    def _is_betfairs(self, column: str) -> bool:
        """Whether a column has ids of Betfair's markets, by which a file of Betfair's own times is known."""
        cells, name = self._cells(column), self.names[column]
        is_bare = "market" in name.lower() or any(name_score(each, name) for each in ("market_id", "event_id"))
        return share_true(cells.str.contains(_BARE_BETFAIR_ID if is_bare else _BETFAIR_ID)) >= ENOUGH

    def _of_two(self, day: str, clock: _Clock, sure: float) -> Off | None:
        names = [self.names[day], self.names[clock.column]]
        if any(set(name) & set("{}") for name in names):
            self.remarks.append(f"{' and '.join(names)} are the off; rename the one with braces to put them together")
            return None
        if self._is_of_dogs(day, clock.column):
            self.remarks.append(
                f"{names[0]} is not taken for the off's day: it differs from dog to dog where track and time do not"
            )
            return None
        days = self.sample[day]
        midnight = days.str.extract(rf"({_MIDNIGHT})", 1).drop_nulls().unique().to_list()
        off = Off(f"{{{names[0]}}} {{{names[1]}}}", sure=sure, columns=(day, clock.column))
        texts = self.sample.select(
            pl.concat_str(pl.col(day).str.replace(_MIDNIGHT, ""), pl.lit(" "), clock.column)
        ).to_series()
        return self._of_texts(off, texts, clock, midnight)

    def _is_of_dogs(self, day: str, clock: str) -> bool:
        """Whether a day differs from row to row where track and time do not, as the dogs' own days do."""
        same = [clock, *(self.chosen[target] for target in ("track_name",) if target in self.chosen)]
        rows = self.sample.select(
            pl.all_horizontal(pl.col(each) == pl.col(each).shift() for each in same).alias("is_same"),
            (pl.col(day) != pl.col(day).shift()).alias("differs"),
        ).drop_nulls()
        return share_true(rows.filter("is_same")["differs"]) > OFTEN

    def _of_texts(self, off: Off, texts: pl.Series, clock: _Clock, midnight: Sequence[str]) -> Off | None:
        """Complete an off that is made of a day and a clock: the pattern, the formats, the zone."""
        if clock.zone:
            off.timezone = ZONES[clock.zone]
            # Other rows may be of another zone, as AEDT after AEST: they are not read.
            off.pattern = rf"^(.*?)\s*\(?{clock.zone}\)?$"
            texts = texts.str.replace(_ZONE, "")
        elif clock.leads:
            off.pattern = r"(?i)^(.*?\d{1,2}:\d{2}(?:\s*[ap]m)?)(?:\s|$)"
            texts = texts.str.extract(off.pattern, 1)
        if not self._placed(off):
            return None
        written = times.guess(texts, with_clock=True)
        formats = off.formats or written.formats
        if midnight:
            # The days carry a midnight of their own: it stands in the formats as it is written.
            off.formats = [_with_midnight(each, text) for text in midnight for each in written.formats]
        return self._checked(off, texts, formats, written)

    def _of_file_name(self, clock: _Clock) -> Off | None:
        """An off whose day, or whose day's year, stands in the file's name."""
        name = self.names[clock.column]
        if set(name) & set("{}"):
            return None
        stem = self.file_name
        for pattern, format_ in _NAME_DAYS:
            found = re.search(pattern, stem)
            if found is None:
                continue
            text = pl.Series([found["day"]])
            if not any(times.count_read(text, each) for each in (format_, format_.replace("%B", "%b"))):
                continue
            off = Off(f"{{file.day}} {{{name}}}", file_name=pattern, sure=clock.sure, columns=(clock.column,))
            day = pl.lit(found["day"].replace("_", " "))
            texts = self.sample.select(pl.concat_str(day, pl.lit(" "), clock.column)).to_series()
            off.remarks.append(
                f"the day is the one in the file's name, {found['day']}: see that the races are that day's"
            )
            done = self._of_texts(off, texts, clock, ())
            if done is not None and "_" in found["day"]:
                done.formats = [each.replace(" ", "_", 2) for each in times.guess(texts, with_clock=True).formats]
            return done
        return self._of_year(clock)

    def _of_year(self, clock: _Clock) -> Off | None:
        year, day = re.search(_NAME_YEAR, self.file_name), self._yearless()
        if year is None or day is None:
            return None
        written = _yearless_format(self._cells(day), year["year"])
        if written is None:
            return None
        off = Off(
            f"{{{self.names[day]}}} {{file.year}} {{{self.names[clock.column]}}}",
            file_name=_NAME_YEAR, sure=clock.sure, columns=(day, clock.column),
        )  # fmt: skip
        texts = self.sample.select(pl.concat_str(day, pl.lit(f" {year['year']} "), clock.column)).to_series()
        hours = "1 Jan 2024 " + self._cells(clock.column).str.replace(_ZONE, "" if clock.zone else "$0").head(SHOWN)
        clocks = [each for each in times.CLOCKS if times.count_read(hours, f"%d %b %Y {each}")]
        off.formats = [f"{written} %Y {each}" for each in clocks[:1]]
        off.remarks.append(f"the year is the one in the file's name, {year['year']}")
        return self._of_texts(off, texts, clock, ())

    # What speaks against an off

    def _checked(self, off: Off, texts: pl.Series, formats: Sequence[str], written: times.Written) -> Off | None:
        """The off with its formats and remarks, or None and a remark where something speaks against it."""
        name = " and ".join(self.names[column] for column in off.columns)
        at = _instants(texts, formats, written)
        known = at.filter(texts.is_not_null())
        reason = None
        if not written.has_offset and known.null_count() >= (1 - ENOUGH) * known.len():
            reason = "it cannot be read as a date and a time"
        elif written.may_be_year_first:
            reason = YEAR_FIRST
        elif share_true(known.dt.second() != 0) > OFTEN:
            reason = ODD_SECONDS
        elif not written.has_offset and off.timezone is None:
            is_night = share_true(known.dt.hour().is_in(list(NO_RACING))) > STRAY
            reason = NO_RACING_THEN if is_night else _half_a_day(texts)
        reason = reason or self._not_of_races(texts, at)
        if reason is not None:
            self.remarks.append(f"{name} is not taken for the off: {reason}")
            return None
        if written.is_ambiguous:
            off.remarks.append(
                f"day and month of {name} cannot be told apart in this sample, and day first is taken: give start_at "
                "its formats where that is wrong"
            )
        elif not off.formats and "month" in map(times.order_in, written.formats):
            # Another file of this kind may not show it.
            off.formats = list(written.formats)
        if not written.has_offset and off.timezone is None:
            off.remarks.append(AT_THE_TRACK)
        return off

    def _not_of_races(self, texts: pl.Series, at: pl.Series) -> str | None:
        """Why the off cannot be that of a race, as far as races, their numbers and their traps tell."""
        day = texts.str.extract(r"^(.*?)[T ]\d{1,2}[:.]?\d{2}", 1)
        frame = self.sample.with_columns(off=texts, day=day, at=at)
        return self._not_of_one_race(frame) or self._not_of_one_dog_a_trap(frame)

    def _not_of_one_race(self, frame: pl.DataFrame) -> str | None:
        """Whether it differs among runners of a race, is the same for several, or does not rise with their numbers."""
        if not self.race:
            return None
        frame = frame.select(*self.race, "day", "off", "at").drop_nulls()
        races = frame.group_by([*self.race, "day"]).agg(pl.len().alias("rows"), pl.col("off").n_unique().alias("offs"))
        shared = races.filter(pl.col("rows") > 1)
        if shared.height and share_true(shared["offs"] == 1) < ENOUGH:
            return "it differs among the runners of one race"
        if len(self.race) == 1:
            return None
        track, number = self.race
        # A track may have two meetings a day: the first one's races are looked at.
        numbered = frame.with_columns(pl.col(number).str.extract(r"(\d{1,2})").cast(pl.Int16).alias("number"))
        offs = numbered.drop_nulls().group_by(track, "day", "number").agg(pl.col("at").min()).sort("number")
        meetings = offs.group_by(track, "day", maintain_order=True).agg(
            pl.len().alias("races"),
            pl.col("at").n_unique().alias("offs"),
            pl.col("at").diff().min().alias("gap"),
        )
        several = meetings.filter(pl.col("races") > 1)
        if share_true(several["offs"] == 1) > 1 - ENOUGH:
            return "it is the same for several races of one meeting"
        if share_true(several["gap"] < LEAST_GAP) > 1 - ENOUGH:
            return "it does not rise with the race number by what races of a meeting are apart"
        return None

    def _not_of_one_dog_a_trap(self, frame: pl.DataFrame) -> str | None:
        """Whether several dogs would start from one trap of one track at the same time."""
        columns = [self.chosen[each] for each in ("track_name", "trap", "selection_name") if each in self.chosen]
        if len(columns) < 3:  # noqa: PLR2004 - all of them
            return None
        track, trap, dog = columns
        started = frame.select(
            pl.col(track).alias("track"), "off", pl.col(trap).alias("trap"), pl.col(dog).alias("dog")
        )
        traps = started.drop_nulls().group_by("track", "off", "trap").agg(pl.col("dog").n_unique().alias("dogs"))
        offs = traps.group_by("track", "off").agg(pl.len().alias("traps"), (pl.col("dogs") > 1).mean().alias("shared"))
        # Where few traps differ, the column is none of traps.
        if share_true(offs.filter(pl.col("traps") >= FEWEST_RUNNERS)["shared"] > OFTEN) > 1 - ENOUGH:
            return "several dogs of one trap and track have the same one: it is that of no single race"
        return None


def _instants(texts: pl.Series, formats: Sequence[str], written: times.Written) -> pl.Series:
    """Return what the texts say: UTC where they have an offset, else what their clock shows; without a zone."""
    text = pl.col("text")
    if written.has_offset:
        at = iso_instant(text).struct.field("at").dt.replace_time_zone(None)
    else:
        at = times.read(text, formats)
    return texts.to_frame("text").select(at.alias("at")).to_series()


def _half_a_day(texts: pl.Series) -> str | None:
    """Why the times may be of a clock of twelve hours: none is after 12, and some hour before 10 has no zero."""
    hours = texts.str.extract(r"(?:^|[T ])(\d{1,2})[:.]\d{2}(?:[:.]\d+)*$", 1)
    is_bare = (hours.str.len_chars() == 1).any()
    return TWELVE_HOURS if is_bare and not (hours.cast(pl.Int16) > NOON).any() else None


def _with_midnight(format_: str, midnight: str) -> str:
    """The format of day and clock with the text that stands between them."""
    day, _, clock = format_.partition(" %H") if " %H" in format_ else format_.partition(" %I")
    return f"{day}{midnight} {'%H' if ' %H' in format_ else '%I'}{clock}"


def _share_read(cells: pl.Series, kind: str) -> float:
    """The share of cells that are moments, or dates."""
    written = times.guess(cells, with_clock=kind == MOMENT)
    if written.has_offset:
        return 1.0
    if not written.formats:
        return 0.0
    read = cells.to_frame("text").select(times.read(pl.col("text"), written.formats)).to_series()
    return 1 - read.null_count() / read.len()


def _not_an_hour(cells: pl.Series, name: str) -> str | None:
    """Why a column is no time of day: "" where it is plainly something else, None where it may be one."""
    parts = cells.str.extract_groups(_CLOCK).struct.unnest()
    hour, minute = (parts[each].cast(pl.Int16, strict=False) for each in ("hour", "minute"))
    second = parts["second"].cast(pl.Int16, strict=False).fill_null(0)
    has_sign = (parts["sign"] != "").fill_null(value=False)
    is_read = (hour <= 23) & (minute <= 59) & (second <= 59) & (has_sign | (cells.str.len_chars() == 4))  # noqa: PLR2004
    if share_true(is_read) < ENOUGH:
        return "" if parts["hour"].null_count() > parts.height / 2 else "it holds what is no time of day"
    if share_true(parts["sign"] == ":") < ENOUGH and parts["half"].null_count() and not set(words_of(name)) & _STRONG:
        return "17.21 may be 17:21 or 17.21 seconds; a column of that name may hold either"
    return None


def _yearless_format(cells: pl.Series, year: str | None) -> str | None:
    """The format of days that state no year; with a year, one whose weekdays are that year's."""
    is_day = cells.str.contains(_MONTH) & ~cells.str.contains(r"\d{4}|\d[/.:-]\d")
    if not is_day.all():
        return None
    known = [year] if year else [str(each) for each in SOME_YEARS]
    found = (
        format_
        for format_ in _YEARLESS
        if any(times.count_read(cells + f" {each}", f"{format_} %Y") >= ENOUGH * cells.len() for each in known)
    )
    return next(found, None)
