"""Sum up deliveries by store, kind and five minutes, for the figures of sync health."""

# squawk: prefer-bigint-over-int: stores have 32 bits in every table; five minutes fit in them
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "202611301610"
down_revision: str | None = "202611301505"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create both tables, which are empty. Pollers fill them."""
    op.create_table(
        "delivery_rollups",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_try", sa.Integer(), nullable=False),
        sa.Column("after_retry", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("lags", ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "starts_at", "kind", name=op.f("pk_delivery_rollups")),
    )
    op.create_index("ix_delivery_rollups_starts_at", "delivery_rollups", ["starts_at"])
    op.create_table(
        "delivery_rollup_cursors",
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_id", UUID(as_uuid=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_delivery_rollup_cursors")),
    )
