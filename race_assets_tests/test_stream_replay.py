"""The naive replay itself: examples worked out by hand, files drawn at random, and the real ones."""

import bz2
import gzip
import json
import math
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets_tests import stream_replay, stream_strategies
from race_assets_tests.stream_replay import Market, Point

DOG, OTHER = (1, 0.0), (2, 0.0)
OFF = 1_719_500_000_000  # 2024-06-27T14:53:20Z
PRO = {"con": True, "img": False}


def line(seconds: float, **change: Any) -> bytes:
    """One message of the market, so many seconds after the scheduled off."""
    return json.dumps(
        {"op": "mcm", "clk": "1", "pt": OFF + round(seconds * 1000), "mc": [{"id": "1.1", **change}]}
    ).encode()


def defined(seconds: float, status: str, *runners: dict, **more: Any) -> bytes:
    definition = {
        "status": status,
        "marketTime": "2024-06-27T14:53:20.000Z",
        "eventId": "9",
        "runners": list(runners) or [{"id": 1, "status": "ACTIVE"}, {"id": 2, "status": "ACTIVE"}],
        **more,
    }
    return line(seconds, marketDefinition=definition, rc=[], **PRO)


def moved(seconds: float, *elements: dict) -> bytes:
    return line(seconds, rc=list(elements), **PRO)


def trades(runner: int, *pairs: tuple[float, float]) -> dict:
    return {"id": runner, **stream_strategies.traded(list(pairs))}


def market(*lines: bytes) -> Market:
    return stream_replay.read(lines)["1.1"]


RACE = (
    defined(-600, "OPEN"),
    moved(-500, trades(1, (3.0, 10)), trades(2, (2.0, 40)), trades(1, (3.5, 5), (3.0, 20))),
    defined(20, "SUSPENDED"),
    moved(20.2, trades(1, (4.0, 15))),
)
WIPE = moved(120, trades(1, (3.0, 0), (3.5, 0), (4.0, 0)), trades(2, (2.0, 0)))


def test_settlement_wipes_nothing() -> None:
    runner = market(*RACE, WIPE, defined(125, "CLOSED")).runners[DOG]
    assert runner.traded == {3.0: 20, 3.5: 5, 4.0: 15}
    assert (runner.volume, runner.last_traded) == (40, 4.0)
    assert (runner.wap, runner.max_traded, runner.min_traded) == ((60 + 17.5 + 60) / 40, 4.0, 3.0)


def test_a_wipe_before_reopening_is_a_void() -> None:
    found = market(*RACE, WIPE, defined(125, "OPEN"), moved(130, trades(2, (2.5, 3))), defined(140, "CLOSED"))
    assert (found.runners[DOG].last_traded, found.runners[DOG].traded, found.runners[DOG].volume) == (None, {}, 0)
    assert (found.runners[OTHER].last_traded, found.runners[OTHER].traded) == (2.5, {2.5: 3})
    assert found.runners[DOG].wap is None


def test_a_capture_that_ends_suspended_keeps_its_trades() -> None:
    assert market(*RACE, WIPE).runners[DOG].volume == 40


def test_a_trade_after_its_wipe_outlives_the_void() -> None:
    found = market(*RACE, WIPE, moved(121, trades(1, (3.0, 2))), defined(125, "OPEN"))
    assert (found.runners[DOG].traded, found.runners[DOG].last_traded) == ({3.0: 2}, 3.0)


def test_deletions_in_an_open_market_count_at_once() -> None:
    found = market(*RACE[:2], moved(-400, trades(1, (3.0, 0), (3.5, 6))), moved(-300, trades(2, (2.0, 0))))
    # Something was traded too, so the last price is the one that Betfair gives.
    assert (found.runners[DOG].traded, found.runners[DOG].last_traded) == ({3.5: 6}, 3.0)
    assert (found.runners[OTHER].traded, found.runners[OTHER].last_traded) == ({}, None)


def test_nothing_moves_after_closed() -> None:
    late = moved(200, trades(1, (9.0, 9)))
    assert market(*RACE, defined(125, "CLOSED"), late).runners[DOG].volume == 40


