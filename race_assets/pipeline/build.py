"""Building days: judged records into core tables, races judged, accounts closed, all of it published; judging rows is `judge.py`."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl

from race_assets.errors import RaceAssetsError
from race_assets.normalise import runners, tables
from race_assets.pipeline.days import chunks
from race_assets.pipeline.figures import account_frame
from race_assets.pipeline.judge import REFUSED, VALIDATED, ensure_judged, rejects_of
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.ops import REJECTS
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.storage import publish
from race_assets.storage.lake import ACCOUNT
from race_assets.storage.ledger import WantedDay
from race_assets.validation.account import Account, counted, merged
from race_assets.validation.races import RaceFinding, judge_races, refused

log = logging.getLogger(__name__)

TIMES_MOVED = 5
"""How often a day is built again because its inputs moved on meanwhile, before it is given up for this run."""


@dataclass
class Built:
    """What building some days came to.

    Attributes:
        published: rows of each core table by published day.
        unchanged: days that were as wanted already.
        failed: days that were not published, and why.
        accounts: by source and published day.
        findings: races found wanting, by rule.
    """

    published: dict[date, dict[str, int]] = field(default_factory=dict)
    unchanged: list[date] = field(default_factory=list)
    failed: dict[date, str] = field(default_factory=dict)
    accounts: dict[tuple[str, date], Account] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Built") -> None:
        """Takes in what another chunk came to."""
        self.published |= other.published
        self.unchanged += other.unchanged
        self.failed |= other.failed
        self.accounts |= other.accounts
        self.findings = merged([self.findings, other.findings])


@dataclass
class _Prepared:
    wanted: dict[date, WantedDay]
    frames: publish.DayFrames
    built: Built
    started_at: datetime


def build(workshop: Workshop, days: Sequence[date], run_id: str, *, refresh: bool = False) -> Iterator[Built]:
    """Builds and publishes days, a chunk at a time; the next chunk is prepared while one is copied.

    A day that cannot be published is in `failed` of its chunk and keeps its old rows; the others are not held up.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="publish") as copying:
        pending: Future[Built] | None = None
        try:
            for group in chunks(workshop, days):
                prepared = _prepare(workshop, group, run_id, refresh=refresh)
                if pending:
                    yield _told(workshop, pending.result())
                pending = copying.submit(_publish, workshop, prepared, run_id)
        finally:
            # The transaction in flight is finished, whatever stops us.
            last = pending.result() if pending else None
        if last:
            yield _told(workshop, last)


def _told(workshop: Workshop, built: Built) -> Built:
    workshop.progress("core", len(built.published) + len(built.unchanged) + len(built.failed))
    return built


def _prepare(workshop: Workshop, group: Mapping[date, WantedDay], run_id: str, *, refresh: bool) -> _Prepared:
    started_at = datetime.now(UTC)
    due = {day: each for day, each in group.items() if refresh or each.is_stale}
    built = Built(unchanged=[day for day in group if day not in due])
    frames = _frames(workshop, due, built, run_id, started_at)
    return _Prepared(due, frames, built, started_at)


def _publish(workshop: Workshop, prepared: _Prepared, run_id: str) -> Built:
    built, frames = prepared.built, prepared.frames
    for _ in range(TIMES_MOVED):
        try:
            with workshop.timed("publish"):
                moved = publish.publish(workshop.warehouse, frames) if frames.fingerprints else set()
        except RaceAssetsError as error:
            built.failed |= dict.fromkeys(frames.fingerprints, str(error))
            return built
        _note_published(built, frames, moved)
        if not moved:
            return built
        log.info("inputs moved on while days were built; building them again", extra={"days": len(moved)})
        frames = _frames(workshop, workshop.ledger.wanted(sorted(moved)), built, run_id, prepared.started_at)
    built.failed |= dict.fromkeys(moved, f"its inputs changed {TIMES_MOVED} times while it was built; run it again")
    return built


def _note_published(built: Built, frames: publish.DayFrames, moved: set[date]) -> None:
    counts = {name: dict(f["race_date"].value_counts(name="n").iter_rows()) for name, f in frames.core.items()}
    for day in frames.fingerprints:
        if day not in moved:
            built.published[day] = {name: each.get(day, 0) for name, each in counts.items()}


