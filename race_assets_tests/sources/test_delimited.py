"""The reader of delimited text: every line is a row or a broken line, with its place, however the file is made."""

import bz2
import csv
import gzip
import io
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from race_assets.errors import UnreadableFileError
from race_assets.sources import delimited, transcoding
from race_assets.sources.base import ReadReport, RowAsRead
from race_assets.sources.delimited import Dialect

BOM = b"\xef\xbb\xbf"
THREE = Dialect(("id", "dog", "price"))


@dataclass
class Reading:
    """All that came of one file."""

    rows: list[dict[str, object]] = field(default_factory=list)
    broken: list[dict[str, object]] = field(default_factory=list)
    report: ReadReport = field(default_factory=ReadReport)

    @property
    def cells(self) -> list[tuple[object, ...]]:
        return [(row["id"], row["dog"], row["price"]) for row in self.rows]

    @property
    def lines(self) -> list[object]:
        return [row["source_row"] for row in self.rows]

    @property
    def refusals(self) -> list[tuple[object, object]]:
        return [(row["source_row"], row["rule"]) for row in self.broken]


def read(path: Path, data: bytes, dialect: Dialect = THREE) -> Reading:
    path.write_bytes(data)
    reading = Reading()
    for block in delimited.read(path, dialect, reading.report):
        reading.rows += block.rows.to_dicts()
        reading.broken += block.broken.to_dicts()
    return reading


def frame(path: Path, data: bytes) -> pl.DataFrame:
    path.write_bytes(data)
    return pl.concat(block.rows for block in delimited.read(path, THREE, ReadReport()))


def refusal(path: Path, data: bytes) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        read(path, data)
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


@contextmanager
def blocks_of(size: int) -> Iterator[Path]:
    """A path to write to, read in blocks of this many bytes."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(delimited, "BLOCK_BYTES", size)
        # The first read, of the header, must not take the whole file in.
        patch.setattr(delimited, "SHOWN_BYTES", max(size, 64))
        yield Path(folder) / "file.csv"


# --- random tables, written with Python's csv module ------------------------------------------------------------------

LETTERS = "abcXYZ019 .,,\"'-_/;\t£é€ñ🐕\x85\u2028\x1f"
cells = st.one_of(
    st.text(alphabet=LETTERS, max_size=12),
    st.text(alphabet=LETTERS + "\n", max_size=12).map(lambda text: text.replace("\n", "\r\n")),
    st.text(alphabet=LETTERS + "\n", max_size=12),
    st.sampled_from(["", "5.5", "3. Some Dog", "   ", '"', '""', "--", "=cmd", "\n\n"]),
)
plain_cells = st.text(alphabet="abc019 .-/", max_size=10)
sizes = st.integers(64, 4096)


@dataclass(frozen=True)
class Table:
    """A file's bytes and what stands in it: cells, line and byte offset of each record."""

    data: bytes
    expected: list[tuple[tuple[str, ...], int, int]]


def written(
    records: Sequence[tuple[tuple[str, ...], int]], *, ending: str = "\n", bom: bool = False, final: bool = True
) -> Table:
    """The records as a CSV file, each with some blank lines before it."""
    data = bytearray(BOM if bom else b"")
    data += f"id,dog,price{ending}".encode()
    line, expected = 2, []
    for cells_, blanks in records:
        data += ending.encode() * blanks
        line += blanks
        expected.append((cells_, line, len(data)))
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=ending).writerow(cells_)
        data += text.getvalue().encode()
        line += text.getvalue().count("\n")
    return Table(bytes(data) if final else bytes(data).removesuffix(ending.encode()), expected)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    records = st.tuples(st.tuples(cells, cells, cells), st.sampled_from([0, 0, 0, 0, 1, 3]))
    return written(
        draw(st.lists(records, min_size=1, max_size=30)),
        ending=draw(st.sampled_from(["\n", "\r\n"])),
        bom=draw(st.booleans()),
        final=draw(st.booleans()),
    )


@given(tables(), sizes)
@settings(max_examples=150)
def test_every_record_comes_back_with_its_cells_line_and_offset(table: Table, size: int) -> None:
    with blocks_of(size) as path:
        reading = read(path, table.data)

    found = [(row["id"], row["dog"], row["price"], row["source_row"], row["byte_offset"]) for row in reading.rows]
    assert found == [(*(cell or None for cell in row), line, at) for row, line, at in table.expected]
    assert reading.broken == []
    assert reading.report.rows_read == len(table.expected)


@given(tables(), st.booleans())
@settings(max_examples=100)
def test_the_bytes_at_each_offset_parse_back_to_the_record(table: Table, is_compressed: bool) -> None:
    with blocks_of(delimited.BLOCK_BYTES) as path:
        path.write_bytes(gzip.compress(table.data) if is_compressed else table.data)
        shown = delimited.rows_as_read(path, [at for _, _, at in table.expected])

    for row, _, at in table.expected:
        assert list(csv.reader(io.StringIO(shown[at].text, newline=""))) == [list(row)]
        assert shown[at].length == len(shown[at].text.encode())


@dataclass(frozen=True)
class Line:
    """A physical line without quotes: some cells, and how it ends."""

    cells: tuple[str, ...]
    ending: str


lines = st.builds(
    Line,
    st.lists(plain_cells, min_size=1, max_size=6).map(tuple),
    st.sampled_from(["\n", "\n", "\r\n"]),
)