def test_the_off_is_the_last_suspension() -> None:
    suspensions = (defined(-90, "SUSPENDED"), defined(-60, "OPEN"), defined(7, "SUSPENDED"), defined(8, "SUSPENDED"))
    assert market(defined(-600, "OPEN"), *suspensions, defined(99, "CLOSED")).actual_off == OFF + 7000
    assert market(defined(-600, "SUSPENDED"), defined(-500, "CLOSED")).actual_off is None
    assert market(defined(-600, "OPEN")).actual_off is None


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        ((("OPEN", "9", 1), ("CLOSED", "9", 5), ("CLOSED", "9", 4)), ("CLOSED", "9", 4)),
        ((("OPEN", "9", 1), ("CLOSED", "9", 2), ("SUSPENDED", "9", 3)), ("CLOSED", "9", 2)),
        ((("OPEN", "9", 1), ("SUSPENDED", "9", 1)), ("SUSPENDED", "9", 1)),
        ((("OPEN", "9", 7), ("OPEN", "8", 3)), ("OPEN", "9", 7)),
        ((("OPEN", "9", 1), ("CLOSED", "8", 7), ("CLOSED", "8", 6)), ("CLOSED", "8", 7)),
    ],
)
def test_which_definition_is_final(definitions: tuple, expected: tuple) -> None:
    lines = [
        defined(n, status, eventId=event, version=version) for n, (status, event, version) in enumerate(definitions)
    ]
    found = market(*lines).definition
    assert (found["status"], found["eventId"], found["version"]) == expected


def test_sp_is_a_number_or_nothing() -> None:
    prices = [7.2, "NaN", "Infinity", float("nan"), True]
    runners = [{"id": n, "status": "LOSER", "bsp": price} for n, price in enumerate(prices)]
    found = market(defined(0, "CLOSED", *runners, {"id": 9, "status": "REMOVED"})).runners
    assert [runner.bsp for runner in found.values()] == [7.2, None, None, None, None, None]


def test_basic_has_no_volume() -> None:
    definition = {"status": "OPEN", "runners": [{"id": 1, "status": "ACTIVE"}]}
    plain = market(line(-9, marketDefinition=definition), line(-8, rc=[{"ltp": 15.5, "id": 1}]))
    assert (plain.runners[DOG].volume, plain.runners[DOG].last_traded) == (None, 15.5)
    assert market(defined(-9, "OPEN")).runners[DOG].volume == 0


def test_runners_are_told_apart_by_handicap() -> None:
    found = market(defined(-9, "OPEN", {"id": 1}, {"id": 1, "hc": 1.5}), moved(-8, {**trades(1, (3.0, 4)), "hc": 1.5}))
    assert {key: runner.volume for key, runner in found.runners.items()} == {DOG: 0, (1, 1.5): 4}


def test_grid_knows_only_the_past() -> None:
    found = market(
        defined(-600, "OPEN"),
        moved(
            -500, {"id": 1, "atb": [[2.9, 5], [2.8, 1]]}, {"id": 1, "atl": [[3.2, 1], [3.1, 4]]}, trades(1, (3.0, 10))
        ),
        moved(-300, {"id": 1, "atb": [[2.9, 0]]}, trades(1, (3.1, 7))),
        *RACE[2:],
        WIPE,
        defined(125, "CLOSED"),
    )
    points = found.grid([601, 500, 499.9, 300, 0, -200])
    assert points[601, DOG] == Point()
    assert points[500, OTHER] == Point(volume=0)
    assert points[500, DOG] == Point(2.9, 0, 3.1, 0, 3.0, 0, 10, 0, 0, 0)
    assert points[499.9, DOG] == Point(2.9, 0.1, 3.1, 0.1, 3.0, 0.1, 10, 0.1, 0.1, 0.1)
    assert points[300, DOG] == Point(2.8, 0, 3.1, 200, 3.1, 0, 17, 0, 0, 200)
    assert points[0, DOG] == Point(2.8, 300, 3.1, 500, 3.1, 300, 17, 300, 300, 500)
    assert points[-200, DOG] == Point(2.8, 500, 3.1, 700, 4.0, 179.8, 32, 179.8, 500, 700)


def test_a_best_price_stands_while_other_prices_of_its_side_move() -> None:
    found = market(
        defined(-600, "OPEN"),
        moved(-500, {"id": 1, "atb": [[2.9, 5]]}, {"id": 1, "atl": [[3.1, 4]]}),
        moved(-400, {"id": 1, "atb": [[2.8, 1]]}, {"id": 1, "atl": [[3.1, 9]]}),
        # Gone and back within one moment, as an image takes it away and lists it again.
        moved(-300, {"id": 1, "atb": [[2.9, 0]]}, {"id": 1, "atb": [[2.9, 7]]}),
        line(-200, rc=[{"id": 1, "atb": [[2.9, 7]]}, {"id": 1, "atl": [[3.2, 9]]}], con=True, img=True),
        moved(-100, {"id": 1, "atb": [[2.9, 0]]}),
        moved(-90, {"id": 1, "atb": [[2.9, 3]]}),
    )
    points = found.grid([300, 150, 95, 0])
    assert points[300, DOG] == Point(2.9, 0, 3.1, 100, volume=0, back_stood=200, lay_stood=200)
    assert points[150, DOG] == Point(2.9, 50, 3.2, 50, volume=0, back_stood=350, lay_stood=50)
    assert points[95, DOG] == Point(None, None, 3.2, 105, volume=0, lay_stood=105)
    assert points[0, DOG] == Point(2.9, 90, 3.2, 200, volume=0, back_stood=90, lay_stood=200)


