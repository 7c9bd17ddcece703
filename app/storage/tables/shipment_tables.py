"""Shipments and cancellations that Commerce requested, each with its update."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

from app.storage.tables.base import EMPTY_LIST, metadata, time

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True), nullable=False),
    # Commerce identifies shipments by an integer; unique in the store because it is globally.
    sa.Column("number", sa.BigInteger, sa.Identity(always=False), nullable=False),
    sa.Column("carrier_code", sa.Text, nullable=False),
    sa.Column("carrier_title", sa.Text),
    sa.Column("tracking_number", sa.Text, nullable=False),
    sa.Column("tracking_key", sa.Text, nullable=False),
    sa.Column("tracking_url", sa.Text),
    time("shipped_at", nullable=False),
    sa.Column("method_code", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("override_cancel_request", sa.Boolean, nullable=False),
    sa.Column("walmart_carrier", JSONB, nullable=False),
    # A list of domain.orders.order.Item: line_number, quantity, confirmed, reserved.
    sa.Column("items", JSONB, nullable=False),
    # {"contents": quantities by item of composite products, "passed_over": items without a line},
    # by the ids of Commerce's items; null where there are neither.
    sa.Column("commerce_items", JSONB),
    # When Walmart first confirmed a unit; the time for tracking corrections begins there.
    time("first_confirmed_at"),
    time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "update_id"),
    sa.UniqueConstraint("store_id", "number"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.Index(
        "uq_shipments_reference",
        "store_id",
        "order_id",
        "reference",
        unique=True,
        postgresql_where=sa.text("reference IS NOT NULL"),
    ),
    sa.Index("ix_shipments_order", "store_id", "order_id"),
    sa.Index(
        "ix_shipments_tracking_key_begins",
        "store_id",
        "tracking_key",
        postgresql_ops={"tracking_key": "text_pattern_ops"},
    ),
)

cancellations = sa.Table(
    "cancellations",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("inventory", JSONB, nullable=False, server_default=EMPTY_LIST),
    sa.Column("items", JSONB, nullable=False),
    time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "update_id"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.Index("ix_cancellations_order", "store_id", "order_id"),
)
