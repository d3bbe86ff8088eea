"""Each rule for a single record at its limits, what it says, and what its severity makes of it."""

from datetime import UTC, date, datetime, timedelta
from math import inf, nan

import polars as pl
import pytest
from pydantic import ValidationError

from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import INSTANT, polars_schema
from race_assets.settings.currencies import CURRENCIES
from race_assets.settings.rules import RuleSettings
from race_assets.validation.rows import EXCHANGE_PRICES, JUDGED, OPTIONAL, VOLUMES, broken_rows, name_tracks, row_rules

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
NOW = datetime(2024, 6, 27, 12, tzinfo=UTC)
KINDS = {"local_date": pl.Date(), "landed_at": INSTANT, "is_day_in_name": pl.Boolean()}
SCHEMA = {name: polars_schema(RECORDS).get(name, KINDS.get(name)) for name in JUDGED}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**GOOD, **row} for row in rows], schema=SCHEMA)


def broken(*rows: dict[str, object], **rules: object) -> list[tuple[str, int, str]]:
    """Rule, row and message of everything that is wrong, for rules that refuse."""
    in_force = row_rules(RuleSettings.model_validate(rules), NOW)
    return [
        (rule.id, position, message)
        for rule, found in zip(in_force, broken_rows(frame(*rows), in_force), strict=True)
        if rule.severity == "reject"
        for position, message in found.iter_rows()
    ]


def noted(*rows: dict[str, object], **rules: object) -> list[tuple[str, int]]:
    """Note and row of everything that is only warned of."""
    in_force = row_rules(RuleSettings.model_validate(rules), NOW)
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

    (rule,) = [rule for rule in row_rules(RuleSettings(), NOW) if rule.id == "track_known"]
    (found,) = broken_rows(rows, [rule])
    said = name_tracks(found, rows, advice)
    message = "track 'Rumford' is not in the registry; nearest: Romford, Watford, Oxford"
    assert sorted(said.rows()) == [(0, message), (2, message)]
    assert asked == [("Rumford", "GB")]


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_track_that_is_not_stated_is_called_that_and_nobody_guesses_it(name: str | None) -> None:
    rows = frame({"track_id": None, "track_name": name}, {"track_id": None, "track_name": "Rumford"})
    (rule,) = [rule for rule in row_rules(RuleSettings(), NOW) if rule.id == "track_known"]
    (found,) = broken_rows(rows, [rule])

    said = name_tracks(found, rows, lambda name, _: f"asked for {name}")

    unknown = "track 'Rumford' is not in the registry; asked for Rumford"
    assert sorted(said.rows()) == [(0, "the source states no track (venue)"), (1, unknown)]


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


# Cells that a rule may empty


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("price_range", {"bsp": -1.0, "price": 0.0}),
        ("price_range", {"sp_decimal": 0.5}),
        ("volume", {"volume": -1.0}),
        ("value", {"currency": "XYZ"}),
    ],
)
def test_a_rule_about_cells_says_which_of_them_are_wrong(rule: str, row: dict[str, object]) -> None:
    cells = {
        column: passes
        for each in row_rules(RuleSettings(), NOW)
        if each.id == rule
        for column, passes in each.cells.items()
    }
    good = {"bsp": 3.0, "price": 3.0, "volume": 1.0, "currency": "GBP", "sp_decimal": 2.0}
    wrong = frame({**good, **row}).select(~passes.alias(column) for column, passes in cells.items())
    assert {column for column in wrong.columns if wrong[column].item()} == set(row)
    assert set(cells) <= set(OPTIONAL)


@pytest.mark.parametrize("code", [*CURRENCIES, None])
def test_a_currency_that_is_bet_in_passes(code: str | None) -> None:
    assert broken({"currency": code}) == []


@pytest.mark.parametrize("code", ["XYZ", "gbp", "GB", "£", ""])
def test_a_code_that_is_no_currency_is_rejected_with_those_there_are(code: str) -> None:
    ((rule, _, message),) = broken({"currency": code})
    assert (rule, message) == ("value", f"currency {code}: {', '.join(CURRENCIES)} pass")


# The window of start times

LIVE = {"severity": "reject"}


def in_window(days: timedelta, **row: object) -> bool:
    """Whether an off so long after NOW passes, the window being on."""
    found = [rule for rule, *_ in broken({"start_at": NOW + days, **row}, start_window=LIVE)]
    assert found in ([], ["start_window"])
    return not found


SECOND = timedelta(seconds=1)
EDGES = [
    (timedelta(days=-30), True),
    (timedelta(days=-30) - SECOND, False),
    (timedelta(days=-31), False),
    (timedelta(0), True),
    (timedelta(days=92), True),
    (timedelta(days=92) + SECOND, False),
]


@pytest.mark.parametrize(("days", "passes"), EDGES)
def test_an_off_is_in_the_future_or_at_most_thirty_days_past_when_it_was_stated(days: timedelta, passes: bool) -> None:
    assert in_window(days, observed_at=NOW) is passes
    # A stated moment counts, whatever the landing and the clock.
    years = timedelta(days=900)
    assert in_window(days - years, observed_at=NOW - years, landed_at=NOW) is passes


@pytest.mark.parametrize(("days", "passes"), EDGES)
def test_where_no_moment_is_stated_the_past_counts_from_the_landing_and_the_future_from_now(
    days: timedelta, passes: bool
) -> None:
    assert in_window(days, landed_at=NOW) is passes
    assert in_window(days) is passes


def test_a_record_landed_in_time_passes_however_late_it_is_judged() -> None:
    long_ago = NOW - timedelta(days=400)
    assert in_window(timedelta(days=-430), landed_at=long_ago)
    assert not in_window(timedelta(days=-431), landed_at=long_ago)


@pytest.mark.parametrize("landed", [datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)])
def test_a_clock_that_was_wrong_at_the_landing_is_corrected_by_the_one_of_the_replay(landed: datetime) -> None:
    assert in_window(timedelta(0), landed_at=landed)
    assert not in_window(timedelta(days=93), landed_at=landed)


def test_a_file_that_was_asked_for_by_its_day_may_be_of_any_past_day_and_of_no_far_one() -> None:
    assert in_window(timedelta(days=-4000), is_day_in_name=True)
    assert not in_window(timedelta(days=93), is_day_in_name=True)
    assert not in_window(timedelta(days=-4000), is_day_in_name=True, observed_at=NOW)


def test_the_window_is_off_unless_it_is_switched_on_and_its_limits_are_settings() -> None:
    old = {"start_at": NOW - timedelta(days=6), "observed_at": NOW}
    assert broken({**old, "start_at": NOW - timedelta(days=4000)}) == []
    assert broken(old, start_window={**LIVE, "past_days": 6}) == []
    stated = "the off 2024-06-21T12:00Z is 6.0 days before 2024-06-27T12:00Z, when the source stated it"
    assert broken(old, start_window={**LIVE, "past_days": 5, "future_days": 1.5}) == [
        ("start_window", 0, f"{stated}: 5 before to 1.5 after pass")
    ]
    assert noted(old, start_window={"severity": "warn", "past_days": 5}) == [("start_window", 0)]


def test_the_message_says_what_the_off_was_measured_from() -> None:
    ((_, _, past),) = broken({"start_at": NOW - timedelta(days=40), "landed_at": NOW}, start_window=LIVE)
    assert "40.0 days before 2024-06-27T12:00Z, when its file was landed" in past
    ((_, _, future),) = broken({"start_at": NOW + timedelta(days=99), "landed_at": NOW}, start_window=LIVE)
    assert "99.0 days after 2024-06-27T12:00Z, now" in future
