"""Where updates go that have long been at rest."""
# squawk: prefer-bigint-over-int: numbers of stores and of tries, as in the table updates

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611250100"
down_revision: str | None = "202611240360"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table; nothing else knows of it yet."""
    op.create_table(
        "archived_updates",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column("dismissed_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('confirmed', 'dismissed')", name=op.f("ck_archived_updates_at_rest")
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_archived_updates")),
    )
    op.create_index("ix_archived_updates_order", "archived_updates", ["store_id", "order_id"])
