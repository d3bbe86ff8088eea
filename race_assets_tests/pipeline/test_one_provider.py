"""Betfair's own sources about one meeting, landed in every order: one race each, one selection a dog."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.pipeline.feed import BSP_HEADER, CSV_HEADER, ask, build_stale, tables, wipe

DAY = date(2024, 6, 27)
PLANNED = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
LATE = timedelta(minutes=30)
RACES = (
    ("Amber Lantern", "Bally Notreal", "Copper Kettle", "Dusty Road", "Early Bell", "Fallow Field"),
    ("Grey Heron", "Hollow Oak", "Iron Gate", "Jolly Roger", "Kind Word", "Low Tide"),
    ("Marble Arch", "Noon Tide", "Old Penny", "Plain Sailing", "Quiet Lane", "Red Letter"),
)
GONE = "Gone Early"
"""A dog that only the first race's place market still names, which was void before the meeting was late."""


def off(race: int) -> datetime:
    return PLANNED + timedelta(minutes=15 * race)


def dog_id(race: int, trap: int) -> int:
    return 60_000_000 + 100 * race + trap


def stream(market: str, kind: str, at: datetime, runners: Sequence[tuple[int, str, str]]) -> str:
    """A stream of two messages: the market as it opened and as it closed; runners are id, name and last status."""

    def message(status: str, standing: Sequence[tuple[int, str, str]], when: datetime) -> str:
        listed = [{"id": number, "name": name, "status": state, "sortPriority": 1} for number, name, state in standing]
        definition = {
            "bspMarket": True, "eventId": "33318908", "eventTypeId": "4339", "numberOfWinners": 1, "marketType": kind,
            "marketTime": f"{at:%Y-%m-%dT%H:%M:%S.000Z}", "status": status, "runners": listed, "venue": "Romford",
            "countryCode": "GB", "timezone": "Europe/London", "name": "A3 400m", "eventName": "Romford 27th Jun",
        }  # fmt: skip
        changes = [{"id": market, "marketDefinition": definition}]
        return json.dumps({"op": "mcm", "clk": "1", "pt": int(when.timestamp() * 1000), "mc": changes})

    opened = [(number, name, "ACTIVE") for number, name, _ in runners]
    return "\n".join([message("OPEN", opened, at - timedelta(hours=3)), message("CLOSED", runners, at), ""])


def streams() -> dict[str, str]:
    """What `betfair_historic` has: the winner is trap 1; place markets that were void on the planned off."""
    files = {}
    for race, dogs in enumerate(RACES):
        named = [(dog_id(race, trap), f"{trap}. {dog}", trap) for trap, dog in enumerate(dogs, start=1)]
        wins = [(number, name, "WINNER" if trap == 1 else "LOSER") for number, name, trap in named]
        files[f"1.{100 + 2 * race}"] = stream(f"1.{100 + 2 * race}", "WIN", off(race) + LATE, wins)
        void = [(number, name, "REMOVED") for number, name, _ in named]
        void += [(69_000_000, f"7. {GONE}", "REMOVED")] if race == 0 else []
        files[f"1.{101 + 2 * race}"] = stream(f"1.{101 + 2 * race}", "PLACE", off(race), void)
    return files


def prices() -> dict[str, str]:
    """What `betfair_bsp` has: offs as planned, traps 5 and 6 exchanged, two spellings; race 3 won by trap 2."""
    lines = [BSP_HEADER]
    for race, dogs in enumerate(RACES):
        at = off(race) + timedelta(hours=1)  # London's summer
        for trap, dog in enumerate(dogs, start=1):
            name = {"Dusty Road": "Dusty Rhodes", "Jolly Roger": "Quite Another"}.get(dog, dog)
            told = {5: 6, 6: 5}.get(trap, trap)
            won = int(trap == (2 if race == 2 else 1))
            lines.append(
                f"{100 + 2 * race},Romford 27th Jun,A3 400m,{at:%d-%m-%Y %H:%M},{dog_id(race, trap)},{told}. {name},"
                f"{won},4.5,4.4,,,,,,,100.0,\n"
            )
    return {"dwbfgreyhoundwin28062024.csv": "".join(lines)}


