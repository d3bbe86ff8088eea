"""How many runners a race lacks because their records were rejected, each case written by hand."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from race_assets.normalise.rejected import rejected_runners
from race_assets.schemas.core import SELECTIONS
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.values.texts import formatted

DAY, OFF = date(2024, 6, 27), datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
RACE = "gb-romford-20240627-1836"
PROVIDERS = {"win": "exchange", "stream": "exchange", "card": "paper"}
NAMES = dict(enumerate(("", "Alpha", "Beta", "Gamma", "Delta"), start=0))
Row = dict[str, object]


def row(source: str, number: int, **changes: object) -> Row:
    """A record of the dog of this number and trap, in the source's market of the race."""
    return {
        "race_date": DAY, "source": source, "market_id": f"{source}-1", "market_type": "WIN",
        "track_id": "gb-romford", "start_at": OFF, "selection_id": f"{PROVIDERS[source]}-{number}", "trap": number,
        "dog_name": NAMES[number], "status": "ACTIVE", **changes,
    }  # fmt: skip


def lacking(accepted: list[Row], rejected: list[Row]) -> int:
    """How many runners the race lacks; no other race may lack any."""
    keyed = pl.DataFrame(accepted, schema=polars_schema(RECORDS)).with_columns(
        race_id=pl.lit(RACE), core_selection_id=formatted(f"{RACE}-t{{}}-{{}}", "trap", "dog_name")
    )
    chosen = keyed.select("race_date", "race_id", "status", selection_id="core_selection_id").unique()
    rejects = pl.DataFrame(rejected, schema=polars_schema(REJECTED))
    found = rejected_runners(rejects, keyed, chosen, PROVIDERS)
    assert found.height <= 1
    return found["rejected_runners"].sum()


def test_a_rejected_runner_is_missing_from_the_race_of_its_market() -> None:
    assert lacking([row("win", 1), row("win", 2)], [row("win", 3)]) == 1
    assert lacking([row("win", 1)], [row("win", 2), row("win", 3)]) == 2
    assert lacking([row("win", 1)], []) == 0
    assert lacking([], [row("win", 1)]) == 0


def test_a_market_is_that_of_every_source_of_its_provider() -> None:
    nowhere = {"track_id": None, "start_at": None, "market_id": "win-1"}
    assert lacking([row("win", 1)], [row("stream", 2, **nowhere)]) == 1
    assert lacking([row("win", 1)], [row("card", 2, **nowhere)]) == 0


def test_a_market_with_no_accepted_record_is_placed_by_track_and_off() -> None:
    assert lacking([row("win", 1)], [row("card", 2)]) == 1
    assert lacking([row("win", 1)], [row("card", 2, start_at=None)]) == 0
    assert lacking([row("win", 1)], [row("card", 2, track_id="gb-hove")]) == 0


def test_a_runner_that_another_source_gives_is_not_missing() -> None:
    assert lacking([row("win", 1), row("card", 3)], [row("win", 3)]) == 0
    # By name though the traps differ, by trap though the spellings do, by id though both do.
    assert lacking([row("win", 1), row("card", 4, dog_name="Gamma")], [row("win", 3)]) == 0
    assert lacking([row("win", 1), row("card", 3, dog_name="Gama")], [row("win", 3)]) == 0
    other = {"dog_name": "G. A. M.", "trap": 4, "selection_id": "exchange-3"}
    assert lacking([row("win", 1), row("stream", 4, **other)], [row("win", 3)]) == 0


def test_a_scratched_dog_in_the_trap_of_a_rejected_one_does_not_stand_for_it() -> None:
    scratched = row("card", 3, dog_name="Zeta", status="SCRATCHED")
    assert lacking([row("win", 1), scratched], [row("win", 3)]) == 1


def test_another_dog_of_its_own_provider_in_its_trap_does_not_stand_for_it() -> None:
    other = row("stream", 3, dog_name="Zeta", selection_id="exchange-9")
    assert lacking([row("win", 1), other], [row("win", 3)]) == 1


@pytest.mark.parametrize(("status", "counts"), [("ACTIVE", 1), (None, 1), ("SCRATCHED", 0), ("INACTIVE", 0)])
def test_only_dogs_that_would_run_are_missing(status: str | None, counts: int) -> None:
    assert lacking([row("win", 1)], [row("win", 3, status=status)]) == counts


def test_a_runner_rejected_by_several_sources_and_markets_is_one() -> None:
    place = row("win", 3, market_id="win-2", market_type="PLACE")
    assert lacking([row("win", 1)], [row("win", 3), place, row("card", 3, dog_name="Gama")]) == 1


def test_two_dogs_of_one_source_in_one_trap_are_two() -> None:
    assert lacking([row("win", 1)], [row("win", 3), row("win", 3, dog_name="Zeta", selection_id="exchange-9")]) == 2


def test_rows_that_say_nothing_of_their_runner_count_each() -> None:
    nobody = {"trap": None, "dog_name": None, "selection_id": None}
    assert lacking([row("win", 1)], [row("win", 3, **nobody), row("win", 4, **nobody)]) == 2


def test_the_columns_are_those_of_races() -> None:
    empty = (pl.DataFrame(schema=polars_schema(each)) for each in (REJECTED, RECORDS, SELECTIONS))
    assert rejected_runners(*empty, PROVIDERS).columns == ["race_date", "race_id", "rejected_runners"]
