"""The rules a single record is judged by; rules that need the other runners of a race are in `races.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import pandera.polars as pa
import polars as pl

from race_assets.settings import RuleSettings, Severity
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
)

# What may be meant by an unknown track's name, given its country hint.
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
    """

    id: str
    severity: Severity
    passes: pl.Expr
    message: pl.Expr
    note: str


def row_rules(settings: RuleSettings) -> list[RowRule]:
    """The rules in force, with the settings' limits and severities."""
    prices, traps = settings.price_range, settings.trap
    most, usual = _limit(traps.most), _limit(traps.usual)
    trap, country = pl.col("trap"), pl.col("country")
    # A runner without trap is known by its name alone, so that must leave something to compare.
    known = trap.is_not_null() | names.match_name(pl.when(trap.is_null()).then("dog_name")).is_not_null()
    is_name_needed = settings.selection_name.severity == "reject"
    trap_text = formatted("trap {} in {}: traps run from 1 to {}", trap, country, most)
    rules = [
        RowRule(
            "price_range",
            prices.severity,
            pl.all_horizontal(pl.col(EXCHANGE_PRICES).is_between(prices.min, prices.max)),
            _offending(EXCHANGE_PRICES, prices.min, prices.max),
            "price_range",
        ),
        # The ring knows no limits, but whoever wins gets more than the stake back.
        RowRule(
            "price_range",
            prices.severity,
            pl.col("sp_decimal").is_between(1, inf, closed="none"),
            formatted("sp_decimal {}: decimal odds above 1 pass", "sp_decimal"),
            "price_range",
        ),
        RowRule(
            "volume",
            settings.volume.severity,
            pl.all_horizontal(pl.col(VOLUMES).is_between(0, inf, closed="left")),
            _offending(VOLUMES, 0, None),
            "volume",
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
            formatted("track {} is not in the registry", _shown("track_name")),
            "track_known",
        ),
        RowRule(
            "start_time",
            settings.start_time.severity,
            (pl.col("local_date") - pl.col("race_date")).dt.total_days().is_between(-1, 1),
            formatted("the off is on {} at the track, not within a day of {}", "local_date", "race_date"),
            "start_time",
        ),
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
    """Append to `track_known` messages which track the name may mean, asking once per name."""
    if not messages.height:
        return messages
    named = messages.with_columns(frame.select("track_name", "country")[messages["position"]])
    names = named.select("track_name", "country").unique()
    advised = [f"; {advice(name or '', country)}" for name, country in names.iter_rows()]
    joined = named.join(
        names.with_columns(pl.Series("advice", advised, dtype=pl.String)),
        on=["track_name", "country"],
        how="left",
        nulls_equal=True,
    )
    return joined.select("position", message=pl.concat_str("message", "advice"))


def _limit(by_country: dict[str, int]) -> pl.Expr:
    return pl.col("country").replace_strict(by_country, default=None, return_dtype=pl.Int16)


def _at_most_warn(severity: Severity) -> Severity:
    return "off" if severity == "off" else "warn"


def _shown(column: str) -> pl.Expr:
    return pl.concat_str(pl.lit("'"), pl.col(column).fill_null("").str.slice(0, 60), pl.lit("'"))


def _offending(columns: Sequence[str], low: float, high: float | None) -> pl.Expr:
    """`bsp 1200.0, price 0.5: 1.01 to 1000 passes`, naming only the columns that are out of range."""
    parts = []
    for name in columns:
        column = pl.col(name)
        # NaN is above every number here, infinity included.
        fine = column.is_between(low, inf, closed="left") if high is None else column.is_between(low, high)
        parts.append(pl.when(~fine).then(formatted(f"{name} {{}}", column)))
    limits = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
    return pl.concat_str(pl.concat_str(parts, separator=", ", ignore_nulls=True), pl.lit(f": {limits} passes"))
