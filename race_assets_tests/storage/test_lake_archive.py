"""Files in the archive and the lake are whole or absent, keep their bytes, and carry what they were made from."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from race_assets.errors import TransientError
from race_assets.schemas.records import PROBLEM
from race_assets.storage.archive import Archive
from race_assets.storage.files import commit, replacing, temporary
from race_assets.storage.lake import ACCOUNT, Lake

DAY, NEXT = date(2024, 6, 27), date(2024, 6, 28)
SOURCE = "betfair_csv"
SCHEMA = pl.Schema({"race_date": pl.Date, "n": pl.Int64})


def frame(day: date = DAY, *numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"race_date": [day] * len(numbers), "n": list(numbers)}, schema=SCHEMA)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# Replacing


def test_a_replaced_file_is_new_after_the_block_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "below" / "file"
    with replacing(path) as part:
        part.write_text("old")
        assert not path.exists()
    with replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert files_below(tmp_path) == ["below/file"]


@pytest.mark.parametrize("old", ["old", None])
def test_an_error_leaves_the_old_file_or_none_and_nothing_beside_it(tmp_path: Path, old: str | None) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_text(old)

    def fail() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert files_below(tmp_path) == ([] if old is None else ["file"])
    assert old is None or path.read_text() == old


def test_a_temporary_file_is_hidden_and_goes_unless_it_is_given_a_name(tmp_path: Path) -> None:
    with temporary(tmp_path / "a") as part:
        part.write_text("kept")
        assert part.name.startswith(".")
        commit(part, tmp_path / "b" / "file")
    with temporary(tmp_path / "a") as part:
        part.write_text("dropped")
    assert files_below(tmp_path) == ["b/file"]


# Archive


def test_the_archive_keeps_the_bytes_by_their_hash_and_the_file_where_it_is(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    path = tmp_path / "inbox.csv"
    path.write_bytes(content)
    archive = Archive(tmp_path / "home")

    taken = archive.take(path, SOURCE, "sub/inbox.csv")

    assert taken.sha256 == hashlib.sha256(content).hexdigest()
    assert (taken.source, taken.name, taken.bytes) == (SOURCE, "sub/inbox.csv", len(content))
    assert taken.path == archive.path(SOURCE, taken.sha256)
    assert taken.path.read_bytes() == content
    assert path.read_bytes() == content


def test_a_file_is_pending_until_it_is_settled_and_keeps_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "inbox.csv"
    path.write_text("x")
    archive = Archive(tmp_path / "home")
    assert archive.pending(SOURCE) == []

    taken = archive.take(path, SOURCE, "inbox.csv")
    assert Archive(tmp_path / "home").pending(SOURCE) == [taken]
    assert archive.pending("betfair_bsp") == []

    archive.settle(taken)
    archive.settle(taken)
    assert archive.pending(SOURCE) == []
    folder = f"{SOURCE}/{taken.sha256[:2]}"
    assert files_below(archive.folder) == [f"{folder}/{taken.sha256}", f"{folder}/{taken.sha256}.json"]


def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "home")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("the same")
        archive.settle(archive.take(tmp_path / name, SOURCE, name))
    assert len([name for name in files_below(archive.folder) if not name.endswith(".json")]) == 1


def test_a_file_that_is_still_written_to_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    # A pipe is the file whose size, as told, is never the number of bytes read: it is written while it is copied.
    growing = tmp_path / "growing.csv"
    os.mkfifo(growing)
    archive = Archive(tmp_path / "home")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(growing.write_text, "the first half")
        with pytest.raises(TransientError, match="still being written"):
            archive.take(growing, SOURCE, "growing.csv")
        writing.result()
    assert files_below(archive.folder) == []
    assert archive.pending(SOURCE) == []


def test_a_file_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "home")
    with pytest.raises(FileNotFoundError):
        archive.take(tmp_path / "none.csv", SOURCE, "none.csv")
    assert files_below(tmp_path) == []


# Lake


def test_a_day_comes_back_as_written_with_what_it_was_made_from(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw/x", DAY, frame(DAY, 1, 2), "print", {ACCOUNT: '{"é": 1}'})
    assert_frame_equal(lake.scan("raw/x", [DAY], SCHEMA).collect(), frame(DAY, 1, 2))
    assert lake.fingerprint("raw/x", DAY) == "print"
    assert lake.metadata("raw/x", DAY)[ACCOUNT] == '{"é": 1}'


def test_a_day_written_again_is_replaced_with_its_fingerprint(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw/x", DAY, frame(DAY, 1, 2), "old", {ACCOUNT: "{}"})
    lake.write_day("raw/x", DAY, frame(DAY, 3), "new")
    assert lake.fingerprint("raw/x", DAY) == "new"
    assert ACCOUNT not in lake.metadata("raw/x", DAY)
    assert lake.scan("raw/x", [DAY], SCHEMA).collect()["n"].to_list() == [3]
    assert files_below(tmp_path) == ["lake/raw/x/2024/2024-06-27.parquet"]


def test_tables_and_days_are_kept_apart_and_days_without_a_file_add_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw/x", DAY, frame(DAY, 1), "a")
    lake.write_day("raw/x", NEXT, frame(NEXT, 2), "b")
    lake.write_day("raw/y", DAY, frame(DAY, 3), "c")
    assert lake.scan("raw/x", [DAY, NEXT, date(2024, 7, 1)], SCHEMA).collect()["n"].to_list() == [1, 2]
    assert lake.scan("raw/x", [NEXT], SCHEMA).collect()["n"].to_list() == [2]
    assert lake.fingerprint("raw/y", DAY) == "c"


def test_a_file_of_an_earlier_version_lacks_columns_and_fields_of_structs_which_are_null(tmp_path: Path) -> None:
    lake, before = Lake(tmp_path), {"problems": [[{"rule": "number", "message": "no number"}], None]}
    lake.write_day("raw/a", DAY, pl.DataFrame(before), "x")
    schema = pl.Schema({"problems": pl.List(PROBLEM), "currency": pl.String})
    assert lake.scan("raw/a", [DAY], schema).collect().to_dicts() == [
        {"problems": [{"rule": "number", "message": "no number", "column": None}], "currency": None},
        {"problems": None, "currency": None},
    ]


def test_a_day_that_is_removed_has_no_fingerprint_and_removing_it_again_does_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw/a", DAY, pl.DataFrame({"a": [1]}), "x")
    for _ in range(2):
        lake.remove_day("raw/a", DAY)
        assert lake.fingerprint("raw/a", DAY) is None


def test_a_day_without_a_file_has_no_fingerprint_and_no_days_have_the_shape_asked_for(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.fingerprint("raw/x", DAY) is None
    assert lake.metadata("raw/x", DAY) == {}
    assert_frame_equal(lake.scan("raw/x", [DAY], SCHEMA).collect(), pl.DataFrame(schema=SCHEMA))


def test_a_day_that_is_empty_is_a_file_with_a_fingerprint(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw/x", DAY, frame(), "print")
    assert lake.fingerprint("raw/x", DAY) == "print"
    assert_frame_equal(lake.scan("raw/x", [DAY], SCHEMA).collect(), frame())


def test_folders_whose_names_are_patterns_elsewhere_hold_a_lake(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "home [1]*")
    lake.write_day("raw/x", DAY, frame(DAY, 1), "a")
    assert lake.scan("raw/x", [DAY], SCHEMA).collect().height == 1


def test_a_parsed_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path = lake.parsed_path(SOURCE, "f" * 64, 1)
    with lake.parsed_writer(path) as writer:
        writer.write(frame(DAY, 1))
        assert not path.exists()
        writer.write(frame(DAY, 2, 3))
    assert pl.read_parquet(path, glob=False)["n"].to_list() == [1, 2, 3]


def test_a_parsed_file_whose_reading_failed_does_not_appear(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path = lake.parsed_path(SOURCE, "f" * 64, 1)

    def fail() -> None:
        with lake.parsed_writer(path) as writer:
            writer.write(frame(DAY, 1))
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert files_below(tmp_path) == []


def test_points_appear_with_their_records_and_without_points_there_is_no_folder(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path, points = lake.parsed_path(SOURCE, "f" * 64, 1), lake.parsed_beside_path(SOURCE, "f" * 64, 1, "points")
    with lake.parsed_writer(path) as writer:
        writer.write(frame(DAY, 1))
        writer.write(frame(DAY, 2), {"points": frame(DAY, 7, 8)})
        writer.write(frame(DAY, 3), {"points": frame()})
        writer.finish()
        assert not points.exists()
    assert lake.scan_parsed(path, SCHEMA).collect()["n"].to_list() == [1, 2, 3]
    assert lake.scan_parsed(points, SCHEMA).collect()["n"].to_list() == [7, 8]

    with lake.parsed_writer(path) as writer:
        writer.write(frame(DAY, 1), {"points": frame()})
    assert not points.exists()
    assert_frame_equal(lake.scan_parsed(points, SCHEMA).collect(), frame())


def test_a_reading_that_failed_leaves_the_records_and_points_there_were(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path, points = lake.parsed_path(SOURCE, "f" * 64, 1), lake.parsed_beside_path(SOURCE, "f" * 64, 1, "points")
    with lake.parsed_writer(path) as writer:
        writer.write(frame(DAY, 1), {"points": frame(DAY, 7)})
    before = files_below(tmp_path)

    def fail() -> None:
        with lake.parsed_writer(path) as writer:
            writer.write(frame(DAY, 2), {"points": frame(DAY, 8)})
            writer.finish()
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert files_below(tmp_path) == before
    assert lake.scan_parsed(points, SCHEMA).collect()["n"].to_list() == [7]


def test_parser_versions_do_not_share_a_file(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.parsed_path(SOURCE, "f" * 64, 1) != lake.parsed_path(SOURCE, "f" * 64, 2)


@pytest.mark.parametrize("rows", [pl.DataFrame(), pl.DataFrame({"n": [1]}), pl.DataFrame({"n": []}, {"n": pl.Int32})])
def test_a_day_of_a_declared_table_has_all_its_columns_also_without_values_or_rows(
    tmp_path: Path, rows: pl.DataFrame
) -> None:
    lake = Lake(tmp_path)
    lake.write_day("raw/x", DAY, rows, "print", schema=SCHEMA)
    assert list(pl.read_parquet_schema(lake.day_path("raw/x", DAY)).items()) == list(SCHEMA.items())
    assert pl.read_parquet(lake.day_path("raw/x", DAY), hive_partitioning=False).height == rows.height
