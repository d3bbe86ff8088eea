"""Files of the lake that an earlier version wrote get all columns of their table; nothing else about them changes."""

import logging
import os
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from race_assets.schemas.beside import KINDS
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.records import PARSED, PARSED_POINTS, RAW, RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.storage import lake_upgrade
from race_assets.storage.lake import ACCOUNT, FINGERPRINT, Lake
from race_assets.storage.lake_upgrade import LAKE, MARK, PUBLISHED, upgrade

DAY, NEXT = date(2024, 6, 27), date(2024, 6, 28)
RECORD = {
    "source": "betfair_csv", "source_file": "f" * 64, "source_row": 2, "byte_offset": 120, "race_date": DAY,
    "market_id": "1.230000001", "market_type": "WIN", "selection_id": "7", "selection_name": "1. Amber Lantern",
    "start_at": datetime(2024, 6, 27, 18, 3, tzinfo=UTC), "trap": 1, "bsp": 4.6,
}  # fmt: skip
REJECT = {
    "reject_id": "a1", "source": "betfair_csv", "rules": ["trap"], "messages": ["trap 11: must be at most 8"],
    "race_date": DAY,
}  # fmt: skip


def earlier(path: Path, schema: pl.Schema, rows: list[dict[str, object]], fingerprint: str | None = "print") -> None:
    """Write a file as versions before this one did: a column without a value is left out."""
    names = {name for row in rows for name in row}
    frame = pl.DataFrame(rows, schema={name: dtype for name, dtype in schema.items() if name in names})
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, metadata={FINGERPRINT: fingerprint, ACCOUNT: '{"é": 1}'} if fingerprint else None)


def schemas_below(folder: Path) -> dict[str, pl.Schema]:
    return {
        str(path.relative_to(folder)): pl.Schema(pl.read_parquet_schema(path))
        for path in folder.rglob("*.parquet")
        if path.is_file()
    }


def test_every_kind_of_file_gets_all_columns_and_keeps_its_rows_and_what_it_was_made_from(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    parsed = lake.parsed_path("betfair_csv", "f" * 64, 3)
    row = {"source_row": 2, "byte_offset": 120, "market_type": "WIN"}
    point = {"race_date": DAY, "source_row": 2, "market_type": "WIN", "seconds_before_off": 60}
    in_raw = RECORD | {"problems": [{"rule": "number", "message": "no number"}], "superseded": False}
    files: list[tuple[Path, pl.Schema, list[dict[str, object]]]] = [
        (parsed / "000000.parquet", polars_schema(PARSED), [row]),
        (parsed / "points" / "000000.parquet", polars_schema(PARSED_POINTS), [point]),
        (lake.day_path("raw/betfair_csv", DAY), polars_schema(RAW), [in_raw]),
        (lake.day_path("validated/records", DAY), polars_schema(RECORDS), [RECORD]),
        (lake.day_path("validated/records", NEXT), polars_schema(RECORDS), []),
        (lake.day_path("validated/rejects", DAY), polars_schema(REJECTED), [REJECT]),
    ]
    for path, schema, rows in files:
        earlier(path, schema, rows)

    assert upgrade(lake, LAKE) == len(files)

    assert schemas_below(lake.folder) == {str(path.relative_to(lake.folder)): schema for path, schema, _ in files}
    for path, schema, rows in files:
        stored = pl.read_parquet(path, glob=False, hive_partitioning=False)
        assert_frame_equal(stored, pl.DataFrame(rows, schema=schema))
    assert lake.fingerprint("validated/records", DAY) == lake.fingerprint("raw/betfair_csv", DAY) == "print"
    assert lake.metadata("validated/records", DAY)[ACCOUNT] == '{"é": 1}'


def test_every_table_of_the_lake_is_among_those_that_are_upgraded() -> None:
    assert len(LAKE) == len(KINDS) + len(("parsed", "raw", "records", "rejects"))
    assert {len(schema) for schema in LAKE.values()} >= {len(kind.parsed.columns) for kind in KINDS}


def test_records_that_days_were_published_with_are_upgraded_too(tmp_path: Path) -> None:
    published = Lake(tmp_path, "published")
    earlier(published.day_path("a", DAY), polars_schema(RECORDS), [RECORD])
    assert upgrade(published, PUBLISHED) == 1
    assert pl.Schema(pl.read_parquet_schema(published.day_path("a", DAY))) == polars_schema(RECORDS)
    assert published.fingerprint("a", DAY) == "print"


def test_a_lake_is_looked_through_once_until_other_columns_are_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(tmp_path)
    earlier(lake.day_path("validated/records", DAY), polars_schema(RECORDS), [RECORD])
    assert upgrade(lake, LAKE) == 1
    monkeypatch.setattr(lake_upgrade, "_schema_of", lambda path: pytest.fail(f"{path} was read again"))
    assert upgrade(lake, LAKE) == 0
    monkeypatch.undo()

    wider = pl.Schema({**polars_schema(RECORDS), "weight_kg": pl.Float64})
    assert upgrade(lake, {"validated/records/*/*.parquet": wider}) == 1
    assert pl.Schema(pl.read_parquet_schema(lake.day_path("validated/records", DAY))) == wider


def test_a_lake_that_is_not_there_yet_is_marked_and_files_written_later_are_not_rewritten(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert upgrade(lake, LAKE) == 0
    lake.write_day("raw/x", DAY, pl.DataFrame({"source": ["x"]}), "print", schema=polars_schema(RAW))
    (lake.folder / MARK).unlink()
    assert upgrade(lake, LAKE) == 0


@pytest.mark.parametrize("change", ["written", "removed"])
def test_a_day_that_another_process_changes_meanwhile_is_left_as_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    lake = Lake(tmp_path)
    earlier(lake.day_path("validated/records", DAY), polars_schema(RECORDS), [RECORD])
    write = lake_upgrade.write_day_file

    def write_and_change(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]  # passed on as they came
        if change == "written":
            newer = pl.DataFrame([RECORD | {"trap": 6}])
            lake.write_day("validated/records", DAY, newer, "newer", schema=polars_schema(RECORDS))
        else:
            lake.remove_day("validated/records", DAY)

    monkeypatch.setattr(lake_upgrade, "write_day_file", write_and_change)
    assert upgrade(lake, LAKE) == 0
    assert lake.fingerprint("validated/records", DAY) == ("newer" if change == "written" else None)
    assert [path for path in lake.folder.rglob(".*") if path.name != MARK] == []


def test_files_that_cannot_be_read_stay_and_are_named_and_the_others_are_upgraded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake(tmp_path)
    for day in (DAY, NEXT):
        earlier(lake.day_path("validated/records", day), polars_schema(RECORDS), [RECORD | {"race_date": day}])
    damaged = lake.day_path("validated/records", DAY)
    os.truncate(damaged, 100)
    with caplog.at_level(logging.WARNING):
        assert upgrade(lake, LAKE) == 1
    assert f"1 file below {lake.folder} keeps old columns; the first is {damaged}" in caplog.text
    assert damaged.stat().st_size == 100


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    earlier(lake.day_path("validated/records", DAY), polars_schema(RECORDS), [RECORD], fingerprint=None)
    before = lake.day_path("validated/records", DAY).read_bytes()
    assert upgrade(lake, LAKE) == 0
    assert lake.day_path("validated/records", DAY).read_bytes() == before
