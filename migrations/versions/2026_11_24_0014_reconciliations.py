"""Remember each store's last reconciliation, and who is at it."""
# squawk: prefer-bigint-over-int: counts of one run stay far below 2,147,483,647

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611240014"
down_revision: str | None = "202611240013"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table; nothing else knows of it yet."""
    op.create_table(
        "reconciliations",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repaired", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "drift",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("stopped", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_reconciliations_store_id")
        ),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_reconciliations")),
    )
