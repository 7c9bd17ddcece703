"""Orders, their lines, their timelines and their counts."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import EMPTY_OBJECT, metadata, time

_WITHOUT_COMMERCE = sa.text("(commerce_order_number IS NULL AND commerce_order_id IS NULL)")

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("purchase_order_id", sa.Text, nullable=False),
    sa.Column("customer_order_id", sa.Text),
    sa.Column("commerce_order_number", sa.Text),
    sa.Column("commerce_order_id", sa.BigInteger),
    sa.Column("fulfillment_status", sa.Text, nullable=False, server_default="open"),
    # fulfillment_status, or "error" while an update or the import of the order is failed.
    sa.Column("status", sa.Text, nullable=False, server_default="open"),
    time("ordered_at"),
    time("ship_by"),
    time("deliver_by"),
    sa.Column("ship_method", sa.Text),
    # "walmart" if Walmart's own warehouses ship it: read only.
    sa.Column("fulfilled_by", sa.Text, nullable=False, server_default="seller"),
    # Why it could not be read when it was imported.
    sa.Column("import_error", JSONB),
    # The state of its open Commerce events, "refused" before "waiting"; see commerce_events.
    sa.Column("commerce_open", sa.Text),
    sa.Column("cancel_requested", JSONB),
    # When the warning of the ship-by date was written.
    time("ship_by_warned_at"),
    time("last_synced_at"),
    time("created_at", default=True),
    time("updated_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
    # One index makes numbers unique and finds them by their beginning.
    sa.Index(
        "uq_orders_purchase_order_id",
        "store_id",
        "purchase_order_id",
        unique=True,
        postgresql_ops={"purchase_order_id": "text_pattern_ops"},
    ),
    # The newest first, the last changed last, the earliest ship-by date first: the three orders of
    # a list, each with the filters of the list (queries/order_lists.py).
    sa.Index("ix_orders_ordered_at", "store_id", "ordered_at", "id"),
    sa.Index("ix_orders_status_ordered_at", "store_id", "status", "ordered_at", "id"),
    sa.Index("ix_orders_updated_at", "store_id", "updated_at", "id"),
    # Orders that Commerce does not have yet.
    sa.Index(
        "ix_orders_without_commerce_newest",
        "store_id",
        "status",
        "ordered_at",
        "id",
        postgresql_where=_WITHOUT_COMMERCE,
    ),
    sa.Index("ix_orders_changed", "store_id", _WITHOUT_COMMERCE, "status", "updated_at", "id"),
    sa.Index(
        "ix_orders_leaving",
        "store_id",
        _WITHOUT_COMMERCE,
        "status",
        "ship_by",
        "id",
        postgresql_where=sa.text("fulfillment_status IN ('open', 'partially_shipped')"),
    ),
    # Few rows: orders that need action, by ship-by date.
    sa.Index(
        "ix_orders_attention",
        "store_id",
        sa.text(
            # As PostgreSQL prints it.
            "COALESCE(\nCASE\n    WHEN fulfillment_status = ANY ("
            "ARRAY['open', 'partially_shipped']) THEN ship_by\n    ELSE NULL\nEND, "
            "'9999-12-31 00:00:00+00'::timestamptz)"
        ),
        "id",
        postgresql_where=sa.text(
            "status = 'error' OR commerce_open = 'refused' OR (fulfillment_status IN "
            "('open', 'partially_shipped') AND (cancel_requested IS NOT NULL "
            "OR ship_by_warned_at IS NOT NULL))"
        ),
    ),
    # Orders to warn of next, of all stores.
    sa.Index(
        "ix_orders_ship_by_warning",
        "ship_by",
        postgresql_where=sa.text(
            "fulfillment_status IN ('open', 'partially_shipped') AND ship_by_warned_at IS NULL"
        ),
    ),
    # Orders that need action (queries/attention_groups.py): few rows each.
    sa.Index(
        "ix_orders_warned",
        "store_id",
        "ship_by",
        "id",
        postgresql_where=sa.text(
            "fulfillment_status IN ('open', 'partially_shipped') AND ship_by_warned_at IS NOT NULL"
        ),
    ),
    sa.Index(
        "ix_orders_cancel_requested",
        "store_id",
        "created_at",
        "id",
        postgresql_where=sa.text(
            "fulfillment_status IN ('open', 'partially_shipped') AND cancel_requested IS NOT NULL"
        ),
    ),
    sa.Index(
        "ix_orders_unreadable",
        "store_id",
        "created_at",
        "id",
        postgresql_where=sa.text("import_error IS NOT NULL"),
    ),
    # The search by the beginning of a number.
    sa.Index(
        "ix_orders_customer_order_id_begins",
        "store_id",
        "customer_order_id",
        postgresql_ops={"customer_order_id": "text_pattern_ops"},
    ),
    sa.Index(
        "ix_orders_commerce_order_number_begins",
        "store_id",
        "commerce_order_number",
        postgresql_ops={"commerce_order_number": "text_pattern_ops"},
    ),
    sa.Index("ix_orders_commerce_order_id", "store_id", "commerce_order_id"),
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("line_number", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("commerce_item_id", sa.BigInteger),
    # Items of a composite product, as a list of {id, per_unit}; null where there are none.
    sa.Column("commerce_items", JSONB(none_as_null=True)),
    sa.Column("unit_price", sa.Numeric(18, 4)),
    sa.Column("currency", sa.Text),
    # What the line costs beside its units, without tax; null where no charges were read.
    sa.Column("other_charges", sa.Numeric(18, 4)),
    sa.Column("ordered", sa.Integer, nullable=False),
    sa.Column("pending", sa.Integer, nullable=False, server_default="0"),
    sa.Column("shipped", sa.Integer, nullable=False, server_default="0"),
    sa.Column("canceled", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refunded", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id", "order_id", "line_number"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.Index(
        "ix_order_lines_commerce_item_id",
        "store_id",
        "commerce_item_id",
        postgresql_where=sa.text("commerce_item_id IS NOT NULL"),
    ),
    # The last guard against selling a unit twice, whatever the code does.
    sa.CheckConstraint("shipped + canceled + pending <= ordered", name="units_within_ordered"),
    sa.CheckConstraint(
        "pending >= 0 AND shipped >= 0 AND canceled >= 0 AND refunded >= 0 AND ordered > 0",
        name="units_not_negative",
    ),
)

sa.Index(
    "ix_order_lines_sku_begins",
    order_lines.c.store_id,
    sa.func.upper(order_lines.c.sku).label("sku_upper"),
    postgresql_ops={"sku_upper": "text_pattern_ops"},
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True)),
    time("at", default=True),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("actor", sa.Text),
    sa.Column("detail", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.Index("ix_events_order", "store_id", "order_id", "at"),
)


order_counts = sa.Table(
    "order_counts",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "status"),
)

# Changes that are not added to the counts yet; the true count is the sum of both.
order_count_changes = sa.Table(
    "order_count_changes",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "id"),
)
