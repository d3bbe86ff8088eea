"""Storing polled prices and the figures of their sessions, in one transaction; when that is done is elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from race_assets.schemas.live import PRICE_TICKS, SESSIONS
from race_assets.schemas.table import polars_schema
from race_assets.storage.binary_copy import copy_rows
from race_assets.storage.postgres import Warehouse

if TYPE_CHECKING:
    from psycopg import Cursor

Row = Mapping[str, Any]
TICK_COLUMNS = polars_schema(PRICE_TICKS)
FIGURES = [name for name in SESSIONS.columns if name != "session_id"]


class End(msgspec.Struct):
    """How a session ended.

    Attributes:
        ended: as in `live.sessions`.
        ended_at: None where nobody has seen it.
        figures: columns of `live.sessions`.
    """

    ended: str
    ended_at: datetime | None = None
    detail: str | None = None
    figures: dict[str, Any] = {}


KILLED = End("killed")


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
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        new = _insert(cursor, session_id, ticks)
        told = {name: value for name, value in figures.items() if name in FIGURES}
        setting = ", ".join(f"{name} = %({name})s" for name in told)
        flushed = ", flushed_at = now()" if ticks else ""
        cursor.execute(
            f"update live.sessions set ticks = ticks + %(new)s{flushed}{', ' + setting if setting else ''} "
            "where session_id = %(session_id)s".encode(),
            {**told, "new": new, "session_id": session_id},
        )
    return new


def _insert(cursor: "Cursor[Any]", session_id: str, ticks: Sequence[Row]) -> int:
    frame = pl.DataFrame([{**row, "session_id": session_id} for row in ticks], schema=TICK_COLUMNS)
    names = ", ".join(TICK_COLUMNS)
    # The word of a commit may be lost, and a killed session's ticks may be there in part: none is stored twice.
    cursor.execute("create temporary table polled (like live.price_ticks) on commit drop")
    copy_rows(cursor, "polled", frame)
    cursor.execute(f"insert into live.price_ticks ({names}) select {names} from polled on conflict do nothing".encode())
    return cursor.rowcount


def end(warehouse: Warehouse, session_id: str, end: End) -> None:
    """Notes how a session ended."""
    told = {name: value for name, value in end.figures.items() if name in FIGURES}
    setting = "".join(f", {name} = %({name})s" for name in told)
    with warehouse.transaction() as connection:
        # What a killed one did last is what was recovered of it, or stored.
        connection.execute(
            "update live.sessions set ended_at = coalesce(%(ended_at)s, ended_at, flushed_at, started_at), "
            f"ended = %(ended)s, detail = %(detail)s{setting} where session_id = %(session_id)s".encode(),
            {**told, "ended": end.ended, "ended_at": end.ended_at, "detail": end.detail, "session_id": session_id},
        )


def without_end(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Sessions that have not ended, as id and process."""
    with warehouse.connect() as connection:
        query = "select session_id, process from live.sessions where ended is null order by started_at"
        return [(session, process) for session, process in connection.execute(query).fetchall()]


def recover(warehouse: Warehouse, session_id: str, ticks: Sequence[Row]) -> int:
    """Stores ticks that a session had written down and not stored itself; how many were new.

    `flushed_at` stays what the session came to: how long it had stored nothing is told from it.
    """
    last = max(row["polled_at"] for row in ticks)
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        new = _insert(cursor, session_id, ticks)
        cursor.execute(
            "update live.sessions set ticks = ticks + %(new)s, ticks_recovered = ticks_recovered + %(new)s, "
            "ended_at = greatest(ended_at, %(last)s) where session_id = %(session_id)s",
            {"new": new, "last": last, "session_id": session_id},
        )
    return new
