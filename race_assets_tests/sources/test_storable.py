"""Records as Postgres can hold them: what is removed is counted, what cannot be kept is a problem."""

import polars as pl
from polars.testing import assert_frame_equal

from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform
from race_assets.sources.storable import LONGEST_BYTES, storable_records, without_nul


def parsed(**columns: object) -> pl.DataFrame:
    return conform(pl.DataFrame(columns), PARSED)


def test_records_in_order_stay_as_they_are() -> None:
    frame = parsed(selection_name=["1. Alpha", None], market_id=["1.1", "x" * LONGEST_BYTES])
    assert_frame_equal(storable_records(frame), frame)
    assert without_nul(frame) is frame


def test_nul_is_removed_and_counted_on_its_record_alone() -> None:
    found = storable_records(parsed(selection_name=["A\0\0B", "C", None], event_name=["x", "y", "\0"]))
    assert found["selection_name"].to_list() == ["AB", "C", None]
    assert found["event_name"].to_list() == ["x", "y", ""]
    assert found["notes"].to_list() == [["nul_removed"], None, ["nul_removed"]]


def test_a_long_text_is_a_problem_that_names_its_column_and_length() -> None:
    found = storable_records(parsed(selection_name=["\u00e9" * 501, "\u00e9" * 500], track_name=["t", "t" * 1001]))
    (first, second) = found["problems"].to_list()
    assert [problem["rule"] for problem in (*first, *second)] == ["text", "text"]
    assert first[0]["message"].startswith("selection_name has 1002 bytes, 1,000 are the most; it begins '\u00e9")
    assert second[0]["message"].startswith("track_name has 1001 bytes")


def test_messages_can_be_stored_too() -> None:
    problems = [[{"rule": "number", "message": "trap 'A\0' is no number"}], None]
    assert storable_records(parsed(problems=problems))["problems"].to_list() == [
        [{"rule": "number", "message": "trap 'A' is no number", "column": None}],
        None,
    ]
