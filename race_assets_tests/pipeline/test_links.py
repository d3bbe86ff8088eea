"""Races of several sources become one on their way into the tables: real streams, cards, any order, wrong clocks."""

import bz2
import csv
import json
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from race_assets.errors import SettingsError
from race_assets.pipeline import land, link_review
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage import publish
from race_assets_tests.pipeline.feed import ask, build_days, build_stale, tables, wipe

MakeSettings = Callable[..., Settings]
LONDON = ZoneInfo("Europe/London")
DAY = date(2024, 6, 27)
FEED = {
    "columns": {
        "track_name": "Track", "start_at": "{Day} {Off}", "selection_name": "Dog", "trap": "Trap", "status": "Ran",
        "market_id": "Race",
    },
    "timezone": "Europe/London",
}  # fmt: skip
HEADER = ("Track", "Day", "Off", "Race", "Trap", "Dog", "Ran")
DOGS = ("Amber Lantern", "Ballynotreal Jo", "Copper Kettle", "Dusty Road", "Early Bell", "Fallow Field")
OTHERS = ("Grey Heron", "Hollow Oak", "Iron Gate", "Jolly Roger", "Kind Word", "Low Tide")


@pytest.fixture
def workshop(make_settings: MakeSettings) -> Workshop:
    """With two feeds, `card` and `sheet`."""
    return Workshop(make_settings(sources={"csv_feeds": {"card": FEED, "sheet": FEED}}))


