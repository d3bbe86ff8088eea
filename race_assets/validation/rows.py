"""The rules a single record is judged by; rules that need the other runners of a race are in `races.py`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any

import pandera.polars as pa
import polars as pl

from race_assets.schemas.table import INSTANT
from race_assets.settings.currencies import CURRENCIES
from race_assets.settings.rules import CellSeverity, RuleSettings, Severity, StartWindow
from race_assets.values import ids, names
from race_assets.values.texts import formatted

PRICES = ("price", "bsp", "last_traded", "pre_off_wap", "pre_off_max", "pre_off_min", "morning_wap", "sp_decimal")
EXCHANGE_PRICES = ("price", "bsp", "last_traded", "pre_off_wap", "pre_off_max", "pre_off_min", "morning_wap")
VOLUMES = ("volume", "pre_off_volume", "morning_volume")
JUDGED = (
    "market_id",
    "selection_id",
    "selection_name",
    "dog_name",
    "track_name",
    "track_id",
    "country",
    "trap",
    "start_at",
    "race_date",
    "local_date",
    *PRICES,
    *VOLUMES,
    "currency",
    "observed_at",
    "landed_at",
    "is_day_in_name",
)
OPTIONAL = (
    *PRICES, *VOLUMES, "currency", "sp_fraction", "favourite", "distance_m", "race_number", "result", "is_dead_heat",
    "finish_position",
)  # fmt: skip
"""The columns of a record that may be null without changing which race and runner it is about, or whether it ran."""

NO_TRACK = "the source states no track (venue)"

# What may be meant by an unknown track's name, given its country hint.
MOST_ADVISED = 100
LOOK_FOR_IT = "`race-assets tracks find` shows the nearest"
TrackAdvice = Callable[[str, str | None], str]


@dataclass(frozen=True)
class RowRule:
    """A rule for one record.

    Attributes:
        id: the name in settings, rejects and figures.
        severity: what happens to a row that breaks it.
        passes: true or null where the row is in order.
        message: what is wrong with it and what would pass; evaluated only for rows that break it.
        note: the code a warning is counted under.
        cells: for a rule about optional cells, by column whether the cell passes; null where it does.
    """

    id: str
    severity: CellSeverity
    passes: pl.Expr
    message: pl.Expr
    note: str
    cells: Mapping[str, pl.Expr] = field(default_factory=dict)


def row_rules(settings: RuleSettings, now: datetime) -> list[RowRule]:
    """Return the rules in force, with the settings' limits and severities.

    Args:
        settings: as they apply to the source of the records.
        now: what the clock shows; `start_window` measures from it where a source states no moment.
    """
    prices, traps = settings.price_range, settings.trap
    most, usual = _limit(traps.most), _limit(traps.usual)
    trap, country = pl.col("trap"), pl.col("country")
    # A runner without trap is known by its name alone, so that must leave something to compare.
    known = trap.is_not_null() | names.match_name(pl.when(trap.is_null()).then("dog_name")).is_not_null()
    is_name_needed = settings.selection_name.severity == "reject"
    trap_text = formatted("trap {} in {}: traps run from 1 to {}", trap, country, most)
    rules = [
        _of_cells(
            "price_range",
            prices.severity,
            {name: pl.col(name).is_between(prices.min, prices.max) for name in EXCHANGE_PRICES},
            f"{prices.min:g} to {prices.max:g} passes",
        ),
        # The ring knows no limits, but whoever wins gets more than the stake back.
        _of_cells(
            "price_range",
            prices.severity,
            {"sp_decimal": pl.col("sp_decimal").is_between(1, inf, closed="none")},
            "decimal odds above 1 pass",
        ),
        # NaN is above every number here, infinity included.
        _of_cells(
            "volume",
            settings.volume.severity,
            {name: pl.col(name).is_between(0, inf, closed="left") for name in VOLUMES},
            "0 or more passes",
        ),
        _of_cells(
            "value",
            settings.value.severity,
            {"currency": pl.col("currency").is_in(CURRENCIES)},
            f"{', '.join(CURRENCIES)} pass",
        ),
        RowRule(
            "selection_name",
            settings.selection_name.severity,
            pl.col("dog_name").is_not_null() & known,
            formatted("selection_name {} names no dog", _shown("selection_name")),
            "selection_name",
        ),
        RowRule("trap", traps.severity, trap.is_between(1, most), trap_text, "trap"),
        RowRule("trap", _at_most_warn(traps.severity), ~trap.is_between(usual + 1, most), trap_text, "trap_unusual"),
        RowRule(
            "track_known",
            settings.track_known.severity,
            pl.col("track_id").is_not_null(),
            pl.when(_has_track())
            .then(formatted("track {} is not in the registry", _shown("track_name")))
            .otherwise(pl.lit(NO_TRACK)),
            "track_known",
        ),
        RowRule(
            "start_time",
            settings.start_time.severity,
            (pl.col("local_date") - pl.col("race_date")).dt.total_days().is_between(-1, 1),
            formatted("the off is on {} at the track, not within a day of {}", "local_date", "race_date"),
            "start_time",
        ),
        _start_window(settings.start_window, now),
        RowRule(
            "keys",
            settings.keys.severity,
            pl.col("market_id").is_not_null()
            & (pl.col("selection_id").str.strip_chars() != "").fill_null(value=False)
            # Where names are needed anyway, a row is blamed for its name once.
            & (pl.lit(is_name_needed) | known),
            formatted(
                "market {}, selection {}, trap {}, name {}: market, selection, and a trap or a name tell runners apart",
                _shown("market_id"),
                _shown("selection_id"),
                trap.cast(pl.String).fill_null("none"),
                _shown("selection_name"),
            ),
            "keys",
        ),
        RowRule(
            "keys",
            settings.keys.severity,
            ~(ids.is_rounded(pl.col("market_id")) | ids.is_rounded(pl.col("selection_id"))),
            formatted(
                "market {}, selection {}: a spreadsheet has rounded the id, so that others may have the same; "
                "write ids as text, and land the file again under its name",
                _shown("market_id"),
                _shown("selection_id"),
            ),
            "keys",
        ),
    ]
    return [rule for rule in rules if rule.severity != "off"]


def _of_cells(rule: str, severity: CellSeverity, cells: Mapping[str, pl.Expr], passes: str) -> RowRule:
    """Return the rule about these cells; its message names those that break it: `bsp 1200.0: 1.01 to 1000 passes`."""
    broken = [pl.when(~cell).then(formatted(f"{name} {{}}", pl.col(name))) for name, cell in cells.items()]
    listed = pl.concat_str(broken, separator=", ", ignore_nulls=True)
    return RowRule(
        rule,
        severity,
        pl.all_horizontal(cells.values()),
        pl.concat_str(listed, pl.lit(f": {passes}")),
        rule,
        cells,
    )


def _start_window(window: StartWindow, now: datetime) -> RowRule:
    """Return the rule that an off lies within days of the moment its record was stated.

    Where the source states no moment, the past is measured from the landing of its file (from now if that lies ahead of
    now), the future from now: what was rejected only because the clock was wrong at the landing passes when it is
    judged again. A file whose own name has the day of the race was asked for by that day, which may be any past one.
    """
    stated, clock, off = pl.col("observed_at"), pl.lit(now).cast(INSTANT), pl.col("start_at")
    landed = pl.min_horizontal(pl.col("landed_at").fill_null(clock), clock)
    oldest = pl.coalesce(stated, landed) - timedelta(days=window.past_days)
    newest = pl.coalesce(stated, clock) + timedelta(days=window.future_days)
    is_early = (off < oldest) & ~(stated.is_null() & pl.col("is_day_in_name").fill_null(value=False))
    since = pl.coalesce(stated, pl.when(is_early).then(landed).otherwise(clock))
    days = ((off - since).dt.total_seconds().abs() / timedelta(days=1).total_seconds()).round(1)
    message = formatted(
        f"the off {{}} is {{}} days {{}} {{}}, {{}}: {window.past_days:g} before to {window.future_days:g} after pass",
        _minute(off),
        days,
        pl.when(is_early).then(pl.lit("before")).otherwise(pl.lit("after")),
        _minute(since),
        pl.when(stated.is_not_null())
        .then(pl.lit("when the source stated it"))
        .when(is_early)
        .then(pl.lit("when its file was landed"))
        .otherwise(pl.lit("now")),
    )
    return RowRule("start_window", window.severity, ~(is_early | (off > newest)), message, "start_window")


def _minute(at: pl.Expr) -> pl.Expr:
    return at.dt.strftime("%Y-%m-%dT%H:%MZ")


def broken_rows(frame: pl.DataFrame, rules: Sequence[RowRule]) -> list[pl.DataFrame]:
    """For each rule, the rows that break it: their position in `frame` and the message.

    Args:
        frame: holds at least the columns in `JUDGED`.

    Returns:
        one frame of `position` (UInt32) and `message` per rule, in the order of the rules.
    """
    judged = frame.select(JUDGED)
    failing = _failing_positions(judged, rules)
    found = []
    for number, rule in enumerate(rules):
        positions = failing.get(number, pl.Series(dtype=pl.UInt32))
        rows = judged[positions] if positions.len() else judged.clear()
        found.append(
            rows.select(rule.message.alias("message")).with_columns(position=positions).select("position", "message")
        )
    return found


def _failing_positions(judged: pl.DataFrame, rules: Sequence[RowRule]) -> dict[int, pl.Series]:
    schema = pa.DataFrameSchema(
        checks=[pa.Check(_check(rule.passes), name=rule.id, title=str(number)) for number, rule in enumerate(rules)]
    )
    try:
        schema.validate(judged, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.select(
            number=pl.col("check_number").cast(pl.Int64), position=pl.col("index").cast(pl.UInt32)
        )
        return {key[0]: group["position"].sort() for key, group in cases.partition_by("number", as_dict=True).items()}
    return {}


def _check(passes: pl.Expr) -> Callable[[Any], pl.LazyFrame]:
    def run(data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(passes.fill_null(value=True).alias("passes"))

    return run


def name_tracks(messages: pl.DataFrame, frame: pl.DataFrame, advice: TrackAdvice) -> pl.DataFrame:
    """Append to `track_known` messages which track the name may mean, asking once per name; nothing to no name."""
    if not messages.height:
        return messages
    named = messages.with_columns(frame.select("track_name", "country")[messages["position"]])
    names = named.select("track_name", "country").filter(_has_track()).unique()
    advised = [f"; {each}" for each in advice_of_first(names.iter_rows(), advice)]
    joined = named.join(
        names.with_columns(pl.Series("advice", advised, dtype=pl.String)),
        on=["track_name", "country"],
        how="left",
        nulls_equal=True,
    )
    return joined.select("position", message=pl.concat_str("message", "advice", ignore_nulls=True))


def advice_of_first(names: Iterable[tuple[str, str | None]], advice: TrackAdvice) -> Iterator[str]:
    """Yield the advice on each track's name and country, for names beyond as many as anybody mends how to get it."""
    for number, (name, country) in enumerate(names):
        yield advice(name, country) if number < MOST_ADVISED else LOOK_FOR_IT


def _has_track() -> pl.Expr:
    return pl.col("track_name").fill_null("").str.strip_chars() != ""


def _limit(by_country: dict[str, int]) -> pl.Expr:
    return pl.col("country").replace_strict(by_country, default=None, return_dtype=pl.Int16)


def _at_most_warn(severity: Severity) -> Severity:
    return "off" if severity == "off" else "warn"


def _shown(column: str) -> pl.Expr:
    return pl.concat_str(pl.lit("'"), pl.col(column).fill_null("").str.slice(0, 60), pl.lit("'"))
