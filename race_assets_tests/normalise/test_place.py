"""PLACE markets take what only their WIN market says of the race."""

from datetime import UTC, datetime, timedelta

import polars as pl

from race_assets.normalise.place import with_facts_of_win
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema

OFF = datetime(2024, 6, 27, 14, 51, tzinfo=UTC)
SCHEMA = polars_schema(RECORDS)


def record(market: str, kind: str, event: str | None = "33", minutes: int = 0, **facts: object) -> dict[str, object]:
    return {
        "source": "betfair_historic", "market_id": market, "market_type": kind, "event_id": event,
        "start_at": OFF + timedelta(minutes=minutes), **facts,
    }  # fmt: skip


def facts(*records: dict[str, object]) -> list[tuple[object, ...]]:
    frame = with_facts_of_win(pl.DataFrame(records, schema=SCHEMA))
    assert frame.schema == SCHEMA
    return frame.select("market_id", "race_type", "distance_m").rows()


def test_a_place_market_takes_the_facts_of_the_win_market_of_its_event_and_off() -> None:
    place, other = record("1.2", "PLACE"), record("1.4", "PLACE", minutes=15)
    win = record("1.1", "WIN", race_type="A5", distance_m=462)
    assert facts(place, win, other) == [("1.2", "A5", 462), ("1.1", "A5", 462), ("1.4", None, None)]


def test_what_a_place_market_says_itself_stays() -> None:
    place = record("1.2", "PLACE", race_type="OR")
    assert facts(record("1.1", "WIN", race_type="A5", distance_m=462), place)[1] == ("1.2", "OR", 462)


def test_two_win_markets_that_differ_say_nothing() -> None:
    wins = [record("1.1", "WIN", race_type="A5", distance_m=462), record("1.3", "WIN", race_type="D3", distance_m=462)]
    assert facts(*wins, record("1.2", "PLACE"))[2] == ("1.2", None, 462)


def test_without_an_event_nothing_is_taken() -> None:
    win = record("1.1", "WIN", event=None, race_type="A5", distance_m=462)
    assert facts(win, record("1.2", "PLACE", event=None))[1] == ("1.2", None, None)
