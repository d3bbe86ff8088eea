"""What becomes of races' payloads: spellings, envelopes, standing, results, times, and whatever is wrong with them."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from race_assets.errors import UnreadableFileError
from race_assets.identity.tracks import TrackRegistry
from race_assets.sources.base import ReadReport
from race_assets.sources.racing_post import tracks
from race_assets_tests.sources.racing_post.payload import Item, race, read, rules, runner, source

OFF = datetime(2024, 6, 27, 14, 52, tzinfo=UTC)


def standing(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("trap", "status", "result", "finish_position").rows()


# How payloads are wrapped and written


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda item: {"data": [item], "meta": {"page": 1}},
        lambda item: {"data": item},
        lambda item: [item],
        lambda item: item,
        lambda item: {"operation": "GetRaceInfo", "parameters": {}, "race": None, "body": [{"data": [item]}]},
        lambda item: {"operation": "GetRaceInfo", "race": None, "body": [[item], {"data": []}]},
        lambda item: {"operation": "GetRaceInfo", "race": None, "body": item},
    ],
)
def test_a_payload_is_read_however_it_is_wrapped(tmp_path: Path, wrapped: Any) -> None:
    frame = read(tmp_path, "races", wrapped(race(runner(1), runner(2))))
    assert frame["dog_name"].to_list() == ["Dog A", "Dog B"]
    assert rules(frame) == [[], []]


def test_every_field_is_found_and_unknown_ones_are_passed_over(tmp_path: Path) -> None:
    told = runner(2, oddsDesc="11/8F", forecast="Evs", position="1", colour={"x": 1})
    item = race(told, raceTitle="Race 9", raceGrade="A5", distance="462m", raceStatus="RESULT", country="GB", new=[])
    (row,) = read(tmp_path, "races", [item]).to_dicts()
    wanted = {
        "market_id": "2050001", "event_id": "76", "market_type": "WIN", "track_name": "Kinsley", "country": "GB",
        "start_at": OFF, "race_date": date(2024, 6, 27), "race_type": "A5", "distance_m": 462, "race_number": 9,
        "selection_id": "600002", "selection_name": "Dog B", "dog_name": "Dog B", "trap": 2, "status": "ACTIVE",
        "result": "WINNER", "finish_position": 1, "is_dead_heat": False, "sp_fraction": "11/8F", "sp_decimal": 2.375,
        "favourite": "F", "price": 2.0, "price_kind": "FORECAST", "source_row": 1, "filtered": None, "problems": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_numbers_flags_and_other_spellings_are_taken(tmp_path: Path) -> None:
    spelt = {"dogId": 600001.0, "name": "Dog A", "trapNumber": 3, "nonRunner": True, "dogName": ""}
    item = race(spelt, raceId=2050001, distance=462, country="ire")
    (row,) = read(tmp_path, "races", [item]).to_dicts()
    told = (row["market_id"], row["selection_id"], row["dog_name"], row["trap"], row["status"], row["distance_m"])
    assert told == ("2050001", "600001", "Dog A", 3, "SCRATCHED", 462)
    assert row["country"] == "IE"


def test_another_contract_is_mapped_by_settings_alone(tmp_path: Path) -> None:
    item = {"id": 7, "when": "2024-06-27 15:52", "place": "Hove", "field": [{"hound": 1, "called": "Dog A", "box": 4}]}
    fields = {
        "race_id": "id", "race_at": ["nothing", "when"], "track": "place", "runners": "field", "dog_id": "hound",
        "dog_name": "called", "trap": "box",
    }  # fmt: skip
    payload = {"answer": [item]}
    frame = read(tmp_path, "races", payload, fields=fields, envelope={"data": "answer"})
    assert frame.select("market_id", "track_name", "start_at", "dog_name", "trap").row(0) == (
        "7",
        "Hove",
        OFF,
        "Dog A",
        4,
    )
    usual = source("races").parser_version
    assert source("races", fields=fields).parser_version != usual
    assert source("races", base_url="https://feed.example", api_key="x").parser_version == usual


def test_a_track_is_known_by_its_number_where_it_has_no_name(tmp_path: Path) -> None:
    frame = read(tmp_path, "races", [race(runner(), track="", trackId=trackId) for trackId in (73, 9999)])
    assert frame["track_name"].to_list() == ["Valley", None]
    numbers = pl.DataFrame({"track_name": list(tracks.NAMES.values()), "country": ["GB/IE"] * len(tracks.NAMES)})
    assert TrackRegistry.load().resolve(numbers)["track_id"].null_count() == 0


def test_a_byte_order_mark_accents_and_a_gzip_do_not_matter_and_rows_are_found_again(tmp_path: Path) -> None:
    first, second = runner(1, dogName="Señor Ñandú"), runner(2, forecast="x")
    text = json.dumps([race(first, second)], ensure_ascii=False, indent=2)
    frame = read(tmp_path, "races", b"\xef\xbb\xbf" + text.encode())
    path = tmp_path / "races.json"
    for offset, told in zip(frame["byte_offset"], (first, second), strict=True):
        row = source("races").rows_as_read(path, [offset])[offset]
        assert json.loads(row.text) == told
        assert row.length == len(row.text.encode())
        assert path.read_bytes()[offset:].startswith(b"{")


# Times


@pytest.mark.parametrize(
    ("written", "zone", "off", "day"),
    [
        ("2024-06-27T15:52:00+01:00", "Europe/London", OFF, date(2024, 6, 27)),
        ("2024-06-27 15:52", "Europe/London", OFF, date(2024, 6, 27)),
        ("2024-06-27T15:52:00", "Europe/London", OFF, date(2024, 6, 27)),
        ("2024-06-27T14:52:00Z", "Europe/London", OFF, None),
        ("2024-06-27 14:52:00.000", "UTC", OFF, None),
        ("2024-01-04 15:52", "Europe/London", datetime(2024, 1, 4, 15, 52, tzinfo=UTC), date(2024, 1, 4)),
    ],
)
def test_an_off_without_offset_is_on_the_clocks_of_the_setting(
    tmp_path: Path, written: str, zone: str, off: datetime, day: date | None
) -> None:
    frame = read(tmp_path, "races", [race(runner(), raceDate=written)], source_timezone=zone)
    assert frame.select("start_at", "race_date").row(0) == (off, day)
    assert rules(frame) == [[]]


@pytest.mark.parametrize(
    ("written", "rule", "day"),
    [
        ("2024-06-27", "start_time", date(2024, 6, 27)),
        ("2024-02-31 15:52", "start_time", None),
        ("0024-06-27 15:52", "start_time", None),
        ("24-06-27", "start_time", None),
        ("yesterday", "start_time", None),
        ("", "start_time", None),
        ("2024-03-31 01:30", "local_time", date(2024, 3, 31)),
    ],
)
def test_an_off_that_is_none_is_a_problem(tmp_path: Path, written: str, rule: str, day: date | None) -> None:
    frame = read(tmp_path, "races", [race(runner(), raceDate=written)])
    assert (rules(frame), frame["race_date"].item()) == ([[rule]], day)


def test_an_hour_that_exists_twice_is_the_first_and_noted(tmp_path: Path) -> None:
    frame = read(tmp_path, "races", [race(runner(), raceDate="2024-10-27 01:30")])
    assert frame.select("start_at", "notes").row(0) == (
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        ["local_time_ambiguous"],
    )


# Who stands, and how it ended


def test_results_of_a_race_with_a_dead_heat_a_faller_and_a_dog_that_did_not_run(tmp_path: Path) -> None:
    positions = ("1", "1st", "3", "18", "N", "")
    frame = read(tmp_path, "races", [race(*(runner(n, position=each) for n, each in enumerate(positions, start=1)))])
    assert standing(frame) == [
        (1, "ACTIVE", "WINNER", 1),
        (2, "ACTIVE", "WINNER", 1),
        (3, "ACTIVE", "LOSER", 3),
        (4, "ACTIVE", "LOSER", None),
        (5, "SCRATCHED", None, None),
        (6, "ACTIVE", None, None),
    ]
    assert frame["is_dead_heat"].to_list() == [True, True, False, None, None, None]


@pytest.mark.parametrize(
    "how",
    [{"raceStatus": "VOID"}, {"raceStatus": "No race"}, {"raceStatus": "ABANDONED"}, {"results": {"abandoned": 1}}],
)
def test_of_a_void_race_all_that_stood_are_void(tmp_path: Path, how: Item) -> None:
    frame = read(tmp_path, "races", [race(runner(1, position="1"), runner(2, nonRunner="1"), **how)])
    assert standing(frame) == [(1, "ACTIVE", "VOID", None), (2, "SCRATCHED", None, None)]


def test_a_reserve_stands_where_a_declared_dog_does_not(tmp_path: Path) -> None:
    field = [
        runner(1),
        runner(2, nonRunner="1"),
        runner(2, dogId="9", dogName="In (res)", reserved="1"),
        runner(1, dogId="10", dogName="Out", reserved="1"),
        runner(3, dogId="11", dogName="Spare", trapNum="", reserved="1"),
        runner(7, dogId="12", dogName="Ran", isReserved="1", position="4"),
    ]
    frame = read(tmp_path, "races", [race(*field)])
    assert frame.select("dog_name", "status").rows() == [
        ("Dog A", "ACTIVE"),
        ("Dog B", "SCRATCHED"),
        ("In", "ACTIVE"),
        ("Out", "INACTIVE"),
        ("Spare", "INACTIVE"),
        ("Ran", "ACTIVE"),
    ]


def test_a_race_that_stands_on_two_pages_is_no_dead_heat(tmp_path: Path) -> None:
    item = race(runner(1, position="1"), runner(2, position="2"))
    frame = read(tmp_path, "races", [item, item])
    assert frame["is_dead_heat"].to_list() == [False] * 4


def test_a_vacant_trap_is_filtered(tmp_path: Path) -> None:
    frame = read(tmp_path, "races", [race(runner(1), {"trapNum": "2", "isVacant": "1"})])
    assert frame["filtered"].to_list() == [None, "vacant_trap"]


# What is wrong


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oddsDesc": "11/0"}, "sp '11/0' is not fractional odds"),
        ({"forecast": "soon"}, "forecast 'soon' is not fractional odds"),
        ({"trapNum": "2.5"}, "trap '2.5' is not a whole number"),
        ({"position": "behind"}, "position 'behind' is no place"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_problem_of_its_row_alone(tmp_path: Path, change: Item, said: str) -> None:
    frame = read(tmp_path, "races", [race(runner(1, **change), runner(2))])
    assert rules(frame) == [["number"], []]
    assert frame["problems"][0][0]["message"].startswith(said)


@pytest.mark.parametrize("word", ["", "-", "N/O", "nr", None])
def test_words_for_no_price_are_null_and_no_problem(tmp_path: Path, word: str | None) -> None:
    frame = read(tmp_path, "races", [race(runner(1, oddsDesc=word, forecast=word))])
    assert frame.select("sp_fraction", "sp_decimal", "price", "price_kind").row(0) == (None,) * 4
    assert rules(frame) == [[]]


def test_odd_items_and_races_without_runners_are_told_beside_the_good(tmp_path: Path) -> None:
    payload = ["noise", race(runner(1), 7), race(raceId="8"), None]
    frame = read(tmp_path, "races", payload)
    assert rules(frame) == [["readable"], [], ["readable"], ["market_defined"]]
    assert frame["race_date"].to_list() == [None, *[date(2024, 6, 27)] * 3]


@pytest.mark.parametrize(
    ("data", "state", "said"),
    [
        ({"data": []}, "no_data", "holds no items"),
        ({"data": [], "meta": {"page": 1}}, "no_data", "holds no items"),
        ({"meta": {"page": 1}}, "no_data", "holds no items"),
        ({"colour": "red"}, "unreadable", "no item has any of raceId, runners, dogs"),
        ({"error": {"code": "RATE_LIMITED"}}, "unreadable", "a refusal of the API"),
        ({"operation": "GetHorseForm", "body": []}, "unreadable", "land it as racing_post_form"),
        ({"operation": "Dance", "body": []}, "unreadable", "operations are GetRaceInfo, GetHorseForm"),
        ('[{"raceId": "1", "runners": [', "unreadable", "no whole JSON"),
        ("3", "unreadable", "no whole JSON"),
        (b'["\xff"]', "unreadable", "byte 2"),
        ("[" * 100_000, "unreadable", "no whole JSON"),
        ("[" * 500 + "]" * 500, "unreadable", "no item has any of raceId"),
    ],
)
def test_a_file_that_is_no_payload_is_refused_with_what_to_do(
    tmp_path: Path, data: object, state: str, said: str
) -> None:
    with pytest.raises(UnreadableFileError, match=said) as raised:
        read(tmp_path, "races", data)
    assert raised.value.state == state


def test_documents_one_behind_another_are_read_and_what_follows_is_told(tmp_path: Path) -> None:
    report = ReadReport()
    text = "\n".join(json.dumps(race(runner(n), raceId=n)) for n in (1, 2)) + "\n<p>cut"
    frame = read(tmp_path, "races", text, report)
    assert frame["market_id"].to_list() == ["1", "2", None]
    assert rules(frame) == [[], [], ["readable"]]
    assert (report.rows_read, report.shape) == (3, "GetRaceInfo")
