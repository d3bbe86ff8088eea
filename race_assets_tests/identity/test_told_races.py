"""Races and runners of one provider are known by its ids, whatever else its sources report differently."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.identity import linking, told_races
from race_assets.normalise import runners, tables
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings.linking import LinkSettings
from race_assets.settings.precedence import Precedence
from race_assets.sources import registry

STREAM, PRICES, HUB, CSV = "betfair_historic", "betfair_bsp", "betfair_hub", "betfair_csv"
CARD = "racing_post_races"
OFF = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
FIRST = ("Amber Lantern", "Bally Notreal", "Copper Kettle", "Dusty Road", "Early Bell", "Fallow Field")
SECOND = ("Grey Heron", "Hollow Oak", "Iron Gate", "Jolly Roger", "Kind Word", "Low Tide")
THIRD = ("Marble Arch", "Noon Tide", "Old Penny", "Plain Sailing", "Quiet Lane", "Red Letter")
TRACKS = pl.DataFrame(
    {"track_id": ["gb-romford", "gb-hove"], "track": ["Romford", "Hove"], "timezone": ["Europe/London"] * 2}
)


def dog_id(dog: str) -> str:
    """The id Betfair has for a dog."""
    return str(zlib.crc32(dog.encode()))


def market(
    source: str,
    market_id: str,
    dogs: Sequence[str],
    minutes: float = 0,
    kind: str = "WIN",
    **changes: Any,
) -> list[dict[str, object]]:
    """The records of a market: dogs in traps from 1 up, but for `names` and `traps` that are reported otherwise."""
    names, traps = changes.pop("names", {}), changes.pop("traps", {})
    return [
        {
            "source": source, "market_id": market_id, "market_type": kind, "track_id": "gb-romford", "country": "GB",
            "race_date": OFF.date(), "start_at": OFF + timedelta(minutes=minutes), "selection_id": dog_id(dog),
            "selection_name": f"{traps.get(dog, trap)}. {names.get(dog, dog)}", "dog_name": names.get(dog, dog),
            "trap": traps.get(dog, trap), "status": "ACTIVE", "source_file": source, "source_row": trap,
            "byte_offset": 0, **changes,
        }
        for trap, dog in enumerate(dogs, start=1)
        if dog
    ]  # fmt: skip


@dataclass
class Outcome:
    """What became of some markets: the records with their keys, those that were refused, and core.selections."""

    told: list[dict[str, object]]
    seed: int = 0
    links: pl.DataFrame = field(init=False)
    keyed: pl.DataFrame = field(init=False)
    refused: pl.DataFrame = field(init=False)
    selections: pl.DataFrame = field(init=False)
    notes: dict[tuple[str, str], int] = field(init=False)

    def __post_init__(self) -> None:
        frame = pl.DataFrame(self.told, schema=polars_schema(RECORDS)).sample(fraction=1, shuffle=True, seed=self.seed)
        sources = sorted(frame["source"].unique())
        providers = {name: registry.provider(name) for name in sources}
        ranked = told_races.ranked(frame, providers, Precedence().ranks("start", sources))
        ranked = told_races.with_provider_by_ids(ranked, registry.BORROWERS)
        linked = linking.link(ranked, LinkSettings())
        self.links, self.refused = linked.links, linked.refused
        self.keyed = runners.assign(linked.records, TRACKS)
        self.selections = tables.selections(self.keyed, OFF, Precedence())
        counts = linked.notes.group_by("source", "note").len().iter_rows()
        self.notes = {(source, note): count for source, note, count in counts}

    @property
    def races(self) -> list[str]:
        return sorted(self.keyed["race_id"].unique())

    def runners(self) -> list[tuple[str, str]]:
        """The end of each selection's id, and its name."""
        shown = self.selections.select(pl.col("selection_id").str.slice(-7), "dog_name")
        return shown.rows()

    def reasons(self) -> list[tuple[str, ...]]:
        """Why records were refused."""
        told = self.refused.select("source", "market_id", "selection_id", pl.col("messages").list.join("; "))
        return sorted(told.rows())


