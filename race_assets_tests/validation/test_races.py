"""The rules a race is judged by as a whole, at their limits, and what refusal takes along."""

from datetime import date

import polars as pl
import pytest

from race_assets.settings.rules import RuleSettings
from race_assets.validation.races import RaceFinding, judge_races, refused

DAY = date(2024, 6, 27)
SCHEMA = {
    "race_date": pl.Date,
    "race_id": pl.String,
    "trap": pl.Int16,
    "dog_name": pl.String,
    "status": pl.String,
    "result": pl.String,
    "price": pl.Float64,
}
Runner = dict[str, object]


def race(race_id: str, *runners: Runner) -> list[Runner]:
    """Runners in traps 1, 2, … of a race with nothing wrong."""
    usual = {"race_date": DAY, "race_id": race_id, "status": "ACTIVE", "result": None, "price": None}
    return [{**usual, "trap": n, "dog_name": f"Dog {n}", **runner} for n, runner in enumerate(runners, start=1)]


def judged(*races: list[Runner], **rules: object) -> list[RaceFinding]:
    frame = pl.DataFrame([runner for each in races for runner in each], schema=SCHEMA)
    return judge_races(frame, RuleSettings.model_validate(rules))


def said(*races: list[Runner], **rules: object) -> dict[str, dict[str, str]]:
    """Messages by rule and race."""
    return {
        finding.rule: dict(finding.races.select("race_id", "message").iter_rows())
        for finding in judged(*races, **rules)
        if finding.races.height
    }


def test_a_race_in_order_and_no_race_at_all_break_nothing() -> None:
    assert said(race("a", {}, {})) == {}
    assert said() == {}


def test_two_dogs_that_stand_in_one_trap_refuse_their_race_and_no_other() -> None:
    shared = race("a", {"trap": 3, "dog_name": "Beta"}, {"trap": 3, "dog_name": "Alpha"}, {"trap": 4})
    findings = judged(shared, race("b", {}, {}))
    out = refused(findings)
    assert out.select("race_date", "race_id", "rules", "messages").rows() == [
        (DAY, "a", ["trap_once"], ["trap 3 is held by Alpha and Beta: one dog stands in a trap"])
    ]


def test_a_scratched_dog_or_one_without_trap_shares_a_trap_with_nobody() -> None:
    assert said(race("a", {"trap": 3}, {"trap": 3, "status": "SCRATCHED"}, {"trap": None}, {"trap": None})) == {}


def test_the_same_trap_of_two_races_or_days_is_not_shared() -> None:
    other_day = [{**runner, "race_date": date(2024, 6, 28)} for runner in race("a", {})]
    assert said(race("a", {}), race("b", {}), other_day) == {}


def test_only_refusals_take_a_race_out() -> None:
    shared = race("a", {"trap": 3}, {"trap": 3})
    assert refused(judged(shared, trap_once={"severity": "warn"})).height == 0
    assert "trap_once" in said(shared, trap_once={"severity": "warn"})
    assert said(shared, trap_once={"severity": "off"}) == {}


def test_a_race_that_breaks_two_rules_is_refused_once_with_both() -> None:
    awful = race("a", {"trap": 3, "result": "LOSER"}, {"trap": 3, "result": "LOSER"})
    out = refused(judged(awful, winner={"severity": "reject"}))
    assert out["rules"].to_list() == [["trap_once", "winner"]]
    assert out["messages"].list.len().to_list() == [2]


@pytest.mark.parametrize(("standing", "is_usual"), [(0, False), (1, True), (10, True), (11, False)])
def test_one_to_ten_runners_are_usual(standing: int, is_usual: bool) -> None:
    scratched = [{"status": "SCRATCHED"}]
    found = said(race("a", *[{} for _ in range(standing)], *scratched))
    assert found == ({} if is_usual else {"runners": {"a": f"{standing} runners: 1 to 10 is usual"}})


@pytest.mark.parametrize(
    ("prices", "is_usual"),
    [
        ([2.5, 2.5], True),  # a book of 0.8
        ([2.51, 2.5], False),
        ([1.25, 1.0], True),  # a book of 1.8
        ([1.24, 1.0], False),
        ([100.0], True),  # alone
        ([100.0, None], True),  # not all prices are known
    ],
)
def test_a_book_of_all_prices_is_between_its_limits(prices: list[float | None], is_usual: bool) -> None:
    found = said(race("a", *[{"price": price} for price in prices]))
    assert list(found) == ([] if is_usual else ["over_round"])


def test_the_price_of_a_dog_that_did_not_stand_is_not_in_the_book() -> None:
    told = race("a", {"price": 2.0}, {"price": 2.0}, {"price": 1.01, "status": "SCRATCHED"})
    assert said(told) == {}


@pytest.mark.parametrize(
    ("results", "is_found"),
    [
        (["LOSER", "LOSER"], True),
        (["LOSER", None], True),
        (["WINNER", "LOSER"], False),
        (["PLACED", "LOSER"], False),
        (["WINNER", "WINNER"], False),
        (["VOID", "VOID"], False),
        (["VOID", "LOSER"], True),
        ([None, None], False),
    ],
)
def test_a_race_with_results_has_a_winner_unless_it_is_void(results: list[str | None], is_found: bool) -> None:
    found = said(race("a", *[{"result": result} for result in results]))
    assert found == ({"winner": {"a": "it has results, is not void, and nobody won"}} if is_found else {})


def test_counts_and_books_only_warn() -> None:
    findings = judged(race("a", {"price": 1.5, "result": "LOSER"}, {"price": 1.1, "result": "LOSER"}))
    assert {finding.rule: finding.is_refusal for finding in findings} == {
        "trap_once": True,
        "runners": False,
        "over_round": False,
        "winner": False,
    }
    assert refused(findings).height == 0
