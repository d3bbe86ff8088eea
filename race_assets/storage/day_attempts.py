"""Builds of days whose process ended in the middle, counted in `ops.day_attempts` before each chunk of days begins."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime

from race_assets.storage.attempts import killed
from race_assets.storage.postgres import Warehouse


def begin(warehouse: Warehouse, days: Mapping[date, str], process: str) -> None:
    """Note that a process begins to build days, each from the inputs of a fingerprint; other inputs start the count."""
    mark = json.dumps({process: datetime.now(UTC).timestamp()})
    with warehouse.transaction() as connection:
        connection.cursor().executemany(
            """insert into ops.day_attempts as old (race_date, fingerprint, attempts, last_at, interrupted, running)
               values (%s, %s, 0, now(), 0, %s)
               on conflict (race_date) do update set
                   attempts = case when old.fingerprint = excluded.fingerprint then old.attempts else 0 end,
                   failure = case when old.fingerprint = excluded.fingerprint then old.failure end,
                   interrupted = case when old.fingerprint = excluded.fingerprint then old.interrupted else 0 end,
                   running = case when old.fingerprint = excluded.fingerprint then old.running || excluded.running
                                  else excluded.running end,
                   fingerprint = excluded.fingerprint""",
            [(day, fingerprint, mark) for day, fingerprint in days.items()],
        )


def end(warehouse: Warehouse, days: Collection[date], process: str) -> None:
    """Note that the process has ended its work on these days, whatever came of it."""
    with warehouse.transaction() as connection:
        connection.execute(
            "update ops.day_attempts set running = running - %s::text where race_date = any(%s)", [process, list(days)]
        )
        connection.execute(
            """delete from ops.day_attempts where race_date = any(%s) and running = '{}' and interrupted = 0
               and attempts = 0 and failure is null""",
            [list(days)],
        )


def interrupted(
    warehouse: Warehouse,
    days: Mapping[date, str],
    is_gone: Callable[[str], bool],
    is_here: Callable[[str], bool],
) -> dict[date, int]:
    """Return how often building each of these days from its present inputs ended in the middle; never: left out.

    Args:
        warehouse: where they are counted.
        days: the fingerprint of each day's inputs.
        is_gone: whether the process of a mark ran on this machine and does no longer.
        is_here: whether it ran on this machine.
    """
    query = """select race_date, running from ops.day_attempts where race_date = any(%s) and running <> '{}'"""
    with warehouse.transaction() as connection:
        for day, running in connection.execute(query, [list(days)]).fetchall():
            if dead := killed(running, is_gone, is_here):
                connection.execute(
                    """update ops.day_attempts set running = running - %(dead)s::text[], interrupted = interrupted
                           + (select count(*) from unnest(%(dead)s::text[]) as process where running ? process)
                       where race_date = %(day)s""",
                    {"dead": dead, "day": day},
                )
        rows = connection.execute(
            """select race_date, fingerprint, interrupted from ops.day_attempts
               where race_date = any(%s) and interrupted > 0""",
            [list(days)],
        ).fetchall()
    return {day: count for day, fingerprint, count in rows if days[day] == fingerprint}
