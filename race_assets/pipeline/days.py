"""Day files of one source, cut from its parsed files: the `raw` tables of the lake; nothing is judged here."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import polars as pl

from race_assets.pipeline import day_attempts
from race_assets.pipeline.land import ensure_parsed
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import PARSED, RAW
from race_assets.schemas.table import polars_schema
from race_assets.storage.ledger import LedgerFile, WantedDay

WRITERS = 2
MOST_DAYS = 128
"""Days of a chunk, however few records they have: each is locked while it is worked on."""
POINTS_TO_A_RECORD = 4
"""Price points that take the memory of a record."""
PARSED_SCHEMA = polars_schema(PARSED)


def raw_table(source: str) -> str:
    """The lake table of a source's day files."""
    return f"raw/{source}"


@dataclass(frozen=True)
class DaysWithRecords:
    """The days of a run that an asset has records of: only these are recorded as materialised."""

    days: frozenset[date]


def days_with_records(workshop: Workshop, days: Sequence[date], source: str | None = None) -> DaysWithRecords:
    """Return which of these days have records in landed files, of one source or of any."""
    wanted = workshop.wanted(days).items()
    return DaysWithRecords(
        frozenset(day for day, each in wanted if (each.inputs if source is None else source in each.inputs))
    )


def chunks(workshop: Workshop, days: Sequence[date]) -> Iterator[dict[date, WantedDay]]:
    """Yield the days in groups that fit in memory, with what each should be built from now.

    Days whose build was killed come last, each by itself, those that were killed least first: one of them may be what
    kills the process.
    """
    wanted = workshop.wanted(days)
    times = day_attempts.interrupted(workshop, wanted)
    others = {day: each for day, each in wanted.items() if day not in times}
    for group in _in_memory(workshop, others):
        with day_attempts.counted(workshop, group):
            yield group
    for day in sorted(times, key=lambda each: (times[each], each)):
        with day_attempts.counted(workshop, {day: wanted[day]}):
            yield {day: wanted[day]}


def _in_memory(workshop: Workshop, wanted: Mapping[date, WantedDay]) -> Iterator[dict[date, WantedDay]]:
    """Yield the days in order, in groups that fit in memory."""
    group: dict[date, WantedDay] = {}
    size = 0
    for day in sorted(wanted):
        more = wanted[day].records + wanted[day].points // POINTS_TO_A_RECORD
        if group and (size + more > workshop.settings.chunk_rows or len(group) == MOST_DAYS):
            yield group
            group, size = {}, 0
        group[day] = wanted[day]
        size += more
    if group:
        yield group


def ensure_raw(
    workshop: Workshop, source: str, wanted: Mapping[date, WantedDay], *, refresh: bool = False
) -> dict[date, int]:
    """Writes the source's day files that are missing or outdated; `refresh` writes all of them.

    A day whose files have moved on since `wanted` was asked is left as it is.

    Returns:
        records of each day written.
    """
    table = raw_table(source)
    due = {
        day: each.inputs[source]
        for day, each in wanted.items()
        if source in each.inputs and (refresh or not is_raw(workshop, source, day, each))
    }
    if not due:
        return {}
    with workshop.timed("raw"):
        frame = _records(workshop, source, sorted(due))
        # A file landed since `wanted` was asked is among the records, but not in the fingerprint: not a day to keep.
        now = workshop.wanted(sorted(due))
        due = {day: fingerprint for day, fingerprint in due.items() if now[day].inputs.get(source) == fingerprint}
        by_day = {key[0]: rows for key, rows in frame.partition_by("race_date", as_dict=True).items()}
        schema = polars_schema(RAW)

        def write(day: date) -> None:
            workshop.lake.write_day(table, day, by_day.get(day, frame.clear()), due[day], schema=schema)

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, due))
    return {day: by_day[day].height if day in by_day else 0 for day in due}


def is_raw(workshop: Workshop, source: str, day: date, wanted: WantedDay) -> bool:
    """Return whether the source's file of a day is made of what is wanted, or not wanted at all."""
    inputs = wanted.inputs.get(source)
    return inputs is None or workshop.lake.fingerprint(raw_table(source), day) == inputs


def _records(workshop: Workshop, source: str, days: Sequence[date]) -> pl.DataFrame:
    files = workshop.ledger.live_files(source, days)
    superseded = _superseded(files)
    parts = []
    for file in files:
        ensure_parsed(workshop, file)
        path = workshop.lake.parsed_path(source, file.sha256, file.parser_version)
        told_days = [day for day in days if day in file.dates]
        rows = workshop.lake.scan_parsed(path, PARSED_SCHEMA).filter(
            pl.col("race_date").is_between(told_days[0], told_days[-1]) & pl.col("race_date").is_in(told_days)
        )
        parts.append(
            rows.with_columns(
                source=pl.lit(source),
                source_file=pl.lit(file.sha256),
                superseded=pl.col("race_date").is_in(superseded[file.sha256])
                if superseded[file.sha256]
                else pl.lit(value=False),
            )
        )
    schema = polars_schema(RAW)
    told = set(PARSED_SCHEMA) | {"source", "source_file", "superseded"}
    names = [name for name in schema if name in told]
    if not parts:
        return pl.DataFrame(schema={name: schema[name] for name in names})
    return pl.concat(parts).select(names).collect()


def _superseded(files: Sequence[LedgerFile]) -> dict[str, list[date]]:
    """For each file, the days a newer version of its name tells anew."""
    versions: dict[str, list[LedgerFile]] = {}
    for file in files:
        versions.setdefault(file.name, []).append(file)
    found = {}
    for same in versions.values():
        told: set[date] = set()
        for file in sorted(same, key=lambda each: each.version, reverse=True):
            found[file.sha256] = sorted(told & file.dates.keys())
            told |= file.dates.keys()
    return found
