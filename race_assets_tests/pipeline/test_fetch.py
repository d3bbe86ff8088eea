"""Fetching from the fake Betfair into the archive and on into Postgres, whatever goes wrong on the way."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from race_assets.pipeline import fetch
from race_assets.pipeline.fetch import Fetched
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.fake_betfair import FakeBetfair, faults, fixtures
from race_assets_tests.fake_betfair.fixtures import Shelf
from race_assets_tests.fake_betfair.streams import BASIC, MarketFile
from race_assets_tests.pipeline.clockwork import Clockwork
from race_assets_tests.pipeline.feed import ask, build_stale, tables

HISTORIC, BSP = "betfair_historic", "betfair_bsp"
FIRST = date(2024, 5, 1)
MAY = [FIRST + timedelta(days=number) for number in range(31)]
MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    """Days of May, and what must be left out: other plans, market types and files per event."""
    return fixtures.month(FIRST, days=3, plans=(BASIC,), events=True)


@pytest.fixture
def betfair(shelf: Shelf) -> Iterator[FakeBetfair]:
    with FakeBetfair(shelf) as fake:
        yield fake


@pytest.fixture
def clockwork(betfair: FakeBetfair) -> Clockwork:
    """The clock of our side and of the fake's limit."""
    made = Clockwork()
    betfair.historic.arrivals.clock = made.look
    return made


def pointed_at(betfair: FakeBetfair, **historic: Any) -> dict[str, Any]:
    """The settings that talk to the fake."""
    urls = betfair.urls()
    account = {
        "username": betfair.identity.username,
        "password": betfair.identity.password,
        "app_key": betfair.identity.app_key,
        "identity_url": urls["identity"].removesuffix("/api"),
    }
    sources = {
        HISTORIC: {"fetch": {"url": urls["historic"], **historic}},
        BSP: {"fetch": {"url": urls["bsp"]}},
    }
    return {"betfair": account, "sources": sources}


@pytest.fixture
def workshop(make_settings: MakeSettings, betfair: FakeBetfair) -> Workshop:
    return Workshop(make_settings(**pointed_at(betfair)))


def fetched(workshop: Workshop, clockwork: Clockwork, source: str = HISTORIC, days: list[date] = MAY) -> Fetched:
    return fetch.fetch(workshop, source, days, timing=clockwork.timing)


def single(betfair: FakeBetfair) -> list[MarketFile]:
    return [each for each in betfair.files.values() if each.kind == "M" and each.plan == BASIC]


def test_month(workshop: Workshop, betfair: FakeBetfair, clockwork: Clockwork) -> None:
    done = fetched(workshop, clockwork)
    print(done)
    print(done.seconds)
    build_stale(workshop)
    print(ask(workshop, "select * from ops.ingestion_runs where race_date is null"))
    print(ask(workshop, "select count(*) from core.races"), ask(workshop, "select * from core.selections limit 3"))
    print(clockwork.moments)
