"""Landing: a file's bytes to the archive, its records to the lake, its entry to the ledger; no day is built here."""

import logging
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import polars as pl
import psycopg

from race_assets.ahead import ahead
from race_assets.errors import (
    FileNotReadError,
    OutOfMemoryError,
    PermanentError,
    RaceAssetsError,
    SettingsError,
    UnreadableFileError,
    is_out_of_memory,
)
from race_assets.pipeline import attempts, file_kind, repeats
from race_assets.pipeline.held_tracks import TrackGatherer, tracks_of_parsed
from race_assets.pipeline.log_fields import about, days_told
from race_assets.pipeline.rejects import as_rejects
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.ops import INGESTION_RUNS, SOURCE_FILES
from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform, polars_schema
from race_assets.sources.base import FileSource, ReadReport
from race_assets.sources.beside import taken_off
from race_assets.sources.findings import Problem, with_problems
from race_assets.sources.record_files import reader_of
from race_assets.sources.storable import storable_records, without_nul
from race_assets.storage import coverage, publish
from race_assets.storage.archive import ArchivedFile
from race_assets.storage.attempts import SET_ASIDE, FileAttempts
from race_assets.storage.file_errors import explained_with_path
from race_assets.storage.files import readable_name
from race_assets.storage.ledger import Ledger, LedgerFile
from race_assets.storage.track_names import TO_BE_READ, complete
from race_assets.validation.account import Account, counted
from race_assets.validation.rows import NO_TRACK, advice_of_first
from race_assets.values import times
from race_assets.values.file_names import dates_in
from race_assets.values.texts import formatted, storable

log = logging.getLogger(__name__)
DAY = timedelta(days=1)
LEAST_PREFIX = 6
SHOWN_NAME = 60
FILES_AT_ONCE = 500
Result = TypeVar("Result")


@dataclass(frozen=True)
class Landed:
    """What became of a file.

    Attributes:
        state: `landed`, `known` (the same bytes were landed before), `no_data`, `unreadable`, `blocked_page`,
            `set_aside` (read in vain too often) or `failed` (not taken this time; it is tried again).
        account: of its records without a day; those of its days are counted when the days are built.
    """

    path: str
    source: str
    state: str
    detail: str = ""
    sha256: str = ""
    version: int = 0
    rows_read: int = 0
    records: int = 0
    undated: int = 0
    rows_careful: int = 0
    days: tuple[date, ...] = ()
    account: Account = field(default_factory=Account)

    @property
    def is_bad(self) -> bool:
        """Whether a person has to look at the file."""
        return self.state in {"unreadable", "blocked_page", SET_ASIDE, "failed"}


@dataclass
class _Parsed:
    """Figures of a file's records, gathered while they are written."""

    report: ReadReport
    dates: dict[date, int]
    undated: pl.DataFrame
    records: int = 0
    points: dict[date, int] = field(default_factory=dict)
    first_day_ahead: date | None = None
    tracks: TrackGatherer = field(default_factory=TrackGatherer)


class Dated(NamedTuple):
    """Records with their days.

    Attributes:
        records: those in which each record has its day where that can be known.
        first_day_ahead: the first of the days that lie too far ahead; None without any.
        by_track: whether each record's day is decided by the time zone of its track.
    """

    records: pl.DataFrame
    first_day_ahead: date | None
    by_track: pl.Series


def land(
    workshop: Workshop, source: str, paths: Iterable[tuple[Path, str]], *, given_by_people: bool = True
) -> Iterator[Landed]:
    """Land files one by one; a bad file is reported and stops no other.

    Files of a name that could not be read before come last: they may take the process with them.

    Args:
        workshop: the tools.
        source: the source they belong to.
        paths: each file and the name it has in the source's inbox.
        given_by_people: bytes that were set aside are read again where they were written since. Files that we write
            ourselves are always written since.
    """
    parser = workshop.source(source)
    with workshop.warehouse.kept():
        failed = attempts.failed_before(workshop, source)
        yield from finish_pending(workshop, parser, failed)
        names, later = {each.name for each in failed.values()}, []
        for path, name in paths:
            if readable_name(name) in names:
                later.append((path, name))
            else:
                yield _land_one(workshop, parser, path, name, given_by_people)
        for path, name in later:
            yield _land_one(workshop, parser, path, name, given_by_people)


