"""Writing days and landings, each in one transaction; what is written is decided elsewhere.

All rows go through binary COPY. Rejects and files pass through temporary tables, since they are merged.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from race_assets.schemas.catalogue import CORE
from race_assets.schemas.ops import BUILT_DAYS, INGESTION_RUNS, PUBLICATIONS, REJECTS, REVISIONS, SOURCE_FILES
from race_assets.schemas.table import conform, is_json, polars_schema
from race_assets.storage import attempts, coverage, day_figures, track_names
from race_assets.storage.binary_copy import copy_rows, quoted
from race_assets.storage.postgres import LANDING_LOCK, PUBLISH_LOCK, PURPOSES, Warehouse, retrying
from race_assets.storage.track_names import HeldNames
from race_assets.storage.waiting import take_transaction_lock


@dataclass(frozen=True)
class DayFrames:
    """Whole days ready to be published.

    Attributes:
        fingerprints: what each day was built from.
        core: the core tables by name, rows of these days only.
        rejects: `quarantine.rejects` of these days, all that are refused now.
        accounts: `ops.ingestion_runs`, one row per source and day.
        clock_shifts: the sources whose clocks are wrong, of these days and of the days beside them.
        revisions: `ops.revisions`, what these days say otherwise than when they were last published.
        bases: the fingerprint of that publishing, by day; days never published before are not there. None: nothing was
            compared.
        measures: what decides whether a changed rule changes the day, as JSON; days that were not measured are absent.
        marks: what `ops.built_days` said of each day then: a decision about a link, say, marks a day to be built anew.
    """

    fingerprints: Mapping[date, str]
    core: Mapping[str, pl.DataFrame]
    rejects: pl.DataFrame
    accounts: pl.DataFrame
    run_id: str
    clock_shifts: Mapping[date, Sequence[str]] = field(default_factory=dict)
    revisions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=polars_schema(REVISIONS)))
    bases: Mapping[date, str] | None = None
    marks: Mapping[date, str] = field(default_factory=dict)
    measures: Mapping[date, str] = field(default_factory=dict)


def only(frames: DayFrames, days: set[date]) -> DayFrames:
    """The frames of these days."""
    if days == set(frames.fingerprints):
        return frames
    stays = pl.col("race_date").is_in(sorted(days))
    return DayFrames(
        {day: fingerprint for day, fingerprint in frames.fingerprints.items() if day in days},
        {name: frame.filter(stays) for name, frame in frames.core.items()},
        frames.rejects.filter(stays),
        frames.accounts.filter(stays),
        frames.run_id,
        frames.clock_shifts,
        frames.revisions.filter(stays),
        frames.bases,
        frames.marks,
        frames.measures,
    )


def together(parts: Sequence[DayFrames]) -> DayFrames:
    """Frames of different days as one."""
    return DayFrames(
        {day: fingerprint for part in parts for day, fingerprint in part.fingerprints.items()},
        {name: pl.concat([part.core[name] for part in parts]) for name in CORE},
        pl.concat([part.rejects for part in parts]),
        pl.concat([part.accounts for part in parts]),
        parts[0].run_id,
        {day: shifts for part in parts for day, shifts in part.clock_shifts.items()},
        pl.concat([part.revisions for part in parts]),
        {day: base for part in parts for day, base in (part.bases or {}).items()},
        {day: mark for part in parts for day, mark in part.marks.items()},
        {day: measured for part in parts for day, measured in part.measures.items()},
    )


def publish(warehouse: Warehouse, days: DayFrames) -> set[date]:
    """Replaces the days that are still wanted as they were built.

    Returns:
        the days left alone because their inputs have moved on meanwhile; they are to be built again.

    Raises:
        WarehouseError: the connection was lost and stayed lost; nothing of these days was written.
    """
    return retrying(lambda: _publish(warehouse, days))


def _publish(warehouse: Warehouse, days: DayFrames) -> set[date]:
    with locked_transaction(warehouse, PUBLISH_LOCK) as cursor:
        moved = _moved(cursor, days.fingerprints) | _published_meanwhile(cursor, days)
        if moved:
            days = only(days, set(days.fingerprints) - moved)
        if days.fingerprints:
            _replace_core(cursor, days)
            day_figures.replace(cursor, days.fingerprints, days.core)
            _merge_rejects(cursor, days.rejects, "race_date = any(%(days)s)", {"days": list(days.fingerprints)})
            _replace_accounts(cursor, days)
            _note_built(cursor, days)
            _mark_beside(cursor, days)
    return moved


@contextmanager
def locked_transaction(warehouse: Warehouse, lock: int) -> Iterator[Any]:
    """Yield a cursor in a transaction that holds the lock: committed on a clean exit, rolled back otherwise."""
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        take_transaction_lock(cursor, lock, PURPOSES[lock])
        yield cursor


def _moved(cursor: Any, fingerprints: Mapping[date, str]) -> set[date]:
    cursor.execute(
        """select day, coalesce(wanted.fingerprint, 'empty') from unnest(%s::date[]) as asked (day)
           left join ops.wanted_between(%s, %s) as wanted on wanted.race_date = day""",
        [list(fingerprints), min(fingerprints, default=None), max(fingerprints, default=None)],
    )
    return {day for day, wanted in cursor.fetchall() if wanted != fingerprints[day]}


def _published_meanwhile(cursor: Any, days: DayFrames) -> set[date]:
    """The days that somebody published, or marked, since they were compared with what was published before."""
    if days.bases is None:
        return set()
    asked = list(days.fingerprints)
    published, marks = _last_published(cursor, asked), _marks(cursor, asked)
    return {day for day in asked if published.get(day) != days.bases.get(day) or marks.get(day) != days.marks.get(day)}


def last_published(warehouse: Warehouse, days: Sequence[date]) -> tuple[dict[date, str], dict[date, str]]:
    """The fingerprint each of these days was last published with, and what marks it; other days are not there."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        return _last_published(cursor, days), _marks(cursor, days)


