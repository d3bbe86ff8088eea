"""Prices as they were polled, and the sessions that polled them."""

from alembic import op

revision = "0006"
down_revision = "0005"

# A day's ticks are asked for by market and time, and by session after a crash.
TABLES = """
create table live.price_ticks (
    race_date date not null,
    market_id text collate "C" not null,
    selection_id text collate "C" not null,
    polled_at timestamptz not null,
    session_id text collate "C" not null,
    market_type text,
    start_at timestamptz,
    market_status text not null,
    is_in_play boolean not null,
    runner_status text not null,
    best_back double precision,
    best_back_size double precision,
    best_lay double precision,
    best_lay_size double precision,
    last_traded double precision,
    volume double precision,
    near_price double precision,
    far_price double precision,
    bsp double precision,
    primary key (race_date, market_id, selection_id, polled_at)
);
create table live.sessions (
    session_id text collate "C" primary key,
    process text not null,
    started_at timestamptz not null,
    flushed_at timestamptz,
    ended_at timestamptz,
    ended text,
    detail text,
    markets bigint not null,
    polls bigint not null,
    polls_near bigint not null,
    polls_late bigint not null,
    polls_missed bigint not null,
    ticks bigint not null,
    ticks_recovered bigint not null,
    api_requests bigint not null,
    api_retries bigint not null,
    api_wait_s double precision not null,
    bytes_in bigint not null
);
"""


def upgrade() -> None:
    op.execute(TABLES)
