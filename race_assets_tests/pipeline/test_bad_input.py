"""Bad files and bad rows end to end: each is refused with a message that says why, and nothing beside it is lost."""

import gzip
import json
import os
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from race_assets.console import report
from race_assets.pipeline import drop_folder, drops, land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.betfair.betfair_csv import BetfairCsv
from race_assets_tests.pipeline.feed import (
    BSP,
    BSP_HEADER,
    CSV,
    CSV_HEADER,
    DAY1,
    DAY2,
    ask,
    build_stale,
    csv_race,
    drop,
)

DAY = date(2024, 6, 27)
FEED = {
    "event_id": "33376062",
    "event_name": "Romford 27th Jun",
    "track": "Romford",
    "start_time": "2024-06-27T18:36:00+01:00",
    "selection_id": "1",
    "selection_name": "1. Tin Whistle",
    "price": "3.5",
    "volume": "20.5",
}
PRICES = {
    "EVENT_ID": "230100101",
    "MENU_HINT": "Romford 27th Jun",
    "EVENT_NAME": "A5 400m",
    "EVENT_DT": "27-06-2024 18:36",
    "SELECTION_ID": "1",
    "SELECTION_NAME": "1. Tin Whistle",
    "WIN_LOSE": "0",
    "BSP": "4.5",
    "PPWAP": "4.4",
    "MORNINGWAP": "",
    "PPMAX": "",
    "PPMIN": "",
    "IPMAX": "",
    "IPMIN": "",
    "MORNINGTRADEDVOL": "",
    "PPTRADEDVOL": "100.00",
    "IPTRADEDVOL": "",
}
HEADERS = {CSV: CSV_HEADER, BSP: BSP_HEADER}


def row(source: str, **cells: str) -> str:
    """A good row of the source, but for these cells."""
    good = FEED if source == CSV else PRICES
    assert set(cells) <= set(good)
    return ",".join({**good, **cells}.values())


def race(source: str, track: str) -> list[str]:
    """Three good rows: Alpha, Beta and Gamma in traps 1, 2 and 3."""
    place = {"track": track, "event_id": f"e-{track}"} if source == CSV else {"MENU_HINT": f"{track} 27th Jun"}
    number, name = ("selection_id", "selection_name") if source == CSV else ("SELECTION_ID", "SELECTION_NAME")
    # Markets are numbered: a track of its own has one of its own.
    market = {} if source == CSV else {"EVENT_ID": str(230100200 + sum(map(ord, track)))}
    return [
        row(source, **place, **market, **{number: f"{100 + trap}", name: f"{trap}. {dog}"})
        for trap, dog in enumerate(("Alpha", "Beta", "Gamma"), start=1)
    ]


def text(source: str, *rows: str) -> bytes:
    return (HEADERS[source] + "".join(f"{each}\n" for each in rows)).encode()


def take(workshop: Workshop, source: str, files: dict[str, bytes]) -> dict[str, Landed]:
    """Lands the files between a good one before and a good one after them, and builds the day."""
    inbox = workshop.settings.home / "inbox"
    inbox.mkdir(parents=True)
    around = {
        "before": text(source, *race(source, "Hove")),
        **files,
        "after": text(source, *race(source, "Crayford")),
    }
    paths = {which: inbox / f"{which}.csv" for which in around}
    for which, path in paths.items():
        path.write_bytes(around[which])
    landed = list(land.land(workshop, source, land.named(list(paths.values()))))
    build_stale(workshop)
    return dict(zip(paths, landed, strict=True))


def assert_nothing_is_lost(workshop: Workshop, rows: int) -> None:
    """So many rows were read, and each of them is in one place of the accounts; rejects are those accounted for."""
    [(records, accepted, quarantined, duplicates, filtered)] = ask(
        workshop,
        "select sum(records_in), sum(accepted), sum(quarantined), count(*) filter (where duplicates <> '{}'),"
        " count(*) filter (where filtered <> '{}') from ops.ingestion_runs",
    )
    assert (duplicates, filtered) == (0, 0)
    assert records == accepted + quarantined == rows
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(quarantined,)]
    assert ask(workshop, "select sum(rows_read), sum(records) from ops.source_files") == [(rows, rows)]


