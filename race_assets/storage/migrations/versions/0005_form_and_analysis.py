"""Form and analysis of runners, and how many of them a published day has."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
create table core.dog_form (
    race_date date not null,
    selection_id text collate "C" not null,
    source text collate "C" not null,
    run_number smallint not null,
    run_id text,
    run_at timestamptz,
    run_date date,
    track_name text,
    track_id text,
    distance_m integer,
    trap smallint,
    grade text,
    is_trial boolean,
    finish_position smallint,
    outcome text,
    sectional_s double precision,
    calc_time_s double precision,
    winner_time_s double precision,
    beaten text,
    beaten_lengths double precision,
    other_dog text,
    going text,
    weight_kg double precision,
    sp_fraction text,
    sp_decimal double precision,
    favourite text,
    remarks text,
    bends text,
    primary key (race_date, selection_id, source, run_number)
);
create table core.race_analysis (
    race_date date not null,
    selection_id text collate "C" not null,
    race_id text not null,
    source text collate "C" not null,
    pick_rank smallint,
    is_selection boolean,
    is_danger boolean,
    is_forecast_alt boolean,
    forecast_fraction text,
    forecast_decimal double precision,
    chance_of_win double precision,
    top_speed double precision,
    runner_comment text,
    forecast_comment text,
    race_comment text,
    primary key (race_date, selection_id, source)
);
alter table ops.revisions add column dog_form bigint not null default 0;
alter table ops.revisions add column race_analysis bigint not null default 0;
"""


def upgrade() -> None:
    op.execute(TABLES)
