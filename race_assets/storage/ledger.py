"""The ledger in `ops`: which files there are, which days they make, what is stale, what the inboxes looked like.

Statements are small and go through psycopg; what is written in bulk beside the core tables is in `publish.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from race_assets.errors import SettingsError
from race_assets.settings.coverage import CoverageSettings, Expectation
from race_assets.storage.configuration import Configuration, Former, HarmlessChange, InForce, in_force, state
from race_assets.storage.postgres import Warehouse
from race_assets.storage.track_names import TO_BE_READ, Resolve

EMPTY = "empty"
"""The fingerprint of a day nothing tells of any more."""


@dataclass(frozen=True)
class LedgerFile:
    """A row of `ops.source_files`."""

    source: str
    sha256: str
    name: str
    version: int
    bytes: int
    landed_at: datetime
    withdrawn_at: datetime | None
    dates: dict[date, int] = field(repr=False)
    rows_read: int
    records: int
    undated: int
    parser_version: int
    dated_by: str
    state: str
    detail: str | None
    shape: str | None
    rows_careful: int
    first_day_ahead: date | None
    has_tracks: bool


@dataclass(frozen=True)
class Attempts:
    """What became of the runs that were asked for a stale day.

    Attributes:
        fingerprint: of the inputs they were to build from.
        count: how many were asked for.
        age_s: seconds since the last one was asked for.
        failure: why the day cannot be built from these inputs, however often it is tried; empty where it may be.
        interrupted: builds of the day whose process ended in the middle.
    """

    fingerprint: str
    count: int
    age_s: float
    failure: str
    interrupted: int = 0


@dataclass(frozen=True)
class WantedDay:
    """What a day should be built from now.

    Attributes:
        fingerprint: of all inputs and the configuration; `EMPTY` when nothing tells of the day.
        inputs: fingerprint of each source's files of the day.
        records_of: how many records each source's files hold for the day, as counted when they were landed.
        bytes_of: their share of those files' bytes.
        built: the fingerprint the published day was built from, if it is published.
        points: how many price points the files hold for the day.
    """

    race_date: date
    fingerprint: str
    inputs: dict[str, str]
    records_of: dict[str, int]
    bytes_of: dict[str, int]
    built: str | None
    points: int = 0

    @property
    def records(self) -> int:
        """Records of all sources."""
        return sum(self.records_of.values())

    @property
    def is_stale(self) -> bool:
        """Whether the published day was built from something else."""
        return self.fingerprint != self.built


_COLUMNS = (
    "source, sha256, name, version, bytes, landed_at, withdrawn_at, race_dates, race_date_records, rows_read, records,"
    " undated, parser_version, dated_by, state, detail, shape, rows_careful, first_day_ahead,"
    " cardinality(race_date_tracks) = cardinality(race_dates)"
)


def _file(row: tuple[Any, ...]) -> LedgerFile:
    *head, race_dates, counts = row[:9]
    return LedgerFile(*(*head, dict(zip(race_dates, counts, strict=True)), *row[9:]))


class Ledger:
    """Reads and small writes of the ledger; every call is its own transaction."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def configure(
        self,
        configuration: Configuration,
        enabled_sources: Sequence[str],
        resolve: Resolve | None = None,
        former: Former | None = None,
        is_harmless: HarmlessChange = lambda *_: False,
    ) -> None:
        """State the configuration that days are to be built by; see `storage.configuration.state`."""
        state(self.warehouse, configuration, enabled_sources, resolve, former, is_harmless)

    def in_force(self) -> InForce | None:
        """Return the configuration in force; None before any was stated."""
        with self.warehouse.connect() as connection:
            return in_force(connection)

    def expect(self, expectations: Mapping[str, Expectation], coverage: CoverageSettings) -> None:
        """State what sources are expected to report; write only what changed."""
        shared = (coverage.current_days, coverage.gap_days, list(coverage.not_expected))
        rows = sorted(
            (
                name, list(each.countries) if each.countries is not None else None, each.due_days, each.due_time,
                each.timezone, each.results, each.since, each.current, *shared,
            )
            for name, each in expectations.items()
        )  # fmt: skip
        columns = """source, countries, due_days, due_time, timezone, results, since, is_current, current_days,
                     gap_days, not_expected"""
        with self.warehouse.transaction() as connection:
            known = connection.execute(f"select {columns} from ops.expectations order by 1".encode()).fetchall()
            if known != rows:
                connection.execute("delete from ops.expectations")
                values = ", ".join(["%s"] * len(rows[0])) if rows else ""
                connection.cursor().executemany(
                    f"insert into ops.expectations ({columns}) values ({values})".encode(), rows
                )

    def file(self, source: str, sha256: str) -> LedgerFile | None:
        """The file with these bytes, whatever became of it."""
        found = self._files("source = %s and sha256 = %s", [source, sha256])
        return found[0] if found else None

    def files(self, source: str | None = None) -> list[LedgerFile]:
        """All files, or those of one source, in the order they were landed."""
        return self._files("source = coalesce(%s, source)", [source])

    def names(self, source: str) -> set[str]:
        """Every name under which the source has a file, withdrawn ones too."""
        with self.warehouse.connect() as connection:
            rows = connection.execute("select distinct name from ops.source_files where source = %s", [source])
            return {name for (name,) in rows}

    def matching(self, prefix: str, source: str | None = None) -> list[LedgerFile]:
        """Files whose hash begins with `prefix`."""
        return self._files("source = coalesce(%s, source) and starts_with(sha256, %s)", [source, prefix])

    def live_files(self, source: str, days: Sequence[date]) -> list[LedgerFile]:
        """Files of the source that count for any of these days, older versions included."""
        return self._files(
            "source = %s and race_dates && %s and withdrawn_at is null and state = 'landed'", [source, list(days)]
        )

    def landed_since(self, at: datetime) -> list[LedgerFile]:
        """Files that were landed since then and count, whatever became of them."""
        return self._files("landed_at >= %s and withdrawn_at is null", [at])

    def undated_files(self, source: str) -> list[LedgerFile]:
        """Files that count and hold rows whose day could not be told."""
        return self._files("source = %s and undated > 0 and withdrawn_at is null and state = 'landed'", [source])

    def outdated_files(self, source: str, parser_version: int, dated_by: str, last: date) -> list[LedgerFile]:
        """Return files to be read again, but for those that this parser version was set aside with.

        Args:
            source: whose files.
            parser_version: files that another version read are outdated.
            dated_by: files with undated rows are outdated if something else dated them; all that are `TO_BE_READ` are,
                and those that were landed before their track names were kept.
            last: files with rows that got no day are outdated once the first of those days is not after this one.
        """
        return self._files(
            """source = %s and withdrawn_at is null
               and (parser_version <> %s or dated_by = %s or (undated > 0 and dated_by <> %s)
                    or first_day_ahead <= %s or cardinality(race_date_tracks) <> cardinality(race_dates))
               and not exists (select from ops.file_attempts as attempts
                   where attempts.source = source_files.source and attempts.sha256 = source_files.sha256
                   and attempts.parser_version = %s and attempts.set_aside_at is not null)""",
            [source, parser_version, TO_BE_READ, dated_by, last, parser_version],
        )

    def unreadable_files(self, source: str | None = None, since: float = 0.0) -> list[LedgerFile]:
        """Files that could not be read, or were set aside, and were not replaced by a newer version since.

        Args:
            source: only its files; none means all sources'.
            since: only those landed since then, seconds since 1970.
        """
        return self._files(
            """source = coalesce(%s, source) and state in ('unreadable', 'blocked_page', 'set_aside')
               and withdrawn_at is null and landed_at >= to_timestamp(%s) and not exists (
                   select from ops.source_files as newer where newer.source = source_files.source
                   and newer.name = source_files.name and newer.version > source_files.version)""",
            [source, since],
        )

    def _files(self, condition: str, parameters: Sequence[Any]) -> list[LedgerFile]:
        query = f"select {_COLUMNS} from ops.source_files where {condition} order by landed_at, source, name, version"
        with self.warehouse.connect() as connection:
            return [_file(row) for row in connection.execute(query.encode(), parameters)]

    def withdraw(self, source: str, sha256: str) -> None:
        """Takes a file back: its days become stale and will be built without it, its rows without a day are settled."""
        with self.warehouse.connect() as connection, connection.transaction():
            connection.execute(
                "update ops.source_files set withdrawn_at = now() where source = %s and sha256 = %s", [source, sha256]
            )
            connection.execute(
                """update quarantine.rejects set state = 'replayed', state_reason = 'its file was withdrawn'
                   where stage = 'land' and state = 'open' and source = %s and source_file = %s""",
                [source, sha256],
            )

    def wanted(self, days: Sequence[date], configuration: Configuration) -> dict[date, WantedDay]:
        """Return what each of these days should be built from now.

        Args:
            days: the days asked about.
            configuration: the one the caller works by.

        Raises:
            SettingsError: another process has put another configuration in force meanwhile.
        """
        query = """select day, coalesce(wanted.fingerprint, %s), coalesce(wanted.inputs, '{}'),
                          coalesce(wanted.records_of, '{}'), coalesce(wanted.bytes_of, '{}'), built.fingerprint,
                          coalesce(wanted.points, 0)
                   from unnest(%s::date[]) as asked (day)
                   left join ops.wanted_between(%s, %s) as wanted on wanted.race_date = day
                   left join ops.built_days as built on built.race_date = day"""
        with self.warehouse.connect() as connection, connection.transaction():
            now = in_force(connection, lock="for share")
            if now is None or now.configuration != configuration:
                raise SettingsError(
                    f"another process put other settings, rules or tracks in force{f' at {now.set_at}' if now else ''};"
                    " run this again, with the settings that are meant"
                )
            ends = [min(days), max(days)] if days else [None, None]
            return {row[0]: WantedDay(*row) for row in connection.execute(query, [EMPTY, list(days), *ends])}

    def days_ever_built(self, days: Sequence[date]) -> list[date]:
        """Return which of these days were ever published from records, though they may have none any more."""
        query = "select distinct race_date from ops.publications where race_date = any(%s) and fingerprint <> %s"
        with self.warehouse.connect() as connection:
            return [day for (day,) in connection.execute(query, [list(days), EMPTY])]

    def stale_days(self) -> list[tuple[date, str]]:
        """Days whose published state is not what their inputs make now, with the fingerprint they should get."""
        with self.warehouse.connect() as connection:
            return [
                (day, wanted)
                for day, wanted in connection.execute("select race_date, wanted from ops.stale_days order by race_date")
            ]

    def spent_attempts(self) -> dict[date, Attempts]:
        """Return what became of the runs that were asked for each stale day."""
        query = """select race_date, fingerprint, attempts, extract(epoch from clock_timestamp() - last_at)::float8,
                          coalesce(failure, ''), interrupted from ops.day_attempts"""
        with self.warehouse.connect() as connection:
            return {day: Attempts(*told) for day, *told in connection.execute(query.encode())}

    def give_up(self, failures: Mapping[date, str]) -> None:
        """Note why days cannot be built from their present inputs: no run is asked for them until those change."""
        with self.warehouse.transaction() as connection:
            connection.cursor().executemany(
                """insert into ops.day_attempts (race_date, fingerprint, attempts, last_at, failure)
                   select race_date, wanted, 0, now(), %s from ops.stale_days where race_date = %s
                   on conflict (race_date) do update
                   set fingerprint = excluded.fingerprint, failure = excluded.failure""",
                [(reason, day) for day, reason in failures.items()],
            )

    def count_attempts(self, days: Iterable[tuple[date, str]]) -> None:
        """Notes that a run was asked for each of these days; a new fingerprint starts the count again."""
        with self.warehouse.connect() as connection, connection.transaction():
            connection.cursor().executemany(
                """insert into ops.day_attempts as old (race_date, fingerprint, attempts, last_at)
                   values (%s, %s, 1, now())
                   on conflict (race_date) do update
                   set last_at = now(), fingerprint = excluded.fingerprint, failure = null,
                   interrupted = case when old.fingerprint = excluded.fingerprint then old.interrupted else 0 end,
                   attempts = case when old.fingerprint = excluded.fingerprint then old.attempts + 1 else 1 end""",
                list(days),
            )