def dogs(workshop: Workshop, track: str) -> list[str]:
    return [
        dog
        for (dog,) in ask(
            workshop,
            "select dog_name from core.selections join core.races using (race_date, race_id) where track = %s"
            " order by dog_name",
            track,
        )
    ]


def assert_neighbours_are_in_core(workshop: Workshop) -> None:
    for track in ("Hove", "Crayford"):
        assert dogs(workshop, track) == ["Alpha", "Beta", "Gamma"]


def rejects(workshop: Workshop) -> list[tuple[object, ...]]:
    """File, line, day, stage, rules, messages and text of each reject."""
    return ask(
        workshop,
        "select f.name, source_row, race_date, stage, rules, messages, row->>'text', (row->>'bytes')::int"
        " from quarantine.rejects r join ops.source_files f on (f.source, f.sha256) = (r.source, r.source_file)"
        " order by f.name, source_row",
    )


# --- files that cannot be read as a whole ---------------------------------------------------------------------------

GOOD_FILE = text(CSV, *race(CSV, "Romford"))
REFUSED_FILES = {
    "missing column": (
        GOOD_FILE.replace(b",selection_name,", b",runner,"),
        "unreadable",
        ["line 1", "'selection_name' is missing", "event_id,event_name,track,start_time,selection_id,runner"],
    ),
    "empty": (b"", "unreadable", ["empty"]),
    "blank lines only": (b"\n\r\n\n", "unreadable", ["empty"]),
    "header only": (CSV_HEADER.encode(), "no_data", ["header and no rows"]),
    "html page": (b"<!DOCTYPE html><html><body>Access denied</body></html>", "blocked_page", ["HTML page", "again"]),
    "binary junk": (bytes(range(256)) * 40, "unreadable", ["binary"]),
    "utf-16": (GOOD_FILE.decode().encode("utf-16"), "unreadable", ["UTF-16", "UTF-8"]),
    "truncated gzip": (gzip.compress(GOOD_FILE * 50)[:-20], "unreadable", ["compressed", "fetch the file again"]),
    "gzip of nothing but its magic": (b"\x1f\x8b", "unreadable", ["compressed"]),
    "one line without end": (b"x" * 200_000, "unreadable", ["no end"]),
    "bytes that look like a header with a NUL": (b"  \nevent_id\0,track\n1,2\n", "unreadable", ["binary"]),
}


