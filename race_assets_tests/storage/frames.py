"""Rows of core, the quarantine and the ledger made by hand, for tests that write them without a pipeline."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pandera.polars as pa
import polars as pl

from race_assets.schemas.core import DOG_FORM, PRICE_POINTS, PRICES, RACE_ANALYSIS, RACE_LINKS, RACES, SELECTIONS
from race_assets.schemas.ops import INGESTION_RUNS, REJECTS, SOURCE_FILES
from race_assets.schemas.table import polars_schema
from race_assets.storage.ledger import EMPTY
from race_assets.storage.postgres import Warehouse
from race_assets.storage.publish import DayFrames, Landing

DAY1, DAY2, DAY3 = date(2024, 6, 26), date(2024, 6, 27), date(2024, 6, 28)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = "betfair_csv"


def rows(schema: pa.DataFrameSchema, *told: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(told), schema=polars_schema(schema))


def reject(name: str, day: date | None, **changes: object) -> dict[str, object]:
    """An open reject of the row stage (of landing, where it has no day)."""
    base = {
        "reject_id": name,
        "source": SOURCE,
        "source_file": "a",
        "source_row": 2,
        "race_date": day,
        "stage": "row" if day else "land",
        "rules": ["number"],
        "messages": ["volume 'x' is not a number"],
        "row": '{"text": "é", "bytes": 2}',
        "run_id": "run",
        "rejected_at": NOW,
        "state": "open",
    }
    return {**base, **changes}


def account(day: date | None, run_id: str = "run", records: int = 1) -> dict[str, object]:
    """A row of `ops.ingestion_runs` where everything was accepted."""
    zeros = dict.fromkeys(["quarantined", "api_requests", "api_retries", "bytes_in"], 0)
    texts = dict.fromkeys(["duplicates", "filtered", "rejected_by", "notes"], '{"x": 1}')
    times = {"started_at": NOW, "finished_at": NOW, "api_wait_s": 0.0, "duration_s": 0.5}
    key = {"run_id": run_id, "source": SOURCE, "race_date": day, "records_in": records, "accepted": records}
    return {**key, **zeros, **texts, **times}


def day_frames(
    fingerprints: dict[date, str], *, dogs: int = 1, run_id: str = "run", rejects: Sequence[dict[str, object]] = ()
) -> DayFrames:
    """Days of one race each, told by one market, with so many dogs, each with one price, point, past run and view."""
    races, selections, prices, points, form, views, links = [], [], [], [], [], [], []
    for day in fingerprints:
        key: dict[str, Any] = {"race_date": day, "race_id": f"r-{day}"}
        track = {"track_id": "gb-romford", "track": "Romford", "country": "GB", "timezone": "Europe/London"}
        off = {"start_at": NOW, "start_local": NOW.replace(tzinfo=None), "status": "OPEN", "runner_count": dogs}
        off |= {"rejected_runners": 0, "has_conflicting_results": False}
        races.append({**key, **track, **off, "sources": [SOURCE], "processed_at": NOW})
        links.append({**key, "source": SOURCE, "market_id": "1.1", "method": "first", "offset_s": 0, "runners": dogs})
        for trap in range(1, dogs + 1):
            runner = {**key, "selection_id": f"r-{day}-t{trap}", "trap": trap, "runner_seq": 0, "status": "ACTIVE"}
            selections.append({**runner, "is_dead_heat": False, "sources": [SOURCE], "processed_at": NOW})
            told = {"race_date": day, "selection_id": f"r-{day}-t{trap}", "source": SOURCE, "market_type": "WIN"}
            prices.append({**told, "price_kind": "BSP", "price": 2.5})
            points.append({**told, "seconds_before_off": 30, "noted_at": NOW, "best_back": 2.4})
            of_runner = {name: value for name, value in told.items() if name != "market_type"}
            form.append({**of_runner, "run_number": 1, "run_id": "7"})
            views.append({**of_runner, **key, "pick_rank": trap})
    core = {
        "core.races": rows(RACES, *races),
        "core.selections": rows(SELECTIONS, *selections),
        "core.prices": rows(PRICES, *prices),
        "core.price_points": rows(PRICE_POINTS, *points),
        "core.dog_form": rows(DOG_FORM, *form),
        "core.race_analysis": rows(RACE_ANALYSIS, *views),
        "core.race_links": rows(RACE_LINKS, *links),
    }
    accounts = rows(INGESTION_RUNS, *(account(day, run_id) for day in fingerprints))
    return DayFrames(fingerprints, core, rows(REJECTS, *rejects), accounts, run_id)


def empty_days(*days: date, dogs: int = 1, run_id: str = "run", rejects: Sequence[dict[str, object]] = ()) -> DayFrames:
    """Such days, as a ledger without files wants them."""
    return day_frames(dict.fromkeys(days, EMPTY), dogs=dogs, run_id=run_id, rejects=rejects)


def landing(
    sha256: str, days: dict[date, int], *, rejects: Sequence[dict[str, object]] = (), **changes: object
) -> Landing:
    """A landed file with so many records of each day."""
    base = {
        "source": SOURCE,
        "sha256": sha256,
        "name": f"{sha256}.csv",
        "version": 1,
        "bytes": 1000,
        "landed_at": NOW,
        "race_dates": list(days),
        "race_date_records": list(days.values()),
        "rows_read": sum(days.values()),
        "rows_careful": 0,
        "race_date_points": [],
        "race_date_tracks": [0] * len(days),
        "race_date_zones": [0] * len(days),
        "dating_names": [],
        "records": sum(days.values()),
        "undated": len(rejects),
        "parser_version": 1,
        "dated_by": "registry",
        "state": "landed",
    }
    told = [account(None, f"land-{sha256}")] if rejects else []
    return Landing(rows(SOURCE_FILES, {**base, **changes}), rows(REJECTS, *rejects), rows(INGESTION_RUNS, *told))


def ask(warehouse: Warehouse, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with warehouse.connect() as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def tell(warehouse: Warehouse, statement: str, *parameters: object) -> None:
    """Does a statement that gives no rows."""
    with warehouse.connect() as connection:
        connection.execute(statement.encode(), parameters)
