"""How far each store's import is, who fulfils an order, and why one could not be read."""
# squawk: prefer-bigint-over-int: counts of one run stay far below 2,147,483,647

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611250200"
down_revision: str | None = "202611250101"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add two columns without rewriting the table, and create the table of imports."""
    op.add_column(
        "orders", sa.Column("fulfilled_by", sa.Text(), server_default="seller", nullable=False)
    )
    op.add_column(
        "orders",
        sa.Column("import_error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.create_table(
        "imports",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lease_token", sa.UUID(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("imported", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unreadable", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stopped", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_imports_store_id")
        ),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_imports")),
    )
