"""Imports: leases, cursors, retries, and the webhook inbox."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from app.storage.tables.base import metadata, time

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    time("started_at", default=True),
    # The lease of a run.
    sa.Column("lease_token", UUID(as_uuid=True)),
    time("leased_until"),
    time("finished_at"),
    # Everything that changed before this time has been read.
    time("read_until"),
    # The same of returns.
    time("returns_until"),
    # Orders that the last run listed; `unreadable` counts those that it could not read.
    sa.Column("orders", sa.Integer, nullable=False, server_default="0"),
    # Totals of all runs.
    sa.Column("imported", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"),
    # Changes that polling found and that Walmart should have sent an event of.
    sa.Column("missed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unreadable", sa.Integer, nullable=False, server_default="0"),
    # Why the last run broke off.
    sa.Column("stopped", sa.Text),
    # When the run may continue, if that is before the next interval.
    time("resume_at"),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

import_places = sa.Table(
    "import_places",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # A list of Walmart (`domain/imports/cursor.py`).
    sa.Column("list", sa.Text, nullable=False),
    # Changes before this time are read, even those that the list shows late.
    time("read_until"),
    # The window that is being read, when that began, and the next page.
    time("since"),
    time("until"),
    time("begun_at"),
    sa.Column("cursor", sa.Text),
    sa.Column("pages", sa.Integer, nullable=False, server_default="0"),
    # Smaller than usual after an answer that was too large.
    sa.Column("page_size", sa.Integer),
    # Runs in a row that got no page.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    # Why the last one broke off.
    sa.Column("stopped", sa.Text),
    sa.PrimaryKeyConstraint("store_id", "list"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

# Orders that Walmart lists and that could not be read.
import_retries = sa.Table(
    "import_retries",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("purchase_order_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="1"),
    time("first_at", default=True),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "purchase_order_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)


webhook_events = sa.Table(
    "webhook_events",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # Walmart's id of the event.
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("purchase_order_id", sa.Text),
    sa.Column("return_order_id", sa.Text),
    time("received_at", default=True),
    # When it is handled, or handled again.
    time("due_at", default=True),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    time("processed_at"),
    # The result of handling it.
    sa.Column("outcome", sa.Text),
    sa.PrimaryKeyConstraint("store_id", "event_id"),
    # For versions before 2026-11-26, which may run beside this one for a while.
    sa.Index("ix_webhook_events_due", "due_at", postgresql_where=sa.text("processed_at IS NULL")),
    sa.Index(
        "ix_webhook_events_store",
        "store_id",
        "due_at",
        postgresql_where=sa.text("processed_at IS NULL"),
    ),
    sa.Index("ix_webhook_events_order", "store_id", "purchase_order_id"),
    sa.Index("ix_webhook_events_received_at", "received_at"),
    # The last event of a store.
    sa.Index("ix_webhook_events_received", "store_id", "received_at"),
)

# Changes that polling found first, and that Walmart should send an event of.
webhooks_expected = sa.Table(
    "webhooks_expected",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # The number of the order or return.
    sa.Column("number", sa.Text, nullable=False),
    time("seen_at", default=True),
    # An earlier event was about another change.
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "number"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
