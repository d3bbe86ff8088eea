"""Stream files as records: against the fake Betfair's own account of its markets, and the same rows however packed."""

import bz2
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from race_assets.settings.streams import GridSettings, StreamSettings
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.betfair_historic import BetfairHistoric
from race_assets.sources.betfair.stream import messages, reading
from race_assets_tests.fake_betfair import oddities
from race_assets_tests.fake_betfair.fixtures import MarketFile
from race_assets_tests.fake_betfair.oracle import Expected, ExpectedRunner
from race_assets_tests.sources.packing import tarred, zipped

SOURCE = BetfairHistoric(StreamSettings(processes=1, price_points=GridSettings(enabled=False)))
FILES = [each for each in oddities().files if each.intact]
ORIGIN = ("source_row", "byte_offset")


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


def changes(pt: int, **change: object) -> bytes:
    """A message of market 1.23."""
    told = {"id": "1.23", "con": True, "img": False, **change}
    return json.dumps({"op": "mcm", "clk": "1", "pt": pt, "mc": [told]}).encode()


def life(*elements: tuple[float, dict[str, object]], **more: object) -> bytes:
    """A market that opens ten minutes before its off, goes off 20 s late and closes two minutes after.

    Args:
        elements: seconds before the off, and what is published then.
    """
    runners = [{"id": 7, "name": "1. Alpha", "status": "ACTIVE"}, {"id": 8, "name": "2. Beta", "status": "ACTIVE"}]
    definition = {
        "status": "OPEN", "eventTypeId": "4339", "marketType": "WIN", "marketTime": f"{OFF:%Y-%m-%dT%H:%M:%S}.000Z",
        "venue": "Romford", "countryCode": "GB", "timezone": "Europe/London", "name": "A5 400m", "runners": runners,
    } | more  # fmt: skip
    off = round(OFF.timestamp() * 1000)
    lines = [changes(off - 600_000, marketDefinition=definition)]
    lines += [changes(off - round(seconds * 1000), rc=[element]) for seconds, element in elements]
    results = [runners[0] | {"status": "WINNER", "bsp": 2.5}, runners[1] | {"status": "LOSER", "bsp": 1.8}]
    lines += [
        changes(off + 20_000, marketDefinition=definition | {"status": "SUSPENDED"}),
        changes(off + 100_000, rc=[{"id": 7, "trd": [[2.5, 0], [2.6, 0]], "ltp": 2.5, "tv": 0.0}]),
        changes(off + 120_000, marketDefinition=definition | {"status": "CLOSED", "runners": results}),
    ]
    return b"\n".join(lines)


OFF = datetime(2024, 6, 27, 13, 52, tzinfo=UTC)
TRADE = {"id": 7, "trd": [[2.5, 10.0]], "ltp": 2.5, "tv": 10.0}
LATER = {"id": 7, "trd": [[2.6, 5.0]], "ltp": 2.6, "tv": 5.0}


def test_a_record_is_of_the_moment_its_last_price_was_published_and_not_of_its_settlement(tmp_path: Path) -> None:
    frame = records(tmp_path / "1.23", life((300, TRADE), (90, LATER)))
    assert frame.select("last_traded", "observed_at", "actual_off_at").rows() == [
        (2.6, OFF - timedelta(seconds=90), OFF + timedelta(seconds=20)),
        (None, None, OFF + timedelta(seconds=20)),
    ]


def test_a_trade_whose_size_rounds_to_nothing_is_the_last_one(tmp_path: Path) -> None:
    small = {"id": 7, "trd": [[6.0, 0], [2.6, 0.09]], "ltp": 6.0, "tv": 0.09}
    frame = records(tmp_path / "1.23", life((300, TRADE), (90, small)))
    assert frame.select("last_traded", "pre_off_volume", "observed_at").row(0) == (
        6.0, 10.09, OFF - timedelta(seconds=90),
    )  # fmt: skip


def test_messages_whose_time_goes_back_are_taken_in_the_files_order_and_counted(tmp_path: Path) -> None:
    report = ReadReport()
    path = tmp_path / "1.23"
    path.write_bytes(life((300, TRADE), (90, LATER), (95, {"id": 8, "ltp": 3.0}), (91, {"id": 8, "atb": [[2.0, 1]]})))
    source = BetfairHistoric(StreamSettings(processes=1))
    frame = pl.concat(list(source.read(path, path.name, report)))
    (warning,) = report.warnings
    assert warning.startswith("2 messages of 1 market (1.23) with an earlier time (pt) than one above: taken in the")
    assert frame["notes"].to_list() == [["time_went_back"]] * 2
    assert frame["last_traded"].to_list() == [2.6, 3.0]
    ages = [
        value for points in frame["points"] for point in points for name, value in point.items() if name[-2:] == "_s"
    ]
    assert min(age for age in ages if age is not None) >= 0
    assert records(path, life((300, TRADE), (90, LATER)))["notes"].null_count() == 2


