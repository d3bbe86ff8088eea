"""Linking hand-made races, each expectation written by hand, and the labelled corpus as a whole."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.linking import measure, ranked
from race_assets.identity import linking
from race_assets.identity.linking import Linked
from race_assets.schemas.ops import LINK_DECISIONS
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings.linking import LinkSettings
from race_assets_tests.linking_corpus import generate, rates

BETFAIR, CARD, CLUB = "betfair_historic", "racing_post_races", "club"
OFF = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
DOGS = ("Amber Lantern", "Ballynotreal Jo", "Copper Kettle", "Dusty Road", "Early Bell", "Fallow Field")
OTHERS = ("Grey Heron", "Hollow Oak", "Iron Gate", "Jolly Roger", "Kind Word", "Low Tide")


def race(
    source: str, market: str, dogs: tuple[str, ...] = DOGS, *, minutes: float = 0, traps: bool = True, out: str = ""
) -> list[dict[str, object]]:
    """Dogs in traps from 1 up; Betfair writes the trap before a name and cuts it."""
    return [
        {
            "source": source, "market_id": market, "market_type": "WIN", "track_id": "gb-romford", "country": "GB",
            "race_date": OFF.date(), "start_at": OFF + timedelta(minutes=minutes), "selection_id": f"{market}-{dog}",
            "selection_name": f"{trap}. {dog[:16]}" if source == BETFAIR else dog,
            "dog_name": dog[:16] if source == BETFAIR else dog, "trap": trap if traps else None,
            "status": "SCRATCHED" if dog == out else "ACTIVE",
            "source_file": "f", "source_row": trap, "byte_offset": 0,
        }
        for trap, dog in enumerate(dogs, start=1)
        if dog
    ]  # fmt: skip


def link(*races: list[dict[str, object]], decisions: pl.DataFrame | None = None) -> Linked:
    frame = pl.DataFrame([row for each in races for row in each], schema=polars_schema(RECORDS))
    return linking.link(ranked(frame), LinkSettings(), decisions)


def offs(linked: Linked) -> dict[str, int]:
    """Minutes after OFF that stand for each market's race."""
    rows = linked.records.select("market_id", "start_at").unique().iter_rows()
    return {market: round((at - OFF).total_seconds() / 60) for market, at in rows}


def refused(linked: Linked) -> dict[str, str]:
    return dict(linked.refused.select("market_id", pl.col("messages").list.first()).unique().iter_rows())


def decision(market: str, other: str, *, is_one: bool) -> pl.DataFrame:
    row = {"source": CARD, "market_id": market, "with_source": BETFAIR, "with_market_id": other, "is_one": is_one}
    return pl.DataFrame([{**row, "reason": "seen", "decided_at": OFF}], schema=polars_schema(LINK_DECISIONS))


def test_a_race_told_later_by_another_source_gets_the_off_of_the_one_that_is_believed() -> None:
    linked = link(race(CARD, "c", minutes=7), race(BETFAIR, "1.1"))
    assert offs(linked) == {"c": 0, "1.1": 0}
    told = linked.links.select("method", "offset_s", "names_agreed", "traps_agreed", "runners").rows()
    assert told == [("first", 0, None, None, 6), ("dogs", 420, 6, 6, 6)]
    assert linked.links["score"][1] > 0.99
    assert linked.links["runner_up_score"][1] == 0


def test_the_next_race_of_the_track_is_not_the_one_before_however_near() -> None:
    linked = link(race(BETFAIR, "1.1"), race(CARD, "c", OTHERS, minutes=4))
    assert offs(linked) == {"1.1": 0, "c": 4}
    assert not linked.links.height


def test_slips_of_the_pen_do_not_part_a_race_but_a_field_of_look_alikes_is_asked_about() -> None:
    slips = ("Amber Lanten", "Ballynotreal Jo", "Coper Kettle", "Dusty Road", "Early Bell", "Fallow Field")
    assert offs(link(race(BETFAIR, "1.1"), race(CARD, "c", slips, minutes=2)))["c"] == 0
    alike = tuple(f"{dog[:-1]}x" for dog in DOGS)
    linked = link(race(BETFAIR, "1.1"), race(CARD, "c", alike, minutes=5))
    assert offs(linked) == {"1.1": 0}
    assert "0 of 6 dogs are those of" in refused(linked)["c"]


def test_of_two_look_alike_races_each_gets_its_own() -> None:
    twin = tuple(f"{dog}s" for dog in DOGS)
    linked = link(
        race(BETFAIR, "1.1"), race(BETFAIR, "1.2", twin, minutes=6),
        race(CARD, "a", minutes=5), race(CARD, "b", twin, minutes=1),
    )  # fmt: skip
    assert offs(linked) == {"1.1": 0, "1.2": 6, "a": 0, "b": 6}


