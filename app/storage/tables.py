"""The tables. Every key begins with the store, so that they can be distributed by store.

`store_id` is the store's number (the last 32 bits of every id), four bytes instead of
sixteen in each index. Constraints are named by one convention, because storage translates
their violations into errors by name.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_now = sa.text("now()")
_empty_list = sa.text("'[]'::jsonb")
_empty_object = sa.text("'{}'::jsonb")


def _time(name: str, *, nullable: bool = True, default: bool = False) -> sa.Column[Any]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable and not default,
        server_default=_now if default else None,
    )


stores = sa.Table(
    "stores",
    metadata,
    sa.Column("store_id", sa.Integer, sa.Identity(always=False), primary_key=True),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("walmart_client_id", sa.Text, nullable=False),
    sa.Column("walmart_client_secret", BYTEA, nullable=False),
    sa.Column("commerce_base_url", sa.Text),
    sa.Column("commerce_access_token", BYTEA),
    sa.Column("carriers", JSONB, nullable=False, server_default=_empty_object),
    sa.Column("default_cancellation_reason", sa.Text),
    sa.Column("default_tracking_url", sa.Text),
    _time("created_at", default=True),
    _time("updated_at", default=True),
    sa.UniqueConstraint("id"),
    sa.UniqueConstraint("code"),
)

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
    _time("ordered_at"),
    _time("ship_by"),
    _time("deliver_by"),
    sa.Column("ship_method", sa.Text),
    sa.Column("cancel_requested", JSONB),
    # When people were warned that units must leave soon.
    _time("ship_by_warned_at"),
    _time("last_synced_at"),
    _time("created_at", default=True),
    _time("updated_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "purchase_order_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
    # Newest first, soonest ship-by first, last changed last: the three ways to page.
    sa.Index("ix_orders_ordered_at", "store_id", "ordered_at", "id"),
    sa.Index("ix_orders_status_ordered_at", "store_id", "status", "ordered_at", "id"),
    sa.Index("ix_orders_updated_at", "store_id", "updated_at", "id"),
    sa.Index(
        "ix_orders_ship_by",
        "store_id",
        "ship_by",
        "id",
        postgresql_where=sa.text("fulfillment_status IN ('open', 'partially_shipped')"),
    ),
    # Whom to warn next, across all stores.
    sa.Index(
        "ix_orders_ship_by_warning",
        "ship_by",
        postgresql_where=sa.text(
            "fulfillment_status IN ('open', 'partially_shipped') AND ship_by_warned_at IS NULL"
        ),
    ),
    # q finds by the beginning of a number.
    sa.Index(
        "ix_orders_purchase_order_id",
        "purchase_order_id",
        postgresql_ops={"purchase_order_id": "text_pattern_ops"},
    ),
    sa.Index(
        "ix_orders_customer_order_id",
        "customer_order_id",
        postgresql_ops={"customer_order_id": "text_pattern_ops"},
    ),
    sa.Index(
        "ix_orders_commerce_order_number",
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
    sa.Column("unit_price", sa.Numeric(18, 4)),
    sa.Column("currency", sa.Text),
    sa.Column("ordered", sa.Integer, nullable=False),
    sa.Column("pending", sa.Integer, nullable=False, server_default="0"),
    sa.Column("shipped", sa.Integer, nullable=False, server_default="0"),
    sa.Column("canceled", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refunded", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id", "order_id", "line_number"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    # The last guard against selling a unit twice, whatever the code above it does.
    sa.CheckConstraint("shipped + canceled + pending <= ordered", name="units_within_ordered"),
    sa.CheckConstraint(
        "pending >= 0 AND shipped >= 0 AND canceled >= 0 AND refunded >= 0 AND ordered > 0",
        name="units_not_negative",
    ),
)

sa.Index(
    "ix_order_lines_sku",
    sa.func.upper(order_lines.c.sku).label("sku_upper"),
    order_lines.c.store_id,
    postgresql_ops={"sku_upper": "text_pattern_ops"},
)

updates = sa.Table(
    "updates",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("target", sa.Text, nullable=False, server_default="walmart"),
    # What the update is about: an order's purchase order number, or a SKU. One of a subject
    # is under way at a time for each target.
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("payload", JSONB, nullable=False, server_default=_empty_object),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    # It is this update's turn within its subject.
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # Tries in a row without success: what the backoff and the passing rule look at.
    sa.Column("retries", sa.Integer, nullable=False, server_default="0"),
    _time("due_at", default=True),
    sa.Column("lease_token", UUID(as_uuid=True)),
    _time("leased_until"),
    sa.Column("leased_by", sa.Text),
    # An earlier try may have landed: read Walmart before anything is sent.
    sa.Column("ambiguous", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # When the last byte of an unclear write may have left; the quiet period counts from here.
    _time("may_have_left_at"),
    sa.Column("reads", sa.Integer, nullable=False, server_default="0"),
    # Seconds of tries that reached Walmart and failed, for giving up.
    sa.Column("failing_for", sa.Float, nullable=False, server_default="0"),
    _time("failing_since"),
    sa.Column("last_error", JSONB),
    sa.Column("dismissed_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("requested_by", sa.Text),
    # Its order must be shipped soon or is late: it goes before the others of its store.
    sa.Column("urgent", sa.Boolean, nullable=False, server_default=sa.text("false")),
    _time("created_at", default=True),
    _time("updated_at", default=True),
    _time("finished_at"),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "target", "subject", "sequence"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.CheckConstraint(
        "(state = 'sending') = (lease_token IS NOT NULL AND leased_until IS NOT NULL)",
        name="lease_while_sending",
    ),
    # Two pollers can never work on one order: the database refuses the second.
    sa.Index(
        "uq_updates_active",
        "store_id",
        "target",
        "subject",
        unique=True,
        postgresql_where=sa.text("active"),
    ),
    # Open rows only, so that claiming costs the same after a million finished ones; by what
    # decides which of Walmart's endpoints is called first, so that a paused one costs nothing.
    sa.Index(
        "ix_updates_lane",
        "store_id",
        "kind",
        "ambiguous",
        "urgent",
        "due_at",
        "id",
        postgresql_where=sa.text("active AND state IN ('pending', 'retrying', 'verifying')"),
    ),
    sa.Index("ix_updates_leased", "leased_until", postgresql_where=sa.text("state = 'sending'")),
    sa.Index("ix_updates_order", "store_id", "order_id", "sequence"),
    sa.Index("ix_updates_created", "store_id", "created_at", "id"),
    sa.Index(
        "ix_updates_unfinished",
        "store_id",
        "state",
        "created_at",
        "id",
        postgresql_where=sa.text("state NOT IN ('confirmed', 'dismissed')"),
    ),
    postgresql_with={"fillfactor": "70"},
)

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True), nullable=False),
    # Commerce knows shipments by an integer; unique in the store because it is so everywhere.
    sa.Column("number", sa.BigInteger, sa.Identity(always=False), nullable=False),
    sa.Column("carrier_code", sa.Text, nullable=False),
    sa.Column("carrier_title", sa.Text),
    sa.Column("tracking_number", sa.Text, nullable=False),
    sa.Column("tracking_key", sa.Text, nullable=False),
    sa.Column("tracking_url", sa.Text),
    _time("shipped_at", nullable=False),
    sa.Column("method_code", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("override_cancel_request", sa.Boolean, nullable=False),
    sa.Column("walmart_carrier", JSONB, nullable=False),
    # A list of orders.Item: line_number, quantity, confirmed, reserved.
    sa.Column("items", JSONB, nullable=False),
    # When Walmart first confirmed a unit of it; corrections of tracking are timed from there.
    _time("first_confirmed_at"),
    _time("created_at", default=True),
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
        "ix_shipments_tracking_key",
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
    sa.Column("inventory", JSONB, nullable=False, server_default=_empty_list),
    sa.Column("items", JSONB, nullable=False),
    _time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "update_id"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.Index("ix_cancellations_order", "store_id", "order_id"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("poller", sa.Text, nullable=False),
    _time("started_at", nullable=False),
    _time("ended_at", nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    # Each call to Walmart of this try: what was sent (redacted), what came back.
    sa.Column("calls", JSONB, nullable=False, server_default=_empty_list),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.Index("ix_attempts_update", "store_id", "update_id", "number"),
    sa.Index("ix_attempts_order", "store_id", "order_id"),
    # What is oldest leaves first.
    sa.Index("ix_attempts_ended_at", "ended_at"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True)),
    _time("at", default=True),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("actor", sa.Text),
    sa.Column("detail", JSONB, nullable=False, server_default=_empty_object),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.Index("ix_events_order", "store_id", "order_id", "at"),
)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # The Walmart operation, or "*" for every one of the store's.
    sa.Column("endpoint", sa.Text, nullable=False),
    # In the past while it is open.
    _time("paused_until", nullable=False),
    # Why it stands still, or did last; empty while all is well.
    sa.Column("reason", sa.Text, nullable=False),
    _time("since", default=True),
    # Calls left by Walmart's last header, and when it said that one more comes; null where
    # Walmart's answers do not say.
    sa.Column("tokens", sa.Integer),
    _time("replenish_at"),
    # When the answer came that the count is from.
    _time("seen_at"),
    # Whether Walmart has ever answered here; until then few calls go out at once.
    sa.Column("answered", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # Calls in a row without a proper answer; from orders/lane.py's BREAK_AFTER on the lane is
    # broken, and after each pause a single call tries whether it works again.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id", "endpoint"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
    postgresql_with={"fillfactor": "50"},
)

reconciliations = sa.Table(
    "reconciliations",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    _time("started_at", default=True),
    # While somebody is at it.
    _time("leased_until"),
    _time("finished_at"),
    sa.Column("orders", sa.Integer, nullable=False, server_default="0"),
    sa.Column("repaired", sa.Integer, nullable=False, server_default="0"),
    # What was left to a person, by cause.
    sa.Column("drift", JSONB, nullable=False, server_default=_empty_object),
    sa.Column("stopped", sa.Text),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("secret_hash", BYTEA, nullable=False),
    sa.Column("store_id", sa.Integer),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    _time("created_at", default=True),
    _time("revoked_at"),
    sa.UniqueConstraint("name"),
    sa.UniqueConstraint("secret_hash"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    # 0 for a request that belongs to no store yet.
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("api_key", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("headers", JSONB, nullable=False, server_default=_empty_object),
    sa.Column("body", BYTEA, nullable=False),
    _time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "api_key", "method", "path", "key"),
    sa.Index("ix_idempotency_keys_created_at", "created_at"),
)
