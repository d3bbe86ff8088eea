"""Building days: judged records into core tables, races judged, accounts closed, all published; not rows."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl

from race_assets.errors import RaceAssetsError, SettingsError, TransientError, WarehouseError, WarehouseRefusedError
from race_assets.identity.clock import Shift
from race_assets.normalise import runners, tables
from race_assets.normalise.links import race_links
from race_assets.normalise.rejected import rejected_runners
from race_assets.normalise.results import disputed
from race_assets.pipeline.beside import tables_beside
from race_assets.pipeline.figures import Key, account_frame
from race_assets.pipeline.judge import REFUSED, VALIDATED, ensure_judged, is_judged, rejects_of
from race_assets.pipeline.links import clock_shifts, link
from race_assets.pipeline.log_fields import about, carried, days_told
from race_assets.pipeline.revisions import keep, revisions
from race_assets.pipeline.shared_work import day_locks, locked_chunks
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.sources import registry
from race_assets.storage import coverage, publish
from race_assets.storage.lake import ACCOUNT, MEASURES
from race_assets.storage.ledger import WantedDay
from race_assets.validation import effects
from race_assets.validation.account import Account, counted, merged
from race_assets.validation.races import RaceFinding, judge_races, refused
from race_assets.validation.sources import RULE as SOURCES_AGREE
from race_assets.validation.sources import judge_currencies, judge_sources

log = logging.getLogger(__name__)

REFERRING = tuple(name for name in CORE if name != "core.race_links")
"""Races, selections, and tables whose rows are about selections."""
TIMES_MOVED = 5
"""How often a day is built again because its inputs moved on meanwhile, before it is given up for this run."""


@dataclass
class Built:
    """What building some days came to.

    Attributes:
        published: rows of each core table by published day.
        unchanged: days that were as wanted already.
        failed: days that were not published, and why.
        may_pass: those of them whose cause may pass by itself, such as a database that went away.
        accounts: by source and published day.
        findings: races found wanting by day and rule.
        contradictions: races of which sources say different things: day, race, and who says what.
        incomplete: races that lack runners whose records were rejected: day, race, and how many.
    """

    published: dict[date, dict[str, int]] = field(default_factory=dict)
    unchanged: list[date] = field(default_factory=list)
    failed: dict[date, str] = field(default_factory=dict)
    may_pass: set[date] = field(default_factory=set)
    accounts: dict[tuple[str, date], Account] = field(default_factory=dict)
    findings: dict[tuple[date, str], int] = field(default_factory=dict)
    contradictions: list[tuple[date, str, str]] = field(default_factory=list)
    incomplete: list[tuple[date, str, int]] = field(default_factory=list)

    def findings_by_rule(self) -> dict[str, int]:
        """Races found wanting, by rule, over all days."""
        return merged({rule: races} for (_, rule), races in self.findings.items())

    def rows_by_table(self) -> dict[str, int]:
        """Return the rows published of each core table, over all days."""
        return merged(self.published.values())

    def add(self, other: "Built") -> None:
        """Takes in what another chunk came to."""
        self.published |= other.published
        self.unchanged += other.unchanged
        self.failed |= other.failed
        self.may_pass |= other.may_pass
        self.accounts |= other.accounts
        self.findings |= other.findings
        self.contradictions += other.contradictions
        self.incomplete += other.incomplete

    def fail(self, days: Collection[date], reason: str, *, may_pass: bool = False) -> None:
        """Note days that were not published, why, and whether the cause may pass by itself."""
        self.failed |= dict.fromkeys(days, reason)
        if may_pass:
            self.may_pass |= set(days)


@dataclass
class _Prepared:
    """Days ready to be published, and those that moved on while they were read."""

    frames: publish.DayFrames
    built: Built
    moved: set[date]


def build(workshop: Workshop, days: Sequence[date], run_id: str, *, refresh: bool = False) -> Iterator[Built]:
    """Builds and publishes days, a chunk at a time; the next chunk is prepared while one is copied.

    A day that cannot be published is in `failed` of its chunk and keeps its old rows; the others are not held up.
    """
    with (
        workshop.warehouse.kept(),
        day_locks(workshop) as locks,
        ThreadPoolExecutor(1, thread_name_prefix="publish") as copying,
    ):
        pending: Future[Built] | None = None

        def publish_and_release(work: Mapping[date, WantedDay], prepared: _Prepared) -> Built:
            try:
                return _publish(workshop, prepared, run_id)
            finally:
                # Here and not when the result is looked at: until then this process may wait for others' days.
                locks.release(work)

        try:
            for chunk in locked_chunks(workshop, days, locks, lambda _, each: refresh or each.is_stale):
                with about(run_id=run_id, day=days_told(chunk.work)):
                    prepared = _prepare(workshop, chunk.work, run_id)
                    publishing = carried(publish_and_release)
                prepared.built.unchanged = chunk.done
                before = pending.result() if pending else None
                # Before the result is handed out: whoever takes it may be slow, and this chunk's days are locked.
                pending = copying.submit(publishing, chunk.work, prepared)
                if before:
                    yield _told(workshop, before)
        except BaseException:
            if pending:
                _finish(workshop, pending)
            raise
        if pending:
            yield _told(workshop, pending.result())


def _finish(workshop: Workshop, pending: "Future[Built]") -> None:
    """Lets the transaction in flight end, whatever stops us; one that takes too long is cancelled and keeps nothing."""
    try:
        pending.result(workshop.settings.shutdown_timeout_seconds)
    except TimeoutError:
        log.warning("the transaction in flight took too long and is cancelled; its days keep their old rows")
        workshop.warehouse.cancel()


def _told(workshop: Workshop, built: Built) -> Built:
    failed = {day: (coverage.FAILED, reason) for day, reason in built.failed.items()}
    coverage.note_alone(workshop.warehouse, coverage.EVERY, failed)
    if final := {day: reason for day, reason in built.failed.items() if day not in built.may_pass}:
        workshop.ledger.give_up(final)
    workshop.progress("core", len(built.published) + len(built.unchanged) + len(built.failed))
    return built


def _publish(workshop: Workshop, prepared: _Prepared, run_id: str) -> Built:
    """Publishes what is prepared; days whose inputs moved on meanwhile are built again and published then."""
    built = prepared.built
    for _ in range(TIMES_MOVED):
        moved = prepared.moved | _written(workshop, prepared, run_id)
        if not moved:
            return built
        log.info("inputs moved on while days were built; building them again", extra={"days": len(moved)})
        prepared = _prepare(workshop, workshop.wanted(sorted(moved)), run_id)
        built.add(prepared.built)
        prepared.built = built
    built.fail(moved, f"its inputs changed {TIMES_MOVED} times while it was built; run it again", may_pass=True)
    return built


def _written(workshop: Workshop, prepared: _Prepared, run_id: str) -> set[date]:
    """Writes the frames, and says which days were left alone; a day Postgres refuses does not take its chunk down."""
    frames = prepared.frames
    if not frames.fingerprints:
        return set()
    try:
        with workshop.timed("publish"):
            moved = publish.publish(workshop.warehouse, frames)
    except (WarehouseError, WarehouseRefusedError) as error:
        prepared.built.fail(frames.fingerprints, str(error), may_pass=isinstance(error, TransientError))
        return set()
    except Exception as error:
        if len(frames.fingerprints) > 1:
            days = sorted(frames.fingerprints)
            return set().union(*(_written(workshop, _only(prepared, day), run_id) for day in days))
        with about(day=days_told(frames.fingerprints)):
            log.exception("a day was refused")
        prepared.built.fail(frames.fingerprints, f"{type(error).__name__}: {error}")
        return set()
    counts = {name: dict(f["race_date"].value_counts(name="n").iter_rows()) for name, f in frames.core.items()}
    for day in frames.fingerprints:
        if day not in moved:
            prepared.built.published[day] = {name: each.get(day, 0) for name, each in counts.items()}
    return moved


def _only(prepared: _Prepared, day: date) -> _Prepared:
    return _Prepared(publish.only(prepared.frames, {day}), prepared.built, set())


def _prepare(workshop: Workshop, due: Mapping[date, WantedDay], run_id: str) -> _Prepared:
    """The due days as core tables; a day that cannot be built does not take its chunk down."""
    try:
        return _frames(workshop, due, run_id)
    except SettingsError:
        raise
    except Exception as error:
        if len(due) > 1:
            return _together([_prepare(workshop, {day: each}, run_id) for day, each in due.items()])
        with about(day=days_told(due)):
            log.exception("a day could not be built")
        nothing = _frames(workshop, {}, run_id)
        nothing.built.fail(due, f"{type(error).__name__}: {error}", may_pass=isinstance(error, TransientError))
        return nothing


def _together(parts: Sequence[_Prepared]) -> _Prepared:
    built = Built()
    for part in parts:
        built.add(part.built)
    return _Prepared(publish.together([part.frames for part in parts]), built, set().union(*(p.moved for p in parts)))


def _frames(workshop: Workshop, due: Mapping[date, WantedDay], run_id: str) -> _Prepared:
    """Judges and normalises the days; those that do not balance are failed, those that moved on are named."""
    started_at = datetime.now(UTC)
    ensure_judged(workshop, due)
    built = Built()
    fresh = {day: each for day, each in due.items() if is_judged(workshop, day, each)}
    with workshop.timed("normalise"):
        records, rejects, accounts = _judged(workshop, fresh)
        shifts = clock_shifts(workshop, fresh, records)
        published, marks = publish.last_published(workshop.warehouse, list(fresh))
        revised = revisions(workshop, records, fresh, published)
        keep(workshop, fresh, published)
        core, later_rejects, short, of_races = _normalise(
            workshop, records, rejects, shifts, accounts, built, started_at
        )
    # Another run may have replaced a file while it was read: what was read then is not what its fingerprint says.
    fresh = {day: each for day, each in fresh.items() if is_judged(workshop, day, each)}
    fresh = _still_wanted(workshop, fresh, short)
    built.failed = _imbalances(fresh, accounts, short)
    good = {day: each.fingerprint for day, each in fresh.items() if day not in built.failed}
    built.accounts = {key: account for key, account in accounts.items() if key[1] in good}
    accounts_by_key: dict[Key, Account] = {(source, day): each for (source, day), each in built.accounts.items()}
    bytes_in: dict[Key, int] = {(source, day): due[day].bytes_of.get(source, 0) for source, day in built.accounts}
    rejects = pl.concat([rejects, later_rejects]).with_columns(run_id=pl.lit(run_id))
    figures = account_frame(run_id, accounts_by_key, bytes_in, started_at, datetime.now(UTC))
    told = {day: [shift.text for shift in found] for day, found in shifts.items()}
    frames = publish.DayFrames(
        dict.fromkeys(due, "") | good, core, rejects, figures, run_id, told, revised, published, marks,
        _measures(workshop, good, of_races),
    )  # fmt: skip
    return _Prepared(publish.only(frames, set(good)), built, set(due) - set(fresh))


def _measures(workshop: Workshop, days: Collection[date], of_races: Mapping[date, effects.Measures]) -> dict[date, str]:
    """Return what decides whether a changed rule changes each day, as JSON."""
    found = {}
    for day in days:
        of_records = workshop.lake.metadata(VALIDATED, day).get(MEASURES)
        if of_records is not None:
            found[day] = json.dumps({"sources": json.loads(of_records), "races": of_races.get(day, effects.NOTHING)})
    return found


def _still_wanted(
    workshop: Workshop, fresh: Mapping[date, WantedDay], short: Mapping[date, str]
) -> dict[date, WantedDay]:
    """The days, without those that lack rows because a file of theirs was replaced or withdrawn meanwhile."""
    now = workshop.wanted(sorted(short)) if short else {}
    return {day: each for day, each in fresh.items() if day not in now or now[day].fingerprint == each.fingerprint}


def _judged(
    workshop: Workshop, due: Mapping[date, WantedDay]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[tuple[str, date], Account]]:
    """The days' judged records, rejects and accounts, all from files that carry the wanted fingerprint."""
    records = _lean(workshop.lake.scan(VALIDATED, list(due), polars_schema(RECORDS)).collect())
    rejects = workshop.lake.scan(REFUSED, list(due), polars_schema(REJECTED)).collect()
    accounts: dict[tuple[str, date], Account] = {}
    for day, wanted in due.items():
        told = json.loads(workshop.lake.metadata(VALIDATED, day).get(ACCOUNT, "{}"))
        for source in sorted({*told, *wanted.records_of}):
            account = Account(**told.get(source, {}))
            account.records_in = wanted.records_of.get(source, 0)
            accounts[source, day] = account
    return records, rejects, accounts


