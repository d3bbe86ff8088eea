"""Rows of horse races never become greyhound races, and no greyhound is taken for a horse: files of every era."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.pipeline import land
from race_assets.pipeline.build import build
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.settings.feeds import FeedSettings
from race_assets.sources.base import FileSource, ReadReport
from race_assets.sources.betfair.betfair_bsp import BetfairBsp
from race_assets.sources.betfair.betfair_csv import BetfairCsv
from race_assets.sources.betfair.betfair_historic import BetfairHistoric
from race_assets.sources.csv_feed.feed import CsvFeed

COLUMNS = (
    "EVENT_ID,MENU_HINT,EVENT_NAME,EVENT_DT,SELECTION_ID,SELECTION_NAME,WIN_LOSE,BSP,PPWAP,MORNINGWAP,PPMAX,PPMIN,"
    "IPMAX,IPMIN,MORNINGTRADEDVOL,PPTRADEDVOL,IPTRADEDVOL"
)
QUIET = ("1", "1001", "0")
RUNNING = ("42", "1.01", "56895.28")

GREYHOUND_FILES = ["dwbfgreyhoundwin28062024.csv", "2024/dwbfgreyhoundplace28062024.csv"]
HORSE_FILES = [
    "bfprices_28062024.csv", "bfpricesplace_28062024.csv", "bfpricesire_28062024.csv", "bfpricesireplace_28062024.csv",
    "dwbfpricesukwin28062024.csv", "dwbfpricesauswin28062024.csv", "2024/dwbfpricesfrplaced28062024.csv",
]  # fmt: skip
OTHER_FILES = ["prices.csv", "2024-06-27.csv"]

GREYHOUND, HORSE, DOUBT = "greyhound", "horse", "doubt"


def line(hint: str, event: str, name: str, running: tuple[str, str, str], market: str = "161857131") -> str:
    cells = (
        market,
        f"{hint} 27th Jun",
        event,
        "27-06-2024 15:52",
        "70000001",
        name,
        "0",
        "5.7",
        "5.2",
        "4.1",
        "6.2",
        "4.1",
    )
    return ",".join((*cells, *running[:2], "44.04", "29939.9", running[2]))


def verdicts(folder: Path, name: str, *lines: str) -> list[str]:
    path = folder / "original"
    path.write_text("\n".join([COLUMNS, *lines, ""]))
    frames = [
        frame.select("source_row", "filtered", "problems") for frame in BetfairBsp().read(path, name, ReadReport())
    ]
    return [_verdict(row) for row in pl.concat(frames).sort("source_row").to_dicts()]


def _verdict(row: dict[str, Any]) -> str:
    if row["filtered"]:
        assert row["filtered"] == "not_greyhounds"
        return HORSE
    rules = {problem["rule"] for problem in row["problems"] or []}
    assert rules <= {"sport"}
    return DOUBT if rules else GREYHOUND


# Menu hint, market name, runner and trading in running; what becomes of it in a file named as one of greyhounds, as one
# of horses, and neither.
TABLE: dict[str, tuple[tuple[str, str, str, tuple[str, str, str]], tuple[str, str, str]]] = {
    # Horses.
    "Britain, 2008": (("GB / Hayd", "1m2f Claim Stks", "Invented Horse", RUNNING), (HORSE, HORSE, HORSE)),
    "Ireland, 2008": (("IRE / Wex", "1m5f Hcap", "Invented Horse", RUNNING), (HORSE, HORSE, HORSE)),
    "a course that greyhounds share": (("GB / Donc", "6f Hcap", "Invented Horse", RUNNING), (HORSE, HORSE, HORSE)),
    "not traded in running": (("GB / Newc", "1m2f Mdn", "Invented Horse", QUIET), (HORSE, HORSE, HORSE)),
    "jumps": (("Kelso", "2m4f Hcap Chs", "Invented Horse", RUNNING), (HORSE, HORSE, HORSE)),
    "bumper": (("Naas", "2m NHF", "Invented Horse", QUIET), (HORSE, HORSE, HORSE)),
    "place": (("GB / York", "TO BE PLACED", "Invented Horse", RUNNING), (HORSE, HORSE, HORSE)),
    "place, not in running": (("Donc", "TO BE PLACED", "Invented Horse", QUIET), (GREYHOUND, HORSE, GREYHOUND)),
    "a racecourse and nothing else": (("York", "TO BE PLACED", "Invented", QUIET), (GREYHOUND, HORSE, DOUBT)),
    "a word and nothing else": (("Hove", "Nursery", "Invented", QUIET), (GREYHOUND, HORSE, DOUBT)),
    "America": (("USA / Parx (US)", "R6 6f Claim", "Invented Horse", QUIET), (HORSE, HORSE, HORSE)),
    "Australia": (("AUS / Caul (AUS)", "R3 1400m Hcap", "9. Invented Horse", RUNNING), (DOUBT, HORSE, HORSE)),
    "Australia, maiden": (("AUS / Graf (AUS)", "R1 1000m Mdn", "2. Invented Horse", QUIET), (DOUBT, HORSE, DOUBT)),
    "Australia, 800 m": (("AUS / Graf (AUS)", "R1 800m Mdn", "2. Invented Horse", QUIET), (DOUBT, HORSE, DOUBT)),
    "Australia, place": (
        ("AUS / Gosf (AUS)", "TO BE PLACED", "2. Invented Horse", QUIET), (GREYHOUND, DOUBT, GREYHOUND),
    ),
    "Australia, place, 14": (
        ("AUS / Gosf (AUS)", "TO BE PLACED", "14. Invented", QUIET), (GREYHOUND, HORSE, GREYHOUND),
    ),
    "Australia, place, running": (
        ("AUS / Gosf (AUS)", "TO BE PLACED", "2. Invented", RUNNING), (GREYHOUND, HORSE, DOUBT),
    ),
    "harness": (("AUS / Mild (AUS)", "R1 2150m Pace M", "2. Invented Horse", QUIET), (DOUBT, HORSE, HORSE)),
    # Greyhounds.
    "2012": (("BAGS cards / Hove", "A8 515m", "2. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "2012, place": (("BAGS cards / Hove", "TO BE PLACED", "2. Invented Dog", QUIET), (GREYHOUND, DOUBT, GREYHOUND)),
    "reserve": (("SIS / Romfd", "S1 575m", "4. Invented Dog (Res)", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "hurdles": (("SIS / CPark", "HD1 265m", "4. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "hurdles, H3": (("SIS / Crayfd", "H3 380m", "4. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "handicap": (("TRP / Kinsl", "HC 462m", "3. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "handicap, HP": (("TRP / Sund", "HP 261m", "3. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "marathon": (("Towcester", "M1 942m", "3. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "longest by the rules": (("Towcester", "M1 1105m", "3. Invented Dog", QUIET), (GREYHOUND, GREYHOUND, GREYHOUND)),
    "Australian staying": (("AUS / AnPk (AUS)", "R7 731m FFA", "3. Invented Dog", QUIET), (GREYHOUND,) * 3),
    "New Zealand's longest": (("NZL / Mkau (NZL)", "R7 779m C5", "3. Invented Dog", QUIET), (GREYHOUND,) * 3),
    "tenth box": (("AUS / Wgul (AUS)", "R10 400m Rest", "10. Invented Dog", QUIET), (GREYHOUND,) * 3),
    "Australian handicap": (("AUS / Hoba (AUS)", "R5 461m Hcap", "3. Invented Dog", QUIET), (GREYHOUND,) * 3),
    "group race": (("AUS / AnPk (AUS)", "R6 515m Grp3", "5. Invented Dog", QUIET), (GREYHOUND,) * 3),
    "without trap": (("Hove", "A8 515m", "Invented Dog", QUIET), (GREYHOUND, DOUBT, GREYHOUND)),
    "without trap, place": (("Hove", "To Be Placed", "Invented Dog", QUIET), (GREYHOUND, HORSE, GREYHOUND)),
    "mistyped trap": (("Hove", "A8 515m", "61. Invented Dog", QUIET), (GREYHOUND, DOUBT, GREYHOUND)),
    "a stray volume in running": (("Hove", "A8 515m", "3. Invented Dog", ("1", "1001", "40")), (GREYHOUND,) * 3),
    "a course of horses too": (("York", "A8 515m", "3. Invented Dog", QUIET), (GREYHOUND,) * 3),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize(("kind", "name"), [(0, GREYHOUND_FILES[0]), (1, HORSE_FILES[0]), (2, OTHER_FILES[0])])
def test_each_row_in_each_kind_of_file(tmp_path: Path, case: str, kind: int, name: str) -> None:
    row, expected = TABLE[case]

    assert verdicts(tmp_path, name, line(*row)) == [expected[kind]]


def test_what_two_runners_show_counts_for_their_market(tmp_path: Path) -> None:
    shown = [("AUS / Gosf (AUS)", "TO BE PLACED", f"{number}. Invented", RUNNING) for number in (1, 2)]
    other = ("AUS / Gosf (AUS)", "TO BE PLACED", "3. Invented", QUIET)
    rows = [line(*row) for row in (*shown, other)]

    assert verdicts(tmp_path, OTHER_FILES[0], *rows) == [DOUBT] * 3
    assert verdicts(tmp_path, OTHER_FILES[0], *rows[1:]) == [DOUBT, GREYHOUND]
    assert verdicts(tmp_path, HORSE_FILES[0], *rows[1:]) == [HORSE] * 2
    assert verdicts(tmp_path, HORSE_FILES[0], *rows[:2], line(*other, market="2")) == [HORSE, HORSE, DOUBT]
    assert verdicts(tmp_path, GREYHOUND_FILES[0], *rows) == [GREYHOUND] * 3


def test_a_number_above_ten_counts_for_its_market_in_a_file_of_horses_alone(tmp_path: Path) -> None:
    rows = [line("AUS / Gosf (AUS)", "TO BE PLACED", f"{number}. Invented", QUIET) for number in (3, 14)]

    assert verdicts(tmp_path, HORSE_FILES[0], *rows) == [HORSE, HORSE]
    assert verdicts(tmp_path, OTHER_FILES[0], *rows) == [GREYHOUND, GREYHOUND]


def test_what_is_no_race_is_counted_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "original"
    rows = [
        line("GB / Hayd (FC)", "Forecast", "1 - 2", RUNNING),
        line("Greyhound Racing / Televised Cards", "Henl and Hove Trap Challenge", "Trap 4", ("1", "1001", "40")),
    ]
    path.write_text("\n".join([COLUMNS, *rows, ""]))

    frame = pl.concat(BetfairBsp().read(path, "dwbfgreyhoundwin28062024.csv", ReadReport()))

    assert frame["filtered"].to_list() == ["forecast", "trap_challenge"]
    assert frame["problems"].null_count() == 2


def test_a_doubtful_row_is_rejected_with_its_signs(tmp_path: Path) -> None:
    path = tmp_path / "original"
    path.write_text("\n".join([COLUMNS, line("AUS / Graf (AUS)", "R1 1000m Hcap", "2. Invented", QUIET), ""]))

    [frame] = BetfairBsp().read(path, GREYHOUND_FILES[0], ReadReport())
    [[problem]] = frame["problems"].to_list()

    assert problem["rule"] == "sport"
    assert "words of horse markets in its name, a distance that greyhounds do not run" in problem["message"]
    assert "rules.sport" in problem["message"]


PLACE = st.sampled_from(["TO BE PLACED", "To Be Placed"])
BRITISH = st.builds(
    "{}{} {}{}".format,
    st.sampled_from(["A", "B", "D", "S", "H", "HD", "OR", "M"]),
    st.sampled_from(["", *range(1, 12)]),
    st.integers(200, 1105),
    st.sampled_from(["m", "M"]),
)
GRADED = st.builds("{} {}m".format, st.sampled_from(["HC", "HP", "IT", "KS", "N", "P2"]), st.integers(200, 1105))
NUMBERED = st.builds(
    "R{} {}m {}".format,
    st.integers(1, 12),
    st.integers(250, 799),
    st.sampled_from(
        ["Mdn", "Gr5", "Gr4/5", "FFA", "Grp1", "Listed", "S/E", "Nvce", "C5", "Juv", "Inv", "Heat", "M1", "N/G"]
    ),
)
HINTS = st.sampled_from(
    ["BAGS cards / Hove", "SIS / Romfd", "Televised Cards / Henl", "Limerick", "GreyhoundRacing / Shel (IRE)",
     "AUS / Gosf (AUS)", "NZL / Hatr (NZL)", "Wentworth Park (AUS)", "Addington (NZL)", "Suffolk Downs"]
)  # fmt: skip
NAMES = st.builds(
    "{}. {}{}".format,
    st.integers(1, 10),
    st.sampled_from(["Nursery Rhyme", "Chs Champion", "Hcap Harry", "One Mile Two", "Six F", "Forecast Fred", "Amber"]),
    st.sampled_from(["", " (Res)", " (res)"]),
)
MARKETS = st.one_of(BRITISH, GRADED, NUMBERED, PLACE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sport")


@given(
    hint=HINTS,
    event=MARKETS,
    runner=NAMES,
    name=st.sampled_from([*GREYHOUND_FILES, *HORSE_FILES, *OTHER_FILES]),
    stray=st.booleans(),
)
@settings(max_examples=150)
def test_a_greyhound_of_any_era_is_never_filtered_as_a_horse(
    folder: Path, hint: str, event: str, runner: str, name: str, stray: bool
) -> None:
    running = ("1", "1001", "12.5") if stray else QUIET

    [verdict] = verdicts(folder, name, line(hint, event, runner, running))

    assert verdict in (
        {GREYHOUND} if name in GREYHOUND_FILES or (name in OTHER_FILES and not stray) else {GREYHOUND, DOUBT, HORSE}
    )
    if not (event.upper() == "TO BE PLACED" and stray):
        assert verdict != HORSE


DISTANCES = st.sampled_from(["5f", "6f", "7f", "1m", "1m2f", "1m6f", "2m", "2m4f", "3m1f", "2m110y"])
TURF = st.builds(
    "{} {}".format,
    DISTANCES,
    st.sampled_from(["Hcap", "Mdn", "Mdn Stks", "Nursery", "Hcap Hrd", "Nov Chs", "NHF", "Grp 1"]),
)
METRIC = st.builds(
    "R{} {}m {}".format,
    st.integers(1, 12),
    st.integers(800, 3200),
    st.sampled_from(["Hcap", "Mdn", "CL1", "Pace M", "3yo"]),
)


@given(
    hint=st.sampled_from(["GB / Donc", "IRE / Dund", "GB / York", "Newc", "AUS / Graf (AUS)", "RSA / Vaal (RSA)"]),
    event=st.one_of(TURF, METRIC, PLACE),
    trap=st.one_of(st.none(), st.integers(1, 24)),
    name=st.sampled_from(HORSE_FILES),
    running=st.sampled_from([QUIET, RUNNING, ("1", "1001", ".62"), ("100", "6", "0")]),
)
@settings(max_examples=150)
def test_a_horse_of_any_era_is_never_accepted_from_a_file_of_horses(
    folder: Path, hint: str, event: str, trap: int | None, name: str, running: tuple[str, str, str]
) -> None:
    runner = "Invented Horse" if trap is None else f"{trap}. Invented Horse"

    assert verdicts(folder, name, line(hint, event, runner, running)) != [GREYHOUND]


@given(event=st.one_of(TURF, METRIC), trap=st.one_of(st.none(), st.integers(1, 24)), name=st.sampled_from(OTHER_FILES))
@settings(max_examples=60)
def test_a_horse_with_its_distance_is_never_accepted_from_any_file(
    folder: Path, event: str, trap: int | None, name: str
) -> None:
    runner = "Invented Horse" if trap is None else f"{trap}. Invented Horse"

    for each in (name, GREYHOUND_FILES[0]):
        assert verdicts(folder, each, line("GB / Donc", event, runner, QUIET)) != [GREYHOUND]


SPOOL = [
    ("21128497", "IRE / Wex 8th Aug", "1m5f Hcap", "Invented One", "743.04"),
    ("21128499", "GB / Donc 8th Aug", "6f Hcap", "Invented Two", "743.04"),
    ("21128501", "GB / Newc 8th Aug", "1m2f Mdn", "Invented Three", "0"),
    ("21128503", "IRE / Dund 8th Aug", "5f Hcap", "Invented Four", "56895.28"),
    ("21128505", "GB / Yarm 8th Aug", "7f Stks", "Invented Five", "56895.28"),
]


def test_a_spool_of_horses_of_2008_makes_no_race(tmp_path: Path, workshop: Workshop) -> None:
    lines = [
        f"{market:>13},{hint:<40},{event:<20},08-08-2008 17:25,{1291191 + number:>13},{name:<30},      0.000000,"
        "51.4127930,29.1033987,"
        f"       1,        65,        44,        42,        11,          0,     377.53,{volume:>11}"
        for number, (market, hint, event, name, volume) in enumerate(SPOOL)
    ]
    path = tmp_path / "bfprices_09082008.csv"
    path.write_text("\n".join(["", COLUMNS, ",".join(["----"] * 17), *lines, "", "5 rows selected", ""]))

    [landed] = land.land(workshop, "betfair_bsp", land.named([path]))
    built = list(build(workshop, [day for day, _ in workshop.ledger.stale_days()], "horses"))

    assert (landed.state, landed.records) == ("landed", 5)
    assert not any(each.failed for each in built)
    with workshop.warehouse.connect() as connection:
        [counts] = connection.execute(
            "select sum(records_in), sum(accepted), sum(quarantined), sum((filtered ->> 'not_greyhounds')::int)"
            " from ops.ingestion_runs"
        ).fetchall()
        [races] = connection.execute("select count(*) from core.races").fetchall()
    assert counts == (5, 0, 0, 5)
    assert races == (0,)


def _frame(source: FileSource, path: Path, text: str) -> pl.DataFrame:
    path.write_text(text)
    return pl.concat(source.read(path, path.name, ReadReport()), how="diagonal")


@pytest.mark.parametrize(
    ("event", "runner", "filtered", "rules"),
    [
        ("Romford 18:05 A5 400m", "1. Invented Dog", None, []),
        ("Romford 18:05", "Invented Dog", None, []),
        ("Newcastle 18:05 6f Hcap", "Invented Horse", "not_greyhounds", []),
        ("Newcastle 18:05 1m4f", "Invented Horse", "not_greyhounds", []),
        ("Newcastle 18:05 1m4f", "4. Invented Horse", None, ["sport"]),
        ("R4 1400m Hcap", "4. Invented Horse", "not_greyhounds", []),
        ("Newcastle Nursery", "4. Invented Dog", None, ["sport"]),
    ],
)
def test_rows_of_events(tmp_path: Path, event: str, runner: str, filtered: str | None, rules: list[str]) -> None:
    header = "event_id,event_name,track,start_time,selection_id,selection_name,price,volume"
    row = f"33376062,{event},Newcastle,2024-06-27T17:05:00Z,70000001,{runner},3.5,120"

    [record] = _frame(BetfairCsv(), tmp_path / "rows.csv", f"{header}\n{row}\n").to_dicts()

    assert record["filtered"] == filtered
    assert [problem["rule"] for problem in record["problems"] or []] == rules


def _market(**definition: object) -> str:
    runners = [{"id": 7, "name": "1. Alpha", "status": "WINNER"}, {"id": 8, "name": "2. Beta", "status": "LOSER"}]
    full = {
        "marketType": "WIN", "marketTime": "2024-06-27T14:51:00.000Z", "status": "CLOSED", "venue": "Newcastle",
        "countryCode": "GB", "timezone": "Europe/London", "name": "A5 480m", "eventId": "33", "runners": runners,
        **definition,
    }  # fmt: skip
    return (
        json.dumps({"op": "mcm", "clk": "1", "pt": 1719500000000, "mc": [{"id": "1.23", "marketDefinition": full}]})
        + "\n"
    )


@pytest.mark.parametrize(
    ("definition", "filtered", "rules"),
    [
        ({"eventTypeId": "4339"}, None, []),
        ({"eventTypeId": "7"}, "not_greyhounds", []),
        ({"eventTypeId": "7", "name": "6f Hcap"}, "not_greyhounds", []),
        ({}, None, []),
        ({"name": "6f Hcap"}, None, ["sport"]),
        ({"name": "R4 1400m Mdn"}, None, ["sport"]),
    ],
)
def test_markets_of_streams(
    tmp_path: Path, definition: dict[str, object], filtered: str | None, rules: list[str]
) -> None:
    source = BetfairHistoric(Settings().sources.betfair_historic)

    frame = _frame(source, tmp_path / "1.23", _market(**definition))

    assert frame["filtered"].to_list() == [filtered] * 2
    assert [[problem["rule"] for problem in problems or []] for problems in frame["problems"].to_list()] == [rules] * 2


def _hub_row(sport: str, distance: int) -> Iterator[tuple[str, object]]:
    yield from {
        "LOCAL_MEETING_DATE": "2026-09-15", "SCHEDULED_RACE_TIME": "17:04:00.000", "ACTUAL_OFF_TIME": "17:04:44.000",
        "TRACK": "Horsham", "STATE_CODE": "VIC", "RACE_NO": 9, "WIN_MARKET_ID": 262410239,
        "WIN_MARKET_NAME": f"R9 {distance}m Mdn", "PLACE_MARKET_ID": "", "RACING_TYPE": sport, "DISTANCE": distance,
        "RACE_TYPE": "Mdn", "SELECTION_ID": 98883721, "TAB_NUMBER": 6, "SELECTION_NAME": "Invented Runner",
        "WIN_RESULT": "WINNER", "WIN_BSP": 6.4,
    }.items()  # fmt: skip


@pytest.mark.parametrize(
    ("sport", "distance", "filtered", "rules"),
    [
        ("Greyhounds", 410, None, []),
        ("Thoroughbreds", 1400, "not_greyhounds", None),
        ("Harness", 2100, "not_greyhounds", None),
        ("", 2100, None, ["sport"]),
        ("", 1000, None, ["sport"]),
        ("Gallops", 1000, None, ["sport"]),
        ("", 410, None, []),
    ],
)
def test_rows_of_the_hub(
    tmp_path: Path, sport: str, distance: int, filtered: str | None, rules: list[str] | None
) -> None:
    feed = Settings().sources.csv_feeds["betfair_hub"]
    row = dict(_hub_row(sport, distance))
    header = dict.fromkeys(sorted(feed.read_columns()), "") | {name.lower(): value for name, value in row.items()}
    text = ",".join(header) + "\n" + ",".join(map(str, header.values())) + "\n"

    records = _frame(CsvFeed("betfair_hub", feed), tmp_path / "hub.csv", text).to_dicts()

    assert {record["filtered"] for record in records} == {filtered}
    if rules is not None:
        assert [problem["rule"] for record in records for problem in record["problems"] or []] == rules


RPSCRAPE = (
    "date,course,off,race_name,dist_m,draw,horse,jockey,dec\n"
    "2024-06-27,Newcastle,17:05,Invented Handicap,1207,4,Invented Horse,A Rider,5.50\n"
)


DISTANT = "distance 1207 m in '': greyhounds run 1200 m at most, in numbered races 799 m; is it a horse race?"


def test_a_feed_of_horses_is_told_so_and_no_row_of_it_passes(tmp_path: Path) -> None:
    columns = {"track_name": "course", "start_at": "{date} {off}", "trap": "draw", "selection_name": "horse"}
    feed = FeedSettings.model_validate({"columns": {**columns, "distance_m": "dist_m"}})
    path = tmp_path / "results.csv"
    path.write_text(RPSCRAPE)
    report = ReadReport()

    [frame] = CsvFeed("mine", feed).read(path, path.name, report)

    assert report.warnings == ["columns of horse racing: horse, jockey; is this a file of greyhounds?"]
    [problems] = frame["problems"].to_list()
    assert [(problem["rule"], problem["message"]) for problem in problems] == [
        ("sport", "the file has columns of horse racing: horse, jockey"),
    ]


@pytest.mark.parametrize(("distance", "expected"), [("480", None), ("1200", None), ("1207", DISTANT)])
def test_a_feed_with_one_such_column_is_judged_by_its_distances(
    tmp_path: Path, distance: str, expected: str | None
) -> None:
    columns = {"track_name": "course", "start_at": "{date} {off}", "trap": "draw", "selection_name": "horse"}
    path = tmp_path / "results.csv"
    path.write_text(RPSCRAPE.replace("jockey", "trainer").replace("1207", distance))
    feed = FeedSettings.model_validate({"columns": {**columns, "distance_m": "dist_m"}})
    report = ReadReport()

    [frame] = CsvFeed("mine", feed).read(path, path.name, report)

    assert report.warnings == []
    assert frame["problems"].to_list() == [expected and [{"rule": "sport", "message": expected, "column": None}]]
