"""Small figures of every published day, and coverage computed from them by source and day."""

from alembic import op

revision = "0018"
down_revision = "0017"

TABLES = """
create table ops.race_counts (
    race_date date not null,
    source text collate "C" not null,
    track_id text collate "C" not null,
    track text not null,
    country text not null,
    races integer not null,
    with_result integer not null,
    primary key (race_date, source, track_id)
);
create table ops.chart_data (
    race_date date not null,
    chart text collate "C" not null,
    label text not null,
    number bigint not null,
    total double precision not null,
    primary key (race_date, chart, label)
);
insert into ops.race_counts
select race_date, '*', track_id, min(track), min(country), count(*), count(*) filter (where status <> 'OPEN')
from core.races group by race_date, track_id
union all
select race.race_date, reporting.source, race.track_id, min(race.track), min(race.country), count(*),
       count(*) filter (where race.status <> 'OPEN')
from core.races as race cross join lateral unnest(race.sources) as reporting (source)
group by race.race_date, reporting.source, race.track_id;
analyze ops.race_counts;
"""

# Rows of ops.expectations are written again by the next command, from its settings.
EXPECTATIONS = """
drop view ops.coverage;
delete from ops.expectations;
alter table ops.expectations
    alter column countries drop not null,
    add column since date,
    add column is_current boolean,
    add column current_days integer not null,
    add column gap_days integer not null,
    add column not_expected text[] not null;
"""

TRACKS = """
create view ops.track_coverage as
select expectation.source, known.race_date, known.track_id, known.track, known.country, known.races as races_known,
       coalesce(own.races, 0) as races_reported
from ops.expectations as expectation
join ops.race_counts as known on known.source = '*' and known.country = any (expectation.countries)
left join ops.race_counts as own
       on (own.race_date, own.track_id, own.source) = (known.race_date, known.track_id, expectation.source);
"""

