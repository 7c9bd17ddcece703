"""What Walmart announces: kept until it was looked at, and a while longer to know it again."""
# squawk: prefer-bigint-over-int: a store's number and a count of tries, which stay small

import sqlalchemy as sa
from alembic import op

revision = "202611250400"
down_revision: str | None = "202611250300"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table; add two columns that are empty or zero at first."""
    op.add_column("stores", sa.Column("webhook_secret", sa.LargeBinary(), nullable=True))
    op.add_column(
        "imports", sa.Column("missed", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_table(
        "webhook_events",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("purchase_order_id", sa.Text(), nullable=True),
        sa.Column("return_order_id", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("store_id", "event_id", name=op.f("pk_webhook_events")),
    )
    op.create_index(
        "ix_webhook_events_due",
        "webhook_events",
        ["due_at"],
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_index("ix_webhook_events_received_at", "webhook_events", ["received_at"])
