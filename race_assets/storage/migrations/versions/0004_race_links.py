"""How told races were linked, what people decided of that, and which sources' clocks were found wrong."""

from alembic import op

revision = "0004"
down_revision = "0003"

LINKS = """
create table core.race_links (
    race_date date not null,
    race_id text collate "C" not null,
    source text collate "C" not null,
    market_id text collate "C" not null,
    method text not null,
    offset_s integer not null,
    runners smallint not null,
    names_agreed smallint,
    traps_agreed smallint,
    score double precision,
    runner_up_score double precision,
    primary key (race_date, race_id, source, market_id)
);
alter table ops.revisions add column race_links bigint not null default 0;
alter table ops.built_days add column clock_shifts text[] not null default '{}';

create table ops.link_decisions (
    source text collate "C" not null,
    market_id text collate "C" not null,
    with_source text collate "C" not null,
    with_market_id text collate "C" not null,
    is_one boolean not null,
    reason text not null,
    decided_at timestamptz not null default now(),
    primary key (source, market_id, with_source, with_market_id)
);
"""


def upgrade() -> None:
    op.execute(LINKS)