def write(path: Path, rows: list[tuple[Any, ...]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def card(
    number: int, off: str, dogs: tuple[str, ...] = DOGS, day: date = DAY, *, cut: int = 99
) -> list[tuple[Any, ...]]:
    """A race of six; `Race` is its market."""
    told = enumerate(dogs, start=1)
    return [("Romford", f"{day}", off, f"{day}/{number}", trap, dog[:cut], "ACTIVE") for trap, dog in told]


def meeting(offs: tuple[str, ...], mark: str = "", day: date = DAY) -> list[tuple[Any, ...]]:
    """A race at each off, of dogs that run in no other; `mark` tells another meeting's dogs from them."""
    fields = [tuple(f"{dog} {mark}{n}" for dog in DOGS) for n in range(len(offs))]
    return [row for n, off in enumerate(offs) for row in card(n, off, fields[n], day)]


def landed(workshop: Workshop, source: str, rows: list[tuple[Any, ...]], name: str = "a.csv") -> None:
    path = write(workshop.settings.home / "inbox" / source / name, rows)
    (told,) = land.land(workshop, source, [(path, name)])
    assert told.state == "landed", told


def races(workshop: Workshop) -> list[tuple[Any, ...]]:
    return ask(workshop, "select race_id, sources from core.races order by 1")


def test_the_recorded_stream_and_the_price_file_of_sheffield_are_one_race(
    make_settings: MakeSettings, realdata: Path
) -> None:
    workshop = Workshop(make_settings())
    streams = [realdata / "stream_recorded" / f"1.{number}.gz" for number in (197931750, 197931751)]
    prices = realdata / "bsp" / "dwbfgreyhoundplace20042022.excerpt.csv"
    list(land.land(workshop, "betfair_historic", land.named(streams)))
    list(land.land(workshop, "betfair_bsp", [(prices, "dwbfgreyhoundplace20042022.csv")]))
    build_stale(workshop)
    query = "select start_at at time zone 'UTC', sources from core.races where race_id = 'gb-sheffield-20220419-1926'"
    off = datetime(2022, 4, 19, 18, 26)  # noqa: DTZ001 - as Postgres gives it
    assert ask(workshop, query) == [(off, ["betfair_bsp", "betfair_historic"])]
    dog = "select trap, dog_name, sources from core.selections where dog_name = 'Kirabilly Kathy'"
    assert ask(workshop, dog) == [(3, "Kirabilly Kathy", ["betfair_bsp", "betfair_historic"])]


def test_a_card_of_the_kinsley_meeting_meets_every_race_and_runner(workshop: Workshop, realdata: Path) -> None:
    rows = [row for number, win in enumerate(landed_wins(workshop, realdata)) for row in card_of(number, win)]
    landed(workshop, "card", rows)
    assert_all_meet(workshop, ["betfair_historic", "card"], len(rows))


def test_racing_posts_races_form_and_analysis_of_that_meeting_meet_it_too(workshop: Workshop, realdata: Path) -> None:
    wins = landed_wins(workshop, realdata)
    operations = ("racing_post_analysis", "racing_post_form", "racing_post_races")
    items: dict[str, list[dict[str, Any]]] = {name: [] for name in operations}
    dogs = 0
    for number, win in enumerate(wins):
        rows = card_of(number, win)
        at = {"raceId": f"20500{number:02}", "track": rows[0][0], "raceDate": f"{rows[0][1]} {rows[0][2]}"}
        told = [{"dogId": f"6{number:02}{place}", "dogName": row[5]} for place, row in enumerate(rows)]
        run = {"raceTime": "2024-06-13 15:01", "track": "Kinsley", "trap": "4", "position": "2", "calcRTimeS": "28.11"}
        dogs += len(told)
        runners = [{**dog, "trapNum": row[4]} for dog, row in zip(told, rows, strict=True)]
        items["racing_post_races"].append({**at, "runners": runners})
        items["racing_post_form"] += [{**at, **dog, "forms": [run]} for dog in told]
        views = [{**dog, "spotlightComment": "invented"} for dog in told]
        items["racing_post_analysis"].append({**at, "runners": views})
    for source, said in items.items():
        path = workshop.settings.home / "inbox" / f"{source}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said), encoding="utf-8")
        (taken,) = land.land(workshop, source, [(path, f"{rows[0][1]}/{path.name}")])
        assert taken.state == "landed", taken
    assert_all_meet(workshop, ["betfair_historic", *operations], dogs)
    query = """select count(distinct selection_id) from {} as told
               join core.selections as s using (race_date, selection_id) where s.status = 'ACTIVE'"""
    assert [ask(workshop, query.format(table)) for table in ("core.dog_form", "core.race_analysis")] == [[(dogs,)]] * 2


def landed_wins(workshop: Workshop, realdata: Path) -> list[dict[str, Any]]:
    """Lands the streams of the Kinsley meeting; the last definitions of its 12 win markets."""
    files = sorted((realdata / "stream_pro").rglob("*.bz2"))
    list(land.land(workshop, "betfair_historic", land.named(files)))
    definitions = [last_definition(file) for file in files]
    wins = [each for each in definitions if (each["marketType"], each["venue"]) == ("WIN", "Kinsley")]
    assert len(wins) == 12
    return wins


def card_of(number: int, win: dict[str, Any]) -> list[tuple[Any, ...]]:
    """A race as a card has it: on London's clocks, names in full."""
    off = datetime.fromisoformat(win["marketTime"]).astimezone(LONDON)
    rows = []
    for runner in win["runners"]:
        trap, _, name = runner["name"].partition(". ")
        full = name.replace(" (res)", "") + ("ington" if len(name) == 16 else "")
        # It names the dogs that are declared: the reserve and not the one it replaced.
        if runner["status"] != "REMOVED":
            rows.append(("Kinsley", off.date(), f"{off:%H:%M}", f"card/{number}", trap, full, "ACTIVE"))
    return rows


def assert_all_meet(workshop: Workshop, sources: list[str], dogs: int) -> None:
    """Every race and declared dog of the Kinsley meeting is told by all sources, and nothing was refused."""
    build_stale(workshop)
    linked = "select count(*), count(*) filter (where sources = %s) from core.races where track_id = 'gb-kinsley'"
    assert ask(workshop, linked, sources) == [(12, 12)]
    query = "select status, sources, count(*) from core.selections where race_id like %s group by 1, 2 order by 1"
    told = ask(workshop, query, "gb-kinsley%")
    assert told == [("ACTIVE", sources, dogs), ("SCRATCHED", ["betfair_historic"], 1)]
    assert ask(workshop, "select count(*) from quarantine.rejects where source <> 'betfair_historic'") == [(0,)]
    query = "select dog_name, sources from core.selections where selection_id = 'gb-kinsley-20240627-1551-t3'"
    assert ask(workshop, query) == [("Boherduff Biker", sources)]


def last_definition(file: Path) -> dict[str, Any]:
    """The market's last definition, read by nothing of ours."""
    found: dict[str, Any] = {}
    for line in bz2.decompress(file.read_bytes()).splitlines():
        for change in json.loads(line)["mc"]:
            found = change.get("marketDefinition", found)
    return found


def test_sources_give_the_same_tables_in_every_order(make_settings: MakeSettings) -> None:
    feeds = dict.fromkeys(("card", "sheet", "third"), FEED)
    workshop = Workshop(make_settings(sources={"csv_feeds": feeds}))
    told = {
        "card": [*card(1, "18:36"), *card(2, "18:51", OTHERS)],
        "sheet": [*card(1, "18:40", DOGS[:5], cut=16), *card(3, "19:06", OTHERS[::-1])],
        "third": [*card(1, "18:38", DOGS[1:]), *card(2, "18:51", (*OTHERS[:3], *DOGS[3:]))],
    }
    seen = []
    for order in permutations(told):
        wipe(workshop)
        workshop = Workshop(workshop.settings)
        for source in order:
            landed(workshop, source, told[source])
            build_stale(workshop)
        seen.append(tables(workshop, rejects="state = 'open'"))
    assert all(each == seen[0] for each in seen)
    assert races(workshop)[0] == ("gb-romford-20240627-1836", ["card", "sheet", "third"])


def test_a_source_an_hour_late_is_refused_until_its_zone_is_mended(
    workshop: Workshop, make_settings: MakeSettings
) -> None:
    landed(workshop, "card", meeting(("18:36", "18:51", "19:06")))
    landed(workshop, "sheet", meeting(("19:36", "19:51", "20:06")))
    build_stale(workshop)
    assert {tuple(sources) for _, sources in races(workshop)} == {("card",)}
    (said,) = ask(workshop, "select count(*), min(rules), max(rules), min(messages[1]) from quarantine.rejects")
    assert said[:3] == (18, ["clock_shift"], ["clock_shift"])
    assert said[3].startswith(
        "sheet states the offs of 2024-06-27 60 minutes too late: 3 of its 3 races whose dogs card has too show it; "
    )
    assert ask(workshop, "select clock_shifts from ops.built_days") == [(["sheet +60 min"],)]
    mended = make_settings(sources={"csv_feeds": {"card": FEED, "sheet": {**FEED, "timezone": "Europe/Paris"}}})
    workshop = Workshop(mended)
    list(land.bring_up_to_date(workshop))
    build_stale(workshop)
    assert {tuple(sources) for _, sources in races(workshop)} == {("card", "sheet")}


@pytest.mark.parametrize("late_source_first", [True, False])
def test_a_source_a_day_off_is_caught_whichever_day_is_built_first(
    workshop: Workshop, *, late_source_first: bool
) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    offs = ("18:36", "18:51", "19:06")
    right = {day: meeting(offs, f"of {day:%A} ", day) for day in days}
    wrong = [row for day in days[:2] for row in meeting(offs, f"of {day + timedelta(days=1):%A} ", day)]
    parts = [
        ("card", right[days[0]], "a.csv"),
        ("card", right[days[1]] + right[days[2]], "b.csv"),
        ("sheet", wrong, "a.csv"),
    ]
    for source, rows, name in parts[::-1] if late_source_first else parts:
        landed(workshop, source, rows, name)
        # A day may be marked by the one beside it.
        while stale := workshop.ledger.stale_days():
            for day, _ in stale:
                assert not build_days(workshop, [day]).failed
    assert {tuple(sources) for _, sources in races(workshop)} == {("card",)}
    query = "select distinct rules, strpos(messages[1], '1440 minutes too early') > 0 from quarantine.rejects"
    assert ask(workshop, f"{query} where state = 'open'") == [(["clock_shift"], True)]


def test_a_doubtful_race_is_listed_explained_and_decided(workshop: Workshop) -> None:
    landed(workshop, "card", card(1, "18:36"))
    landed(workshop, "sheet", card(7, "18:41", (DOGS[0], *OTHERS[1:5], DOGS[5])))
    build_stale(workshop)
    query = "select count(*), min(stage) from quarantine.rejects where rules = '{link_ambiguous}'"
    assert ask(workshop, query) == [(6, "link")]
    (review,) = link_review.doubtful(workshop)
    market, other = ("sheet", f"{DAY}/7"), ("card", f"{DAY}/1")
    assert (review.told.market, review.candidates[0].told.market) == (market, other)
    assert (review.candidates[0].verdict, review.candidates[0].names_agreed) == (link_review.DOUBTFUL, 2)
    with pytest.raises(SettingsError, match="has market 'nope' of sheet"):
        link_review.of_market(workshop, ("sheet", "nope"))

    assert link_review.decide(workshop, market, other, is_one=False, reason="another race") == [DAY]
    build_stale(workshop)
    assert [sources for _, sources in races(workshop)] == [["card"], ["sheet"]]
    assert link_review.doubtful(workshop) == []

    link_review.decide(workshop, market, other, is_one=True, reason="the sheet is late")
    build_stale(workshop)
    assert races(workshop) == [("gb-romford-20240627-1836", ["card", "sheet"])]
    # Four dogs that the card has others for in their traps are refused; the race stays.
    assert ask(workshop, "select method from core.race_links order by 1") == [("decided",), ("first",)]


def test_a_file_whose_name_states_another_date_than_its_rows_is_told(workshop: Workshop) -> None:
    wrong = "its name says 2023-06-27, its rows are of 2024-06-27: see which of the two is right"
    names = {"card 2024-06-27.csv": "", "card 28062024.csv": "", "card.csv": "", "card 2023-06-27.csv": wrong}
    for number, (name, said) in enumerate(names.items()):
        dogs = tuple(f"{dog} {number}" for dog in DOGS)
        path = write(workshop.settings.home / "inbox" / name, card(number + 1, f"18:{number}6", dogs))
        (told,) = land.land(workshop, "card", [(path, name)])
        assert (told.state, told.detail) == ("landed", said)


def test_a_day_that_cannot_be_read_does_not_take_the_day_beside_it_down(workshop: Workshop) -> None:
    landed(workshop, "card", card(1, "18:36"))
    landed(workshop, "sheet", card(1, "18:36"))
    landed(workshop, "sheet", card(1, "18:36", OTHERS, DAY + timedelta(days=1)), "b.csv")
    (lost,) = [file for file in workshop.ledger.files("sheet") if file.name == "b.csv"]
    workshop.archive.path("sheet", lost.sha256).unlink()
    shutil.rmtree(workshop.lake.parsed_path("sheet", lost.sha256, lost.parser_version))
    assert not build_days(workshop, [DAY]).failed
    assert races(workshop) == [("gb-romford-20240627-1836", ["card", "sheet"])]
    assert set(build_days(workshop, [DAY + timedelta(days=1)]).failed) == {DAY + timedelta(days=1)}


@pytest.mark.parametrize(
    ("trap", "told", "is_same"),
    [
        (3, "Copper Ketle", True),
        (3, "Copper Kettle (res)", True),
        (3, "Copper Basket", False),
        (6, "Hollow Giels", True),
        (6, "Hollow Giels (res)", False),
    ],
)
def test_a_dog_told_in_a_trap_is_the_one_there_by_its_name_alone(
    workshop: Workshop, trap: int, told: str, is_same: bool
) -> None:
    landed(workshop, "card", card(1, "18:36"))
    landed(workshop, "sheet", card(1, "18:36", (*DOGS[: trap - 1], told, *DOGS[trap:])))
    build_stale(workshop)
    (row,) = ask(workshop, "select dog_name, sources from core.selections where trap = %s and runner_seq = 0", trap)
    assert row == (DOGS[trap - 1], ["card", "sheet"] if is_same else ["card"])
    assert ask(workshop, "select count(*) from quarantine.rejects where stage = 'link'") == [(int(not is_same),)]


def test_a_decision_while_its_day_is_being_built_is_not_forgotten(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed(workshop, "card", card(1, "18:36"))
    landed(workshop, "sheet", card(7, "18:41", (DOGS[0], *OTHERS[1:5], DOGS[5])))
    build_stale(workshop, "first")
    market, other = ("sheet", f"{DAY}/7"), ("card", f"{DAY}/1")
    publishing, decided = publish.publish, []

    def between(*arguments: Any) -> Any:
        if not decided:
            decided.append(link_review.decide(Workshop(workshop.settings), market, other, is_one=True, reason="late"))
        return publishing(*arguments)

    monkeypatch.setattr(publish, "publish", between)
    assert not build_days(workshop, [DAY], "second", refresh=True).failed
    build_stale(workshop, "third")
    assert decided
    assert races(workshop) == [("gb-romford-20240627-1836", ["card", "sheet"])]