def finish_pending(workshop: Workshop, parser: FileSource, failed: Container[str] = ()) -> Iterator[Landed]:
    """Enter files that an earlier process archived and did not live to enter, but for those that it could not read.

    Args:
        workshop: the tools.
        parser: of the source.
        failed: hashes of files that are left for `read_failed_again`.
    """
    for archived in workshop.archive.pending(parser.name):
        if archived.sha256 not in failed:
            yield _enter_pending(workshop, parser, archived)


def read_failed_again(workshop: Workshop, before: datetime, source: str | None = None) -> Iterator[Landed]:
    """Read files again that could not be read to their end; called when everything else is done.

    Args:
        workshop: the tools.
        before: only files whose last attempt was earlier.
        source: only its files; None means those of every enabled source.
    """
    with workshop.warehouse.kept():
        for name in workshop.enabled if source is None else [source]:
            parser = workshop.source(name)
            due = {sha256 for sha256, each in attempts.failed_before(workshop, name).items() if each.last_at < before}
            for archived in workshop.archive.pending(name):
                if archived.sha256 in due:
                    due.remove(archived.sha256)
                    yield _enter_pending(workshop, parser, archived)
            for file in _outdated(workshop, parser):
                if file.sha256 in due:
                    yield _read_again(workshop, parser, file)


def retry(workshop: Workshop, prefix: str, source: str | None = None) -> Landed:
    """Read a file that was set aside, or could not be read, again, with a new count of attempts.

    Args:
        workshop: the tools.
        prefix: start of its hash.
        source: its source, where several have it.

    Raises:
        SettingsError: no file, or more than one, begins so; or it was withdrawn.
    """
    file = _named_by_hash(workshop, "--retry", prefix, source)
    attempts.forget(workshop, file.source, file.sha256)
    return _read_again(workshop, workshop.source(file.source), file)


def _enter_pending(workshop: Workshop, parser: FileSource, archived: ArchivedFile) -> Landed:
    return _isolated(parser, archived.name, partial(_enter, workshop, parser, archived, archived.name), archived.sha256)


def _read_again(workshop: Workshop, parser: FileSource, file: LedgerFile) -> Landed:
    """Parse a file of the ledger anew and enter what it holds now."""
    path = workshop.archive.path(file.source, file.sha256)
    archived = ArchivedFile(file.source, file.sha256, file.name, file.bytes, file.landed_at, path)
    reread = partial(_parse_and_enter, workshop, parser, archived, file.name)
    return _isolated(parser, file.name, reread, file.sha256)


def _land_one(workshop: Workshop, parser: FileSource, path: Path, name: str, given_by_people: bool) -> Landed:
    shown = readable_name(str(path))
    written_at = 0.0

    def take() -> ArchivedFile:
        nonlocal written_at
        with workshop.timed("archive"):
            written_at = path.stat().st_mtime if given_by_people else 0.0
            return workshop.archive.take(path, parser.name, readable_name(name))

    archived = _isolated(parser, shown, take)
    if isinstance(archived, Landed):
        return archived
    enter = partial(_enter, workshop, parser, archived, shown, written_at=written_at)
    return _isolated(parser, shown, enter, archived.sha256)


def _isolated(parser: FileSource, shown: str, work: Callable[[], Result], sha256: str = "") -> Result | Landed:
    """Return what the work gives; whatever goes wrong with one file is reported as that file's."""
    with about(source=parser.name, file=shown):
        try:
            return work()
        except (OSError, RaceAssetsError) as error:
            log.warning("file not landed", extra={"error": str(error)})
            reason = explained_with_path(error) if isinstance(error, OSError) else str(error)
            return Landed(shown, parser.name, "failed", reason, sha256)
        except MemoryError:
            log.warning("file not landed", extra={"error": str(OutOfMemoryError())})
            return Landed(shown, parser.name, "failed", str(OutOfMemoryError()), sha256)
        except Exception as error:
            log.exception("file not landed")
            reason = f"{type(error).__name__}: {error}; this is a fault of race_assets"
            return Landed(shown, parser.name, "failed", reason, sha256)


