"""What a day is measured as for its rules, and which changes of rules cannot change it, at every limit."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from race_assets.schemas.records import RAW
from race_assets.schemas.table import INSTANT, polars_schema
from race_assets.settings.rules import RuleSettings
from race_assets.validation.effects import NOTHING, changes_nothing, of_races, of_records

DAY, NEXT = date(2024, 6, 27), date(2024, 6, 28)
NOW = datetime(2024, 7, 1, tzinfo=UTC)
SCHEMA = {
    **polars_schema(RAW), "local_date": pl.Date(), "landed_at": INSTANT, "is_day_in_name": pl.Boolean(),
}  # fmt: skip
Record = dict[str, Any]


def record(**changes: Any) -> Record:
    usual = {
        "source": "a",
        "race_date": DAY,
        "selection_name": "Alpha",
        "dog_name": "Alpha",
        "country": "GB",
        "trap": 1,
    }
    return {**usual, **changes}


def measured(*records: Record) -> dict[tuple[str, date], dict[str, Any]]:
    return of_records(pl.DataFrame(list(records), schema=SCHEMA), NOW)


def test_records_are_measured_by_source_and_day() -> None:
    found = measured(
        record(price=3.0, bsp=1.5, trap=6),
        record(price=float("nan"), trap=2, country="AU"),
        record(race_date=NEXT, volume=-1.0, currency="XYZ", selection_name="", dog_name=None),
        record(source="b", problems=[{"rule": "number", "message": "x", "column": None}], sp_decimal=0.5, country=None),
    )
    assert found == {
        ("a", DAY): {"broken": ["price_range"], "price": [1.5, 3.0], "trap": {"AU": [2, 2], "GB": [6, 6]}},
        ("a", NEXT): {"broken": ["selection_name", "value", "volume"], "price": None, "trap": {"GB": [1, 1]}},
        ("b", DAY): {"broken": ["number", "price_range"], "price": None, "trap": {}},
    }


def races(*runners: Record) -> dict[date, dict[str, Any]]:
    keyed = pl.DataFrame(
        [{"race_date": DAY, "race_id": "r", "source": "a", "market_type": "WIN", "status": "ACTIVE", **each}
         for each in runners],
        schema={
            **dict.fromkeys(["race_id", "source", "market_type", "status", "core_selection_id", "dog_name", "result",
                             "currency"], pl.String),
            **dict.fromkeys(["price", "bsp", "volume", "pre_off_volume", "morning_volume"], pl.Float64),
            "race_date": pl.Date, "trap": pl.Int16,
        },
    )  # fmt: skip
    chosen = keyed.unique(["race_date", "race_id", "core_selection_id"], keep="first", maintain_order=True)
    return of_races(keyed, chosen, keyed.filter(dog_name="disputed"))


def test_races_are_measured_by_day() -> None:
    found = races(
        {"core_selection_id": "r-1", "trap": 1, "dog_name": "A", "price": 2.0, "bsp": 4.0, "result": "LOSER"},
        {"core_selection_id": "r-1", "trap": 1, "dog_name": "A", "price": 2.0, "bsp": 5.0, "source": "b"},
        {"core_selection_id": "r-2", "trap": 1, "dog_name": "B", "price": 4.0},
        {"core_selection_id": "s-1", "race_id": "s", "trap": 1, "dog_name": "C"},
        {"core_selection_id": "t-1", "race_id": "t", "race_date": NEXT, "trap": 1, "dog_name": "disputed"},
    )
    assert found == {
        DAY: {"broken": ["trap_once", "winner"], "runners": [1, 2], "book": [0.75, 0.75], "bsp_gap": 0.25},
        NEXT: {"broken": ["sources_agree"], "runners": [1, 1]},
    }


MEASURES = {"broken": ["volume"], "price": [1.5, 100.0], "trap": {"GB": [1, 6]}, "runners": [4, 6], "book": [1.0, 1.2],
            "bsp_gap": 0.1}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "before", "after", "is_harmless"),
    [
        ("price_range", {}, {"min": 1.5, "max": 100.0}, True),
        ("price_range", {}, {"min": 1.51}, False),
        ("price_range", {}, {"max": 99.9}, False),
        ("price_range", {"max": 99.9}, {}, False),
        ("price_range", {"severity": "off", "max": 50}, {}, True),
        ("price_range", {}, {"severity": "off"}, True),
        ("price_range", {"max": 50}, {"severity": "off"}, False),
        ("trap", {}, {"usual": {"GB": 6}, "most": {"GB": 6}}, True),
        ("trap", {}, {"usual": {"GB": 5}}, False),
        ("trap", {}, {"usual": {"AU": 1}, "most": {"AU": 1}}, True),
        ("runners", {}, {"min": 4, "max": 6}, True),
        ("runners", {}, {"min": 5}, False),
        ("over_round", {}, {"min": 1.0, "max": 1.2}, True),
        ("over_round", {}, {"max": 1.19}, False),
        ("volume", {}, {"severity": "warn"}, False),
        ("value", {}, {"severity": "warn"}, True),
        ("winner", {}, {"severity": "reject"}, True),
        ("sources_agree", {"bsp_tolerance": 0.2}, {"bsp_tolerance": 0.11}, True),
        ("sources_agree", {"bsp_tolerance": 0.2}, {"bsp_tolerance": 0.1}, False),
        ("start_window", {"severity": "warn"}, {"severity": "reject"}, False),
    ],
)
def test_a_change_is_harmless_where_everything_passes_before_and_after(
    rule: str, before: dict[str, Any], after: dict[str, Any], is_harmless: bool
) -> None:
    old, new = (RuleSettings.model_validate({rule: each}).model_dump() for each in (before, after))
    assert changes_nothing(old, new, MEASURES) is is_harmless
    assert changes_nothing(new, old, MEASURES) is is_harmless
    assert changes_nothing(old, old, MEASURES)


def test_without_records_and_races_no_limit_counts() -> None:
    old, new = RuleSettings().model_dump(), RuleSettings.model_validate({"price_range": {"max": 2}}).model_dump()
    assert changes_nothing(old, new, NOTHING)
