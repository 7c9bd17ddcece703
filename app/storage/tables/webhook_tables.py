"""What Walmart announces: kept until it was looked at, and a while longer to know it again."""

import sqlalchemy as sa

from app.storage.tables.base import metadata, time

webhook_events = sa.Table(
    "webhook_events",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # Walmart's own id of the event.
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("purchase_order_id", sa.Text),
    sa.Column("return_order_id", sa.Text),
    time("received_at", default=True),
    # When it is looked at, again if need be.
    time("due_at", default=True),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    time("processed_at"),
    # What came of it.
    sa.Column("outcome", sa.Text),
    sa.PrimaryKeyConstraint("store_id", "event_id"),
    # Of the versions before 2026-11-26, which may work beside this one for a while.
    sa.Index("ix_webhook_events_due", "due_at", postgresql_where=sa.text("processed_at IS NULL")),
    sa.Index(
        "ix_webhook_events_store",
        "store_id",
        "due_at",
        postgresql_where=sa.text("processed_at IS NULL"),
    ),
    sa.Index("ix_webhook_events_order", "store_id", "purchase_order_id"),
    sa.Index("ix_webhook_events_received_at", "received_at"),
)

# What polling found first, and Walmart should announce.
webhooks_expected = sa.Table(
    "webhooks_expected",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # Of the order or of the return.
    sa.Column("number", sa.Text, nullable=False),
    time("seen_at", default=True),
    # An event that came before then was about something else.
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "number"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