@given(st.lists(lines, min_size=1, max_size=40), sizes)
@settings(max_examples=150)
@example([Line(("1", "2", "3"), "\r\n"), Line(("4", "5"), "\n"), Line(("6", "7", "8"), "\n")], 4096)
@example([Line(("1", "2", "3"), "\r\n"), Line(("",), "\r\n"), Line(("4", "5"), "\r\n"), Line(("6", "7"), "\r\n")], 4096)
def test_ragged_lines_with_any_line_ends_are_each_a_row_or_broken(given_lines: list[Line], size: int) -> None:
    texts = [",".join(line.cells) for line in given_lines]
    data = "id,dog,price\n" + "".join(text + line.ending for text, line in zip(texts, given_lines, strict=True))
    numbered = [(number, text.split(",")) for number, text in enumerate(texts, start=2) if text.strip()]
    if not numbered:
        return

    with blocks_of(size) as path:
        reading = read(path, data.encode())

    good = [(number, *(cell or None for cell in row)) for number, row in numbered if len(row) == 3]
    assert [(line, *cells) for line, cells in zip(reading.lines, reading.cells, strict=True)] == good
    assert reading.refusals == [(number, "field_count") for number, row in numbered if len(row) != 3]
    assert reading.report.rows_read == len(numbered)
    offsets = [row["byte_offset"] for row in sorted(reading.rows + reading.broken, key=lambda row: row["source_row"])]
    assert [data[at:].partition("\n")[0].removesuffix("\r") for at in offsets] == [",".join(row) for _, row in numbered]


@given(st.binary(max_size=400), sizes)
@settings(max_examples=150)
def test_no_bytes_whatever_get_lost_or_break_the_reader(body: bytes, size: int) -> None:
    """Rows and broken lines account for the file; good rows around the bytes are read whatever these are."""
    # Quotes may rightly join lines, so they have tests of their own.
    body = body.replace(b'"', b"'")
    with blocks_of(size) as path:
        reading = read(path, b"id,dog,price\n1,First,2\n" + body + b"\n9,Last,3\n")

    records = [line for line in body.split(b"\n") if line.removesuffix(b"\r").strip()]
    assert reading.cells[0] == ("1", "First", "2")
    assert reading.cells[-1] == ("9", "Last", "3")
    assert len(reading.rows) + len(reading.broken) == reading.report.rows_read == len(records) + 2
    assert len({row["byte_offset"] for row in reading.rows + reading.broken}) == len(records) + 2


@given(st.text(alphabet='""",,ab\n\n\r ', max_size=120))
@settings(max_examples=150)
def test_quotes_wherever_they_stand_leave_no_byte_unaccounted_for(body: str) -> None:
    data = b"id,dog,price\n" + body.encode() + b"\n9,Last,3\n"
    with blocks_of(delimited.BLOCK_BYTES) as path:
        reading = read(path, data)
        offsets = sorted(row["byte_offset"] for row in reading.rows + reading.broken)
        shown = delimited.rows_as_read(path, offsets)

    assert len(offsets) == len(set(offsets)) == reading.report.rows_read
    end = len(b"id,dog,price\n")
    for at in offsets:
        assert not data[end:at].strip()
        assert data[at:].startswith(shown[at].text.encode())
        end = at + shown[at].length
    assert not data[end:].strip()


@given(
    st.lists(st.tuples(plain_cells, plain_cells, plain_cells), min_size=1, max_size=30), st.sampled_from(["\n", "\r\n"])
)
@settings(max_examples=100)
def test_the_fast_path_and_the_careful_path_give_the_same_frame(rows: list[tuple[str, ...]], ending: str) -> None:
    data = ("id,dog,price" + ending + "".join(f"{','.join(row)}{ending}" for row in rows)).encode()
    with blocks_of(delimited.BLOCK_BYTES) as path:
        fast = frame(path, data)
        ragged = frame(path, data + b"one field")
        quoted = frame(path, data.replace(ending.encode(), b"\n") + b'"","",""')

    assert fast.equals(ragged)
    assert fast.drop("byte_offset").equals(quoted.head(-1).drop("byte_offset"))
    assert fast.schema == ragged.schema == quoted.schema


# --- rows that are not as they should be ------------------------------------------------------------------------------


def test_fewer_and_more_fields_break_only_their_own_row(path: Path) -> None:
    reading = read(path, b"id,dog,price\n1,A,2\n2,B\n3,C,4,5,6,7\n4,D,5\n")

    assert reading.cells == [("1", "A", "2"), ("4", "D", "5")]
    assert reading.lines == [2, 5]
    assert [(row["source_row"], row["byte_offset"], row["message"]) for row in reading.broken] == [
        (3, 19, "2 fields where the header has 3"),
        (4, 23, "6 fields where the header has 3"),
    ]


def test_a_field_too_few_and_an_empty_one_too_many_do_not_make_up_for_each_other(path: Path) -> None:
    reading = read(path, b"id,dog,price\n1,A,2\n2,B\n3,C,4\n4,D,5,\n5,E,6\n")
    assert reading.cells == [("1", "A", "2"), ("3", "C", "4"), ("5", "E", "6")]
    assert [(row["source_row"], row["byte_offset"]) for row in reading.broken] == [(3, 19), (5, 29)]


def test_a_dialect_may_repair_a_row_and_the_row_says_so(path: Path) -> None:
    joined = Dialect(THREE.columns, repair=lambda cells: [cells[0], ",".join(cells[1:-1]), cells[-1]])

    reading = read(path, b"id,dog,price\n1,A,2\n2,B,Bee,3\n3,C\n", joined)

    assert reading.cells == [("1", "A", "2"), ("2", "B,Bee", "3"), ("3", None, "C")]
    assert [row["notes"] for row in reading.rows] == [None, ["repaired"], ["repaired"]]


