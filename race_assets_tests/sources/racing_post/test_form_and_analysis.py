"""What becomes of form and analysis: past runs, views, which race they are of, and what is not known by then."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from race_assets.errors import UnreadableFileError
from race_assets_tests.sources.racing_post.payload import WHERE, Item, dog, read, rules

CONTEXT: Item = {**WHERE, "runners": [{"dogId": 600001, "dogName": "Dog A"}, {"dogId": "600003"}]}


def runs(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The past runs of the only record."""
    return list(frame["form"].to_list()[0])


def archived(operation: str, *items: Item, race: object = CONTEXT) -> Item:
    return {"operation": operation, "parameters": {}, "race": race, "body": [{"data": list(items)}]}


def view(**changes: object) -> Item:
    return {"dogId": "600001", "trapNum": "3", "forecast": "5/2", **changes}


def analysis(*runners: object, **changes: object) -> Item:
    told = {"raceId": "2050001", "postPick": "1-3-6", "selTrapNum": "1", "dangerTrapNum": "3", "fcastAltTrapNum": ""}
    return {**told, "raceComment": "Fish &amp; chips", "runners": list(runners), **changes}


# Form


def test_a_past_run_is_read_in_both_spellings(tmp_path: Path) -> None:
    new = {
        "rInstId": "2049000", "raceTime": "2024-06-20T15:10:00+01:00", "trackId": "76", "trackShortName": "Kins",
        "distMetre": "462", "trapNum": "2", "rGradeCde": "A5", "trialFlag": "NT", "secTimeS": "4.30",
        "bndPos": "3-2-2-1", "rOutcomeDesc": "2nd", "rpDistDesc": "1&frac12", "otherDogName": "Other Dog",
        "closeUpCmnt": "EP,Led3", "winnersTimeS": "28.40", "calcRTimeS": "28.52", "goingType": "N", "weight": "31.2",
        "oddsDesc": "5/2F", "oddsFrctnNumer": "5", "oddsFrctnDenom": "2",
    }  # fmt: skip
    old = {
        "rInstId": "", "raceId": 2049000, "raceTime": "2024-06-20 15:10", "trackId": 76, "trackShortName": "Kins",
        "distanceTitle": "462m", "trap": 2, "gradeCde": "A5", "sectionalTime": 4.300000190734863, "bndPos": "3-2-2-1",
        "position": "2nd", "by": "1&frac12;", "otherDogName": "Other Dog", "remarks": "EP,Led3",
        "winnersTimeS": 28.399999618530273, "calcRTimes": 28.520000457763672, "goingType": "N",
        "weight": 31.200000762939453, "oddsDesc": "5/2F",
    }  # fmt: skip
    first, second = runs(read(tmp_path, "form", [dog(new, old)]))
    assert first == {
        "run_number": 1, "run_id": "2049000", "run_at": datetime(2024, 6, 20, 14, 10, tzinfo=UTC),
        "run_date": date(2024, 6, 20), "track_name": "Kins", "track_known_as": "Kinsley", "country": "GB/IE",
        "distance_m": 462, "trap": 2, "grade": "A5", "is_trial": False, "finish_position": 2, "outcome": "2nd",
        "sectional_s": 4.3, "calc_time_s": 28.52, "winner_time_s": 28.4, "beaten": "1½", "beaten_lengths": 1.5,
        "other_dog": "Other Dog", "going": "N", "weight_kg": 31.2, "sp_fraction": "5/2F", "sp_decimal": 3.5,
        "favourite": "F", "remarks": "EP,Led3", "bends": "3-2-2-1",
    }  # fmt: skip
    assert second == {**first, "run_number": 2}


def test_a_price_may_come_as_two_numbers_and_a_trial_by_its_grade(tmp_path: Path) -> None:
    past = [
        {"oddsFrctnNumer": "100", "oddsFrctnDenom": "30", "gradeCde": "T3"},
        {"oddsDesc": "N/O", "trialFlag": "T", "gradeCde": "A1"},
        {"rOutcomeDesc": "NR"},
        {"rOutcomeId": 18},
    ]
    found = runs(read(tmp_path, "form", [dog(*past)]))
    assert [each["is_trial"] for each in found] == [True, True, False, False]
    assert [(each["sp_fraction"], each["sp_decimal"]) for each in found[:2]] == [("100/30", 4.333333), (None, None)]
    assert [(each["outcome"], each["finish_position"]) for each in found[2:]] == [("NR", None), ("18", None)]


