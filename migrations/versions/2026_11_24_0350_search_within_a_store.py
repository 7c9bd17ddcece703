"""Search by store: what other stores have is not looked through."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "202611240350"
down_revision: str | None = "202611240341"
branch_labels: str | None = None
depends_on: str | None = None

_OPS = "text_pattern_ops"
_COLUMNS = (
    ("orders", "purchase_order_id"),
    ("orders", "customer_order_id"),
    ("orders", "commerce_order_number"),
    ("shipments", "tracking_key"),
)


def upgrade() -> None:
    """Make each index beside the traffic, then drop the one that it replaces.

    The version before searches without an index from then on until it is gone: slowly.
    """
    with op.get_context().autocommit_block():
        for table, column in _COLUMNS:
            name = f"ix_{table}_{column}_begins"
            concurrently.make(name, table, ["store_id", column], ops={column: _OPS})
        sku = sa.text("upper(sku) text_pattern_ops")
        concurrently.make("ix_order_lines_sku_begins", "order_lines", ["store_id", sku])
        for table, column in (*_COLUMNS, ("order_lines", "sku")):
            concurrently.drop(f"ix_{table}_{column}", table)
