"""Coverage sees what was landed and is not built, what was refused as a whole, and races nobody knows a result of."""

from alembic import op

revision = "0009"
down_revision = "0008"

COVERAGE = """
alter table ops.expectations add column results boolean not null default false;
create or replace view ops.coverage as
with known as (
    select race_date, track_id, min(track) as track, min(country) as country, count(*) as races
    from core.races group by race_date, track_id
), told as (
    select race.race_date, race.track_id, teller.source, count(*) as races,
           count(*) filter (where race.status <> 'OPEN') as with_result
    from core.races as race cross join lateral unnest(race.sources) as teller (source)
    group by race.race_date, race.track_id, teller.source
), brought as (
    select file.source, day.race_date, sum(day.records) as records, max(file.landed_at) as landed_at
    from ops.source_files as file
    cross join lateral unnest(file.race_dates, file.race_date_records) as day (race_date, records)
    where file.withdrawn_at is null and day.records > 0
    group by file.source, day.race_date
), expected as (
    select source, countries, due_days, due_time, timezone, results from ops.expectations as expectation
    where exists (select from ops.source_files as file where file.source = expectation.source)
       or exists (select from ops.day_problems as problem where problem.source = expectation.source)
), days as (
    select race_date from ops.built_days
    union select race_date from ops.day_problems
    union select race_date from brought
    union select generate_series(current_date - 30, current_date + 1, interval '1 day')::date
), newest as (
    select max(race_date) as race_date from brought where race_date <= current_date
), due as (
    select known.race_date, expected.source, known.track_id, known.track, known.races as races_known,
           coalesce(told.races, 0) as races_seen,
           coalesce(case when expected.results then told.with_result else told.races end, 0) as races_told,
           expected.due_days, expected.due_time, expected.timezone
    from expected
    join known on known.country = any (expected.countries)
    left join told on (told.race_date, told.track_id, told.source) = (known.race_date, known.track_id, expected.source)
    union all
    select days.race_date, expected.source, null, null, 0, 0, 0, expected.due_days, expected.due_time,
           expected.timezone
    from expected cross join days
    where not exists (select from core.races as race
                      where race.race_date = days.race_date and race.country = any (expected.countries))
), judged as (
    select due.*,
           ((due.race_date + due.due_days) + due.due_time::time) at time zone due.timezone as deadline_at,
           unbuilt.reason as unbuilt, problem.kind, problem.reason as in_the_way,
           brought.records > 0 and (brought.landed_at > coalesce(built.built_at, '-infinity') or not exists (
               select from ops.ingestion_runs as run
               where run.race_date = due.race_date and run.source = due.source and run.run_id = built.run_id
           )) as is_waiting,
           due.races_known = 0 and brought.records > 0
               and exists (select from quarantine.rejects as reject
                           where reject.race_date = due.race_date and reject.source = due.source
                             and reject.state = 'open') as is_refused,
           due.race_date > newest.race_date as is_silent, newest.race_date as newest,
           exists (select from unnest(built.clock_shifts) as shift (told) where shift.told like due.source || ' %')
               as is_shifted
    from due
    left join ops.day_problems as unbuilt on (unbuilt.race_date, unbuilt.source) = (due.race_date, '*')
    left join ops.day_problems as problem on (problem.race_date, problem.source) = (due.race_date, due.source)
    left join ops.built_days as built on built.race_date = due.race_date
    left join brought on (brought.race_date, brought.source) = (due.race_date, due.source)
    cross join newest
), stated as (
    select judged.*,
           case when unbuilt is not null then 'failed'
                when races_known > 0 and races_told >= races_known then 'complete'
                when kind is not null then kind
                when is_shifted then 'blocked'
                when is_waiting or is_refused then 'partial'
                when races_told = 0 and now() <= deadline_at then 'not_yet_published'
                when races_known = 0 and not coalesce(is_silent, false) then 'no_racing'
                else 'partial' end as state
    from judged
)
select race_date, source, track_id, track, state,
       case
           when state = 'complete' then 'every race that is known'
           when state = 'no_racing' then 'nobody tells of a meeting'
           when state = 'not_yet_published' then format('due by %s UTC', to_char(deadline_at at time zone 'UTC',
                                                                               'YYYY-MM-DD HH24:MI'))
           when state = 'failed' then coalesce(unbuilt, in_the_way)
           when state = 'blocked'
               then coalesce(in_the_way, 'its clock is wrong that day: see the rejects of rule clock_shift')
           when is_waiting then 'what was landed of that day is not built yet: race-assets ingest builds it'
           when races_known = 0 and is_silent then format('nothing has come from anybody since %s', newest)
           when is_refused then 'all its records of that day were refused: see race-assets rejects'
           when races_seen >= races_known then format('nobody has the result of %s of %s races',
                                                      races_known - races_told, races_known)
           else format('%s of %s races are missing: bring its file, or see its rejects of that day',
                       races_known - races_told, races_known)
       end as reason,
       races_known, races_told, deadline_at,
       state in ('partial', 'blocked', 'failed') and now() > deadline_at as is_late
from stated;
"""


def upgrade() -> None:
    op.execute(COVERAGE)
