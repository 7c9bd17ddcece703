"""The first schema: stores, orders, the outbox and its evidence."""
# squawk: prefer-bigint-over-int: counts of tries, units and stores stay far below 2,147,483,647
# squawk: prefer-bigint-over-smallint: an HTTP status has three digits
# squawk: prefer-text-field: the one varchar is in Alembic's own table

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611231200"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create every table. Migrations only go forward: there is no downgrade."""
    op.create_table(
        "attempts",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("update_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("poller", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column(
            "calls",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_order", "attempts", ["store_id", "order_id"], unique=False)
    op.create_index(
        "ix_attempts_update", "attempts", ["store_id", "update_id", "number"], unique=False
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column(
            "headers",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("body", postgresql.BYTEA(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "store_id", "api_key", "method", "path", "key", name=op.f("pk_idempotency_keys")
        ),
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "stores",
        sa.Column("store_id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("walmart_client_id", sa.Text(), nullable=False),
        sa.Column("walmart_client_secret", postgresql.BYTEA(), nullable=False),
        sa.Column("commerce_base_url", sa.Text(), nullable=True),
        sa.Column("commerce_access_token", postgresql.BYTEA(), nullable=True),
        sa.Column(
            "carriers",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("default_cancellation_reason", sa.Text(), nullable=True),
        sa.Column("default_tracking_url", sa.Text(), nullable=True),
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
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_stores")),
        sa.UniqueConstraint("code", name=op.f("uq_stores_code")),
        sa.UniqueConstraint("id", name=op.f("uq_stores_id")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_api_keys_store_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
    )
    op.create_table(
        "lanes",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"], name=op.f("fk_lanes_store_id")),
        sa.PrimaryKeyConstraint("store_id", "endpoint", name=op.f("pk_lanes")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "orders",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("purchase_order_id", sa.Text(), nullable=False),
        sa.Column("customer_order_id", sa.Text(), nullable=True),
        sa.Column("commerce_order_number", sa.Text(), nullable=True),
        sa.Column("commerce_order_id", sa.BigInteger(), nullable=True),
        sa.Column("fulfillment_status", sa.Text(), server_default="open", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deliver_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ship_method", sa.Text(), nullable=True),
        sa.Column("cancel_requested", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
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
        sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"], name=op.f("fk_orders_store_id")),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "store_id", "purchase_order_id", name=op.f("uq_orders_store_id_purchase_order_id")
        ),
    )
    op.create_index(
        "ix_orders_commerce_order_id", "orders", ["store_id", "commerce_order_id"], unique=False
    )
    op.create_index(
        "ix_orders_commerce_order_number",
        "orders",
        ["commerce_order_number"],
        unique=False,
        postgresql_ops={"commerce_order_number": "text_pattern_ops"},
    )
    op.create_index(
        "ix_orders_customer_order_id",
        "orders",
        ["customer_order_id"],
        unique=False,
        postgresql_ops={"customer_order_id": "text_pattern_ops"},
    )
    op.create_index(
        "ix_orders_ordered_at", "orders", ["store_id", "ordered_at", "id"], unique=False
    )
    op.create_index(
        "ix_orders_purchase_order_id",
        "orders",
        ["purchase_order_id"],
        unique=False,
        postgresql_ops={"purchase_order_id": "text_pattern_ops"},
    )
    op.create_index(
        "ix_orders_ship_by",
        "orders",
        ["store_id", "ship_by", "id"],
        unique=False,
        postgresql_where=sa.text("fulfillment_status IN ('open', 'partially_shipped')"),
    )
    op.create_index(
        "ix_orders_status_ordered_at",
        "orders",
        ["store_id", "status", "ordered_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_updated_at", "orders", ["store_id", "updated_at", "id"], unique=False
    )
    op.create_table(
        "cancellations",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("update_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column(
            "inventory",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"],
            ["orders.store_id", "orders.id"],
            name=op.f("fk_cancellations_store_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_cancellations")),
        sa.UniqueConstraint(
            "store_id", "update_id", name=op.f("uq_cancellations_store_id_update_id")
        ),
    )
    op.create_index(
        "ix_cancellations_order", "cancellations", ["store_id", "order_id"], unique=False
    )
    op.create_table(
        "events",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("update_id", sa.UUID(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"],
            ["orders.store_id", "orders.id"],
            name=op.f("fk_events_store_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_order", "events", ["store_id", "order_id", "at"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("line_number", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("commerce_item_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_price", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("ordered", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("canceled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refunded", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "pending >= 0 AND shipped >= 0 AND canceled >= 0 AND refunded >= 0 AND ordered > 0",
            name=op.f("ck_order_lines_units_not_negative"),
        ),
        sa.CheckConstraint(
            "shipped + canceled + pending <= ordered",
            name=op.f("ck_order_lines_units_within_ordered"),
        ),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"],
            ["orders.store_id", "orders.id"],
            name=op.f("fk_order_lines_store_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("store_id", "order_id", "line_number", name=op.f("pk_order_lines")),
    )
    op.create_index(
        "ix_order_lines_sku",
        "order_lines",
        [sa.literal_column("upper(sku)").label("sku_upper"), "store_id"],
        unique=False,
        postgresql_ops={"sku_upper": "text_pattern_ops"},
    )
    op.create_table(
        "shipments",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("update_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("carrier_code", sa.Text(), nullable=False),
        sa.Column("carrier_title", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("tracking_key", sa.Text(), nullable=False),
        sa.Column("tracking_url", sa.Text(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method_code", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("override_cancel_request", sa.Boolean(), nullable=False),
        sa.Column("walmart_carrier", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"],
            ["orders.store_id", "orders.id"],
            name=op.f("fk_shipments_store_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_shipments")),
        sa.UniqueConstraint("store_id", "number", name=op.f("uq_shipments_store_id_number")),
        sa.UniqueConstraint("store_id", "update_id", name=op.f("uq_shipments_store_id_update_id")),
    )
    op.create_index("ix_shipments_order", "shipments", ["store_id", "order_id"], unique=False)
    op.create_index(
        "ix_shipments_tracking_key",
        "shipments",
        ["tracking_key"],
        unique=False,
        postgresql_ops={"tracking_key": "text_pattern_ops"},
    )
    op.create_index(
        "uq_shipments_reference",
        "shipments",
        ["store_id", "order_id", "reference"],
        unique=True,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_table(
        "updates",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("target", sa.Text(), server_default="walmart", nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("lease_token", sa.UUID(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("ambiguous", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("may_have_left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reads", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_for", sa.Float(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("dismissed_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=True),
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
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'sending') = (lease_token IS NOT NULL AND leased_until IS NOT NULL)",
            name=op.f("ck_updates_lease_while_sending"),
        ),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"],
            ["orders.store_id", "orders.id"],
            name=op.f("fk_updates_store_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_updates")),
        sa.UniqueConstraint(
            "store_id",
            "target",
            "subject",
            "sequence",
            name=op.f("uq_updates_store_id_target_subject_sequence"),
        ),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_updates_created", "updates", ["store_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_updates_due",
        "updates",
        ["store_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("active AND state IN ('pending', 'retrying', 'verifying')"),
    )
    op.create_index(
        "ix_updates_leased",
        "updates",
        ["leased_until"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_updates_order", "updates", ["store_id", "order_id", "sequence"], unique=False
    )
    op.create_index(
        "ix_updates_unfinished",
        "updates",
        ["store_id", "state", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('confirmed', 'dismissed')"),
    )
    op.create_index(
        "uq_updates_active",
        "updates",
        ["store_id", "target", "subject"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
