"""The stream reader against a brute-force replay, and against every way a file can be broken or packed."""

import bz2
import gzip
import json
import math
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.sources.betfair.stream import archive, reading, results, worker, workers
from race_assets.sources.betfair.stream.grid import FIELDS
from race_assets.sources.betfair.stream.market import Market
from race_assets.sources.betfair.stream.messages import Decoder
from race_assets.sources.betfair.stream.packed import text_of
from race_assets.sources.betfair.stream.results import MarketFigures, MemberFigures
from race_assets_tests import stream_replay
from race_assets_tests.sources.packing import tarred, zipped
from race_assets_tests.stream_strategies import stream_files

OFFSETS = [600, 300, 60, 5, 0]


def read(lines: Iterable[bytes], offsets: list[int] = OFFSETS) -> dict[str, MarketFigures]:
    """A file's markets, as a worker gives them."""
    data = b"\n".join(lines)
    found = reading.read([data], offsets)
    if late := results.late_offs(found):
        found = reading.read([data], offsets, late)
    return {market.market_id: market for market in results.figures(found).markets}


def same(ours: float | None, theirs: float | None) -> bool:
    return ours is theirs if ours is None or theirs is None else math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def compare(lines: list[bytes], *, with_grid: bool = True) -> None:
    """Each market, runner and point of the file as the brute-force replay has it."""
    ours, theirs = read(lines), stream_replay.read(lines)
    assert list(ours) == list(theirs)
    for market_id, expected in theirs.items():
        compare_market(ours[market_id], expected)
        if with_grid:
            compare_grid(ours[market_id], expected)


def compare_market(market: MarketFigures, expected: stream_replay.Market) -> None:
    definition = expected.definition or {}
    assert market.status == (definition.get("status") or "")
    assert market.off == expected.actual_off
    assert market.scheduled_off == expected.scheduled_off
    runners = expected.runners
    for runner in market.runners:
        key = (runner.selection_id, runner.handicap)
        if key not in runners:
            assert not runner.is_listed
            continue
        theirs = runners[key]
        told = theirs.wap, theirs.max_traded, theirs.min_traded
        assert (runner.bsp, runner.last_traded) == (theirs.bsp, theirs.last_traded), (key, runner, theirs)
        assert same(runner.volume, theirs.volume), key
        assert all(map(same, (runner.wap, runner.highest, runner.lowest), told)), key
        assert runner.status == (theirs.status or runner.status)
    assert {(each.selection_id, each.handicap) for each in market.runners} >= set(runners)


def compare_grid(market: MarketFigures, expected: stream_replay.Market) -> None:
    if expected.scheduled_off is None:
        return
    theirs = expected.grid(OFFSETS)
    for (offset, key), point in points_of(market).items():
        assert all(map(same, point, vars(theirs.pop((offset, key))).values())), (offset, key, point)
    closed = next((pt for pt, each in expected.definitions if each.get("status") == "CLOSED"), math.inf)
    last = expected.history[-1].pt
    for (offset, key), point in theirs.items():
        moment = expected.scheduled_off - offset * 1000
        is_told = any(value is not None for value in vars(point).values())
        is_removed = removed_by(expected, key, moment)
        assert not is_told or is_removed or moment >= min(closed, last), (offset, key, point)


def removed_by(market: stream_replay.Market, key: stream_replay.Key, moment: float) -> bool:
    """Whether the definition in force at that moment has the runner removed, or none names it by then."""
    before = [each for pt, each in market.definitions if pt <= moment]
    listed = {stream_replay.key_of(runner): runner["status"] for each in before for runner in each["runners"]}
    return listed.get(key, "REMOVED") == "REMOVED"


def points_of(market: MarketFigures) -> dict[tuple[int, stream_replay.Key], list[float | None]]:
    """The grid's values by offset and runner."""
    from array import array

    values = array("d", market.points)
    rows = [values[at : at + len(FIELDS)] for at in range(0, len(values), len(FIELDS))]
    found = {}
    for runner, offset, *prices in rows:
        whose = market.runners[int(runner)]
        told = [None if math.isnan(price) else price for price in prices]
        if market.is_basic:
            told[6:8] = None, None
        found[int(offset), (whose.selection_id, whose.handicap)] = told
    return found


@settings(max_examples=40)
@given(stream_files())
def test_any_interleaving_of_messages_reads_as_the_brute_force_replay_has_it(lines: list[bytes]) -> None:
    compare(lines)


