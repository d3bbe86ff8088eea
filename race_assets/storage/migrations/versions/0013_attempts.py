"""Attempts remember when they were made, so that the next ones wait; days that cannot be built remember why."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("alter table ops.watched_files add column asked_at timestamp with time zone")
    op.execute("alter table ops.day_attempts add column failure text")
