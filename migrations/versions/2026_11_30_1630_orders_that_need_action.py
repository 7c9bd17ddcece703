"""Index orders that need action, and open returns."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "202611301630"
down_revision: str | None = "202611301625"
branch_labels: str | None = None
depends_on: str | None = None

_UNSHIPPED = "fulfillment_status IN ('open', 'partially_shipped')"


def upgrade() -> None:
    """Make the indexes; each has few rows, which leave it when they are done."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_orders_attention",
            "orders",
            [
                "store_id",
                sa.text(
                    "COALESCE(\nCASE\n    WHEN fulfillment_status = ANY ("
                    "ARRAY['open', 'partially_shipped']) THEN ship_by\n    ELSE NULL\nEND, "
                    "'9999-12-31 00:00:00+00'::timestamptz)"
                ),
                "id",
            ],
            where=f"status = 'error' OR commerce_open = 'refused' OR ({_UNSHIPPED} AND "
            "(cancel_requested IS NOT NULL OR ship_by_warned_at IS NOT NULL))",
        )
        concurrently.make(
            "ix_returns_open",
            "returns",
            ["store_id", "created_at", "id"],
            where="NOT refunded AND NOT closed",
        )