@settings(max_examples=40)
@given(stream_files(), st.lists(st.sampled_from((0, 0, 1, 5_000, 700_000)), min_size=1))
def test_messages_whose_time_goes_back_read_as_the_brute_force_replay_has_them(
    lines: list[bytes], steps: list[int]
) -> None:
    told = [json.loads(line) for line in lines]
    for place, message in enumerate(told):
        message["pt"] -= steps[place % len(steps)]
    compare([json.dumps(message).encode() for message in told])


@pytest.mark.parametrize("pattern", ["stream_pro/**/*.bz2", "stream_basic/*.bz2", "stream_recorded/*.gz"])
def test_real_files_read_as_the_brute_force_replay_has_them(realdata: Path, pattern: str) -> None:
    files = sorted(realdata.glob(pattern))
    assert files
    for place, file in enumerate(files):
        # The whole history is replayed for each point: one file of a kind must do.
        compare(b"".join(text_of([file.read_bytes()])).splitlines(), with_grid=not place)


def test_last_prices_of_real_files_are_betfairs_until_the_settlement_takes_trades_back(realdata: Path) -> None:
    files = sorted(realdata.glob("stream_pro/**/*.bz2"))
    assert files
    snapshots = 0
    for file in files:
        market, told, is_open = None, dict[int, float](), True
        for line in b"".join(text_of([file.read_bytes()])).splitlines():
            message = json.loads(line)
            typed = Decoder(Counter(), with_book=False).line(line)
            for change, ours in zip(message["mc"], typed.mc, strict=True):
                market = market or Market(ours.id, message["pt"])
                market.take(message["pt"], ours, 0)
                is_open &= not market.is_suspended or not any(
                    each.get("trd") and not any(size for _, size in each["trd"]) for each in change["rc"]
                )
                told |= {each["id"]: each["ltp"] for each in change["rc"] if "ltp" in each}
                if is_open:
                    snapshots += len(market.books)
                    assert {runner: book.last for (runner, _), book in market.books.items() if book.last} == told
    assert snapshots > 100_000


def _definition(status: str, alpha: str, beta: str, **more: object) -> dict[str, object]:
    runners = [
        {"id": 7, "name": "1. Alpha", "status": alpha, **more},
        {"id": 8, "name": "2. Beta", "status": beta, **more},
    ]
    return {
        "eventTypeId": "4339", "marketType": "WIN", "marketTime": "2024-06-27T14:51:00.000Z", "status": status,
        "venue": "Kinsley", "countryCode": "GB", "timezone": "Europe/London", "name": "A5 462m", "eventId": "33",
        "eventName": "Kinsley 27th Jun", "runners": runners,
    }  # fmt: skip


def _line(pt: int, *changes: dict[str, object], definition: dict[str, object] | None = None) -> bytes:
    told = {} if definition is None else {"marketDefinition": definition}
    change = {"id": "1.23", **told, "rc": changes, "con": True, "img": False}
    return json.dumps({"op": "mcm", "clk": "1", "pt": pt, "mc": [change]}, separators=(",", ":")).encode()


LINES = [
    _line(1719499000000, definition=_definition("OPEN", "ACTIVE", "ACTIVE")),
    _line(
        1719499001000,
        {"atb": [[2.5, 10]], "id": 7},
        {"atl": [[2.6, 4]], "id": 7},
        {"trd": [[2.5, 30]], "ltp": 2.5, "tv": 30, "id": 7},
    ),
    _line(1719499870000, definition=_definition("SUSPENDED", "ACTIVE", "ACTIVE", bsp=2.52)),
    _line(1719499990000, {"trd": [[2.5, 0]], "ltp": 2.5, "tv": 0.0, "id": 7}),
    _line(1719500000000, definition=_definition("CLOSED", "WINNER", "LOSER", bsp=2.52)),
]
TEXT = b"\n".join(LINES) + b"\n"


