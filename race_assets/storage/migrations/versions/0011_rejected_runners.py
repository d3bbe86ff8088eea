"""Count the rejected runners of each race, and remember which files have records too far ahead to have a day."""

from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    op.execute("alter table core.races add column rejected_runners integer not null default 0")
    op.execute("alter table ops.source_files add column first_day_ahead date")