# A source is expected from its first day with accepted records to its last, or to today while it is current. After a
# gap of more than gap_days it had stopped. A day within a gap on which no source has a race counts as missing where
# the source had data on 5 of the 7 days up to the gap, or of the 7 days from its end.
COVERAGE = """
create view ops.coverage as
with landed as (
    select file.source, day.race_date, sum(day.records) as records
    from ops.source_files as file
    cross join lateral unnest(file.race_dates, file.race_date_records) as day (race_date, records)
    where file.withdrawn_at is null and file.state = 'landed' and day.records > 0
    group by file.source, day.race_date
), accounts as (
    select run.source, run.race_date, run.accepted, run.quarantined
    from ops.built_days as built join ops.ingestion_runs as run using (race_date, run_id)
), data as (
    select source, race_date, lead(race_date) over by_day as next_day, row_number() over by_day as number,
           count(*) over (by_day range between interval '6 days' preceding and current row) as in_week_before,
           count(*) over (by_day range between current row and interval '6 days' following) as in_week_after
    from accounts where accepted > 0 and race_date <= current_date
    window by_day as (partition by source order by race_date)
), expected as (
    select expectation.*,
           coalesce(is_current, (select max(race_date) from data where data.source = expectation.source)
                                >= current_date - current_days, false) as goes_on
    from ops.expectations as expectation
), gaps as (
    select data.source, data.race_date as first_day,
           case when data.next_day is null then case when expected.goes_on then current_date else data.race_date end
                when data.next_day - data.race_date > expected.gap_days then data.race_date
                else data.next_day - 1 end as last_day,
           data.in_week_before >= 5
               or coalesce(lead(data.in_week_after) over (partition by data.source order by data.race_date), 0) >= 5
               as is_daily,
           true as begins_with_data
    from data join expected using (source)
    union all
    select expected.source, expected.since, coalesce(data.race_date - 1, current_date),
           coalesce(data.in_week_after >= 5, false), false
    from expected left join data on data.source = expected.source and data.number = 1
    where expected.since < coalesce(data.race_date, case when expected.goes_on then current_date + 1 end)
), days as (
    select gaps.source, day::date as race_date, begins_with_data and day::date = first_day as has_data, is_daily
    from gaps
    join expected using (source)
    cross join lateral generate_series(first_day, last_day, interval '1 day') as day
    where day::date >= coalesce(expected.since, day::date)
    union all
    select problem.source, problem.race_date, false, false from ops.day_problems as problem join expected using (source)
    union all
    select landed.source, landed.race_date, false, false from landed join expected using (source)
    where landed.race_date <= current_date
), due as (
    select source, race_date, bool_or(has_data) as has_data, bool_or(is_daily) as is_daily
    from days group by source, race_date
), known as (
    select race_date, country, sum(races) as races from ops.race_counts where source = '*' group by race_date, country
), reported as (
    select source, race_date, country, sum(races) as races, sum(with_result) as with_result
    from ops.race_counts where source <> '*' group by source, race_date, country
), races as (
    select expected.source, known.race_date, sum(known.races) as known, sum(reported.races) as reported,
           sum(case when expected.results then reported.with_result else reported.races end) as complete
    from expected
    join known on known.country = any (expected.countries)
    left join reported on (reported.source, reported.race_date, reported.country)
                        = (expected.source, known.race_date, known.country)
    group by expected.source, known.race_date
    union all
    select source, race_date, sum(races), sum(races),
           sum(case when expected.results then with_result else races end)
    from reported join expected using (source)
    where expected.countries is null group by source, race_date
), compared as (
    select due.source, due.race_date, due.has_data, due.is_daily, expected.countries, expected.goes_on,
           coalesce(races.known, 0)::bigint as races_known, coalesce(races.reported, 0)::bigint as races_reported,
           coalesce(races.complete, 0)::bigint as races_complete,
           ((due.race_date + expected.due_days) + expected.due_time::time) at time zone expected.timezone
               as deadline_at,
           unbuilt.reason as unbuilt, problem.kind, problem.reason as problem,
           landed.records > 0 and stale.race_date is not null as is_waiting,
           landed.records > 0 and accounts.accepted = 0 and accounts.quarantined > 0
               and exists (select from quarantine.rejects as reject
                           where reject.race_date = due.race_date and reject.source = due.source
                             and reject.state = 'open') as is_rejected,
           accounts.quarantined,
           to_char(due.race_date, 'MM-DD') = any (expected.not_expected)
               or exists (select from unnest(expected.not_expected) as period (days)
                          where period.days ~ '^[0-9]{4}' and due.race_date between
                                left(period.days, 10)::date and right(period.days, 10)::date) as is_not_expected,
           exists (select from unnest(built.clock_shifts) as shift (description)
                   where shift.description like due.source || ' %') as is_shifted
    from due
    join expected using (source)
    left join races on (races.source, races.race_date) = (due.source, due.race_date)
    left join landed on (landed.source, landed.race_date) = (due.source, due.race_date)
    left join accounts on (accounts.source, accounts.race_date) = (due.source, due.race_date)
    left join ops.built_days as built on built.race_date = due.race_date
    left join ops.stale_days as stale on stale.race_date = due.race_date
    left join ops.day_problems as unbuilt on (unbuilt.race_date, unbuilt.source) = (due.race_date, '*')
    left join ops.day_problems as problem on (problem.race_date, problem.source) = (due.race_date, due.source)
), stated as (
    select compared.*,
           case when unbuilt is not null then 'failed'
                when races_known > 0 and races_complete >= races_known then 'complete'
                when kind is not null then kind
                when is_shifted then 'blocked'
                when is_waiting then 'waiting'
                when is_rejected then 'rejected'
                when has_data and races_known = 0 then 'complete'
                when is_not_expected and races_reported = 0 then 'no_racing'
                when races_reported > 0 then 'partial'
                when races_known = 0 and not is_daily then 'no_racing'
                when now() <= deadline_at then 'not_yet_published'
                else 'missing' end as state
    from compared
)
select race_date, source, state,
       case state
           when 'complete' then case when countries is null then 'it has records; it is compared with no other source'
                                     else 'every race that is known' end
           when 'no_racing' then case when is_not_expected then 'nothing is expected: coverage.not_expected'
                                      else 'no source has a race of this day' end
           when 'not_yet_published' then format('due by %s UTC', to_char(deadline_at at time zone 'UTC',
                                                                        'YYYY-MM-DD HH24:MI'))
           when 'waiting' then 'its files are landed, the day is not built from them yet'
           when 'rejected' then format('all records were rejected: %s', quarantined)
           when 'failed' then coalesce(unbuilt, problem)
           when 'blocked' then coalesce(problem, 'its clock is wrong that day: see the rejects of rule clock_shift')
           when 'partial' then case
               when races_reported >= races_known
                   then format('no source has the result of %s of %s races', races_known - races_complete, races_known)
               else format('%s of %s races are missing', races_known - races_reported, races_known) end
           else case when races_known > 0 then format('none of %s known races', races_known)
                     else 'no source has a race of this day, and this source has races on most days' end
       end as reason,
       races_known, races_reported, deadline_at, goes_on as is_current,
       state in ('waiting', 'partial', 'missing', 'rejected', 'blocked', 'failed') and now() > deadline_at as is_late
from stated;
"""


def upgrade() -> None:
    for statements in (TABLES, EXPECTATIONS, TRACKS, COVERAGE):
        op.execute(statements)
