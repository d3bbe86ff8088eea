"""What changed in days that were published before, cell by cell; the log of publishings gets a name of its own."""

from alembic import op

revision = "0007"
down_revision = "0006"

# `what` and `column_name` tell cells of a record from the record as a whole; no part of the key is null.
TABLES = """
alter table ops.revisions rename to publications;
alter index ops.revisions_pkey rename to publications_pkey;
create table ops.revisions (
    race_date date not null,
    revised_at timestamptz not null,
    source text collate "C" not null,
    market_id text collate "C" not null,
    selection_id text collate "C" not null,
    market_type text collate "C" not null,
    what text collate "C" not null,
    column_name text collate "C" not null,
    dog_name text,
    old text,
    new text,
    run_id text not null,
    primary key (race_date, revised_at, source, market_id, selection_id, market_type, what, column_name)
);
"""


def upgrade() -> None:
    op.execute(TABLES)