def _lean(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its columns of nulls as constants, which cost nothing to sort, join and filter."""
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height]
    return frame.with_columns(pl.lit(None, dtype=frame.schema[name]).alias(name) for name in empty)


def _normalise(
    workshop: Workshop,
    records: pl.DataFrame,
    row_rejects: pl.DataFrame,
    shifts: Mapping[date, Sequence[Shift]],
    accounts: Mapping[tuple[str, date], Account],
    built: Built,
    processed_at: datetime,
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, dict[date, str], dict[date, effects.Measures]]:
    """The core tables, the rejects of links and races, the days that lack rows beside their records, the measures."""
    tracks = workshop.tracks.frame
    with workshop.timed("link"):
        linked = link(
            workshop,
            runners.one_start_per_market(records.with_columns(own_start_at="start_at")),
            [each for day in shifts.values() for each in day],
        )
    rejects = [_refuse(workshop, accounts, linked.refused, "link")]
    _count_notes(accounts, linked.notes)
    keyed = runners.assign(linked.records, tracks)
    precedence = workshop.settings.precedence
    chosen = tables.selections(keyed, processed_at, precedence)
    rules = workshop.settings.rules
    disputes = disputed(keyed, chosen)
    of_sources = [
        judge_sources(keyed, disputes, rules.sources_agree),
        judge_currencies(keyed, rules.currency),
    ]
    findings = [*judge_races(chosen, rules), *(found for found in of_sources if found)]
    measures = effects.of_races(keyed, chosen, disputes)
    for finding in findings:
        counts = finding.races["race_date"].value_counts(name="races").iter_rows()
        built.findings |= {(day, finding.rule): races for day, races in counts}
        if finding.rule == SOURCES_AGREE:
            built.contradictions += finding.races.sort("race_date", "race_id").rows()
    _note_findings(accounts, keyed, findings)
    out = refused(findings)
    if out.height:
        of_races = keyed.join(out, on=["race_date", "race_id"], maintain_order="left")
        rejects.append(_refuse(workshop, accounts, of_races, "race"))
        keyed = keyed.join(out, on=["race_date", "race_id"], how="anti", maintain_order="left")
        chosen = chosen.join(out, on=["race_date", "race_id"], how="anti", maintain_order="left")
    beside, short = tables_beside(workshop, keyed, records)
    providers = {source: registry.provider(source) for source in workshop.enabled}
    rejected = rejected_runners(pl.concat([row_rejects, *rejects]), keyed, chosen, providers)
    built.incomplete += rejected.rows()
    _note_findings(accounts, keyed, [RaceFinding("rejected_runners", is_refusal=False, races=rejected)])
    core = {
        "core.races": tables.races(keyed, chosen, tracks, rejected, processed_at, precedence, disputes),
        "core.selections": chosen,
        "core.prices": tables.prices(keyed),
        **beside,
        "core.race_links": race_links(keyed, linked.links),
    }
    if stray := tables.unreferenced(*(core[name] for name in REFERRING)):
        raise RaceAssetsError(
            f"core rows that point at nothing: {', '.join(map(str, stray))}; this is a fault of race_assets"
        )
    _count_reachable(accounts, keyed, chosen)
    return core, pl.concat(rejects), short, measures


def _count_notes(accounts: Mapping[tuple[str, date], Account], notes: pl.DataFrame) -> None:
    for source, day, note, count in notes.group_by("source", "race_date", "note").agg(pl.len()).iter_rows():
        account = accounts[source, day]
        account.notes = merged([account.notes, {note: count}])


def _note_findings(
    accounts: Mapping[tuple[str, date], Account], keyed: pl.DataFrame, findings: Sequence[RaceFinding]
) -> None:
    """Counts each warned race with every source that tells of it."""
    sources = keyed.select("source", "race_date", "race_id").unique() if any(f.races.height for f in findings) else None
    for finding in findings:
        if finding.is_refusal or not finding.races.height or sources is None:
            continue
        told = sources.join(finding.races, on=["race_date", "race_id"]).group_by("source", "race_date").agg(pl.len())
        for source, day, count in told.iter_rows():
            account = accounts[source, day]
            account.notes = merged([account.notes, {f"race_{finding.rule}": count}])


def _refuse(
    workshop: Workshop, accounts: Mapping[tuple[str, date], Account], records: pl.DataFrame, stage: str
) -> pl.DataFrame:
    """Books records that passed by themselves, with their `rules` and `messages`, as refused at a later stage."""
    for (source, day), rows in records.group_by("source", "race_date"):
        accounts[source, day].refuse(counted(rows["rules"].explode().rename("rule")), rows.height)
    return rejects_of(workshop, records.with_columns(stage=pl.lit(stage)))


def _count_reachable(accounts: Mapping[tuple[str, date], Account], keyed: pl.DataFrame, chosen: pl.DataFrame) -> None:
    """Sets `accepted` to the records that really lead to a selection about to be published."""
    reached = keyed.join(
        chosen, left_on=["race_date", "core_selection_id"], right_on=["race_date", "selection_id"], how="semi"
    )
    counts = {(source, day): n for source, day, n in reached.group_by("source", "race_date").agg(pl.len()).iter_rows()}
    for key, account in accounts.items():
        account.accepted = counts.get(key, 0)


def _imbalances(
    due: Mapping[date, WantedDay], accounts: Mapping[tuple[str, date], Account], short: Mapping[date, str]
) -> dict[date, str]:
    failed = {day: text for day, text in short.items() if day in due}
    for (source, day), account in accounts.items():
        if day in due and (imbalance := account.imbalance()):
            failed[day] = (
                f"{source}: {imbalance}; `race-assets ingest --from {day} --to {day} --refresh` builds it anew"
            )
    return failed
