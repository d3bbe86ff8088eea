"""Where sources contradict each other about a runner: who won, in which place, at what price, in which currency."""

import polars as pl

from race_assets.settings.rules import Remark, SourcesAgree
from race_assets.validation.races import RaceFinding
from race_assets.validation.rows import VOLUMES
from race_assets.values.texts import formatted

RULE = "sources_agree"
RUNNER = ["race_date", "race_id", "core_selection_id"]
CURRENCY = "currency"
RACE_MESSAGES = {"race_date": pl.Date, "race_id": pl.String, "message": pl.String}


def judge_sources(keyed: pl.DataFrame, disputes: pl.DataFrame, settings: SourcesAgree) -> RaceFinding | None:
    """Return the races of whose results or starting prices two sources say different things.

    Args:
        keyed: records that know their race and runner: `race_date`, `race_id`, `core_selection_id`, `source`,
            `market_type`, `dog_name`, `trap`, `bsp`.
        disputes: runners whose results are in dispute: `race_date`, `race_id`, `core_selection_id` and `said`, who says
            what.
        settings: how far starting prices may differ.

    Returns:
        the finding, whose message lists each runner with what each source says; None where the rule is off.
    """
    if settings.severity == "off":
        return None
    if keyed["source"].n_unique() <= 1 and not disputes.height:
        return RaceFinding(RULE, settings.severity == "reject", pl.DataFrame(schema=RACE_MESSAGES))
    win = keyed.filter(pl.col("market_type") == "WIN")
    told = formatted("bsp {} by {}", pl.col("bsp").cast(pl.String), "source").sort_by("source").drop_nulls()
    runners = win.group_by(RUNNER, maintain_order=True).agg(
        pl.col("dog_name").drop_nulls().first(),
        pl.col("trap").drop_nulls().first(),
        low=pl.col("bsp").min(),
        high=pl.col("bsp").max(),
        told_bsp=told.unique(maintain_order=True).str.join(", "),
    )
    is_dear = (pl.col("high") > pl.col("low") * (1 + settings.bsp_tolerance)).fill_null(value=False)
    runners = runners.join(disputes.select(*RUNNER, "said"), on=RUNNER, how="left", maintain_order="left")
    found = runners.filter(is_dear | pl.col("said").is_not_null()).with_columns(
        said=pl.concat_str(
            formatted("trap {} {}", pl.col("trap").cast(pl.String).fill_null("-"), pl.col("dog_name").fill_null("-")),
            formatted(": {}", "said").fill_null(""),
            pl.when(is_dear).then(formatted(": {}", "told_bsp")).otherwise(pl.lit("")),
        )
    )
    races = found.group_by("race_date", "race_id", maintain_order=True).agg(message=pl.col("said").str.join("; "))
    return RaceFinding(RULE, settings.severity == "reject", races)


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
    stated = formatted("{} by {}", "currency", "source").unique().sort().str.join(", ")
    runners = with_money.group_by(*RUNNER, maintain_order=True).agg(
        stated=stated,
        currencies=pl.col("currency").n_unique(),
        trap=pl.col("trap").drop_nulls().first().cast(pl.String).fill_null("-"),
        dog_name=pl.col("dog_name").drop_nulls().first().fill_null("-"),
    )
    said = runners.filter(pl.col("currencies") > 1).with_columns(
        message=formatted("trap {} {}: volume in {}", "trap", "dog_name", "stated")
    )
    races = said.group_by("race_date", "race_id", maintain_order=True).agg(pl.col("message").str.join("; "))
    return RaceFinding(CURRENCY, settings.severity == "reject", races)
