"""No file takes more time or memory than its size allows: bombs of every format are rejected, and say which setting."""

import bz2
import gzip
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from race_assets.errors import UnreadableFileError
from race_assets.settings import Settings
from race_assets.settings.file_limits import FileLimits
from race_assets.sources import delimited, in_bulk, registry, unpack_limits
from race_assets.sources.base import FileSource, ReadReport
from race_assets.sources.betfair.stream import archive, book, market, packed, reading
from race_assets.sources.delimited import Dialect
from race_assets.sources.racing_post import reading as payloads
from race_assets.sources.unpack_limits import TooLargeError, UnpackLimits
from race_assets_tests.sources.packing import tarred, zipped

HEADER = b"event_id,event_name,track,start_time,selection_id,selection_name,price,volume\n"
ROW = b"391,E,Romford,2024-06-27T17:36:00Z,1,1. Invented Dog,3.5,1\n"
MESSAGE = b'{"op":"mcm","pt":1719509760000,"mc":[{"id":"1.%d"}]}\n'
RATIO = 20


def source(name: str, **limits: float) -> FileSource:
    return registry.create(name, Settings(file_limits=FileLimits(**{"max_unpacked_ratio": RATIO, **limits})))


def problems(path: Path, reader: FileSource) -> list[str]:
    """What is wrong with the file, or with parts of it."""
    try:
        frames = list(reader.read(path, path.name, ReadReport()))
    except UnreadableFileError as error:
        return [error.detail]
    return [each["message"] for frame in frames for found in frame["problems"].drop_nulls() for each in found]


def gzipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


