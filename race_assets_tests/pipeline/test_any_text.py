"""No text of a file fails a file, a source or a day: whatever stands in any field, the other files' rows are there."""

import copy
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from race_assets.pipeline import land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources.betfair.exchange.messages import Book, BookRunner
from race_assets.sources.betfair.exchange.recorder import MarketRecorder
from race_assets.sources.betfair.exchange.ticks import Ticker
from race_assets_tests.pipeline.feed import (
    BSP,
    BSP_HEADER,
    CSV,
    CSV_HEADER,
    DAY1,
    ask,
    bsp_name,
    bsp_row,
    build_stale,
    csv_race,
    csv_row,
    drop,
    wipe,
)
from race_assets_tests.sources.racing_post.payload import dog, race, runner

STREAM, FEED = "betfair_historic", "mine"
Json = Any
Place = tuple[Any, ...]
NAMES = [
    "\0", "A\0B", "\ud800", "\udc00x\ud83d", "\ufeff", "a\u2028b\u2029c", "\u202eolleH\u202c", "\U0001f415", "'\"\\;--",
    "%s{}{0}", "x" * 100_000, "\u00e9" * 700, "1." + "9" * 400, "-1", "1e999", "NaN", "Infinity", "", " ",
    "\x1b[2J\r\n",
]  # fmt: skip
NUMBERS = [0, -1, 2**31, 2**63, 10**30, 1e-320, 1e300, -1e300, 1.5]


def stream(market_id: str = "1.239000001") -> list[Json]:
    """The messages of a market that opens, trades and closes."""
    pt = 1_719_419_760_000  # the 17:36 of DAY1
    runners = [{"id": 10 + trap, "name": f"{trap}. Dog {trap}", "status": "ACTIVE", "hc": 0.0} for trap in (1, 2)]
    definition = {
        "status": "OPEN", "eventTypeId": "4339", "marketType": "WIN", "marketTime": "2024-06-26T17:36:00.000Z",
        "venue": "Hove", "countryCode": "GB", "timezone": "Europe/London", "name": "A5 500m", "eventId": "33",
        "eventName": "Hove 26th Jun", "numberOfWinners": 1, "version": 1, "runners": runners,
    }  # fmt: skip
    closed = definition | {
        "status": "CLOSED",
        "runners": [runners[0] | {"status": "WINNER", "bsp": 2.5}, runners[1] | {"status": "LOSER", "bsp": 1.9}],
    }
    trade = {"id": 11, "trd": [[2.5, 10.0]], "ltp": 2.5, "tv": 10.0}
    offer = {"id": 12, "atb": [[1.9, 5.0]]}

    def message(at: int, **change: Json) -> Json:
        told = {"id": market_id, "con": True, "img": False, **change}
        return {"op": "mcm", "clk": "1", "pt": at, "mc": [told]}

    return [
        message(pt - 600_000, marketDefinition=definition),
        message(pt - 300_000, rc=[trade, offer]),
        message(pt + 20_000, marketDefinition=definition | {"status": "SUSPENDED"}),
        message(pt + 90_000, marketDefinition=closed),
    ]


