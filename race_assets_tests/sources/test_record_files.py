"""Files of records: whatever is in a frame, each of its rows comes back once, as it was or with what is wrong."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.sources import record_files
from race_assets.sources.base import FileSource, ReadReport
from race_assets.sources.betfair.betfair_csv import BetfairCsv

# Blanks as Unicode has them; Python strips four separators more.
BLANKS = "".join(letter for letter in map(chr, range(0x3001)) if letter.isspace() and letter not in "\x1c\x1d\x1e\x1f")
OFF = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
SCHEMA = {
    "track_name": pl.String,
    "start_at": pl.Datetime("us", "UTC"),
    "selection_name": pl.String,
    "price": pl.Float64,
    "trap": pl.Int64,
    "event_name": pl.String,
}
texts = st.none() | st.text(max_size=20)
rows = st.fixed_dictionaries(
    {
        "track_name": texts,
        "start_at": st.none() | st.datetimes(datetime(2008, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - made UTC
        "selection_name": texts,
        "price": st.none() | st.floats(),
        "trap": st.none() | st.integers(-(2**40), 2**40),
        "event_name": texts,
    }
)


def read(folder: Path, frame: pl.DataFrame) -> tuple[FileSource, Path, list[dict[str, Any]]]:
    path = folder / "frame.csv"
    path.write_text(record_files.written(frame), encoding="utf-8", newline="")
    reader = record_files.reader_of(BetfairCsv(), path)
    found = [record for batch in reader.read(path, path.name, ReadReport()) for record in batch.to_dicts()]
    return reader, path, sorted(found, key=lambda record: record["source_row"])


@given(table=st.lists(rows, min_size=1, max_size=8))
@settings(max_examples=200)
def test_every_row_of_a_frame_is_one_record(tmp_path: Path, table: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(table, schema=SCHEMA)
    reader, path, found = read(tmp_path, frame)

    assert len(found) == len(table)
    shown = reader.rows_as_read(path, [record["byte_offset"] for record in found])
    for number, (given_, record) in enumerate(zip(table, found, strict=True), start=1):
        assert shown[record["byte_offset"]].text.startswith(f"{number},")
        broken = {problem["rule"] for problem in record["problems"] or []}
        if broken & {"text", "field_count"}:
            continue
        assert record["event_name"] == ((given_["event_name"] or "").strip(BLANKS) or None)
        assert record["start_at"] == given_["start_at"]
        assert (record["start_at"] is None) == ("start_time" in broken)
        # A price that is no number of the ladder at all is said to be so, any other is kept to the last digit.
        if "number" not in broken and "price_range" not in broken:
            assert record["price"] == given_["price"]


def test_the_same_frame_is_the_same_bytes() -> None:
    frame = pl.DataFrame({"track_name": ["Romford"], "start_at": [OFF], "selection_name": ["1. A"], "price": [3.1]})
    london = frame.with_columns(pl.col("start_at").dt.convert_time_zone("Europe/London"))
    assert record_files.written(frame) == record_files.written(london)
    assert record_files.written(frame) == (
        "# race_assets records 1\n"
        "row,track_name,start_at,selection_name,price\n"
        "1,Romford,2024-06-27T17:36:00.000000Z,1. A,3.1\n"
    )


def test_a_file_without_the_mark_is_its_sources_own(tmp_path: Path) -> None:
    source = BetfairCsv()
    for number, data in enumerate((b"", b"#", b"# race_assets records 12\nx\n", b"event_id,price\n", b"\xff\xfe")):
        path = tmp_path / str(number)
        path.write_bytes(data)
        assert record_files.reader_of(source, path) is source
