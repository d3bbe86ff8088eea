"""A correction under a new file name is pointed out when it lands, and files that only share a day cost little."""

from datetime import date, timedelta

import pytest

from race_assets.pipeline import repeats
from race_assets.pipeline.repeats import RowCache
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.lake import Lake
from race_assets_tests.pipeline.feed import BSP, CSV, DAY1, DAY2, ask, bsp_row, csv_race, drop


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The parsed files that are read from now on, with an empty cache."""
    found: list[object] = []
    scan = Lake.scan_parsed

    def noted(lake: Lake, path: object, schema: object) -> object:
        found.append(path)
        return scan(lake, path, schema)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "scan_parsed", noted)
    monkeypatch.setattr(repeats, "CACHE", RowCache())
    return found


def test_a_correction_under_a_new_name_says_which_file_to_replace(workshop: Workshop) -> None:
    first = drop(workshop, "races.csv", csv_race(DAY2, price="3.0"))
    second = drop(workshop, "races corrected.csv", csv_race(DAY2, price="4.0"))

    assert first.detail == ""
    for part in (
        "3 of its 3 runners are also in races.csv (version 1), 3 of them with other values",
        "line 2: price 4.0, there 3.0",
        "land this file under that name",
        f"race-assets land --withdraw {first.sha256[:12]}",
    ):
        assert part in second.detail
    assert ask(workshop, "select detail from ops.source_files where name = 'races corrected.csv'") == [(second.detail,)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (csv_race(DAY2, price="3.0") + csv_race(DAY1), "the same values and another day"),
        (csv_race(DAY2, price=""), "fewer values"),
        (csv_race(DAY2, track="Hove"), "another race of the day"),
        (csv_race(DAY2, price="4.0").splitlines(keepends=True)[0] + csv_race(DAY2, track="Hove"), "one row of many"),
        (csv_race(DAY1, price="4.0"), "another day"),
    ],
)
def test_a_file_that_contradicts_no_other_or_has_little_of_it_is_landed_without_a_word(
    workshop: Workshop, text: str, name: str
) -> None:
    drop(workshop, "races.csv", csv_race(DAY2, price="3.0"))
    assert drop(workshop, f"{name}.csv", text).detail == ""


def test_a_new_version_of_a_name_and_a_withdrawn_file_are_not_compared_with(workshop: Workshop) -> None:
    drop(workshop, "races.csv", csv_race(DAY2, price="3.0"))
    assert drop(workshop, "races.csv", csv_race(DAY2, price="4.0")).detail == ""
    third = drop(workshop, "more.csv", csv_race(DAY2, price="6.0"))
    assert "races.csv (version 2)" in third.detail
    assert "there 4.0" in third.detail
    for sha256 in ask(workshop, "select sha256 from ops.source_files where name = 'races.csv'"):
        workshop.ledger.withdraw("betfair_csv", *sha256)
    workshop.ledger.withdraw("betfair_csv", third.sha256)
    assert drop(workshop, "again.csv", csv_race(DAY2, price="5.0")).detail == ""


def test_a_price_file_that_was_settled_anew_is_noticed_and_its_place_file_is_not(workshop: Workshop) -> None:
    def file(name: str, won: int, volume: str = "100.00") -> str:
        rows = [bsp_row(DAY2, f"{n}. Dog {n}", selection=n, won=int(n == won), volume=volume) for n in (1, 2)]
        return drop(workshop, name, "".join(rows), BSP).detail

    assert file("dwbfgreyhoundwin28062024.csv", 1) == ""
    assert file("dwbfgreyhoundplace28062024.csv", 1, "50.00") == ""
    assert "result LOSER, there WINNER" in file("dwbfgreyhoundwin28062024 (1).csv", 2)


def test_files_of_their_own_days_are_never_read_again(workshop: Workshop, reads: list[object]) -> None:
    for number in range(6):
        drop(workshop, f"{number}.csv", csv_race(date(2024, 6, 1) + timedelta(days=number)))
    assert reads == []


@pytest.mark.parametrize("files", [6, 12])
def test_files_of_one_day_are_read_once_each(workshop: Workshop, reads: list[object], files: int) -> None:
    for number in range(files):
        drop(workshop, f"{number}.csv", csv_race(DAY2, dogs=" ".join(f"Dog{number}{trap}" for trap in "ABC")))
    assert len(reads) == len(set(reads)) == files


def test_a_large_file_reads_no_small_one_and_the_cache_is_bounded(workshop: Workshop, reads: list[object]) -> None:
    drop(workshop, "small.csv", csv_race(DAY2))
    drop(workshop, "large.csv", csv_race(DAY2) + csv_race(DAY2, track="Hove") + csv_race(DAY2, track="Crayford"))
    assert reads == []

    cache = RowCache(most=5)
    version = workshop.source(CSV).parser_version
    hashes = [sha256 for (sha256,) in ask(workshop, "select sha256 from ops.source_files")]
    for sha256 in [*hashes, *hashes]:
        cache.rows(workshop.lake, workshop.lake.parsed_path(CSV, sha256, version), (DAY2,))
    assert sum(rows.height for rows in cache._rows.values()) <= 5