def places(node: Json, above: Place = ()) -> Iterator[Place]:
    """Where something stands in a JSON value that could be something else."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        yield (*above, key)
        yield from places(value, (*above, key))


def put(tree: Json, place: Place, value: Json) -> Json:
    """The tree with another value in that place."""
    changed = copy.deepcopy(tree)
    node = changed
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return changed


def as_stream(messages: list[Json]) -> bytes:
    return "\n".join(map(json.dumps, messages)).encode()


@pytest.fixture
def workshop(make_settings: Callable[..., Settings]) -> Workshop:
    columns = {"selection_name": "dog", "track_name": "where", "start_at": "off", "bsp": "sp", "event_name": "card"}
    return Workshop(make_settings(sources={"csv_feeds": {FEED: {"columns": columns, "timezone": "UTC"}}}))


def emptied(workshop: Workshop) -> Workshop:
    """The same home and database for the next example."""
    wipe(workshop)
    return Workshop(workshop.settings)


def land_beside_a_good_file(workshop: Workshop, source: str, name: str, data: bytes) -> Landed:
    """Lands a file and builds what it touches; the rows of a good file of another source must be there."""
    drop(workshop, "good.csv", csv_race(DAY1))
    path = workshop.settings.home / name
    path.write_bytes(data)
    (landed,) = land.land(workshop, source, [(path, name)])
    build_stale(workshop)
    query = "select dog_name from core.selections where race_date = %s and 'betfair_csv' = any(sources) order by 1"
    assert {"Alpha", "Beta", "Gamma"} <= {name for (name,) in ask(workshop, query, DAY1)}
    return landed


PLACES = list(places(stream()))
DEFINED = ("mc", 0, "marketDefinition")
anything = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(NUMBERS),
    st.text(st.characters(), max_size=20),
    st.sampled_from(NAMES).map(lambda name: f"1. {name}"),
    st.none(),
    st.booleans(),
    st.just([]),
    st.just({}),
)


@settings(max_examples=25)
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), anything), min_size=1, max_size=3))
@example(changes=[((3, *DEFINED, "runners", 0, "name"), "1. \0Nul\0 Dog\0")])
@example(changes=[((3, *DEFINED, "runners", 0, "name"), "1. Half \ud800")])
@example(changes=[((3, *DEFINED, "runners", 0, "name"), "No trap " + "".join(map(chr, range(0x4E00, 0x9000))))])
@example(changes=[((3, *DEFINED, "runners", 0, "id"), 10**30), ((1, "mc", 0, "rc", 0, "id"), 10**30)])
@example(changes=[((3, *DEFINED, "numberOfWinners"), 2**64)])
@example(changes=[((3, *DEFINED, "timezone"), "Europe/\0")])
@example(changes=[((3, *DEFINED, "venue"), "\0")])
@example(changes=[((n, "mc", 0, "id"), "1." + "7" * 3000) for n in range(4)])
@example(changes=[((n, *DEFINED, "eventId"), "\ud800\0") for n in (0, 2, 3)])
def test_whatever_stands_in_any_field_of_a_stream(workshop: Workshop, changes: list[tuple[Place, Json]]) -> None:
    messages = stream()
    for place, value in changes:
        try:
            messages = put(messages, place, value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken the place away
    landed = land_beside_a_good_file(emptied(workshop), STREAM, "1.239000001", as_stream(messages))
    assert landed.state == "landed", landed.detail
    assert landed.records
    refused = (
        "select coalesce(sum(quarantined), 0) + coalesce(sum(accepted), 0) from ops.ingestion_runs where source = %s"
    )
    filtered = "select coalesce(sum(value::int), 0) from ops.ingestion_runs, jsonb_each_text({}) where source = %s"
    [(kept,)] = ask(workshop, refused, STREAM)
    [(out,)] = ask(workshop, filtered.format("filtered"), STREAM)
    [(twice,)] = ask(workshop, filtered.format("duplicates"), STREAM)
    assert kept + out + twice == landed.records


def test_nul_goes_from_a_name_and_is_counted(workshop: Workshop) -> None:
    messages = put(stream(), (3, *DEFINED, "runners", 0, "name"), "1. \0Nul\0 Dog\0")
    land_beside_a_good_file(workshop, STREAM, "1.239000001", as_stream(messages))
    query = (
        "select dog_name, result from core.selections join core.races using (race_date, race_id) where track = 'Hove'"
    )
    assert sorted(ask(workshop, query)) == [("Dog 2", "LOSER"), ("Nul Dog", "WINNER")]
    assert ask(workshop, "select notes from ops.ingestion_runs where source = %s", STREAM) == [({"nul_removed": 1},)]


def test_half_a_character_costs_nothing_but_itself(workshop: Workshop) -> None:
    messages = put(stream(), (3, *DEFINED, "runners", 0, "name"), "1. Half \ud800Dog")
    land_beside_a_good_file(workshop, STREAM, "1.239000001", as_stream(messages))
    query = "select dog_name from core.selections join core.races using (race_date, race_id) where track = 'Hove'"
    assert sorted(ask(workshop, query)) == [("Dog 2",), ("Half \ufffdDog",)]


def test_a_byte_order_mark_is_no_part_of_the_first_message(workshop: Workshop) -> None:
    landed = land_beside_a_good_file(workshop, STREAM, "1.239000001", b"\xef\xbb\xbf" + as_stream(stream()))
    assert (landed.state, landed.records, landed.undated, landed.detail) == ("landed", 2, 0, "")
    assert ask(workshop, "select count(*) from core.selections join core.races using (race_date, race_id)"
               " where track = 'Hove'") == [(2,)]  # fmt: skip


def test_a_stream_without_market_time_says_so(workshop: Workshop) -> None:
    messages = stream()
    for number in (0, 2, 3):
        del messages[number]["mc"][0]["marketDefinition"]["marketTime"]
    land_beside_a_good_file(workshop, STREAM, "1.239000001", as_stream(messages))
    found = ask(workshop, "select rules, messages from quarantine.rejects")
    assert [rules for rules, _ in found] == [["start_time"]] * 2
    assert all("marketDefinition without marketTime" in message for _, (message,) in found)


def test_a_text_too_long_for_a_key_is_a_reject_that_names_its_column(workshop: Workshop) -> None:
    # No text of as many different letters is packed small enough by Postgres itself.
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 1000)))
    rows = csv_row(DAY1, long, selection=7, track="Hove") + csv_row(DAY1, "2. Short", selection=8, track="Hove")
    land_beside_a_good_file(workshop, CSV, "long.csv", (CSV_HEADER + rows).encode())
    [(rules, messages)] = ask(workshop, "select rules, messages from quarantine.rejects")
    assert set(rules) == {"text"}
    assert any(message.startswith("selection_name has 3000 bytes, 1,000 are the most") for message in messages)
    assert ask(workshop, "select count(*) from core.selections where dog_name = 'Short'") == [(1,)]


def _feed_rows(number: int, text: str) -> str:
    off = f"2024-06-26 17:{number:02}"
    return f"4. {text},Romford,{off},4.5,{text}\n{text},{text},{off},{text},x\n5. B,Romford,{text},,x\n"


def _card(number: int, text: str) -> Json:
    at = {"raceDate": f"2024-06-27T15:{number:02}:00+01:00"}
    return race(
        runner(1, dogName=text, dogId=text), runner(2), raceId=f"{number}{text}", raceTitle=text, track=text, **at
    )


def _form(number: int, text: str) -> Json:
    run = {"raceId": text, "raceTime": text, "track": text, "remarks": text, "by": text}
    return dog(run, dogName=text, dogId=f"{number}{text}")


def _view(number: int, text: str) -> Json:
    told = runner(1, spotlightComment=text, dogId=text, topSpeed=text)
    return race(told, raceId=str(number), postPick=text, raceComment=text)


def _as_rows(header: str, row: Callable[[int, str], str]) -> str:
    return header + "".join(row(number, text) for number, text in enumerate(NAMES))


def _as_items(item: Callable[[int, str], Json]) -> str:
    return json.dumps([item(number, text) for number, text in enumerate(NAMES)])


OF_SOURCES: dict[str, tuple[str, str]] = {
    CSV: (
        "odd.csv",
        _as_rows(CSV_HEADER, lambda number, text: csv_row(DAY1, f"4. {text}", selection=number, track="Hove")),
    ),
    BSP: (
        bsp_name(DAY1),
        _as_rows(BSP_HEADER, lambda number, text: bsp_row(DAY1, text, selection=number)).replace("Romford", "Hove"),
    ),
    FEED: ("odd.csv", _as_rows("dog,where,off,sp,card\n", _feed_rows)),
    "racing_post_races": ("odd.json", _as_items(_card)),
    "racing_post_form": ("odd.json", _as_items(_form)),
    "racing_post_analysis": ("odd.json", _as_items(_view)),
}


@pytest.mark.parametrize("source", OF_SOURCES)
def test_whatever_stands_in_a_name_of_any_source(workshop: Workshop, source: str) -> None:
    name, text = OF_SOURCES[source]
    landed = land_beside_a_good_file(workshop, source, name, text.encode("utf-8", "surrogatepass"))
    assert landed.state == "landed", landed.detail
    assert landed.records >= len(NAMES)


def test_a_recorded_poll_is_a_line_whatever_its_texts() -> None:
    names = {1: "1. Half \ud800 \0 Dog"}
    recorder = MarketRecorder("1.23", {"marketType": "W\0IN", "marketTime": "2024-06-26T17:36:00.000Z"}, names)
    book = Book("1.23", "OP\0EN", runners=[BookRunner(1, "ACT\ud800IVE", last_price_traded=2.5)])
    line = recorder.line(1_719_419_760_000, book)
    [row] = Ticker().rows(line)
    assert (row["market_type"], row["market_status"], row["runner_status"]) == ("WIN", "OPEN", "ACT\ufffdIVE")
    assert math.isclose(row["last_traded"], 2.5)
