"""Core tables, quarantine, and the ledger with its view of stale days."""

from alembic import op

revision = "0001"
down_revision = None

# Ids sort as bytes: a C collation makes their indexes several times cheaper to build than a language's.
CORE = """
create table core.races (
    race_date date not null,
    race_id text collate "C" not null,
    track_id text collate "C" not null,
    track text not null,
    country text not null,
    timezone text not null,
    event_id text,
    event_name text,
    start_at timestamptz not null,
    start_local timestamp not null,
    actual_off_at timestamptz,
    race_number smallint,
    race_type text,
    distance_m integer,
    status text not null,
    runner_count smallint not null,
    sources text[] not null,
    processed_at timestamptz not null,
    primary key (race_date, race_id)
);
create table core.selections (
    race_date date not null,
    selection_id text collate "C" not null,
    race_id text collate "C" not null,
    trap smallint,
    runner_seq smallint not null,
    dog_name text,
    status text not null,
    result text,
    is_dead_heat boolean not null,
    finish_position smallint,
    price double precision,
    price_kind text,
    price_source text,
    bsp double precision,
    sp_fraction text,
    sp_decimal double precision,
    volume double precision,
    currency text,
    sources text[] not null,
    processed_at timestamptz not null,
    primary key (race_date, selection_id)
);
create table core.prices (
    race_date date not null,
    selection_id text collate "C" not null,
    source text collate "C" not null,
    market_type text collate "C" not null,
    price_kind text collate "C" not null,
    price double precision not null,
    volume double precision,
    currency text,
    observed_at timestamptz,
    primary key (race_date, selection_id, source, market_type, price_kind)
);
"""

QUARANTINE = """
create table quarantine.rejects (
    reject_id text collate "C" primary key,
    source text not null,
    source_file text not null,
    source_row bigint not null,
    byte_offset bigint,
    race_date date,
    stage text not null check (stage in ('land', 'row', 'race', 'link')),
    rules text[] not null,
    messages text[] not null,
    "row" jsonb,
    run_id text not null,
    rejected_at timestamptz not null,
    state text not null check (state in ('open', 'replayed', 'discarded')),
    state_reason text
);
create index rejects_by_day on quarantine.rejects (race_date, source);
"""

OPS = """
create table ops.source_files (
    source text not null,
    sha256 text not null,
    name text not null,
    version integer not null,
    bytes bigint not null,
    landed_at timestamptz not null,
    withdrawn_at timestamptz,
    race_dates date[] not null,
    race_date_records bigint[] not null,
    rows_read bigint not null,
    records bigint not null,
    undated bigint not null,
    parser_version integer not null,
    dated_by text not null,
    state text not null check (state in ('landed', 'unreadable', 'no_data', 'blocked_page')),
    detail text,
    shape text,
    primary key (source, sha256),
    unique (source, name, version)
);
create table ops.ingestion_runs (
    run_id text not null,
    source text not null,
    race_date date,
    records_in bigint not null,
    accepted bigint not null,
    quarantined bigint not null,
    duplicates jsonb not null,
    filtered jsonb not null,
    rejected_by jsonb not null,
    notes jsonb not null,
    api_requests bigint not null,
    api_retries bigint not null,
    api_wait_s double precision not null,
    bytes_in bigint not null,
    duration_s double precision not null,
    records_per_s double precision,
    success_rate double precision,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    unique nulls not distinct (run_id, source, race_date)
);
create index ingestion_runs_by_day on ops.ingestion_runs (race_date, source, finished_at);
create table ops.built_days (
    race_date date primary key,
    fingerprint text not null,
    run_id text not null,
    built_at timestamptz not null
);
create table ops.revisions (
    race_date date not null,
    built_at timestamptz not null,
    run_id text not null,
    fingerprint text not null,
    races bigint not null,
    selections bigint not null,
    prices bigint not null,
    primary key (race_date, built_at)
);
create table ops.watched_files (
    source text not null,
    name text not null,
    size bigint not null,
    mtime_ns bigint not null,
    looks integer not null,
    taken_size bigint,
    taken_mtime_ns bigint,
    attempts integer not null,
    seen_at timestamptz not null,
    primary key (source, name)
);
create table ops.day_attempts (
    race_date date primary key,
    fingerprint text not null,
    attempts integer not null,
    last_at timestamptz not null
);
create table ops.configuration (
    only_row boolean primary key default true check (only_row),
    fingerprint text not null,
    enabled_sources text[] not null,
    set_at timestamptz not null
);
"""

VIEWS = """
create view ops.wanted_inputs as
select day.race_date,
       file.source,
       sum(day.records)::bigint as records,
       sum(file.bytes * day.records / file.records)::bigint as bytes,
       md5(string_agg(concat_ws(' ', file.sha256, file.name, file.version, file.parser_version, day.records), E'\\n'
                      order by file.sha256)) as fingerprint
from ops.source_files as file
cross join lateral unnest(file.race_dates, file.race_date_records) as day (race_date, records)
where file.withdrawn_at is null
  and file.state = 'landed'
  and file.source in (select unnest(enabled_sources) from ops.configuration)
group by day.race_date, file.source;

create view ops.wanted_days as
select race_date,
       sum(records)::bigint as records,
       jsonb_object_agg(source, fingerprint) as inputs,
       jsonb_object_agg(source, records) as records_of,
       jsonb_object_agg(source, bytes) as bytes_of,
       md5(string_agg(source || ' ' || fingerprint, E'\\n' order by source)
           || (select fingerprint from ops.configuration)) as fingerprint
from ops.wanted_inputs
group by race_date;

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
    for statements in (CORE, QUARANTINE, OPS, VIEWS):
        op.execute(statements)
