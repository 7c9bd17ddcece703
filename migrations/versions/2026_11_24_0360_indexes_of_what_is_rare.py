"""Indexes for lists of what is rare among much: made beside the traffic.

None has an entry of an accepted shipment, so accepting pays for none of them.
"""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "202611240360"
down_revision: str | None = "202611240350"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make each of the three."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_orders_status_updated_at",
            "orders",
            ["store_id", "status", "updated_at", "id"],
            where="status <> 'open'",
        )
        concurrently.make(
            "ix_updates_code",
            "updates",
            ["store_id", sa.text("(last_error ->> 'code')"), "created_at", "id"],
            where="last_error IS NOT NULL",
        )
        concurrently.make(
            "ix_updates_rare_kinds",
            "updates",
            ["store_id", "kind", "created_at", "id"],
            where="kind NOT IN ('shipment', 'acknowledgement')",
        )
