"""Each rule for a single record at its limits, what it says, and what its severity makes of it."""

from datetime import date, timedelta
from math import inf, nan

import polars as pl
import pytest
from pydantic import ValidationError

from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings import RuleSettings
from race_assets.validation.rows import EXCHANGE_PRICES, JUDGED, VOLUMES, broken_rows, name_tracks, row_rules

DAY = date(2024, 6, 27)
GOOD: dict[str, object] = {
    "market_id": "1.9",
    "selection_id": "11",
    "selection_name": "3. Alpha",
    "dog_name": "Alpha",
    "track_name": "Romford",
    "track_id": "gb-romford",
    "country": "GB",
    "trap": 3,
    "race_date": DAY,
    "local_date": DAY,
}
SCHEMA = {name: polars_schema(RECORDS).get(name, pl.Date()) for name in JUDGED}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**GOOD, **row} for row in rows], schema=SCHEMA)


def broken(*rows: dict[str, object], **rules: object) -> list[tuple[str, int, str]]:
    """Rule, row and message of everything that is wrong, for rules that refuse."""
    in_force = row_rules(RuleSettings.model_validate(rules))
    return [
        (rule.id, position, message)
        for rule, found in zip(in_force, broken_rows(frame(*rows), in_force), strict=True)
        if rule.severity == "reject"
        for position, message in found.iter_rows()
    ]


def noted(*rows: dict[str, object], **rules: object) -> list[tuple[str, int]]:
    """Note and row of everything that is only warned of."""
    in_force = row_rules(RuleSettings.model_validate(rules))
    return [
        (rule.note, position)
        for rule, found in zip(in_force, broken_rows(frame(*rows), in_force), strict=True)
        if rule.severity == "warn"
        for position in found["position"]
    ]


def test_a_row_in_order_breaks_nothing() -> None:
    assert broken({}) == []
    assert noted({}) == []


def test_no_rows_break_nothing() -> None:
    assert broken() == []


@pytest.mark.parametrize("column", EXCHANGE_PRICES)
@pytest.mark.parametrize("price", [1.01, 1000.0, None])
def test_a_price_at_its_limits_or_unknown_passes(column: str, price: float | None) -> None:
    assert broken({column: price}) == []


@pytest.mark.parametrize("column", EXCHANGE_PRICES)
@pytest.mark.parametrize("price", [1.0099, 1000.01, 0.0, 1.0, 1001.0, -3.0, inf, -inf, nan])
def test_a_price_beyond_its_limits_is_refused(column: str, price: float) -> None:
    ((rule, position, message),) = broken({}, {column: price})
    assert (rule, position) == ("price_range", 1)
    assert message.startswith(f"{column} ")
    assert message.endswith(": 1.01 to 1000 passes")


def test_the_message_names_every_price_that_is_out_of_range_and_no_other() -> None:
    ((_, _, message),) = broken({"price": 0.5, "bsp": 3.0, "morning_wap": 2000.0})
    assert message == "price 0.5, morning_wap 2000.0: 1.01 to 1000 passes"


def test_a_starting_price_of_the_ring_is_not_held_to_the_limits_of_the_exchange() -> None:
    assert broken({"sp_decimal": 1.005}, {"sp_decimal": 5000.0}) == []


@pytest.mark.parametrize("price", [1.0, 0.5, 0.0, -3.0, inf])
def test_a_starting_price_that_gives_back_less_than_the_stake_is_none(price: float) -> None:
    ((rule, _, message),) = broken({"sp_decimal": price})
    assert (rule, message) == ("price_range", f"sp_decimal {price}: decimal odds above 1 pass")


def test_the_limits_of_prices_are_settings() -> None:
    assert broken({"price": 1.005}, price_range={"min": 1.001}) == []
    assert [rule for rule, *_ in broken({"price": 51.0}, price_range={"max": 50})] == ["price_range"]


@pytest.mark.parametrize("column", VOLUMES)
@pytest.mark.parametrize("volume", [0.0, 0.01, 1e12, None])
def test_a_volume_of_nothing_or_more_passes(column: str, volume: float | None) -> None:
    assert broken({column: volume}) == []


@pytest.mark.parametrize("column", VOLUMES)
@pytest.mark.parametrize("volume", [-0.01, -inf, inf, nan])
def test_a_volume_below_nothing_or_not_finite_is_refused(column: str, volume: float) -> None:
    ((rule, _, message),) = broken({column: volume})
    assert rule == "volume"
    assert message.startswith(f"{column} ")
    assert message.endswith(": 0 or more passes")


def test_a_row_that_names_no_dog_is_refused_with_what_it_says() -> None:
    assert broken({"dog_name": None, "selection_name": "3. (res)"}) == [
        ("selection_name", 0, "selection_name '3. (res)' names no dog")
    ]


@pytest.mark.parametrize("name", ["???", "\N{MODIFIER LETTER APOSTROPHE}", None])
def test_a_runner_with_neither_trap_nor_name_is_refused_once_whatever_the_severity(name: str | None) -> None:
    row = {"dog_name": name, "selection_name": name, "trap": None}
    assert [rule for rule, *_ in broken(row)] == ["selection_name"]
    for severity in ("warn", "off"):
        assert [rule for rule, *_ in broken(row, selection_name={"severity": severity})] == ["keys"]


