"""Stream files as records: against the fake Betfair's own account of its markets, and the same rows however packed."""

import bz2
import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from race_assets.settings.streams import GridSettings, StreamSettings
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_historic import BetfairHistoric
from race_assets_tests.fake_betfair import oddities
from race_assets_tests.fake_betfair.fixtures import MarketFile
from race_assets_tests.fake_betfair.oracle import Expected, ExpectedRunner
from race_assets_tests.sources.packing import tarred, zipped

SOURCE = BetfairHistoric(StreamSettings(processes=1, price_points=GridSettings(enabled=False)))
FILES = [each for each in oddities().files if each.intact]
ORIGIN = ("source_row", "byte_offset", "observed_at")


def records(path: Path, data: bytes, source: BetfairHistoric = SOURCE) -> pl.DataFrame:
    path.write_bytes(data)
    return pl.concat(list(source.read(path, path.name, ReadReport())), how="diagonal_relaxed")


def as_float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def row_of(runner: ExpectedRunner, market: Expected) -> dict[str, object]:
    status = "ACTIVE" if runner.result == "VOID" else runner.status
    return {
        "market_id": market.market_id, "market_type": market.market_type, "event_id": market.event_id,
        "track_name": market.track, "start_at": market.start, "race_date": market.race_date,
        "actual_off_at": market.off, "selection_id": str(runner.selection_id), "trap": runner.trap,
        "dog_name": runner.name, "status": status, "result": runner.result, "bsp": as_float(runner.bsp),
        "pre_off_volume": as_float(runner.traded), "last_traded": as_float(runner.ltp),
    }  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.case}-{file.plan}-{file.name}")
def test_a_file_reads_as_whoever_made_it_says(tmp_path: Path, file: MarketFile) -> None:
    frame = records(tmp_path / file.name, file.body)
    assert frame["problems"].null_count() == frame.height
    for market in file.expected:
        found = frame.filter(pl.col("market_id") == market.market_id)
        assert (found["filtered"].null_count() == found.height) is market.is_race
        if not market.is_race:
            continue
        expected = {str(runner.selection_id): row_of(runner, market) for runner in market.runners}
        assert found.height == len(expected)
        for row in found.iter_rows(named=True):
            wanted = expected[row["selection_id"]]
            assert {name: row[name] for name in wanted} == wanted
    assert set(frame["market_id"]) == {market.market_id for market in file.expected}


PACKED: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "one many-market file": lambda files: bz2.compress(b"".join(files.values())),
    "zip": lambda files: zipped(files.items()),
    "zip of gzip": lambda files: zipped((name, gzip.compress(text)) for name, text in files.items()),
    "tar": lambda files: tarred(files.items()),
    "tar of bzip2": lambda files: tarred((f"{name}.bz2", bz2.compress(text)) for name, text in files.items()),
}


@pytest.mark.parametrize("packing", PACKED)
def test_the_same_markets_are_the_same_rows_however_they_are_packed(tmp_path: Path, packing: str) -> None:
    source = BetfairHistoric(StreamSettings(processes=1))
    files = {file.name.removesuffix(".bz2"): bz2.decompress(file.body) for file in FILES if file.kind == "M"}
    alone = pl.concat([records(tmp_path / name, text, source) for name, text in files.items()], how="diagonal_relaxed")
    together = records(tmp_path / "packed", PACKED[packing](files), source)
    told = [name for name in together.columns if name not in ORIGIN]
    assert together.height == alone.height > len(files)
    assert together.select(told).equals(alone.select(told))


def test_a_status_that_nobody_knows_voids_no_race_and_is_told(tmp_path: Path) -> None:
    (file,) = [each for each in FILES if len(each.expected) == 1][:1]
    data = bz2.decompress(file.body).replace(b'"status":"WINNER"', b'"status":"DEAD_HEAT"')
    frame = records(tmp_path / "1.1", data)
    assert "VOID" not in frame["result"].to_list()
    told = [problem["message"] for row in frame["problems"].drop_nulls() for problem in row]
    assert len(told) == 1
    assert "is 'DEAD_HEAT', a status that nobody knows" in told[0]