def test_a_nul_byte_breaks_only_its_own_row(path: Path) -> None:
    reading = read(path, b"id,dog,price\n1,A,2\n2,B\0B,3\n3,C,4\n")

    assert reading.cells == [("1", "A", "2"), ("3", "C", "4")]
    assert reading.refusals == [(3, "text")]
    assert "NUL" in str(reading.broken[0]["message"])


def test_bytes_that_are_not_utf_8_are_read_as_windows_1252_with_a_note(path: Path) -> None:
    reading = read(path, "id,dog,price\n1,Zoë,2\n".encode() + "2,Zoë €,3\n".encode("cp1252") + b"3,C,4\n")

    assert reading.cells == [("1", "Zoë", "2"), ("2", "Zoë €", "3"), ("3", "C", "4")]
    assert [row["notes"] for row in reading.rows] == [None, ["latin_1"], None]


@pytest.mark.parametrize("after", [3, 199, 500])
def test_a_stray_quote_breaks_its_own_row_and_swallows_no_other(path: Path, after: int) -> None:
    good = "".join(f"{number},Dog {number},5\n" for number in range(after))

    reading = read(path, f'id,dog,price\n7,5" hose,2\n{good}'.encode())

    assert len(reading.rows) == after
    assert reading.refusals == [(2, "text")]
    assert "quote" in str(reading.broken[0]["message"])


@pytest.mark.parametrize(
    "row", ['2,"The "Big" One",4', '2,"The \\"Big\\" One",4', '2,"Big"One,4', '2,""Big" One",4', '"2"x,"Big, One",4']
)
@pytest.mark.parametrize("separator", [",", ";", "→"])
def test_a_quote_that_is_not_doubled_within_a_quoted_cell_breaks_its_row(path: Path, row: str, separator: str) -> None:
    row = row.replace(",", separator)
    text = f"id{separator}dog{separator}price\n{row}\n3{separator}C{separator}5\n"

    reading = read(path, text.encode(), Dialect(THREE.columns, separator))

    assert reading.cells == [("3", "C", "5")]
    assert reading.refusals == [(2, "text")]
    assert reading.broken[0]["message"] == f"a quote within a quoted cell is not doubled; write it twice: {row}"


@pytest.mark.parametrize(
    ("row", "dog", "notes"),
    [
        ('2,The "Big" One,4', 'The "Big" One', ["quote_as_written"]),
        ('2,The ""Big"" One,4', 'The ""Big"" One', ["quote_as_written"]),
        ('2,"The ""Big"" One",4', 'The "Big" One', None),
        ('2, "Big, One" ,4', "Big, One", None),
        ('2,"",4', None, None),
    ],
)
def test_a_quote_is_kept_where_it_belongs_to_the_cell(
    path: Path, row: str, dog: str | None, notes: list[str] | None
) -> None:
    reading = read(path, f"id,dog,price\n{row}\n".encode())

    assert reading.cells == [("2", dog, "4")]
    assert reading.rows[0]["notes"] == notes


@given(st.lists(st.tuples(st.text('a" ,', max_size=6), st.sampled_from(["doubled", "bare", "inner"])), min_size=1))
@settings(max_examples=150)
def test_no_quote_reaches_a_cell_that_its_writer_did_not_mean(written_cells: list[tuple[str, str]]) -> None:
    """Each row is written in one way; of those that are read, the cell is the one that was meant, or is noted."""
    rows, meant = [], []
    for cell, style in written_cells:
        if style == "doubled":
            row = '"' + cell.replace('"', '""') + '"'
        else:
            # Two quotes side by side would be one that is doubled.
            cell = re.sub('"+', '"', cell.replace(",", "")).strip(' "')  # noqa: PLW2901 - what this style can write
            row = cell if style == "bare" else f'"{cell}"'
        rows.append(f"1,{row},2\n")
        meant.append((cell or None, style == "inner" and '"' in cell, style == "bare" and '"' in cell))
    with blocks_of(delimited.BLOCK_BYTES) as path:
        reading = read(path, ("id,dog,price\n" + "".join(rows)).encode())

    # A cell with an odd number of quotes that are not doubled leaves its row open, which may take the next one with it.
    if any(row.count('"') % 2 for row in rows):
        return
    assert [row["source_row"] for row in reading.broken] == [n for n, each in enumerate(meant, 2) if each[1]]
    read_back = [(row["dog"], row["notes"] == ["quote_as_written"]) for row in reading.rows]
    assert read_back == [(cell, is_noted) for cell, is_broken, is_noted in meant if not is_broken]


@pytest.mark.parametrize("stray", ['x,5" hose,2', 'x,"hose,2', 'x,hose",2', 'x,hose,"2'])
@pytest.mark.parametrize("size", [64, 1000, 1 << 20])
def test_rows_between_two_stray_quotes_are_kept(stray: str, size: int) -> None:
    good = "".join(f"{number},Dog {number},5\n" for number in range(20))

    with blocks_of(size) as path:
        reading = read(path, f'id,dog,price\n{stray}\n{good}{stray}\n1,"Last, Dog",2\n'.encode())

    assert reading.lines == [*range(3, 23), 24]
    assert reading.cells[-1] == ("1", "Last, Dog", "2")
    assert reading.refusals == [(2, "text"), (23, "text")]


