"""Index announcements by their store, and by what they are about, made beside the traffic."""

from alembic import op

from migrations import concurrently

revision = "202611260301"
down_revision: str | None = "202611260300"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the indexes. Pollers of the version before still take events by the older one."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_webhook_events_store",
            "webhook_events",
            ["store_id", "due_at"],
            where="processed_at IS NULL",
        )
        concurrently.make(
            "ix_webhook_events_order", "webhook_events", ["store_id", "purchase_order_id"]
        )
