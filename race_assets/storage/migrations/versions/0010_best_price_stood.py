"""How long the best prices of a price point have stood."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        "alter table core.price_points add column best_back_stood_s double precision, "
        "add column best_lay_stood_s double precision"
    )