@pytest.mark.parametrize("size", [*range(64, 400, 7), 1 << 20])
def test_a_stray_quote_does_not_tear_a_quoted_record_of_several_lines(size: int) -> None:
    good = [f"{number},Dog,5\n" for number in range(20)]
    lines = ['7,5" hose,2\n', *good, '21,"Two\nlines",5\n', *good, '22,"Three\n\nlines",5\n', *good]

    with blocks_of(size) as path:
        reading = read(path, ("id,dog,price\n" + "".join(lines)).encode())

    assert len(reading.rows) == 62
    assert [cells for cells in reading.cells if "\n" in str(cells[1])] == [
        ("21", "Two\nlines", "5"),
        ("22", "Three\n\nlines", "5"),
    ]
    assert reading.refusals == [(2, "text")]


def test_a_row_with_a_stray_quote_is_shown_alone_with_its_own_length(path: Path) -> None:
    row = '7,5" hose,2'
    path.write_bytes(f"id,dog,price\n{row}\n".encode() + b"1,Dog,5\n" * 500)

    assert delimited.rows_as_read(path, [13]) == {13: RowAsRead(row, len(row))}


def test_a_quoted_cell_larger_than_the_csv_modules_own_limit_is_read(path: Path) -> None:
    large = "a, " * 70_000

    reading = read(path, f'id,dog,price\n1,"{large}",2\n2,B,3\n'.encode())

    assert reading.cells == [("1", large, "2"), ("2", "B", "3")]


def test_a_lone_carriage_return_ends_no_row(path: Path) -> None:
    reading = read(path, b'id,dog,price\n1,A\rB,2\n2,"C\rD",3\n3,"E"\rF,4\n4,G,5\n')

    assert reading.cells == [("1", "A\rB", "2"), ("2", "C\rD", "3"), ("4", "G", "5")]
    assert reading.refusals == [(4, "text")]


def test_a_cell_that_is_a_carriage_return_shifts_no_other_row(path: Path) -> None:
    reading = read(path, b"id,dog,price\n1,\r,\r\n9,Last,3\n")

    assert reading.cells == [("1", "\r", None), ("9", "Last", "3")]
    assert [row["byte_offset"] for row in reading.rows] == [13, 19]


def test_a_carriage_return_beside_a_quoted_line_end_is_seen_and_read_one_by_one(path: Path) -> None:
    reading = read(path, b'id,dog,price\n"1\n2",A,\r\r\n9,Last,3\n')

    assert reading.cells == [("1\n2", "A", None), ("9", "Last", "3")]
    assert reading.lines == [2, 4]
    assert reading.report.rows_careful == 1


def test_a_file_whose_lines_end_in_carriage_returns_alone_is_refused_with_its_header(path: Path) -> None:
    error = refusal(path, b"id,dog,price\r1,A,2\r2,B,3\r")

    assert error.state == "unreadable"
    assert "'price' is missing" in error.detail


def test_furniture_is_no_row_wherever_it_stands(path: Path) -> None:
    spool = Dialect(THREE.columns, is_furniture=lambda line: not line.strip(b"-, "))
    data = b"id,dog,price\n1,A,2\n,,\n2,B,3\n--,--,--\n3,C,4\n\n \n4,D,5\n-----\n"

    reading = read(path, data, spool)

    assert reading.lines == [2, 4, 6, 9]
    assert reading.report.rows_read == 4
    assert read(path, data + b'"5",E,6\n', spool).lines == [2, 4, 6, 9, 11]


# --- lines that are too long ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 1 << 10, 16 << 20])
@pytest.mark.parametrize("long", ["x" * 3000, f"x,{'y' * 3000},5", f'x,"{"y" * 3000}",5', f'x,"{"y," * 1500}'])
def test_a_line_longer_than_allowed_is_broken_and_its_neighbours_are_kept(
    monkeypatch: pytest.MonkeyPatch, size: int, long: str
) -> None:
    monkeypatch.setattr(delimited, "LONGEST_LINE", 2000)

    with blocks_of(size) as path:
        reading = read(path, f"id,dog,price\n1,A,2\n{long}\n2,B,3\n3,C,4".encode())
        shown = delimited.rows_as_read(path, [19])[19]

    assert reading.cells == [("1", "A", "2"), ("2", "B", "3"), ("3", "C", "4")]
    assert reading.lines == [2, 4, 5]
    assert reading.refusals == [(3, "text")]
    assert f"{len(long):,} bytes" in str(reading.broken[0]["message"])
    assert [row["byte_offset"] for row in reading.rows] == [13, 20 + len(long), 26 + len(long)]
    assert shown.length == len(long)
    assert long.startswith(shown.text)


def test_a_line_of_two_megabytes_is_broken_and_shown_with_its_first_64_kilobytes(path: Path) -> None:
    reading = read(path, b"id,dog,price\n1,A,2\n2," + b"B" * 2_000_000 + b",3\n3,C,4\n")
    shown = delimited.rows_as_read(path, [19])[19]

    assert reading.lines == [2, 4]
    assert reading.refusals == [(3, "text")]
    assert (len(shown.text), shown.length) == (64_000, 2_000_004)


