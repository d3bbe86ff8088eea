"""Judging a day: all sources' records in; accepted records, rejects and accounts out; races come later."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from race_assets.errors import RaceAssetsError
from race_assets.normalise.place import with_facts_of_win
from race_assets.pipeline.days import WRITERS, ensure_raw, raw_table
from race_assets.pipeline.rejects import as_rejects
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.records import RAW, RECORDS
from race_assets.schemas.table import INSTANT, conform, polars_schema
from race_assets.settings.rules import RuleSettings
from race_assets.sources.findings import Problem, with_notes, with_problems
from race_assets.storage.lake import ACCOUNT, MEASURES
from race_assets.storage.ledger import WantedDay
from race_assets.validation import effects, identifiers
from race_assets.validation.account import Account, merged
from race_assets.validation.duplicates import duplicate_kinds
from race_assets.validation.rows import OPTIONAL, RowRule, broken_rows, name_tracks, row_rules
from race_assets.values import times
from race_assets.values.file_names import dates_in
from race_assets.values.texts import formatted

VALIDATED = "validated/records"
REFUSED = "validated/rejects"

NOTED = "noted"
DAY, NO_TIME = timedelta(days=1), timedelta(0)
BytesAt = Callable[[str, str], Path]
UNREAD = ["field_count", "text", "readable", "market_defined", "runner_known"]
FOLLOWS_FROM_UNREAD = {"keys", "selection_name", "track_known"}
REFUSALS = pl.Schema({"position": pl.UInt32, "rule": pl.String, "message": pl.String})
NOTES = pl.Schema({"source": pl.String, "race_date": pl.Date, NOTED: pl.String})
NULLED = pl.Schema({"position": pl.UInt32, "rule": pl.String, "column": pl.String})
NULL_VALUE = "null_value"
FILES: dict[str, pl.DataType] = {
    "source": pl.String(), "source_file": pl.String(), "landed_at": INSTANT, "name": pl.String(),
}  # fmt: skip


def ensure_judged(workshop: Workshop, wanted: Mapping[date, WantedDay], *, refresh: bool = False) -> dict[date, int]:
    """Writes the judged day files that are missing or outdated, and the raw ones they need; `refresh` writes all.

    A day whose files have moved on since `wanted` was asked is left as it is.

    Returns:
        accepted records of each day written.
    """
    due = {day: each for day, each in wanted.items() if refresh or not is_judged(workshop, day, each)}
    if not due:
        return {}
    for source in workshop.enabled:
        ensure_raw(workshop, source, due)
    due = {day: each for day, each in due.items() if _is_raw_ready(workshop, day, each)}
    with workshop.timed("judge"):
        judged = judge(workshop, _union(workshop, due))
    with workshop.timed("write judged"):
        return _write(workshop, due, judged)


def is_judged(workshop: Workshop, day: date, wanted: WantedDay) -> bool:
    """Whether both files of a judged day, its records and its rejects if it has any, are made of what is wanted."""
    refused = workshop.lake.fingerprint(REFUSED, day)
    return workshop.lake.fingerprint(VALIDATED, day) == wanted.fingerprint and refused in {None, wanted.fingerprint}


def _is_raw_ready(workshop: Workshop, day: date, wanted: WantedDay) -> bool:
    """Whether every source's day file is made of the inputs the day is wanted from."""
    return all(workshop.lake.fingerprint(raw_table(name), day) == each for name, each in wanted.inputs.items())


class Judged:
    """Validated records of days: `accepted`, `rejects`, and by source and day `accounts` and `measures`."""

    def __init__(
        self,
        accepted: pl.DataFrame,
        rejects: pl.DataFrame,
        accounts: dict[tuple[str, date], Account],
        measures: dict[tuple[str, date], effects.Measures],
    ) -> None:
        self.accepted = accepted
        self.rejects = rejects
        self.accounts = accounts
        self.measures = measures