def test_what_happened_at_the_race_or_after_it_is_left_out_and_noted(tmp_path: Path) -> None:
    past = [
        {"rInstId": "2050001", "raceTime": "2024-06-20 15:10"},
        {"rInstId": "1", "raceTime": "2024-06-27 15:52"},
        {"rInstId": "2", "raceTime": "2024-06-27 15:51"},
        {"rInstId": "3", "raceTime": "2024-06-27"},
        {"rInstId": "4", "raceTime": "2024-06-26"},
        {"rInstId": "5"},
    ]
    frame = read(tmp_path, "form", [dog(*past)])
    assert [(each["run_number"], each["run_id"]) for each in runs(frame)] == [(3, "2"), (5, "4"), (6, "5")]
    assert frame["notes"].to_list() == [["form_not_past"]]


def test_measures_that_cannot_be_read_are_null_and_noted_and_the_dog_stays(tmp_path: Path) -> None:
    past = {"distMetre": "far", "trapNum": "x", "weight": "heavy", "oddsDesc": "11/0", "secTimeS": "4.30"}
    frame = read(tmp_path, "form", [dog(past, {"distMetre": "462"})])
    assert rules(frame) == [[]]
    assert frame["notes"].to_list() == [[f"form_{name}_unread" for name in ("distance", "trap", "weight", "sp")]]
    assert (runs(frame)[0]["sectional_s"], runs(frame)[0]["sp_decimal"]) == (4.3, None)


def test_a_dog_is_of_the_race_the_file_was_asked_for_and_has_no_trap(tmp_path: Path) -> None:
    item = {"dogId": "600001", "dogName": "Dog A", "forms": None}
    (row,) = read(tmp_path, "form", archived("GetHorseForm", item)).to_dicts()
    told = (row["market_id"], row["event_id"], row["track_name"], row["start_at"], row["race_date"])
    assert told == ("2050001", "76", "Kinsley", datetime(2024, 6, 27, 14, 52, tzinfo=UTC), date(2024, 6, 27))
    assert (row["selection_id"], row["trap"], row["status"], row["form"]) == ("600001", None, None, None)


# Analysis


def test_a_view_is_read_with_picks_by_trap_and_the_name_the_file_knows(tmp_path: Path) -> None:
    told = view(chanceOfWin="31", topSpeed=41, spotlightComment="Runs &amp; runs", forecastComment="")
    frame = read(tmp_path, "analysis", archived("GetExpertAnalysis", analysis(told)))
    (row,) = frame.to_dicts()
    assert (row["dog_name"], row["trap"], row["price"], row["price_kind"]) == ("Dog A", 3, 3.5, "FORECAST")
    assert row["analysis"] == [
        {
            "pick_rank": 2, "is_selection": False, "is_danger": True, "is_forecast_alt": None,
            "forecast_fraction": "5/2", "forecast_decimal": 3.5, "chance_of_win": 31.0, "top_speed": 41.0,
            "runner_comment": "Runs & runs", "forecast_comment": None, "race_comment": "Fish & chips",
        }
    ]  # fmt: skip
    assert rules(frame) == [[]]


def test_figures_that_are_none_are_noted_and_prices_that_are_none_are_problems(tmp_path: Path) -> None:
    runners = view(chanceOfWin="31%", topSpeed="fast"), view(trapNum="1", forecast="soon")
    frame = read(tmp_path, "analysis", archived("GetExpertAnalysis", analysis(*runners)))
    assert frame["notes"].to_list() == [["chance_of_win_unread", "top_speed_unread"], None]
    assert rules(frame) == [[], ["number"]]
    assert [each[0]["pick_rank"] for each in frame["analysis"].to_list()] == [2, 1]


# Which race


@pytest.mark.parametrize(
    ("kind", "item"), [("form", {"dogId": "1", "dogName": "Dog A", "forms": []}), ("analysis", analysis(view()))]
)
@pytest.mark.parametrize("race", [None, {}, {"raceId": "7"}])
def test_a_payload_that_does_not_say_its_race_is_refused_with_the_remedy(
    tmp_path: Path, kind: str, item: Item, race: Item | None
) -> None:
    operation = {"form": "GetHorseForm", "analysis": "GetExpertAnalysis"}[kind]
    for payload in ([item], archived(operation, item, race=race)):
        with pytest.raises(UnreadableFileError, match=f"race-assets fetch racing_post_{kind}`, or add raceId, race"):
            read(tmp_path, kind, payload)