def everything(path: Path, data: bytes, processes: int = 1) -> list[MemberFigures]:
    path.write_bytes(data)
    return [found for _, found in workers.read_members(path, archive.members(path), OFFSETS, processes)]


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "without a newline at the end": lambda text: text.rstrip(b"\n"),
    "bzip2": bz2.compress,
    "two bzip2 streams": lambda text: bz2.compress(text[:700]) + bz2.compress(text[700:]),
    "gzip": gzip.compress,
    "two gzip members": lambda text: gzip.compress(text[:700]) + gzip.compress(text[700:]),
    "zip": lambda text: zipped([("1.23", text)]),
    "zip, stored": lambda text: zipped([("1.23", text)], method=zipfile.ZIP_STORED),
    "zip of bzip2": lambda text: zipped([("1.23.bz2", bz2.compress(text))]),
    "tar": lambda text: tarred([("PRO/2024/Jun/27/33/1.23", text)]),
    "tar of bzip2": lambda text: tarred([("PRO/2024/Jun/27/33/1.23.bz2", bz2.compress(text))]),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_market_is_the_same_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    (found,) = everything(tmp_path / "file", PACKINGS[packing](TEXT))
    assert (found.lines, found.damages, found.unknown) == (5, [], {})
    (market,) = found.markets
    alpha, beta = market.runners
    assert (alpha.status, alpha.bsp, alpha.last_traded, alpha.volume) == ("WINNER", 2.52, 2.5, 30)
    assert (beta.status, beta.bsp, beta.last_traded, beta.volume) == ("LOSER", 2.52, None, 0)
    assert (market.off, market.scheduled_off) == (1719499870000, 1719499860000)
    assert points_of(market)[60, (7, 0.0)] == [2.5, 799.0, 2.6, 799.0, 2.5, 799.0, 30.0, 799.0, 799.0, 799.0]


def test_processes_read_as_one_does(tmp_path: Path) -> None:
    members = [(f"1.{number}.bz2", bz2.compress(TEXT.replace(b"1.23", b"1.%d" % number))) for number in range(600)]
    alone = everything(tmp_path / "one", tarred(members))
    assert everything(tmp_path / "two", tarred(members), processes=2) == alone
    assert [found.markets[0].market_id for found in alone] == [f"1.{number}" for number in range(600)]


def test_a_dead_process_is_told_and_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MODULE", "this_is_no_module")
    members = [(f"1.{number}", TEXT) for number in range(600)]
    with pytest.raises(workers.TransientError, match="a process that read it ended"):
        everything(tmp_path / "file", tarred(members), processes=2)