def _enter(
    workshop: Workshop, parser: FileSource, archived: ArchivedFile, shown: str, *, written_at: float = 0
) -> Landed:
    """Enter an archived file in the ledger, parsing it unless the ledger has it as this parser reads it.

    Args:
        workshop: the tools.
        parser: of the source.
        archived: the file.
        shown: its name for people.
        written_at: when the file that was given was written, seconds since 1970; one that was set aside earlier has
            come anew.
    """
    known = workshop.ledger.file(parser.name, archived.sha256)
    is_current = known and known.withdrawn_at is None and known.parser_version == parser.parser_version
    if known and _has_come_anew(workshop, known, written_at):
        attempts.forget(workshop, parser.name, archived.sha256)
        is_current = False
    # What lay too far ahead when the file was read, under a clock that was wrong perhaps, may have a day by now.
    if known and is_current and not _has_day_now(known, _last_day(workshop, parser.name)):
        workshop.archive.settle(archived)
        return _known(workshop, known, shown)
    landed = _parse_and_enter(workshop, parser, archived, shown)
    workshop.archive.settle(archived)
    return landed


def _has_come_anew(workshop: Workshop, known: LedgerFile, written_at: float) -> bool:
    """Return whether a file that was set aside was written again since."""
    if known.state != SET_ASIDE:
        return False
    last = attempts.of_file(workshop, known.source, known.sha256)
    return last is None or written_at > last.last_at.timestamp()


def _known(workshop: Workshop, known: LedgerFile, shown: str) -> Landed:
    if known.state != "landed":
        return Landed(shown, known.source, known.state, known.detail or "", known.sha256, known.version)
    detail = f"these bytes were landed before, as {known.name} version {known.version}; nothing changes"
    newer = [f.version for f in workshop.ledger.files(known.source) if f.name == known.name and f.withdrawn_at is None]
    if max(newer) > known.version:
        detail += f" (version {max(newer)} is in force; withdraw it to go back)"
    return Landed(shown, known.source, "known", detail, known.sha256, known.version)


def _parse_and_enter(workshop: Workshop, parser: FileSource, archived: ArchivedFile, shown: str) -> Landed:
    """Parse a file and enter it, as an attempt that is counted; one that failed too often is set aside instead."""
    attempt = attempts.begin(workshop, archived, parser.parser_version)
    if attempt.set_aside_at is not None:
        return _set_aside(workshop, parser, archived, shown, attempt)
    try:
        return _read_and_enter(workshop, parser, archived, shown)
    except BaseException as error:
        attempt = attempts.end(workshop, archived, attempt, error)
        if attempt.set_aside_at is None:
            raise
        log.warning("reading a file failed", exc_info=error)
        return _set_aside(workshop, parser, archived, shown, attempt)


def _set_aside(
    workshop: Workshop, parser: FileSource, archived: ArchivedFile, shown: str, attempt: FileAttempts
) -> Landed:
    """Enter a file as set aside; one that was landed before stays as it was read then, and counts."""
    detail, version = attempts.detail(attempt), 0
    known = workshop.ledger.file(parser.name, archived.sha256)
    with about(source=parser.name, file=shown):
        log.error("file set aside: %s", detail)
    if known is None or known.state != "landed" or known.withdrawn_at is not None:
        nothing = _Parsed(ReadReport(), {}, pl.DataFrame(schema=polars_schema(PARSED)))
        landing, _ = _landing(workshop, parser, archived, nothing, SET_ASIDE, detail)
        version = publish.enter(workshop.warehouse, landing)
    else:
        detail += "; until then it counts as an earlier version of race_assets read it"
    return Landed(shown, parser.name, SET_ASIDE, detail, archived.sha256, version)


def _read_and_enter(workshop: Workshop, parser: FileSource, archived: ArchivedFile, shown: str) -> Landed:
    parsed, landing, account = _entry(workshop, parser, archived, shown)
    state, detail = landing.file["state"].item(), landing.file["detail"].item() or ""
    version = publish.enter(workshop.warehouse, landing)
    days = tuple(sorted(parsed.dates))
    with about(day=days_told(days)):
        log.info("file entered", extra={"state": state, "records": parsed.records, "detail": detail})
    return Landed(
        shown,
        parser.name,
        state,
        detail,
        archived.sha256,
        version,
        parsed.report.rows_read,
        parsed.records,
        parsed.undated.height,
        parsed.report.rows_careful,
        days,
        account,
    )


