"""What becomes of an ingest whose surroundings fail; that of one that is told to stop is in test_cli."""

import socket

import pytest
from sqlalchemy import create_engine

from race_assets.automation import runs
from race_assets.errors import WarehouseError


def test_a_database_that_goes_away_under_a_run_is_one_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg2://127.0.0.1:{free.getsockname()[1]}/gone"
        with (
            pytest.raises(
                WarehouseError, match=r"^Postgres went away during the run: [^\n]*; days published before stay"
            ),
            runs.database_held(),
        ):
            create_engine(url).connect()