# --- files as a whole -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_compressed_files_are_read_by_their_first_bytes_whatever_they_are_called(path: Path, compress: object) -> None:
    data = b"id,dog,price\n" + b"".join(b"%d,Dog,5\n" % number for number in range(3000))

    reading = read(path, compress(data))  # type: ignore[operator]
    plain = read(path, data)

    assert len(reading.rows) == 3000
    assert reading.rows == plain.rows


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_compressed_data_cut_short_or_damaged_is_refused(path: Path, compress: object) -> None:
    data = compress(b"id,dog,price\n" + b"".join(b"%d,Dog %d,5\n" % (n, n * n) for n in range(30_000)))  # type: ignore[operator]
    middle = len(data) // 2

    for broken in (data[:middle], data[:-4], data[:middle] + bytes(64) + data[middle + 64 :]):
        error = refusal(path, broken)
        assert error.state == "unreadable"
        assert "compressed" in error.detail
        assert "fetch the file again" in error.detail


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("tail", [b"x", b"not compressed\n" * 200_000, b"\0\0\0rest", b"BZ", b"\x1f"])
def test_bytes_behind_compressed_data_are_one_broken_line_and_cost_no_row(
    path: Path, compress: Callable[[bytes], bytes], tail: bytes
) -> None:
    reading = read(path, compress(b"id,dog,price\n1,A,2\n") + compress(b"2,B,3\n") + tail)

    assert reading.cells == [("1", "A", "2"), ("2", "B", "3")]
    assert reading.report.rows_read == 3
    [broken] = reading.broken
    assert (broken["source_row"], broken["byte_offset"], broken["rule"]) == (4, 25, "readable")
    size = len(tail.lstrip(b"\0"))
    assert str(broken["message"]).startswith(f"{size:,} byte")
    assert delimited.rows_as_read(path, [25])[25] == RowAsRead("", 0)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_zeros_behind_and_between_compressed_data_are_padding(path: Path, compress: Callable[[bytes], bytes]) -> None:
    zeros = b"\0" * 2_000_000
    reading = read(path, compress(b"id,dog,price\n1,A,2\n") + zeros + compress(b"2,B,3\n") + zeros)

    assert reading.cells == [("1", "A", "2"), ("2", "B", "3")]
    assert reading.broken == []


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_a_second_stream_that_is_cut_or_damaged_refuses_the_file(
    path: Path, compress: Callable[[bytes], bytes]
) -> None:
    first, second = compress(b"id,dog,price\n1,A,2\n"), compress(b"2,B,3\n" * 100)
    for data in (second[:-6], second[:20] + bytes([second[20] ^ 255]) + second[21:], second[:4]):
        error = refusal(path, first + data)
        assert (error.state, "compressed" in error.detail) == ("unreadable", True)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.sampled_from([gzip, bz2]), st.integers(3, 64))
@settings(max_examples=80)
def test_any_number_of_streams_read_in_any_steps_is_their_text(parts: list[bytes], packer: Any, step: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcoding, "CHUNK_BYTES", step)
        path = Path(folder) / "packed"
        path.write_bytes(b"".join(packer.compress(part) for part in parts))
        trailing: list[int] = []
        with transcoding.reading(path, on_trailing=trailing.append) as stream:
            text = stream.read()
            half = len(text) // 2
            stream.seek(half)
            again = stream.read()
    assert (text, again, trailing) == (b"".join(parts), b"".join(parts)[half:], [])


def test_two_gzip_members_in_one_file_are_one_text(path: Path) -> None:
    reading = read(path, gzip.compress(b"id,dog,price\n1,A,2\n2,") + gzip.compress(b"B,3\n"))

    assert reading.cells == [("1", "A", "2"), ("2", "B", "3")]


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html>\n<html><body>Access denied</body></html>",
        b"\n\n  <HTML>\n",
        BOM + b"<html lang=en>",
        b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">',
        b"<head><title>403</title>",
    ],
)
def test_an_html_page_is_called_a_blocked_page(path: Path, page: bytes) -> None:
    error = refusal(path, page)

    assert error.state == "blocked_page"
    assert "HTML" in error.detail


@pytest.mark.parametrize("nothing", [b"", b"\n\n", b"  \r\n"])
def test_an_empty_file_is_unreadable(path: Path, nothing: bytes) -> None:
    assert refusal(path, nothing).state == "unreadable"


@pytest.mark.parametrize("header", [b"id,dog,price", b"id,dog,price\r\n", BOM + b"id,dog,price\n\n\n"])
def test_a_header_alone_has_no_data(path: Path, header: bytes) -> None:
    error = refusal(path, header)

    assert error.state == "no_data"
    assert "header" in error.detail


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("id,dog,price\n1,A,2\n".encode("utf-16"), "UTF-16"),
        ("id,dog,price\n1,A,2\n".encode("utf-16-le"), "binary"),
        (b"\x7fELF\x02\x01\x01" + bytes(200) + b"\n", "binary"),
        (b"PK\x03\x04\x14\x00\x08\x00", "binary"),
        (b"   \nid\0,dog,price\n1,A,2\n", "binary"),
        (b"id;dog;price\n1;A;2,5\n", "line 1: its fields are separated by ';' where ',' is needed"),
        (b'"ID"\t"Dog"\t"odds"\t"Price"\r\n1\tA\t-\t2,5\n', "separated by '\\t' where ',' is needed"),
        (b"id|dog|price\n1|A|2\n", "separated by '|'"),
        (b"id;dog;odds\n1;A;2\n", "column 'id', 'dog', 'price' is missing"),
        (b'{"op":"mcm","pt":1,"mc":[]}\n', "a JSON stream of Betfair: land it as betfair_historic"),
        (BOM + b' {"op":"mcm","mc":[' + b'{"id":1},' * 20_000 + b"]}", "land it as betfair_historic"),
        (b'[\n  {"id": 1, "dog": "A", "price": 2}]\n', "looks like JSON"),
        (b"x" * 200_000, "no end"),
    ],
)
def test_what_is_no_delimited_text_of_this_kind_is_refused_with_the_reason(path: Path, data: bytes, said: str) -> None:
    error = refusal(path, data)

    assert error.state == "unreadable"
    assert said in error.detail
    assert "\0" not in error.detail


