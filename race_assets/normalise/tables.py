"""Core tables out of records that know their race and runner; keys are given by `runners.py`."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from race_assets.normalise.beliefs import believed, fullest_name, run_first, settled_status, with_ranks
from race_assets.normalise.results import place, settled_places
from race_assets.schemas.core import PRICES, RACES, SELECTIONS
from race_assets.schemas.table import INSTANT, conform
from race_assets.settings.precedence import Precedence

PLAIN = pl.col("price_kind").fill_null("PRICE")
"""The kind of a source's own price; one that does not say is plain."""

# The price of a selection: the first of these that is known, from its win market.
PRICE_ORDER = (
    ("bsp", pl.lit("BSP")),
    ("last_traded", pl.lit("LAST_TRADED")),
    ("pre_off_wap", pl.lit("PRE_OFF_WAP")),
    ("price", PLAIN),
    ("sp_decimal", pl.lit("SP")),
)
FORECAST = "FORECAST"
LAST_RANK = len(PRICE_ORDER) + 1

# When a price was known: at the off, when the source published it, or the source does not say.
AT_THE_OFF = pl.col("off_at")
PUBLISHED = pl.col("observed_at")
NOT_STATED = pl.lit(None, dtype=INSTANT)

# Every price a source gives becomes a row: the column, its kind, when it was known, the volume matched at such prices.
PRICE_ROWS = (
    ("bsp", pl.lit("BSP"), AT_THE_OFF, None),
    ("last_traded", pl.lit("LAST_TRADED"), PUBLISHED, None),
    ("pre_off_wap", pl.lit("PRE_OFF_WAP"), AT_THE_OFF, "pre_off_volume"),
    ("pre_off_max", pl.lit("PRE_OFF_MAX"), AT_THE_OFF, None),
    ("pre_off_min", pl.lit("PRE_OFF_MIN"), AT_THE_OFF, None),
    ("morning_wap", pl.lit("MORNING_WAP"), NOT_STATED, "morning_volume"),
    ("price", PLAIN, pl.when(PLAIN == "SP").then(AT_THE_OFF).otherwise(PUBLISHED), "volume"),
    ("sp_decimal", pl.lit("SP"), AT_THE_OFF, None),
)

RACE_FACTS = (
    "track_id",
    "start_at",
    "start_local",
    "event_id",
    "event_name",
    "actual_off_at",
    "race_number",
    "race_type",
    "distance_m",
)
SELECTION = ("race_date", "core_selection_id")
RACE = ("race_date", "race_id")

# The race was not off before any of these: its own off, the actual one by any source, what the record's source says of
# both, and the record's last trade before the off. A price of the off that is dated before one is known too early.
OFF_AT = pl.max_horizontal(
    pl.max_horizontal("start_at", "actual_off_at").max().over(RACE),
    pl.coalesce("actual_off_at", "own_start_at"),
    "observed_at",
)


def selections(records: pl.DataFrame, processed_at: datetime, precedence: Precedence) -> pl.DataFrame:
    """`core.selections` of these records, sorted by key.

    Args:
        records: as `runners.assign` gives them: sorted, with keys.
        processed_at: now.
        precedence: who is believed where several records tell of one dog.
    """
    told = records.select(*_selection_columns())
    shared = told.select(pl.struct(SELECTION).is_duplicated()).to_series()
    if shared.any():
        told = pl.concat([told.filter(~shared), _merged(told.filter(shared), precedence)])
    told = told.sort(SELECTION).with_columns(finish_position=place())
    has_outcome = (pl.col("result") != "VOID").fill_null(value=False)
    told = settled_places(told, records, precedence).with_columns(
        # A source that names a runner and says no more of it, such as form, leaves it where the card put it.
        status=pl.col("status").fill_null("ACTIVE"),
        # A source may state a dead heat of a race that has no outcome yet, such as one whose other cells are empty.
        is_dead_heat=pl.col("is_dead_heat") & (has_outcome | pl.col("finish_position").is_not_null()),
        processed_at=pl.lit(processed_at, dtype=pl.Datetime("us", "UTC")),
    )
    return conform(told.rename({"core_selection_id": "selection_id"}), SELECTIONS)


