"""Indexes that hold what each list shows in the list's own order, made beside the traffic.

With those that the next two revisions drop, an accepted shipment writes as many as before.
"""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "202611260100"
down_revision: str | None = "202611250700"
branch_labels: str | None = None
depends_on: str | None = None

_WITHOUT_COMMERCE = "(commerce_order_number IS NULL AND commerce_order_id IS NULL)"


def upgrade() -> None:
    """Make each of the eight."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "uq_orders_purchase_order_id",
            "orders",
            ["store_id", "purchase_order_id"],
            ops={"purchase_order_id": "text_pattern_ops"},
            unique=True,
        )
        concurrently.make(
            "ix_orders_without_commerce_newest",
            "orders",
            ["store_id", "status", "ordered_at", "id"],
            where=_WITHOUT_COMMERCE,
        )
        concurrently.make(
            "ix_orders_changed",
            "orders",
            ["store_id", sa.text(_WITHOUT_COMMERCE), "status", "updated_at", "id"],
        )
        concurrently.make(
            "ix_orders_leaving",
            "orders",
            ["store_id", sa.text(_WITHOUT_COMMERCE), "status", "ship_by", "id"],
            where="fulfillment_status IN ('open', 'partially_shipped')",
        )
        concurrently.make(
            "ix_updates_state", "updates", ["store_id", "state", "kind", "created_at", "id"]
        )
        concurrently.make(
            "ix_updates_failed",
            "updates",
            ["store_id", "created_at", "id"],
            where="state = 'failed'",
        )
        concurrently.make(
            "ix_updates_error",
            "updates",
            ["store_id", sa.text("(last_error ->> 'code')"), "state", "kind", "created_at", "id"],
            where="last_error IS NOT NULL",
        )
        concurrently.make(
            "ix_returns_newest",
            "returns",
            [
                "store_id",
                "refunded",
                sa.text("coalesce(requested_at, '0001-01-01 00:00:00+00'::timestamptz)"),
                "id",
            ],
        )
