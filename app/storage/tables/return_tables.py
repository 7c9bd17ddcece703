"""Buyers' returns as Walmart shows them, and the refunds that Commerce asked for."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import metadata, time

returns = sa.Table(
    "returns",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    # The RMA number.
    sa.Column("return_order_id", sa.Text, nullable=False),
    sa.Column("customer_order_id", sa.Text, nullable=False),
    sa.Column("purchase_order_id", sa.Text),
    sa.Column("order_id", UUID(as_uuid=True)),
    time("requested_at"),
    time("return_by"),
    sa.Column("amount", sa.Numeric(18, 4)),
    sa.Column("currency", sa.Text),
    # A list of orders.returns.ReturnLine.
    sa.Column("lines", JSONB, nullable=False),
    # Every unit of it is refunded, by whomever.
    sa.Column("refunded", sa.Boolean, nullable=False),
    time("created_at", default=True),
    time("updated_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "return_order_id"),
    sa.Index("ix_returns_order", "store_id", "order_id"),
    # The newest first; those that nobody dated last.
    sa.Index(
        "ix_returns_newest",
        "store_id",
        "refunded",
        sa.text("coalesce(requested_at, '0001-01-01 00:00:00+00'::timestamptz)"),
        "id",
    ),
)

refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("return_id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True), nullable=False),
    # Commerce knows credit memos by an integer.
    sa.Column("number", sa.BigInteger, sa.Identity(always=False), nullable=False),
    sa.Column("comment", sa.Text),
    # A list of orders.returns.RefundItem.
    sa.Column("items", JSONB, nullable=False),
    time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "update_id"),
    sa.ForeignKeyConstraint(["store_id", "return_id"], ["returns.store_id", "returns.id"]),
    sa.Index("ix_refunds_return", "store_id", "return_id"),
)