def test_a_line_that_is_not_utf_8_is_read_as_windows_1252_and_noted(tmp_path: Path) -> None:
    text = life((300, TRADE)).replace(b"1. Alpha", "1. Café Olé\u2019s".encode())
    plain = records(tmp_path / "1.23", text)
    latin = records(tmp_path / "1.24", text.decode().encode("cp1252"))
    assert plain["dog_name"].to_list() == latin["dog_name"].to_list() == ["Café Olé\u2019s", "Beta"]
    assert plain["notes"].null_count() == 2
    assert latin["notes"].to_list() == [["latin_1"]] * 2
    assert latin.drop("notes").equals(plain.drop("notes"))


def test_no_time_of_a_record_goes_back_with_that_of_a_message(tmp_path: Path) -> None:
    """The later line tells the last price; it cannot have been published before the one above it."""
    frame = records(tmp_path / "1.23", life((90, TRADE), (3_600, LATER)))
    assert frame.select("last_traded", "observed_at").row(0) == (2.6, OFF - timedelta(seconds=90))

    lines = life((30, TRADE)).split(b"\n")
    suspended = json.loads(lines[2])
    suspended["pt"] -= 1_220_000
    lines[2] = json.dumps(suspended).encode()
    frame = records(tmp_path / "1.23", b"\n".join(lines))
    assert frame["actual_off_at"].to_list() == [OFF - timedelta(seconds=30)] * 2


def test_a_stream_without_market_time_is_refused_for_that(tmp_path: Path) -> None:
    text = life((300, TRADE)).replace(b'"marketTime": "2024-06-27T13:52:00.000Z", ', b"")
    frame = records(tmp_path / "1.23", text)
    assert frame["start_at"].null_count() == 2
    assert {problem["rule"] for problems in frame["problems"] for problem in problems} == {"start_time"}


def books(count: int) -> bytes:
    """One line: a JSON array of books, each of a market of its own."""
    ids = [f"1.{number}" for number in range(100_000, 100_000 + count)]
    definition = {"status": "OPEN"}
    return json.dumps(
        [{"marketId": each, "update": {"id": each}, "marketDefinition": definition} for each in ids]
    ).encode()


def test_a_long_line_that_is_no_message_is_looked_at_a_few_times_whatever_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    line_of = messages.Decoder.line

    def counted(self: messages.Decoder, data: bytes) -> object:
        looked_at.append(len(data))
        return line_of(self, data)

    monkeypatch.setattr(messages.Decoder, "line", counted)
    for count in (10, 1000):
        looked_at.clear()
        data = books(count)
        frame = records(tmp_path / "books.json", data)
        ((problem,),) = frame["problems"].to_list()
        assert "it is a JSON array: land the stream itself" in problem["message"]
        (shown,) = SOURCE.rows_as_read(tmp_path / "books.json", frame["byte_offset"].to_list()).values()
        assert (shown.length, shown.text) == (len(data), data[: 64 * 1024].decode())
        assert looked_at == [len(data)] * 2


def test_a_line_is_put_together_out_of_its_pieces_up_to_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"a" * 7] * 5000
    found = list(reading.lines([b"x\ny", *pieces, b"\nb"], reading.Reading()))
    assert found == [b"x", b"y" + b"a" * 35_000, b"b"]
    monkeypatch.setattr(reading, "LONGEST_LINE", 30_000)
    report = reading.Reading()
    assert list(reading.lines([b"x\n", *pieces], report)) == [b"x"]
    assert [(damage.offset, damage.message) for damage in report.damages] == [(2, "a line is longer than 30,000 bytes")]


def test_a_status_that_nobody_knows_voids_no_race_and_is_told(tmp_path: Path) -> None:
    (file,) = [each for each in FILES if len(each.expected) == 1][:1]
    data = bz2.decompress(file.body).replace(b'"status":"WINNER"', b'"status":"DEAD_HEAT"')
    frame = records(tmp_path / "1.1", data)
    assert "VOID" not in frame["result"].to_list()
    told = [problem["message"] for row in frame["problems"].drop_nulls() for problem in row]
    assert len(told) == 1
    assert "is 'DEAD_HEAT', a status that nobody knows" in told[0]