def _entry(
    workshop: Workshop, parser: FileSource, archived: ArchivedFile, shown: str
) -> tuple[_Parsed, publish.Landing, Account]:
    """Parse the file, and return its figures, what is to be entered, and the account of its rows without a day.

    A file that no rule covers is entered as unreadable too: its neighbours land, and it does not wait for ever.
    """
    try:
        parsed = _parse(workshop, parser, archived)
        _check_gave_records(parsed)
        sentences = [*parsed.report.warnings, *_dated_otherwise(archived.name, parsed.dates)]
        if parser.may_repeat:
            path = workshop.lake.parsed_path(parser.name, archived.sha256, parser.parser_version)
            sentences += repeats.warnings(workshop, archived, path, parsed.dates)
        return parsed, *_landing(workshop, parser, archived, parsed, "landed", "; ".join(sentences))
    except UnreadableFileError as error:
        state, detail = error.state, error.detail
        if state == "unreadable" and (
            kind := file_kind.described(workshop.settings, parser.name, archived.path, shown)
        ):
            detail = f"{kind} ({detail})"
    except (OSError, MemoryError, RaceAssetsError, psycopg.Error):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError from error
        if not attempts.is_of_file(error):
            raise
        log.exception("file not readable")
        reason = attempts.reason_of(error)
        state, detail = "unreadable", f"{reason}; this is a fault of race_assets: report it, with the file"
    parsed = _Parsed(ReadReport(), {}, pl.DataFrame(schema=polars_schema(PARSED)))
    return parsed, *_landing(workshop, parser, archived, parsed, state, detail)


def _check_gave_records(parsed: _Parsed) -> None:
    """Check that at least one record of a file could be read; what its records say is for the rules.

    Raises:
        UnreadableFileError: nothing of it could.
    """
    if not parsed.records:
        raise UnreadableFileError("unreadable", "nothing in it is about a race; land the whole file")
    if parsed.undated.height < parsed.records or parsed.undated["problems"].null_count():
        return
    problems = parsed.undated.select(pl.col("problems").explode(empty_as_null=False)).unnest("problems")
    if problems["rule"].eq("readable").all() and parsed.undated["market_id"].null_count() == parsed.records:
        more = f", and {problems.height - 1:,} more of its parts" if problems.height > 1 else ""
        raise UnreadableFileError("unreadable", f"nothing of it could be read: {problems['message'][0]}{more}")


def _dated_otherwise(name: str, days: Mapping[date, int]) -> list[str]:
    """What to say of a file whose name states a date that its rows are far from; a day's difference is usual."""
    stated = sorted(dates_in(name))
    if not stated or not days or any(abs(day - other) <= DAY for day in stated for other in days):
        return []
    first, last = min(days), max(days)
    told = f"{first} to {last}" if first != last else f"{first}"
    return [f"its name says {stated[0]}, its rows are of {told}: see which of the two is right"]


def _parse(workshop: Workshop, parser: FileSource, archived: ArchivedFile) -> _Parsed:
    report = ReadReport()
    dates: dict[date, int] = {}
    points: dict[date, int] = {}
    undated, ahead_days = [], []
    records = count = 0
    tracks = TrackGatherer()
    path = workshop.lake.parsed_path(parser.name, archived.sha256, parser.parser_version)
    reader = reader_of(parser, archived.path)
    with workshop.timed("parse"), workshop.lake.parsed_writer(path) as writer:
        for batch in ahead(reader.read(archived.path, archived.name, report)):
            with_days = prepared(batch, workshop, parser.name)
            frame, taken = taken_off(with_days.records, batch)
            taken = {kind: without_nul(rows) for kind, rows in taken.items()}
            ahead_days += [with_days.first_day_ahead] if with_days.first_day_ahead else []
            tracks.add(frame, with_days.by_track, taken)
            writer.write(frame, taken)
            _add_days(dates, frame)
            for rows in taken.values():
                _add_days(points, rows)
            if frame["race_date"].null_count():
                undated.append(frame.filter(pl.col("race_date").is_null()))
                count += undated[-1]["filtered"].null_count()
                _check_undated(count, undated[0], workshop.settings.file_limits.max_undated_rows)
            records += frame.height
    empty = pl.DataFrame(schema=polars_schema(PARSED))
    rows = pl.concat([empty, *undated])
    first_ahead = min(ahead_days, default=None)
    return _Parsed(report, dict(sorted(dates.items())), rows, records, points, first_ahead, tracks)