def _frames(
    workshop: Workshop, due: Mapping[date, WantedDay], built: Built, run_id: str, started_at: datetime
) -> publish.DayFrames:
    """The due days as core tables; days that do not balance go to `built.failed` instead."""
    ensure_judged(workshop, due)
    with workshop.timed("normalise"):
        records, rejects, accounts = _judged(workshop, due)
        core, race_rejects = _normalise(workshop, records, accounts, built, started_at)
    failed = _imbalances(due, accounts)
    built.failed |= failed
    built.accounts |= {key: account for key, account in accounts.items() if key[1] not in failed}
    good = [day for day in due if day not in failed]
    is_good = pl.col("race_date").is_in(good)
    return publish.DayFrames(
        {day: due[day].fingerprint for day in good},
        {name: frame if not failed else frame.filter(is_good) for name, frame in core.items()},
        pl.concat([rejects, race_rejects]).filter(is_good).with_columns(run_id=pl.lit(run_id)),
        _figures(due, built, good, run_id, started_at),
        run_id,
    )


def _judged(
    workshop: Workshop, due: Mapping[date, WantedDay]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[tuple[str, date], Account]]:
    """The days' judged records, rejects and accounts, all from files that carry the wanted fingerprint."""
    records = workshop.lake.scan(VALIDATED, list(due), polars_schema(RECORDS)).collect()
    rejects = workshop.lake.scan(REFUSED, list(due), polars_schema(REJECTS)).collect()
    accounts: dict[tuple[str, date], Account] = {}
    for day, wanted in due.items():
        told = json.loads(workshop.lake.metadata(VALIDATED, day).get(ACCOUNT, "{}"))
        for source in sorted({*told, *wanted.records_of}):
            account = Account(**told.get(source, {}))
            account.records_in = wanted.records_of.get(source, 0)
            accounts[source, day] = account
    return records, rejects, accounts


def _normalise(
    workshop: Workshop,
    records: pl.DataFrame,
    accounts: Mapping[tuple[str, date], Account],
    built: Built,
    processed_at: datetime,
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    tracks = workshop.tracks.frame
    keyed = runners.assign(records, tracks)
    chosen = tables.selections(keyed, processed_at)
    findings = judge_races(chosen, workshop.settings.rules)
    built.findings = merged([built.findings, *({f.rule: f.races.height} for f in findings if f.races.height)])
    _note_findings(accounts, keyed, findings)
    out = refused(findings)
    race_rejects = pl.DataFrame(schema=polars_schema(REJECTS))
    if out.height:
        race_rejects = _refuse_races(workshop, accounts, keyed, out)
        keyed = keyed.join(out, on=["race_date", "race_id"], how="anti", maintain_order="left")
        chosen = chosen.join(out, on=["race_date", "race_id"], how="anti", maintain_order="left")
    core = {
        "core.races": tables.races(keyed, chosen, tracks, processed_at),
        "core.selections": chosen,
        "core.prices": tables.prices(keyed),
    }
    if stray := tables.unreferenced(*core.values()):
        raise RaceAssetsError(f"core rows that point at nothing: {', '.join(stray)}; this is a fault of race_assets")
    _count_reachable(accounts, keyed, chosen)
    return core, race_rejects


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


def _refuse_races(
    workshop: Workshop, accounts: Mapping[tuple[str, date], Account], keyed: pl.DataFrame, out: pl.DataFrame
) -> pl.DataFrame:
    records = keyed.join(out, on=["race_date", "race_id"], maintain_order="left").with_columns(
        stage=pl.lit("race"), byte_offset=pl.lit(None, dtype=pl.Int64)
    )
    for (source, day), rows in records.group_by("source", "race_date"):
        accounts[source, day].refuse(counted(rows["rules"].explode().rename("rule")), rows.height)
    return rejects_of(workshop, records)


def _count_reachable(accounts: Mapping[tuple[str, date], Account], keyed: pl.DataFrame, chosen: pl.DataFrame) -> None:
    """Sets `accepted` to the records that really lead to a published selection."""
    reached = keyed.join(
        chosen, left_on=["race_date", "core_selection_id"], right_on=["race_date", "selection_id"], how="semi"
    )
    counts = {(source, day): n for source, day, n in reached.group_by("source", "race_date").agg(pl.len()).iter_rows()}
    for key, account in accounts.items():
        account.accepted = counts.get(key, 0)


def _imbalances(
    due: Mapping[date, WantedDay], accounts: Mapping[tuple[str, date], Account]
) -> dict[date, str]:
    failed: dict[date, str] = {}
    for (source, day), account in accounts.items():
        if day in due and (imbalance := account.imbalance()):
            failed[day] = f"{source}: {imbalance}; `race-assets ingest --from {day} --to {day} --refresh` builds it anew"
    return failed


def _figures(
    due: Mapping[date, WantedDay], built: Built, good: Sequence[date], run_id: str, started_at: datetime
) -> pl.DataFrame:
    accounts = {(source, day): built.accounts[source, day] for source, day in built.accounts if day in set(good)}
    bytes_in = {(source, day): due[day].bytes_of.get(source, 0) for source, day in accounts}
    return account_frame(run_id, accounts, bytes_in, started_at, datetime.now(UTC))