@pytest.mark.parametrize(("name", "trap"), [("???", 3), ("Ω", None), ("5", None)])
def test_a_trap_or_a_single_letter_or_digit_is_enough_to_know_a_runner_by(name: str, trap: int | None) -> None:
    assert broken({"dog_name": name, "selection_name": name, "trap": trap}) == []


@pytest.mark.parametrize(
    ("country", "trap", "is_refused", "is_noted"),
    [
        ("GB", 0, True, False),
        ("GB", 1, False, False),
        ("GB", 6, False, False),
        ("GB", 7, False, True),
        ("IE", 8, False, True),
        ("IE", 9, True, False),
        ("GB", -1, True, False),
        ("AU", 10, False, False),
        ("NZ", 10, False, False),
        ("AU", 11, True, False),
        ("NZ", 0, True, False),
        ("GB", None, False, False),
        (None, 11, False, False),
    ],
)
def test_traps_run_to_six_or_ten_and_a_seventh_in_britain_is_noted(
    country: str | None, trap: int | None, is_refused: bool, is_noted: bool
) -> None:
    row = {"country": country, "trap": trap}
    assert [rule for rule, *_ in broken(row)] == ["trap"] * is_refused
    assert noted(row) == [("trap_unusual", 0)] * is_noted


def test_the_message_of_a_trap_says_which_would_pass() -> None:
    assert broken({"trap": 9}) == [("trap", 0, "trap 9 in GB: traps run from 1 to 8")]


def test_an_unknown_track_is_refused_with_advice_asked_once_per_name() -> None:
    rows = frame({"track_id": None, "track_name": "Rumford"}, {}, {"track_id": None, "track_name": "Rumford"})
    asked = []

    def advice(name: str, country: str | None) -> str:
        asked.append((name, country))
        return "nearest: Romford, Watford, Oxford"

    (rule,) = [rule for rule in row_rules(RuleSettings()) if rule.id == "track_known"]
    (found,) = broken_rows(rows, [rule])
    said = name_tracks(found, rows, advice)
    message = "track 'Rumford' is not in the registry; nearest: Romford, Watford, Oxford"
    assert sorted(said.rows()) == [(0, message), (2, message)]
    assert asked == [("Rumford", "GB")]


@pytest.mark.parametrize(("days", "passes"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_off_is_within_a_day_of_the_race_date(days: int, passes: bool) -> None:
    found = broken({"local_date": DAY + timedelta(days=days)})
    assert [rule for rule, *_ in found] == [] if passes else ["start_time"]


def test_an_off_that_is_not_known_breaks_no_rule_of_time() -> None:
    assert broken({"local_date": None}) == []


@pytest.mark.parametrize("change", [{"market_id": None}, {"selection_id": None}, {"selection_id": " "}])
def test_a_runner_needs_a_market_and_an_id(change: dict[str, object]) -> None:
    assert [rule for rule, *_ in broken(change)] == ["keys"]


def test_every_rule_a_row_breaks_is_listed_in_the_order_of_the_rules() -> None:
    awful = {
        "price": 0.0,
        "volume": -1.0,
        "dog_name": None,
        "trap": 99,
        "track_id": None,
        "local_date": DAY + timedelta(days=9),
        "market_id": None,
    }
    found = broken({}, awful)
    wanted = ["price_range", "volume", "selection_name", "trap", "track_known", "start_time", "keys"]
    assert [rule for rule, *_ in found] == wanted
    assert {position for _, position, _ in found} == {1}


BREAKING = {
    "price_range": {"price": 0.0},
    "volume": {"volume": -1.0},
    "selection_name": {"dog_name": None},
    "trap": {"trap": 99},
}


@pytest.mark.parametrize(("rule", "row"), BREAKING.items())
def test_severity_says_whether_a_row_is_refused_noted_or_let_pass(rule: str, row: dict[str, object]) -> None:
    assert [found for found, *_ in broken(row)] == [rule]
    assert broken(row, **{rule: {"severity": "warn"}}) == []
    assert noted(row, **{rule: {"severity": "warn"}}) == [(rule, 0)]
    assert broken(row, **{rule: {"severity": "off"}}) == []
    assert noted(row, **{rule: {"severity": "off"}}) == []


@pytest.mark.parametrize("rule", ["track_known", "start_time", "local_time", "keys", "field_count", "text"])
def test_what_a_row_needs_to_be_placed_in_a_race_cannot_be_waived(rule: str) -> None:
    with pytest.raises(ValidationError, match="reject"):
        RuleSettings.model_validate({rule: {"severity": "warn"}})


def test_a_trap_rule_that_is_off_does_not_note_the_seventh_either() -> None:
    assert noted({"trap": 7}, trap={"severity": "off"}) == []
    assert noted({"trap": 7}, trap={"severity": "warn"}) == [("trap_unusual", 0)]


def test_a_note_never_stands_for_a_row_that_is_in_order() -> None:
    assert noted({"trap": 7}, {}, {"trap": 8}) == [("trap_unusual", 0), ("trap_unusual", 2)]