def _check_undated(count: int, first: pl.DataFrame, most: int) -> None:
    """Check that a file has no more rows than it may that belong to no day and are not filtered out.

    Args:
        count: of such rows so far.
        first: some of them, as an example.
        most: of `file_limits.max_undated_rows`.

    Raises:
        UnreadableFileError: there are more.
    """
    if count <= most:
        return
    row = first.filter(pl.col("filtered").is_null()).head(1).select("source_row", "track_name", "problems")
    example = ""
    for line, track, problems in row.iter_rows():
        reason = problems[0]["message"] if problems else f"track {track!r:.60} is not in the registry"
        example = f", such as row {line} ({reason:.200})"
    raise UnreadableFileError(
        "unreadable",
        f"the day of over {most:,} of its rows cannot be told{example}: correct the file, name its tracks, or raise "
        "file_limits.max_undated_rows to take the others",
    )


def _add_days(counts: dict[date, int], frame: pl.DataFrame) -> None:
    """Adds the frame's rows of each day."""
    for day, count in frame["race_date"].value_counts(name="rows").iter_rows():
        if day is not None:
            counts[day] = counts.get(day, 0) + count


def prepared(batch: pl.DataFrame, workshop: Workshop, source: str) -> Dated:
    """Return a parser's batch as records that can be stored, each with its day where that can be known; see `dated`."""
    return dated(storable_records(conform(batch, PARSED)), workshop, source)


def dated(frame: pl.DataFrame, workshop: Workshop, source: str) -> Dated:
    """Give records whose source states no local date the day it is at their track.

    A day before `partitions.start` is taken away, and so is one over the source's `start_window.future_days` ahead of
    the clock: mostly a mistyped year, whose day would wait for a partition unseen.
    """
    open_days = pl.col("race_date").is_null() & pl.col("start_at").is_not_null()
    by_track = frame.select(by_track=open_days).to_series()
    if by_track.any():
        settled = workshop.tracks.resolve(frame.select("track_name", "country", "start_at"))
        zones = settled["timezone"].drop_nulls().unique().to_list()
        local = settled.select(times.in_zone(pl.col("start_at"), pl.col("timezone"), zones).dt.date()).to_series()
        frame = frame.with_columns(race_date=pl.coalesce("race_date", pl.when(open_days).then(local)))
    first, last = workshop.settings.partitions.start, _last_day(workshop, source)
    early, late = pl.col("race_date") < first, pl.col("race_date") > last
    if not frame.select((early | late).any()).item():
        return Dated(frame, None, by_track)
    too_early = formatted(f"race date {{}} is before partitions.start, {first}", "race_date")
    too_late = formatted(
        f"race date {{}} is over {workshop.settings.rules_of(source).start_window.future_days:g} days ahead of this "
        f"machine's, {workshop.clock().date()}",
        "race_date",
    )
    frame = with_problems(frame, [Problem("start_time", early, too_early), Problem("start_time", late, too_late)])
    # A year beyond 9999 is no date of Python's, and no day that ever comes.
    far = late & (pl.col("race_date").dt.year() <= date.max.year)
    ahead_days: list[date] = frame.filter(far)["race_date"].sort().head(1).to_list()
    frame = frame.with_columns(race_date=pl.when(~early & ~late).then("race_date"))
    return Dated(frame, next(iter(ahead_days), None), by_track)


def _last_day(workshop: Workshop, source: str) -> date:
    """The last day that a record of this source may have, by the clock as it is now."""
    ahead = timedelta(days=workshop.settings.rules_of(source).start_window.future_days)
    return workshop.clock().date() + ahead


