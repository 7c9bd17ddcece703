"""Index archived stock levels by their queue, made beside the traffic."""

from alembic import op

from migrations import concurrently

revision = "202611260400"
down_revision: str | None = "202611260302"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index: what Commerce said of a SKU is asked for long after it was sent."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_archived_updates_stock",
            "archived_updates",
            ["store_id", "subject"],
            where="kind = 'inventory'",
        )