def test_a_fall_of_what_was_traded_is_no_growth() -> None:
    fall = moved(-300, trades(1, (3.0, 12)), trades(2, (2.0, 41)))
    points = market(*RACE[:2], fall).grid([0])
    assert (points[0, DOG].volume, points[0, DOG].volume_age) == (17, 500)
    assert (points[0, OTHER].volume, points[0, OTHER].volume_age) == (41, 300)


def test_a_trade_too_small_for_its_size_is_the_last_one() -> None:
    small = moved(-400, trades(1, (6.0, 0), (3.5, 6)))
    assert market(*RACE[:2], small).runners[DOG].last_traded == 6.0
    assert market(*RACE[:2], moved(-400, trades(1, (6.0, 0)))).runners[DOG].last_traded == 6.0
    assert market(defined(-600, "OPEN"), moved(-400, trades(1, (6.0, 0)))).runners[DOG].last_traded == 6.0
    # Taken back: no trade.
    assert market(*RACE[:2], moved(-400, trades(1, (3.0, 0)))).runners[DOG].last_traded == 3.5
    assert market(*RACE[:2], moved(-400, trades(2, (2.0, 0)))).runners[OTHER].last_traded is None


def test_messages_count_in_the_files_order_at_the_latest_time_so_far() -> None:
    late = moved(-450, {"id": 1, "atb": [[2.5, 5]]})
    found = market(
        defined(-600, "OPEN"), moved(-400, {"id": 1, "atb": [[2.9, 5]]}), late, moved(-100, trades(1, (3, 1)))
    )
    points = found.grid([420, 400, 0])
    assert points[420, DOG] == Point(volume=0)
    assert points[400, DOG] == Point(2.9, 0, volume=0, back_stood=0)
    assert points[0, DOG] == Point(2.9, 400, last=3, last_age=100, volume=1, volume_age=100, back_stood=400)


def test_grid_sees_a_void_when_the_market_opens_again() -> None:
    found = market(*RACE, WIPE, defined(125, "OPEN"))
    assert found.grid([-124])[-124, DOG] == Point(last=4.0, last_age=103.8, volume=40, volume_age=103.8)
    assert found.grid([-126])[-126, DOG] == Point(volume=0, volume_age=105.8)


@pytest.mark.parametrize(("back", "lay"), [("batb", "batl"), ("bdatb", "bdatl")])
def test_numbered_ladders_have_their_best_at_level_0(back: str, lay: str) -> None:
    levels = {"id": 1, back: [[1, 2.8, 3], [0, 2.9, 5]], lay: [[0, 3.1, 4]]}
    found = market(defined(-600, "OPEN"), moved(-500, levels), moved(-400, {"id": 1, lay: [[0, 0, 0], [1, 3.2, 1]]}))
    assert found.grid([500])[500, DOG] == Point(2.9, 0, 3.1, 0, volume=0, back_stood=0, lay_stood=0)
    assert found.grid([400])[400, DOG] == Point(2.9, 100, volume=0, back_stood=100)


def test_true_prices_come_before_displayed_ones() -> None:
    both = {"id": 1, "bdatb": [[0, 2.9, 5]], "batb": [[0, 2.8, 5]]}
    assert market(defined(-600, "OPEN"), moved(-500, both)).grid([0])[0, DOG].back == 2.8


def test_an_image_starts_anew() -> None:
    image = line(-100, rc=[trades(1, (3.0, 21))], con=True, img=True)
    found = market(*RACE[:2], moved(-200, {"id": 1, "atb": [[2.9, 5]]}), image)
    assert found.runners[DOG].traded == {3.0: 21}
    assert found.grid([0])[0, DOG] == Point(last=3.0, last_age=100, volume=21, volume_age=500)
    assert found.runners[OTHER].last_traded is None


def test_an_image_that_repeats_what_is_known_makes_nothing_younger() -> None:
    def grown(*pairs: tuple[float, float]) -> Point:
        image = line(-100, rc=[trades(1, *pairs)], con=True, img=True)
        return market(*RACE[:2], image, defined(-90, "OPEN")).grid([0])[0, DOG]

    assert grown((3.5, 5), (3.0, 20)) == Point(last=3.5, last_age=500, volume=25, volume_age=500)
    assert grown((3.0, 20), (3.5, 5)) == Point(last=3.0, last_age=100, volume=25, volume_age=500)
    assert grown((3.5, 5), (3.0, 21)) == Point(last=3.5, last_age=500, volume=26, volume_age=100)


