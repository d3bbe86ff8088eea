"""Storing polled prices and the figures of their sessions, in one transaction; when that is done is elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from race_assets.schemas.live import PRICE_TICKS, SESSIONS
from race_assets.schemas.table import polars_schema
from race_assets.storage.binary_copy import copy_rows
from race_assets.storage.postgres import Warehouse

Row = Mapping[str, Any]
TICK_COLUMNS = polars_schema(PRICE_TICKS)
FIGURES = [name for name in SESSIONS.columns if name != "session_id"]


def begin(warehouse: Warehouse, session_id: str, process: str) -> None:
    """Notes that a session has begun."""
    counts = {name: 0 for name, each in SESSIONS.columns.items() if not each.nullable and each.dtype.type != pl.String}
    names = ["session_id", "process", "started_at", *(name for name in counts if name != "started_at")]
    values = ", ".join("now()" if name == "started_at" else f"%({name})s" for name in names)
    with warehouse.transaction() as connection:
        connection.execute(
            f"insert into live.sessions ({', '.join(names)}) values ({values})".encode(),
            {**counts, "session_id": session_id, "process": process},
        )


def store(warehouse: Warehouse, session_id: str, ticks: Sequence[Row], figures: Row) -> int:
    """Adds the ticks that are not there yet and sets these figures of the session; how many ticks were new.

    Args:
        ticks: rows of `live.price_ticks`; `session_id` is added.
        figures: columns of `live.sessions`; `flushed_at` is set where there are ticks.
    """
    frame = pl.DataFrame([{**row, "session_id": session_id} for row in ticks], schema=TICK_COLUMNS)
    names = ", ".join(TICK_COLUMNS)
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        # The word of a commit may be lost, and a killed session's ticks may be there in part: none is stored twice.
        cursor.execute("create temporary table polled (like live.price_ticks) on commit drop")
        copy_rows(cursor, "polled", frame)
        cursor.execute(
            f"insert into live.price_ticks ({names}) select {names} from polled on conflict do nothing".encode()
        )
        new = cursor.rowcount
        told = {name: value for name, value in figures.items() if name in FIGURES}
        setting = ", ".join(f"{name} = %({name})s" for name in told)
        flushed = ", flushed_at = now()" if ticks else ""
        cursor.execute(
            f"update live.sessions set ticks = ticks + %(new)s{flushed}{', ' + setting if setting else ''} "
            "where session_id = %(session_id)s".encode(),
            {**told, "new": new, "session_id": session_id},
        )
    return new


def end(warehouse: Warehouse, session_id: str, ended: str, detail: str | None = None) -> None:
    """Notes how a session ended, now."""
    with warehouse.transaction() as connection:
        connection.execute(
            "update live.sessions set ended_at = now(), ended = %s, detail = %s where session_id = %s",
            [ended, detail, session_id],
        )


def without_end(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Sessions that have not ended, as id and process."""
    with warehouse.connect() as connection:
        query = "select session_id, process from live.sessions where ended is null order by started_at"
        return [(session, process) for session, process in connection.execute(query).fetchall()]


def bury(warehouse: Warehouse, session_id: str, ticks: Sequence[Row]) -> int:
    """Stores what a killed session had written down and not stored, and notes its end; how many ticks were new."""
    new = store(warehouse, session_id, ticks, {})
    last = max((row["polled_at"] for row in ticks), default=None)
    with warehouse.transaction() as connection:
        connection.execute(
            "update live.sessions set ended = 'killed', ended_at = coalesce(%s, flushed_at, started_at), "
            "ticks_recovered = %s where session_id = %s",
            [last, new, session_id],
        )
    return new
