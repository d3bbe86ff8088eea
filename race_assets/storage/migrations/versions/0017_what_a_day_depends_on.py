"""Track names per day of a file, and fingerprints of days over the names and settings that touch them."""

from alembic import op

revision = "0017"
down_revision = "0016"

TABLES = """
alter table ops.source_files
    add column race_date_tracks bigint[] not null default '{}',
    add column race_date_zones bigint[] not null default '{}',
    add column dating_names bigint[] not null default '{}';
create table ops.track_names (
    name_id bigint primary key,
    track_name text not null,
    country text,
    meaning bigint,
    timezone text
);
create table ops.track_sets (
    set_id bigint primary key,
    name_ids bigint[] not null,
    meaning numeric
);
alter table ops.configuration
    add column tracks text,
    add column linking text,
    add column precedence jsonb;
"""

# A day depends on its files, on the rules of the sources that have records of it, and on what its track names mean.
# With several sources it also depends on the linking settings and on the order of precedence of these sources. A file
# without track sets (landed before they were kept) makes its days depend on the whole registry. While the new columns
# of the configuration are null, every fingerprint is what it was before this migration.
WANTED = """
drop view ops.stale_days;
drop view ops.wanted_days;
drop view ops.wanted_inputs;
create function ops.wanted_between(first_day date, last_day date)
returns table (
    race_date date,
    records bigint,
    inputs jsonb,
    records_of jsonb,
    bytes_of jsonb,
    fingerprint text,
    points bigint
)
language sql stable as $$
    with file_days as materialized (
        select day.race_date,
               file.source,
               day.records,
               file.bytes * day.records / file.records as bytes,
               day.points,
               day.tracks,
               concat_ws(' ', file.sha256, file.name, file.version, file.parser_version, day.records,
                         nullif(day.zones, 0)) as input
        from ops.source_files as file
        cross join lateral unnest(file.race_dates, file.race_date_records, file.race_date_points, file.race_date_tracks,
                                  file.race_date_zones)
            as day (race_date, records, points, tracks, zones)
        where file.withdrawn_at is null
          and file.state = 'landed'
          and file.source in (select unnest(enabled_sources) from ops.configuration)
          and day.race_date between first_day and last_day
    ),
    day_sources as (
        select day.race_date,
               day.source,
               sum(day.records)::bigint as records,
               sum(day.bytes)::bigint as bytes,
               md5(string_agg(day.input, E'\\n' order by day.input collate "C")) as input,
               coalesce(sum(day.points), 0)::bigint as points,
               sum(held.meaning) as meaning,
               nullif(count(day.tracks) - count(held.meaning), 0) as unresolved,
               bool_or(day.tracks is null) as lacks_tracks
        from file_days as day
        left join ops.track_sets as held on held.set_id = day.tracks
        group by day.race_date, day.source
    ),
    days as (
        select day.race_date,
               sum(day.records)::bigint as records,
               jsonb_object_agg(source, day.input) as inputs,
               jsonb_object_agg(source, day.records) as records_of,
               jsonb_object_agg(source, day.bytes) as bytes_of,
               string_agg(concat_ws(' ', source, day.input, configuration.source_rules ->> source, day.meaning,
                                    day.unresolved, case when day.lacks_tracks then configuration.tracks end),
                          E'\\n' order by source)
                   as depends_on,
               min(configuration.fingerprint) as settings,
               sum(day.points)::bigint as points,
               string_agg(source, ' ' order by source) as sources
        from day_sources as day
        cross join ops.configuration
        group by day.race_date
    ),
    shared as materialized (
        select several.sources,
               concat_ws(' ', configuration.linking,
                         (select string_agg(fact.key || ' ' ||
                                            (select string_agg(ranked.value, ' ' order by ranked.ordinality)
                                             from jsonb_array_elements_text(fact.value) with ordinality as ranked
                                             where ranked.value = any(string_to_array(several.sources, ' '))),
                                            E'\\n' order by fact.key)
                          from jsonb_each(configuration.precedence) as fact)) as settings
        from (select distinct days.sources from days where days.sources like '% %') as several
        cross join ops.configuration
    )
    select day.race_date, day.records, day.inputs, day.records_of, day.bytes_of,
           md5(day.depends_on || concat(day.settings, shared.settings)), day.points
    from days as day
    left join shared using (sources)
$$;
create view ops.wanted_days as select * from ops.wanted_between('-infinity', 'infinity');
create view ops.stale_days as
select coalesce(wanted.race_date, built.race_date) as race_date,
       coalesce(wanted.records, 0) as records,
       coalesce(wanted.fingerprint, 'empty') as wanted,
       built.fingerprint as built
from ops.wanted_days as wanted
full join ops.built_days as built using (race_date)
where coalesce(wanted.fingerprint, 'empty') is distinct from built.fingerprint;
"""


def upgrade() -> None:
    for statements in (TABLES, WANTED):
        op.execute(statements)
