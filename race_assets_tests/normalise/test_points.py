"""Price points of records that know their runner, each expectation written by hand; files are read elsewhere."""

from datetime import timedelta

import polars as pl

from race_assets.normalise import beside, runners
from race_assets.schemas.beside import POINTS
from race_assets.schemas.core import PRICE_POINTS
from race_assets.schemas.records import PARSED_POINTS, RECORDS
from race_assets.schemas.table import key_of, polars_schema
from race_assets_tests.normalise.test_tables import DAY, OFF, RACE, TRACKS, bsp, record

IN_FILE = pl.Schema({**polars_schema(PARSED_POINTS), "file": pl.UInt32()})


class Made:
    """The points of some records: `told` their tellers, `core` the table.

    Args:
        seconds: the grid of every teller; the best back is the number of its row and a thousandth of the seconds.
    """

    def __init__(self, *given: dict[str, object], seconds: tuple[int, ...] = (60, 0)) -> None:
        records = pl.DataFrame(list(given), schema=polars_schema(RECORDS), infer_schema_length=None)
        keyed = runners.assign(runners.one_start_per_market(records), TRACKS)
        self.told = beside.tellers(POINTS, keyed, records)
        rows = [
            {**row, "seconds_before_off": each, "best_back": row["source_row"] + each / 1000}
            for row in self.told.select("race_date", "file", "source_row", "market_type").iter_rows(named=True)
            for each in seconds
        ]
        self.core = beside.rows(POINTS, self.told, pl.LazyFrame(rows, schema=IN_FILE))
        PRICE_POINTS.validate(self.core)
        assert self.core.equals(self.core.sort(key_of(PRICE_POINTS)))


def test_records_without_points_make_an_empty_table_of_the_right_shape() -> None:
    made = Made(record(), bsp())
    assert (made.told.height, made.core.height) == (0, 0)
    assert made.core.schema == polars_schema(PRICE_POINTS)
    assert beside.missing(POINTS, made.told, made.core) == {}


def test_each_point_is_of_its_records_runner_and_at_its_moment() -> None:
    made = Made(record("2. Beta", point_count=2, source_row=3), record("1. Alpha", point_count=2))
    assert made.core.select("race_date", "selection_id", "seconds_before_off", "noted_at", "best_back").rows() == [
        (DAY, f"{RACE}-t1", 0, OFF, 2.0),
        (DAY, f"{RACE}-t1", 60, OFF - timedelta(seconds=60), 2.06),
        (DAY, f"{RACE}-t2", 0, OFF, 3.0),
        (DAY, f"{RACE}-t2", 60, OFF - timedelta(seconds=60), 3.06),
    ]


def test_sources_and_markets_keep_apart() -> None:
    place = {"market_type": "PLACE", "market_id": "m2", "source_row": 7}
    made = Made(record(point_count=1), record(point_count=1, **place), bsp(point_count=1), seconds=(5,))
    assert made.core.select("source", "market_type", "best_back").rows() == [
        ("betfair_bsp", "WIN", 2.005),
        ("betfair_csv", "PLACE", 7.005),
        ("betfair_csv", "WIN", 2.005),
    ]


def test_of_two_markets_of_one_source_the_first_that_has_points_speaks() -> None:
    markets = [
        record(market_id=f"m{number}", source_row=number, point_count=count)
        for number, count in ((2, None), (3, 1), (4, 1))
    ]
    for given in (markets, markets[::-1]):
        assert Made(*given, seconds=(0,)).core["best_back"].to_list() == [3.0]


def test_the_points_of_a_void_market_give_way_to_those_of_the_market_opened_anew() -> None:
    void = record(market_id="m1", source_row=3, point_count=1, result="VOID")
    ran = record(market_id="m2", source_row=4, point_count=1, result="WINNER")
    for given in ([void, ran], [ran, void]):
        assert Made(*given, seconds=(0,)).core["best_back"].to_list() == [4.0]
    assert Made(void, seconds=(0,)).core["best_back"].to_list() == [3.0]


def test_a_moment_counts_from_the_off_its_own_record_states_whatever_its_market_settles_on() -> None:
    late = OFF + timedelta(minutes=2)
    given = [record("1. Alpha"), record("2. Beta"), record("3. Gamma", start_at=late, source_row=9, point_count=2)]
    made = Made(*given)
    assert made.core.select("selection_id", "noted_at").rows() == [
        (f"{RACE}-t3", late),
        (f"{RACE}-t3", late - timedelta(seconds=60)),
    ]


def test_points_of_other_records_and_files_are_left_out() -> None:
    told = Made(record(point_count=1)).told
    of = {"race_date": DAY, "market_type": "WIN", "seconds_before_off": 5, "source_row": 2, "file": told["file"][0]}
    others = [{**of, "source_row": 3}, {**of, "file": 99}, {**of, "market_type": "PLACE"}]
    assert beside.rows(POINTS, told, pl.LazyFrame([*others, of], schema=IN_FILE)).height == 1
    assert beside.rows(POINTS, told, pl.LazyFrame(others, schema=IN_FILE)).height == 0


def test_days_that_lack_points_are_named_with_both_counts() -> None:
    next_day = {"race_date": DAY + timedelta(days=1), "start_at": OFF + timedelta(days=1), "market_id": "m2"}
    made = Made(record(point_count=2), record(point_count=1200, source_row=3, **next_day))
    (day, text), *rest = beside.missing(POINTS, made.told, made.core).items()
    assert (day, rest) == (DAY + timedelta(days=1), [])
    assert text.startswith("1,200 price points were told, 2 are there")
    assert set(beside.missing(POINTS, made.told, made.core.clear())) == {DAY, DAY + timedelta(days=1)}
