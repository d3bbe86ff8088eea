"""What a re-ingest changes in a published day is kept cell by cell, once, whatever happens in between."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets.pipeline import revisions
from race_assets.pipeline.judge import VALIDATED, ensure_judged
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import conform
from race_assets.storage.recording import Recordings
from race_assets_tests.pipeline.feed import (
    BSP,
    DAY1,
    ask,
    bsp_name,
    bsp_row,
    build_days,
    build_stale,
    csv_race,
    drop,
)

DOGS = ("1. Alpha", "2. Beta", "3. Gamma")


def results(*bsps: str, winner: int = 1, dogs: tuple[str, ...] = DOGS) -> str:
    told = zip(dogs, bsps, strict=True)
    return "".join(
        bsp_row(DAY1, name, selection=number, won=int(number == winner), bsp=bsp)
        for number, (name, bsp) in enumerate(told, start=1)
    )


def told(workshop: Workshop) -> list[tuple[Any, ...]]:
    query = "select selection_id, what, column_name, old, new from ops.revisions order by revised_at, 1, 3"
    return ask(workshop, query)


@pytest.fixture
def published(workshop: Workshop) -> Workshop:
    """A day of three dogs, published."""
    drop(workshop, bsp_name(DAY1), results("4.5", "3.0", "2.5"), BSP)
    build_stale(workshop)
    assert told(workshop) == []
    return workshop


def test_two_prices_and_a_result_altered_are_exactly_three_cells(
    published: Workshop, command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    drop(published, bsp_name(DAY1), results("4.6", "3.1", "2.5").replace("Gamma,0", "Gamma,1"), BSP)
    build_stale(published)
    cells = [
        ("1", "changed", "bsp", "4.5", "4.6"),
        ("2", "changed", "bsp", "3.0", "3.1"),
        ("3", "changed", "result", "LOSER", "WINNER"),
    ]
    assert told(published) == cells
    done = command("diff", str(DAY1), "--format", "json")
    rows = json.loads(done.stdout)
    shown = ("selection_id", "what", "column_name", "old", "new")
    assert sorted(tuple(row[name] for name in shown) for row in rows) == cells
    assert {(row["source"], row["market_type"]) for row in rows} == {(BSP, "WIN")}
    assert "3 changes" in command("diff", str(DAY1)).stdout
    assert "0 changes" in command("diff", str(DAY1), "--source", "betfair_csv").stdout
    assert "3 changes; --limit shows more than 1" in command("diff", str(DAY1), "--limit", "1").stdout


def test_a_day_built_again_from_the_same_files_has_none(published: Workshop) -> None:
    assert not build_days(published, [DAY1], refresh=True).failed
    drop(published, "other name.csv", results("4.5", "3.0", "2.5"), BSP)
    build_stale(published)
    assert told(published) == []


def test_a_source_that_is_new_to_the_day_is_news_and_a_dog_that_is_new_or_gone_is_told(published: Workshop) -> None:
    drop(published, "a.csv", csv_race(DAY1, dogs="Alpha Beta Gamma"))
    build_stale(published)
    assert told(published) == []
    dogs = ("1. Alpha", "2. Beta", "4. Delta")
    drop(published, bsp_name(DAY1), results("4.5", "3.0", "9.0", dogs=dogs).replace(",3,4. Delta", ",4,4. Delta"), BSP)
    build_stale(published)
    assert told(published) == [("3", "went", "*", None, None), ("4", "came", "*", None, None)]


def test_a_file_taken_back_takes_its_records_with_it(published: Workshop) -> None:
    (file,) = published.ledger.files(BSP)
    published.ledger.withdraw(BSP, file.sha256)
    build_stale(published)
    assert [row[:3] for row in told(published)] == [(str(n), "went", "*") for n in (1, 2, 3)]


def test_judged_again_and_again_before_it_is_published_it_is_compared_with_what_was_published(
    published: Workshop,
) -> None:
    for price in ("5.0", "6.0", "7.0"):
        drop(published, bsp_name(DAY1), results(price, "3.0", "2.5"), BSP)
        # The raw and validated steps run by themselves, as a person may have them do.
        ensure_judged(published, published.wanted([DAY1]))
    build_stale(published)
    assert told(published) == [("1", "changed", "bsp", "4.5", "7.0")]


def test_a_build_that_did_not_come_to_its_publishing_loses_and_doubles_nothing(
    published: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(published, bsp_name(DAY1), results("5.0", "3.0", "2.5"), BSP)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for place in ("publish", "last_published"):
        with monkeypatch.context() as patch:
            patch.setattr(f"race_assets.storage.publish.{place}", killed)
            with pytest.raises(KeyboardInterrupt):
                build_stale(published)
        assert told(published) == []
    build_stale(published)
    assert told(published) == [("1", "changed", "bsp", "4.5", "5.0")]
    drop(published, bsp_name(DAY1), results("5.5", "3.0", "2.5"), BSP)
    build_stale(published)
    assert [row[3:] for row in told(published)] == [("4.5", "5.0"), ("5.0", "5.5")]


def test_what_was_published_is_kept_though_the_judged_file_is_replaced(published: Workshop) -> None:
    lake, kept = published.lake, published.published
    before = lake.fingerprint(VALIDATED, DAY1)
    assert {kept.fingerprint(slot, DAY1) for slot in revisions.SLOTS} == {before, None}
    drop(published, bsp_name(DAY1), results("5.0", "3.0", "2.5"), BSP)
    build_stale(published)
    assert {kept.fingerprint(slot, DAY1) for slot in revisions.SLOTS} == {before, lake.fingerprint(VALIDATED, DAY1)}


def test_a_source_that_was_taken_back_and_comes_again_is_told(published: Workshop) -> None:
    (file,) = published.ledger.files(BSP)
    published.ledger.withdraw(BSP, file.sha256)
    build_stale(published)
    drop(published, bsp_name(DAY1), results("9.9", "3.0", "2.5"), BSP)
    build_stale(published)
    assert [row[1:3] for row in told(published)] == [("went", "*")] * 3 + [("came", "*")] * 3


def test_what_an_earlier_version_kept_in_the_lake_is_found(published: Workshop) -> None:
    home = published.settings.home
    (home / "published").rename(home / "lake" / "published")
    (home / "lake" / "live" / "betfair_exchange" / str(DAY1)).mkdir(parents=True)
    later = Workshop(published.settings)
    drop(later, bsp_name(DAY1), results("9.9", "3.0", "2.5"), BSP)
    build_stale(later)
    assert told(later) == [("1", "changed", "bsp", "4.5", "9.9")]
    assert [path.name for path in Recordings(home, "betfair_exchange").folder.iterdir()] == [str(DAY1)]


def test_what_lies_in_the_lake_though_it_has_a_place_beside_it_is_told(
    published: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    (published.settings.home / "lake" / "published").mkdir()
    assert Workshop(published.settings).published.folder == published.settings.home / "published"
    assert "is read by nobody any more: move what is in it" in caplog.text


def test_the_lake_may_be_deleted_and_a_lost_copy_is_told_of(
    published: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(published.settings.home / "lake")
    drop(published, bsp_name(DAY1), results("9.9", "3.0", "2.5"), BSP)
    build_stale(published)
    assert told(published) == [("1", "changed", "bsp", "4.5", "9.9")]
    assert "is not told" not in caplog.text
    shutil.rmtree(published.settings.home / "published")
    drop(published, bsp_name(DAY1), results("8.8", "3.0", "2.5"), BSP)
    build_stale(published)
    assert len(told(published)) == 1
    assert "what changes in it now is not told" in caplog.text


RECORD = st.fixed_dictionaries(
    {
        "selection_id": st.sampled_from(["1", "2", "3"]),
        "bsp": st.none() | st.sampled_from([1.5, 2.5]),
        "result": st.none() | st.sampled_from(["WINNER", "LOSER"]),
        "trap": st.none() | st.integers(1, 3),
        "is_dead_heat": st.none() | st.booleans(),
    }
)
DAY_OF_RECORDS = st.lists(RECORD, unique_by=lambda each: str(each["selection_id"]))


def frame(told_of: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [
        {"race_date": date(2024, 6, 27), "source": "s", "market_id": "1.1", "market_type": "WIN", **each}
        for each in told_of
    ]
    return conform(pl.DataFrame(rows, schema_overrides={"race_date": pl.Date}, infer_schema_length=None), RECORDS)


@given(DAY_OF_RECORDS, DAY_OF_RECORDS)
def test_the_old_records_with_the_revisions_are_the_new_ones(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    if not before or not after:
        return
    made = {each["selection_id"]: dict(each) for each in before}
    meant = {each["selection_id"]: each for each in after}
    for row in revisions.difference(frame(before), frame(after)).to_dicts():
        who, name = row["selection_id"], row["column_name"]
        if row["what"] == "went":
            del made[who]
        elif row["what"] == "came":
            made[who] = meant[who]
        else:
            assert text(made[who][name]) == row["old"]
            assert text(meant[who][name]) == row["new"]
            made[who][name] = meant[who][name]
    assert made == meant


def text(value: object) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
