"""How far each store's import of Walmart's orders is, and who is at it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from app.storage.tables.base import metadata, time

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    time("started_at", default=True),
    # While somebody is at it.
    sa.Column("lease_token", UUID(as_uuid=True)),
    time("leased_until"),
    time("finished_at"),
    # What Walmart changed until then has been read to the end.
    time("read_until"),
    # The same of returns.
    time("returns_until"),
    # Of the last run: orders that were listed, and those that could not be read.
    sa.Column("orders", sa.Integer, nullable=False, server_default="0"),
    # Of all runs.
    sa.Column("imported", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"),
    # Of what came in by polling, what Walmart should have announced.
    sa.Column("missed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unreadable", sa.Integer, nullable=False, server_default="0"),
    # Why the last run broke off.
    sa.Column("stopped", sa.Text),
    # When there is more to read before the next interval is over.
    time("resume_at"),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

import_places = sa.Table(
    "import_places",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # One of Walmart's lists, as `app/storage/imports/cursors.py` names them.
    sa.Column("list", sa.Text, nullable=False),
    # What changed until then is settled, whatever the list shows late.
    time("read_until"),
    # The window that is being read, since when, and the next page of it.
    time("since"),
    time("until"),
    time("begun_at"),
    sa.Column("cursor", sa.Text),
    sa.Column("pages", sa.Integer, nullable=False, server_default="0"),
    # Smaller than usual where an answer was too large.
    sa.Column("page_size", sa.Integer),
    # Runs in a row that got no page.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    # Why the last one broke off.
    sa.Column("stopped", sa.Text),
    sa.PrimaryKeyConstraint("store_id", "list"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)

# Orders that Walmart lists and that could not be read by themselves.
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
