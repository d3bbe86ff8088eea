"""What the tests of HTTP may ask for: a server, and a time of their own."""

from collections.abc import Iterator

import pytest

from race_assets_tests.http.server import FakeTime, Server, running


@pytest.fixture
def server() -> Iterator[Server]:
    """An HTTP server, in place of the Postgres of the same name."""
    with running() as server:
        yield server


@pytest.fixture
def time() -> FakeTime:
    """A time that moves only when somebody sleeps."""
    return FakeTime()
