"""Find returns by any of their numbers, and refunds by what they repeat, beside the traffic."""

from alembic import op

from migrations import concurrently

revision = "202611260402"
down_revision: str | None = "202611260401"
branch_labels: str | None = None
depends_on: str | None = None

_OPS = "text_pattern_ops"


def upgrade() -> None:
    """Make the indexes; that on purchase orders also finds the returns of an order."""
    with op.get_context().autocommit_block():
        for column in ("return_order_id", "purchase_order_id", "customer_order_id"):
            name = f"ix_returns_{column}_begins"
            concurrently.make(name, "returns", ["store_id", column], ops={column: _OPS})
        concurrently.make(
            "ix_returns_unreadable",
            "returns",
            ["store_id", "id"],
            where="import_error IS NOT NULL",
        )
        concurrently.make(
            "ix_refunds_reference",
            "refunds",
            ["store_id", "order_id", "reference"],
            where="reference IS NOT NULL",
        )
