"""Races of which sources name different winners or positions are marked."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("alter table core.races add column has_conflicting_results boolean not null default false")
    op.execute("alter table core.races alter column has_conflicting_results drop default")
