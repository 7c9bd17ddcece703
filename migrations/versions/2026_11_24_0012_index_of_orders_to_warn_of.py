"""Index the orders whose ship-by time nobody was warned of, made beside the traffic."""

import sqlalchemy as sa
from alembic import op

revision = "202611240012"
down_revision: str | None = "202611240011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index that the ship-by clock looks into."""
    with op.get_context().autocommit_block():
        # What a try left behind that broke off is invalid and would never be used.
        op.drop_index(
            "ix_orders_ship_by_warning", "orders", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_orders_ship_by_warning",
            "orders",
            ["ship_by"],
            postgresql_where=sa.text(
                "fulfillment_status IN ('open', 'partially_shipped') AND ship_by_warned_at IS NULL"
            ),
            if_not_exists=True,
            postgresql_concurrently=True,
        )
