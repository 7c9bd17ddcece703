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
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
