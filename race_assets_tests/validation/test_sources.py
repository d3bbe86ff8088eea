"""Sources that contradict each other, each finding written by hand."""

from datetime import date

import polars as pl
import pytest

from race_assets.settings.rules import Remark, SourcesAgree
from race_assets.validation.rows import VOLUMES
from race_assets.validation.sources import judge_currencies, judge_sources

DAY, RACE = date(2024, 6, 27), "gb-romford-20240627-1836"


def told(source: str, trap: int, bsp: float | None = None, kind: str = "WIN") -> dict[str, object]:
    return {
        "race_date": DAY, "race_id": RACE, "core_selection_id": f"{RACE}-t{trap}", "source": source,
        "market_type": kind, "dog_name": f"Dog {trap}", "trap": trap, "bsp": bsp,
    }  # fmt: skip


def found(*records: dict[str, object], disputes: dict[int, str] | None = None, **settings: object) -> list[str] | None:
    rows = [(DAY, RACE, f"{RACE}-t{trap}", said) for trap, said in (disputes or {}).items()]
    schema = {"race_date": pl.Date, "race_id": pl.String, "core_selection_id": pl.String, "said": pl.String}
    finding = judge_sources(
        pl.DataFrame(records, schema_overrides={"bsp": pl.Float64}),
        pl.DataFrame(rows, schema=schema, orient="row"),
        SourcesAgree.model_validate(settings),
    )
    return None if finding is None else finding.races["message"].to_list()


def test_disputed_results_are_listed_by_runner_with_who_says_what() -> None:
    records = told("a", 1), told("b", 1, 4.0), told("a", 2, 4.0), told("b", 2, 5.0), told("b", 3)
    disputes = {1: "result WINNER by a, result LOSER by b", 2: "result LOSER by a, result WINNER by b"}
    (message,) = found(*records, disputes=disputes) or []
    first, second = message.split("; ")
    assert first == "trap 1 Dog 1: result WINNER by a, result LOSER by b"
    assert second == "trap 2 Dog 2: result LOSER by a, result WINNER by b: bsp 4.0 by a, bsp 5.0 by b"


@pytest.mark.parametrize(("other", "differs"), [(4.04, False), (4.05, True), (3.9, True), (None, False)])
def test_starting_prices_may_differ_by_a_hundredth(other: float | None, differs: bool) -> None:
    said = found(told("a", 1, bsp=4.0), told("b", 1, bsp=other))
    assert said == ([f"trap 1 Dog 1: bsp 4.0 by a, bsp {other} by b"] if differs else [])


def test_the_tolerance_and_the_rule_are_settings() -> None:
    both = told("a", 1, bsp=4.0), told("b", 1, bsp=4.3)
    assert found(*both, bsp_tolerance=0.1) == []
    assert found(*both, severity="off") is None


# Currencies


def money(source: str, trap: int, currency: str | None, volume: float | None = 5.0) -> dict[str, object]:
    return told(source, trap) | {
        "currency": currency, "volume": volume, "pre_off_volume": None, "morning_volume": None,
    }  # fmt: skip


def differing(*records: dict[str, object], severity: str = "warn") -> list[str] | None:
    kinds = {"result": pl.String, "bsp": pl.Float64, "currency": pl.String} | dict.fromkeys(VOLUMES, pl.Float64)
    frame = pl.DataFrame(records, schema_overrides=kinds)
    finding = judge_currencies(frame, Remark.model_validate({"severity": severity}))
    return None if finding is None else finding.races["message"].to_list()


def test_a_runner_whose_volumes_are_in_two_currencies_is_named_with_who_says_which() -> None:
    stated = money("a", 1, "GBP"), money("b", 1, "AUD"), money("a", 2, "GBP"), money("b", 2, "GBP")
    assert differing(*stated) == ["trap 1 Dog 1: volume in AUD by b, GBP by a"]
    assert differing(*stated, severity="off") is None


def test_currencies_of_different_runners_and_those_of_no_volume_contradict_nobody() -> None:
    assert differing(money("a", 1, "GBP"), money("b", 2, "AUD")) == []
    assert differing(money("a", 1, "GBP"), money("b", 1, "AUD", volume=None)) == []
    assert differing(money("a", 1, "GBP"), money("b", 1, None)) == []
