"""Ids that stand for several dogs or races, and those that only look so."""

from datetime import UTC, datetime

import polars as pl
import pytest

from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.validation.identifiers import conflicts, shared_keys

OFF, LATER = datetime(2024, 6, 27, 17, 36, tzinfo=UTC), datetime(2024, 6, 27, 17, 51, tzinfo=UTC)
GOOD: dict[str, object] = {
    "source": "betfair_csv",
    "source_file": "a" * 64,
    "race_date": OFF.date(),
    "market_id": "m1",
    "market_type": "WIN",
    "track_id": "gb-romford",
    "track_name": "Romford",
    "start_at": OFF,
}


def runner(trap: int | None, name: str | None, selection: str | None = None, **facts: object) -> dict[str, object]:
    written = name if trap is None else f"{trap}. {name}"
    named = {"selection_name": written, "dog_name": name, "trap": trap}
    return {**GOOD, **named, "selection_id": selection or f"{trap}-{name}", **facts}


def found(*rows: dict[str, object]) -> dict[int, str]:
    """The message of each record in conflict, by its place."""
    told = [{"source_row": line, **row} for line, row in enumerate(rows, start=2)]
    records = pl.DataFrame(told, schema=polars_schema(RECORDS))
    frame = conflicts(records, shared_keys(records))
    assert set(frame["rule"]) <= {"keys"}
    return dict(frame.select("position", "message").iter_rows())


def test_runners_of_their_own_ids_are_no_conflict() -> None:
    assert found() == {}
    assert found(runner(1, "Alpha"), runner(2, "Beta"), runner(1, "Alpha", market_type="PLACE")) == {}


@pytest.mark.parametrize("traps", [(1, 2), (1, 1), (None, None)])
def test_one_id_of_two_dogs_rejects_both_and_names_them_with_their_lines(traps: tuple[int | None, int | None]) -> None:
    one, other = runner(traps[0], "Alpha", "7"), runner(traps[1], "Beta", "7")
    said = found(one, runner(3, "Gamma"), other)
    assert set(said) == {0, 2}
    for part in ("market m1, selection 7", f"{one['selection_name']} (line 2 of aaaaaaaaaaaa)", "(line 4 of", "cut"):
        assert part in said[0]
        assert part in said[2]


def test_one_id_in_two_traps_of_a_file_is_a_conflict_whatever_the_names() -> None:
    assert set(found(runner(1, "Alpha", "7"), runner(2, "Alpha", "7"))) == {0, 1}
    assert set(found(runner(1, None, "7"), runner(2, None, "7"))) == {0, 1}


def test_a_dog_that_another_file_has_in_another_trap_is_one_dog_as_long_as_its_name_says_so() -> None:
    elsewhere = {"source_file": "b" * 64}
    assert found(runner(1, "Alpha", "7"), runner(2, "Alpha", "7", **elsewhere)) == {}
    assert set(found(runner(1, "Alpha", "7"), runner(2, None, "7", **elsewhere))) == {0, 1}
    assert set(found(runner(1, "Alpha", "7"), runner(1, "Beta", "7", **elsewhere))) == {0, 1}


def test_another_file_may_spell_the_name_otherwise_for_the_same_trap_of_the_same_race() -> None:
    elsewhere = {"source_file": "b" * 64}
    vantage = runner(3, "Droopys Vantage", "7")
    assert found(vantage, runner(3, "Droopys Vantige", "7", **elsewhere)) == {}
    for apart in (
        runner(4, "Droopys Vantige", "7", **elsewhere),
        runner(3, "Droopys Vantige", "7", start_at=LATER, **elsewhere),
        runner(3, "Swift Perfection", "7", **elsewhere),
        runner(3, "Droopys Vantige", "7"),
    ):
        assert set(found(vantage, apart)) == {0, 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alpha", "ALPHA"),
        ("O'Hara Boy", "OHara Boy"),
        ("Alpha", None),
        ("Brilliant Elegance", "Brilliant Elegan"),
        ("Brilliant Elegan", "Brilliant Elegance"),
    ],
)
def test_two_spellings_of_one_dog_are_no_conflict(one: str, other: str | None) -> None:
    assert found(runner(1, one, "7"), runner(1, other, "7")) == {}


def test_a_market_on_two_tracks_rejects_all_its_records_of_that_file() -> None:
    hove = {"track_id": "gb-hove", "track_name": "Hove"}
    said = found(runner(1, "Alpha"), runner(2, "Beta", **hove), runner(3, "Gamma", market_id="m2"))
    assert set(said) == {0, 1}
    assert "market m1 stands for several races: Hove 17:36Z, Romford 17:36Z" in said[0]


def test_a_market_whose_traps_have_other_dogs_at_another_off_is_two_races() -> None:
    second = {"start_at": LATER}
    said = found(runner(1, "Alpha"), runner(2, "Beta"), runner(1, "Gamma", **second), runner(3, "Delta", **second))
    assert set(said) == {0, 1, 2, 3}
    assert "Romford 17:36Z, Romford 17:51Z" in said[3]


def test_a_market_whose_off_was_moved_while_its_rows_were_written_is_one_race() -> None:
    assert found(runner(1, "Alpha"), runner(2, "Beta"), runner(3, "Gamma", start_at=LATER)) == {}
    assert found(runner(1, "Alpha"), runner(1, "Alpha", start_at=LATER)) == {}


def test_two_dogs_of_a_trap_at_one_off_are_left_to_the_rules_of_a_race() -> None:
    assert found(runner(1, "Alpha"), runner(1, "Beta")) == {}


def test_the_same_market_in_two_files_and_rows_without_ids_are_no_conflict() -> None:
    hove = {"track_id": "gb-hove", "track_name": "Hove", "source_file": "b" * 64}
    assert found(runner(1, "Alpha"), runner(2, "Beta", **hove)) == {}
    nothing = {"market_id": None, "selection_id": None}
    assert found(runner(1, "Alpha", **nothing), runner(2, "Beta", **nothing)) == {}


def test_many_dogs_of_one_id_are_named_up_to_a_number() -> None:
    said = found(*(runner(trap, f"Dog {chr(64 + trap)}", "7") for trap in range(1, 10)))
    assert len(said) == 9
    assert said[0].count("(line") == 6
    assert "and 3 more" in said[0]
