"""The track names that landed files hold, and what they mean in the registry in force."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from race_assets.storage.current_days import days_stay_current
from race_assets.storage.postgres import LANDING_LOCK, PURPOSES, Warehouse
from race_assets.storage.waiting import take_transaction_lock

Resolve = Callable[[pl.DataFrame], pl.DataFrame]
"""Returns MEANINGS of NAMES, as `identity.track_names` declares both."""
_COLUMNS = ("name_id", "track_name", "country", "meaning", "timezone")

TO_BE_READ = ""
"""`dated_by` of a file that is to be read again, whatever its state."""


@dataclass(frozen=True)
class HeldNames:
    """The track names of one landed file.

    Attributes:
        names: `name_id`, `track_name`, `country`, `meaning`, `timezone`.
        sets: the ids of the names, by the id of their set; one set for each day of the file.
        registry: fingerprint of the registry by which `meaning` and `timezone` were found.
    """

    names: pl.DataFrame
    sets: Mapping[int, Sequence[int]] = field(default_factory=dict)
    registry: str = ""


@dataclass(frozen=True)
class FileTracks:
    """What `ops.source_files` keeps of a file's track names.

    Attributes:
        held: the names, and the set of each day.
        sets: the id of the set of each of the file's days.
        zones: of each day, a hash of the names and time zones that gave rows that day; 0 where none did.
        dating_names: ids of the names whose time zone decides the day of rows, those without a track among them.
    """

    held: HeldNames
    sets: Sequence[int]
    zones: Sequence[int]
    dating_names: Sequence[int]


def is_in_force(cursor: Any, registry: str) -> bool:
    """Return whether this registry is in force, and keep it so until the end of the transaction."""
    cursor.execute("select tracks from ops.configuration for share")
    row = cursor.fetchone()
    return row is not None and row[0] == registry


def add(cursor: Any, held: HeldNames, *, is_in_force: bool) -> None:
    """Enter a file's names and sets of names; their meaning stays open unless its registry is in force."""
    names = held.names if is_in_force else held.names.with_columns(meaning=None, timezone=None)
    columns = [names[name].to_list() for name in _COLUMNS]
    cursor.execute(
        f"""insert into ops.track_names ({", ".join(_COLUMNS)})
            select * from unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[])
            on conflict do nothing""",
        columns,
    )
    sets = [(set_id, list(name_ids)) for set_id, name_ids in sorted(held.sets.items())]
    cursor.executemany("insert into ops.track_sets (set_id, name_ids) values (%s, %s) on conflict do nothing", sets)
    _add_up(cursor, [set_id for set_id, _ in sets], [])


def complete(warehouse: Warehouse, files: Mapping[tuple[str, str], FileTracks], dated_by: str) -> None:
    """Enter the tracks of files that were landed before these were kept; no day is out of date for it.

    Args:
        warehouse: where.
        files: the tracks by source and sha256.
        dated_by: what decides which of their rows can be dated, beside their tracks.
    """
    with warehouse.transaction() as connection, days_stay_current(connection), connection.cursor() as cursor:
        take_transaction_lock(cursor, LANDING_LOCK, PURPOSES[LANDING_LOCK])
        for (source, sha256), tracks in files.items():
            add(cursor, tracks.held, is_in_force=is_in_force(cursor, tracks.held.registry))
            cursor.execute(
                """update ops.source_files
                   set race_date_tracks = %s, race_date_zones = %s, dating_names = %s, dated_by = %s
                   where source = %s and sha256 = %s and cardinality(race_dates) = %s""",
                [
                    list(tracks.sets), list(tracks.zones), list(tracks.dating_names), dated_by, source, sha256,
                    len(tracks.sets),
                ],
            )  # fmt: skip


def resolve_all(cursor: Any, resolve: Resolve) -> None:
    """Bring the meanings of all names up to date; files that another time zone dated are to be read again."""
    cursor.execute(f"select {', '.join(_COLUMNS)} from ops.track_names order by name_id")
    schema = dict.fromkeys(_COLUMNS, pl.String) | dict.fromkeys(("name_id", "meaning"), pl.Int64)
    known = pl.DataFrame(cursor.fetchall(), schema=schema, orient="row")
    if not known.height:
        return
    resolved = resolve(known.select(_COLUMNS[:3]))
    now = resolved.join(known.select("name_id", "meaning", "timezone"), on="name_id", suffix=":old")
    changed = now.filter(pl.col("meaning").ne_missing(pl.col("meaning:old")))
    cursor.execute(
        """update ops.track_names as name set meaning = changed.meaning, timezone = changed.timezone
           from unnest(%s::bigint[], %s::bigint[], %s::text[]) as changed (name_id, meaning, timezone)
           where name.name_id = changed.name_id""",
        [changed[name].to_list() for name in ("name_id", "meaning", "timezone")],
    )
    _add_up(cursor, [], changed["name_id"].to_list())
    moved = changed.filter(pl.col("timezone").ne_missing(pl.col("timezone:old")))["name_id"].to_list()
    cursor.execute(
        "update ops.source_files set dated_by = %s where withdrawn_at is null and dating_names && %s::bigint[]",
        [TO_BE_READ, moved],
    )


def _add_up(cursor: Any, sets: Sequence[int], names: Sequence[int]) -> None:
    """Set the meaning of these sets, and of those that hold one of these names; open while one of theirs is open."""
    cursor.execute(
        """update ops.track_sets as held set meaning = (
               select case when count(*) = count(name.meaning) then coalesce(sum(name.meaning), 0) end
               from unnest(held.name_ids) as id left join ops.track_names as name on name.name_id = id)
           where (set_id = any(%s::bigint[]) and meaning is null) or name_ids && %s::bigint[]""",
        [list(sets), list(names)],
    )
