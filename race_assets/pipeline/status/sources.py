"""What each source has: first and last day with data, days landed and built, missing days."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from race_assets.pipeline.status.need import Need
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.coverage import Coverage

# Days landed and not built yet count as landed alone.
QUERY = """
with landed as (
    select file.source, count(distinct day) as days
    from ops.source_files as file cross join lateral unnest(file.race_dates) as day
    where file.withdrawn_at is null and file.state = 'landed' group by file.source
), built as (
    select source, min(race_date) as first, max(race_date) as last, count(*) as days
    from ops.built_days join ops.ingestion_runs using (race_date, run_id)
    where accepted > 0 group by source
), files as (
    select source, count(*) as files from ops.source_files where withdrawn_at is null group by source
)
select files.source, built.first, built.last, coalesce(landed.days, 0), coalesce(built.days, 0), files.files
from files left join landed using (source) left join built using (source)
"""


@dataclass(frozen=True)
class SourceStatus:
    """What a source has.

    Attributes:
        is_enabled: whether its files are landed and built.
        is_current: whether it is expected up to today; None where nothing is expected of it.
        first: its first day with accepted records.
        last: its last day with accepted records.
        days_landed: days of which it has landed records.
        days_built: days of which it has accepted records in the tables.
        days_missing: days that are due and missing, not whole, blocked or failed.
        files: files that count.
    """

    source: str
    is_enabled: bool
    is_current: bool | None = None
    first: date | None = None
    last: date | None = None
    days_landed: int = 0
    days_built: int = 0
    days_missing: int = 0
    files: int = 0


def statuses(workshop: Workshop, rows: Sequence[Coverage], missing: Sequence[Need]) -> list[SourceStatus]:
    """Return the status of each source that is enabled or has files.

    Args:
        workshop: the tools.
        rows: of `ops.coverage`, of all days.
        missing: what is missing of each source.
    """
    days_missing: Counter[str] = Counter()
    for need in missing:
        days_missing[need.source or ""] += need.days
    current = {each.source: each.is_current for each in rows}
    enabled = set(workshop.enabled)
    with workshop.warehouse.connect() as connection:
        found = {source: columns for source, *columns in connection.execute(QUERY)}
    statuses = []
    for source in sorted(enabled | found.keys()):
        first, last, landed, built, files = found.get(source, (None, None, 0, 0, 0))
        statuses.append(
            SourceStatus(
                source, source in enabled, current.get(source), first, last, landed, built, days_missing[source], files
            )
        )
    return statuses
