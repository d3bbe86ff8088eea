"""The `betfair_bsp` source: Betfair's daily starting-price files of every era, win and place; no stream files.

What the files are like, by era, is SOURCE_FACTS section 2; `menu.py` beside this module reads their MENU_HINT.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path, PurePath

import polars as pl

from race_assets.ahead import ahead
from race_assets.sources import delimited, sport
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.betfair import doubled_hour, menu
from race_assets.sources.delimited import Dialect
from race_assets.sources.findings import Problem, broken_lines, with_notes, with_problems
from race_assets.values import distances, ids, markets, names, times
from race_assets.values.texts import formatted

COLUMNS = (
    "event_id",
    "menu_hint",
    "event_name",
    "event_dt",
    "selection_id",
    "selection_name",
    "win_lose",
    "bsp",
    "ppwap",
    "morningwap",
    "ppmax",
    "ppmin",
    "ipmax",
    "ipmin",
    "morningtradedvol",
    "pptradedvol",
    "iptradedvol",
)
PRICES = {
    "bsp": "bsp",
    "ppwap": "pre_off_wap",
    "morningwap": "morning_wap",
    "ppmax": "pre_off_max",
    "ppmin": "pre_off_min",
}
VOLUMES = {"pptradedvol": "pre_off_volume", "morningtradedvol": "morning_volume"}
IN_RUNNING_PRICES = ("ipmax", "ipmin")

LONDON = "Europe/London"
EVENT_DT_FORMATS = ("%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")
PLACE_FILE = re.compile(r"greyhoundplace\d|bfprices(?:uk|ire|aus|usa|rsa|uae|nz|fr)?placed?_?\d", re.IGNORECASE)
FILE_DATE = re.compile(r"(?:dwbf|bfprices)\w*?(\d{2})(\d{2})(\d{4})", re.IGNORECASE)
ROWS_SELECTED = re.compile(rb"^\d+ rows? selected\.?$", re.IGNORECASE)

# A file writes these where nothing traded; no price can be any of them (SOURCE_FACTS 2.5).
SENTINELS = (0.0, 1.0, 1001.0)
NAME_AT = COLUMNS.index("selection_name")
AFTER_NAME = len(COLUMNS) - NAME_AT - 1


class BetfairBsp(FileSource):
    """Betfair SP price files: 17 columns, one row per runner and market, London wall-clock times, GBP volumes."""

    name = "betfair_bsp"
    title = "Betfair starting-price files, greyhound win and place, 2008 to now"
    parser_version = 6

    @property
    def header(self) -> frozenset[str]:
        """See `FileSource.header`."""
        return frozenset(COLUMNS)

    may_repeat = True

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`."""
        dialect = Dialect(COLUMNS, is_furniture=_is_furniture, repair=_repair)
        for block in ahead(delimited.read(path, dialect, report)):
            if block.broken.height:
                yield broken_lines(block.broken)
            if block.rows.height:
                yield _records(block.rows, name)

    def cells_of(self, path: Path, text: str) -> list[str]:
        """See `FileSource.cells_of`."""
        del path
        return delimited.cells_of(text)

    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """See `FileSource.rows_as_read`."""
        return delimited.rows_as_read(path, byte_offsets)


def _is_furniture(line: bytes) -> bool:
    """Blank lines, and the rule and row count of the 2008 SQL*Plus spools."""
    return not line.strip(b"-, \t") or bool(ROWS_SELECTED.match(line))


def _repair(fields: list[str]) -> list[str] | None:
    """Puts a name with unquoted commas together again, where what follows it is plainly the ten numbers."""
    surplus = len(fields) - len(COLUMNS)
    after = fields[-AFTER_NAME:]
    name = fields[NAME_AT : NAME_AT + surplus + 1]
    is_in_name = surplus >= 1 and fields[NAME_AT - 1].strip().isdigit()
    if not is_in_name or not all(map(_is_number, after)) or any(_is_number(part) for part in name[1:]):
        return None
    return [*fields[:NAME_AT], ",".join(name), *after]


def _is_number(cell: str) -> bool:
    return not cell.strip() or bool(re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)\s*", cell))