def _selection_columns() -> list[pl.Expr]:
    is_win = pl.col("market_type") == "WIN"
    price, kind, rank = _best_price(is_win)
    return [
        *map(pl.col, (*SELECTION, "race_id", "trap", "runner_seq", "dog_name", "status", "result", "finish_position")),
        pl.col("is_dead_heat").fill_null(value=False),
        price.alias("price"),
        kind.alias("price_kind"),
        pl.when(price.is_not_null()).then("source").alias("price_source"),
        rank.alias("rank"),
        pl.when(is_win).then("bsp").alias("bsp"),
        pl.col("sp_fraction", "sp_decimal"),
        pl.when(is_win).then(pl.coalesce("volume", "pre_off_volume")).alias("volume"),
        pl.when(is_win & pl.coalesce("volume", "pre_off_volume").is_not_null()).then("currency").alias("currency"),
        pl.concat_list("source").alias("sources"),
        (~is_win).alias("is_place"),
    ]


def _best_price(is_win: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """The record's best price, its kind, and its rank (0 is best); a forecast is the last resort whoever gives it."""
    price, kind = pl.lit(None, dtype=pl.Float64), pl.lit(None, dtype=pl.String)
    rank = pl.lit(LAST_RANK + 1, dtype=pl.UInt8)
    is_forecast = (pl.col("price_kind") == FORECAST).fill_null(value=False)
    choices = [
        (
            is_win & pl.col(column).is_not_null() & (~is_forecast if column == "price" else pl.lit(value=True)),
            column,
            name,
            n,
        )
        for n, (column, name) in enumerate(PRICE_ORDER)
    ]
    choices.append((is_win & pl.col("price").is_not_null(), "price", pl.lit(FORECAST), LAST_RANK))
    for known, column, name, n in reversed(choices):
        price = pl.when(known).then(column).otherwise(price)
        kind = pl.when(known).then(name).otherwise(kind)
        rank = pl.when(known).then(pl.lit(n, dtype=pl.UInt8)).otherwise(rank)
    return price, kind, rank


def _merged(told: pl.DataFrame, precedence: Precedence) -> pl.DataFrame:
    """Several records of one runner as one row: the win market speaks first, then who is believed first."""
    told = told.with_columns(source=pl.col("sources").list.first())
    sources = told["source"].unique().to_list()
    told = with_ranks(told, {fact: precedence.ranks(fact, sources) for fact in ("name", "status", "result", "price")})
    # Of one source's markets of a race the one that was run speaks, not the one that was void and opened anew.
    told = told.sort(
        *SELECTION, "is_place", "source", (pl.col("result") == "VOID").fill_null(value=False), maintain_order=True
    )
    is_told, has_volume = pl.col("result").is_not_null(), pl.col("volume").is_not_null()
    first = told.group_by(SELECTION, maintain_order=True).agg(
        *(pl.col(name).first() for name in ("race_id", "trap", "runner_seq")),
        fullest_name().alias("dog_name"),
        settled_status().alias("status"),
        *(believed(name, "result").alias(name) for name in ("result", "finish_position")),
        pl.col("is_dead_heat").filter(is_told).sort_by(
            pl.col("is_place").filter(is_told), pl.col("by_result").filter(is_told)
        ).first().fill_null(value=False),
        *(
            pl.col(name).sort_by("rank", "is_place", "by_price", maintain_order=True).first()
            for name in ("price", "price_kind", "price_source")
        ),
        pl.col("rank").min(),
        *(believed(name, "price").alias(name) for name in ("bsp", "sp_fraction", "sp_decimal", "volume")),
        # An amount means nothing without its own currency: that of another source would make it another amount.
        pl.col("currency").filter(has_volume).sort_by(
            pl.col("is_place").filter(has_volume), pl.col("by_price").filter(has_volume), maintain_order=True
        ).first(),
        pl.col("source").unique().sort().alias("sources"),
        pl.col("is_place").all(),
    )  # fmt: skip
    helpers = {"source", "by_name", "by_status", "by_result", "by_price"}
    return first.select(name for name in told.columns if name not in helpers)


def races(
    records: pl.DataFrame,
    chosen: pl.DataFrame,
    tracks: pl.DataFrame,
    rejected: pl.DataFrame,
    processed_at: datetime,
    precedence: Precedence,
    disputes: pl.DataFrame,
) -> pl.DataFrame:
    """Return `core.races` of these records, sorted by key.

    Args:
        records: as `runners.assign` gives them.
        chosen: their `core.selections`.
        tracks: `track_id`, `track`, `country`, `timezone`.
        rejected: how many runners each race lacks, as `rejected.rejected_runners` gives it.
        processed_at: now.
        precedence: whose facts are believed.
        disputes: as `results.disputed` gives them.
    """
    told = [*RACE_FACTS, "source"]
    # A race's facts repeat for each of its runners; one row per market and set of facts is enough to choose from.
    markets = records.select(*RACE, "market_type", "market_id", *told).unique(maintain_order=True)
    ranks = precedence.ranks("facts", markets["source"].unique().to_list())
    markets = with_ranks(markets.with_columns(is_place=pl.lit(value=False)), {"facts": ranks})
    facts = markets.group_by(RACE, maintain_order=True).agg(
        *(believed(name, "facts").alias(name) for name in RACE_FACTS), pl.col("source").unique().sort().alias("sources")
    )
    frame = (
        facts.join(_outcomes(chosen), on=RACE, how="left")
        .join(tracks, on="track_id", how="left")
        .join(rejected, on=RACE, how="left")
        .join(disputes.select(*RACE, has_conflicting_results=True).unique(), on=RACE, how="left")
        .with_columns(pl.col("rejected_runners").fill_null(0), pl.col("has_conflicting_results").fill_null(value=False))
        .with_columns(processed_at=pl.lit(processed_at, dtype=pl.Datetime("us", "UTC")))
    )
    return conform(frame.sort(RACE), RACES)


def _outcomes(chosen: pl.DataFrame) -> pl.DataFrame:
    result = pl.col("result")
    is_void = (result == "VOID").fill_null(value=False)
    counted = chosen.group_by(RACE).agg(
        runner_count=(pl.col("status") == "ACTIVE").sum().cast(pl.Int16),
        won=result.is_in(["WINNER", "PLACED"]).any(),
        # A dog that was scratched before has no result of its own.
        void=is_void.any() & (is_void | (pl.col("status") != "ACTIVE")).all(),
    )
    status = pl.when("won").then(pl.lit("RESULT")).when("void").then(pl.lit("VOID")).otherwise(pl.lit("OPEN"))
    return counted.select(*RACE, "runner_count", status=status)


def prices(records: pl.DataFrame) -> pl.DataFrame:
    """Build `core.prices`, sorted by key: one row per runner, source, market type and kind of price.

    Args:
        records: as `runners.assign` gives them; may have `own_start_at`, the off that a record's own source schedules
            where that is not `start_at`.
    """
    if "own_start_at" not in records.columns:
        records = records.with_columns(own_start_at="start_at")
    records = run_first(records.with_columns(off_at=OFF_AT))
    rows = [_price_rows(records, *each) for each in PRICE_ROWS if records[each[0]].null_count() < records.height]
    if not rows:
        return conform(pl.DataFrame(schema={"race_date": pl.Date}), PRICES)
    key = ["race_date", "selection_id", "source", "market_type", "price_kind"]
    return pl.concat(rows).sort(key, maintain_order=True).unique(key, keep="first", maintain_order=True)


def _price_rows(
    records: pl.DataFrame, column: str, kind: pl.Expr, known_at: pl.Expr, volume: str | None
) -> pl.DataFrame:
    known = records if not records[column].null_count() else records.drop_nulls(column)
    frame = known.select(
        "race_date",
        pl.col("core_selection_id").alias("selection_id"),
        "source",
        "market_type",
        kind.alias("price_kind"),
        pl.col(column).alias("price"),
        (pl.col(volume) if volume else pl.lit(None, dtype=pl.Float64)).alias("volume"),
        "currency",
        observed_at=known_at,
    )
    return conform(frame, PRICES)


def unreferenced(races_: pl.DataFrame, selections_: pl.DataFrame, *of_selections: pl.DataFrame) -> Sequence[str]:
    """Keys that point at nothing, a few of each table: selections without race, prices and points without selection."""
    stray = selections_.join(races_, on=["race_date", "race_id"], how="anti")["selection_id"].head(3).to_list()
    for frame in of_selections:
        lost = frame.join(selections_, on=["race_date", "selection_id"], how="anti")
        stray += lost["selection_id"].head(3).to_list()
    return stray
