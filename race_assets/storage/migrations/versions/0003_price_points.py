"""Price points, and how many of them files and days have."""

from alembic import op

revision = "0003"
down_revision = "0002"

POINTS = """
create table core.price_points (
    race_date date not null,
    selection_id text collate "C" not null,
    source text collate "C" not null,
    market_type text collate "C" not null,
    seconds_before_off integer not null,
    noted_at timestamptz not null,
    best_back double precision,
    best_back_age_s double precision,
    best_lay double precision,
    best_lay_age_s double precision,
    last_traded double precision,
    last_traded_age_s double precision,
    volume double precision,
    currency text,
    volume_age_s double precision,
    primary key (race_date, selection_id, source, market_type, seconds_before_off)
);
alter table ops.source_files add column race_date_points bigint[] not null default '{}';
alter table ops.revisions add column price_points bigint not null default 0;
"""

# Both views get one more column, the last; what makes a day stale stays as it was.
VIEWS = """
create or replace view ops.wanted_inputs as
select day.race_date,
       file.source,
       sum(day.records)::bigint as records,
       sum(file.bytes * day.records / file.records)::bigint as bytes,
       md5(string_agg(concat_ws(' ', file.sha256, file.name, file.version, file.parser_version, day.records), E'\\n'
                      order by file.sha256)) as fingerprint,
       coalesce(sum(day.points), 0)::bigint as points
from ops.source_files as file
cross join lateral unnest(file.race_dates, file.race_date_records, file.race_date_points)
    as day (race_date, records, points)
where file.withdrawn_at is null
  and file.state = 'landed'
  and file.source in (select unnest(enabled_sources) from ops.configuration)
group by day.race_date, file.source;

create or replace view ops.wanted_days as
select race_date,
       sum(records)::bigint as records,
       jsonb_object_agg(source, fingerprint) as inputs,
       jsonb_object_agg(source, records) as records_of,
       jsonb_object_agg(source, bytes) as bytes_of,
       md5(string_agg(source || ' ' || fingerprint, E'\\n' order by source)
           || (select fingerprint from ops.configuration)) as fingerprint,
       sum(points)::bigint as points
from ops.wanted_inputs
group by race_date;
"""


def upgrade() -> None:
    for statements in (POINTS, VIEWS):
        op.execute(statements)