@pytest.mark.parametrize(("data", "state", "said"), REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_a_file_that_cannot_be_read_is_entered_with_the_reason_and_holds_up_no_other(
    workshop: Workshop, data: bytes, state: str, said: list[str]
) -> None:
    landed = take(workshop, CSV, {"bad": data})

    assert [each.state for each in landed.values()] == ["landed", state, "landed"]
    assert landed["bad"].path.endswith("bad.csv")
    assert landed["bad"].is_bad == (state != "no_data")
    for part in said:
        assert part in landed["bad"].detail
    assert ask(
        workshop, "select name, state, detail, rows_read, records from ops.source_files where state <> 'landed'"
    ) == [("bad.csv", state, landed["bad"].detail, 0, 0)]
    assert rejects(workshop) == []
    assert_neighbours_are_in_core(workshop)
    assert_nothing_is_lost(workshop, 6)


def test_rows_read_before_compressed_data_turned_out_to_be_cut_are_not_kept(workshop: Workshop) -> None:
    rows = [
        row(CSV, event_id="e-Romford", selection_id=str(n), selection_name=f"{n % 6 + 1}. Dog {n * n}")
        for n in range(60_000)
    ]
    whole = gzip.compress(text(CSV, *rows), compresslevel=1)

    landed = take(workshop, CSV, {"bad": whole[: len(whole) // 2]})

    assert (landed["bad"].state, landed["bad"].records, landed["bad"].days) == ("unreadable", 0, ())
    assert dogs(workshop, "Romford") == []
    assert_neighbours_are_in_core(workshop)
    assert_nothing_is_lost(workshop, 6)


@pytest.mark.parametrize("fault", [KeyError("a\0column\nand more"), pl.exceptions.PanicException("index")])
@pytest.mark.parametrize("place", ["read", "rows_as_read"])
def test_a_file_that_no_rule_covers_is_entered_with_the_fault_and_its_neighbours_land(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, fault: BaseException, place: str
) -> None:
    """The parser fails before its first row, or while the text of a reject is read."""
    unbroken = getattr(BetfairCsv, place)

    def broken(self: BetfairCsv, path: Path, *arguments: object) -> object:
        if b"no,row" in path.read_bytes():
            raise fault
        return unbroken(self, path, *arguments)

    monkeypatch.setattr(BetfairCsv, place, broken)
    landed = take(workshop, CSV, {"bad": text(CSV, *race(CSV, "Romford"), "no,row")})

    assert [each.state for each in landed.values()] == ["landed", "unreadable", "landed"]
    assert landed["bad"].is_bad
    for part in (type(fault).__name__, "fault of race_assets", "report it"):
        assert part in landed["bad"].detail
    assert_neighbours_are_in_core(workshop)
    assert workshop.archive.pending(CSV) == []
    assert [file.name for file in workshop.ledger.unreadable_files(CSV)] == ["bad.csv"]


def test_a_refused_file_that_is_fetched_again_lands_under_its_name(workshop: Workshop) -> None:
    take(workshop, CSV, {"bad": gzip.compress(GOOD_FILE)[:-9]})
    path = workshop.settings.home / "inbox" / "bad.csv"
    path.write_bytes(gzip.compress(GOOD_FILE))

    [landed] = land.land(workshop, CSV, land.named([path]))
    build_stale(workshop)

    assert (landed.state, landed.version) == ("landed", 2)
    assert dogs(workshop, "Romford") == ["Alpha", "Beta", "Gamma"]


def test_a_newer_version_that_cannot_be_read_settles_no_row_of_the_older(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1, track="Nowhere Park", dogs="Alpha"))
    for text in ("<html><body>blocked</body></html>", ""):
        path = workshop.settings.home / "inbox" / "bad" / "a.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        (landed,) = land.land(workshop, CSV, [(path, "a.csv")])
        assert landed.state in {"blocked_page", "unreadable"}
        assert ask(workshop, "select state from quarantine.rejects") == [("open",)]
    drop(workshop, "a.csv", csv_race(DAY1, dogs="Alpha"))
    assert ask(workshop, "select state from quarantine.rejects") == [("replayed",)]


def test_a_file_that_is_not_there_is_reported_and_holds_up_no_other(workshop: Workshop, tmp_path: Path) -> None:
    good = tmp_path / "good.csv"
    good.write_bytes(GOOD_FILE)

    missing, landed = land.land(workshop, CSV, land.named([tmp_path / "missing.csv", good]))
    build_stale(workshop)

    assert (missing.state, missing.is_bad) == ("failed", True)
    assert "missing.csv" in missing.detail
    assert landed.state == "landed"
    assert dogs(workshop, "Romford") == ["Alpha", "Beta", "Gamma"]


def test_an_extra_column_is_warned_of_and_costs_no_row(workshop: Workshop) -> None:
    header, *rows = GOOD_FILE.decode().splitlines()
    wider = "\n".join([f"weather,{header}", *(f"wet,{each}" for each in rows), ""]).encode()

    landed = take(workshop, CSV, {"wider": wider})

    assert (landed["wider"].state, landed["wider"].records) == ("landed", 3)
    assert ask(workshop, "select detail from ops.source_files where name = 'wider.csv'") == [
        ("column 'weather' is not one of this source's and is ignored",)
    ]
    assert dogs(workshop, "Romford") == ["Alpha", "Beta", "Gamma"]
    assert_nothing_is_lost(workshop, 9)


# --- rows that are refused -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BadRow:
    """A row, and what its reject must say.

    Attributes:
        day: the day it is refused on; None where that cannot be told, which refuses it while landing.
        shown: its text in the reject where that is not the row itself.
    """

    row: str
    rule: str
    said: tuple[str, ...]
    day: date | None = DAY
    shown: str | None = None
    source: str = CSV


BAD_ROWS = {
    "three fields more": BadRow(row(CSV) + ",7,8,9", "field_count", ("11 fields", "has 8"), None),
    "too few fields": BadRow("33376062,Romford", "field_count", ("2 fields", "has 8"), None),
    "a NUL byte": BadRow(
        row(CSV, selection_name="1. Tin\0Whistle"), "text", ("NUL",), None, row(CSV, selection_name="1. Tin␀Whistle")
    ),
    "quotes that are not doubled": BadRow(
        row(CSV, selection_name='"1. The "Tin" Whistle"'), "text", ("not doubled", "write it twice"), None
    ),
    "a stray quote": BadRow(row(CSV, selection_name='1. Tin "Whistle'), "text", ("quote",), None),
    "31 February": BadRow(
        row(CSV, start_time="2024-02-31T18:36:00Z"), "start_time", ("2024-02-31T18:36:00Z", "ISO 8601"), None
    ),
    "a time without offset": BadRow(
        row(CSV, start_time="2024-06-27T18:36:00"), "start_time", ("2024-06-27T18:36:00", "offset"), None
    ),
    "a day long before the first": BadRow(
        row(CSV, start_time="1970-01-01T18:36:00+01:00"), "start_time", ("1970-01-01", "2008-05-01"), None
    ),
    "price 0": BadRow(row(CSV, price="0"), "price_range", ("price 0.0", "1.01 to 1000")),
    "price -1": BadRow(row(CSV, price="-1"), "price_range", ("price -1.0", "1.01 to 1000")),
    "price 1": BadRow(row(CSV, price="1.00"), "price_range", ("price 1.0", "1.01 to 1000")),
    "price 1001": BadRow(row(CSV, price="1001"), "price_range", ("price 1001.0", "1.01 to 1000")),
    "price NaN": BadRow(row(CSV, price="NaN"), "price_range", ("'NaN'", "decimal or fractional odds")),
    "price 11/0": BadRow(row(CSV, price="11/0"), "number", ("'11/0'", "fractional")),
    "price abc": BadRow(row(CSV, price="abc"), "number", ("'abc'",)),
    "volume -5": BadRow(row(CSV, volume="-5"), "volume", ("volume -5.0", "0 or more")),
    "an unknown track, its day known": BadRow(row(CSV, track="Romfrod"), "track_known", ("'Romfrod'", "Romford")),
    "an unknown track, its day unknown": BadRow(
        row(CSV, track="Romfrod", start_time="2024-06-27T17:36:00Z"),
        "track_known",
        ("'Romfrod'", "Romford", "local date"),
        None,
    ),
    "no track": BadRow(row(CSV, track=""), "track_known", ("states no track (venue)",)),
    "no name": BadRow(row(CSV, selection_name=""), "selection_name", ("''",)),
    "a trap and no name": BadRow(row(CSV, selection_name="4. "), "selection_name", ("'4. '",)),
    "trap 9 in GB": BadRow(row(CSV, selection_name="9. Tin Whistle"), "trap", ("trap 9 in GB", "1 to 8")),
    "trap 0": BadRow(row(CSV, selection_name="0. Tin Whistle"), "trap", ("trap 0 in GB", "1 to 8")),
    "no event": BadRow(row(CSV, event_id=""), "keys", ("''",)),
    "no selection": BadRow(row(CSV, selection_id=""), "keys", ("''",)),
    "BSP file: three fields more": BadRow(row(BSP) + ",7,8,9", "field_count", ("20 fields", "has 17"), None, None, BSP),
    "BSP file: 31 February": BadRow(
        row(BSP, EVENT_DT="31-02-2024 18:36"), "start_time", ("31-02-2024 18:36", "DD-MM-YYYY"), None, None, BSP
    ),
    "BSP file: a time London skips": BadRow(
        row(BSP, MENU_HINT="Romford 31st Mar", EVENT_DT="31-03-2024 01:30"),
        "local_time",
        ("31-03-2024 01:30", "London"),
        date(2024, 3, 31),
        None,
        BSP,
    ),
    "BSP file: BSP -1": BadRow(row(BSP, BSP="-1"), "price_range", ("bsp -1.0", "1.01 to 1000"), source=BSP),
    "BSP file: BSP 1200": BadRow(row(BSP, BSP="1200"), "price_range", ("bsp 1200.0", "1.01 to 1000"), source=BSP),
    "BSP file: BSP 11/0": BadRow(row(BSP, BSP="11/0"), "number", ("BSP", "'11/0'"), source=BSP),
    "BSP file: WIN_LOSE 7": BadRow(row(BSP, WIN_LOSE="7"), "number", ("WIN_LOSE", "'7'"), source=BSP),
    "BSP file: trap 9 in GB": BadRow(row(BSP, SELECTION_NAME="9. Tin Whistle"), "trap", ("trap 9 in GB",), source=BSP),
    "BSP file: an empty name": BadRow(row(BSP, SELECTION_NAME=""), "selection_name", ("''",), source=BSP),
    "BSP file: an unknown track": BadRow(
        row(BSP, MENU_HINT="Romfrod 27th Jun"), "track_known", ("'Romfrod'", "Romford"), source=BSP
    ),
    "BSP file: a market without a number": BadRow(
        row(BSP, EVENT_ID="none"), "keys", ("EVENT_ID 'none'", "digits"), source=BSP
    ),
}


@pytest.mark.parametrize("source", [CSV, BSP])
def test_bad_rows_of_every_kind_are_each_refused_with_their_line_text_and_reason(
    workshop: Workshop, source: str
) -> None:
    bad = {case: each for case, each in BAD_ROWS.items() if each.source == source}
    first, second, third = race(source, "Monmore")
    rows = [each.row for each in bad.values()]

    landed = take(workshop, source, {"bad": text(source, first, *rows[:4], second, *rows[4:], third)})

    assert (landed["bad"].rows_read, landed["bad"].records) == (len(bad) + 3, len(bad) + 3)
    assert landed["bad"].undated == sum(each.day is None for each in bad.values())
    lines = [*range(3, 7), *range(8, 8 + len(bad) - 4)]
    found = rejects(workshop)
    assert [reject[:2] for reject in found] == [("bad.csv", line) for line in lines]
    for (case, each), (_, _, day, stage, rules, messages, shown, length) in zip(bad.items(), found, strict=True):
        expected = (case, each.day, "land" if each.day is None else "row", [each.rule])
        assert (case, day, stage, rules) == expected
        assert (case, len(messages)) == (case, 1)
        assert (case, [part for part in each.said if part not in messages[0]], messages) == (case, [], messages)
        assert (shown, length) == (each.row if each.shown is None else each.shown, len(each.row.encode()))
    assert dogs(workshop, "Monmore") == ["Alpha", "Beta", "Gamma"]
    assert ask(workshop, "select count(*) from core.selections") == [(9,)]
    assert_neighbours_are_in_core(workshop)
    assert_nothing_is_lost(workshop, len(bad) + 9)
    by_rule = ask(
        workshop, "select key, sum(value::int)::int from ops.ingestion_runs, jsonb_each_text(rejected_by) group by key"
    )
    counts = Counter(each.rule for each in bad.values())
    assert dict(by_rule) == counts


@pytest.mark.parametrize("source", [CSV, BSP])
def test_each_row_of_a_file_of_unknown_tracks_is_refused_whether_it_has_quotes_or_not(
    workshop: Workshop, source: str
) -> None:
    place = {"track": "Quillstone"} if source == CSV else {"MENU_HINT": "Quillstone"}
    if source == CSV:
        place["start_time"] = "2024-06-27T17:36:00Z"
    name = "selection_name" if source == CSV else "SELECTION_NAME"
    names = ["1. Alpha", '"2. Beta"', "3. Gamma"]

    landed = take(workshop, source, {"odd": text(source, *(row(source, **place, **{name: each}) for each in names))})

    assert (landed["odd"].state, landed["odd"].undated) == ("landed", 3)
    found = [(line, rules) for file, line, _, _, rules, *_ in rejects(workshop) if file == "odd.csv"]
    assert found == [(2, ["track_known"]), (3, ["track_known"]), (4, ["track_known"])]
    assert_neighbours_are_in_core(workshop)
    assert_nothing_is_lost(workshop, 9)


def test_rows_read_one_by_one_are_counted_and_told(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ['7,5" hose,2', row(CSV, selection_name='"1. Tin, Whistle"'), row(CSV, selection_name='1. "Tin" Whistle')]

    landed = take(workshop, CSV, {"bad": text(CSV, *rows, *race(CSV, "Monmore"))})

    report.landed_file(landed["bad"])
    assert landed["bad"].rows_careful == 2
    assert "6 records" in (said := capsys.readouterr().out)
    assert ", 2 rows read one by one" in said
    careful = ask(workshop, "select name, rows_careful from ops.source_files order by rows_careful desc, name")
    assert careful[0] == ("bad.csv", 2)
    assert {count for _, count in careful[1:]} == {0}
    known = workshop.ledger.file(CSV, landed["bad"].sha256)
    assert known is not None
    assert (known.rows_careful, known.records) == (2, 6)


def test_a_row_that_breaks_several_rules_is_refused_once_and_says_all_of_them(workshop: Workshop) -> None:
    both = row(CSV, price="1001", selection_name="9. Tin Whistle", volume="-5", track="Nowhere")

    take(workshop, CSV, {"bad": text(CSV, both, *race(CSV, "Monmore"))})

    [(_, line, _, _, rules, messages, _, _)] = rejects(workshop)
    assert (line, sorted(rules)) == (2, ["price_range", "track_known", "volume"])
    assert len(messages) == len(rules)
    assert_nothing_is_lost(workshop, 10)


def test_what_cannot_be_read_in_a_row_hides_nothing_else_that_is_wrong_with_it(workshop: Workshop) -> None:
    bad = row(CSV, price="11/0", selection_name="", track="Romfrod")

    take(workshop, CSV, {"bad": text(CSV, bad)})

    [(_, _, _, _, rules, _, _, _)] = rejects(workshop)
    assert sorted(rules) == ["number", "selection_name", "track_known"]


def test_a_row_without_a_day_that_is_no_runner_of_a_race_is_filtered_not_refused(workshop: Workshop) -> None:
    forecast = row(
        BSP, MENU_HINT="Romford (F/C) 27th Jun", EVENT_NAME="Forecast", SELECTION_NAME="1 - 2", EVENT_DT="soon"
    )

    take(workshop, BSP, {"bad": text(BSP, forecast, row(BSP, EVENT_DT="soon"))})

    assert ask(
        workshop,
        "select records_in, accepted, quarantined, filtered from ops.ingestion_runs where race_date is null",
    ) == [(2, 0, 1, {"forecast": 1})]
    assert [reject[1] for reject in rejects(workshop)] == [3]


def test_a_line_of_50_megabytes_is_refused_and_the_rows_around_it_are_kept(workshop: Workshop) -> None:
    first, second, third = race(CSV, "Monmore")
    long = "x" * 50_000_000

    take(workshop, CSV, {"bad": text(CSV, first, long, second, third)})

    [(name, line, day, stage, rules, messages, shown, length)] = rejects(workshop)
    assert (name, line, day, stage, rules) == ("bad.csv", 3, None, "land", ["text"])
    assert "50,000,000 bytes" in str(messages)
    assert (shown, length) == (long[:64_000], 50_000_000)
    assert dogs(workshop, "Monmore") == ["Alpha", "Beta", "Gamma"]
    assert_neighbours_are_in_core(workshop)
    assert_nothing_is_lost(workshop, 10)


# --- rows that look bad and are good ----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [CSV, BSP])
def test_latin_1_bytes_are_read_and_noted(workshop: Workshop, source: str) -> None:
    first, second, third = race(source, "Monmore")

    data = text(source, first, second).replace(b"Alpha", "Zoë".encode("latin-1")) + f"{third}\n".encode()
    take(workshop, source, {"latin": data})

    assert dogs(workshop, "Monmore") == ["Beta", "Gamma", "Zoë"]
    assert ask(workshop, "select notes->>'latin_1' from ops.ingestion_runs where race_date = %s", DAY) == [("1",)]
    assert rejects(workshop) == []
    assert_nothing_is_lost(workshop, 9)


@pytest.mark.parametrize("written", ["0", "1.00", "1001", "NaN", "Infinity", ""])
def test_what_a_bsp_file_writes_for_no_price_costs_no_row_and_reaches_no_table(
    workshop: Workshop, written: str
) -> None:
    [first, second, third] = race(BSP, "Monmore")
    quiet = first.replace(",4.5,4.4,", f",{written},1,")

    take(workshop, BSP, {"quiet": text(BSP, quiet, second, third)})

    assert quiet != first
    assert rejects(workshop) == []
    assert ask(
        workshop,
        "select dog_name, bsp from core.selections join core.races using (race_date, race_id)"
        " where track = 'Monmore' order by 1",
    ) == [("Alpha", None), ("Beta", 4.5), ("Gamma", 4.5)]
    assert ask(workshop, "select count(*) from core.prices where not price between 1.01 and 1000") == [(0,)]
    assert_nothing_is_lost(workshop, 9)


def test_a_blank_price_of_the_feed_is_a_runner_without_a_price(workshop: Workshop) -> None:
    [first, *others] = race(CSV, "Monmore")

    take(workshop, CSV, {"quiet": text(CSV, first.replace(",3.5,", ",,"), *others)})

    assert ask(workshop, "select dog_name from core.selections where price is null") == [("Alpha",)]
    assert rejects(workshop) == []


# --- what a person sees of a reject -----------------------------------------------------------------------------------


def test_the_text_of_a_reject_is_json_a_person_can_query(workshop: Workshop) -> None:
    bad = row(CSV, price="11/0", selection_name='"1. Tin ""The"" Whistle, Zoë"')

    take(workshop, CSV, {"bad": text(CSV, bad)})

    [(shown,)] = ask(workshop, "select row::text from quarantine.rejects")
    assert json.loads(shown) == {"text": bad, "bytes": len(bad.encode())}


# Drop folders


def test_a_name_that_is_no_utf_8_is_written_out_and_holds_up_no_other(workshop: Workshop) -> None:
    inbox = workshop.settings.drop_folder(CSV)
    inbox.mkdir(parents=True)
    odd = os.fsdecode(b"bad\xffname.csv")
    (inbox / odd).write_text(CSV_HEADER + csv_race(DAY1), encoding="utf-8")
    (inbox / "good.csv").write_text(CSV_HEADER + csv_race(DAY2), encoding="utf-8")
    told = drops.land_by_hand(workshop, CSV)
    assert [(Path(each.path).name, each.state, each.days) for each in told] == [
        (r"bad\xffname.csv", "landed", (DAY1,)), ("good.csv", "landed", (DAY2,)),
    ]  # fmt: skip
    assert drops.land_by_hand(workshop, CSV) == []
    (again,) = land.land(workshop, CSV, [(inbox / odd, odd)])
    assert (again.state, again.path) == ("known", str(inbox / r"bad\xffname.csv"))


def test_a_file_archived_under_a_name_that_could_not_be_entered_is_entered_by_the_next_landing(
    workshop: Workshop, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV_HEADER + csv_race(DAY1), encoding="utf-8")
    # As it was left behind before names were written out.
    workshop.archive.take(path, CSV, os.fsdecode(b"bad\xffname.csv"))
    assert [each.state for each in land.land(workshop, CSV, [])] == ["landed"]
    assert ask(workshop, "select name from ops.source_files") == [(r"bad\xffname.csv",)]
    assert list(land.land(workshop, CSV, [])) == []


def test_a_pipe_in_a_drop_folder_is_named_and_not_waited_for(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = workshop.settings.drop_folder(CSV)
    inbox.mkdir(parents=True)
    os.mkfifo(inbox / "pipe.csv")
    (inbox / "good.csv").write_text(CSV_HEADER + csv_race(DAY1), encoding="utf-8")
    assert [Path(each.path).name for each in drops.land_by_hand(workshop, CSV)] == ["good.csv"]
    assert {(each.message, each.__dict__["file"]) for each in caplog.records if each.name == drop_folder.log.name} == {
        ("neither a file nor a folder; it is left alone", "pipe.csv")
    }
