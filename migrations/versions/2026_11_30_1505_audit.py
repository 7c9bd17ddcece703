"""The audit: who changed stores and keys, who signed in, who ended or retried an update.

API keys get an expiry, the time of their last use, and who made them.
"""

# squawk: prefer-bigint-over-int: the number of a store has 32 bits in every table
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "202611301505"
down_revision: str | None = "202611301400"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table, which is empty, with its indexes; add columns that are NULL."""
    op.create_table(
        "audit",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID(as_uuid=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("after", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_store", "audit", ["store_id", "at", "id"])
    op.create_index("ix_audit_at", "audit", ["at", "id"])
    op.create_index("ix_audit_actor", "audit", ["actor", "at", "id"])
    op.create_index("ix_audit_what", "audit", ["what", "at", "id"])
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("created_by", sa.Text()))
