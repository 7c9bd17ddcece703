"""Stores, their notification queues, API keys and the OAuth credentials of some."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

from app.storage.tables.base import EMPTY_LIST, EMPTY_OBJECT, REFERENCE, metadata, sealed, time

stores = sa.Table(
    "stores",
    metadata,
    sa.Column("store_id", sa.Integer, sa.Identity(always=False), primary_key=True),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("walmart_client_id", sa.Text, nullable=False),
    sealed("walmart_client_secret", nullable=False),
    # The secret of the signatures of Walmart's webhooks, and when the subscription began.
    sealed("webhook_secret"),
    time("webhooks_since"),
    sa.Column("commerce_base_url", sa.Text),
    sealed("commerce_access_token"),
    # Whether orders are created in Commerce, with which payment method; the stock to read.
    sa.Column("commerce_push_orders", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("commerce_payment_method", sa.Text),
    sa.Column("commerce_stock_id", sa.Integer),
    # The keys that verify its webhooks; the client ids of its Adobe I/O events.
    sa.Column("commerce_webhook_public_keys", JSONB, nullable=False, server_default=EMPTY_LIST),
    sa.Column("commerce_io_client_ids", JSONB, nullable=False, server_default=EMPTY_LIST),
    sa.Column("carriers", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("default_cancellation_reason", sa.Text),
    sa.Column("default_tracking_url", sa.Text),
    # The address of an order in Commerce's Admin, with {entity_id}.
    sa.Column("admin_order_url", sa.Text),
    # IANA name of the zone of times without one in files. NULL: that of the market.
    sa.Column("time_zone", sa.Text),
    # What chargeAmount of an order line is for: "unit" or "line".
    sa.Column("charge_amount_is", sa.Text, nullable=False, server_default="unit"),
    # Whether they are shared with an older store, since before that was refused.
    sa.Column("account_shared", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("name_shared", sa.Boolean, nullable=False, server_default=sa.text("false")),
    time("created_at", default=True),
    time("updated_at", default=True),
    # The address of error notifications (encrypted: some addresses are secrets), its host to show,
    # and the secret that signs the messages.
    sealed("notify_url"),
    sa.Column("notify_host", sa.Text),
    sealed("notify_secret"),
    # What it is notified of (domain.notification_kind), and the secret of before a rotation, which
    # signs as well until then.
    sa.Column(
        "notify_kinds",
        ARRAY(sa.Text),
        nullable=False,
        server_default=sa.text("'{errors}'::text[]"),
    ),
    sealed("notify_old_secret"),
    time("notify_old_secret_until"),
    sa.UniqueConstraint("id"),
    sa.UniqueConstraint("code"),
    sa.Index(
        "uq_stores_account",
        "market",
        "walmart_client_id",
        unique=True,
        postgresql_where=sa.text("NOT account_shared"),
    ),
    sa.Index(
        "uq_stores_name",
        sa.text("lower(name)"),
        unique=True,
        postgresql_where=sa.text("NOT name_shared"),
    ),
    # Codes and names are unique among all stores, and a cluster knows that of a reference only.
    info={REFERENCE: True},
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    # NULL for a key with OAuth credentials.
    sa.Column("secret_hash", BYTEA),
    sa.Column("store_id", sa.Integer),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    time("created_at", default=True),
    time("revoked_at"),
    time("expires_at"),
    # Written at most once a minute by each process.
    time("last_used_at"),
    # The name of the key or person. NULL: a command on the server.
    sa.Column("created_by", sa.Text),
    time("rotated_at"),
    sa.UniqueConstraint("name"),
    sa.UniqueConstraint("secret_hash"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

# Secrets that a rotation replaced, and until when they work.
replaced_secrets = sa.Table(
    "replaced_secrets",
    metadata,
    sa.Column("secret_hash", BYTEA, primary_key=True),
    sa.Column("key_id", UUID(as_uuid=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"]),
    sa.Index("ix_replaced_secrets_key_id", "key_id"),
)

oauth_credentials = sa.Table(
    "oauth_credentials",
    metadata,
    sa.Column("key_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("consumer_key", sa.Text, nullable=False),
    # Both secrets are encrypted, as a signature is verified with the secrets themselves.
    sealed("consumer_secret", nullable=False),
    sa.Column("access_token", sa.Text, nullable=False),
    sealed("access_token_secret", nullable=False),
    sa.UniqueConstraint("consumer_key"),
    sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"]),
)

# The requests that were signed lately, so that none is accepted twice.
oauth_nonces = sa.Table(
    "oauth_nonces",
    metadata,
    # 0 for a key of every store.
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("key_id", UUID(as_uuid=True), nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    time("used_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "key_id", "timestamp", "nonce"),
    sa.Index("ix_oauth_nonces_used_at", "used_at"),
)

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
    # update, order or lane, or a further kind of notifications; the kind of the update, or the
    # endpoint of the lane.
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    # The update or the order.
    sa.Column("about", UUID(as_uuid=True)),
    time("created_at", default=True),
    # Further values of its message.
    sa.Column("detail", JSONB),
    sa.PrimaryKeyConstraint("store_id", "id"),
)

# Messages that were made of them. At most one of a kind waits to be sent.
notification_messages = sa.Table(
    "notification_messages",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    # How many rows of `notifications` it reports.
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    time("created_at", default=True),
    time("delivered_at"),
    time("given_up_at"),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.Index(
        "ix_notification_messages_waiting",
        "store_id",
        "kind",
        unique=True,
        postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
    ),
    sa.Index("ix_notification_messages_created_at", "created_at"),
)

notification_queues = sa.Table(
    "notification_queues",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    # When the next message is due: a minute after the last one, later after failures.
    time("due_at", default=True),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    time("failing_since"),
    sa.Column("last_error", sa.Text),
    # Errors that were given up since the last message that arrived.
    sa.Column("given_up", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
