"""Keep days up to date over a change of the ledger that no record depends on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Stays = Callable[[Sequence[str], Any], bool]
"""Returns whether a day with these sources and measures stays up to date; measures are None where it has none."""


@contextmanager
def days_stay_current(connection: Any, stays: Stays = lambda *_: True) -> Iterator[None]:
    """Give the days that are up to date before the block their new fingerprints after it.

    No day is published meanwhile.

    Args:
        connection: in a transaction.
        stays: which of these days do not depend on what changes.
    """
    connection.execute("lock table ops.built_days in share row exclusive mode")
    connection.execute(
        """create temporary table current_days on commit drop as
           select race_date, built.measures, array(select jsonb_object_keys(wanted.inputs)) as sources
           from ops.built_days as built left join ops.wanted_days as wanted using (race_date)
           where built.fingerprint = coalesce(wanted.fingerprint, 'empty')"""
    )
    rows = connection.execute("select race_date, sources, measures from current_days").fetchall()
    changing = [day for day, sources, measures in rows if not stays(sources, measures)]
    connection.execute("delete from current_days where race_date = any(%s::date[])", [changing])
    yield
    connection.execute(
        """update ops.built_days as built set fingerprint = wanted.fingerprint from ops.wanted_days as wanted
           where wanted.race_date = built.race_date and built.race_date in (select race_date from current_days)
             and built.fingerprint <> wanted.fingerprint"""
    )
    connection.execute("drop table current_days")
