"""Where sources contradict each other about a runner: who won, at what starting price, in which currency."""

import polars as pl

from race_assets.settings.rules import Remark, SourcesAgree
from race_assets.validation.races import RaceFinding
from race_assets.validation.rows import VOLUMES

RULE = "sources_agree"
RUNNER = ["race_date", "race_id", "core_selection_id"]
WON = "WINNER"
CURRENCY = "currency"
RACE_MESSAGES = {"race_date": pl.Date, "race_id": pl.String, "message": pl.String}


def judge_sources(keyed: pl.DataFrame, settings: SourcesAgree) -> RaceFinding | None:
    """The races of whose winner or starting prices two sources say different things.

    Args:
        keyed: records that know their race and runner: `race_date`, `race_id`, `core_selection_id`, `source`,
            `market_type`, `dog_name`, `trap`, `result`, `bsp`.
        settings: how far starting prices may differ.

    Returns:
        the finding, whose message lists each runner with what each source says; None where the rule is off.
    """
    if settings.severity == "off":
        return None
    if keyed["source"].n_unique() <= 1:
        return RaceFinding(RULE, settings.severity == "reject", pl.DataFrame(schema=RACE_MESSAGES))
    win = keyed.filter(pl.col("market_type") == "WIN")
    runners = win.group_by(*RUNNER, maintain_order=True).agg(
        *_differing("result", pl.col("result").replace("VOID", None) == WON),
        *_differing("bsp", pl.col("bsp")),
        pl.col("dog_name").drop_nulls().first(),
        pl.col("trap").drop_nulls().first(),
    )
    low, high = pl.col("least_bsp"), pl.col("most_bsp")
    won = pl.col("least_result") != pl.col("most_result")
    dear = high > low * (1 + settings.bsp_tolerance)
    said = runners.filter(won.fill_null(value=False) | dear.fill_null(value=False)).with_columns(
        said=pl.concat_str(
            pl.format("trap {} {}", pl.col("trap").cast(pl.String).fill_null("-"), pl.col("dog_name").fill_null("-")),
            pl.when(won).then(pl.format(": {}", "told_result")).otherwise(pl.lit("")),
            pl.when(dear).then(pl.format(": {}", "told_bsp")).otherwise(pl.lit("")),
        )
    )
    races = said.group_by("race_date", "race_id", maintain_order=True).agg(message=pl.col("said").str.join("; "))
    return RaceFinding(RULE, settings.severity == "reject", races)


def _differing(name: str, value: pl.Expr) -> list[pl.Expr]:
    """In a group: the least and the most that sources say, and who says what."""
    told = pl.format("{} {} by {}", pl.lit(name), pl.col(name).cast(pl.String), "source")
    return [
        value.min().alias(f"least_{name}"),
        value.max().alias(f"most_{name}"),
        told.filter(pl.col(name).is_not_null()).sort_by(
            pl.col("source").filter(pl.col(name).is_not_null())
        ).unique(maintain_order=True).str.join(", ").alias(f"told_{name}"),
    ]  # fmt: skip


def judge_currencies(keyed: pl.DataFrame, settings: Remark) -> RaceFinding | None:
    """Return the races with a runner whose volumes are stated in several currencies; None where the rule is off.

    Args:
        keyed: as for `judge_sources`, with `currency` and the volumes.
        settings: of the rule `currency`.
    """
    if settings.severity == "off":
        return None
    with_money = keyed.filter(pl.col("currency").is_not_null(), pl.any_horizontal(pl.col(VOLUMES).is_not_null()))
    if with_money["currency"].n_unique() <= 1:
        return RaceFinding(CURRENCY, settings.severity == "reject", pl.DataFrame(schema=RACE_MESSAGES))
    stated = pl.format("{} by {}", "currency", "source").unique().sort().str.join(", ")
    runners = with_money.group_by(*RUNNER, maintain_order=True).agg(
        stated=stated,
        currencies=pl.col("currency").n_unique(),
        trap=pl.col("trap").drop_nulls().first().cast(pl.String).fill_null("-"),
        dog_name=pl.col("dog_name").drop_nulls().first().fill_null("-"),
    )
    said = runners.filter(pl.col("currencies") > 1).with_columns(
        message=pl.format("trap {} {}: volume in {}", "trap", "dog_name", "stated")
    )
    races = said.group_by("race_date", "race_id", maintain_order=True).agg(pl.col("message").str.join("; "))
    return RaceFinding(CURRENCY, settings.severity == "reject", races)
