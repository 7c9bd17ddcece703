"""Index Walmart's events by store, for the time of the last one."""

from alembic import op

from migrations import concurrently

revision = "202611301611"
down_revision: str | None = "202611301610"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_webhook_events_received", "webhook_events", ["store_id", "received_at"]
        )
