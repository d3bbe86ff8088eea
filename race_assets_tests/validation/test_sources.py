"""Sources that contradict each other, each finding written by hand."""

from datetime import date

import polars as pl
import pytest

from race_assets.settings import SourcesAgree
from race_assets.validation.sources import judge_sources

DAY, RACE = date(2024, 6, 27), "gb-romford-20240627-1836"


def told(
    source: str, trap: int, result: str | None = None, bsp: float | None = None, kind: str = "WIN"
) -> dict[str, object]:
    return {
        "race_date": DAY, "race_id": RACE, "core_selection_id": f"{RACE}-t{trap}", "source": source,
        "market_type": kind, "dog_name": f"Dog {trap}", "trap": trap, "result": result, "bsp": bsp,
    }  # fmt: skip


def found(*records: dict[str, object], **settings: object) -> list[str] | None:
    kinds = {"result": pl.String, "bsp": pl.Float64}
    finding = judge_sources(pl.DataFrame(records, schema_overrides=kinds), SourcesAgree.model_validate(settings))
    return None if finding is None else finding.races["message"].to_list()


def test_two_winners_by_two_sources_are_told_with_who_says_what() -> None:
    told_twice = (
        told("a", 1, "WINNER"), told("b", 1, "LOSER"), told("a", 2, "LOSER"), told("b", 2, "WINNER"),
        told("b", 3, "LOSER"),
    )  # fmt: skip
    assert found(*told_twice) == [
        "trap 1 Dog 1: result WINNER by a, result LOSER by b; trap 2 Dog 2: result LOSER by a, result WINNER by b"
    ]


@pytest.mark.parametrize(("other", "differs"), [(4.04, False), (4.05, True), (3.9, True), (None, False)])
def test_starting_prices_may_differ_by_a_hundredth(other: float | None, differs: bool) -> None:
    said = found(told("a", 1, bsp=4.0), told("b", 1, bsp=other))
    assert said == ([f"trap 1 Dog 1: bsp 4.0 by a, bsp {other} by b"] if differs else [])


def test_void_place_and_lone_tellings_contradict_nobody() -> None:
    assert found(told("a", 1, "WINNER"), told("b", 1, "VOID")) == []
    assert found(told("a", 1, "WINNER"), told("b", 1, "LOSER", kind="PLACE")) == []
    assert found(told("a", 1, "WINNER"), told("a", 1, "LOSER")) == []


def test_the_tolerance_and_the_rule_are_settings() -> None:
    both = told("a", 1, bsp=4.0), told("b", 1, bsp=4.3)
    assert found(*both, bsp_tolerance=0.1) == []
    assert found(*both, severity="off") is None