def _marks(cursor: Any, days: Sequence[date]) -> dict[date, str]:
    cursor.execute("select race_date, fingerprint from ops.built_days where race_date = any(%s)", [list(days)])
    return dict(cursor.fetchall())


def _last_published(cursor: Any, days: Sequence[date]) -> dict[date, str]:
    cursor.execute(
        """select distinct on (race_date) race_date, fingerprint from ops.publications where race_date = any(%s)
           order by race_date, built_at desc""",
        [list(days)],
    )
    return dict(cursor.fetchall())


def _replace_core(cursor: Any, days: DayFrames) -> None:
    for name, schema in CORE.items():
        cursor.execute(f"delete from {name} where race_date = any(%s)", [list(days.fingerprints)])
        _insert(cursor, schema, days.core[name])


def _replace_accounts(cursor: Any, days: DayFrames) -> None:
    """A run may publish a day twice: when the word of its commit was lost, or when it is told to build it anew."""
    cursor.execute(
        "delete from ops.ingestion_runs where run_id = %s and race_date = any(%s)",
        [days.run_id, list(days.fingerprints)],
    )
    _insert(cursor, INGESTION_RUNS, days.accounts)


def _note_built(cursor: Any, days: DayFrames) -> None:
    counts = pl.DataFrame({"race_date": list(days.fingerprints), "fingerprint": list(days.fingerprints.values())})
    for name in CORE:
        column = name.partition(".")[2]
        rows = days.core[name].group_by("race_date").agg(pl.len().cast(pl.Int64).alias(column))
        counts = counts.join(rows, on="race_date", how="left").with_columns(pl.col(column).fill_null(0))
    shifts = pl.Series([list(days.clock_shifts.get(day, [])) for day in days.fingerprints], dtype=pl.List(pl.String))
    measures = pl.Series([days.measures.get(day) for day in days.fingerprints], dtype=pl.String)
    counts = counts.with_columns(
        run_id=pl.lit(days.run_id), built_at=_now(cursor), clock_shifts=shifts, measures=measures
    )
    cursor.execute("delete from ops.built_days where race_date = any(%s)", [list(days.fingerprints)])
    cursor.execute("delete from ops.day_attempts where race_date = any(%s)", [list(days.fingerprints)])
    coverage.note(cursor, coverage.EVERY, {}, days.fingerprints)
    _insert(cursor, BUILT_DAYS, counts)
    _insert(cursor, PUBLICATIONS, counts)
    if days.revisions.height:
        _insert(cursor, REVISIONS, days.revisions.with_columns(run_id=pl.lit(days.run_id), revised_at=_now(cursor)))