@settings(max_examples=30)
@given(stream_strategies.stream_files(), st.lists(st.integers(-3600, 3600), min_size=1, max_size=3))
def test_drawn_files_are_valid_and_answered(lines: list[bytes], offsets: list[int]) -> None:
    published = [json.loads(text)["pt"] for text in lines]
    assert published == sorted(published)
    for found in stream_replay.read(lines).values():
        assert found.definition is not None
        assert len(found.grid(offsets)) == len(found.definition["runners"]) * len(set(offsets))
        for runner in found.runners.values():
            sane(runner)


@settings(max_examples=30)
@given(stream_strategies.stream_files(), st.integers(-3600, 3600))
def test_later_messages_leave_earlier_points_alone(lines: list[bytes], offset: int) -> None:
    moment = round(stream_strategies.OFF.timestamp()) * 1000 - offset * 1000
    past = stream_replay.read(text for text in lines if json.loads(text)["pt"] <= moment)
    for market_id, found in stream_replay.read(lines).items():
        known = past[market_id].grid([offset]) if market_id in past else {}
        unknown = [point for place, point in found.grid([offset]).items() if place not in known]
        assert unknown == [Point()] * len(unknown)
        # A file cut there may be of another plan, which only the volume tells.
        for place, point in known.items():
            whole = found.grid([offset])[place]
            assert (whole.back, whole.lay, whole.last) == (point.back, point.lay, point.last)


def sane(runner: stream_replay.Runner) -> None:
    """What holds for any runner's summary."""
    assert all(size > 0 for size in runner.traded.values())
    if runner.wap is not None:
        assert runner.min_traded - 1e-9 <= runner.wap <= runner.max_traded + 1e-9
    if runner.volume:
        assert math.isclose(runner.volume, sum(runner.traded.values()))


def real(folder: Path, name: str) -> dict[str, Market]:
    """The markets of a real file."""
    path = next(folder.rglob(name), None)
    if path is None:
        pytest.skip(f"{name} is not in {folder}")
    with (gzip if path.suffix == ".gz" else bz2).open(path) as lines:
        return stream_replay.read(lines)


def test_real_reserve_swap(realdata: Path) -> None:
    found = real(realdata, "1.230178314.bz2")["1.230178314"]
    third = [runner for runner in found.runners.values() if runner.definition["name"].startswith("3. ")]
    assert sorted(runner.status for runner in third) == ["LOSER", "REMOVED"]
    removed, reserve = sorted(third, key=lambda runner: runner.status, reverse=True)
    assert (removed.bsp, removed.last_traded, removed.volume) == (None, None, 0)
    assert reserve.definition["name"].endswith("(res)")
    assert reserve.bsp > 1
    assert reserve.volume > 100
    assert 0 < found.actual_off - found.scheduled_off < 360_000


def test_real_basic_file(realdata: Path) -> None:
    (found,) = real(realdata, "1.214555872.bz2").values()
    (winner,) = [runner for runner in found.runners.values() if runner.status == "WINNER"]
    assert (winner.key, winner.definition["name"][:2], winner.bsp) == ((56290737, 0.0), "2.", 7.2)
    assert {runner.volume for runner in found.runners.values()} == {None}


def test_real_meeting(realdata: Path) -> None:
    volumes = []
    for market_id in range(1_230_178_306, 1_230_178_312):
        ((name, found),) = real(realdata, f"1.{market_id - 1_000_000_000}.bz2").items()
        for runner in found.runners.values():
            sane(runner)
            assert runner.last_traded in runner.traded, name
            # What was traded last before the off lies near the starting price.
            assert 0.8 < runner.last_traded / runner.bsp < 1.25, name
        if found.definition["marketType"] == "WIN":
            volumes.append(sum(runner.volume for runner in found.runners.values()))
    assert 3_000 < statistics.median(volumes) < 30_000


def test_real_grid_of_a_recorded_market(realdata: Path) -> None:
    (found,) = real(realdata, "1.197931750.gz").values()
    points = found.grid([60, 0])
    # A book is overround on the back side and underround on the lay side, give or take thin prices.
    for offset in (60, 0):
        here = [point for (seconds, _), point in points.items() if seconds == offset]
        assert all(point.back < point.lay for point in here)
        assert 0.9 < sum(1 / point.back for point in here) < 1.2
    assert all(points[60, key].volume < points[0, key].volume for key in found.runners)