def rows() -> dict[str, str]:
    """What `betfair_csv` has, under Betfair's ids: an hour early, traps in reverse."""
    lines = [CSV_HEADER]
    for race, dogs in enumerate(RACES):
        at = off(race) - timedelta(hours=1)
        lines += [
            f"33318908,Romford card,Romford,{at:%Y-%m-%dT%H:%M:%SZ},{dog_id(race, trap)},{7 - trap}. {dog},3.0,10.0\n"
            for trap, dog in enumerate(dogs, start=1)
        ]
    return {"a.csv": "".join(lines)}


FILES = {"betfair_historic": streams(), "betfair_bsp": prices(), "betfair_csv": rows()}


def land_files(workshop: Workshop, source: str) -> None:
    paths: list[tuple[Path, str]] = []
    for name, text in FILES[source].items():
        path = workshop.settings.home / "inbox" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append((path, name))
    assert {each.state for each in land.land(workshop, source, paths)} == {"landed"}


def notes(workshop: Workshop) -> dict[str, dict[str, int]]:
    found = ask(workshop, "select source, notes from ops.ingestion_runs where race_date = %s order by finished_at", DAY)
    return {source: each if isinstance(each, dict) else json.loads(each) for source, each in found}


@pytest.fixture
def state(workshop: Workshop) -> Workshop:
    for source in FILES:
        land_files(workshop, source)
    build_stale(workshop)
    return workshop


def test_a_late_meeting_with_other_traps_and_spellings_is_one_race_each_and_one_selection_a_dog(
    state: Workshop,
) -> None:
    query = """select start_at at time zone 'UTC', status, runner_count, sources, has_conflicting_results
               from core.races order by 1"""
    late: list[tuple[Any, ...]] = [
        ((off(race) + LATE).replace(tzinfo=None), "RESULT", 6, sorted(FILES), race == 2) for race in range(3)
    ]
    assert ask(state, query) == late
    query = (
        "select right(selection_id, 3), dog_name, status, result, is_dead_heat from core.selections order by race_id, 1"
    )
    wanted = [
        (f"-t{trap}", dog, "ACTIVE", "WINNER" if trap == 1 else "LOSER", False)
        for dogs in RACES
        for trap, dog in enumerate(dogs, start=1)
    ]
    wanted.insert(6, ("-t7", GONE, "SCRATCHED", None, False))
    assert ask(state, query) == wanted
    assert ask(state, "select count(*) from quarantine.rejects") == [(0,)]
    assert ask(state, "select clock_shifts from ops.built_days") == [([],)]


def test_what_gave_way_is_counted_and_what_is_disputed_is_told(state: Workshop) -> None:
    found = notes(state)
    assert found["betfair_bsp"] == found["betfair_bsp"] | {"off_differs": 18, "trap_differs": 6, "name_differs": 2}
    assert found["betfair_csv"] == found["betfair_csv"] | {"off_differs": 18, "trap_differs": 18}
    # The place markets keep the offs that were planned.
    assert found["betfair_historic"] == found["betfair_historic"] | {"off_differs": 19}
    assert {source: each.get("race_sources_agree") for source, each in found.items()} == dict.fromkeys(FILES, 1)
    methods = ask(state, "select source, method, count(*) from core.race_links group by 1, 2 order by 1, 2")
    assert methods == [
        ("betfair_bsp", "first", 3),
        ("betfair_csv", "ids", 3),
        ("betfair_historic", "first", 6),
    ]


def test_the_tables_are_the_same_in_every_order_of_landing(workshop: Workshop) -> None:
    seen = []
    for order in permutations(FILES):
        wipe(workshop)
        workshop = Workshop(workshop.settings)
        for source in order:
            land_files(workshop, source)
            build_stale(workshop)
        seen.append(tables(workshop))
    assert all(each == seen[0] for each in seen)
