"""Index what Commerce's clients name by an integer: refunds, and the items of lines."""

from alembic import op

from migrations import concurrently

revision = "202611301400"
down_revision: str | None = "202611301300"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the indexes."""
    with op.get_context().autocommit_block():
        concurrently.make("ix_refunds_number", "refunds", ["store_id", "number"], unique=True)
        concurrently.make("ix_refunds_order", "refunds", ["store_id", "order_id"])
        concurrently.make(
            "ix_order_lines_commerce_item_id",
            "order_lines",
            ["store_id", "commerce_item_id"],
            where="commerce_item_id IS NOT NULL",
        )
