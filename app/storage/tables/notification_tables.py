"""Errors that a store's people are still to be told of, and how telling them goes.

Triggers write them (the migration 202611260500), in the transaction of the error itself.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from app.storage.tables.base import metadata, time

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
    # update, order or lane; the kind of the update, or the endpoint of the lane.
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    # The update or the order.
    sa.Column("about", UUID(as_uuid=True)),
    time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
)

notification_queues = sa.Table(
    "notification_queues",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    # When the next message may go: a minute after the last, later while it fails.
    time("due_at", default=True),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    time("failing_since"),
    sa.Column("last_error", sa.Text),
    # Errors that nobody was told of, since the last message that arrived.
    sa.Column("given_up", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
