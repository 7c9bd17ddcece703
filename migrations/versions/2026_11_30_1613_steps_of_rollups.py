"""Sum up deliveries by half hours, two hours and days too: long spans stay cheap to read."""

# squawk: prefer-bigint-over-int: stores have 32 bits in every table; a day's updates fit in them
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "202611301613"
down_revision: str | None = "202611301612"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table, which is empty. Pollers fill it together with the five minutes."""
    op.create_table(
        "delivery_rollup_steps",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_try", sa.Integer(), nullable=False),
        sa.Column("after_retry", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("lags", ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint(
            "store_id", "minutes", "starts_at", "kind", name=op.f("pk_delivery_rollup_steps")
        ),
    )
    op.create_index(
        "ix_delivery_rollup_steps_minutes_starts_at",
        "delivery_rollup_steps",
        ["minutes", "starts_at"],
    )
