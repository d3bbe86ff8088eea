"""A file that its source cannot read is told by what it looks like, and where such a file belongs."""

import bz2
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from race_assets.pipeline import land
from race_assets.pipeline.file_kind import described
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.conformance.specimens import SPECIMENS, PayloadSpecimen, Specimen
from race_assets_tests.pipeline.feed import BSP, BSP_HEADER, CSV, CSV_HEADER, DAY1, ask, bsp_row, csv_race

STREAM = "betfair_historic"
LINE = b'{"op":"mcm","clk":"1","pt":1719500000000,"mc":[]}\n'
BSP_FILE = (BSP_HEADER + bsp_row(DAY1, "1. Alpha", selection=1)).encode()
CSV_FILE = (CSV_HEADER + csv_race(DAY1)).encode()


def zipped(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return packed.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


KINDS: dict[str, tuple[str, bytes, list[str]]] = {
    "a price file as a feed of ours": (CSV, BSP_FILE, ["columns are those of betfair_bsp", "--source betfair_bsp"]),
    "the same, packed": (CSV, gzip.compress(BSP_FILE), ["columns are those of betfair_bsp", "drops/betfair_bsp"]),
    "a feed of ours as a price file": (BSP, CSV_FILE, ["columns are those of betfair_csv"]),
    "a table as a stream": (STREAM, CSV_FILE, ["columns are those of betfair_csv"]),
    "a table that nobody has": (
        BSP,
        b"colour,size,taste\nred,1,sweet\n",
        ["colour, size", "feed suggest a.csv"],
    ),
    "a stream as a table": (CSV, LINE, ["stream of Betfair", "--source betfair_historic"]),
    "a packed stream as a table": (BSP, bz2.compress(LINE), ["stream of Betfair"]),
    "an answer of an API": (CSV, b'{"data": [{"raceId": 1}]}', ["answer of Racing Post", "racing_post_races"]),
    "JSON as a table": (CSV, json.dumps([{"a": 1}]).encode(), ["looks like JSON"]),
    "an archive of tables": (BSP, zipped(a="x", b="y"), ["zip archive of 2 files (a, b)", "unpack it"]),
    "an archive of streams as a table": (BSP, tarred("1.23.bz2", LINE), ["tar archive", "--source betfair_historic"]),
    "a workbook": (BSP, zipped(xl__workbook="x"), ["Excel workbook (.xlsx)", "save its sheet as CSV"]),
    "a workbook as a stream": (STREAM, zipped(xl__workbook="x"), ["Excel workbook (.xlsx)"]),
    "an old workbook": (CSV, bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), ["old Excel workbook"]),
    "a document": (CSV, b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", ["PDF document"]),
    "a picture": (STREAM, b"\x89PNG\r\n\x1a\n" + bytes(50), ["picture"]),
    "prose": (CSV, b"hello world\n", ["text without a table"]),
}
TABLES = [each for each in SPECIMENS if each.header and not isinstance(each, PayloadSpecimen)]
UNKNOWN: dict[str, tuple[str, bytes]] = {
    "nothing": (CSV, b""),
    "noise": (CSV, bytes(range(256)) * 4),
    "its own kind": (CSV, CSV_FILE),
    "a stream as a stream": (STREAM, LINE),
    "an archive of streams": (STREAM, tarred("1.23.bz2", LINE)),
    "packed data that is cut": (CSV, gzip.compress(CSV_FILE)[:-9]),
}


def said(source: str, data: bytes, folder: Path) -> str:
    path = folder / "bytes"
    path.write_bytes(data)
    return described(Settings(), source, path, "a.csv")


@pytest.mark.parametrize(("source", "data", "parts"), KINDS.values(), ids=KINDS)
def test_what_a_file_looks_like_is_said_with_the_next_step(
    source: str, data: bytes, parts: list[str], tmp_path: Path
) -> None:
    for part in parts:
        assert part in said(source, data, tmp_path)


@pytest.mark.parametrize(("source", "data"), UNKNOWN.values(), ids=UNKNOWN)
def test_nothing_is_said_of_a_file_of_its_kind_or_of_none(source: str, data: bytes, tmp_path: Path) -> None:
    assert said(source, data, tmp_path) == ""


@pytest.mark.parametrize("specimen", TABLES, ids=lambda specimen: specimen.name)
def test_files_of_every_source_are_recognised_by_their_columns(specimen: Specimen, tmp_path: Path) -> None:
    other = BSP if specimen.name != BSP else CSV
    told = said(other, specimen.text().encode("cp1252"), tmp_path)
    assert f"columns are those of {specimen.name}" in told
    assert (f"sources.{specimen.name}.enabled" in told) != Settings().source(specimen.name).enabled


UNREAD = {
    "empty": b"",
    "blank": b"\n\n",
    "empty.bz2": bz2.compress(b""),
    "prose": b"hello world\n" * 20,
    "table.csv": CSV_FILE,
    "cut.bz2": bz2.compress(LINE * 5000)[:-20],
    "heartbeats": LINE,
    "archive.tar": tarred("1.23.bz2", b"hello"),
}


def test_a_stream_file_of_which_nothing_can_be_read_is_unreadable_and_says_why(
    workshop: Workshop, tmp_path: Path
) -> None:
    for name, data in UNREAD.items():
        (tmp_path / name).write_bytes(data)
    landed = list(land.land(workshop, STREAM, land.named([tmp_path / name for name in UNREAD])))
    assert {Path(each.path).name: (each.state, each.is_bad, each.records) for each in landed} == dict.fromkeys(
        UNREAD, ("unreadable", True, 0)
    )
    details = {Path(each.path).name: each.detail for each in landed}
    assert "it is empty" in details["empty"]
    assert "--source betfair_csv" in details["table.csv"]
    assert "in the middle of a block" in details["cut.bz2"]
    assert "nothing in it is about a race" in details["heartbeats"]
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(0,)]