BOMBS: dict[str, tuple[str, Callable[[bytes], bytes], bytes]] = {
    "csv.gz": ("betfair_csv", gzipped, HEADER + ROW * 40_000),
    "csv.bz2": ("betfair_csv", bz2.compress, HEADER + ROW * 40_000),
    "blank lines.gz": ("betfair_csv", gzipped, HEADER + b"\n" * 2_000_000),
    "many small streams.gz": ("betfair_csv", lambda text: gzipped(text) + gzipped(b"\n" * 300_000) * 9, HEADER + ROW),
    "stream.gz": ("betfair_historic", gzipped, MESSAGE * 40_000),
    "stream.bz2": ("betfair_historic", bz2.compress, MESSAGE * 40_000),
    "newlines.gz": ("betfair_historic", gzipped, b"\n" * 2_000_000),
    "nuls.gz": ("betfair_historic", gzipped, bytes(2_000_000)),
    "zip": ("betfair_historic", lambda text: zipped([("a", text)]), MESSAGE * 40_000),
    "zip of bz2": ("betfair_historic", lambda text: zipped([("a", bz2.compress(text))]), MESSAGE * 40_000),
    "zip of many empty streams": ("betfair_historic", lambda text: zipped([("a", text)]), gzipped(b"") * 100_000),
    "tar of gz": ("betfair_historic", lambda text: tarred([("a", gzipped(text))]), MESSAGE * 40_000),
    "payload.gz": ("racing_post_races", gzipped, b'{"data":[' + b"[]," * 700_000 + b"1]}"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unpacks_to_far_more_than_racing_data_does_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, pack, text = BOMBS[name]
    monkeypatch.setattr(unpack_limits, "ALWAYS_READ", 1 << 20)
    handed: list[int] = []
    checked = UnpackLimits.checked

    def counted(self: UnpackLimits, pieces: object, packed_bytes: int) -> object:
        for piece in checked(self, pieces, packed_bytes):  # type: ignore[arg-type]
            handed.append(len(piece))
            yield piece

    monkeypatch.setattr(UnpackLimits, "checked", counted)
    path = tmp_path / name
    path.write_bytes(pack(text))
    found = problems(path, source(kind))
    assert "raise file_limits.max_unpacked_ratio" in found[-1]
    assert f"more than {RATIO} times as much" in found[-1]
    assert sum(handed) <= 4 * max(1 << 20, RATIO * path.stat().st_size)


def test_short_texts_may_repeat_themselves(tmp_path: Path) -> None:
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzipped(HEADER + ROW * 10_000))
    assert path.stat().st_size * RATIO < 10_000 * len(ROW) < unpack_limits.ALWAYS_READ
    assert problems(path, source("betfair_csv")) == []


@pytest.mark.parametrize("name", ["csv.gz", "stream.bz2", "zip", "tar of gz"])
def test_a_member_has_a_largest_size(tmp_path: Path, name: str) -> None:
    kind, pack, text = BOMBS[name]
    path = tmp_path / name
    path.write_bytes(pack(text))
    found = problems(path, source(kind, max_unpacked_ratio=1e9, max_member_gb=0.001))
    assert "it unpacks to over 0.001 GB: split it, or raise file_limits.max_member_gb" in found[-1]


def test_members_have_a_largest_size_together(tmp_path: Path) -> None:
    path = tmp_path / "month.tar"
    path.write_bytes(tarred([(f"{n}.gz", gzipped(MESSAGE % n * 1000)) for n in range(100)]))
    limits = {"max_unpacked_ratio": 1e9, "max_member_gb": 1}
    assert "max_archive_gb" in problems(path, source("betfair_historic", **limits, max_archive_gb=0.003))[-1]
    assert "max_archive_gb" not in str(problems(path, source("betfair_historic", **limits, max_archive_gb=0.1)))


def test_pieces_are_handed_on_up_to_the_limit() -> None:
    limits = UnpackLimits(ratio=10, member_bytes=100, archive_bytes=1000)
    given = limits.checked([b"x" * 40] * 4, 1)
    assert [next(given), next(given)] == [b"x" * 40] * 2
    with pytest.raises(TooLargeError):
        next(given)


def overlapping(members: int) -> bytes:
    """A zip archive whose directory lists one member so many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    text = MESSAGE % 1
    data = packer.compress(text) + packer.flush()
    facts = struct.pack("<III", zlib.crc32(text), len(data), len(text))
    local = struct.pack("<IHHHHH", 0x04034B50, 20, 0, 8, 0, 0) + facts + struct.pack("<HH", 1, 0) + b"a" + data
    entry = struct.pack("<IHHHHHH", 0x02014B50, 20, 20, 0, 8, 0, 0) + facts
    entry += struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, members, members, len(entry) * members, len(local), 0)
    return local + entry * members + end


def test_members_that_share_bytes_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(overlapping(50))
    first, *others = archive.members(path)
    assert not first.problem
    assert len(others) == 49
    assert all("bytes are those of another member" in each.problem for each in others)


@pytest.mark.parametrize(
    ("header", "reason"),
    [(b"1" * 100_000, "longer than any"), (b"9 a=" + b"x" * 300_000, "longer than any")],
    ids=["digits", "long"],
)
def test_an_extended_header_of_a_tar_archive_is_looked_at_first(tmp_path: Path, header: bytes, reason: str) -> None:
    path = tmp_path / "bomb.tar"
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(header)
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + header + bytes(-len(header) % 512) + tarred([("a", b"x")]))
    (found,) = archive.members(path)
    assert reason in found.problem


def test_a_long_name_of_a_member_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar"
    path.write_bytes(tarred([("a/" * 100_000, b"x")]))
    (found,) = archive.members(path)
    assert len(found.name) == archive.LONGEST_NAME + 1


# Delimited text

DIALECT = Dialect(("id", "dog", "price"))


@pytest.mark.parametrize(
    "line", [b"\n", b",,\n", b"x\n", b'"\n', b"\0\n", b"1,A,2\n", b"\xe9\n", b"\r\n", b'"a\nb",,\n']
)
def test_a_block_has_no_more_lines_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr(delimited, "MOST_LINES", 1000)
    monkeypatch.setattr(delimited, "COUNTED_BYTES", 500)
    sizes = []
    sort_rows = in_bulk.sort_rows
    monkeypatch.setattr(
        delimited, "sort_rows", lambda data, *args, **named: (sizes.append(data), sort_rows(data, *args, **named))[1]
    )
    path = tmp_path / "file"
    path.write_bytes(b"id,dog,price\n1,A,2\n" + line * 10_000)
    blocks = list(delimited.read(path, DIALECT, ReadReport()))
    assert all(block.rows.height + block.broken.height <= 1001 for block in blocks)
    assert all(data.count(b"\n") <= 1001 for data in sizes)
    whole = [row for block in blocks for row in block.rows["source_row"]]
    broken = [row for block in blocks for row in block.broken["source_row"]]
    assert len(set(whole + broken)) == len(whole + broken)
    monkeypatch.undo()
    (block,) = delimited.read(path, DIALECT, ReadReport())
    assert (block.rows["source_row"].to_list(), block.broken["source_row"].to_list()) == (whole, broken)


@pytest.mark.parametrize("line", [b"x\n", b'"x"\n', b"1,2\n"])
def test_lines_without_separators_get_no_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    cells = []
    through = in_bulk.through_polars

    def counted(data: bytes, dialect: Dialect, columns: int) -> object:
        cells.append(data.count(b"\n") * columns)
        return through(data, dialect, columns)

    monkeypatch.setattr(delimited, "through_polars", counted)
    monkeypatch.setattr(in_bulk, "through_polars", counted)
    path = tmp_path / "file"
    path.write_bytes(b"id,dog,price" + b"".join(b",c%d" % n for n in range(4000)) + b"\n" + line * 5000)
    list(delimited.read(path, Dialect(("id",), takes_all=True), ReadReport()))
    assert sum(cells) <= path.stat().st_size


@pytest.mark.parametrize("takes_all", [False, True])
def test_a_header_has_no_more_columns_than_it_may(tmp_path: Path, *, takes_all: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"id,dog,price" + b",x" * 4000 + b"\n1,A,2" + b",1" * 4000 + b"\n")
    report = ReadReport()
    (block,) = delimited.read(path, Dialect(DIALECT.columns, takes_all=takes_all), report)
    assert block.rows.height == 1
    assert len(report.warnings) == delimited.MOST_WARNINGS + 1
    path.write_bytes(b"id,dog,price" + b",x" * 6000 + b"\n1,A,2\n")
    with pytest.raises(UnreadableFileError, match="6,003 columns, more than 5,000"):
        list(delimited.read(path, DIALECT, report))


# Streams


def members(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    return problems(path, source("betfair_historic"))


def test_what_is_no_stream_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_DAMAGES", 10)
    drawn: list[int] = []

    def pieces() -> object:
        for number in range(5000):
            drawn.append(number)
            yield b"x\n"

    found = reading.read(pieces(), [])  # type: ignore[arg-type]
    assert len(drawn) < 20
    assert found.damages[-1].message.endswith("none of the lines before it is a stream message")


def test_a_member_has_no_more_markets_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_MARKETS", 10)
    found = reading.read([MESSAGE % number for number in range(50)], [])
    assert len(found.markets) == 11
    assert "it holds over 10 markets; split it by days" in found.damages[-1].message
    assert found.broken.keys() == found.markets.keys()


def test_a_market_has_no_more_runners_and_prices_than_it_may() -> None:
    change = b'{"op":"mcm","pt":1719509760000,"mc":[{"id":"1.1","rc":[%b]}]}\n'
    runners = b",".join(b'{"id":%d,"ltp":2}' % number for number in range(market.MOST_RUNNERS + 1))
    levels = b",".join(b"[%d,1]" % price for price in range(1, book.MOST_LEVELS + 2))
    for text, reason in ((runners, "over 1,000 runners"), (b'{"id":1,"atb":[%b]}' % levels, "at over 1,000 prices")):
        found = reading.read([change % text], [600, 0])
        assert reason in found.damages[0].message
        assert "1.1" in found.broken


def test_unknown_keys_are_counted_by_name_up_to_a_number() -> None:
    text = [b'{"op":"mcm","pt":1719509760000,"key%d":1}\n' % number for number in range(500)]
    found = reading.read(text, [])
    assert len(found.unknown) == 101
    assert found.unknown["others"] == 400


@pytest.mark.parametrize("between", [b"", b"no message at all\n"])
def test_broken_lines_take_work_by_their_number(between: bytes) -> None:
    """Each market is held against at most one of the lines that name none."""
    found = reading.read([MESSAGE % number + between for number in range(2000)], [])
    assert len(found.newest) == (0 if between else 2000)
    assert len(found.broken) == (2000 if between else 0)


def test_a_long_line_is_passed_over(tmp_path: Path) -> None:
    text = b'{"op":"mcm","clk":"' + b"x" * (reading.LONGEST_LINE + packed.PIECE) + b'"}\n'
    assert "longer than 4,194,304 bytes" in members(tmp_path / "file", text)[0]


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 3_000_000,
        b'{"op":"mcm","pt":1719509760000,"mc":[{"id":"1.1","zz":' + b"[" * 3_000_000,
        b'{"op":"mcm","pt":' + b"9" * 1_000_000 + b',"mc":[]}\n',
        b'{"op":"mcm","pt":1719509760000,"y":"\\ud800","zz":' + b"9" * 1_000_000 + b"}\n",
    ],
    ids=["arrays", "arrays below a key", "digits", "digits beside half a character"],
)
def test_deep_or_long_values_are_no_message(tmp_path: Path, text: bytes) -> None:
    found = members(tmp_path / "file", text)
    assert "is no stream message" in found[0]
    assert len(found[0]) < 1000


# Payloads


def test_a_payload_has_a_largest_size(tmp_path: Path) -> None:
    path = tmp_path / "payload.json"
    path.write_bytes(b'{"data":[' + b" " * 2_000_000 + b'{"raceId":1}]}')
    assert "raise file_limits.max_document_mb" in problems(path, source("racing_post_races", max_document_mb=1))[-1]
    assert "max_document_mb" not in str(problems(path, source("racing_post_races", max_document_mb=3)))


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b",".join([b'{"raceId":1}'] * 30) + b"]",
        b'[{"raceId":1,"runners":[' + b",".join([b'{"dogId":1}'] * 30) + b"]}]",
        b"[" + b",".join([b"1"] * 30) + b"]",
        b'{"raceId":1}\n' * 30,
    ],
    ids=["items", "runners", "numbers", "documents"],
)
def test_a_payload_has_no_more_rows_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    path = tmp_path / "payload.json"
    path.write_bytes(body)
    monkeypatch.setattr(payloads, "MOST_ROWS", 20)
    assert problems(path, source("racing_post_races")) == [
        "it holds over 20 runners and past runs: split it by races or days"
    ]


def test_showing_many_rows_of_a_payload_decodes_it_once(tmp_path: Path) -> None:
    items = [f'{{"raceId":{number},"raceTitle":"é"}}' for number in range(300)]
    path = tmp_path / "payload.json"
    path.write_text("[" + ",\n".join(items) + "] rest é", encoding="utf-8")
    data = path.read_bytes()
    offsets = [data.index(b'{"raceId":%d,' % number) for number in range(300)]
    rest = data.index(b"rest")
    shown = source("racing_post_races").rows_as_read(path, [*offsets[::-1], rest])
    assert [shown[offset].text for offset in offsets] == items
    assert shown[offsets[0]].length == len(items[0].encode())
    assert shown[rest].text == "rest é"


# Memory as the system counts it

LIMITED = """
import resource, sys
from race_assets.settings import Settings
from race_assets.sources import registry, unpack_limits
from race_assets.sources.base import ReadReport
from race_assets.errors import UnreadableFileError
from pathlib import Path
unpack_limits.ALWAYS_READ = 8 << 20
source = registry.create(sys.argv[1], Settings())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for frame in source.read(Path(sys.argv[2]), "bomb", ReadReport()):
        print(*[each["message"] for found in frame["problems"].drop_nulls() for each in found])
except UnreadableFileError as error:
    print(error.detail)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("kind", "piece"),
    [("betfair_csv", b"\n"), ("betfair_historic", b"\n"), ("betfair_historic", b"\0"), ("racing_post_races", b"\n")],
)
def test_a_gigabyte_of_nothing_in_a_megabyte_is_rejected_within_bounded_memory(
    tmp_path: Path, kind: str, piece: bytes
) -> None:
    """The memory is that of a block of lines, not of what the file unpacks to."""
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER if kind == "betfair_csv" else b"")
        for _ in range(20):
            file.write(piece * 10**6)
    done = subprocess.run([sys.executable, "-c", LIMITED, kind, str(path)], capture_output=True, text=True, check=True)
    *details, kilobytes = done.stdout.splitlines()
    assert "file_limits" in details[-1] or "longer than" in details[-1]
    assert int(kilobytes) < 400_000