def test_a_missing_column_is_named_with_the_line_of_the_header_and_what_it_reads(path: Path) -> None:
    error = refusal(path, b"\n\nid,Dog,odds\n1,A,2\n")

    assert error.state == "unreadable"
    assert error.detail == (
        "line 3: column 'price' is missing; the header must name id, dog, price and reads: id,dog,odds"
    )


def test_an_extra_column_is_ignored_with_a_warning(path: Path) -> None:
    reading = read(path, b"id,weather,dog,price\n1,wet,A,2\n2,dry,B,3\n")

    assert reading.cells == [("1", "A", "2"), ("2", "B", "3")]
    assert reading.report.warnings == ["column 'weather' is not one of this source's and is ignored"]
    assert reading.report.shape == "id,weather,dog,price"


def test_of_a_column_that_stands_twice_the_first_counts_and_a_warning_says_so(path: Path) -> None:
    reading = read(path, b"id,dog,price,dog\n1,A,2,Z\n")

    assert reading.cells == [("1", "A", "2")]
    assert reading.report.warnings == ["column 'dog' stands twice; the second is ignored"]


def test_columns_may_stand_in_any_order_case_padding_and_quotes(path: Path) -> None:
    reading = read(path, BOM + b'\r\n"Price" ,  ID,DOG  \r\n2,1,A\r\n')

    assert reading.cells == [("1", "A", "2")]
    assert reading.lines == [3]


def test_another_separator_is_the_dialects_affair(path: Path) -> None:
    reading = read(path, b'id|dog|price\n1|A,B|2\n2|"C|D"|3\n', Dialect(THREE.columns, separator="|"))

    assert reading.cells == [("1", "A,B", "2"), ("2", "C|D", "3")]


# --- layouts of any kind ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_any_separator_and_line_end_with_quotes_or_without_is_read_in_bulk(
    path: Path, separator: str, ending: str
) -> None:
    header = separator.join(THREE.columns)
    other = "," if separator != "," else ";"
    rows = [("1", f"A{other}B", "2"), ("2", f"C{separator}D", "3"), ("3", 'E "the" F', "4"), ("4", "G\nH", "5")]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=ending).writerows(rows)

    reading = read(path, f"{header}{ending}{text.getvalue()}".encode(), Dialect(THREE.columns, separator))

    assert reading.cells == rows
    assert reading.lines == [2, 3, 4, 5]
    assert reading.report.rows_careful == 0
    offsets = [int(str(row["byte_offset"])) for row in reading.rows]
    shown = delimited.rows_as_read(path, offsets, Dialect((), separator=separator))
    assert [next(csv.reader(io.StringIO(shown[at].text, newline=""), delimiter=separator)) for at in offsets] == [
        list(row) for row in rows
    ]


@pytest.mark.parametrize("separator", ["¦", "→"])
def test_a_separator_of_several_bytes_is_read_one_by_one(path: Path, separator: str) -> None:
    data = "id,dog,price\n1,A,2\n2,B,3\n".replace(",", separator).encode()

    reading = read(path, data, Dialect(THREE.columns, separator))

    assert reading.cells == [("1", "A", "2"), ("2", "B", "3")]
    assert reading.report.rows_careful == 2


def test_another_quote_or_none_is_the_dialects_affair(path: Path) -> None:
    single = read(path, b"id,dog,price\n1,'A,B',2\n2,6\" high,3\n", Dialect(THREE.columns, quote="'"))
    none = read(path, b'id,dog,price\n1,"A,2\n2,O\'Hara",3\n', Dialect(THREE.columns, quote=""))

    assert single.cells == [("1", "A,B", "2"), ("2", '6" high', "3")]
    assert none.cells == [("1", '"A', "2"), ("2", "O'Hara\"", "3")]
    assert (single.report.rows_careful, none.report.rows_careful) == (0, 0)
    assert delimited.rows_as_read(path, [13], Dialect((), quote=""))[13].text == '1,"A,2'


