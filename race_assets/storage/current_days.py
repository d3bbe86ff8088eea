"""Keep days up to date over a change of the ledger that no record depends on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def days_stay_current(connection: Any) -> Iterator[None]:
    """Give the days that are up to date before the block their new fingerprints after it.

    No day is published meanwhile.

    Args:
        connection: in a transaction.
    """
    connection.execute("lock table ops.built_days in share row exclusive mode")
    connection.execute(
        """create temporary table current_days on commit drop as
           select built.race_date from ops.built_days as built left join ops.wanted_days as wanted using (race_date)
           where built.fingerprint = coalesce(wanted.fingerprint, 'empty')"""
    )
    yield
    connection.execute(
        """update ops.built_days as built set fingerprint = wanted.fingerprint from ops.wanted_days as wanted
           where wanted.race_date = built.race_date and built.race_date in (select race_date from current_days)
             and built.fingerprint <> wanted.fingerprint"""
    )
    connection.execute("drop table current_days")
