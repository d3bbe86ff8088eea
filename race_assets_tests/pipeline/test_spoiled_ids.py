"""Ids that a spreadsheet has spoiled, end to end: no dog becomes another, whatever source or file it is in."""

from collections.abc import Callable
from pathlib import Path

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.pipeline.feed import BSP, BSP_HEADER, CSV, DAY2, ask, build_stale, csv_row, drop

FEED = {
    "timezone": "track",
    "columns": {
        "track_name": "Venue", "start_at": "{Day} {Off}", "trap": "Box", "selection_name": "Dog",
        "selection_id": "Id", "market_id": "Race", "price": {"column": "Odds", "odds": "decimal"},
    },
}  # fmt: skip
Rejected = dict[int, str]


def rejected(workshop: Workshop, source: str) -> Rejected:
    """The message of each reject of the source by line; all of them for their ids."""
    rows = ask(
        workshop,
        "select source_row, rules, messages from quarantine.rejects where source = %s order by source_row",
        source,
    )
    assert all(rules == ["keys"] for _, rules, _ in rows)
    return {line: messages[0] for line, _, messages in rows}


def account(workshop: Workshop, source: str) -> tuple[object, ...]:
    """Records in, accepted, quarantined, duplicates."""
    [row] = ask(
        workshop,
        "select records_in, accepted, quarantined, duplicates from ops.ingestion_runs where source = %s",
        source,
    )
    return row


def dogs(workshop: Workshop) -> list[str]:
    return [dog for (dog,) in ask(workshop, "select dog_name from core.selections order by 1")]


def take(workshop: Workshop, source: str, name: str, text: str) -> None:
    path = workshop.settings.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    [landed] = land.land(workshop, source, [(Path(path), name)])
    assert landed.state == "landed"


def test_dogs_of_one_rounded_selection_id_are_rejected_and_no_duplicates(workshop: Workshop) -> None:
    names = ("1. Alpha", "2. Beta", "3. Gamma")
    drop(workshop, "a.csv", "".join(csv_row(DAY2, name, selection=1).replace(",1,", ",9.50E+07,") for name in names))
    build_stale(workshop)

    said = rejected(workshop, CSV)
    assert set(said) == {2, 3, 4}
    assert "selection '9.50E+07'" in said[2]
    assert "spreadsheet has rounded" in said[2]
    assert account(workshop, CSV) == (3, 0, 3, {})


def test_dogs_of_one_id_that_looks_whole_are_rejected_too(workshop: Workshop) -> None:
    rows = [csv_row(DAY2, name, selection=950_000) for name in ("1. Alpha", "2. Beta")]
    drop(workshop, "a.csv", "".join([*rows, csv_row(DAY2, "3. Gamma", selection=3)]))
    build_stale(workshop)

    said = rejected(workshop, CSV)
    assert set(said) == {2, 3}
    for part in ("selection 950000", "1. Alpha (line 2", "2. Beta (line 3", "cannot be known"):
        assert part in said[2]
    assert dogs(workshop) == ["Gamma"]
    assert account(workshop, CSV) == (3, 1, 2, {})


def test_an_event_id_that_was_rounded_does_not_join_races(workshop: Workshop) -> None:
    rows = [csv_row(DAY2, "1. Alpha", selection=1, track=track) for track in ("Romford", "Hove")]
    drop(workshop, "a.csv", "".join(f"3.91E+07,{row.partition(',')[2]}" for row in rows))
    drop(workshop, "b.csv", "".join(f"3910,{row.partition(',')[2]}" for row in rows))
    build_stale(workshop)

    said = ask(workshop, "select messages[1] from quarantine.rejects order by 1")
    assert len(said) == 4
    assert sum("spreadsheet has rounded" in message for (message,) in said) == 2
    assert sum("several races: Hove 17:36Z, Romford 17:36Z" in message for (message,) in said) == 2


def test_a_feed_of_rounded_ids_takes_no_dog_of_its_own_or_of_another_source(
    make_settings: Callable[..., Settings],
) -> None:
    workshop = Workshop(make_settings(sources={"csv_feeds": {"ids": FEED}}))
    offs = [("18:36", box, dog) for box, dog in enumerate(("Alpha", "Beta", "Gamma"), start=1)]
    offs += [("18:51", box, dog) for box, dog in enumerate(("Delta", "Epsilon"), start=1)]
    lines = [f"1.2E+08,Romford,27/06/2024,{off},5.0E+07,{box},{dog},3.5\n" for off, box, dog in offs]
    take(workshop, "ids", "ids.csv", "Race,Venue,Day,Off,Id,Box,Dog,Odds\n" + "".join(lines))
    hint = "900100200,Romford 27th Jun,A4 400m,27-06-2024 20:54,9.50E+07"
    prices = [f"{hint},{name},0,3.1,1,1,1,1001,1,1001,0,36,0\n" for name in ("1. Zeta", "2. Eta")]
    take(workshop, BSP, "dwbfgreyhoundwin28062024.csv", BSP_HEADER + "".join(prices))
    build_stale(workshop)

    assert set(rejected(workshop, "ids")) == {2, 3, 4, 5, 6}
    assert set(rejected(workshop, BSP)) == {2, 3}
    assert dogs(workshop) == []
    assert account(workshop, "ids") == (5, 0, 5, {})
    assert account(workshop, BSP) == (2, 0, 2, {})


def test_ids_that_were_kept_as_floats_are_those_of_other_files(workshop: Workshop) -> None:
    """Alpha's price file has its id with a decimal, as pandas writes a column that has gaps."""
    rows = [csv_row(DAY2, name, selection=number) for number, name in enumerate(("1. Alpha", "2. Beta"), start=11)]
    drop(workshop, "a.csv", rows[0].replace(",11,", ",11.0,") + rows[1])
    drop(workshop, "b.csv", rows[0] + rows[1].replace("20240627-Romford", "20240627-Romford.0"))
    build_stale(workshop)

    assert dogs(workshop) == ["Alpha", "Beta"]
    assert account(workshop, CSV) == (4, 2, 0, {"between_files": 2})


def test_a_price_files_market_id_must_have_all_its_digits(workshop: Workshop) -> None:
    rest = "Romford 27th Jun,A3 400m,27-06-2024 18:36,11,1. Alpha,0,4.5,4.4,,,,,,,100.00,\n"
    written = ("9.00E+08", "1.2", "1.229554930", "229554931.0")
    drop(workshop, "p.csv", "".join(f"{market},{rest}" for market in written), BSP)
    build_stale(workshop)

    said = rejected(workshop, BSP)
    assert [(line, message[: len("EVENT_ID '9.00E+08'")]) for line, message in said.items()] == [
        (2, "EVENT_ID '9.00E+08'"),
        (3, "EVENT_ID '1.2' is n"),
    ]
    assert account(workshop, BSP) == (4, 2, 2, {})


def test_a_correction_below_its_row_stands_and_is_counted(workshop: Workshop) -> None:
    first = csv_row(DAY2, "1. Alpha", selection=1, price="3.0")
    others = csv_row(DAY2, "2. Beta", selection=2) * 2
    drop(workshop, "a.csv", first + others + csv_row(DAY2, "1. Alpha", selection=1, price="4.0"))
    build_stale(workshop)

    assert ask(workshop, "select dog_name, price from core.selections order by 1") == [("Alpha", 4.0), ("Beta", 3.0)]
    assert account(workshop, CSV) == (4, 2, 0, {"corrected": 1, "within_file": 1})