NOT_UTF_8 = ["utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "utf-32"]


@pytest.mark.parametrize("encoding", NOT_UTF_8)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_another_encoding_is_read_as_utf_8_and_its_rows_are_found_again(
    path: Path, encoding: str, compress: object
) -> None:
    text = "id,dog,price\r\n" + "".join(f'{n},"Zoë, {n}",£{n}\r\n' for n in range(2000)) + "9,Ü,1\r\n"
    dialect = Dialect(THREE.columns, encoding=encoding)

    reading = read(path, compress(text.encode(encoding)), dialect)  # type: ignore[operator]

    assert reading.cells == [*((str(n), f"Zoë, {n}", f"£{n}") for n in range(2000)), ("9", "Ü", "1")]
    assert {row["notes"] for row in reading.rows} == {None}
    assert reading.report.rows_careful == 0
    offsets = [int(str(row["byte_offset"])) for row in reading.rows]
    assert offsets[:2] == [14, 14 + len('0,"Zoë, 0",£0\r\n'.encode())]
    shown = delimited.rows_as_read(path, offsets, Dialect((), encoding=encoding))
    assert [shown[at].text for at in offsets] == text.split("\r\n")[1:-1]


def test_utf_16_with_a_byte_order_mark_is_refused_unless_the_dialect_says_so(path: Path) -> None:
    data = "\ufeffid,dog,price\n1,Zoë,2\n".encode("utf-16-le")

    assert "UTF-16" in refusal(path, data).detail
    for encoding in ("utf-16", "utf-16-le"):
        reading = read(path, data, Dialect(THREE.columns, encoding=encoding))
        assert reading.cells == [("1", "Zoë", "2")]
        assert reading.rows[0]["byte_offset"] == 13


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_with_a_byte_order_mark_may_be_named_and_offsets_are_the_files_own(path: Path, encoding: str) -> None:
    reading = read(path, BOM + "id,dog,price\n1,Zoë,2\n".encode(), Dialect(THREE.columns, encoding=encoding))

    assert reading.cells == [("1", "Zoë", "2")]
    assert reading.rows[0]["byte_offset"] == 16
    assert delimited.rows_as_read(path, [16], Dialect((), encoding=encoding))[16].text == "1,Zoë,2"


@pytest.mark.parametrize(
    ("encoding", "bad"), [("utf-8", b"\xe9"), ("cp1252", b"\x81"), ("ascii", b"\xc3"), ("utf-16", b"\x00\xd8")]
)
def test_bytes_that_the_named_encoding_has_no_character_for_are_replaced_and_noted(
    path: Path, encoding: str, bad: bytes
) -> None:
    marked = "id,dog,price\n1,A,2\n2,B?B,3\n3,C,4\n".encode(encoding)
    data = marked.replace("?".encode("utf-16-le") if encoding == "utf-16" else b"?", bad)

    reading = read(path, data, Dialect(THREE.columns, encoding=encoding))

    assert reading.cells == [("1", "A", "2"), ("2", "B\ufffdB", "3"), ("3", "C", "4")]
    assert [row["notes"] for row in reading.rows] == [None, ["undecodable"], None]
    assert delimited.rows_as_read(path, [19], Dialect((), encoding=encoding))[19].text == "2,B\ufffdB,3"


def test_a_quoted_cell_of_67_kilobytes_is_read_in_bulk_beside_its_neighbours(path: Path) -> None:
    large = 'Zoë "said",\r\n' * 5000

    reading = read(path, f'id,dog,price\n1,"{large.replace(chr(34), chr(34) * 2)}",2\n2,B,3\n'.encode())
    flat = read(path, f'id,dog,price\n1,"{"x, " * 22_500}",2\n2,B,3\n'.encode())

    assert reading.broken != []  # more lines than a quoted field may span
    assert reading.cells[-1] == ("2", "B", "3")
    assert flat.cells == [("1", "x, " * 22_500, "2"), ("2", "B", "3")]
    assert flat.report.rows_careful == 0


def test_a_long_row_is_shown_up_to_a_whole_character(path: Path) -> None:
    path.write_bytes(b"id,dog,price\n1," + "é".encode() * 40_000 + b",2\n")
    assert delimited.rows_as_read(path, [13])[13].text == "1," + "é" * 31_999

    path.write_bytes(b"id,dog,price\n12," + "é".encode() * 40_000 + b",2\n")
    assert delimited.rows_as_read(path, [13])[13].text == "12," + "é" * 31_998


@pytest.mark.parametrize("quoted", [False, True])
def test_a_header_below_lines_of_layout(path: Path, quoted: bool) -> None:
    header = '"id","dog","price"' if quoted else "id,dog,price"
    data = f'Results for "Romford\n\n{header}\n1,A,2\n'.encode()

    reading = read(path, data, Dialect(THREE.columns, header_line=3))

    assert reading.cells == [("1", "A", "2")]
    assert reading.lines == [4]
    assert reading.report.rows_read == 1
    assert delimited.rows_as_read(path, [int(str(reading.rows[0]["byte_offset"]))]).popitem()[1].text == "1,A,2"


def test_a_header_far_below_long_lines_of_layout(path: Path) -> None:
    data = b"#" + b"x" * 150_000 + b"\n" + b"y" * 10_000 + b"\nid,dog,price\n1,A,2\n"

    reading = read(path, data, Dialect(THREE.columns, header_line=3))

    assert (reading.cells, reading.lines) == ([("1", "A", "2")], [4])
    assert reading.rows[0]["byte_offset"] == len(data) - 6


@pytest.mark.parametrize("dialect", [Dialect(THREE.columns, header_line=9), Dialect((), names=["id"], skip_lines=8)])
def test_a_file_that_ends_before_its_header_or_first_row_says_on_which_line(path: Path, dialect: Dialect) -> None:
    path.write_bytes(b"id,dog,price\n1,A,2\n")
    with pytest.raises(UnreadableFileError, match=r"ends on line 2, before the (header|first row) on line 9; correct"):
        list(delimited.read(path, dialect, ReadReport()))


def test_a_blank_line_where_the_header_should_be_names_that_line(path: Path) -> None:
    path.write_bytes(b"\n\nid,dog,price\n1,A,2\n")
    with pytest.raises(UnreadableFileError, match="line 2: column 'id', 'dog', 'price' is missing"):
        list(delimited.read(path, Dialect(THREE.columns, header_line=2), ReadReport()))


def test_a_file_without_header_has_the_names_it_is_given(path: Path) -> None:
    dialect = Dialect(("dog",), names=["Id", "Dog", "", "dog"], skip_lines=1, takes_all=True)

    reading = read(path, BOM + b'made today\n1,"A",2,x\n3,B\n', dialect)

    row = {"cell id": "1", "cell dog": "A", "cell column_3": "2", "cell dog#4": "x"}
    assert reading.rows == [{**row, "source_row": 2, "byte_offset": 14, "notes": None}]
    assert [each["message"] for each in reading.broken] == ["2 fields where the names given are 4"]
    path.write_bytes(b"")
    with pytest.raises(UnreadableFileError, match="it is empty"):
        list(delimited.read(path, dialect, ReadReport()))
    path.write_bytes(b"1,A\n")
    with pytest.raises(UnreadableFileError, match="column 'price' is missing from the names given"):
        list(delimited.read(path, Dialect(("price",), names=["id", "dog"]), ReadReport()))


def test_all_columns_are_handed_over_under_names_that_differ(path: Path) -> None:
    header = b'ID, "Dog, full" ,,Price,dog,DOG,Notes,\n'
    dialect = Dialect(("id", "price"), takes_all=True)

    reading = read(path, header.replace(b' "Dog, full" ', b'"Dog, full"') + b"1,A,,2,x,y,z,\n", dialect)

    names = ["id", "dog, full", "column_3", "price", "dog", "dog#6", "notes", "column_8"]
    assert list(reading.rows[0]) == [*map(delimited.cell, names), "source_row", "byte_offset", "notes"]
    assert list(reading.rows[0].values())[:8] == ["1", "A", None, "2", "x", "y", "z", None]
    assert reading.report.shape == ",".join(names)
    assert reading.report.warnings == ["column 'dog' stands twice; the one at position 6 is 'dog#6'"]


def test_all_columns_must_still_name_those_that_must_be_there(path: Path) -> None:
    path.write_bytes(b"Id;Dog\n1;A\n")
    with pytest.raises(UnreadableFileError, match=r"line 1: column 'price' is missing; .* and reads: Id;Dog"):
        list(delimited.read(path, Dialect(("id", "price"), ";", takes_all=True), ReadReport()))


def test_a_trailing_summary_line_is_layout_when_the_dialect_knows_it_and_else_broken(path: Path) -> None:
    data = b'id,dog,price\n1,"A",2\n2,B,3\n2 rows selected.\n'

    plain = read(path, data)
    known = read(path, data, Dialect(THREE.columns, is_furniture=lambda line: line.endswith(b"selected.") or not line))

    assert plain.cells == known.cells == [("1", "A", "2"), ("2", "B", "3")]
    assert plain.refusals == [(4, "field_count")]
    assert known.refusals == []
    assert (plain.report.rows_read, known.report.rows_read) == (3, 2)


def test_odd_rows_alone_are_read_one_by_one(path: Path) -> None:
    good = b"".join(b'%d,"Dog, %d",5\n' % (n, n) for n in range(500))
    plain = b"".join(b"%d,Dog %d,5\n" % (n, n) for n in range(500))
    odd = b'7,5" hose,2\n8,B\n9,"a"b,3\n10,x\ry,4\n,,\n'

    reading = read(path, b"id,dog,price\n" + good + odd + plain)

    assert len(reading.rows) == 1002
    assert reading.refusals == [(502, "text"), (503, "field_count"), (504, "text")]
    assert reading.lines == sorted(int(str(line)) for line in reading.lines)
    assert reading.report.rows_careful == 4


def test_rows_that_begin_with_nothing_are_read_in_bulk(path: Path) -> None:
    reading = read(path, b"id,dog,price\n" + b",A,2\n -,B,3\n" * 100)

    assert reading.cells == [(None, "A", "2"), (" -", "B", "3")] * 100
    assert reading.report.rows_careful == 0


@dataclass(frozen=True)
class Odd:
    """A file of any make."""

    separator: str
    body: str


@st.composite
def odd_files(draw: st.DrawFn) -> Odd:
    """Lines of quotes, separators, blanks and line ends in every mixture; well-made rows are frequent."""
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    cell = st.one_of(
        st.text(alphabet=f'ab1 "{separator}\n\r\0é€🐕-', max_size=6),
        st.sampled_from(["", "5.5", "Foo Bar", '"a b"', '""', '"x""y"', '"a\nb"', '"a\r\nb"', f'"{separator}"', " "]),
    )
    width = st.sampled_from([3, 3, 3, 3, 3, 1, 2, 4])
    row = width.flatmap(lambda n: st.lists(cell, min_size=n, max_size=n)).map(separator.join)
    line = st.tuples(st.one_of(row, row, st.sampled_from(["", "  ", "---", f"{separator}{separator}"])))
    ended = st.tuples(line.map(lambda each: each[0]), st.sampled_from(["\n", "\n", "\r\n"])).map("".join)
    return Odd(separator, "".join(draw(st.lists(ended, min_size=1, max_size=30))))


@given(odd_files(), sizes)
@settings(max_examples=150)
def test_in_bulk_and_one_by_one_every_row_and_line_is_the_same(odd: Odd, size: int) -> None:
    """The second reading has a separator that Polars cannot take, so that Python takes every row apart."""
    wide = "→"
    data = f"id,dog,price\n{odd.body}9,Last,3\n".replace(",", odd.separator)
    wide_data = data.replace(odd.separator, wide)
    with blocks_of(size) as path:
        bulk = read(path, data.encode(), Dialect(THREE.columns, odd.separator))
    with blocks_of(delimited.BLOCK_BYTES) as path:
        careful = read(path, wide_data.encode(), Dialect(THREE.columns, wide))

    assert careful.report.rows_careful == careful.report.rows_read == bulk.report.rows_read
    texts = [tuple(str(cell or "").replace(odd.separator, wide) for cell in row) for row in bulk.cells]
    assert texts == [tuple(cell or "" for cell in row) for row in careful.cells]  # type: ignore[misc]
    assert all(cell is None or cell != "" for row in bulk.cells for cell in row)
    assert (bulk.lines, bulk.refusals) == (careful.lines, careful.refusals)
    every = sorted(bulk.rows + bulk.broken, key=lambda row: row["source_row"])  # type: ignore[arg-type,return-value]
    raw = data.encode()
    begins = [0, *(at + 1 for at, byte in enumerate(raw) if byte == ord("\n"))]
    assert [row["byte_offset"] for row in every] == [begins[int(str(row["source_row"])) - 1] for row in every]
