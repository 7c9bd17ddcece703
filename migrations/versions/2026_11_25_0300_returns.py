"""Buyers' returns as Walmart shows them, and the refunds that Commerce asked for."""
# squawk: prefer-bigint-over-int: a store's number, as everywhere

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611250300"
down_revision: str | None = "202611250201"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create two tables that nothing knows of yet, and a column of how far returns were read."""
    op.add_column("imports", sa.Column("returns_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "returns",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("return_order_id", sa.Text(), nullable=False),
        sa.Column("customer_order_id", sa.Text(), nullable=False),
        sa.Column("purchase_order_id", sa.Text(), nullable=True),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("return_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refunded", sa.Boolean(), nullable=False),
        sa.Column(
            "created_at",
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
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_returns")),
        sa.UniqueConstraint(
            "store_id", "return_order_id", name=op.f("uq_returns_store_id_return_order_id")
        ),
    )
    op.create_index("ix_returns_order", "returns", ["store_id", "order_id"])
    op.create_index("ix_returns_requested_at", "returns", ["store_id", "requested_at", "id"])
    op.create_table(
        "refunds",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("return_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("update_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("store_id", "update_id", name=op.f("uq_refunds_store_id_update_id")),
        sa.ForeignKeyConstraint(
            ["store_id", "return_id"],
            ["returns.store_id", "returns.id"],
            name=op.f("fk_refunds_store_id_return_id"),
        ),
    )
    op.create_index("ix_refunds_return", "refunds", ["store_id", "return_id"])
