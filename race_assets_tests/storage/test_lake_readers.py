"""DuckDB, pandas, pyarrow and Polars read the lake with one plain call, days without rows and all-null columns too."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.dataset
import pyarrow.parquet
import pytest

from race_assets.pipeline import land
from race_assets.pipeline.build import build
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.records import PARSED, RAW, RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings import Settings
from race_assets_tests.conftest import PROJECT, SAMPLES
from race_assets_tests.databases import Databases
from race_assets_tests.test_docs import HAND_WRITTEN, blocks

SOURCES = ("betfair_csv", "betfair_bsp")
TABLES = {
    **{f"raw/{source}/*/*.parquet": RAW for source in SOURCES},
    "raw/*/*/*.parquet": RAW,
    "validated/records/*/*.parquet": RECORDS,
    "validated/rejects/*/*.parquet": REJECTED,
    "parsed/*/*.parquet/*.parquet": PARSED,
}
PANDAS = Path(sys.executable).parent.parent / "pandas"
"""Where `make install-test` puts pandas: pandera imports it wherever it finds it, which takes seconds."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """A home with the samples built, and days about which no file has a record."""
    home = tmp_path_factory.mktemp("readers") / "data"
    with databases.lend() as url:
        workshop = Workshop(Settings.model_validate({"home": home, "postgres": {"url": url}}))
        for source in SOURCES:
            files = [(path, path.name) for path in sorted((SAMPLES / source).glob("*.csv"))]
            assert all(not each.is_bad for each in land.land(workshop, source, files))
        days = {day for file in workshop.ledger.files() for day in file.dates}
        empty = {max(days) + timedelta(days=1), min(days) - timedelta(days=1)}
        for built in build(workshop, sorted(days | empty), "run"):
            assert not built.failed
        for day in empty:
            workshop.lake.write_day("raw/betfair_csv", day, pl.DataFrame(), "none", schema=polars_schema(RAW))
            workshop.lake.write_day("validated/records", day, pl.DataFrame(), "none", schema=polars_schema(RECORDS))
    return home


@pytest.mark.parametrize("pattern", TABLES)
def test_any_files_of_a_table_are_read_with_all_columns_by_every_reader(home: Path, pattern: str) -> None:
    schema = polars_schema(TABLES[pattern])
    files = sorted(path for path in home.joinpath("lake").glob(pattern) if path.is_file())
    rows = sum(pyarrow.parquet.read_metadata(path).num_rows for path in files)
    assert len(files) > 1
    assert rows

    for given in (files, files[::-1]):
        asked = duckdb.sql(f"select * from read_parquet({[str(path) for path in given]})")
        assert asked.columns == schema.names()
        assert asked.count("*").fetchall() == [(rows,)]
        scanned = pl.scan_parquet(given, glob=False, hive_partitioning=False)
        assert scanned.collect_schema() == schema
        assert scanned.collect().height == rows
    dataset = pyarrow.dataset.dataset([str(path) for path in files])
    assert dataset.schema.names == schema.names()
    assert dataset.to_table().num_rows == rows


def lake_snippets() -> Iterator[tuple[str, str]]:
    """Each block of Python in the hand-written pages that reads files of the lake, with the module that reads them."""
    for page in HAND_WRITTEN:
        for text in blocks(page, "python"):
            if "data/lake/" in text:
                yield text.split()[1], text


SNIPPETS = dict(lake_snippets())


def test_the_pages_show_each_reader() -> None:
    assert set(SNIPPETS) == {"polars", "duckdb", "pandas"}


@pytest.mark.parametrize("library", SNIPPETS)
def test_a_reader_reads_the_lake_as_the_pages_show(home: Path, library: str) -> None:
    if library == "pandas" and not PANDAS.is_dir():
        pytest.skip(f"pandas is not in {PANDAS}; `make install-test` puts it there")
    shown = {
        "polars": "print(records.collect().shape)",
        "pandas": "print(records.shape, records['start_at'].dt.tz, records['is_dead_heat'].dtype)",
        "duckdb": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", SNIPPETS[library] + shown[library]],
        cwd=home.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PANDAS)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = home.joinpath("lake/validated/records").rglob("*.parquet")
    by_source = pl.concat([pl.read_parquet(path, columns=["source"]) for path in files])["source"].value_counts()
    if library == "duckdb":
        assert all(re.search(rf"{source}\W+{count}\b", done.stdout) for source, count in by_source.rows()), done.stdout
    else:
        assert done.stdout.startswith(f"({by_source['count'].sum()}, {len(RECORDS.columns)})")
