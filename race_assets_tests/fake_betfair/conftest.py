"""One fake for each test, with a session that is open."""

from collections.abc import Iterator

import pytest

from race_assets_tests.fake_betfair import FakeBetfair


@pytest.fixture
def betfair() -> Iterator[FakeBetfair]:
    """The fake with every oddity."""
    with FakeBetfair() as fake:
        yield fake


@pytest.fixture
def owner(betfair: FakeBetfair) -> dict[str, str]:
    """Headers of a client of the historic service that is logged in."""
    return {"ssoid": betfair.token()}
