"""What severities, per-source rules and the clock make of a day: rows kept, cells emptied, runners missing, notes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from race_assets.pipeline import land, replay
from race_assets.pipeline.dry_run import dry_run
from race_assets.pipeline.judge import judge
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW
from race_assets.schemas.table import polars_schema
from race_assets.settings import Settings
from race_assets.storage.rejects import Selection
from race_assets.validation.account import total
from race_assets_tests.pipeline.feed import (
    BSP,
    CSV,
    CSV_HEADER,
    DAY1,
    DAY2,
    ask,
    bsp_name,
    bsp_row,
    build_days,
    build_stale,
    csv_race,
    csv_row,
    drop,
    tell,
)

Make = Callable[..., Settings]
NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Eps", "Zeta")
BAD = "Gamma"


def bsp_race(day: date, *, bad: str = "-1") -> str:
    """A race of six in a win file, the third dog with this starting price."""
    return "".join(
        bsp_row(day, f"{trap}. {name}", selection=trap, won=int(trap == 1), bsp=bad if name == BAD else "4.5")
        for trap, name in enumerate(NAMES, start=1)
    )


def race_of(workshop: Workshop) -> tuple[int, int, str]:
    """Runners, rejected runners and status of the only race."""
    ((runners, rejected, status),) = ask(workshop, "select runner_count, rejected_runners, status from core.races")
    return runners, rejected, status


def notes_of(workshop: Workshop, source: str = BSP) -> dict[str, int]:
    ((notes,),) = ask(
        workshop, "select notes from ops.ingestion_runs where source = %s and race_date is not null", source
    )
    return dict(notes)


# An optional cell that is wrong


def test_a_bad_cell_rejects_its_runner_and_the_race_says_that_it_lacks_one(workshop: Workshop) -> None:
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2), BSP)
    built = build_stale(workshop)
    assert race_of(workshop) == (5, 1, "RESULT")
    assert built.incomplete == [(DAY2, "gb-romford-20240627-1836", 1)]
    assert notes_of(workshop)["race_rejected_runners"] == 1


def test_a_bad_cell_is_emptied_with_a_note_where_the_rule_says_so(make_settings: Make) -> None:
    workshop = Workshop(make_settings(rules={"price_range": {"severity": "null_value"}}))
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2), BSP)
    built = build_stale(workshop)
    assert race_of(workshop) == (6, 0, "RESULT")
    assert built.incomplete == []
    assert ask(workshop, "select bsp, result from core.selections where dog_name = %s", BAD) == [(None, "LOSER")]
    # Its other prices stay.
    assert ask(
        workshop, "select price_kind, price from core.prices where selection_id like %s", "%-t3"
    ) == [("PRE_OFF_WAP", 4.4)]  # fmt: skip
    assert notes_of(workshop) == {"price_range_nulled_bsp": 1}
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(0,)]


def test_a_runner_that_another_source_gives_is_not_missing(workshop: Workshop) -> None:
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2), BSP)
    drop(workshop, "a.csv", csv_race(DAY2, dogs=" ".join(NAMES)))
    build_stale(workshop)
    assert race_of(workshop) == (6, 0, "RESULT")


def test_a_discarded_reject_is_missing_still_and_a_mended_file_brings_it_back(workshop: Workshop) -> None:
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2), BSP)
    build_stale(workshop)
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2, bad="5.0"), BSP)
    build_stale(workshop)
    assert race_of(workshop) == (6, 0, "RESULT")


@pytest.mark.parametrize("severity", ["reject", "null_value"])
@pytest.mark.parametrize(
    ("rule", "row", "column"),
    [
        ("number", {"price": "evns"}, "price"),
        ("number", {"volume": "ten"}, "volume"),
        ("number", {"volume": "NaN"}, "volume"),
        ("price_range", {"price": "NaN"}, "price"),
        ("price_range", {"price": "1.0"}, "price"),
        ("volume", {"volume": "-3"}, "volume"),
    ],
)
def test_a_cell_that_no_rule_passes_is_rejected_or_emptied_with_its_rule_and_column(
    make_settings: Make, rule: str, row: dict[str, str], column: str, severity: str
) -> None:
    workshop = Workshop(make_settings(rules={rule: {"severity": severity}}))
    drop(workshop, "a.csv", csv_race(DAY1, dogs="Alpha") + csv_row(DAY1, "2. Beta", selection=2, **row))
    build_stale(workshop)
    is_kept = severity == "null_value"
    assert race_of(workshop) == (1 + is_kept, 1 - is_kept, "OPEN")
    rejected = [rule in rules for (rules,) in ask(workshop, "select rules from quarantine.rejects")]
    assert rejected == [True] * (not is_kept)
    assert notes_of(workshop, CSV).get(f"{rule}_nulled_{column}", 0) == is_kept
    beta = ask(workshop, f"select {column} from core.selections where dog_name = 'Beta'")
    assert beta == ([(None,)] if is_kept else [])


def test_a_trap_that_cannot_be_read_rejects_whatever_the_severity(make_settings: Make) -> None:
    columns = {"track_name": "t", "start_at": "s", "selection_name": "n", "trap": "b", "finish_position": "p"}
    feed = {"country": "GB", "columns": columns}
    rules = {"number": {"severity": "null_value"}}
    workshop = Workshop(make_settings(rules=rules, sources={"csv_feeds": {"club": feed}}))
    path = workshop.settings.home / "club.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("t,s,n,b,p\nRomford,2024-06-27 18:36,Alpha,x,1\nRomford,2024-06-27 18:36,Beta,2,whenever\n")
    list(land.land(workshop, "club", [(path, "club.csv")]))
    build_stale(workshop)
    assert ask(workshop, "select messages[1] from quarantine.rejects") == [("trap 'x' is not a number that is whole",)]
    assert ask(workshop, "select dog_name, finish_position from core.selections") == [("Beta", None)]
    assert notes_of(workshop, "club")["number_nulled_finish_position"] == 1


# Rules of one source


def test_one_source_s_limit_leaves_the_others_and_its_other_rules_alone(make_settings: Make) -> None:
    rules = {"price_range": {"max": 4.0}, "volume": {"severity": "null_value"}}
    workshop = Workshop(make_settings(sources={CSV: {"rules": rules}}))
    drop(
        workshop,
        "a.csv",
        csv_race(DAY2, price="4.5", dogs="Alpha") + csv_row(DAY2, "2. Beta", selection=2, volume="-1"),
    )
    drop(workshop, "b.csv", csv_row(DAY2, "3. Gamma", selection=3, price="1.001"))
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2, bad="4.5"), BSP)
    build_stale(workshop)
    refused = ask(workshop, "select source, messages[1] from quarantine.rejects order by 2")
    assert refused == [(CSV, "price 1.001: 1.01 to 4 passes"), (CSV, "price 4.5: 1.01 to 4 passes")]
    assert notes_of(workshop, CSV)["volume_nulled_volume"] == 1
    assert ask(workshop, "select count(*) from core.selections where 'betfair_bsp' = any(sources)") == [(6,)]


def test_another_rule_of_a_source_makes_its_own_days_out_of_date(make_settings: Make) -> None:
    drop(first := Workshop(make_settings()), "a.csv", csv_race(DAY1))
    drop(first, bsp_name(DAY2), bsp_race(DAY2), BSP)
    build_stale(first)
    other = Workshop(make_settings(sources={CSV: {"rules": {"price_range": {"max": 2.0}}}}))
    assert [day for day, _ in other.ledger.stale_days()] == [DAY1]
    build_stale(other)
    assert ask(other, "select race_date from core.races") == [(DAY2,)]


# Currencies


def test_a_feed_s_unknown_currency_is_rejected_and_two_currencies_of_a_runner_are_noted(make_settings: Make) -> None:
    columns = {"track_name": "t", "start_at": "s", "selection_name": "n", "trap": "b", "volume": "v", "currency": "c"}
    workshop = Workshop(make_settings(sources={"csv_feeds": {"club": {"country": "GB", "columns": columns}}}))
    path = workshop.settings.home / "club.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    off = "Romford,2024-06-27 18:36"
    path.write_text(f"t,s,n,b,v,c\n{off},Alpha,1,5,aud\n{off},Beta,2,5,GBP\n{off},Gamma,3,5,XYZ\n{off},Delta,4,5,\n")
    list(land.land(workshop, "club", [(path, "club.csv")]))
    drop(workshop, "a.csv", csv_race(DAY2, dogs="Alpha Beta Gamma Delta"))
    built = build_stale(workshop)
    ((message,),) = ask(workshop, "select messages[1] from quarantine.rejects")
    assert message.startswith("currency XYZ: GBP, EUR")
    assert built.findings[DAY2, "currency"] == 1
    assert notes_of(workshop, "club")["race_currency"] == 1
    assert dict(
        ask(workshop, "select currency, count(*) from core.prices where volume is not null group by 1")
    ) == {"GBP": 4}  # fmt: skip
    assert ask(workshop, "select dog_name, currency from core.selections order by trap") == [
        ("Alpha", "GBP"), ("Beta", "GBP"), ("Gamma", "GBP"), ("Delta", "GBP"),
    ]  # fmt: skip


# The clock


def test_a_row_that_a_wrong_clock_rejected_is_accepted_by_a_new_landing(workshop: Workshop) -> None:
    workshop.clock = lambda: datetime(2000, 1, 1, tzinfo=UTC)
    drop(workshop, "a.csv", csv_race(DAY1))
    assert ask(workshop, "select distinct messages[1] from quarantine.rejects") == [
        ("race date 2024-06-26 is over 92 days ahead of this machine's, 2000-01-01",)
    ]
    assert not land.has_outdated_files(workshop)
    assert drop(workshop, "a.csv", csv_race(DAY1)).state == "known"

    workshop.clock = lambda: datetime(2024, 6, 26, 20, tzinfo=UTC)
    assert drop(workshop, "a.csv", csv_race(DAY1)).state == "landed"
    build_stale(workshop)
    assert race_of(workshop)[0] == 3
    assert ask(workshop, "select distinct state from quarantine.rejects") == [("replayed",)]
    assert ask(workshop, "select first_day_ahead, version from ops.source_files") == [(None, 1)]
    assert drop(workshop, "a.csv", csv_race(DAY1)).state == "known"


@pytest.mark.parametrize(("days", "is_read_again"), [(93, False), (92, True)])
def test_a_row_too_far_ahead_is_read_again_by_a_replay_once_it_is_near_enough(
    workshop: Workshop, days: int, is_read_again: bool
) -> None:
    workshop.clock = lambda: datetime(2000, 1, 1, tzinfo=UTC)
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    workshop.clock = lambda: datetime(2024, 6, 26, tzinfo=UTC) - timedelta(days=days)
    assert land.has_outdated_files(workshop) is is_read_again
    ids, stale, reread = replay.begin(workshop, Selection(rule="start_time"))
    assert (len(ids), stale, len(reread)) == (6, [DAY1] * is_read_again, int(is_read_again))
    # The second day lies one further ahead.
    assert ask(workshop, "select first_day_ahead from ops.source_files") == [(DAY2 if is_read_again else DAY1,)]


def test_a_source_s_own_limit_says_how_far_ahead_its_days_may_be(make_settings: Make) -> None:
    workshop = Workshop(make_settings(sources={CSV: {"rules": {"start_window": {"future_days": 3}}}}))
    workshop.clock = lambda: datetime(2024, 6, 23, tzinfo=UTC)
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    assert ask(workshop, "select race_dates, undated from ops.source_files") == [([DAY1], 3)]


WINDOW = {"sources": {CSV: {"rules": {"start_window": {"severity": "reject"}}}}}


def test_a_replay_judges_by_its_own_clock_what_the_clock_of_the_build_rejected(make_settings: Make) -> None:
    workshop = Workshop(make_settings(**WINDOW))
    drop(workshop, "a.csv", csv_race(DAY1))
    tell(workshop, "update ops.source_files set landed_at = '2024-06-26'")
    workshop.clock = lambda: datetime(2023, 1, 1, tzinfo=UTC)
    build_days(workshop, [DAY1])
    assert ask(workshop, "select distinct rules from quarantine.rejects") == [(["start_window"],)]
    assert workshop.ledger.stale_days() == []

    workshop.clock = lambda: datetime(2024, 6, 27, tzinfo=UTC)
    _, days, _ = replay.begin(workshop, Selection(rule="start_window"))
    assert days == [DAY1]
    build_stale(workshop)
    assert race_of(workshop)[:2] == (3, 0)
    assert ask(workshop, "select distinct state from quarantine.rejects") == [("replayed",)]


@pytest.mark.parametrize(
    ("name", "passes"),
    [("a.csv", False), ("2024-06-27/a.csv", True), ("2024-06-24.csv", False), ("26062024.csv", True)],
)
def test_an_old_row_passes_the_window_where_its_file_s_name_has_its_day(
    make_settings: Make, name: str, passes: bool
) -> None:
    workshop = Workshop(make_settings(**WINDOW))
    drop(workshop, name, csv_race(DAY1))
    build_stale(workshop)
    assert len(ask(workshop, "select from core.races")) == passes


@pytest.mark.parametrize(("name", "passes"), [("a.csv", False), ("2024-06-24.csv", False), ("26062024.csv", True)])
def test_a_dry_run_judges_by_the_file_s_name_as_a_landing_does(tmp_path: Path, name: str, passes: bool) -> None:
    workshop = Workshop(Settings(home=tmp_path / "home", **WINDOW))
    path = tmp_path / name
    path.write_text(CSV_HEADER + csv_race(DAY1))
    tried = dry_run(workshop, workshop.source(CSV), path)
    assert tried.account.rejected_by == ({} if passes else {"start_window": 3})


@pytest.mark.parametrize(
    ("source", "is_checked"), [("betfair_exchange", True), (CSV, False), ("racing_post_races", True)]
)
def test_the_window_is_on_for_sources_of_coming_races_and_off_for_archives(
    workshop: Workshop, source: str, is_checked: bool, tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("a row\n")
    off = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
    row = {
        "source": source, "source_file": "a", "source_row": 1, "byte_offset": 0, "market_id": "1.1",
        "market_type": "WIN", "track_name": "Romford", "country": "GB", "start_at": off, "race_date": DAY2,
        "selection_id": "1", "selection_name": "1. Alpha", "dog_name": "Alpha", "trap": 1, "status": "ACTIVE",
        "superseded": False, "observed_at": off + timedelta(days=31),
    }  # fmt: skip
    judged = judge(workshop, pl.DataFrame([row], schema=polars_schema(RAW)), lambda *_: tmp_path / "file")
    assert total(judged.accounts.values()).rejected_by == ({"start_window": 1} if is_checked else {})
