"""The figures of Prometheus' page: what each is called, what it means, the query that tells it; serving is elsewhere.

All are read from Postgres when asked, so that they are those of all processes and outlive each. Labels are sources,
rules, states and outcomes: there are never more series than those, however many days and files there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TRAILING_DAYS = 30


@dataclass(frozen=True)
class Figure:
    """One metric.

    Attributes:
        name: without our prefix; a counter ends in `_total`, and base units are part of the name.
        kind: `counter`, which only grows, or `gauge`.
        meaning: for people.
        labels: what tells its series apart.
        query: gives the labels' values, then the figure; rows whose figure is null are left out.
    """

    name: str
    kind: str
    meaning: str
    labels: Sequence[str]
    query: str


RUNS = "ops.ingestion_runs"
RECORDS = f"""select source, outcome, sum(count) from {RUNS} cross join lateral (values
    ('in', records_in), ('accepted', accepted), ('quarantined', quarantined),
    ('duplicates', (select coalesce(sum(value::bigint), 0) from jsonb_each_text(duplicates))),
    ('filtered', (select coalesce(sum(value::bigint), 0) from jsonb_each_text(filtered)))) as told (outcome, count)
    group by 1, 2"""
LAST_RUN = f"""(select distinct on (source) * from {RUNS} join ops.built_days using (race_date, run_id)
    where records_in > 0 order by source, finished_at desc) as last"""

FIGURES = (
    Figure("records_total", "counter", "Records of built days by what became of them.", ["source", "outcome"], RECORDS),
    Figure(
        "rejects_total", "counter", "Refusals by rule; one record may break several.", ["source", "rule"],
        f"select source, key, sum(value::bigint) from {RUNS}, jsonb_each_text(rejected_by) group by 1, 2",
    ),
    Figure(
        "open_rejects", "gauge", "Refused records nobody has dealt with, by the rules they broke.", ["source", "rule"],
        """select source, rule, count(*) from quarantine.rejects cross join lateral unnest(rules) as broken (rule)
           where state = 'open' group by 1, 2""",
    ),
    Figure(
        "api_requests_total", "counter", "Requests sent to the source's API.", ["source"],
        f"select source, sum(api_requests) from {RUNS} group by 1 having sum(api_requests) > 0",
    ),
    Figure(
        "api_retries_total", "counter", "Of those, repeated ones.", ["source"],
        f"select source, sum(api_retries) from {RUNS} group by 1 having sum(api_requests) > 0",
    ),
    Figure(
        "api_wait_seconds_total", "counter", "Time spent waiting for the rate limit.", ["source"],
        f"select source, sum(api_wait_s) from {RUNS} group by 1 having sum(api_requests) > 0",
    ),
    Figure(
        "bytes_in_total", "counter", "Bytes of the files that days were built from, and of answers.", ["source"],
        f"select source, sum(bytes_in) from {RUNS} group by 1",
    ),
    Figure(
        "build_seconds_total", "counter", "Time days were validated and built in, all sources together.", [],
        f"select coalesce(sum(duration_s), 0) from {RUNS} where race_date is not null",
    ),
    Figure(
        "throughput_records_per_second", "gauge", "Records a second of the last run, all sources together.", [],
        f"""select sum(records_in) / nullif(sum(duration_s), 0) from {RUNS} where race_date is not null and run_id =
            (select run_id from {RUNS} where race_date is not null and records_in > 0 order by finished_at desc limit 1)
         """,
    ),
    Figure(
        "success_ratio", "gauge", "Accepted records of those that could be, of the last day built.", ["source"],
        f"select source, success_rate from {LAST_RUN}",
    ),
    Figure(
        "last_success_timestamp_seconds", "gauge", "When a day with records of the source was last published.",
        ["source"],
        f"""select source, extract(epoch from max(finished_at)) from {RUNS} where race_date is not null and accepted > 0
            group by 1""",
    ),
    Figure(
        "last_publication_timestamp_seconds", "gauge", "When any day was last published.", [],
        "select extract(epoch from max(built_at)) from ops.built_days",
    ),
    Figure(
        "partition_age_seconds", "gauge", "Age of the end of the newest day that is complete.", ["source"],
        """select source, extract(epoch from now() - (max(race_date) + 1)::timestamptz) from ops.coverage
           where state = 'complete' and race_date >= current_date - 400 group by 1""",
    ),
    Figure(
        "coverage", "gauge", f"Days of the last {TRAILING_DAYS} by what the source reported of them.",
        ["source", "state"],
        f"""select source, state, count(*) from ops.coverage
            where race_date between current_date - {TRAILING_DAYS} and current_date group by 1, 2""",
    ),
    Figure(
        "coverage_late", "gauge", "Of those, days that miss something although it is due.",
        ["source"],
        f"""select source, count(*) filter (where is_late) from ops.coverage
            where race_date between current_date - {TRAILING_DAYS} and current_date group by 1""",
    ),
    Figure("stale_days", "gauge", "Days whose inputs have changed since they were built.", [],
           "select count(*) from ops.stale_days"),
    Figure(
        "files", "gauge", "Landed files that count, by what they are.", ["source", "state"],
        "select source, state, count(*) from ops.source_files where withdrawn_at is null group by 1, 2",
    ),
    Figure(
        "files_not_read", "gauge", "Files that could not be read to their end: tried again, or set aside.",
        ["source", "state"],
        """select source, case when set_aside_at is null then 'tried' else 'set_aside' end, count(*)
           from ops.file_attempts where set_aside_at is not null or failures + excused > 0 group by 1, 2""",
    ),
    Figure(
        "revised_cells_total", "counter", "Cells and records of published days that were amended later.", ["source"],
        "select source, count(*) from ops.revisions group by 1",
    ),
    Figure(
        "live_sessions", "gauge", "Sessions of live polling by how they ended, or that they run.", ["ended"],
        "select coalesce(ended, 'running'), count(*) from live.sessions group by 1",
    ),
    Figure(
        "live_polls_total", "counter", "Polls of markets: all, and near the off on time, late and missed.", ["kind"],
        """select kind, sum(count) from live.sessions cross join lateral (values ('answered', polls),
           ('near_on_time', polls_near - polls_late), ('near_late', polls_late), ('near_missed', polls_missed))
           as told (kind, count) group by 1""",
    ),
    Figure("live_ticks_total", "counter", "Ticks stored.", [], "select coalesce(sum(ticks), 0) from live.sessions"),
    Figure(
        "live_ticks_recovered_total", "counter", "Of those, the ones that a killed session had not stored itself.", [],
        "select coalesce(sum(ticks_recovered), 0) from live.sessions",
    ),
    Figure(
        "live_unaccounted_seconds_total", "counter",
        "Time between the last tick a killed session stored and the last poll it wrote down.", [],
        """select coalesce(sum(extract(epoch from greatest(
               ended_at - coalesce(flushed_at, started_at), interval '0'))), 0)
           from live.sessions where ended = 'killed'""",
    ),
    Figure(
        "live_last_tick_timestamp_seconds", "gauge", "When ticks were last stored.", [],
        "select extract(epoch from max(flushed_at)) from live.sessions",
    ),
)  # fmt: skip
