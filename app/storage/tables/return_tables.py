"""Returns as Walmart shows them, and the refunds that Commerce requested."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import metadata, time

_BEGINS = ("return_order_id", "purchase_order_id", "customer_order_id")

returns = sa.Table(
    "returns",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    # The RMA number.
    sa.Column("return_order_id", sa.Text, nullable=False),
    sa.Column("customer_order_id", sa.Text, nullable=False),
    # The order of its first line; `return_orders` has the others.
    sa.Column("purchase_order_id", sa.Text),
    # For earlier versions: an order is found by its number, so that it may arrive later.
    sa.Column("order_id", UUID(as_uuid=True)),
    time("requested_at"),
    time("return_by"),
    sa.Column("amount", sa.Numeric(18, 4)),
    sa.Column("currency", sa.Text),
    # A list of domain.orders.returns.ReturnLine.
    sa.Column("lines", JSONB, nullable=False),
    # Whether every unit is refunded, through Waybill or not.
    sa.Column("refunded", sa.Boolean, nullable=False),
    # refund or replacement.
    sa.Column("return_type", sa.Text, nullable=False, server_default="refund"),
    # When the first unit was received.
    time("arrived_at"),
    # Whether no refund will follow.
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # Why it could not be read the last time, so that only its number is known.
    sa.Column("import_error", JSONB),
    time("created_at", default=True),
    time("updated_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "return_order_id"),
    sa.Index("ix_returns_order", "store_id", "order_id"),
    # The newest first, those without a date last.
    sa.Index(
        "ix_returns_newest",
        "store_id",
        "refunded",
        sa.text("coalesce(requested_at, '0001-01-01 00:00:00+00'::timestamptz)"),
        "id",
    ),
    sa.Index(
        "ix_returns_open",
        "store_id",
        "created_at",
        "id",
        postgresql_where=sa.text("NOT refunded AND NOT closed"),
    ),
    sa.Index(
        "ix_returns_unreadable",
        "store_id",
        "id",
        postgresql_where=sa.text("import_error IS NOT NULL"),
    ),
    sa.Index(
        "ix_returns_closed",
        "store_id",
        "id",
        postgresql_where=sa.text("closed AND NOT refunded"),
    ),
    # Those that Walmart refunds by itself next.
    sa.Index(
        "ix_returns_arrived",
        "store_id",
        "arrived_at",
        "id",
        postgresql_where=sa.text("arrived_at IS NOT NULL AND NOT refunded AND NOT closed"),
    ),
    *(
        sa.Index(
            f"ix_returns_{column}_begins",
            "store_id",
            column,
            postgresql_ops={column: "text_pattern_ops"},
        )
        for column in _BEGINS
    ),
)

# The further purchase orders of a return, beside that of its first line; few returns have any.
return_orders = sa.Table(
    "return_orders",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("purchase_order_id", sa.Text, nullable=False),
    sa.Column("return_id", UUID(as_uuid=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "purchase_order_id", "return_id"),
    sa.ForeignKeyConstraint(["store_id", "return_id"], ["returns.store_id", "returns.id"]),
    sa.Index("ix_return_orders_return", "store_id", "return_id"),
    sa.Index(
        "ix_return_orders_purchase_order_id_begins",
        "store_id",
        "purchase_order_id",
        postgresql_ops={"purchase_order_id": "text_pattern_ops"},
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
    # The reference of its request: a request with the same reference gets this refund.
    sa.Column("reference", sa.Text),
    # A list of domain.orders.returns.RefundItem.
    sa.Column("items", JSONB, nullable=False),
    time("created_at", default=True),
    # When Walmart showed all of it, although it was dismissed.
    time("landed_at"),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "update_id"),
    sa.ForeignKeyConstraint(["store_id", "return_id"], ["returns.store_id", "returns.id"]),
    sa.Index("ix_refunds_return", "store_id", "return_id"),
    sa.Index("ix_refunds_order", "store_id", "order_id"),
    sa.Index("ix_refunds_number", "store_id", "number", unique=True),
    sa.Index(
        "ix_refunds_reference",
        "store_id",
        "order_id",
        "reference",
        postgresql_where=sa.text("reference IS NOT NULL"),
    ),
)