def all_markets(*markets: list[dict[str, object]], seed: int = 0) -> Outcome:
    return Outcome([record for each in markets for record in each], seed)


SEEDS = range(4)
"""Orders in which records come."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dog_in_two_traps_is_one_in_the_trap_of_the_preferred_source(seed: int) -> None:
    found = all_markets(
        market(STREAM, "1.1", FIRST),
        market(PRICES, "1.1", FIRST, traps={FIRST[0]: 2, FIRST[1]: 1, FIRST[5]: 8}),
        market(HUB, "1.1", FIRST, traps={FIRST[5]: None}),
        seed=seed,
    )
    assert found.runners() == [(f"1836-t{trap}", dog) for trap, dog in enumerate(FIRST, start=1)]
    assert found.selections["sources"].to_list() == [[PRICES, STREAM, HUB]] * 6
    assert found.notes == {(PRICES, "trap_differs"): 3}
    assert not found.refused.height


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dog_of_two_spellings_is_one_and_the_difference_is_counted(seed: int) -> None:
    other = {FIRST[0]: "Quite Another", FIRST[1]: "Bally Notreel"}
    found = all_markets(market(STREAM, "1.1", FIRST), market(PRICES, "1.1", FIRST, names=other), seed=seed)
    assert found.runners() == [(f"1836-t{trap}", dog) for trap, dog in enumerate(FIRST, start=1)]
    assert found.selections["sources"].to_list() == [[PRICES, STREAM]] * 6
    assert found.notes == {(PRICES, "name_differs"): 2}


def test_a_name_that_was_cut_is_no_difference() -> None:
    full = {FIRST[1]: "Ballynotreal Jolly Jumper"}
    cut = {FIRST[1]: "Ballynotreal Jol"}
    found = all_markets(market(STREAM, "1.1", FIRST, names=cut), market(HUB, "1.1", FIRST, names=full))
    assert found.runners()[1] == ("1836-t2", "Ballynotreal Jolly Jumper")
    assert found.notes == {}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("minutes", [15, 30, 55])
def test_a_late_meeting_keeps_its_races_apart_though_each_moves_into_the_place_of_the_next(
    seed: int, minutes: int
) -> None:
    fields = (FIRST, SECOND, THIRD)
    late = [market(STREAM, f"1.{n}", dogs, 15 * n + minutes) for n, dogs in enumerate(fields)]
    planned = [market(PRICES, f"1.{n}", dogs, 15 * n) for n, dogs in enumerate(fields)]
    found = all_markets(*late, *planned, seed=seed)
    starts = found.keyed.select("market_id", "start_at").unique().sort("market_id")["start_at"].to_list()
    assert starts == [OFF + timedelta(minutes=15 * n + minutes) for n in range(3)]
    assert found.selections["sources"].to_list() == [[PRICES, STREAM]] * 18
    assert found.notes == {(PRICES, "off_differs"): 18}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_place_market_that_was_void_before_the_race_was_moved_is_of_that_race(seed: int) -> None:
    found = all_markets(
        market(STREAM, "1.1", FIRST, 45, result="LOSER"),
        market(STREAM, "1.2", FIRST, kind="PLACE", result="VOID"),
        # The next race moved as well: its place market states the old off, now the first race's.
        market(STREAM, "1.3", SECOND, 90, result="LOSER"),
        market(STREAM, "1.4", SECOND, 45, kind="PLACE", result="VOID"),
        seed=seed,
    )
    assert found.races == ["gb-romford-20240627-1921", "gb-romford-20240627-2006"]
    assert found.selections["dog_name"].to_list() == [*FIRST, *SECOND]
    assert set(found.selections["result"]) == {"LOSER"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_market_with_ids_of_the_old_australian_exchange_is_known_by_its_selections(seed: int) -> None:
    found = all_markets(
        market(STREAM, "2.101", FIRST, 30),
        market(PRICES, "1.101", FIRST),
        market(PRICES, "1.102", FIRST[:2], 1, "PLACE"),
        seed=seed,
    )  # fmt: skip
    assert found.races == ["gb-romford-20240627-1906"]
    assert found.selections["dog_name"].to_list() == list(FIRST)


def test_the_same_dogs_in_two_win_markets_of_one_source_are_two_races() -> None:
    found = all_markets(market(STREAM, "1.1", FIRST), market(STREAM, "1.2", FIRST, 60))
    assert len(found.races) == 2


def test_two_tracks_of_one_market_are_that_of_the_preferred_source() -> None:
    found = all_markets(market(STREAM, "1.1", FIRST), market(PRICES, "1.1", FIRST, track_id="gb-hove"))
    assert found.races == ["gb-romford-20240627-1836"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_race_in_the_minute_of_a_preferred_one_of_other_dogs_is_refused_alone(seed: int) -> None:
    found = all_markets(
        market(STREAM, "1.1", FIRST, 15), market(PRICES, "1.1", FIRST), market(PRICES, "1.2", SECOND, 15), seed=seed
    )
    assert found.races == ["gb-romford-20240627-1851"]
    assert found.selections["dog_name"].to_list() == list(FIRST)
    assert set(found.refused["market_id"]) == {"1.2"}
    (said,) = set(found.refused["messages"].list.first())
    assert said == (
        "the race of betfair_historic 1.1 at 17:51 UTC is off in the same minute at the same track, with other dogs: "
        "one of the two is wrong; correct or withdraw the file whose off is wrong"
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_another_dog_in_the_trap_of_a_preferred_one_is_refused_and_the_race_stays(seed: int) -> None:
    found = all_markets(market(STREAM, "1.1", FIRST), market(PRICES, "1.1", ("Quite Another", *FIRST[1:])), seed=seed)
    assert found.selections["dog_name"].to_list() == list(FIRST)
    assert found.refused.select("source", "dog_name").rows() == [(PRICES, "Quite Another")]
    assert "trap 1 is AMBER LANTERN's" in found.refused["messages"][0][0]


# Sources that may use the ids of another provider


@pytest.mark.parametrize("seed", SEEDS)
def test_a_feed_with_betfairs_ids_is_known_by_them(seed: int) -> None:
    traps = {dog: 7 - trap for trap, dog in enumerate(FIRST, start=1)}
    found = all_markets(market(STREAM, "1.1", FIRST), market(CSV, "33@x", FIRST, 60, traps=traps), seed=seed)
    assert found.selections["sources"].to_list() == [[CSV, STREAM]] * 6
    assert found.runners() == [(f"1836-t{trap}", dog) for trap, dog in enumerate(FIRST, start=1)]
    links = found.links.select("method", "is_borrowed", "offset_s", "runners").rows()
    assert links == [("first", False, 0, 6), ("ids", True, 3600, 6)]


def test_ids_that_stand_for_other_dogs_are_not_betfairs() -> None:
    same_ids = {"selection_id": None}
    rows = market(CSV, "33@x", SECOND, 60, **same_ids, traps=dict.fromkeys(SECOND))
    for row, dog in zip(rows, FIRST, strict=True):
        row["selection_id"] = dog_id(dog)
    found = all_markets(market(STREAM, "1.1", FIRST), rows)
    assert len(found.races) == 2
    assert found.selections.height == 12


def test_a_race_put_off_for_an_hour_is_one_race_by_its_dogs() -> None:
    found = all_markets(market(STREAM, "1.1", FIRST, 60), market(CARD, "c", FIRST))
    assert found.races == ["gb-romford-20240627-1936"]
    some = (*FIRST[:2], *SECOND[:4])
    assert len(all_markets(market(STREAM, "1.1", FIRST, 60), market(CARD, "c", some)).races) == 2


# Any reports of one meeting

FIELDS = (FIRST, SECOND, THIRD)
SOURCES = (STREAM, "betfair_exchange", PRICES, CSV, HUB)


@st.composite
def reports(draw: st.DrawFn, *, is_whole: bool) -> list[dict[str, object]]:
    """Markets of three races by some of Betfair's sources, with other offs, traps and spellings.

    Args:
        is_whole: the preferred source has every dog in its WIN markets; else anything may be missing.
    """
    sources = draw(st.lists(st.sampled_from(SOURCES), unique=True, min_size=1))
    preferred = min(sources, key=SOURCES.index)
    prefix = draw(st.sampled_from(["1.", "2."]))
    told: list[dict[str, object]] = []
    for source in sources:
        kinds = ["WIN", "PLACE"] if source != CSV else ["WIN"]
        late = draw(st.sampled_from([0, 1, 15, 30, 60]))
        for race, dogs in enumerate(FIELDS):
            for kind in kinds:
                must_be_whole = is_whole and source == preferred and kind == "WIN"
                if not must_be_whole and draw(st.integers(0, 3)) == 0:
                    continue
                runs = [dog for dog in dogs if must_be_whole or draw(st.integers(0, 5))]
                if len(runs) < 3:
                    continue
                number = f"{100 + 2 * race + (kind == 'PLACE')}"
                ids = f"e{race}@{late}" if source == CSV else f"{prefix if source == STREAM else '1.'}{number}"
                odd = [] if source == CSV else draw(st.lists(st.sampled_from(dogs), max_size=2))
                traps = draw(st.permutations(range(1, 7)))
                lined = [dog if dog in runs else "" for dog in dogs]
                told += market(
                    source, ids, lined, 15 * race + late, kind,
                    names={dog: dog[::-1].title() for dog in odd},
                    traps=dict(zip(dogs, traps, strict=True)) if draw(st.booleans()) else {},
                )  # fmt: skip
    return told


DOG_OF = {dog_id(dog): dog for dogs in FIELDS for dog in dogs}


@settings(max_examples=40)
@given(told=reports(is_whole=True), seed=st.integers(0, 99))
def test_any_reports_of_one_meeting_are_one_race_each_and_one_selection_a_dog(
    told: list[dict[str, object]], seed: int
) -> None:
    found = Outcome(told, seed)
    assert not found.refused.height
    assert found.keyed.height == len(told)
    assert len(found.races) == len(FIELDS)
    dogs = found.keyed.select(dog=pl.col("selection_id").replace_strict(DOG_OF), core="core_selection_id").unique()
    assert dogs["dog"].is_unique().all()
    assert dogs["core"].is_unique().all()
    assert set(dogs["core"]) == set(found.selections["selection_id"])
    preferred = min({str(row["source"]) for row in told}, key=SOURCES.index)
    wins = [row for row in told if (row["source"], row["market_type"]) == (preferred, "WIN")]
    assert {row["selection_id"]: row["trap"] for row in wins} == dict(
        found.keyed.select("selection_id", "trap").iter_rows()
    )
    assert {row["start_at"] for row in wins} == set(found.keyed["start_at"])
    again = Outcome(told, seed + 1)
    assert (again.notes, again.selections.rows()) == (found.notes, found.selections.rows())


@settings(max_examples=40)
@given(told=reports(is_whole=False), seed=st.integers(0, 99))
def test_whatever_is_missing_no_two_dogs_become_one_and_every_record_has_its_fate(
    told: list[dict[str, object]], seed: int
) -> None:
    found = Outcome(told, seed)
    assert found.keyed.height + found.refused.height == len(told)
    dogs = found.keyed.select(dog=pl.col("selection_id").replace_strict(DOG_OF), core="core_selection_id").unique()
    assert dogs["core"].is_unique().all()
    again = Outcome(told, seed + 1)
    assert again.selections.rows() == found.selections.rows()
    assert again.reasons() == found.reasons()