def _union(workshop: Workshop, due: Mapping[date, WantedDay]) -> pl.DataFrame:
    """All sources' raw records of the days, columns a source does not know left null."""
    schema = polars_schema(RAW)
    frames = []
    for source in workshop.enabled:
        days = [day for day, each in due.items() if source in each.inputs]
        if days:
            scan = workshop.lake.scan(raw_table(source), days, schema).collect()
            frames.append(scan.select(pl.col(name).cast(dtype) for name, dtype in schema.items()))
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def judge(
    workshop: Workshop, raw: pl.DataFrame, bytes_at: BytesAt | None = None, files: pl.DataFrame | None = None
) -> Judged:
    """Splits raw records into accepted, quarantined, duplicates and filtered.

    Args:
        workshop: for its rules and tracks.
        raw: the shape of `schemas.records.RAW`.
        bytes_at: where the bytes of a source's file are; none means in the archive.
        files: FILES, what the records come from; none means that the ledger has them.
    """
    accounts = _opened(raw)
    is_filtered = pl.col("filtered").is_not_null() & ~pl.col("superseded")
    _count(accounts, raw.filter(is_filtered), "filtered", "filtered")
    superseded = raw.filter("superseded").with_columns(kind=pl.lit("superseded"))
    _count(accounts, superseded, "kind", "duplicates")
    candidates = raw.filter(pl.col("filtered").is_null() & ~pl.col("superseded"))
    placed = _with_landing(workshop, _placed(workshop, candidates), files)
    measures = effects.of_records(placed, workshop.clock())
    refusals, notes, nulled = _judged_rows(workshop, placed)
    placed = _without_cells(placed, nulled)
    passed, is_shared = _passed(placed, refusals)
    _count(accounts, notes, NOTED, "notes")
    rejects = _refuse(workshop, accounts, placed, refusals, bytes_at)
    duplicates = duplicate_kinds(passed, is_shared)
    if duplicates["kind"].null_count() < duplicates.height:
        told = passed.with_columns(duplicates.get_columns())
        _count(accounts, told.drop_nulls("kind"), "kind", "duplicates")
        _count(accounts, told.drop_nulls(NOTED), NOTED, "notes")
        passed = passed.filter(duplicates["kind"].is_null())
    _count_accepted(accounts, passed)
    return Judged(conform(with_facts_of_win(passed), RECORDS), rejects, accounts, measures)