def turned(data: bytes, at: int) -> bytes:
    """One bit of it has turned."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def lacking(data: bytes) -> bytes:
    """Some bytes in its middle are missing."""
    return data[:60] + data[100:]


LONG = TEXT + b"".join(TEXT.replace(b"1.23", f"1.{number}".encode()) for number in range(100, 4000))

DAMAGED = {
    "empty": (b"", "it is empty"),
    "blank": (b"\n\n", "it is empty"),
    "cut bzip2": (bz2.compress(TEXT)[:-30], "bzip2 data end at byte"),
    "no bzip2 after all": (b"BZh9" + b"x" * 50, "bzip2 data are damaged"),
    "cut gzip": (gzip.compress(TEXT)[:-9], "gzip data end at byte"),
    "cut zip": (zipped([("1.23", TEXT)])[:-10], "the zip archive cannot be read"),
    "zip that lacks bytes": (lacking(zipped([("1.23", TEXT), ("1.24", TEXT)])), "holds no member"),
    "two tars": (tarred([("1.23", TEXT)]) + tarred([("1.24", TEXT)]), "bytes follow the end of the tar archive"),
    "a bad member of a zip": (turned(zipped([("1.23", LONG)]), 60), "deflate data are damaged"),
    "cut tar": (tarred([("1.23", TEXT), ("1.24", TEXT)])[:600], "the tar archive is damaged at byte"),
    "a tar packed as a whole": (bz2.compress(tarred([("1.23", TEXT)])), "unpack it and land what is in it"),
    "a tar in a zip": (zipped([("a.tar", tarred([("1.23", TEXT)]))]), "unpack it and land what is in it"),
    "a zip in a tar": (tarred([("a.zip", zipped([("1.23", TEXT)]))]), "unpack it and land what is in it"),
    "packed twice": (gzip.compress(bz2.compress(TEXT)), "unpack it and land what is in it"),
    "no stream": (b"Thank you\nfor buying.\n", "none of its 2 lines is a stream message, so it is no stream"),
    "a line that is no JSON": (TEXT + b'{"op":"mcm"', "line 6"),
    "JSON that is no message": (b'{"marketId":"1.23"}\n', "line 1 (byte 0"),
    "a price that is text": (TEXT.replace(b"[[2.5,30]]", b'[["x",30]]'), "line 2"),
    "a time that is none": (TEXT.replace(b"2024-06-27T14:51:00.000Z", b"yesterday"), "marketTime 'yesterday'"),
    "no publish time": (TEXT.replace(b'"pt":1719499001000,', b""), "publish time"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damage_is_told_with_its_place(tmp_path: Path, kind: str) -> None:
    data, said = DAMAGED[kind]
    damages = [damage for found in everything(tmp_path / "file", data) for damage in found.damages]
    assert damages, kind
    assert any(said in damage for damage in damages), damages


CHANGED = {
    "stored in a zip": turned(data := zipped([("1.23", LONG)], method=zipfile.ZIP_STORED), data.index(b"2.5") + 2),
    "gzip": turned(packed := gzip.compress(LONG), len(packed) - 6),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_a_checksum_says_has_changed_is_no_market_to_trust(tmp_path: Path, kind: str) -> None:
    found = everything(tmp_path / "file", CHANGED[kind])
    markets = [market for each in found for market in each.markets]
    assert markets
    assert all(market.broken for market in markets)
    assert any("check" in damage for each in found for damage in each.damages)


def test_of_lines_that_are_none_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    (found,) = everything(tmp_path / "file", TEXT + b"x\n" * (reading.MOST_DAMAGES + 5))
    assert len(found.damages) == reading.MOST_DAMAGES + 1
    assert found.damages[-1] == "5 more of its lines are no stream messages"


def test_a_bad_member_costs_only_itself(tmp_path: Path) -> None:
    bad = bz2.compress(TEXT)
    data = tarred([("a", bz2.compress(TEXT)), ("b", bad[:40] + b"\0" + bad[41:]), ("c", b""), ("d", TEXT)])
    found = everything(tmp_path / "file", data)
    assert [len(each.markets) for each in found] == [1, 0, 0, 1]
    assert [len(each.damages) for each in found] == [0, 1, 1, 0]


def test_keys_nobody_knows_are_counted_and_change_nothing(tmp_path: Path) -> None:
    odd = TEXT.replace(b'"con":true', b'"con":true,"new":{"a":[1]}').replace(b'"venue"', b'"surface":"sand","venue"')
    (odd_found,), (found,) = everything(tmp_path / "odd", odd), everything(tmp_path / "file", TEXT)
    assert odd_found.markets == found.markets
    assert odd_found.unknown == {"MarketChange.new": 5, "Definition.surface": 3}


def test_an_off_that_is_moved_late_moves_the_whole_grid(tmp_path: Path) -> None:
    """Moved 50 s forward when half of the grid had passed: only a second reading can know the first half."""
    moved = TEXT.replace(b"14:51:00.000Z", b"15:00:00.000Z", 1)
    (found,), (expected,) = everything(tmp_path / "file", moved), everything(tmp_path / "other", TEXT)
    assert found.markets == expected.markets


@settings(max_examples=40)
@given(stream_files("PRO"), st.data())
def test_whatever_happens_to_a_file_nothing_is_raised_and_every_line_is_told(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject
) -> None:
    text = bytearray(b"\n".join(lines))
    for _ in range(data.draw(st.integers(0, 6))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    text = text[: data.draw(st.integers(0, len(text)))]
    packed = data.draw(st.sampled_from([bytes, bz2.compress, gzip.compress]))(bytes(text))
    packed = packed[: data.draw(st.integers(0, len(packed)))]
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(packed)
    found = worker.read_member(path, archive.Member("", 0, len(packed)), OFFSETS)
    is_all_broken = any(damage.startswith("none of its") for damage in found.damages)
    broken = found.lines if is_all_broken else sum(damage.startswith("line ") for damage in found.damages)
    told = sum(market.messages for market in found.markets)
    assert found.lines or found.damages
    assert told + found.others + broken >= found.lines
    assert json.dumps(found.damages)


def broken_markets(path: Path, *lines: bytes) -> dict[str, bool]:
    (found,) = everything(path, b"\n".join(lines))
    return {market.market_id: market.broken is not None for market in found.markets}


def test_a_broken_line_is_held_against_the_markets_it_may_have_been_about(tmp_path: Path) -> None:
    other = [line.replace(b'"1.23"', b'"1.24"') for line in LINES]
    named, nameless = b'{"op":"mcm","mc":[{"id":"1.23",', b"junk"
    file = tmp_path / "file"
    assert broken_markets(file, LINES[0], other[0], named, *LINES[1:], *other[1:]) == {"1.23": True, "1.24": False}
    assert broken_markets(file, LINES[0], other[0], nameless, *LINES[1:], *other[1:]) == {"1.23": True, "1.24": True}
    assert broken_markets(file, *LINES, other[0], nameless, *other[1:]) == {"1.23": False, "1.24": True}
    assert broken_markets(file, named, *LINES) == {"1.23": True}
