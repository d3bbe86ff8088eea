"""All sample files through the whole pipeline, against the books their generator kept while it planted each row."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from race_assets.pipeline import land
from race_assets.pipeline.build import Built, build
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.conftest import SAMPLES
from race_assets_tests.databases import Databases
from race_assets_tests.waiting import PATIENCE_S

BOOKS: dict[str, list[dict[str, Any]]] = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
SOURCES = ("betfair_bsp", "betfair_csv")
NOTE_OF_WARNING = {"trap": "trap_unusual", "local_time": "local_time_ambiguous"}


@dataclass(frozen=True)
class Loaded:
    """A warehouse that holds all samples, and what landing and building said."""

    warehouse: "psycopg.Connection[tuple[Any, ...]]"
    landed: list[Landed]
    built: list[Built]

    def ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.warehouse.execute(query.encode(), parameters).fetchall()


@pytest.fixture(scope="module")
def samples(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """All samples landed in a fresh home and database, and every stale day built; read it, write nothing."""
    with databases.lend() as url:
        home = tmp_path_factory.mktemp("samples")
        workshop = Workshop(Settings.model_validate({"home": home, "postgres": {"url": url}}))
        landed = []
        for source in SOURCES:
            landed += land.land(workshop, source, land.named(sorted((SAMPLES / source).glob("*.csv"))))
        built = list(build(workshop, [day for day, _ in workshop.ledger.stale_days()], "samples"))
        with workshop.warehouse.connect() as reading:
            yield Loaded(reading, landed, built)


def of_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


# --- files ----------------------------------------------------------------------------------------------------------


def test_the_committed_samples_are_what_their_generator_writes(tmp_path: Path) -> None:
    command = [sys.executable, SAMPLES / "generate.py", "--out", tmp_path]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)

    def files(folder: Path) -> dict[str, bytes]:
        found = [*folder.glob("*/*.csv"), folder / "expected.json"]
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}

    written, committed = files(tmp_path), files(SAMPLES)
    assert len(written) == len(BOOKS["files"]) + 1
    assert sorted(written) == sorted(committed)
    assert [name for name in written if written[name] != committed[name]] == []


def test_every_file_lands_with_all_its_rows_and_days(samples: Loaded) -> None:
    found = samples.ask(
        "select source, name, state, sha256, bytes, rows_read, records, race_dates::text[], version, withdrawn_at"
        " from ops.source_files order by source, name"
    )

    assert found == [
        (
            *(each["source"], each["path"].partition("/")[2], "landed", each["sha256"], each["bytes"]),
            *(each["rows"], each["rows"], each["race_dates"], 1, None),
        )
        for each in sorted(BOOKS["files"], key=lambda each: (each["source"], each["path"]))
    ]
    assert {each.state for each in samples.landed} == {"landed"}


def test_the_rejects_of_each_file_are_as_many_as_were_planted(samples: Loaded) -> None:
    found = samples.ask(
        "select source || '/' || name, (select count(*) from quarantine.rejects r"
        " where (r.source, r.source_file) = (f.source, f.sha256)) from ops.source_files f"
    )

    assert dict(found) == {each["path"]: each["quarantined"] for each in BOOKS["files"]}


# --- rows -----------------------------------------------------------------------------------------------------------


def test_exactly_the_planted_rows_are_refused_each_by_its_rule_on_its_day(samples: Loaded) -> None:
    found = samples.ask(
        "select r.source || '/' || name, source_row, rules, race_date, stage, r.state, cardinality(messages),"
        " row->>'text' from quarantine.rejects r"
        " join ops.source_files f on (f.source, f.sha256) = (r.source, r.source_file) order by 1, 2"
    )

    planted = [each for each in BOOKS["planted"] if each["outcome"] == "quarantined"]
    assert found == [
        (
            *(each["path"], each["line"], [each["reason"]], of_day(each["race_date"])),
            *("row" if each["race_date"] else "land", "open", 1, line_of(each["path"], each["line"])),
        )
        for each in sorted(planted, key=lambda each: (each["path"], each["line"]))
    ]


def line_of(path: str, line: int) -> str:
    return (SAMPLES / path).read_text(encoding="utf-8").split("\n")[line - 1]


def test_every_row_of_every_day_is_accepted_or_accounted_for(samples: Loaded) -> None:
    runs = samples.ask(
        "select source, race_date, records_in, accepted, quarantined, rejected_by, duplicates, filtered"
        " from ops.ingestion_runs where race_date is not null order by source, race_date"
    )

    assert runs == [
        (
            *(each["source"], of_day(each["race_date"]), each["records_in"], each["accepted"]),
            *(sum(each["quarantined"].values()), each["quarantined"], each["duplicates"], each["filtered"]),
        )
        for each in BOOKS["days"]
        if each["race_date"]
    ]


def test_rows_whose_day_cannot_be_told_are_accounted_for_without_a_day(samples: Loaded) -> None:
    runs = samples.ask(
        "select source, sum(records_in)::int, sum(accepted)::int, sum(quarantined)::int, json_agg(rejected_by)"
        " from ops.ingestion_runs where race_date is null group by source order by source"
    )

    undated = [each for each in BOOKS["days"] if each["race_date"] is None]
    assert len(undated) == len(SOURCES)
    assert [(*run[:4], dict(sum(map(Counter, run[4]), Counter()))) for run in runs] == [
        (each["source"], each["records_in"], 0, each["records_in"], each["quarantined"]) for each in undated
    ]
    assert samples.ask(
        "select source, count(*)::int from quarantine.rejects where race_date is null and stage = 'land'"
        " group by source order by source"
    ) == [(each["source"], each["records_in"]) for each in undated]


def test_rows_that_are_odd_and_good_are_counted_as_notes(samples: Loaded) -> None:
    found = samples.ask("select source, race_date, notes from ops.ingestion_runs where race_date is not null")

    counted = {
        (source, day, note): notes[note]
        for source, day, notes in found
        for note in NOTE_OF_WARNING.values()
        if note in notes
    }
    assert counted == {
        (each["source"], of_day(each["race_date"]), NOTE_OF_WARNING[rule]): count
        for each in BOOKS["days"]
        for rule, count in each["warnings"].items()
    }


# --- races and selections -------------------------------------------------------------------------------------------


def test_each_day_has_the_races_and_selections_that_were_told_of(samples: Loaded) -> None:
    found = samples.ask(
        "select race_date::text, count(*), count(*) filter (where cardinality(sources) = 2),"
        " count(*) filter (where 'betfair_bsp' = any(sources)), count(*) filter (where 'betfair_csv' = any(sources)),"
        " (select count(*) from core.selections s where s.race_date = r.race_date)"
        " from core.races r group by race_date order by race_date"
    )

    assert found == [
        (
            *(each["race_date"], each["races"], each["joined_races"]),
            *(each["races_by_source"].get(source, 0) for source in SOURCES),
            each["selections"],
        )
        for each in BOOKS["core"]
    ]
    assert not any(built.failed for built in samples.built)


def test_every_race_and_dog_worth_a_look_is_there_at_its_time(samples: Loaded) -> None:
    for fact in BOOKS["facts"]:
        starts = samples.ask(
            "select start_at from core.races where race_id = %s and race_date = %s", fact["race_id"], fact["race_date"]
        )
        assert (fact["what"], starts) == (fact["what"], [(datetime.fromisoformat(fact["start_at"]),)])
        runners = [each["selection_id"] for each in runners_of(samples, fact["race_id"])]
        assert set(fact["selection_ids"]) <= set(runners), fact["what"]


def runners_of(samples: Loaded, race_id: str) -> list[dict[str, Any]]:
    columns = ("selection_id", "dog_name", "result", "is_dead_heat", "price", "price_kind", "bsp", "sources", "status")
    rows = samples.ask(f"select {', '.join(columns)} from core.selections where race_id = %s order by 1", race_id)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def facts(what: str) -> list[dict[str, Any]]:
    found = [fact for fact in BOOKS["facts"] if what in fact["what"]]
    assert found, f"no sample shows {what}"
    return found


def about(samples: Loaded, fact: dict[str, Any]) -> list[dict[str, Any]]:
    """The runners a fact names, or all of its race where it names none."""
    runners = runners_of(samples, fact["race_id"])
    return [each for each in runners if not fact["selection_ids"] or each["selection_id"] in fact["selection_ids"]]


def test_a_dead_heat_has_two_winners_however_it_is_written(samples: Loaded) -> None:
    for fact in facts("dead_heat"):
        winners = [each["selection_id"] for each in runners_of(samples, fact["race_id"]) if each["result"] == "WINNER"]
        assert winners == sorted(fact["selection_ids"])
        assert [each["is_dead_heat"] for each in about(samples, fact)] == [True, True]


def test_reserves_and_padded_names_are_called_what_they_are(samples: Loaded) -> None:
    for fact in [*facts("reserve"), *facts("name with a blank behind it")]:
        assert [each["dog_name"] for each in about(samples, fact)] == [fact["dog_name"]]


def test_cut_and_comma_names_are_kept_behind_their_trap(samples: Loaded) -> None:
    for fact in [fact for fact in BOOKS["facts"] if "selection_name" in fact]:
        trap, _, name = fact["selection_name"].partition(". ")
        assert [(each["dog_name"], each["selection_id"][-2:]) for each in about(samples, fact)] == [(name, f"t{trap}")]


def test_what_stands_for_no_starting_price_is_none(samples: Loaded) -> None:
    sentinels = facts("a BSP that stands for none")
    assert {fact["written_as"] for fact in sentinels} >= {"", "NaN", "Infinity"}
    for fact in [*sentinels, *facts("without BSP"), *facts("all blanks")]:
        assert {each["bsp"] for each in about(samples, fact)} == {None}
    assert samples.ask("select count(*) from core.prices where not price between 1.01 and 1000") == [(0,)]


def test_fractional_odds_are_their_decimal_price(samples: Loaded) -> None:
    for fact in facts("fractional odds"):
        [price] = samples.ask(
            "select price from core.prices where selection_id = %s and price_kind = 'PRICE'", *fact["selection_ids"]
        )
        assert price == (pytest.approx(float(fact["price"]), abs=5e-5),)


def test_races_both_sources_tell_of_are_one_race(samples: Loaded) -> None:
    for fact in facts("joined"):
        assert samples.ask("select sources from core.races where race_id = %s", fact["race_id"]) == [(list(SOURCES),)]
        assert {tuple(each["sources"]) for each in about(samples, fact)} == {SOURCES}
    for fact in facts("only in the CSV feed"):
        assert samples.ask("select sources from core.races where race_id = %s", fact["race_id"]) == [(["betfair_csv"],)]


def test_a_record_issued_again_with_more_known_values_stands(samples: Loaded) -> None:
    [fact] = facts("with more known values")
    found = samples.ask(
        "select price_kind, price from core.prices where selection_id = %s and source = 'betfair_bsp'"
        " and market_type = 'WIN' and price_kind in ('PRE_OFF_WAP', 'MORNING_WAP')",
        *fact["selection_ids"],
    )

    assert dict(found) == {"PRE_OFF_WAP": float(fact["pre_off_wap"]), "MORNING_WAP": float(fact["morning_wap"])}


def test_nothing_filtered_or_refused_reached_core(samples: Loaded) -> None:
    names = samples.ask(
        r"select dog_name from core.selections where dog_name ~ '^\d+ ?- ?\d+$' or dog_name ~* '^trap \d+$'"
        r" or dog_name ~ '^\d\d-[A-Z][a-z]{2}$'"
    )

    assert names == []