def _passed(placed: pl.DataFrame, refusals: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the records that no rule rejects, and whether each shares its key with another one.

    Those whose ids stand for several dogs or races are added to `refusals`.
    """
    everything = pl.repeat(value=True, n=placed.height, eager=True)
    stays = everything.scatter(refusals["position"].unique(), False)
    passed = placed.filter(stays)
    is_shared = identifiers.shared_keys(passed)
    conflicts = identifiers.conflicts(passed, is_shared)
    if not conflicts.height:
        return passed, is_shared
    is_clear = everything.head(passed.height).scatter(conflicts["position"], False)
    refusals.extend(conflicts.with_columns(position=stays.arg_true().gather(conflicts["position"])))
    return passed.filter(is_clear), is_shared.filter(is_clear)


def _opened(raw: pl.DataFrame) -> dict[tuple[str, date], Account]:
    return {
        key: Account() for key in raw.select("source", "race_date").unique().sort("source", "race_date").iter_rows()
    }


def _count(accounts: dict[tuple[str, date], Account], rows: pl.DataFrame, column: str, into: str) -> None:
    """Adds the counts of a text column to one of the accounts' tallies."""
    counts = rows.group_by("source", "race_date", column).agg(pl.len()).sort(column)
    for source, day, name, count in counts.iter_rows():
        account = accounts[source, day]
        setattr(account, into, merged([getattr(account, into), {name: count}]))


def _count_accepted(accounts: dict[tuple[str, date], Account], rows: pl.DataFrame) -> None:
    for source, day, count in rows.group_by("source", "race_date").agg(pl.len()).iter_rows():
        accounts[source, day].accepted = count


def _placed(workshop: Workshop, records: pl.DataFrame) -> pl.DataFrame:
    """The records with their track, its country, and `local_date` where the off is not on race_date in UTC.

    No zone is a whole day from UTC: where the UTC date is the race date, the local one is within a day of it.
    """
    placed = _localised(workshop.tracks.resolve(records))
    elsewhere = placed.select((pl.col("start_at").dt.date() != pl.col("race_date")).fill_null(value=False)).to_series()
    if not elsewhere.any():
        return placed.with_columns(local_date=pl.lit(None, dtype=pl.Date))
    doubtful = placed.filter(elsewhere).select("start_at", "timezone")
    zones = doubtful["timezone"].drop_nulls().unique().to_list()
    local = doubtful.select(local=times.in_zone(pl.col("start_at"), pl.col("timezone"), zones).dt.date())["local"]
    nothing = pl.Series("local_date", [None], dtype=pl.Date).new_from_index(0, placed.height)
    return placed.with_columns(nothing.scatter(elsewhere.arg_true(), local))


def _localised(placed: pl.DataFrame) -> pl.DataFrame:
    """The records with instants for what clocks at their track showed; an hour that did not exist is a problem."""
    zones = placed["timezone"].drop_nulls().unique().to_list()
    for instant, local in (("start_at", "start_local"), ("actual_off_at", "actual_off_local")):
        if placed[local].null_count() == placed.height:
            continue
        told = times.localise_in(pl.col(local), pl.col("timezone"), zones)
        placed = placed.with_columns(told=told)
        part = pl.col("told").struct.field
        placed = placed.with_columns(pl.coalesce(instant, part("at")).alias(instant))
        if instant == "start_at":
            placed = with_notes(placed, {"local_time_ambiguous": part("is_ambiguous")})
            said = formatted("off {} does not exist at the track: the clocks go forward over it", local)
            placed = with_problems(placed, [Problem("local_time", pl.lit(value=True), said, among=part("is_missing"))])
        placed = placed.drop("told")
    return placed


def _with_landing(workshop: Workshop, placed: pl.DataFrame, files: pl.DataFrame | None) -> pl.DataFrame:
    """Add `landed_at` of each record's file, and whether the file's name has the record's day within one.

    Only records of sources whose `start_window` is on, and which state no moment, need them: null for all others.
    """
    rules = {source: workshop.settings.rules_of(source) for source in placed["source"].unique()}
    windowed = [source for source, each in rules.items() if each.start_window.severity != "off"]
    asked = placed.filter(pl.col("source").is_in(windowed) & pl.col("observed_at").is_null())
    if not asked.height:
        return placed.with_columns(landed_at=pl.lit(None, INSTANT), is_day_in_name=pl.lit(None, pl.Boolean))
    if files is None:
        files = _landed(workshop, asked)
    in_name = [
        (sha256, stated + around)
        for _, sha256, _, name in files.iter_rows()
        for stated in dates_in(name)
        for around in (-DAY, NO_TIME, DAY)
    ]
    named = pl.DataFrame(in_name, schema={"source_file": pl.String, "race_date": pl.Date}, orient="row").unique()
    named = named.with_columns(is_day_in_name=pl.lit(value=True))
    with_files = placed.join(files.drop("name"), on=["source", "source_file"], how="left", maintain_order="left")
    return with_files.join(named, on=["source_file", "race_date"], how="left", maintain_order="left")


def _landed(workshop: Workshop, records: pl.DataFrame) -> pl.DataFrame:
    """Return FILES of the records' sources and days, as the ledger has them."""
    days = records["race_date"].drop_nulls().unique().to_list()
    return pl.DataFrame(
        [
            (source, file.sha256, file.landed_at, file.name)
            for source in records["source"].unique()
            for file in workshop.ledger.live_files(source, days)
        ],
        schema=FILES,
        orient="row",
    )


def _judged_rows(workshop: Workshop, placed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Apply every rule for single records, those of each source as it has them.

    Returns:
        REFUSALS, what rows are rejected for; NOTES; NULLED, the cells to empty.
    """
    found = [_found_by_parser(workshop, placed)]
    placed = _without_cells(placed, found[0][2])
    unread = found[0][0].filter(pl.col("rule").is_in(UNREAD)).select("position").unique()
    now = workshop.clock()
    for rules, positions in _by_rules(workshop, placed):
        in_force = row_rules(rules, now)
        part = placed if positions.len() == placed.height else placed[positions]
        for rule, in_part in zip(in_force, broken_rows(part, in_force), strict=True):
            if not in_part.height:
                continue
            broken = in_part.with_columns(position=positions[in_part["position"]])
            if rule.id == identifiers.RULE:
                # A parser that rejects an id says more of it, and hands none over.
                broken = broken.join(found[0][0].filter(rule=identifiers.RULE), on="position", how="anti")
            # A line that could not be read has no values: it is not also blamed for lacking them.
            if rule.id in FOLLOWS_FROM_UNREAD:
                broken = broken.join(unread, on="position", how="anti")
            found.append(_consequences(workshop, placed, rule, broken))
    refusals, notes, nulled = (pl.concat(each) for each in zip(*found, strict=True))
    return refusals.sort("position", maintain_order=True), pl.concat([notes, _noted(placed, nulled)]), nulled


def _by_rules(workshop: Workshop, placed: pl.DataFrame) -> Iterator[tuple[RuleSettings, pl.Series]]:
    """The distinct rules in force, each with the positions of the records it applies to."""
    sources: dict[str, list[str]] = {}
    for source in placed["source"].unique().sort():
        sources.setdefault(workshop.settings.rules_of(source).model_dump_json(), []).append(source)
    for names in sources.values():
        positions = placed.select(pl.col("source").is_in(names).arg_true().cast(pl.UInt32)).to_series()
        yield workshop.settings.rules_of(names[0]), positions


Found = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
"""REFUSALS, NOTES and NULLED."""


def _consequences(workshop: Workshop, placed: pl.DataFrame, rule: RowRule, broken: pl.DataFrame) -> Found:
    """What the severity of a rule makes of the records that break it."""
    nothing = REFUSALS.to_frame(), NOTES.to_frame(), NULLED.to_frame()
    if rule.severity == "reject":
        return _messages(workshop, placed, rule, broken), *nothing[1:]
    if rule.severity == NULL_VALUE:
        is_bad = placed[broken["position"]].select(
            (~passes).fill_null(value=False).alias(column) for column, passes in rule.cells.items()
        )
        cells = [
            broken.filter(is_bad[column]).select("position", rule=pl.lit(rule.id), column=pl.lit(column))
            for column in rule.cells
        ]
        return *nothing[:2], pl.concat([nothing[2], *cells])
    return nothing[0], _at(placed, broken["position"]).with_columns(pl.lit(rule.note).alias(NOTED)), nothing[2]


def _noted(placed: pl.DataFrame, nulled: pl.DataFrame) -> pl.DataFrame:
    """A note for each cell that is emptied, by rule and column: `price_range_nulled_bsp`."""
    code = nulled.select(pl.concat_str("rule", pl.lit("_nulled_"), "column").alias(NOTED))
    return _at(placed, nulled["position"]).with_columns(code)


def _without_cells(placed: pl.DataFrame, nulled: pl.DataFrame) -> pl.DataFrame:
    """The records with the cells emptied that rules of severity `null_value` found wrong."""
    number = pl.int_range(pl.len(), dtype=pl.UInt32)
    return placed.with_columns(
        pl.when(~number.is_in(cells["position"].implode())).then(str(column)).alias(str(column))
        for (column,), cells in nulled.partition_by("column", as_dict=True).items()
    )


def _messages(workshop: Workshop, placed: pl.DataFrame, rule: RowRule, broken: pl.DataFrame) -> pl.DataFrame:
    if rule.id == "track_known":
        broken = name_tracks(broken, placed, workshop.tracks.advice)
    return broken.select("position", rule=pl.lit(rule.id), message="message")


def _at(placed: pl.DataFrame, positions: pl.Series) -> pl.DataFrame:
    return placed.select("source", "race_date")[positions]


def _found_by_parser(workshop: Workshop, placed: pl.DataFrame) -> Found:
    """The parsers' own problems and notes, under the severities of the rules; their unread cells are null already."""
    notes = placed.select("source", "race_date", pl.col("notes").alias(NOTED)).drop_nulls().explode(NOTED)
    problems = placed.select("source", "race_date", "problems").with_row_index("position").drop_nulls("problems")
    severities = pl.DataFrame(
        [
            (source, rule, settings["severity"])
            for source in problems["source"].unique()
            for rule, settings in workshop.settings.rules_of(source).model_dump().items()
        ],
        schema={"source": pl.String, "rule": pl.String, "severity": pl.String},
        orient="row",
    )
    found = problems.explode("problems").unnest("problems")
    found = found.join(severities, on=["source", "rule"], how="left", maintain_order="left")
    if (unknown := found.filter(pl.col("severity").is_null())["rule"].unique()).len():
        raise RaceAssetsError(f"a parser names rules that there are not: {', '.join(unknown)}; mend the parser")
    # A cell that the record cannot do without is not emptied: then the record is rejected.
    is_needed = ~pl.col("column").is_in(OPTIONAL).fill_null(value=False)
    severity = pl.when((pl.col("severity") == NULL_VALUE) & is_needed).then(pl.lit("reject")).otherwise("severity")
    found = found.with_columns(severity=severity)
    warned = found.filter(pl.col("severity") == "warn").select("source", "race_date", pl.col("rule").alias(NOTED))
    return (
        _shaped(found.filter(pl.col("severity") == "reject"), REFUSALS),
        pl.concat([notes, warned]),
        _shaped(found.filter(pl.col("severity") == NULL_VALUE), NULLED),
    )


def _shaped(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _refuse(
    workshop: Workshop,
    accounts: dict[tuple[str, date], Account],
    placed: pl.DataFrame,
    refusals: pl.DataFrame,
    bytes_at: BytesAt | None,
) -> pl.DataFrame:
    if not refusals.height:
        return pl.DataFrame(schema=polars_schema(REJECTED))
    by_row = refusals.group_by("position", maintain_order=True).agg(rules="rule", messages="message")
    refused = placed[by_row["position"]].with_columns(by_row["rules"], by_row["messages"], stage=pl.lit("row"))
    for source, day, count in refused.group_by("source", "race_date").agg(pl.len()).iter_rows():
        accounts[source, day].quarantined = count
    each_rule = refused.select("source", "race_date", pl.col("rules").list.unique()).explode("rules")
    _count(accounts, each_rule, "rules", "rejected_by")
    return rejects_of(workshop, refused, bytes_at)


def rejects_of(workshop: Workshop, refused: pl.DataFrame, bytes_at: BytesAt | None = None) -> pl.DataFrame:
    """Refused records of any sources in the shape of REJECTED; the run that publishes them is added then."""
    frames = [pl.DataFrame(schema=polars_schema(REJECTED))]
    for (source,), rows in refused.group_by("source", maintain_order=True):
        files = {sha: (bytes_at or workshop.archive.path)(str(source), sha) for sha in rows["source_file"].unique()}
        frames.append(as_rejects(rows, "", files, workshop.source(str(source))))
    return pl.concat(frames)


def _write(workshop: Workshop, due: Mapping[date, WantedDay], judged: Judged) -> dict[date, int]:
    accepted = {key[0]: rows for key, rows in judged.accepted.partition_by("race_date", as_dict=True).items()}
    rejects = {key[0]: rows for key, rows in judged.rejects.partition_by("race_date", as_dict=True).items()}

    def write(day: date) -> None:
        accounts = {source: asdict(account) for (source, d), account in judged.accounts.items() if d == day}
        lake, fingerprint = workshop.lake, due[day].fingerprint
        # Rejects first: whoever sees the day's records as fresh must find their rejects.
        if day in rejects or lake.fingerprint(REFUSED, day):
            rows = rejects.get(day, judged.rejects.clear())
            lake.write_day(REFUSED, day, rows, fingerprint, schema=polars_schema(REJECTED))
        rows = accepted.get(day, judged.accepted.clear())
        measures = {source: measured for (source, d), measured in judged.measures.items() if d == day}
        metadata = {ACCOUNT: json.dumps(accounts), MEASURES: json.dumps(measures)}
        lake.write_day(VALIDATED, day, rows, fingerprint, metadata, schema=polars_schema(RECORDS))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, due))
    return {day: accepted[day].height if day in accepted else 0 for day in due}