def _records(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    frame = names.with_trap_and_dog(rows.with_columns(pl.col(COLUMNS).str.strip_chars()), "selection_name")
    frame = _numbers(menu.with_menu(_dated(frame), "menu_hint", "event_name", "selection_name"))
    frame = sport.with_sport(
        frame, name, "event_name", "event_id", meeting="menu_hint", track="track_name", in_running=_in_running()
    )
    frame = frame.with_columns(
        filtered=pl.coalesce("filtered", pl.when("is_horses").then(pl.lit(sport.NOT_GREYHOUNDS))),
        sport_signs=pl.when(pl.col("filtered").is_null()).then("sport_signs"),
    )
    frame = frame.with_columns(
        race_date=times.nearest_date(pl.col("menu_day"), pl.col("menu_month"), pl.col("dt").dt.date()).fill_null(
            pl.when(pl.col("filtered").is_not_null()).then(pl.col("dt").dt.date())
        ),
        is_place=_is_place(name),
        outcome=pl.col("win_lose").cast(pl.Float64, strict=False),
        market_id=markets.betfair_market_id(pl.col("event_id")),
        selection_id=ids.without_decimal(pl.col("selection_id")),
    )
    race = distances.grade_and_distance(pl.col("event_name"))
    frame = _with_hour(frame, race.struct.field("race_number"))
    frame = with_problems(frame, _problems(name))
    return frame.select(
        "source_row",
        "byte_offset",
        "notes",
        "problems",
        "filtered",
        "market_id",
        "selection_id",
        "selection_name",
        "trap",
        "dog_name",
        "start_at",
        "race_date",
        "track_name",
        "country",
        *PRICES.values(),
        *VOLUMES.values(),
        event_name=pl.col("menu_hint"),
        market_type=pl.when("is_place").then(pl.lit("PLACE")).otherwise(pl.lit("WIN")),
        race_type=race.struct.field("race_type"),
        distance_m=race.struct.field("distance_m"),
        race_number=race.struct.field("race_number"),
        status=pl.lit("ACTIVE"),
        result=_result(),
        is_dead_heat=pl.col("outcome") == 2,  # noqa: PLR2004 - the file's own code for a shared place
        volume=pl.col("pre_off_volume"),
        currency=pl.lit("GBP"),
    )


def _dated(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `dt`, EVENT_DT as written, `start_at`, the earlier of two, `is_ambiguous` and `is_missing`."""
    frame = frame.with_columns(dt=times.local_datetime(pl.col("event_dt"), EVENT_DT_FORMATS))
    part = pl.col("start").struct.field
    frame = frame.with_columns(start=times.localise(pl.col("dt"), LONDON))
    return frame.with_columns(
        part("is_missing"), start_at=part("at"), is_ambiguous=part("is_ambiguous").fill_null(value=False)
    )


def _with_hour(frame: pl.DataFrame, race_number: pl.Expr) -> pl.DataFrame:
    """Place races of London's doubled hour by the others of their meeting, or in the first; notes say which."""
    if not frame["is_ambiguous"].any():
        return frame
    races = frame.filter(pl.col("filtered").is_null() & pl.col("start_at").is_not_null())
    found = doubled_hour.second_passes(races.with_columns(race_number=race_number))
    frame = frame.join(found, on=["market_id", "is_place"], how="left", maintain_order="left")
    is_second, is_ambiguous = pl.col("is_second"), pl.col("is_ambiguous")
    later = pl.when(is_ambiguous & is_second).then(pl.col("start_at") + doubled_hour.HOUR).otherwise("start_at")
    return with_notes(
        frame.with_columns(start_at=later),
        {
            "local_time_inferred": is_ambiguous & is_second.is_not_null(),
            "local_time_ambiguous": is_ambiguous & is_second.is_null(),
        },
    )


def _numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Prices and volumes as numbers, sentinels as null with a note each; `bad_<column>` holds what is no number."""
    number = {column: pl.col(column).cast(pl.Float64, strict=False) for column in (*PRICES, *VOLUMES)}
    frame = frame.with_columns(value.alias(f"{column}_number") for column, value in number.items())
    sentinel = {
        column: pl.col(f"{column}_number").is_in(SENTINELS) | ~pl.col(f"{column}_number").is_finite()
        for column in PRICES
    }
    # A runner with a starting price was traded: 0 there is an era that did not fill the column (SOURCE_FACTS 2.5, 1).
    unfilled = (pl.col("pptradedvol_number") == 0) & (
        (pl.col("bsp_number").is_finite() & ~pl.col("bsp_number").is_in(SENTINELS))
        | (pl.col("morningtradedvol_number") > 0)
    )
    sentinel["pptradedvol"] = unfilled
    frame = frame.with_columns(condition.fill_null(value=False).alias(f"{c}_null") for c, condition in sentinel.items())
    frame = with_notes(frame, {f"sentinel_{column}": pl.col(f"{column}_null") for column in sentinel})
    into = {**PRICES, **VOLUMES}
    return frame.with_columns(
        *(pl.when(pl.col(f"{c}_number").is_null() & (pl.col(c) != "")).then(c).alias(f"bad_{c}") for c in into),
        *(
            (pl.when(~pl.col(f"{c}_null")).then(f"{c}_number") if c in sentinel else pl.col(f"{c}_number")).alias(name)
            for c, name in into.items()
        ),
    )


def _in_running() -> pl.Expr:
    """Whether a runner was traded after the off; 1 and 1001 are no prices (SOURCE_FACTS 2.5)."""
    prices = [pl.col(column).cast(pl.Float64, strict=False) for column in IN_RUNNING_PRICES]
    traded = pl.col("iptradedvol").cast(pl.Float64, strict=False) > 0
    return pl.any_horizontal(traded, *((price > 1) & (price <= 1000) for price in prices))  # noqa: PLR2004 - price limits


def _is_place(name: str) -> pl.Expr:
    """Place files name their markets alike in every era; Betfair's own name of the file settles the rest."""
    is_place_file = PLACE_FILE.search(PurePath(name).name) is not None
    return (pl.col("event_name").str.to_uppercase() == "TO BE PLACED").fill_null(value=False) | pl.lit(is_place_file)


def _result() -> pl.Expr:
    won = pl.when("is_place").then(pl.lit("PLACED")).otherwise(pl.lit("WINNER"))
    return pl.when(pl.col("outcome").is_in([1.0, 2.0])).then(won).when(pl.col("outcome") == 0).then(pl.lit("LOSER"))


def _problems(name: str) -> list[Problem]:
    race_date, stated = pl.col("race_date"), file_race_date(name)
    far = (race_date - pl.col("dt").dt.date()).dt.total_days().abs() > 1
    bad = [
        Problem(
            "number",
            pl.col(f"bad_{column}").is_not_null(),
            formatted("{} {} is not a number", pl.lit(column.upper()), _quoted(f"bad_{column}")),
            column=name,
        )
        for column, name in {**PRICES, **VOLUMES}.items()
    ]
    elsewhere = (
        []
        if stated is None
        else [
            Problem(
                "start_time",
                (race_date - pl.lit(stated)).dt.total_days().abs() > 1,
                formatted(f"race date {{}} is not within a day of the file's own, {stated}", race_date),
            )
        ]
    )
    return [
        Problem(
            "start_time",
            pl.col("dt").is_null(),
            formatted("EVENT_DT {} is not a date and time, DD-MM-YYYY HH:MM", _quoted("event_dt")),
        ),
        Problem(
            "local_time",
            pl.col("is_missing"),
            formatted("EVENT_DT {} does not exist in London: the clocks go forward over it", _quoted("event_dt")),
        ),
        Problem(
            "start_time",
            far,
            formatted(
                "MENU_HINT {} and EVENT_DT {} are more than a day apart", _quoted("menu_hint"), _quoted("event_dt")
            ),
        ),
        Problem(
            "number",
            (~pl.col("outcome").is_in([0.0, 1.0, 2.0])).fill_null(pl.col("win_lose") != ""),
            formatted("WIN_LOSE {} is not 0, 1 or 2", _quoted("win_lose")),
            column="result",
        ),
        Problem(
            "keys",
            pl.col("event_id") != "",
            formatted(
                "EVENT_ID {} is no market id: eight or nine digits, with or without 1. before them; if a spreadsheet "
                "rounded it, get the file as Betfair has it",
                _quoted("event_id"),
            ),
            among=pl.col("market_id").is_null(),
        ),
        *bad,
        *elsewhere,
        sport.problem(),
    ]


def file_race_date(name: str) -> date | None:
    """The race day a file's name states: the day before the one in it (API_CONTRACTS 5.1); None without one."""
    found = FILE_DATE.search(name)
    if not found:
        return None
    day, month, year = map(int, found.groups())
    try:
        return date(year, month, day) - timedelta(days=1)
    except ValueError:
        return None


def _quoted(column: str) -> pl.Expr:
    return pl.concat_str(pl.lit("'"), pl.col(column).fill_null("").str.slice(0, 60), pl.lit("'"))
