"""Returns of several purchase orders, of other kinds and unreadable ones; what a refund repeats."""
# squawk: prefer-bigint-over-int: a store's number, as everywhere

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611260401"
down_revision: str | None = "202611260400"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add columns with constant defaults and a small table, without rewriting anything.

    Lines that were written before do not say which purchase order they are of: the returns of the
    last 90 days are read once more (a row for each store).
    """
    op.add_column(
        "returns",
        sa.Column("return_type", sa.Text(), server_default="refund", nullable=False),
    )
    op.add_column("returns", sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "returns",
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "returns",
        sa.Column("import_error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.add_column("refunds", sa.Column("reference", sa.Text(), nullable=True))
    op.create_table(
        "return_orders",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("purchase_order_id", sa.Text(), nullable=False),
        sa.Column("return_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint(
            "store_id", "purchase_order_id", "return_id", name=op.f("pk_return_orders")
        ),
        sa.ForeignKeyConstraint(
            ["store_id", "return_id"],
            ["returns.store_id", "returns.id"],
            name=op.f("fk_return_orders_store_id_return_id"),
        ),
    )
    op.create_index("ix_return_orders_return", "return_orders", ["store_id", "return_id"])
    op.create_index(
        "ix_return_orders_purchase_order_id_begins",
        "return_orders",
        ["store_id", "purchase_order_id"],
        postgresql_ops={"purchase_order_id": "text_pattern_ops"},
    )
    op.execute("UPDATE imports SET returns_until = NULL")