def _mark_beside(cursor: Any, days: DayFrames) -> None:
    """A day beside these whose clocks were judged otherwise when it was published is to be built anew."""
    beside = {day: list(shifts) for day, shifts in days.clock_shifts.items() if day not in days.fingerprints}
    cursor.executemany(
        """update ops.built_days set fingerprint = 'a clock is judged otherwise now'
           where race_date = %s and clock_shifts <> %s""",
        list(beside.items()),
    )


def _now(cursor: Any) -> pl.Expr:
    cursor.execute("select clock_timestamp()")
    return pl.lit(cursor.fetchone()[0]).cast(pl.Datetime("us", "UTC"))


def _insert(cursor: Any, schema: Any, frame: pl.DataFrame, table: str | None = None) -> None:
    """Appends rows of the schema's shape to its table, or to another of the same columns."""
    json_columns = [name for name, declared in schema.columns.items() if is_json(declared)]
    copy_rows(cursor, table or schema.name, conform(frame, schema), json_columns)


@contextmanager
def _staged(cursor: Any, schema: Any, frame: pl.DataFrame) -> Iterator[str]:
    """The rows as a temporary table like the schema's own."""
    cursor.execute(f"create temporary table stage (like {schema.name}) on commit drop")
    _insert(cursor, schema, frame, "stage")
    yield "stage"
    cursor.execute("drop table stage")


def _names(schema: Any) -> str:
    return ", ".join(map(quoted, schema.columns))


def _merge_rejects(cursor: Any, rejects: pl.DataFrame, scope: str, bound: Mapping[str, Any]) -> None:
    """Makes the open rejects in `scope` exactly these; those that pass now become replayed, discarded ones stay so."""
    told = [name for name in REJECTS.columns if name not in {"reject_id", "rejected_at", "state", "state_reason"}]
    compared = [name for name in told if name != "run_id"]
    with _staged(cursor, REJECTS, rejects) as stage:
        cursor.execute(
            f"""insert into quarantine.rejects as old ({_names(REJECTS)}) select {_names(REJECTS)} from {stage}
                on conflict (reject_id) do update set {", ".join(f'"{name}" = excluded."{name}"' for name in told)},
                    state = case when old.state = 'discarded' then old.state else 'open' end,
                    state_reason = case when old.state = 'discarded' then old.state_reason end
                where old.state = 'replayed' or ({_prefixed("old", compared)}) is distinct from
                      ({_prefixed("excluded", compared)})"""
        )
        cursor.execute(
            # `not exists` is one hash anti-join; `not in` compares every reject with every other once work_mem is full.
            f"""update quarantine.rejects as old set state = 'replayed',
                    state_reason = 'passes now, or is no longer told'
                where {scope} and state = 'open'
                    and not exists (select from {stage} as new where new.reject_id = old.reject_id)""",
            bound,
        )


def _prefixed(prefix: str, names: Sequence[str]) -> str:
    return ", ".join(f'{prefix}."{name}"' for name in names)


@dataclass(frozen=True)
class Landing:
    """A landed file as the ledger is to know it.

    Attributes:
        file: one row of `ops.source_files`; the version of a new entry is given by the ledger.
        rejects: its rows whose day cannot be told, as `quarantine.rejects`.
        account: what became of those rows, as `ops.ingestion_runs` with race_date null; empty where there are none.
        problems: of a file that cannot be read, what it is in the way of: see `coverage.note`.
        held: its track names; None where it has none.
    """

    file: pl.DataFrame
    rejects: pl.DataFrame
    account: pl.DataFrame
    problems: Mapping[date, tuple[str, str]] = field(default_factory=dict)
    held: HeldNames | None = None


