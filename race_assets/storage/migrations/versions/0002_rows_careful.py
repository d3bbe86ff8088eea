"""How many rows of a file had to be read one by one."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("alter table ops.source_files add column rows_careful bigint not null default 0")
