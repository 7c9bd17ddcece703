"""Index orders that Commerce does not have yet, made beside the traffic."""

from alembic import op

from migrations import concurrently

revision = "202611250201"
down_revision: str | None = "202611250200"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index; an order leaves it once Commerce's number is known."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_orders_without_commerce",
            "orders",
            ["store_id", "ordered_at", "id"],
            where="commerce_order_number IS NULL AND commerce_order_id IS NULL",
        )
