"""Races, selections and prices out of small hand-made records, each expectation written by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.normalise import results, runners, tables
from race_assets.normalise.rejected import COUNTS
from race_assets.schemas.catalogue import CORE
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import conform, key_of, polars_schema
from race_assets.settings.precedence import Precedence

DAY = date(2024, 6, 27)
OFF = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
MADE = ("core.races", "core.selections", "core.prices")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = pl.DataFrame(schema=COUNTS)
RACE = "gb-romford-20240627-1836"
TRACKS = pl.DataFrame(
    [
        ("gb-romford", "Romford", "GB", "Europe/London"),
        ("au-ballarat", "Ballarat", "AU", "Australia/Melbourne"),
    ],
    schema=["track_id", "track", "country", "timezone"],
    orient="row",
)


def record(name: str | None = "1. Alpha", **changes: object) -> dict[str, object]:
    """A record of the 18:36 at Romford as the feed `betfair_csv` tells it; the trap is read off the name."""
    head, dot, dog = (name or "").partition(". ")
    base = {
        "source": "betfair_csv",
        "source_file": "a" * 64,
        "source_row": 2,
        "byte_offset": 0,
        "market_id": "m1",
        "market_type": "WIN",
        "track_name": "Romford",
        "track_id": "gb-romford",
        "country": "GB",
        "start_at": OFF,
        "race_date": DAY,
        "selection_id": name,
        "selection_name": name,
        "trap": int(head) if dot else None,
        "dog_name": dog if dot else name,
        "status": "ACTIVE",
        "currency": "GBP",
    }
    return {**base, **changes}


def bsp(name: str | None = "1. Alpha", **changes: object) -> dict[str, object]:
    """The same race as `betfair_bsp` tells it."""
    return record(name, **{"source": "betfair_bsp", "market_id": "1.9", "source_file": "b" * 64, **changes})


PRECEDENCE = Precedence()


class Core:
    """The core tables made of some records, in whatever order these come."""

    def __init__(self, *told: dict[str, object], precedence: Precedence = PRECEDENCE) -> None:
        frame = pl.DataFrame(list(told), schema_overrides=dict(polars_schema(RECORDS)), infer_schema_length=None)
        keyed = runners.assign(runners.one_start_per_market(conform(frame, RECORDS)), TRACKS)
        self.selections = tables.selections(keyed, NOW, precedence)
        disputes = results.disputed(keyed, self.selections)
        self.disputes = disputes.select("core_selection_id", "said").rows()
        self.races = tables.races(keyed, self.selections, TRACKS, NOBODY, NOW, precedence, disputes)
        self.prices = tables.prices(keyed)
        assert tables.unreferenced(self.races, self.selections, self.prices) == []
        for name, made in zip(MADE, (self.races, self.selections, self.prices), strict=True):
            CORE[name].validate(made)
            key = list(key_of(CORE[name]))
            assert made.equals(made.sort(key))
            assert not made.select(pl.struct(key).is_duplicated().any()).item()

    def race(self, *columns: str) -> object:
        """These columns of the only race."""
        (row,) = self.races.select(columns).rows()
        return row if len(columns) > 1 else row[0]

    def runner(self, *columns: str) -> object:
        """These columns of the only runner."""
        (row,) = self.selections.select(columns).rows()
        return row if len(columns) > 1 else row[0]


# Races


def test_a_race_has_its_key_its_track_and_its_times() -> None:
    core = Core(bsp(race_type="A3", distance_m=400, race_number=2), bsp("2. Beta"))
    assert core.race("race_date", "race_id", "track_id", "track", "country", "timezone") == (
        DAY,
        RACE,
        "gb-romford",
        "Romford",
        "GB",
        "Europe/London",
    )
    assert core.race("start_at", "start_local") == (OFF, datetime(2024, 6, 27, 18, 36))  # noqa: DTZ001 - a local time
    assert core.race("race_type", "distance_m", "race_number", "runner_count") == ("A3", 400, 2, 2)
    assert core.race("status", "sources", "processed_at") == ("OPEN", ["betfair_bsp"], NOW)


def test_two_sources_that_tell_of_one_track_and_minute_make_one_race() -> None:
    core = Core(
        record(price=3.0, price_kind="PRICE", volume=50.0),
        record("2. Beta"),
        bsp(bsp=4.5, result="WINNER", race_type="A3"),
    )
    assert core.race("race_id", "sources", "race_type", "status") == (
        RACE,
        ["betfair_bsp", "betfair_csv"],
        "A3",
        "RESULT",
    )
    assert core.selections.select("selection_id", "sources").rows() == [
        (f"{RACE}-t1", ["betfair_bsp", "betfair_csv"]),
        (f"{RACE}-t2", ["betfair_csv"]),
    ]


def test_the_win_and_the_place_market_of_an_event_are_one_race_and_the_win_market_speaks_first() -> None:
    core = Core(
        bsp(bsp=4.5, result="LOSER", volume=70.0),
        bsp(bsp=1.8, result="PLACED", volume=9.0, market_type="PLACE", market_id="1.8"),
    )
    assert core.runner("result", "price", "bsp", "volume") == ("LOSER", 4.5, 4.5, 70.0)
    assert core.prices.select("market_type", "price_kind", "price").rows() == [
        ("PLACE", "BSP", 1.8),
        ("WIN", "BSP", 4.5),
    ]


def test_a_place_market_alone_makes_the_race_and_gives_no_win_price() -> None:
    core = Core(bsp(bsp=1.8, result="PLACED", volume=9.0, market_type="PLACE"))
    assert core.race("status", "runner_count") == ("RESULT", 1)
    assert core.runner("result", "finish_position", "price", "price_kind", "price_source", "bsp", "volume") == (
        "PLACED",
        *[None] * 6,
    )
    assert core.prices.select("market_type", "price").rows() == [("PLACE", 1.8)]


@pytest.mark.parametrize(
    ("results", "status"),
    [
        (["WINNER", "LOSER"], "RESULT"),
        (["LOSER", "LOSER"], "OPEN"),
        (["VOID", "VOID"], "VOID"),
        (["VOID", None], "OPEN"),
        (["VOID", "WINNER"], "RESULT"),
        ([None, None], "OPEN"),
    ],
)
def test_the_status_of_a_race_follows_from_its_runners(results: list[str | None], status: str) -> None:
    told = [bsp(f"{trap}. Dog", result=result) for trap, result in enumerate(results, start=1)]
    assert Core(*told).race("status") == status


def test_scratched_and_inactive_runners_are_kept_and_not_counted() -> None:
    core = Core(bsp("1. Alpha"), bsp("2. Beta", status="SCRATCHED"), bsp("3. Gamma", status="INACTIVE"))
    assert core.selections.height == 3
    assert core.race("runner_count") == 1


def test_both_passes_of_a_doubled_hour_are_two_races() -> None:
    first = datetime(2024, 4, 6, 15, 30, tzinfo=UTC)
    second = datetime(2024, 4, 6, 16, 30, tzinfo=UTC)
    there = {"track_id": "au-ballarat", "country": "AU", "race_date": date(2024, 4, 7)}
    core = Core(record(start_at=second, market_id="m2", **there), record(start_at=first, **there))
    assert core.races.select("race_id", "start_at").rows() == [
        ("au-ballarat-20240407-0230", first),
        ("au-ballarat-20240407-0230b", second),
    ]
    assert core.races["start_local"].n_unique() == 1
    assert core.selections["race_id"].to_list() == core.races["race_id"].to_list()


def test_a_market_whose_rows_differ_in_their_off_is_one_race_at_the_off_most_of_them_state() -> None:
    late = OFF.replace(minute=40)
    core = Core(bsp("1. Alpha"), bsp("2. Beta", start_at=late), bsp("3. Gamma", start_at=late))
    assert core.race("race_id", "start_at", "runner_count") == ("gb-romford-20240627-1840", late, 3)


def test_of_two_offs_that_as_many_rows_state_the_earlier_counts() -> None:
    core = Core(bsp("1. Alpha", start_at=OFF.replace(minute=40)), bsp("2. Beta"))
    assert core.race("start_at") == OFF


def test_two_markets_keep_their_own_offs() -> None:
    core = Core(bsp(), bsp(start_at=OFF.replace(minute=40), market_id="1.7"))
    assert core.races.height == 2


# Runners


def test_a_scratched_dog_and_the_one_that_replaced_it_share_the_trap() -> None:
    core = Core(bsp("3. Old Dog", status="SCRATCHED"), bsp("3. New Dog"), bsp("4. Other"))
    columns = ("selection_id", "runner_seq", "dog_name", "status")
    assert core.selections.select(columns).rows() == [
        (f"{RACE}-t3", 0, "New Dog", "ACTIVE"),
        (f"{RACE}-t3-r1", 1, "Old Dog", "SCRATCHED"),
        (f"{RACE}-t4", 0, "Other", "ACTIVE"),
    ]
    assert core.race("runner_count") == 2


def test_dogs_replaced_in_one_trap_are_numbered_and_told_apart_across_sources() -> None:
    told = [bsp("3. First", status="SCRATCHED"), bsp("3. Second", status="SCRATCHED"), bsp("3. Third")]
    core = Core(*told, record("3. Third", price=2.0, price_kind="PRICE"))
    assert core.selections.select("selection_id", "dog_name").rows() == [
        (f"{RACE}-t3", "Third"),
        (f"{RACE}-t3-r1", "First"),
        (f"{RACE}-t3-r2", "Second"),
    ]
    assert core.prices["selection_id"].to_list() == [f"{RACE}-t3"]


def test_of_dogs_that_were_all_scratched_the_last_holds_the_trap() -> None:
    core = Core(bsp("3. First", status="SCRATCHED"), bsp("3. Second", status="SCRATCHED"))
    assert core.selections.select("selection_id", "dog_name").rows() == [
        (f"{RACE}-t3", "Second"),
        (f"{RACE}-t3-r1", "First"),
    ]


def test_two_dogs_that_stand_in_one_trap_stay_two_so_that_the_race_can_be_judged() -> None:
    core = Core(bsp("3. Alpha"), bsp("3. Beta"))
    assert core.selections.select("trap", "dog_name", "status").rows() == [
        (3, "Alpha", "ACTIVE"),
        (3, "Beta", "ACTIVE"),
    ]


def test_a_runner_without_trap_is_known_by_its_name() -> None:
    core = Core(bsp("O'Hara's  Pride"), record("OHARAS PRIDE"), bsp("Second Dog"))
    assert core.selections.select("selection_id", "trap", "runner_seq", "sources").rows() == [
        (f"{RACE}-n-oharas-pride", None, 0, ["betfair_bsp", "betfair_csv"]),
        (f"{RACE}-n-second-dog", None, 0, ["betfair_bsp"]),
    ]


def test_a_name_cut_at_sixteen_characters_joins_the_full_name_of_the_other_source() -> None:
    core = Core(bsp("5. Isinglass Doorbe", bsp=4.5), record("5. Isinglass Doorbell"))
    assert core.runner("dog_name", "bsp", "sources") == ("Isinglass Doorbell", 4.5, ["betfair_bsp", "betfair_csv"])


def test_a_name_that_only_begins_alike_and_was_not_cut_is_another_dog() -> None:
    core = Core(bsp("5. Isinglass", status="SCRATCHED"), record("5. Isinglass Doorbell"))
    assert core.selections["dog_name"].to_list() == ["Isinglass Doorbell", "Isinglass"]


def test_spelling_that_does_not_count_does_not_split_a_runner() -> None:
    core = Core(bsp("5. DE LAHDEDAH"), record("5. De Lah'dedah"))
    assert core.runner("selection_id") == f"{RACE}-t5"


def test_a_dead_heat_is_two_winners_who_share_the_first_place() -> None:
    core = Core(bsp("1. Alpha", result="WINNER"), bsp("2. Beta", result="WINNER"), bsp("3. Gamma", result="LOSER"))
    assert core.selections.select("result", "is_dead_heat", "finish_position").rows() == [
        ("WINNER", True, 1),
        ("WINNER", True, 1),
        ("LOSER", False, None),
    ]


def test_one_winner_is_no_dead_heat_and_a_shared_lesser_place_stays_as_told() -> None:
    core = Core(bsp("1. Alpha", result="WINNER"), bsp("2. Beta", result="LOSER", is_dead_heat=True, finish_position=2))
    assert core.selections.select("is_dead_heat", "finish_position").rows() == [(False, 1), (True, 2)]


# Prices

KINDS = [
    ("BSP", {"bsp": 4.1}, 4.1),
    ("LAST_TRADED", {"last_traded": 4.2}, 4.2),
    ("PRE_OFF_WAP", {"pre_off_wap": 4.3}, 4.3),
    ("PRICE", {"price": 4.4, "price_kind": "PRICE"}, 4.4),
    ("SP", {"sp_decimal": 4.5}, 4.5),
    ("FORECAST", {"price": 4.6, "price_kind": "FORECAST"}, 4.6),
]


@pytest.mark.parametrize("best", range(len(KINDS)), ids=[kind for kind, *_ in KINDS])
def test_the_price_is_the_first_known_of_its_order_within_one_record(best: int) -> None:
    # A record has one plain price, so a forecast only stands beside what is not PRICE.
    known: dict[str, object] = {}
    for _, columns, _ in reversed(KINDS[best:]):
        known |= columns
    kind, _, price = KINDS[best]
    assert Core(bsp(**known)).runner("price", "price_kind", "price_source") == (price, kind, "betfair_bsp")


@pytest.mark.parametrize("best", range(len(KINDS) - 1), ids=[kind for kind, *_ in KINDS[:-1]])
@pytest.mark.parametrize("is_first_by_name", [True, False])
def test_the_price_is_the_first_known_of_its_order_whichever_source_gives_it(best: int, is_first_by_name: bool) -> None:
    kind, columns, price = KINDS[best]
    _, worse, _ = KINDS[best + 1]
    good, bad = (bsp(**columns), record(**worse)) if is_first_by_name else (record(**columns), bsp(**worse))
    assert Core(bad, good).runner("price", "price_kind", "price_source") == (price, kind, good["source"])


def test_a_runner_without_any_price_has_no_kind_and_no_source_of_one() -> None:
    core = Core(bsp())
    assert core.runner("price", "price_kind", "price_source") == (None, None, None)
    assert core.prices.height == 0


def test_of_two_sources_with_a_price_of_one_kind_the_first_by_name_speaks() -> None:
    core = Core(record(bsp=9.0), bsp(bsp=4.5))
    assert core.runner("price", "price_source") == (4.5, "betfair_bsp")
    assert core.prices.select("source", "price").rows() == [("betfair_bsp", 4.5), ("betfair_csv", 9.0)]


def test_every_price_of_a_record_becomes_a_row_with_the_volume_matched_at_it() -> None:
    published = OFF - timedelta(seconds=2)
    core = Core(
        bsp(
            observed_at=published,
            bsp=4.1,
            last_traded=4.2,
            pre_off_wap=4.3,
            pre_off_volume=33.0,
            pre_off_max=5.0,
            pre_off_min=4.0,
            morning_wap=4.4,
            morning_volume=44.0,
            price=4.5,
            price_kind="PRICE",
            volume=55.0,
            sp_decimal=4.6,
        )
    )
    assert core.prices.select("price_kind", "price", "volume", "observed_at").rows() == [
        ("BSP", 4.1, None, OFF),
        ("LAST_TRADED", 4.2, None, published),
        ("MORNING_WAP", 4.4, 44.0, None),
        ("PRE_OFF_MAX", 5.0, None, OFF),
        ("PRE_OFF_MIN", 4.0, None, OFF),
        ("PRE_OFF_WAP", 4.3, 33.0, OFF),
        ("PRICE", 4.5, 55.0, published),
        ("SP", 4.6, None, OFF),
    ]
    told = {"selection_id": f"{RACE}-t1", "source": "betfair_bsp", "market_type": "WIN", "currency": "GBP"}
    for column, value in {**told, "race_date": DAY}.items():
        assert core.prices[column].unique().to_list() == [value]


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ({"actual_off_at": OFF + timedelta(seconds=40)}, (40, 40, None)),
        ({"actual_off_at": OFF + timedelta(seconds=40), "observed_at": OFF + timedelta(seconds=38)}, (40, 40, 38)),
        # Trades are known until after the scheduled off, and the actual one is not stated or was earlier.
        ({"observed_at": OFF + timedelta(seconds=38)}, (38, 38, 38)),
        ({"actual_off_at": OFF + timedelta(seconds=30), "observed_at": OFF + timedelta(seconds=38)}, (38, 38, 38)),
        ({"actual_off_at": OFF - timedelta(seconds=900)}, (0, 0, None)),
        ({}, (0, 0, None)),
    ],
)
def test_each_kind_of_price_has_its_own_moment(moments: dict[str, datetime], expected: tuple[int | None, ...]) -> None:
    prices = Core(bsp(bsp=4.1, pre_off_wap=4.3, last_traded=4.2, price=5.0, **moments)).prices
    seconds = {
        kind: at and (at - OFF).total_seconds() for kind, at in prices.select("price_kind", "observed_at").rows()
    }
    assert tuple(seconds[kind] for kind in ("BSP", "PRE_OFF_WAP", "LAST_TRADED")) == expected
    assert seconds["PRICE"] == expected[-1]


def test_a_plain_starting_price_is_known_at_the_off_and_a_forecast_nobody_knows_when() -> None:
    assert Core(record(price=4.1, price_kind="SP")).prices["observed_at"].to_list() == [OFF]
    assert Core(record(price=4.1, price_kind="FORECAST")).prices["observed_at"].to_list() == [None]


OF_THE_OFF = {"bsp": 4.1, "pre_off_wap": 4.3, "pre_off_max": 5.0, "pre_off_min": 4.0, "sp_decimal": 4.0}


@pytest.mark.parametrize(("own", "expected"), [(-40, 0), (-2, 0), (60, 60)])
def test_the_off_of_a_price_is_its_own_sources_but_never_before_that_of_the_race(own: int, expected: int) -> None:
    """As where another source moved the race, or told which pass of a doubled hour it was in."""
    frame = pl.DataFrame([bsp(**OF_THE_OFF)], schema=polars_schema(RECORDS))
    told = frame.with_columns(own_start_at=pl.col("start_at") + timedelta(minutes=own))
    moments = tables.prices(runners.assign(told, TRACKS))["observed_at"]
    assert moments.to_list() == [OFF + timedelta(minutes=expected)] * len(OF_THE_OFF)


def test_the_off_of_a_price_is_not_before_an_actual_off_that_any_record_of_its_race_states() -> None:
    late = OFF + timedelta(minutes=3)
    other = {"track_name": "Ballarat", "track_id": "au-ballarat", "country": "AU"}
    core = Core(bsp(bsp=4.1), record("2. Beta", actual_off_at=late), bsp("2. Beta", bsp=4.1, market_id="1.7", **other))
    assert core.prices.select("selection_id", "observed_at").rows() == [
        ("au-ballarat-20240628-0336-t2", OFF),
        (f"{RACE}-t1", late),
    ]


moment = st.none() | st.integers(-3600, 3600).map(lambda seconds: OFF + timedelta(seconds=seconds))


@given(st.lists(st.fixed_dictionaries({"actual_off_at": moment, "observed_at": moment}), min_size=1, max_size=6))
@settings(max_examples=60)
def test_no_price_of_the_off_is_known_before_the_race_was_off(told: list[dict[str, datetime | None]]) -> None:
    core = Core(*(bsp(f"{trap}. Dog {trap}", **OF_THE_OFF, **each) for trap, each in enumerate(told, start=1)))
    offs = [OFF, *(each["actual_off_at"] for each in told if each["actual_off_at"])]
    for trap, each in enumerate(told, start=1):
        found = core.prices.filter(selection_id=f"{RACE}-t{trap}")["observed_at"].to_list()
        assert found == [max([*offs, each["observed_at"] or OFF])] * len(OF_THE_OFF)


def test_the_volume_of_a_selection_is_the_matched_one_else_the_one_before_the_off() -> None:
    assert Core(bsp(volume=5.0, pre_off_volume=4.0)).runner("volume") == 5.0
    assert Core(bsp(pre_off_volume=4.0)).runner("volume") == 4.0


# Who is believed


def stream(name: str | None = "1. Alpha", **changes: object) -> dict[str, object]:
    """The same race as `betfair_historic` tells it."""
    return record(name, **{"source": "betfair_historic", "market_id": "1.9", "source_file": "c" * 64, **changes})


def test_of_what_sources_state_differently_the_one_believed_first_is_told() -> None:
    told = stream(bsp=4.5, result="LOSER", volume=9.0), bsp(bsp=4.4, result="WINNER", volume=8.0)
    assert Core(*told).runner("bsp", "result", "volume", "price_source") == (4.5, "LOSER", 9.0, "betfair_historic")
    other = Precedence(price=("betfair_bsp",), result=("betfair_bsp",))
    found = Core(*told, precedence=other)
    assert found.runner("bsp", "result", "volume", "price_source") == (4.4, "WINNER", 8.0, "betfair_bsp")


def test_the_facts_of_a_race_are_those_of_the_source_believed_first() -> None:
    told = bsp(race_type="A4", distance_m=400), stream(race_type="A5")
    assert Core(*told).race("race_type", "distance_m") == ("A5", 400)
    assert Core(*told, precedence=Precedence(facts=("betfair_bsp",))).race("race_type") == "A4"


def test_a_cut_name_gives_way_to_the_full_one_and_a_slip_of_the_pen_does_not() -> None:
    cut, full = "1. Ballynotreal Jol", "1. Ballynotreal Jolly"
    assert Core(stream(cut), record(full, source="club")).runner("dog_name") == "Ballynotreal Jolly"
    assert Core(stream("1. Alpha"), record("1. Alpha", dog_name="ALPHA", source="club")).runner("dog_name") == "Alpha"


def test_a_dog_that_one_source_scratched_is_out_whoever_is_believed() -> None:
    out = record(source="club", status="SCRATCHED")
    assert Core(stream(), out).runner("status") == "SCRATCHED"
    assert Core(stream(result="LOSER"), out).runner("status") == "ACTIVE"
    # A place market that is void says nothing of a dog that runs.
    void = stream(market_id="1.10", market_type="PLACE", status="SCRATCHED", result="VOID")
    assert Core(stream(), void).runner("status") == "ACTIVE"


def test_the_dog_in_the_trap_is_the_one_that_nobody_scratched() -> None:
    core = Core(stream("1. Alpha"), record("1. Alpha", source="club", status="SCRATCHED"), stream("1. Rex"))
    assert core.selections.select("selection_id", "dog_name", "status").rows() == [
        ("gb-romford-20240627-1836-t1", "Rex", "ACTIVE"),
        ("gb-romford-20240627-1836-t1-r1", "Alpha", "SCRATCHED"),
    ]


# As a whole


def test_no_records_make_empty_tables_of_the_declared_shape() -> None:
    keyed = runners.assign(pl.DataFrame(schema=polars_schema(RECORDS)), TRACKS)
    chosen = tables.selections(keyed, NOW, Precedence())
    disputes = results.disputed(keyed, chosen)
    made = (tables.races(keyed, chosen, TRACKS, NOBODY, NOW, Precedence(), disputes), chosen, tables.prices(keyed))
    for name, frame in zip(MADE, made, strict=True):
        assert frame.height == 0
        assert frame.schema == polars_schema(CORE[name])


def test_the_order_of_the_records_does_not_change_the_tables() -> None:
    told = [
        record("1. Alpha", price=3.0, price_kind="PRICE", event_name="card"),
        bsp("1. Alpha", bsp=4.0, event_name="menu", source_row=5),
        bsp("1. Alpha", bsp=1.5, market_type="PLACE", market_id="1.8"),
        bsp("3. Old", status="SCRATCHED", source_row=6),
        bsp("3. New", source_row=7),
        bsp("Nobody", source_row=8),
    ]
    forth, back = Core(*told), Core(*reversed(told))
    assert forth.races.equals(back.races)
    assert forth.selections.equals(back.selections)
    assert forth.prices.equals(back.prices)


def test_rows_that_point_at_nothing_are_named() -> None:
    core = Core(bsp(bsp=4.0))
    nothing = core.races.clear()
    assert tables.unreferenced(nothing, core.selections, core.prices) == [f"{RACE}-t1"]
    assert tables.unreferenced(core.races, core.selections.clear(), core.prices) == [f"{RACE}-t1"]


# What must not be mistaken


def test_a_void_place_market_does_not_void_a_race_whose_win_market_has_no_result_yet() -> None:
    core = Core(
        *(bsp(f"{trap}. Dog") for trap in (1, 2)),
        *(bsp(f"{trap}. Dog", market_type="PLACE", market_id="1.8", result="VOID") for trap in (1, 2)),
    )
    assert core.race("status") == "OPEN"
    assert core.selections["result"].to_list() == [None, None]
    alone = Core(*(bsp(f"{trap}. Dog", market_type="PLACE", result="VOID") for trap in (1, 2)))
    assert alone.race("status") == "VOID"


def test_of_a_market_that_was_void_and_its_successor_the_one_that_was_run_speaks() -> None:
    core = Core(
        *(bsp(f"{trap}. Dog", market_id="1.1", result="VOID") for trap in (1, 2)),
        bsp("1. Dog", market_id="1.2", result="WINNER"),
        bsp("2. Dog", market_id="1.2", result="LOSER"),
    )
    assert (core.race("status"), core.selections["result"].to_list()) == ("RESULT", ["WINNER", "LOSER"])


def test_the_currency_is_that_of_the_volume() -> None:
    told = stream(currency="GBP", bsp=4.0), bsp(currency="AUD", volume=80.0, bsp=4.0)
    assert Core(*told).runner("volume", "currency") == (80.0, "AUD")
    assert Core(bsp(currency="GBP")).runner("volume", "currency") == (None, None)


def test_a_volume_without_currency_does_not_take_that_of_another_source() -> None:
    preferred, other = stream(currency=None, volume=100.0), bsp(currency="AUD", volume=80.0)
    assert Core(preferred, other).runner("volume", "currency") == (100.0, None)


def test_a_price_of_a_source_that_does_not_say_what_kind_is_a_plain_one() -> None:
    core = Core(record(price=3.0, price_kind=None), record("2. Beta", price=4.0, price_kind="FORECAST"))
    assert core.selections.select("price", "price_kind").rows() == [(3.0, "PRICE"), (4.0, "FORECAST")]
    assert core.prices["price_kind"].to_list() == ["PRICE", "FORECAST"]


@pytest.mark.parametrize(
    ("outcome", "is_dead_heat", "status"),
    [
        ({}, False, "OPEN"),
        ({"result": "VOID"}, False, "VOID"),
        ({"status": "SCRATCHED"}, False, "OPEN"),
        ({"finish_position": 2}, True, "OPEN"),
        ({"result": "PLACED"}, True, "RESULT"),
        ({"result": "LOSER"}, True, "OPEN"),
    ],
)
def test_a_dead_heat_needs_an_outcome(outcome: dict[str, object], is_dead_heat: bool, status: str) -> None:
    core = Core(record("1. Alpha", is_dead_heat=True, **outcome))
    assert (core.runner("is_dead_heat"), core.race("status")) == (is_dead_heat, status)


def test_dogs_at_one_position_ran_a_dead_heat_and_those_without_any_did_not() -> None:
    places = [1, 2, 2, 4, None, None]
    core = Core(*(bsp(f"{trap}. Dog", finish_position=place) for trap, place in enumerate(places, start=1)))
    assert core.selections["is_dead_heat"].to_list() == [False, True, True, False, False, False]


def test_a_market_id_that_stands_on_two_days_is_two_markets() -> None:
    later = DAY + timedelta(days=2)
    core = Core(record(), record(race_date=later, start_at=OFF + timedelta(days=2)), record("2. Beta"))
    assert core.races.select("race_date", "race_id").rows() == [
        (DAY, f"gb-romford-{DAY:%Y%m%d}-1836"),
        (later, f"gb-romford-{later:%Y%m%d}-1836"),
    ]


def test_what_sources_say_against_each_other_of_one_dog_does_not_stand_in_one_row() -> None:
    told = stream(result="LOSER"), record(source="racing_post_races", market_id="rp", finish_position=1, result=None)
    assert Core(*told).runner("result", "finish_position") == ("LOSER", None)
    told = (
        stream(result="WINNER"),
        record(source="racing_post_races", market_id="rp", finish_position=2, result="LOSER"),
    )
    assert Core(*told).runner("result", "finish_position") == ("WINNER", 1)
    told = stream(status="SCRATCHED"), record(source="racing_post_races", market_id="rp", result="LOSER")
    assert Core(*told).runner("status", "result") == ("ACTIVE", "LOSER")


# Sources that contradict each other about the result


def card(name: str, **changes: object) -> dict[str, object]:
    """The same race as `racing_post_races` reports it."""
    return record(name, **{"source": "racing_post_races", "market_id": "rp", "source_file": "d" * 64, **changes})


def outcome(core: Core) -> list[tuple[object, ...]]:
    return core.selections.select("trap", "result", "finish_position", "is_dead_heat").rows()


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_winners_by_two_sources_the_preferred_one_stands_and_the_race_is_marked(is_first: bool) -> None:
    told = [
        stream("1. Alpha", result="WINNER"), stream("2. Beta", result="LOSER"),
        card("1. Alpha", result="LOSER", finish_position=2), card("2. Beta", result="WINNER", finish_position=1),
    ]  # fmt: skip
    core = Core(*(told if is_first else reversed(told)))
    assert outcome(core) == [(1, "WINNER", 1, False), (2, "LOSER", None, False)]
    assert core.race("status", "has_conflicting_results") == ("RESULT", True)
    assert core.disputes == [
        (f"{RACE}-t1", "result WINNER by betfair_historic, result LOSER, position 2 by racing_post_races"),
        (f"{RACE}-t2", "result LOSER by betfair_historic, result WINNER, position 1 by racing_post_races"),
    ]
    other = Core(*told, precedence=Precedence(result=("racing_post_races",)))
    assert outcome(other) == [(1, "LOSER", 2, False), (2, "WINNER", 1, False)]


def test_a_winner_that_only_a_lesser_source_knows_is_no_second_winner() -> None:
    core = Core(stream("1. Alpha", result="WINNER"), card("2. Beta", result="WINNER", finish_position=1))
    assert outcome(core) == [(1, "WINNER", 1, False), (2, None, None, False)]
    assert core.race("has_conflicting_results") is True
    by_position = Core(stream("1. Alpha", result="WINNER"), card("2. Beta", finish_position=1))
    assert outcome(by_position) == [(1, "WINNER", 1, False), (2, None, None, False)]
    assert by_position.race("has_conflicting_results") is True


def test_a_dead_heat_is_one_by_the_account_of_one_source_whoever_tells_the_rest() -> None:
    heat = card("1. Alpha", result="WINNER"), card("2. Beta", result="WINNER"), card("3. Gamma", result="LOSER")
    both = [(1, "WINNER", 1, True), (2, "WINNER", 1, True), (3, "LOSER", None, False)]
    # The row of the second winner is missing in the preferred source: nobody says that it lost.
    partial = Core(stream("1. Alpha", result="WINNER"), stream("3. Gamma", result="LOSER"), *heat)
    assert (outcome(partial), partial.race("has_conflicting_results")) == (both, False)
    denied = Core(stream("1. Alpha", result="WINNER"), stream("2. Beta", result="LOSER"), *heat)
    assert outcome(denied) == [(1, "WINNER", 1, False), (2, "LOSER", None, False), (3, "LOSER", None, False)]
    assert denied.race("has_conflicting_results") is True
    agreed = Core(*(stream(f"{n}. {dog}", result="WINNER") for n, dog in ((1, "Alpha"), (2, "Beta"))), *heat)
    assert (outcome(agreed), agreed.race("has_conflicting_results")) == (both, False)


def test_two_winners_in_two_markets_of_one_source_are_no_dead_heat() -> None:
    core = Core(stream("1. Alpha", result="WINNER"), stream("2. Beta", result="WINNER", market_id="1.95"))
    assert outcome(core) == [(1, "WINNER", 1, False), (2, None, None, False)]
    assert core.race("has_conflicting_results") is True


def test_positions_of_two_sources_make_no_dead_heat_and_those_of_one_do() -> None:
    told = [
        stream("1. Alpha", finish_position=1), stream("2. Beta", finish_position=2),
        card("2. Beta", finish_position=3), card("3. Gamma", finish_position=2), card("4. Delta", finish_position=2),
    ]  # fmt: skip
    for records in (told, told[::-1]):
        core = Core(*records)
        assert outcome(core) == [
            (1, None, 1, False),
            (2, None, 2, False),
            (3, None, None, False),
            (4, None, None, False),
        ]
        assert core.race("has_conflicting_results") is True
    alone = Core(*told[3:])
    assert outcome(alone) == [(3, None, 2, True), (4, None, 2, True)]
    assert alone.race("has_conflicting_results") is False


def test_positions_without_results_and_void_markets_are_no_contradiction() -> None:
    places = Core(card("1. Alpha", finish_position=1), card("2. Beta", finish_position=2))
    assert places.race("has_conflicting_results") is False
    void = Core(stream("1. Alpha", result="VOID"), card("1. Alpha", result="WINNER", finish_position=1))
    assert void.race("has_conflicting_results") is False


# A place market that is void, or a win market


def place(name: str, **changes: object) -> dict[str, object]:
    """The PLACE market of the race as `betfair_historic` reports it."""
    return stream(name, **{"market_id": "1.10", "market_type": "PLACE", **changes})


def shown(core: Core) -> list[tuple[object, ...]]:
    return core.selections.select("dog_name", "status", "result").rows()


def test_a_runner_of_a_void_place_market_alone_is_scratched_where_the_race_has_a_win_market() -> None:
    void = [place(f"{trap}. Dog {trap}", result="VOID") for trap in (1, 2, 3)]
    wins = [stream("1. Dog 1", result="WINNER"), stream("3. Dog 3", result="LOSER")]
    for told in ([*void, *wins], [*wins, *void[::-1]]):
        core = Core(*told)
        assert shown(core) == [
            ("Dog 1", "ACTIVE", "WINNER"),
            ("Dog 2", "SCRATCHED", None),
            ("Dog 3", "ACTIVE", "LOSER"),
        ]
        assert core.race("status", "runner_count") == ("RESULT", 2)
    assert shown(Core(*void)) == [(f"Dog {trap}", "ACTIVE", "VOID") for trap in (1, 2, 3)]
    assert Core(*void).race("status") == "VOID"


def test_a_reserve_has_the_trap_of_a_dog_that_only_a_void_place_market_names() -> None:
    core = Core(place("2. Old", result="VOID"), stream("2. New (res)", result="WINNER"))
    assert core.selections.select("runner_seq", "dog_name", "status", "result").rows() == [
        (0, "New (res)", "ACTIVE", "WINNER"),
        (1, "Old", "SCRATCHED", None),
    ]


def test_where_both_markets_are_void_the_race_is() -> None:
    core = Core(stream("1. Dog 1", result="VOID"), *(place(f"{trap}. Dog {trap}", result="VOID") for trap in (1, 2)))
    assert shown(core) == [("Dog 1", "ACTIVE", "VOID"), ("Dog 2", "SCRATCHED", None)]
    assert core.race("status", "runner_count") == ("VOID", 1)


def test_a_void_win_market_voids_the_race_whatever_its_place_market_paid() -> None:
    paid = [place("1. Dog 1", result="PLACED"), place("2. Dog 2", result="LOSER"), place("3. Dog 3", result="PLACED")]
    core = Core(*(stream(f"{trap}. Dog {trap}", result="VOID") for trap in (1, 2)), *paid)
    assert shown(core) == [(f"Dog {trap}", "ACTIVE", "VOID") for trap in (1, 2, 3)]
    assert core.race("status") == "VOID"


def test_a_runner_removed_from_one_market_alone_is_what_the_win_market_says() -> None:
    assert shown(Core(stream(status="SCRATCHED"), place("1. Alpha", result="LOSER"))) == [("Alpha", "SCRATCHED", None)]
    assert shown(Core(stream(result="LOSER"), place("1. Alpha", status="SCRATCHED"))) == [("Alpha", "ACTIVE", "LOSER")]
    # Another source that knows how the dog ran counts for more than a market it was removed from.
    for ran in (card("1. Alpha", result="LOSER"), bsp("1. Alpha", market_id="1.95", result="LOSER")):
        assert shown(Core(stream(status="SCRATCHED"), ran)) == [("Alpha", "ACTIVE", "LOSER")]


# A dog that is withdrawn, and in the price file all the same


@pytest.mark.parametrize("told", [{"result": "LOSER"}, {"result": "LOSER", "bsp": 6.5}, {"result": None}])
def test_a_price_file_does_not_bring_back_a_dog_that_the_stream_of_its_market_removed(told: dict[str, object]) -> None:
    removed, ran = stream("3. Gamma", status="SCRATCHED"), stream("1. Alpha", result="WINNER")
    rows = [removed, ran, bsp("3. Gamma", **told), bsp("1. Alpha", result="WINNER")]
    for records in (rows, rows[::-1]):
        core = Core(*records)
        assert shown(core) == [("Alpha", "ACTIVE", "WINNER"), ("Gamma", "SCRATCHED", None)]
        assert core.race("runner_count", "has_conflicting_results") == (1, False)


def test_the_reserve_has_the_trap_of_a_dog_that_the_price_file_still_has() -> None:
    rows = [
        stream("3. Gamma", status="SCRATCHED"), stream("3. Zulu (res)", result="WINNER"),
        bsp("3. Gamma", result="LOSER"), bsp("3. Zulu (res)", result="WINNER"),
        *(each(f"{trap}. Dog {trap}", result="LOSER") for trap in (1, 2, 4, 5, 6) for each in (stream, bsp)),
    ]  # fmt: skip
    for records in (rows, rows[::-1]):
        core = Core(*records)
        assert core.race("status", "runner_count") == ("RESULT", 6)
        in_trap = core.selections.filter(trap=3).select("selection_id", "status", "result").rows()
        assert in_trap == [(f"{RACE}-t3", "ACTIVE", "WINNER"), (f"{RACE}-t3-r1", "SCRATCHED", None)]


def test_the_place_file_follows_its_win_file_and_the_market_its_own_stream() -> None:
    removed = stream(status="SCRATCHED")
    in_place = bsp(market_id="1.10", market_type="PLACE", result="LOSER")
    assert shown(Core(removed, bsp(result="LOSER"), in_place)) == [("Alpha", "SCRATCHED", None)]
    assert shown(Core(removed, place("1. Alpha", status="SCRATCHED"), in_place)) == [("Alpha", "SCRATCHED", None)]


@pytest.mark.parametrize("told", [{"result": "WINNER"}, {"result": "LOSER", "finish_position": 4}])
def test_a_winner_or_a_position_contradicts_a_withdrawal(told: dict[str, object]) -> None:
    assert shown(Core(stream(status="SCRATCHED"), bsp(**told))) == [("Alpha", "ACTIVE", told["result"])]


# A market that was void and opened anew


@pytest.mark.parametrize("void_market", ["1.1", "1.99"])
@pytest.mark.parametrize("each", [stream, place])
def test_prices_are_of_the_market_that_was_run_not_of_the_void_one(void_market: str, each: Any) -> None:
    void = each("1. Alpha", market_id=void_market, result="VOID", last_traded=55.0, pre_off_max=60.0)
    won = "PLACED" if each is place else "WINNER"
    ran = each("1. Alpha", market_id="1.50", result=won, last_traded=2.2, pre_off_max=3.0)
    for records in ([void, ran], [ran, void]):
        core = Core(*records, bsp("2. Beta", result="LOSER"))
        assert core.prices.select("price_kind", "price").rows() == [("LAST_TRADED", 2.2), ("PRE_OFF_MAX", 3.0)]


def test_a_race_that_one_source_has_void_and_another_won_in_the_same_market_is_in_conflict() -> None:
    void = [stream(f"{trap}. Dog {trap}", result="VOID") for trap in (1, 2)]
    told = [bsp("1. Dog 1", result="WINNER"), bsp("2. Dog 2", result="LOSER")]
    core = Core(*void, *told)
    assert core.race("status", "has_conflicting_results") == ("VOID", True)
    assert core.disputes == [(f"{RACE}-t1", "result WINNER by betfair_bsp, result VOID by betfair_historic")]
    # Whichever is believed.
    won = Core(*void, *told, precedence=Precedence(result=("betfair_bsp",)))
    assert won.race("status", "has_conflicting_results") == ("RESULT", True)
    # A price file has no mark for a void market: all of them lost. And the market that was opened anew is another one.
    assert Core(*void, bsp("1. Dog 1", result="LOSER")).race("has_conflicting_results") is False
    anew = [{**each, "market_id": "1.95"} for each in told]
    assert Core(*void, *anew).race("has_conflicting_results") is False


def test_a_source_of_form_makes_no_win_market() -> None:
    form = card("1. Dog 1", status=None)
    core = Core(form, *(place(f"{trap}. Dog {trap}", result="VOID") for trap in (1, 2)))
    assert shown(core) == [("Dog 1", "ACTIVE", "VOID"), ("Dog 2", "ACTIVE", "VOID")]