def _has_day_now(file: LedgerFile, last: date) -> bool:
    """Whether records of the file that lay too far ahead would have a day if it were read again."""
    return file.first_day_ahead is not None and file.first_day_ahead <= last


def _landing(
    workshop: Workshop, parser: FileSource, archived: ArchivedFile, parsed: _Parsed, state: str, detail: str
) -> tuple[publish.Landing, Account]:
    with workshop.timed("track names"):
        tracks = parsed.tracks.of_file(list(parsed.dates), workshop.tracks)
    file = pl.DataFrame(
        {
            "source": parser.name,
            "sha256": archived.sha256,
            "name": archived.name,
            "version": 1,
            "bytes": archived.bytes,
            "landed_at": archived.landed_at,
            "withdrawn_at": None,
            "race_dates": [list(parsed.dates)],
            "race_date_records": [list(parsed.dates.values())],
            "rows_read": parsed.report.rows_read,
            "records": parsed.records,
            "undated": parsed.undated.height,
            "parser_version": parser.parser_version,
            "dated_by": _dated_by(workshop),
            "state": state,
            "detail": storable(detail) or None,
            "shape": storable(parsed.report.shape) or None,
            "rows_careful": parsed.report.rows_careful,
            "race_date_points": [[parsed.points.get(day, 0) for day in parsed.dates] if parsed.points else []],
            "first_day_ahead": parsed.first_day_ahead,
            "race_date_tracks": [tracks.sets],
            "race_date_zones": [tracks.zones],
            "dating_names": [tracks.dating_names],
        },
        schema=polars_schema(SOURCE_FILES),
    )
    run_id = f"land-{uuid.uuid4()}"
    rejects, account = undated_account(workshop, parser, archived, parsed.undated, run_id)
    row = _account_row(run_id, parser.name, archived, account)
    return publish.Landing(file, rejects, row, _in_the_way(archived.name, state, detail), tracks.held), account


def _in_the_way(name: str, state: str, detail: str) -> dict[date, tuple[str, str]]:
    """Of a file that cannot be read, the days its name states, and what that means for them."""
    kinds = {"blocked_page": coverage.BLOCKED, "unreadable": coverage.FAILED, SET_ASIDE: coverage.FAILED}
    return dict.fromkeys(dates_in(name), (kinds[state], f"{name}: {detail}")) if state in kinds else {}


def undated_account(
    workshop: Workshop, parser: FileSource, archived: ArchivedFile, undated: pl.DataFrame, run_id: str
) -> tuple[pl.DataFrame, Account]:
    """What becomes of records without a day: the rejects they make, and their account."""
    is_filtered = pl.col("filtered").is_not_null()
    refused = undated.filter(~is_filtered).with_columns(
        source=pl.lit(parser.name), source_file=pl.lit(archived.sha256), stage=pl.lit("land")
    )
    refused = _with_reasons(workshop, refused)
    account = Account(
        records_in=undated.height,
        quarantined=refused.height,
        filtered=counted(undated["filtered"]),
        rejected_by=counted(refused["rules"].explode().rename("rule")),
        notes=counted(undated["notes"].explode().rename("note")),
    )
    return as_rejects(refused, run_id, {archived.sha256: archived.path}, parser), account


