"""What Commerce's hooks and events told: known again, kept until its order is known, or refused."""
# squawk: prefer-bigint-over-int: a store's number, as everywhere

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611260200"
down_revision: str | None = "202611260102"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create two tables that nothing knows of yet; add a column that is empty at first."""
    op.add_column("orders", sa.Column("commerce_open", sa.Text(), nullable=True))
    op.create_table(
        "commerce_events",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("commerce_order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "shipments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("dismissed_by", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_commerce_events")),
        sa.UniqueConstraint(
            "store_id", "commerce_order_id", "reference", name="uq_commerce_events_reference"
        ),
    )
    op.create_index("ix_commerce_events_order", "commerce_events", ["store_id", "order_id"])
    op.create_index("ix_commerce_events_id", "commerce_events", ["id"])
    op.create_index(
        "ix_commerce_events_open",
        "commerce_events",
        ["store_id", "id"],
        postgresql_where=sa.text("state IN ('waiting', 'refused')"),
    )
    unlinked = sa.text("state = 'waiting' AND order_id IS NULL")
    op.create_index(
        "ix_commerce_events_unlinked",
        "commerce_events",
        ["store_id", "commerce_order_id"],
        postgresql_where=unlinked,
    )
    op.create_index(
        "ix_commerce_events_unlinked_since",
        "commerce_events",
        ["received_at"],
        postgresql_where=unlinked,
    )
    op.create_index(
        "ix_commerce_events_ready",
        "commerce_events",
        ["due_at"],
        postgresql_where=sa.text(
            "state = 'waiting' AND code = 'order_not_linked' AND order_id IS NOT NULL"
        ),
    )
    op.create_table(
        "commerce_event_ids",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "event_id", name=op.f("pk_commerce_event_ids")),
    )
    op.create_index("ix_commerce_event_ids_received_at", "commerce_event_ids", ["received_at"])