def test_dogs_without_traps_are_known_by_name_and_get_the_trap() -> None:
    linked = link(race(BETFAIR, "1.1"), race(CLUB, "s", DOGS[::-1], traps=False))
    mine = linked.records.filter(pl.col("source") == CLUB)
    assert dict(mine.select("dog_name", "trap").iter_rows()) == {dog: trap for trap, dog in enumerate(DOGS, start=1)}


def test_a_name_that_was_cut_takes_the_full_one() -> None:
    long = ("Ballynotreal Jolly Jumper", *DOGS[1:])
    linked = link(race(BETFAIR, "1.1", long), race(CARD, "c", long))
    names = linked.records.filter(pl.col("trap") == 1)["runner_name"].to_list()
    assert names == ["BALLYNOTREAL JOLLY JUMPER"] * 2


def test_a_reserve_is_known_by_name_and_takes_its_trap() -> None:
    with_reserve = [*race(BETFAIR, "1.1", out="Copper Kettle"), *race(BETFAIR, "1.1", ("", "", "Reserve Rex"))]
    linked = link(with_reserve, race(CARD, "c", (*DOGS[:2], "", *DOGS[3:], "Reserve Rex")))
    rex = linked.records.filter(pl.col("dog_name") == "Reserve Rex")
    assert rex.select("source", "trap").rows() == [(BETFAIR, 3), (CARD, 3)]
    assert not linked.refused.height


def test_another_dog_in_a_held_trap_is_refused_and_the_race_stays() -> None:
    linked = link(race(BETFAIR, "1.1"), race(CARD, "c", (*DOGS[:5], "Quite Another")))
    assert linked.refused.select("dog_name", "rules").rows() == [("Quite Another", ["link_ambiguous"])]
    assert "trap 6 is FALLOW FIELD's" in linked.refused["messages"][0][0]
    assert offs(linked) == {"1.1": 0, "c": 0}


def test_a_race_of_other_dogs_in_the_minute_of_a_known_one_is_refused() -> None:
    linked = link(race(BETFAIR, "1.1"), race(CARD, "c", OTHERS))
    assert offs(linked) == {"1.1": 0}
    assert "in the same minute at the same track, with other dogs" in refused(linked)["c"]
    assert f"race-assets links accept {CARD} c {BETFAIR} 1.1" in refused(linked)["c"]


def test_a_doubtful_race_waits_for_a_decision_and_gets_it() -> None:
    doubtful = ("Amber Lantern", "Hollow Oak", "Iron Gate", "Jolly Roger", "Kind Word", "Fallow Field")
    races = race(BETFAIR, "1.1"), race(CARD, "c", doubtful, minutes=5)
    asked = link(*races)
    assert offs(asked) == {"1.1": 0}
    assert "2 of 6 dogs are those of the race of betfair_historic 1.1 at 17:36 UTC" in refused(asked)["c"]

    accepted = link(*races, decisions=decision("c", "1.1", is_one=True))
    assert offs(accepted) == {"1.1": 0, "c": 0}
    assert accepted.links["method"].to_list() == ["first", "decided"]
    assert offs(link(*races, decisions=decision("c", "1.1", is_one=False))) == {"1.1": 0, "c": 5}


def test_two_sources_of_one_provider_are_one_race_by_their_market_whatever_their_offs() -> None:
    linked = link(race(BETFAIR, "1.1"), race("betfair_bsp", "1.1", minutes=30))
    assert linked.records.select("start_at").unique().rows() == [(OFF,)]


@pytest.mark.parametrize("seed", rates.MEASURED_SEEDS[:1])
def test_the_labelled_corpus_is_linked_as_right_as_promised(seed: int) -> None:
    found = measure(seed)
    assert found["races_precision"] >= 0.999
    assert found["races_recall"] >= 0.98
    assert found["runners_recall"] >= 0.98
    assert found["is_one_to_one"]


@pytest.fixture(scope="module")
def day() -> pl.DataFrame:
    """The first day of a labelled corpus."""
    corpus = ranked(generate.make(rates.DEVELOPMENT_SEEDS[0]).records)
    return corpus.filter(pl.col("race_date") == corpus["race_date"].min())


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_links_are_the_same_in_any_order_of_arrival(day: pl.DataFrame, seed: int) -> None:
    columns = ["source", "market_id", "selection_id", "market_type"]
    one = linking.link(day, LinkSettings())
    other = linking.link(day.sample(fraction=1, shuffle=True, seed=seed), LinkSettings())
    assert one.links.equals(other.links)
    for name in ("records", "refused"):
        assert getattr(one, name).sort(columns).equals(getattr(other, name).sort(columns))
    rows = one.records.select(columns).height + one.refused.select(columns).height
    assert rows == day.height