def _with_reasons(workshop: Workshop, refused: pl.DataFrame) -> pl.DataFrame:
    """Add why rows are rejected, as lists of `rules` and `messages`: what the parser found wrong, or their track."""
    has_problem = pl.col("problems").list.len().fill_null(0) > 0
    of_parser = {name: pl.col("problems").list.eval(pl.element().struct.field(name)) for name in ("rule", "message")}
    reasons = _why_undated(workshop, refused.filter(~has_problem).select("track_name", "country").unique())
    return (
        refused.join(reasons, on=["track_name", "country"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            pl.when(has_problem).then(of_parser[name]).otherwise(pl.concat_list(name)).alias(f"{name}s")
            for name in ("rule", "message")
        )
        .drop("rule", "message")
    )


def _why_undated(workshop: Workshop, pairs: pl.DataFrame) -> pl.DataFrame:
    """Why rows have no day that the parser found nothing wrong with: their track is not known or not stated.

    Args:
        pairs: distinct `track_name` and `country`.
    """
    rows = sorted(pairs.iter_rows(), key=str)
    named = [(track, country) for track, country in rows if (track or "").strip()]
    advice = dict(zip(named, advice_of_first(named, workshop.tracks.advice), strict=True))
    unnamed = f"{NO_TRACK}, so the local date cannot be told; land a file that states one"
    messages = [
        f"track '{track[:SHOWN_NAME]}' is not in the registry, so the local date cannot be told; "
        f"{advice[track, country]}"
        if (track, country) in advice
        else unnamed
        for track, country in rows
    ]
    texts = ("track_name", "country", "rule", "message")
    found = [(*pair, "track_known", message) for pair, message in zip(rows, messages, strict=True)]
    return pl.DataFrame(found, schema=dict.fromkeys(texts, pl.String), orient="row")


def _account_row(run_id: str, source: str, archived: ArchivedFile, account: Account) -> pl.DataFrame:
    if not account.records_in:
        return pl.DataFrame(schema=polars_schema(INGESTION_RUNS))
    if imbalance := account.imbalance():
        raise PermanentError(f"{archived.name}: {imbalance}; this is a fault of race_assets, not of the file")
    from race_assets.pipeline.figures import account_frame

    return account_frame(run_id, {(source, None): account}, {(source, None): 0}, archived.landed_at, datetime.now(UTC))


def bring_up_to_date(workshop: Workshop) -> list[Landed]:
    """Parse files again that another parser version read, or whose undated rows may have a day by now.

    Another track registry may know their track, another `partitions.start` let them in; and what lay too far ahead of
    the clock when the file was read may be near enough. Files that could not be read before are left for
    `read_failed_again`.
    """
    done = []
    with workshop.warehouse.kept():
        for source in workshop.enabled:
            parser = workshop.source(source)
            failed = attempts.failed_before(workshop, source)
            done += list(finish_pending(workshop, parser, failed))
            complete_tracks(workshop, parser)
            done += [
                _read_again(workshop, parser, file) for file in _outdated(workshop, parser) if file.sha256 not in failed
            ]
    return done


def complete_tracks(workshop: Workshop, parser: FileSource) -> None:
    """Enter the track names of files that were landed before these were kept, from their parsed form where it is there.

    A file that is to be read again for another reason is left, as is one whose parsed form is not in the lake: reading
    it again enters them.
    """
    start, tracks = _dated_by(workshop), workshop.tracks
    former = f"{tracks.fingerprint} {start}"
    lacking = [
        file
        for file in _outdated(workshop, parser)
        if not file.has_tracks
        and file.parser_version == parser.parser_version
        and file.dated_by != TO_BE_READ
        and (not file.undated or file.dated_by == former)
    ]
    for first in range(0, len(lacking), FILES_AT_ONCE):
        found = {}
        for file in lacking[first : first + FILES_AT_ONCE]:
            key = (file.source, file.sha256, file.parser_version)
            if workshop.lake.parsed_path(*key).is_dir():
                found[file.source, file.sha256] = tracks_of_parsed(workshop.lake, *key, sorted(file.dates), tracks)
        if found:
            complete(workshop.warehouse, found, start)


def ensure_parsed(workshop: Workshop, file: LedgerFile, *, beside: str | None = None) -> None:
    """Parses a landed file anew whose parsed form is not in the lake: it is derived, the archive is not.

    Args:
        beside: a kind of rows the file is known to have beside its records, which must be there too.
    """
    place = workshop.lake.parsed_path(file.source, file.sha256, file.parser_version)
    if (place if beside is None else place / beside).is_dir():
        return
    path = workshop.archive.path(file.source, file.sha256)
    if not path.exists():
        raise FileNotReadError(
            f"{path}: the archive lacks {file.name} of {file.source}, which the ledger has; bring the archive back, set"
            f" home to where it is, or withdraw the file: race-assets land --withdraw {file.sha256[:12]}"
        )
    archived = ArchivedFile(file.source, file.sha256, file.name, file.bytes, file.landed_at, path)
    landed = _parse_and_enter(workshop, workshop.source(file.source), archived, file.name)
    if landed.state == SET_ASIDE:
        raise FileNotReadError(f"{file.name} of {file.source}: {landed.detail}")


def has_outdated_files(
    workshop: Workshop, pause_s: Callable[[int], float] = lambda _: 0.0, ledger: Ledger | None = None
) -> bool:
    """Return whether `bring_up_to_date` or `read_failed_again` has anything to do.

    Args:
        workshop: the tools.
        pause_s: seconds that a file is left alone after so many attempts.
        ledger: for a caller that only looks: one that does not put this process's configuration in force. The tracks
            and settings in force decide then.
    """
    for source in workshop.enabled:
        parser = workshop.source(source)
        files = {each.sha256 for each in workshop.archive.pending(source)}
        files |= {each.sha256 for each in _outdated(workshop, parser, ledger)}
        failed = attempts.failed_before(workshop, source) if files else {}
        if any(
            each not in failed or attempts.age_s(failed[each]) >= pause_s(max(failed[each].count, 1)) for each in files
        ):
            return True
    return False


def _outdated(workshop: Workshop, parser: FileSource, ledger: Ledger | None = None) -> list[LedgerFile]:
    last = _last_day(workshop, parser.name)
    asked = ledger or workshop.ledger
    return asked.outdated_files(parser.name, parser.parser_version, _dated_by(workshop), last)


def _dated_by(workshop: Workshop) -> str:
    """Return what decides which rows can be dated, beside their tracks: the first day there is."""
    return str(workshop.settings.partitions.start)


def withdraw(workshop: Workshop, prefix: str, source: str | None = None) -> LedgerFile:
    """Take back the file whose hash begins with `prefix`; its days become stale and are built without it.

    Raises:
        SettingsError: no file, or more than one, begins so; or it was withdrawn before.
    """
    file = _named_by_hash(workshop, "--withdraw", prefix, source)
    workshop.ledger.withdraw(file.source, file.sha256)
    # What an unreadable file said of the days that its name states goes with it.
    coverage.note_alone(workshop.warehouse, file.source, {}, sorted(dates_in(file.name)))
    attempts.forget(workshop, file.source, file.sha256)
    return file


def _named_by_hash(workshop: Workshop, option: str, prefix: str, source: str | None) -> LedgerFile:
    """Return the one file of the ledger that counts and whose hash begins so, files not entered yet included.

    Raises:
        SettingsError: there is none, or more than one; or it was withdrawn.
    """
    if len(prefix) < LEAST_PREFIX:
        raise SettingsError(f"{option} {prefix}: name at least {LEAST_PREFIX} characters of the hash")
    found = workshop.ledger.matching(prefix, source)
    if not found and (entered := _entered_unread(workshop, prefix, source)):
        found = entered
    if len(found) != 1:
        names = ", ".join(f"{file.sha256[:12]} {file.source} {file.name}" for file in found) or "none"
        raise SettingsError(f"{option} {prefix}: must begin the hash of exactly one landed file; found: {names}")
    if found[0].withdrawn_at is not None:
        raise SettingsError(f"{option} {prefix}: {found[0].name} was withdrawn on {found[0].withdrawn_at:%Y-%m-%d}")
    return found[0]


def _entered_unread(workshop: Workshop, prefix: str, source: str | None) -> list[LedgerFile]:
    """Enter archived files that the ledger does not have, without reading them, so that a person can name them."""
    for name in workshop.enabled if source is None else [source]:
        parser = workshop.source(name)
        for archived in workshop.archive.pending(name):
            if archived.sha256.startswith(prefix):
                nothing = _Parsed(ReadReport(), {}, pl.DataFrame(schema=polars_schema(PARSED)))
                why = "it was archived, and has not been read to its end yet"
                landing, _ = _landing(workshop, parser, archived, nothing, SET_ASIDE, why)
                publish.enter(workshop.warehouse, landing)
                workshop.archive.settle(archived)
    return workshop.ledger.matching(prefix, source)


def named(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Each file with its own name as its inbox name."""
    return [(path, path.name) for path in paths]
