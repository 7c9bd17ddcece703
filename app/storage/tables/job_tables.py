"""Jobs: one act on all that a filter finds, carried out by the pollers in batches."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import EMPTY_LIST, EMPTY_OBJECT, metadata, time

jobs = sa.Table(
    "jobs",
    metadata,
    # 0 for a job over all stores.
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    # What it acts on: a filter of updates or of orders, or ids.
    sa.Column("selection", JSONB, nullable=False),
    sa.Column("options", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("actor", sa.Text, nullable=False),
    # The request that made it: key, address, ids. NULL for jobs of older versions.
    sa.Column("origin", JSONB),
    sa.Column("state", sa.Text, nullable=False, server_default="queued"),
    # How many orders or updates matched when it began. NULL before.
    sa.Column("total", sa.BigInteger),
    sa.Column("done", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("succeeded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refused", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("skipped", sa.BigInteger, nullable=False, server_default="0"),
    # Each result with its count, its explanation and some of its ids.
    sa.Column("results", JSONB, nullable=False, server_default=EMPTY_LIST),
    # The batch that a poller has begun: what it acts on. NULL between two batches.
    sa.Column("batch", JSONB),
    # The key of the last row of the last batch. NULL before the first, and in the last one.
    sa.Column("position", JSONB),
    # Batches in a row that did not end.
    sa.Column("tries", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    time("due_at", default=True),
    sa.Column("lease_token", UUID(as_uuid=True)),
    time("leased_until"),
    time("created_at", default=True),
    time("updated_at", default=True),
    time("started_at"),
    time("finished_at"),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.CheckConstraint("state IN ('queued', 'running', 'finished', 'failed')", name="state"),
    sa.Index("ix_jobs_due", "due_at", postgresql_where=sa.text("state IN ('queued', 'running')")),
    # The oldest is deleted first.
    sa.Index("ix_jobs_finished_at", "finished_at"),
)