def enter(warehouse: Warehouse, landing: Landing) -> int:
    """Enters a file in the ledger, or replaces what the ledger says of it; one that was withdrawn counts again.

    Returns:
        the file's version under its name.
    """
    return retrying(lambda: _enter(warehouse, landing))


def _enter(warehouse: Warehouse, landing: Landing) -> int:
    with locked_transaction(warehouse, LANDING_LOCK) as cursor:
        file = landing.file
        if landing.held is not None:
            is_in_force = track_names.is_in_force(cursor, landing.held.registry)
            track_names.add(cursor, landing.held, is_in_force=is_in_force)
            if not is_in_force and file["dating_names"].item().len():
                # Another registry than the one in force may have given its rows other days.
                file = file.with_columns(dated_by=pl.lit(track_names.TO_BE_READ))
        with _staged(cursor, SOURCE_FILES, file) as stage:
            version, source, name = _entered(cursor, stage)
        # What an older version could not date is said anew by this one, unless it says nothing at all.
        scope = """stage = 'land' and source = %(source)s and source_file in (
            select sha256 from ops.source_files
            where source = %(source)s and name = %(name)s and version between %(oldest)s and %(version)s)"""
        oldest = 0 if landing.file["state"].item() == "landed" else version
        given = {"source": source, "name": name, "version": version, "oldest": oldest}
        # An older version may be read again: what it could not date is settled by the newer one all the same.
        rejects = landing.rejects.clear() if _has_newer(cursor, given) else landing.rejects
        _merge_rejects(cursor, rejects, scope, given)
        _insert(cursor, INGESTION_RUNS, landing.account)
        coverage.note(cursor, source, landing.problems, landing.file["race_dates"].item())
        if landing.file["state"].item() != attempts.SET_ASIDE:
            attempts.forget_read(cursor, source, landing.file["sha256"].item())
    return version


def _has_newer(cursor: Any, given: Mapping[str, Any]) -> bool:
    cursor.execute(
        """select exists (select from ops.source_files where source = %(source)s and name = %(name)s
                          and version > %(version)s and withdrawn_at is null and state = 'landed')""",
        given,
    )
    return bool(cursor.fetchone()[0])


def _entered(cursor: Any, stage: str) -> tuple[int, str, str]:
    """Merges the staged file into the ledger; gives its version, source and name there."""
    next_version = f"""(select coalesce(max(other.version), 0) + 1 from ops.source_files as other, {stage} as new
                        where other.source = new.source and other.name = new.name)"""
    given = [next_version if name == "version" else quoted(name) for name in SOURCE_FILES.columns]
    told = [n for n in SOURCE_FILES.columns if n not in {"source", "sha256", "name", "version", "landed_at"}]
    cursor.execute(
        f"""insert into ops.source_files as old ({_names(SOURCE_FILES)})
            select {", ".join(given)} from {stage}
            on conflict (source, sha256) do update set {", ".join(f'"{n}" = excluded."{n}"' for n in told)},
                name = case when old.withdrawn_at is null then old.name else excluded.name end,
                version = case when old.withdrawn_at is null then old.version else excluded.version end
            returning version, source, name"""
    )
    version, source, name = cursor.fetchone()
    return int(version), source, name


def add_traffic(warehouse: Warehouse, account: pl.DataFrame) -> None:
    """Enters what a fetch asked of an API, as `ops.ingestion_runs`; a row that the run has already is added to."""
    sums = ("api_requests", "api_retries", "api_wait_s", "bytes_in", "duration_s")
    told = ", ".join(f"{name} = old.{name} + excluded.{name}" for name in sums)

    def work() -> None:
        with (
            warehouse.transaction() as connection,
            connection.cursor() as cursor,
            _staged(cursor, INGESTION_RUNS, account) as stage,
        ):
            cursor.execute(
                f"""insert into ops.ingestion_runs as old ({_names(INGESTION_RUNS)})
                    select {_names(INGESTION_RUNS)} from {stage}
                    on conflict (run_id, source, race_date) do update
                    set {told}, notes = excluded.notes, finished_at = excluded.finished_at"""
            )

    retrying(work)
